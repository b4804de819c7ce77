"""Changes of who is on call that people make at once, without a deployment: overrides.

An override is told to both: who takes the time, and who is relieved. It can only be made for time to come, so that the
record of who had what stays true.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import AwareDatetime

from firstline.errors import HistoryUnavailable, NotPermitted, OperationRefused
from firstline.models import Frozen, Text
from firstline.observability import logger
from firstline.people.actor import Actor
from firstline.policy.oncall import FILE, Override, Roster, ScheduleName
from firstline.policy.people import FILE as PEOPLE_FILE
from firstline.policy.people import People, PersonName
from firstline.text import one_line

LONGEST = timedelta(days=60)
FARTHEST = timedelta(days=366)
"""The time ahead within which an override may begin."""

MOST = 200
"""The most overrides of one schedule that are not over: each one makes the next slower to tell."""

MOST_RELIEVED = 5

type OverridesOf = Callable[[str, datetime], Sequence[Override]]
"""Returns the overrides of a schedule that end after a time. Raises `HistoryUnavailable`."""


class AskedOverride(Frozen):
    """An override as a person asks for it: by default for themselves, from now, to the end of the present shift."""

    person: PersonName | None = None
    begins_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    reason: Text = ""


class Overridden(NamedTuple):
    """The override that was made, and the sentence that everybody is told."""

    override: Override
    said: str


@dataclass(frozen=True)
class OnCallDesk:
    """Takes overrides.

    Parameters
    ----------
    save
        Stores an override. Raises `HistoryUnavailable`.
    tell
        Says a sentence to everybody; it raises nothing.
    """

    schedules: Mapping[str, Roster]
    people: People
    overrides_of: OverridesOf
    save: Callable[[Override], None]
    tell: Callable[[str], None]

    def override(self, name: ScheduleName, asked: AskedOverride, actor: Actor, now: datetime) -> Overridden:
        """Give a span of a schedule to a person, and tell everybody.

        Raises
        ------
        OperationRefused
            The caller may not act, nobody who could act has this name, the span is over, empty, too long or too far
            away, or there are too many.
        HistoryUnavailable
            The table does not answer; nothing was changed.
        """
        if not actor.person.may("operator"):
            raise NotPermitted(f"{actor.person.name} is a reader: an operator can change who is on call.")
        schedule = self._schedule(name)
        known = self.overrides_of(name, now)
        person = asked.person or actor.person.name
        taker = self.people.named(person)
        if taker is None:
            raise OperationRefused(f"{person!r} is nobody on the list of people: add the person to {PEOPLE_FILE}.")
        if not taker.may("operator"):
            raise OperationRefused(f"{person} is a reader, who cannot take an incident: change it in {PEOPLE_FILE}.")
        if len(known) >= MOST:
            raise OperationRefused(f"{name} has {MOST} overrides that are not over: change {FILE} instead.")
        begins_at = max(asked.begins_at or now, now)
        if begins_at > now + FARTHEST:
            raise OperationRefused(f"An override begins within {FARTHEST.days} days: not {begins_at}.")
        ends_at = asked.ends_at or schedule.shift(known, begins_at).until
        if ends_at is None:
            raise OperationRefused("Nobody else comes after the present shift: say until when (--until).")
        if not now < ends_at or not begins_at < ends_at <= begins_at + LONGEST:
            raise OperationRefused(
                f"An override ends after it begins, in the future, and within {LONGEST.days} days: not {ends_at}."
            )
        made = Override(
            schedule=name,
            person=person,
            begins_at=begins_at,
            ends_at=ends_at,
            reason=asked.reason,
            by=actor.person.name,
            at=now,
        )
        said = _said(made, _relieved(schedule, known, made), schedule)
        self.save(made)
        self.tell(said)
        return Overridden(made, said)

    def _schedule(self, name: str) -> Roster:
        schedule = self.schedules.get(name)
        if schedule is None:
            known = ", ".join(self.schedules) or "none"
            raise OperationRefused(f"There is no schedule {one_line(name, 40)!r} in {FILE}; there is {known}.")
        return schedule


def of_listed(overrides_of: OverridesOf, people: People) -> OverridesOf:
    """Leave out the overrides of people who have left the list since: the file's turns count again.

    While the list cannot be read, every override counts.
    """

    def of(schedule: str, since: datetime) -> Sequence[Override]:
        known = overrides_of(schedule, since)
        return [each for each in known if each.person in people.people] if people.people else known

    return of


def _relieved(schedule: Roster, known: Sequence[Override], made: Override) -> list[str]:
    """Return the names of those who would have had the time, in order."""
    shifts = schedule.shifts(known, made.begins_at, made.ends_at)
    return [name for name in dict.fromkeys(shift.person for shift in shifts) if name != made.person]


def _said(made: Override, relieved: Sequence[str], schedule: Roster) -> str:
    begin, end = (f"{at:%a %Y-%m-%d %H:%M}" for at in schedule.local(made.begins_at, made.ends_at))
    more = len(relieved) - MOST_RELIEVED
    others = ", ".join(relieved[:MOST_RELIEVED]) + (f" and {more} more" if more > 0 else "")
    instead = f", instead of {others}" if relieved else ""
    why = f": {one_line(made.reason, 200)}" if made.reason else ""
    by = "" if made.by == made.person else f" (said {made.by})"
    return (
        f"{made.person} is on call for {made.schedule} from {begin} to {end} ({schedule.time_zone}){instead}{by}{why}."
    )


def whose_turn(name: str, schedules: Mapping[str, Roster], overrides_of: OverridesOf, now: datetime) -> str | None:
    """Return the name of who is on call on a schedule; None if there is no such schedule.

    A table that fails costs the overrides, never the page.
    """
    schedule = schedules.get(name)
    if schedule is None:
        logger.error("A level of paging.yaml names a schedule that oncall.yaml lacks", extra={"schedule": name})
        return None
    try:
        known = overrides_of(name, now)
    except HistoryUnavailable as error:
        logger.warning("The overrides cannot be read", extra={"schedule": name, "why": str(error)})
        known = ()
    return schedule.who(known, now)[0]
