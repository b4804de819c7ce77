"""On-call overrides: changes of who is on call that people make at once, without a deployment.

Everybody is told of an override, with the names of who takes over and who is relieved. An override covers only time to
come, so that the record of past shifts stays true.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, StringConstraints

from firstline.errors import DoneAlready, HistoryUnavailable, NotPermitted, OperationRefused
from firstline.incidents.audit_trail import Trail, append_or_log
from firstline.models import Frozen, Text
from firstline.observability import logger
from firstline.people.actor import Actor, acted
from firstline.policy.oncall import FILE, NOBODY, Override, Roster, ScheduleName
from firstline.policy.people import FILE as PEOPLE_FILE
from firstline.policy.people import People, PersonName
from firstline.text import one_line

LONGEST = timedelta(days=60)
FARTHEST = timedelta(days=366)
"""The time ahead within which an override may begin."""

MOST = 200
"""The most present and future overrides of one schedule: each slows down the look-up of who is on call."""

MOST_RELIEVED = 5

UNLISTED = People()
"""The empty list of people, by which nobody has left."""

type OverridesOf = Callable[[str, datetime], Sequence[Override]]
"""Returns the overrides of a schedule that end after a time. Raises `HistoryUnavailable`."""


class AskedOverride(Frozen):
    """An override as a person asks for it: by default for themselves, from now, to the end of the present shift."""

    person: PersonName | None = None
    begins_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    reason: Text = ""


class AskedWithdrawal(Frozen):
    """A request to end the override with this id, which `firstline oncall overrides` shows."""

    id: Annotated[str, StringConstraints(max_length=80)]


class Overridden(NamedTuple):
    """The override that was made or withdrawn, and the sentence that everybody is told."""

    override: Override
    said: str


@dataclass(frozen=True)
class OnCallOverrides:
    """The actions with which people make and withdraw overrides.

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
    tell: Callable[[str], object]
    trail: Trail

    def override(self, name: ScheduleName, asked: AskedOverride, actor: Actor, now: datetime) -> Overridden:
        """Put a person on call for a span of time in place of whoever would be, and tell everybody.

        Raises
        ------
        OperationRefused
            The caller may not act, the person to take over is unknown or a reader, the span is over, empty, too
            long or too far away, or the schedule has too many overrides.
        HistoryUnavailable
            The table does not answer; nothing was changed.
        """
        schedule = self._checked(name, actor)
        known = self.overrides_of(name, now)
        person = asked.person or actor.person.name
        taker = self.people.named(person)
        if taker is None:
            raise OperationRefused(f"{person!r} is not on the list of people: add the person to {PEOPLE_FILE}.")
        if not taker.may("operator"):
            raise OperationRefused(
                f"{person} is a reader, who cannot take an incident: give them the role operator in {PEOPLE_FILE}."
            )
        if len(of_people(known)) >= MOST:
            raise OperationRefused(
                f"{name} has {MOST} present and future overrides, the most there can be: change {FILE} instead."
            )
        begins_at = max(asked.begins_at or now, now)
        if begins_at > now + FARTHEST:
            raise OperationRefused(
                f"The override would begin on {_at(begins_at, schedule)} ({schedule.time_zone}), more than "
                f"{FARTHEST.days} days from now: begin it earlier."
            )
        self._check_new(schedule, known, person, begins_at, asked.ends_at)
        ends_at = asked.ends_at or schedule.shift(known, begins_at).until
        if ends_at is None:
            raise OperationRefused(f"The shift on {name} has no end: say until when the override lasts (--until).")
        if not now < ends_at or not begins_at < ends_at <= begins_at + LONGEST:
            raise OperationRefused(
                f"The override would end on {_at(ends_at, schedule)} ({schedule.time_zone}): end it in the future, "
                f"after its begin and within {LONGEST.days} days of it."
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
        self._record(made, "override", actor, now)
        self.tell(said)
        return Overridden(made, said)

    def _check_new(
        self, schedule: Roster, known: Sequence[Override], person: str, begins_at: datetime, ends_at: datetime | None
    ) -> None:
        """Raise DoneAlready if an override that a person made puts `person` on call for all of this time already.

        `known` are the schedule's overrides that are not over. `ends_at` is None for a time up to the end of the shift
        at its begin: then the override only has to cover the begin.
        """
        for each in of_people(known):
            if each.person == person and each.covers(begins_at) and each.end >= (ends_at or begins_at):
                if _names(schedule, known, begins_at, ends_at or each.end, without=person):
                    continue  # A later override takes a part of the time.
                until = f"{_at(each.end, schedule)} ({schedule.time_zone})"
                raise DoneAlready(
                    f"Nothing to do: {person} has it already until {until}, by override {each.id} of {each.by}."
                )

    def withdraw(self, name: ScheduleName, asked: AskedWithdrawal, actor: Actor, now: datetime) -> Overridden:
        """End an override now, or before it begins, and announce who is on call in the rest of its time.

        Raises
        ------
        OperationRefused
            The caller may not act, or no present or future override has this id.
        HistoryUnavailable
            The table does not answer; nothing was changed.
        """
        schedule = self._checked(name, actor)
        known = self.overrides_of(name, now)
        found = next((each for each in of_people(known) if each.id == asked.id), None)
        if found is None:
            raise OperationRefused(
                f"{name} has no present or future override {asked.id}: `firstline oncall overrides` lists them."
            )
        ended = found.model_copy(update={"ended_at": now, "ended_by": actor.person.name})
        rest = max(now, found.begins_at)
        left = [each for each in known if each is not found]
        others = _listed(_names(schedule, left, rest, found.ends_at, without=found.person))
        has_it = f"{others} {'has' if ',' not in others else 'have'} it again" if others else "nothing else changes"
        begin, end = _at(rest, schedule), _at(found.ends_at, schedule)
        said = (
            f"{actor.person.name} withdrew that {found.person} is on call for {name}, from {begin} to {end} "
            f"({schedule.time_zone}): {has_it}."
        )
        self.save(ended)
        self._record(ended, "withdraw the override", actor, now)
        self.tell(said)
        return Overridden(ended, said)

    def check(self, name: ScheduleName) -> None:
        """Raise OperationRefused if there is no such schedule."""
        self._schedule(name)

    def moment(self, name: ScheduleName, written: str) -> datetime | None:
        """Read a time in the schedule's zone, as `2026-12-24T18:00`; None if it is empty. Raises OperationRefused."""
        if not written:
            return None
        zone = ZoneInfo(self._schedule(name).time_zone)
        try:
            local = datetime.fromisoformat(written)
            return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise OperationRefused(f"{one_line(written, 40)!r} is no time: write one like 2026-12-24T18:00.") from None

    def _checked(self, name: str, actor: Actor) -> Roster:
        if not actor.person.may("operator"):
            raise NotPermitted(
                f"{actor.person.name} is a reader, and only an operator changes who is on call: see {PEOPLE_FILE}."
            )
        return self._schedule(name)

    def _record(self, override: Override, does: str, actor: Actor, now: datetime) -> None:
        """Put a person's action (`does`) on the audit trail of the override, which is named by `trail_of`."""
        fact = acted(actor, does, now, override.reason)
        span = {"from": override.begins_at.isoformat(), "until": override.end.isoformat()}
        about = {"schedule": override.schedule, "person": override.person, **span}
        append_or_log(self.trail, trail_of(override), [fact.model_copy(update={"facts": {**fact.facts, **about}})], now)

    def _schedule(self, name: str) -> Roster:
        schedule = self.schedules.get(name)
        if schedule is None:
            known = ", ".join(self.schedules) or "none"
            raise OperationRefused(f"There is no schedule {one_line(name, 40)!r} in {FILE}; there is {known}.")
        return schedule


def of_people(known: Sequence[Override]) -> list[Override]:
    """Return the overrides that people made, without those copied from PagerDuty or a calendar (`copied_from`)."""
    return [override for override in known if override.copied_from is None]


def of_listed(overrides_of: OverridesOf, people: People) -> OverridesOf:
    """Wrap a look-up of overrides, so that it leaves out people who are no longer on the list of people.

    With an empty list of people, nobody is left out.
    """

    def of(schedule: str, since: datetime) -> Sequence[Override]:
        known = overrides_of(schedule, since)
        return [each for each in known if each.person in people.people] if people.people else known

    return of


def trail_of(override: Override) -> str:
    """Return the name of an override's audit trail: `ONCALL-<schedule>-<id>`."""
    return f"ONCALL-{override.schedule}-{override.id}"


def _relieved(schedule: Roster, known: Sequence[Override], made: Override) -> list[str]:
    """Return the names of the people whose time the override `made` takes, in the order of their shifts.

    `known` are the schedule's other overrides.
    """
    return _names(schedule, known, made.begins_at, made.ends_at, without=made.person)


def _names(
    schedule: Roster, known: Sequence[Override], begin: datetime, end: datetime, *, without: str = ""
) -> list[str]:
    shifts = schedule.shifts(known, begin, end)
    return [name for name in dict.fromkeys(shift.person for shift in shifts) if name != without]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_RELIEVED
    return ", ".join(names[:MOST_RELIEVED]) + (f" and {more} more" if more > 0 else "")


def _at(moment: datetime, schedule: Roster) -> str:
    """Write a moment in the time zone of a schedule: `Thu 2026-12-24 18:00`."""
    try:
        (local,) = schedule.local(moment)
    except OverflowError:  # A person may write 9999-12-31.
        return str(moment)
    return f"{local:%a %Y-%m-%d %H:%M}"


def _said(made: Override, relieved: Sequence[str], schedule: Roster) -> str:
    begin, end = _at(made.begins_at, schedule), _at(made.ends_at, schedule)
    instead = f", instead of {_listed(relieved)}" if relieved else ""
    why = f": {one_line(made.reason, 200)}" if made.reason else ""
    by = "" if made.by == made.person else f" (said {made.by})"
    return (
        f"{made.person} is on call for {made.schedule} from {begin} to {end} ({schedule.time_zone}){instead}{by}{why}."
    )


class Turn(NamedTuple):
    """The person on call. `doubt` is empty, or says why it may be somebody else.

    Doubts are that the schedule is an old copy (`says PagerDuty, a copy of 2 days ago`), or that the person is no
    longer on the list of people.
    """

    person: str
    doubt: str


def whose_turn(
    name: str,
    schedules: Mapping[str, Roster],
    overrides_of: OverridesOf,
    now: datetime,
    people: People = UNLISTED,
) -> Turn | None:
    """Return who is on call on a schedule now; None if there is no such schedule, or if it has nobody on call.

    Only a schedule that is copied from another tool may have nobody on call. If the table fails, the overrides are left
    out, so that a page still finds a person. With an empty list of people, nobody counts as having left it.

    Parameters
    ----------
    name
        The name of the schedule.
    schedules
        All schedules by name.
    overrides_of
        Returns the overrides of a schedule, by its name, that end after a time.
    """
    schedule = schedules.get(name)
    if schedule is None:
        logger.error("A level of paging.yaml names a schedule that oncall.yaml lacks", extra={"schedule": name})
        return None
    try:
        known = overrides_of(name, now)
    except HistoryUnavailable as error:
        logger.warning(
            "The on-call overrides cannot be read, so oncall.yaml alone decides",
            extra={"schedule": name, "why": str(error)},
        )
        known = ()
    person, because = schedule.who(known, now)
    if person == NOBODY:
        logger.error("Another tool's schedule has nobody on call now: fill its gap there", extra={"schedule": name})
        return None
    if people.people and person not in people.people and not because.startswith("says "):
        logger.error("Whose turn it is is not on the list of people", extra={"schedule": name, "person": person})
        return Turn(person, f"not in {PEOPLE_FILE}")
    return Turn(person, because if because.endswith(" ago") else "")
