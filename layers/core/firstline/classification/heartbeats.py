"""Heartbeats: alerts that fire to show that alerting works. Their absence is what somebody has to hear of. Pure."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime

from firstline.classification.maintenance import Bound, Id, Reason
from firstline.classification.match import AlertMatch
from firstline.durations import Duration, between, spoken
from firstline.models import Frozen, NormalizedAlert


class Heartbeat(Frozen):
    """What is expected of some heartbeats: how often they come, and how bad it is when they don't.

    One of them may be missed: a heartbeat is absent when nothing has come for twice `every`. A heartbeat that was never
    seen is not missed, unless it is `required`.
    """

    id: Id
    match: AlertMatch
    reason: Reason
    every: Annotated[Duration, between(timedelta(minutes=1), timedelta(days=2))] = timedelta(hours=4)
    severity: Bound = "critical"
    required: bool = False

    @property
    def patience(self) -> timedelta:
        """How long nothing may come."""
        return 2 * self.every


class Pulse(Frozen):
    """One heartbeat as the table knows it. `key` names it: the same labels are the same heartbeat.

    `absent_since` is set while the incident about its absence is open, as far as the audit knows.
    """

    key: str
    alert: NormalizedAlert
    beat_at: AwareDatetime
    resolved_at: AwareDatetime | None = None
    absent_since: AwareDatetime | None = None


def absent_since(pulse: Pulse, expected: Heartbeat, now: datetime, *, watched_since: datetime) -> datetime | None:
    """Since when it is absent; None when it is not.

    Parameters
    ----------
    watched_since
        Since when somebody has looked without a gap. While nobody could look, beats may have been lost with everything
        else, so the patience begins then.
    """
    if pulse.resolved_at is not None and pulse.resolved_at > pulse.beat_at:
        return pulse.resolved_at
    late = max(pulse.beat_at, watched_since) + expected.patience
    return late if now >= late else None


def absence(pulse: Pulse, expected: Heartbeat, since: datetime, now: datetime) -> NormalizedAlert:
    """The alert about an absence: the same each time, so that saying it again changes nothing."""
    alert = pulse.alert
    if pulse.resolved_at == since:
        what = f"{_called(alert)} was resolved, and it should always fire"
    else:
        what = f"{_called(alert)} has been silent for {spoken(now - pulse.beat_at)}; it comes every {_often(expected)}"
    return alert.model_copy(
        update={
            "source": "firstline",
            "alert_name": f"{alert.alert_name[:240]} is absent",
            "severity": expected.severity,
            "severity_stated": True,
            "message": f"{what}. While it is, alerts may not arrive. {expected.reason}"[:4_000],
            "timestamp": since,
            "status": "firing",
            "fingerprint": f"heartbeat:{pulse.key}"[:256],
            "group_key": f"firstline:heartbeat:{pulse.key}"[:256],
            "raw_payload": None,
            "ends_at": None,
        }
    )


def back(pulse: Pulse, expected: Heartbeat, since: datetime, now: datetime) -> NormalizedAlert:
    """The end of an absence."""
    return absence(pulse, expected, since, now).model_copy(
        update={"status": "resolved", "timestamp": now, "ends_at": now, "message": f"{_called(pulse.alert)} is back."}
    )


def _often(expected: Heartbeat) -> str:
    return spoken(expected.every)


def _called(alert: NormalizedAlert) -> str:
    """`Watchdog of cluster eu`: which of several it is."""
    told = ("cluster", "prometheus", "region", "datacenter")
    where = [f"{name} {alert.labels[name]}" for name in told if alert.labels.get(name)]
    return f"{alert.alert_name} of {', '.join(where)}" if where else alert.alert_name
