"""Senders of alerts with their documented habits: when they speak, what they repeat, and when they give up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any, Protocol
from zlib import crc32

from tests.simulation.clock import Event, VirtualClock
from tests.simulation.door import Door, Key, Said
from tests.simulation.stack import ACCOUNT, REGION

NEVER = datetime.min.replace(tzinfo=UTC)


class Sender(Protocol):
    """A monitoring system: it is told what is true, and tells the stack in its own way."""

    def change(self, name: str, host: str, firing: bool, severity: str, environment: str = "prod") -> None:
        """Let an alert fire or end, as its condition in the world does."""


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class _Stamps:
    """The times on a sender's messages, to the millisecond: no two changes of state have the same."""

    last: datetime = NEVER

    def next(self, now: datetime) -> datetime:
        """Return the time of a change that happens now."""
        self.last = max(now.replace(microsecond=now.microsecond // 1000 * 1000), self.last + timedelta(milliseconds=1))
        return self.last


@dataclass
class _Courier:
    """Tries a delivery again and again."""

    clock: VirtualClock
    door: Door

    def deliver(
        self, source: str, payload: Any, said: Sequence[Said], pauses: Sequence[float], done: Any = None
    ) -> None:
        """POST, and without an answer or on a 5xx again after each pause. `done` is told whether it was taken."""
        status = self.door.post(source, payload, said)
        taken = status is not None and 200 <= status < 300
        retryable = status is None or status >= 500
        if taken or not retryable or not pauses:
            if done:
                done(taken)
            return
        self.clock.after(
            pauses[0], lambda: self.deliver(source, payload, said, pauses[1:], done), f"{source} tries again"
        )


@dataclass
class _Alert:
    severity: str
    environment: str
    began: datetime
    ended: datetime | None = None


@dataclass
class Alertmanager:
    """Alertmanager: it groups by name, waits, repeats, tells of a group's resolved alerts once, and retries a flush
    until the next one.

    Parameters
    ----------
    twin
        The share of notifications that the other one of a pair sends as well.
    """

    clock: VirtualClock
    door: Door
    random: Random
    group_wait: float = 10
    group_interval: float = 60
    repeat_interval: float = 1800
    twin: float = 0.0
    skew: timedelta = timedelta(0)
    _groups: dict[str, dict[str, _Alert]] = field(default_factory=dict)
    _notified: dict[str, set[str]] = field(default_factory=dict)
    _notified_at: dict[str, datetime] = field(default_factory=dict)
    _timers: dict[str, Event] = field(default_factory=dict)
    _began: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _labels: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    """The severity and the environment that a rule gave a host's alert first: with others it would be another alert."""

    def change(self, name: str, host: str, firing: bool, severity: str, environment: str = "prod") -> None:
        """Let an alert fire or end. It has one start for as long as it fires, and its labels for good."""
        group, now = self._groups.setdefault(name, {}), self.clock.now() + self.skew
        severity, environment = self._labels.setdefault((name, host), (severity, environment))
        known = group.get(host)
        if firing and (known is None or known.ended is not None):
            group[host] = _Alert(severity, environment, now)
            self._began[name, host] = now
        elif not firing and known is not None and known.ended is None:
            known.ended = now
        if name not in self._timers:
            self._timers[name] = self.clock.after(self.group_wait, lambda: self._flush(name), f"{name} is flushed")

    def gap(self, name: str, host: str, seconds: float) -> None:
        """Lose Prometheus for a time: the alert ends by itself, and comes back with the same start."""
        known = self._groups.get(name, {}).get(host)
        if known is None or known.ended is not None:
            return
        known.ended = self.clock.now() + self.skew

        def back() -> None:
            again = self._groups.setdefault(name, {})
            # An episode that began and ended meanwhile was seen, so that the old start is forgotten.
            ended = host not in again or again[host].ended is not None
            if ended and self._began[name, host] == known.began:
                again[host] = _Alert(known.severity, known.environment, known.began)
                self._timers.setdefault(
                    name, self.clock.after(self.group_wait, lambda: self._flush(name), f"{name} is flushed")
                )

        self.clock.after(seconds, back, f"{name} is seen again")

    def _flush(self, name: str) -> None:
        group, now = self._groups[name], self.clock.now()
        notified = self._notified.setdefault(name, set())
        firing = {host for host, alert in group.items() if alert.ended is None}
        ended = {host for host, alert in group.items() if alert.ended is not None and host in notified}
        for host in [host for host, alert in group.items() if alert.ended is not None and host not in notified]:
            del group[host]  # nobody heard of it
        last = self._notified_at.get(name)
        repeats = bool(firing) and last is not None and (now - last).total_seconds() >= self.repeat_interval
        if firing - notified or ended or repeats:
            self._notify(name, sorted(firing), sorted(ended))
        if group:
            timer = self.clock.after(self.group_interval, lambda: self._flush(name), f"{name} is flushed")
            self._timers[name] = timer
        else:
            self._timers.pop(name, None)

    def _notify(self, name: str, firing: Sequence[str], ended: Sequence[str]) -> None:
        group = self._groups[name]
        alerts = {host: group[host] for host in [*firing, *ended]}
        payload = {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{name}"}}',
            "status": "firing" if firing else "resolved",
            "receiver": "firstline",
            "groupLabels": {"alertname": name},
            "commonLabels": {"alertname": name},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager",
            "alerts": [_prometheus(name, host, alert) for host, alert in alerts.items()],
        }
        said = [
            Said(
                Key("prometheus", name, host),
                alert.ended is None,
                alert.severity,
                alert.ended or alert.began,
                alert.began,
                alert.environment,
            )
            for host, alert in alerts.items()
        ]

        def done(taken: bool) -> None:
            if taken:
                self._notified[name] = set(firing)
                self._notified_at[name] = self.clock.now()
                for host in ended:
                    if group.get(host) is alerts[host]:
                        del group[host]

        growing = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0)
        pauses = [
            pause for pause, until in zip(growing, accumulate(growing), strict=True) if until < self.group_interval
        ]
        courier = _Courier(self.clock, self.door)
        courier.deliver("prometheus", payload, said, pauses, done)
        if self.random.random() < self.twin:
            self.clock.after(
                self.random.uniform(0, 15),
                lambda: courier.deliver("prometheus", payload, said, pauses),
                f"{name}: twin",
            )


def _prometheus(name: str, host: str, alert: _Alert) -> Mapping[str, Any]:
    labels = {
        "alertname": name,
        "severity": alert.severity,
        "instance": f"{host}:9100",
        "env": alert.environment,
        "service": "shop",
    }
    return {
        "status": "firing" if alert.ended is None else "resolved",
        "labels": labels,
        "annotations": {"summary": f"{name} on {host}"},
        "startsAt": _iso(alert.began),
        "endsAt": _iso(alert.ended) if alert.ended else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus",
    }


@dataclass
class CloudWatch:
    """CloudWatch alarms through EventBridge: each change of state is said once."""

    clock: VirtualClock
    door: Door
    random: Random
    states: dict[str, str] = field(default_factory=dict)
    _began: dict[str, datetime] = field(default_factory=dict)
    _stamps: _Stamps = field(default_factory=_Stamps)

    def change(self, name: str, host: str, firing: bool, severity: str, environment: str = "prod") -> None:
        """Change the state of an alarm."""
        before, after = self.states.get(name, "OK"), "ALARM" if firing else "OK"
        if before == after:
            return
        self.states[name], now = after, self._stamps.next(self.clock.now())
        if firing:
            self._began[name] = now
        arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"
        event = {
            "version": "0",
            "id": f"{name}-{now.timestamp()}",
            "detail-type": "CloudWatch Alarm State Change",
            "source": "aws.cloudwatch",
            "account": ACCOUNT,
            "time": _iso(now),
            "region": REGION,
            "resources": [arn],
            "detail": {
                "alarmName": name,
                "configuration": {"description": f"severity: {severity}", "metrics": []},
                "previousState": {"value": before},
                "state": {"value": after, "timestamp": _iso(now).replace("Z", "+0000"), "reason": "Threshold"},
            },
        }
        said = [Said(Key("cloudwatch", name, ""), firing, severity, now, self._began[name])]
        self.clock.after(self.random.uniform(0, 3), lambda: self.door.event(event, said), f"{name} is {after}")


@dataclass
class Datadog:
    """Datadog's webhook: each transition once, with a few quick retries."""

    clock: VirtualClock
    door: Door
    random: Random
    _firing: set[tuple[str, str]] = field(default_factory=set)
    _began: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _stamps: _Stamps = field(default_factory=_Stamps)

    def change(self, name: str, host: str, firing: bool, severity: str, environment: str = "prod") -> None:
        """Trigger or recover a monitor for a host."""
        place = (name, host)
        if firing == (place in self._firing):
            return
        now = self._stamps.next(self.clock.now())
        (self._firing.add if firing else self._firing.discard)(place)
        if firing:
            self._began[place] = now
        payload = {
            "title": name,
            "alert_transition": "Triggered" if firing else "Recovered",
            "alert_type": "error" if firing else "success",
            "alert_priority": {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}[severity],
            "last_updated": str(int(now.timestamp() * 1000)),
            "alert_id": str(crc32(name.encode())),
            "alert_scope": f"host:{host},service:shop,env:{environment}",
            "hostname": host,
            "tags": f"service:shop,env:{environment}",
        }
        said = [Said(Key("datadog", name, host), firing, severity, now, self._began[place], environment)]
        courier = _Courier(self.clock, self.door)
        self.clock.after(
            self.random.uniform(0, 2),
            lambda: courier.deliver("datadog", payload, said, (5, 10, 20)),
            f"{name} at {host}",
        )


@dataclass
class PagerDutyV3:
    """PagerDuty's webhook about incidents that others opened there: retried on 5xx, dropped on 4xx."""

    clock: VirtualClock
    door: Door
    random: Random
    _open: dict[str, datetime] = field(default_factory=dict)
    _stamps: _Stamps = field(default_factory=_Stamps)

    def change(self, name: str, host: str, firing: bool, severity: str, environment: str = "prod") -> None:
        """Open or resolve an incident with this title."""
        if firing == (name in self._open):
            return
        now = self._stamps.next(self.clock.now())
        began = self._open.setdefault(name, now)
        if not firing:
            del self._open[name]
        payload = pagerduty_event(
            "triggered" if firing else "resolved", now, id=f"Q{crc32(name.encode())}", title=name, urgency=severity
        )
        said = [Said(Key("pagerduty", name, ""), firing, severity, now, began)]
        courier = _Courier(self.clock, self.door)
        pauses = (2, 10, 60, 300, 300, 600)
        self.clock.after(
            self.random.uniform(0, 2), lambda: courier.deliver("pagerduty", payload, said, pauses), f"PagerDuty: {name}"
        )


def pagerduty_event(
    kind: str, at: datetime, *, id: str, title: str = "", urgency: str = "high", key: str = "", agent: Any = None
) -> dict[str, Any]:
    """Return a webhook of version 3 about an incident."""
    data: dict[str, Any] = {"id": id, "type": "incident", "status": kind, "title": title, "created_at": _iso(at)}
    data |= {"urgency": "high" if urgency in ("high", "critical") else "low", "incident_key": key or None}
    data |= {"service": {"summary": "shop", "type": "service_reference"}}
    if urgency in ("critical", "high", "medium", "low"):
        priority = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}[urgency]
        data["priority"] = {"summary": priority}
    event = {"id": f"E-{id}-{kind}-{at.timestamp()}", "event_type": f"incident.{kind}", "occurred_at": _iso(at)}
    return {"event": event | {"resource_type": "incident", "agent": agent, "data": data}}


