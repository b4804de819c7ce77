"""Drafts of on-call schedules: from a schedule of PagerDuty's API, or from the shifts of a calendar.

The comments of a draft say what it leaves out, and in how many hours it agrees with the other tool.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import ValidationError

from firstline.adapters import ical, on_call_feeds
from firstline.errors import FeedUnavailable, FirstlineError
from firstline.policy.followed_schedules import Span
from firstline.policy.oncall import Roster
from firstline.text import one_line

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
MOST_HOURS = 24 * 366
"""The most hours in which a draft is compared with the other tool."""

_WANTED = "give what GET /schedules/<id> of PagerDuty's REST API answers"


class NoDraft(FirstlineError):
    """No draft can be made of another tool's schedule; the message says why."""


@dataclass
class Draft:
    """A schedule in the form of oncall.yaml, and remarks for the person who reads the draft."""

    name: str
    schedule: dict[str, Any]
    remarks: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the draft as YAML, below its remarks as comments."""
        body = yaml.safe_dump({"schedules": {self.name: self.schedule}}, sort_keys=False, default_flow_style=None)
        return "".join(f"# {one_line(remark, 300)}\n" for remark in self.remarks) + body

    def roster(self) -> Roster:
        """Return the schedule as a roster. Raises NoDraft if it is not a valid one."""
        try:
            return Roster.model_validate(self.schedule)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the schedule"
            raise NoDraft(
                f"its draft for oncall.yaml has an error: {where}: {first['msg']}; mend the exported schedule"
            ) from None

    def compare(self, spans: Sequence[Span], person_of: Callable[[str], str]) -> None:
        """Add a remark: in how many hours of the other tool's shifts (`spans`) the draft names the same person.

        `person_of` returns the name in people.yaml for the name that the other tool gives a person.
        """
        roster, same, all_hours = self.roster(), 0, 0
        for span in spans:
            hours = int((span.ends_at - span.begins_at) / _HOUR)
            for number in range(min(hours, MOST_HOURS - all_hours)):
                all_hours += 1
                same += roster.who((), span.begins_at + (number + 0.5) * _HOUR)[0] == person_of(span.who)
        if all_hours:
            self.remarks.append(
                f"It agrees with the other tool in {same} of the {all_hours} hours that the file shows."
            )


def of_file(tool: str, body: bytes, name: str, zone: str, person_of: Callable[[str], str], now: datetime) -> Draft:
    """Draft a schedule from a file of PagerDuty (`pagerduty`) or a calendar (`ical`).

    A remark says in how many hours of the file's shifts the draft names the same person.

    Parameters
    ----------
    name
        The schedule's name in the draft; empty for its name in PagerDuty.
    zone
        The draft's time zone, if the file is a calendar; PagerDuty's file has its own.
    person_of
        Returns the name in people.yaml for the name that the other tool gives a person.
    now
        The present time. PagerDuty's layers that ended before it are left out; of a calendar's repeated shifts, only
        those around it are read.

    Raises
    ------
    NoDraft
        No schedule can be read from the file; the message says why.
    """
    try:
        if tool == "pagerduty":
            draft = of_pagerduty(_json(body), person_of, now)
            draft.name = name or draft.name
            spans = on_call_feeds.spans_of(body) if b"rendered_schedule_entries" in body else []
        else:
            spans = ical.read(body.decode("utf-8-sig", "replace"), ZoneInfo(zone), now)
            draft = of_spans(name, zone, spans, person_of)
        draft.compare(spans, person_of)
    except FeedUnavailable as error:
        raise NoDraft(str(error)) from None
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError) as error:
        raise NoDraft(
            f"no schedule can be read from the file ({error}); give PagerDuty's JSON, or a calendar"
        ) from None
    return draft


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoDraft(f"it is no JSON ({error}); {_WANTED}") from None


def of_pagerduty(content: Mapping[str, Any], person_of: Callable[[str], str], now: datetime) -> Draft:
    """Draft a schedule of PagerDuty: its topmost layer that covers every hour, and the layers above that.

    Parameters
    ----------
    content
        The answer of `GET /schedules/<id>`. PagerDuty lists the topmost layer first.
    person_of
        Returns the name in people.yaml for the name that PagerDuty gives a person.
    now
        The present time: layers that ended before it are left out.

    Raises
    ------
    NoDraft
        The content is no schedule, or has no layer that covers every hour.
    """
    try:
        given = content["schedule"]
        zone = ZoneInfo(given["time_zone"])
        layers = [layer for layer in given["schedule_layers"] if not _is_over(layer, now)]
        base_at = next((number for number, layer in enumerate(layers) if not layer.get("restrictions")), None)
        if base_at is None:
            raise NoDraft(
                "every layer has restrictions, so nobody is on call in a part of the week; follow the schedule instead "
                "(`followed` in docs/oncall.md)"
            )
        base = layers[base_at]
        begin = datetime.fromisoformat(base["rotation_virtual_start"]).astimezone(zone)
        turn = timedelta(seconds=base["rotation_turn_length_seconds"])
        if turn % _DAY or not turn:
            raise NoDraft("its turns are no whole days; follow the schedule instead (`followed` in docs/oncall.md)")
        draft = Draft(
            _slug(given.get("name", "imported")),
            {
                "time_zone": given["time_zone"],
                "starts": begin.date(),
                "handover": {"every": _days(turn), "at": f"{begin:%H:%M}"},
                "rotation": _people(base, person_of),
            },
        )
        above = [_layer(layer, draft, person_of, zone, now) for layer in reversed(layers[:base_at])]
    except NoDraft:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError) as error:
        why = f"{type(error).__name__}: {error}"
        raise NoDraft(f"it is no schedule of PagerDuty's API ({why}); {_WANTED}") from None
    if known := [layer for layer in above if layer]:
        draft.schedule["layers"] = known
    if hidden := len(layers) - base_at - 1:
        draft.remarks.append(
            f"{hidden} lower layers are left out: {base.get('name', 'the one used')} covers every hour."
        )
    return draft


def of_spans(name: str, zone: str, spans: Sequence[Span], person_of: Callable[[str], str]) -> Draft:
    """Draft a rotation from a calendar's shifts. Raises NoDraft for fewer than two, or shifts under a day.

    `name` and `zone` are the draft's. `person_of` returns the name in people.yaml for a name in the calendar.
    """
    ordered = sorted(spans, key=lambda span: span.begins_at)
    if len(ordered) < 2:
        raise NoDraft("it has fewer than two shifts, from which no turns can be read; write the schedule by hand")
    local = [span.begins_at.astimezone(ZoneInfo(zone)) for span in ordered]
    apart = Counter((after.date() - before.date()).days for before, after in pairwise(local))
    days, _ = apart.most_common(1)[0]
    if days < 1:
        raise NoDraft("its shifts are shorter than a day; follow the calendar instead (`followed` in docs/oncall.md)")
    at, _ = Counter(f"{begin:%H:%M}" for begin in local).most_common(1)[0]
    people = [person_of(span.who) for span in ordered]
    rotation = next(people[:size] for size in range(1, len(people) + 1) if _repeats(people, size))
    return Draft(
        _slug(name),
        {
            "time_zone": zone,
            "starts": local[0].date(),
            "handover": {"every": _days(days * _DAY), "at": at},
            "rotation": rotation,
        },
    )


def _layer(
    layer: Mapping[str, Any], draft: Draft, person_of: Callable[[str], str], zone: ZoneInfo, now: datetime
) -> dict[str, Any] | None:
    name = layer.get("name", "a layer")
    hours = []
    for restriction in layer["restrictions"]:
        length = timedelta(seconds=restriction["duration_seconds"])
        if restriction.get("type") != "daily_restriction" or length >= _DAY:
            draft.remarks.append(f"The layer {name} is left out: write its restriction by the week by hand.")
            return None
        begin = datetime.combine(date(2026, 1, 1), time.fromisoformat(restriction["start_time_of_day"]))
        hours.append(f"{begin:%H:%M}-{begin + length:%H:%M}")
    turn = timedelta(seconds=layer["rotation_turn_length_seconds"])
    every = draft.schedule["handover"]["every"]
    if _days(turn) != every:
        draft.remarks.append(f"The layer {name} has turns of {turn}; the draft gives it the schedule's turns, {every}.")
    people = _people(layer, person_of)
    # The draft counts turns from the schedule's first day: shift them so that the same person is on call now.
    theirs = int((now - datetime.fromisoformat(layer["rotation_virtual_start"])) / turn) if turn else 0
    starts = draft.schedule["starts"]
    ours = (now.astimezone(zone).date() - starts).days // int(every.removesuffix("d"))
    shift = (theirs - ours) % len(people)
    return {"hours": hours[0] if len(hours) == 1 else hours, "rotation": people[shift:] + people[:shift]}


def _people(layer: Mapping[str, Any], person_of: Callable[[str], str]) -> list[str]:
    people = [person_of(one_line(entry["user"]["summary"], 120)) for entry in layer["users"]]
    if not people:
        raise NoDraft("a layer has no people; give it somebody, or delete it")
    return people


def _is_over(layer: Mapping[str, Any], now: datetime) -> bool:
    return layer.get("end") is not None and datetime.fromisoformat(layer["end"]) <= now


def _repeats(people: Sequence[str], size: int) -> bool:
    return all(person == people[number % size] for number, person in enumerate(people))


def _days(length: timedelta) -> str:
    return f"{length // _DAY}d"


def _slug(name: str) -> str:
    kept = "".join(character if character.isascii() and character.isalnum() else "-" for character in name.lower())
    return "-".join(filter(None, kept.split("-")))[:40].strip("-") or "imported"
