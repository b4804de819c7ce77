"""Heartbeats: alerts that fire to show that alerting works, so their absence is an alert. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime

from firstline.models import Frozen, NormalizedAlert
from firstline.policy.durations import Duration, between
from firstline.policy.match import AlertMatch, Bound, Id, Reason
from firstline.sources.heartbeat import CALLED, is_dead_mans_switch
from firstline.text import in_words

GAP = timedelta(minutes=5)
"""The longest gap between two checks in which no beat was lost; after a longer one the watch begins anew."""

AGAIN = timedelta(hours=24)
"""An absence that lasts is said again after this time: perhaps a person resolved the incident about it."""

MOST_OF_A_SOURCE = 500
"""The number of heartbeats of one source that are watched; the absence of each one is an incident."""

REQUIRED = "required:"
"""The prefix of a key that stands for a required heartbeat until it is seen."""


class Heartbeat(Frozen):
    """A declaration of heartbeats: how often they come, and how bad their absence is.

    One beat may be missed: a heartbeat is absent if none has come for twice `every`. A heartbeat that was never seen is
    not absent, unless it is `required`.
    """

    id: Id
    match: AlertMatch
    reason: Reason
    every: Annotated[Duration, between(timedelta(minutes=1), timedelta(days=2))] = timedelta(hours=4)
    severity: Bound = "critical"
    required: bool = False

    @property
    def patience(self) -> timedelta:
        """Return the longest time between two arrivals before the heartbeat counts as absent."""
        return 2 * self.every

    def fits(self, alert: NormalizedAlert) -> bool:
        """Return True if the alert is declared; a dead man's switch is also known as `Watchdog`, whatever its name.

        Only a rule that fires while alerting works is one. A CloudWatch alarm of that name fires when it does not.
        """
        if self.match.fits(alert):
            return True
        of_a_rule = "alertname" in alert.labels and is_dead_mans_switch(alert.alert_name)
        return of_a_rule and self.match.fits(alert.model_copy(update={"alert_name": CALLED}))


class Pulse(Frozen):
    """One heartbeat as the table knows it. `key` names it: the same labels are the same heartbeat.

    `absent_since` is set once people were told about an absence that lasts, and `told_at` is when they were told last.
    `forgotten_at` is set when a person declared it as no longer expected; its next beat takes that back.
    """

    key: str
    alert: NormalizedAlert
    beat_at: AwareDatetime
    resolved_at: AwareDatetime | None = None
    absent_since: AwareDatetime | None = None
    told_at: AwareDatetime | None = None
    forgotten_at: AwareDatetime | None = None
    forgotten_by: str | None = None

    @property
    def requirement(self) -> str | None:
        """Return the id of the required heartbeat that this placeholder stands for; None if the heartbeat was seen."""
        return self.key.removeprefix(REQUIRED) if self.key.startswith(REQUIRED) else None

    def is_to_be_said(self, now: datetime) -> bool:
        """Return True if people were not told about the absence yet, or so long ago that they are told again."""
        return self.absent_since is None or now - (self.told_at or self.absent_since) >= AGAIN


class LastCheck(Frozen):
    """The time of the last check, and the start of the uninterrupted watch."""

    looked_at: AwareDatetime
    since: AwareDatetime

    def begin(self, now: datetime) -> datetime:
        """Return the start of the uninterrupted watch that a check at `now` belongs to."""
        return self.since if now - self.looked_at <= GAP else now


def expectation(pulse: Pulse, declared: Sequence[Heartbeat]) -> Heartbeat | None:
    """Return the declaration that matches a heartbeat, or None if it is not declared any more."""
    if pulse.requirement is not None:
        return next((known for known in declared if known.required and pulse.requirement == known.id), None)
    return next((known for known in declared if known.fits(pulse.alert)), None)


def seen(expected: Heartbeat, pulses: Sequence[Pulse]) -> list[Pulse]:
    """Return the heartbeats that were seen and not forgotten; any of them meets the requirement."""
    came = [pulse for pulse in pulses if pulse.requirement is None and pulse.forgotten_at is None]
    return [pulse for pulse in came if expected.fits(pulse.alert)]


def absent_since(pulse: Pulse, expected: Heartbeat, now: datetime, *, watched_since: datetime) -> datetime | None:
    """Return the time from which a heartbeat has been absent, or None if it is present.

    Parameters
    ----------
    watched_since
        The start of the uninterrupted watch. Before it, beats may have been lost with everything else, so the patience
        begins then. That ends no absence that people were told about: only a beat does.
    """
    if pulse.forgotten_at is not None:
        return None
    if pulse.resolved_at is not None and pulse.resolved_at > pulse.beat_at:
        return pulse.resolved_at
    if pulse.absent_since is not None and pulse.beat_at <= pulse.absent_since:
        return pulse.absent_since
    late = max(pulse.beat_at, watched_since) + expected.patience
    return late if now >= late else None


def absence(pulse: Pulse, expected: Heartbeat, since: datetime, now: datetime) -> NormalizedAlert:
    """Return the alert about an absence. It has the same identity each time, so sending it again changes nothing."""
    alert = pulse.alert
    if pulse.resolved_at == since:
        what = f"{called(alert)} was resolved, and it should always fire"
    else:
        silent, often = in_words(now - pulse.beat_at), in_words(expected.every)
        what = f"{called(alert)} has been silent for {silent}; it comes every {often}"
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
    """Return the alert that resolves an absence, because the heartbeat is back."""
    message = f"{called(pulse.alert)} is back."
    if pulse.forgotten_at is not None:
        message = f"{called(pulse.alert)} is not waited for any more: {pulse.forgotten_by} had it forgotten."
    return absence(pulse, expected, since, now).model_copy(
        update={"status": "resolved", "timestamp": now, "ends_at": now, "message": message}
    )


def called(alert: NormalizedAlert) -> str:
    """Name a heartbeat so that people can tell it from others: `Watchdog of cluster eu`."""
    names = ("cluster", "prometheus", "region", "datacenter")
    where = [f"{name} {alert.labels[name]}" for name in names if alert.labels.get(name)]
    return f"{alert.alert_name} of {', '.join(where)}" if where else alert.alert_name


def too_many(refused: Sequence[NormalizedAlert]) -> str:
    """Say which heartbeats of a source are not watched, and what to do."""
    first = refused[0]
    return (
        f"{len(refused)} new heartbeats of {first.source} are not watched ({called(first)[:200]} …): it has "
        f"{MOST_OF_A_SOURCE}, and no more are taken. Declare them in rules.yaml by labels that stay the same, and "
        "forget those that are gone: firstline heartbeat forget <id>"
    )