@dataclass
class Generic:
    """A script with curl: it retries for about a minute; its severity may change while it fires.

    Parameters
    ----------
    repeat
        Says again each so many seconds what still fires; 0 means never.
    """

    clock: VirtualClock
    door: Door
    random: Random
    repeat: float = 0
    skew: timedelta = timedelta(0)
    _firing: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)

    def change(self, name: str, host: str, firing: bool, severity: str, environment: str = "prod") -> None:
        """Send an alert, or its end."""
        place, now = (name, host), self.clock.now() + self.skew
        known = self._firing.get(place)
        if not firing and known is None:
            return
        if firing:
            began = known[1] if known else now
            self._firing[place] = severity, began
        else:
            assert known is not None
            severity, began = known
            del self._firing[place]
        self._send(name, host, firing, severity, environment, began)
        if firing and self.repeat and known is None:
            self._say_again(name, host, environment, began)

    def _say_again(self, name: str, host: str, environment: str, began: datetime) -> None:
        def again() -> None:
            known = self._firing.get((name, host))
            if known is not None and known[1] == began:
                self._send(name, host, True, known[0], environment, began)
                self._say_again(name, host, environment, began)

        self.clock.after(self.repeat, again, f"{name} at {host} is said again")

    def _send(self, name: str, host: str, firing: bool, severity: str, environment: str, began: datetime) -> None:
        now = self.clock.now() + self.skew
        alert = {
            "alert_name": name,
            "severity": severity,
            "status": "firing" if firing else "resolved",
            "message": f"{name} on {host}",
            "host": host,
            "environment": environment,
            "service": "shop",
            "timestamp": _iso(now),
        }
        if not firing:
            alert["ends_at"] = _iso(now)
        # A script's resolve names no episode: the order of receipt counts.
        said = [Said(Key("generic", name, host), firing, severity, now, began if firing else now, environment)]
        courier = _Courier(self.clock, self.door)
        delay = self.random.uniform(0, 1)
        self.clock.after(
            delay, lambda: courier.deliver("generic", alert, said, (1, 2, 4, 8, 16, 32)), f"{name} at {host}"
        )
