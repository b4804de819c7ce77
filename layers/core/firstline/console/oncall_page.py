"""The page on who is on call: for each schedule the present person, the next shifts, the overrides, and the forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from firstline.console.frame import Frame
from firstline.console.render import render
from firstline.people.on_call import OverridesOf, of_people
from firstline.policy.oncall import Override, Roster, Shift
from firstline.policy.people import People
from firstline.text import local_time, one_line, short_duration

LOOK_AHEAD = timedelta(days=21)
MOST_SHIFTS = 12
MOST_OVERRIDES = 20

DONE = {
    "take": "You are on call to the end of the shift.",
    "override": "The override is made, and everybody was told.",
    "withdraw": "The override is withdrawn, and everybody was told.",
}
"""The sentence on the page after a form, by the word in its address. No other text of the address is shown."""


@dataclass(frozen=True)
class _ShiftLine:
    person: str
    begin: str
    end: str
    because: str


@dataclass(frozen=True)
class _OverrideLine:
    id: str
    person: str
    begin: str
    end: str
    by: str
    reason: str


@dataclass(frozen=True)
class _Board:
    """One schedule on the page on who is on call. Its times are in the schedule's time zone."""

    name: str
    time_zone: str
    now: _ShiftLine
    left: str
    mine: bool
    coming: Sequence[_ShiftLine]
    overrides: Sequence[_OverrideLine]
    people: Sequence[str]
    earliest: str


def oncall_page(
    schedules: Mapping[str, Roster], overrides_of: OverridesOf, people: People, frame: Frame, *, said: str = ""
) -> str:
    """Render the page on who is on call.

    `overrides_of` reads the overrides of a schedule (by its name) that are not over at a time. `said` is a sentence on
    the effect of the visitor's last form; empty without one.
    """
    able = [name for name in people.people if (person := people.named(name)) and person.may("operator")]
    boards = [
        _board(name, roster, overrides_of(name, frame.now), able, frame) for name, roster in sorted(schedules.items())
    ]
    may_write = frame.visitor.person.may("operator")
    return render("oncall.html", **frame.values("On call", "oncall"), boards=boards, said=said, may_write=may_write)


def _board(name: str, roster: Roster, overrides: Sequence[Override], able: Sequence[str], frame: Frame) -> _Board:
    now, zone = frame.now, ZoneInfo(roster.time_zone)
    shifts = list(roster.shifts(overrides, now, now + LOOK_AHEAD))
    current, coming = shifts[0], shifts[1 : MOST_SHIFTS + 1]
    made = sorted(of_people(overrides), key=lambda override: override.begins_at)[:MOST_OVERRIDES]
    members = [person for person in roster.members if person in able]
    return _Board(
        name=name,
        time_zone=roster.time_zone,
        now=_line(current, zone, now),
        left=short_duration(current.until - now) if current.until else "",
        mine=current.person == frame.visitor.key,
        coming=[_line(shift, zone, now) for shift in coming],
        overrides=[
            _OverrideLine(
                id=override.id,
                person=override.person,
                begin=local_time(override.begins_at, zone, now),
                end=local_time(override.ends_at, zone, now),
                by=one_line(override.by, 80),
                reason=one_line(override.reason, 300),
            )
            for override in made
        ],
        people=list(dict.fromkeys([*members, *able])),
        earliest=f"{now.astimezone(zone):%Y-%m-%dT%H:%M}",
    )


def _line(shift: Shift, zone: tzinfo, now: datetime) -> _ShiftLine:
    return _ShiftLine(
        person=shift.person,
        begin=local_time(shift.since, zone, now) if shift.since else "always",
        end=local_time(shift.until, zone, now) if shift.until else "further notice",
        because=shift.because,
    )
