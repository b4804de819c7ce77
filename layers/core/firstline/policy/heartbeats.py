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
"""The longest time between two checks that counts as uninterrupted; after a longer one the watch begins anew."""

AGAIN = timedelta(hours=24)
"""The time after which people are told again of a lasting absence, as its incident may have been resolved by hand."""

LONGEST_EVERY = timedelta(days=2)
"""The longest time that a heartbeat may declare between two arrivals."""

MOST_OF_A_SOURCE = 500
"""The largest number of heartbeats of one source that are watched; each absence is an incident of its own."""

REQUIRED = "required:"
"""The prefix of the key of a placeholder, which stands for a required heartbeat until one is seen."""


class Heartbeat(Frozen):
    """A declaration of heartbeats: how often they come, and how bad their absence is.

    A heartbeat is absent if it has not come for twice `every`, so one may be missed. A heartbeat that was never seen
    counts as absent only if it is `required`.
    """

    id: Id
    match: AlertMatch
    reason: Reason
    every: Annotated[Duration, between(timedelta(minutes=1), LONGEST_EVERY)] = timedelta(hours=4)
    severity: Bound = "critical"
    required: bool = False

    @property
    def patience(self) -> timedelta:
        """The longest time between two arrivals before the heartbeat counts as absent."""
        return 2 * self.every

    def fits(self, alert: NormalizedAlert) -> bool:
        """Return True if the declaration matches the alert; a dead man's switch also matches under the name `Watchdog`.

        A dead man's switch is an alert that always fires to show that alerting works; it has the label `alertname`. An
        alarm of CloudWatch matches by its own name only, because one called `Watchdog` fires when something is wrong.
        """
        if self.match.fits(alert):
            return True
        of_a_rule = "alertname" in alert.labels and is_dead_mans_switch(alert.alert_name)
        return of_a_rule and self.match.fits(alert.model_copy(update={"alert_name": CALLED}))


class Pulse(Frozen):
    """One heartbeat as the table stores it.

    `key` is `<source>:<fingerprint>` of its alert, or `required:<id>` while a required heartbeat has never come.
    `absent_since` is set while people know of an absence, and `told_at` is when they were told last. `forgotten_at` is
    set when a person declared the heartbeat as no longer expected; its next beat clears that.
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
        """The id of the declaration, if this stands for a required heartbeat that has never come; else None."""
        return self.key.removeprefix(REQUIRED) if self.key.startswith(REQUIRED) else None

    def is_to_be_said(self, now: datetime) -> bool:
        """Return True if people have to be told about the absence: for the first time, or again after `AGAIN`."""
        return self.absent_since is None or now - (self.told_at or self.absent_since) >= AGAIN


class LastCheck(Frozen):
    """The time of the last check of heartbeats, and the time since which checks have run without a gap."""

    looked_at: AwareDatetime
    since: AwareDatetime

    def begin(self, now: datetime) -> datetime:
        """Return since when checks have run without a gap: `now` itself if the last one was over five minutes ago."""
        return self.since if now - self.looked_at <= GAP else now


def expectation(pulse: Pulse, declared: Sequence[Heartbeat]) -> Heartbeat | None:
    """Return the first declaration that matches a heartbeat, or None if none does any more."""
    if pulse.requirement is not None:
        return next((known for known in declared if known.required and pulse.requirement == known.id), None)
    return next((known for known in declared if known.fits(pulse.alert)), None)


def seen(expected: Heartbeat, pulses: Sequence[Pulse]) -> list[Pulse]:
    """Return the heartbeats that a declaration matches, that have come, and that people still expect.

    A declaration with `required` asks for at least one of them.
    """
    came = [pulse for pulse in pulses if pulse.requirement is None and pulse.forgotten_at is None]
    return [pulse for pulse in came if expected.fits(pulse.alert)]


def absent_since(pulse: Pulse, expected: Heartbeat, now: datetime, *, watched_since: datetime) -> datetime | None:
    """Return the time from which a heartbeat has been absent, or None if it is present or no longer expected.

    An absence that people were told about ends only when the heartbeat comes again.

    Parameters
    ----------
    expected
        The declaration that the heartbeat matches (`expectation`).
    watched_since
        The time since which checks have run without a gap. Beats before it may have been lost, so the time that a
        heartbeat may take is counted from here at the earliest.
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
    """Return the alert about a heartbeat that has been absent since `since`.

    Each absence of a heartbeat has the same fingerprint and group key. `expected` is the declaration that it matches.
    """
    alert = pulse.alert
    if pulse.resolved_at == since:
        what = f"The heartbeat {called(alert)} was resolved, although it should always fire"
    else:
        silent, often = in_words(now - pulse.beat_at), in_words(expected.every)
        what = f"The heartbeat {called(alert)} has been silent for {silent}; it should come every {often}"
    return alert.model_copy(
        update={
            "source": "firstline",
            "alert_name": f"{alert.alert_name[:240]} is absent",
            "severity": expected.severity,
            "severity_stated": True,
            "message": f"{what}. Until it is back, alerts may not arrive. {expected.reason}"[:4_000],
            "timestamp": since,
            "status": "firing",
            "fingerprint": f"heartbeat:{pulse.key}"[:256],
            "group_key": f"firstline:heartbeat:{pulse.key}"[:256],
            "raw_payload": None,
            "ends_at": None,
        }
    )


def back(pulse: Pulse, expected: Heartbeat, since: datetime, now: datetime) -> NormalizedAlert:
    """Return the alert that ends an absence: it resolves the alert that `absence` returned for the same heartbeat.

    Its message says that the heartbeat is back or, if a person had it forgotten (`pulse.forgotten_at`), who that was.
    `expected` and `since` are as in `absence`.
    """
    message = f"The heartbeat {called(pulse.alert)} is back."
    if pulse.forgotten_at is not None:
        message = f"The heartbeat {called(pulse.alert)} is no longer expected: {pulse.forgotten_by} had it forgotten."
    return absence(pulse, expected, since, now).model_copy(
        update={"status": "resolved", "timestamp": now, "ends_at": now, "message": message}
    )


def called(alert: NormalizedAlert) -> str:
    """Return a heartbeat's name with its place, so that people can tell it from others: `Watchdog of cluster eu`."""
    names = ("cluster", "prometheus", "region", "datacenter")
    where = [f"{name} {alert.labels[name]}" for name in names if alert.labels.get(name)]
    return f"{alert.alert_name} of {', '.join(where)}" if where else alert.alert_name


def too_many(refused: Sequence[NormalizedAlert]) -> str:
    """Return the log message about heartbeats of one source beyond `MOST_OF_A_SOURCE`, which are not watched."""
    first = refused[0]
    return (
        f"{len(refused)} new heartbeats of {first.source} are not watched, as it already has {MOST_OF_A_SOURCE} "
        f"(the first is {called(first)[:200]}): declare them in rules.yaml by labels that stay the same, and remove "
        "those that are gone with `firstline heartbeat forget <id>`"
    )
