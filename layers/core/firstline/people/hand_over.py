"""The hand-over message at a change of shift: who leaves, who takes over, and what is open.

The function reconcile, which runs each minute, sends it to the ops channel once for each change, and repeats a message
that Slack does not take; `firstline oncall handover` prints the same text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

from firstline.errors import HistoryUnavailable
from firstline.incidents.status import Status, status_of
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord
from firstline.observability import logger, metrics
from firstline.people.on_call import OverridesOf
from firstline.policy.holds import Silence
from firstline.policy.oncall import NOBODY, Roster, Shift
from firstline.privacy.redact import redact
from firstline.text import bullets, count, local_time, one_line

MOST_READ = 300
"""The most incidents of each kind that are read for one hand-over."""

MOST_LISTED = 15
"""The most incidents, and the most silences, that a message lists; the rest is counted."""

TRIED_FOR = timedelta(hours=1)
"""The time for which a hand-over is repeated each minute while Slack does not take the message."""


class Holding(NamedTuple):
    """The person who was on call at the last look at a schedule, and since when.

    `unsaid` is None, or, while Slack has not taken the hand-over message, the person who was on call before and since
    when.
    """

    person: str
    since: datetime
    unsaid: tuple[str, datetime] | None = None


class HandOver(NamedTuple):
    """The content of a hand-over message. `leaves` is None if nobody was on call before."""

    schedule: str
    leaves: str | None
    comes: Shift
    open: Sequence[Status]
    """The open incidents, each once; those without an owner stand first."""
    silences: Sequence[Silence]
    suppressed: Sequence[str]
    """The titles of the incidents that were suppressed during the shift that ends."""


def gather(
    schedule: str,
    leaves: Holding | None,
    comes: Shift,
    now: datetime,
    *,
    incidents: Incidents,
    silences: Callable[[datetime], Sequence[Silence]],
) -> HandOver:
    """Read from the table what the hand-over message says, and return it. Raises `HistoryUnavailable`.

    That is: the open incidents, the silences that end in the shift that begins (`comes`), and the incidents that were
    suppressed in the shift that ends (`leaves`; None if nobody was on call). `silences` returns the silences that
    expire after a time.
    """
    records = {record.incident.incident_id: record for record in islice(incidents.open_records(), MOST_READ)}
    listed = sorted((status_of(record, now) for record in records.values()), key=lambda status: status.sort_key)
    ending = [
        silence
        for silence in silences(now)
        if silence.active(now) and (comes.until is None or silence.expires_at < comes.until)
    ]
    closed = islice(incidents.closed_since(leaves.since), MOST_READ) if leaves else ()
    return HandOver(
        schedule,
        leaves.person if leaves else None,
        comes,
        listed,
        sorted(ending, key=lambda silence: silence.expires_at),
        _suppressed_in(closed, now),
    )


def _suppressed_in(closed: Iterable[IncidentRecord], now: datetime) -> list[str]:
    """Return the titles of the incidents in `closed` that were suppressed, so that nobody was told of them."""
    return [status_of(record, now).title for record in closed if record.outcome == "suppressed"]


def in_words(given: HandOver, zone: tzinfo, now: datetime, most: int = MOST_LISTED) -> str:
    """Write a hand-over as a message with at most `most` incidents and silences, without personal data of alerts."""
    until = f" until {local_time(given.comes.until, zone, now)}" if given.comes.until else ""
    before = f"{given.leaves} hands {given.schedule} over to {given.comes.person}" if given.leaves else ""
    parts = [f"On call: {before or f'{given.comes.person} has {given.schedule}'}{until}."]
    unowned = sum(status.unowned for status in given.open)
    if given.open:
        more = len(given.open) - most
        lines = [
            f"{status.severity} {_shown(status.title)} ({status.short_id}): {one_line(status.line, 160)}"
            for status in given.open[:most]
        ]
        least = "At least " if len(given.open) >= MOST_READ else ""
        head = f"{least}{count(len(given.open), 'incident')} open, {unowned} without an owner"
        parts.append(f"{head}\n{bullets([*lines, *_rest(more, 'firstline incidents')])}")
    else:
        parts.append("No incident is open.")
    if given.silences:
        lines = [
            f"{local_time(silence.expires_at, zone, now)} {silence.id}, {one_line(silence.owner, 40)}: "
            f"{_shown(silence.reason)}"
            for silence in given.silences[:most]
        ]
        parts.append(
            "Silences that end in this shift\n"
            + bullets([*lines, *_rest(len(given.silences) - most, "firstline silence list")])
        )
    if given.suppressed:
        names = dict.fromkeys(_shown(title) for title in given.suppressed)
        more = len(names) - 5
        parts.append(
            f"Suppressed since the last hand-over: {count(len(given.suppressed), 'incident')}, as "
            f"{', '.join(list(names)[:5])}{f' and {more} others' if more > 0 else ''}."
        )
    return "\n\n".join(parts)


def _shown(text: str) -> str:
    return one_line(redact(text), 100)


def _rest(more: int, command: str) -> list[str]:
    return [f"and {more} more: {command}"] if more > 0 else []


@dataclass(frozen=True)
class HandOverWatch:
    """Announcer of the hand-over of each schedule whose person on call has changed.

    Parameters
    ----------
    last
        Returns who was on call at the last look at a schedule; None before the first look. Raises `HistoryUnavailable`.
    claim
        Stores who is on call now, in place of what `last` returned; returns False if another run stored that first.
        Raises `HistoryUnavailable`.
    tell
        Sends a text to the ops channel, and returns False if that failed; it raises nothing.
    """

    schedules: Mapping[str, Roster]
    overrides_of: OverridesOf
    last: Callable[[str], Holding | None]
    claim: Callable[[str, Holding, Holding | None], bool]
    incidents: Incidents
    silences: Callable[[datetime], Sequence[Silence]]
    tell: Callable[[str], bool]
    refused: dict[tuple[str, datetime], tuple[str, datetime]] = field(default_factory=dict)
    """The hand-overs that neither Slack nor the table took: who was on call before, by schedule and new start."""

    def look(self, now: datetime) -> int:
        """Announce each hand-over that is due, and return the number that Slack took.

        If several runs look at the same moment, only the run whose claim succeeds announces the hand-over. If Slack
        does not take the message, a later run sends it again; if the run dies after its claim, none does.
        """
        said = 0
        for name, roster in self.schedules.items():
            try:
                said += self._look_at(name, roster, now)
            except Exception:  # noqa: BLE001 - whatever it is, it must not cost the other schedules
                logger.exception(
                    "A hand-over could not be prepared; the next run tries again", extra={"schedule": name}
                )
        return said

    def _look_at(self, name: str, roster: Roster, now: datetime) -> bool:
        overrides = self.overrides_of(name, now)
        person, _ = roster.who(overrides, now)
        last = self.last(name)
        new, leaves = Holding(person, now), last
        if (last.person if last else NOBODY) == person:
            unsaid = last and (last.unsaid or self.refused.get((name, last.since)))
            if last is None or unsaid is None:
                return False
            new, leaves = last._replace(unsaid=None), Holding(*unsaid)
        # Read before the claim: what cannot be read is tried again by the next run.
        shift = roster.shift(overrides, now)
        given = None
        if leaves is not None:
            given = gather(name, leaves, shift, now, incidents=self.incidents, silences=self.silences)
        if not self.claim(name, new, last) or leaves is None or given is None:
            return False  # somebody else says it, or nobody had it before
        self.refused.pop((name, new.since), None)
        if self.tell(in_words(given, ZoneInfo(roster.time_zone), now)):
            metrics.add_metric(name="HandedOver", unit="Count", value=1)
            return True
        if now - new.since < TRIED_FOR:
            before = (leaves.person, leaves.since)
            try:
                self.claim(name, new._replace(unsaid=before), new)
            except HistoryUnavailable:
                self.refused[name, new.since] = before
                raise
        else:
            logger.error(
                "Slack took no hand-over message for an hour; `firstline oncall handover` prints it",
                extra={"schedule": name},
            )
        return False
