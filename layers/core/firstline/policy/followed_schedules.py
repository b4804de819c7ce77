"""Copies of on-call schedules that a team keeps in another tool, PagerDuty or a calendar. Pure.

A copy is a list of spans, each with a person. The spans become overrides of a roster on which nobody is on call. So
pages, hand-overs, the console and people's own overrides treat a copied schedule like any other.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, model_validator

from firstline.models import Frozen, Name
from firstline.policy.oncall import NOBODY, Followed, OnCall, Override, Roster
from firstline.policy.people import People
from firstline.text import one_line, short_duration

MOST_SPANS = 1_000
AHEAD, BEHIND = timedelta(days=60), timedelta(days=14)
"""The time after and before now that a copy covers."""

OLD = timedelta(days=1)
"""The age from which on messages tell how old a copy is. An old copy is still used."""

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Span(Frozen):
    """A person's time on call in the other tool; `who` is the person's name there."""

    who: Name
    begins_at: AwareDatetime
    ends_at: AwareDatetime

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.ends_at <= self.begins_at:
            raise ValueError("the shift ends before it begins; correct it in the tool that keeps the schedule")
        return self


class Copy(Frozen):
    """The copy of a schedule, with the time at which it was taken."""

    taken_at: AwareDatetime
    spans: Annotated[tuple[Span, ...], Field(max_length=MOST_SPANS)]


def bounded(spans: Iterable[Span], now: datetime) -> tuple[Span, ...]:
    """Return the spans in the 14 days before now and the 60 days after, earliest first, at most `MOST_SPANS`."""
    near = [span for span in spans if span.ends_at > now - BEHIND and span.begins_at < now + AHEAD]
    return tuple(sorted(near, key=lambda span: (span.begins_at, span.ends_at, span.who))[:MOST_SPANS])


def everything(on_call: OnCall) -> dict[str, Roster]:
    """Return all schedules by name; one that is kept in another tool has nobody on call until its copy is added."""
    empty = {
        name: Roster(time_zone=followed.time_zone, starts=date(2000, 1, 1), rotation=(NOBODY,))
        for name, followed in on_call.followed.items()
    }
    return {**on_call.schedules, **empty}


def with_copies(
    overrides_of: Callable[[str, datetime], Sequence[Override]],
    followed: Mapping[str, Followed],
    copy_of: Callable[[str], Copy | None],
    people: People,
    now: Callable[[], datetime],
) -> Callable[[str, datetime], Sequence[Override]]:
    """Return a function like `overrides_of` that adds the shifts of schedules copied from other tools.

    Overrides that people made win over them.

    Parameters
    ----------
    overrides_of
        Returns the overrides that people made for a schedule, by its name, and that end after a time.
    followed
        The schedules that are kept in other tools, by name.
    copy_of
        Returns the stored copy of a schedule by its name; None if there is none: then no shift is added.
    people
        The list of people, to which the other tool's names are matched (`person_of`).
    now
        Returns the time, to tell how old a copy is.
    """

    def of(schedule: str, since: datetime) -> Sequence[Override]:
        made = overrides_of(schedule, since)
        origin = followed.get(schedule)
        copy = copy_of(schedule) if origin is not None else None
        if origin is None or copy is None:
            return made
        return [*_laid(schedule, origin, copy, people, since, now()), *made]

    return of


def _laid(
    schedule: str, origin: Followed, copy: Copy, people: People, since: datetime, now: datetime
) -> Iterator[Override]:
    age = now - copy.taken_at
    source = f"{origin.tool}, a copy of {short_duration(age)} ago" if age >= OLD else origin.tool
    for number, span in enumerate(copy.spans):
        if span.ends_at <= since:
            continue
        yield Override(
            schedule=schedule,
            person=person_of(span.who, people),
            begins_at=span.begins_at,
            ends_at=span.ends_at,
            by=origin.tool,
            # Where two spans meet, the one that began later counts; what people make always does.
            at=_LONG_AGO + timedelta(seconds=number),
            copied_from=source,
        )


def problems_of(copy: Copy | None, people: People, now: datetime, zone: str = "UTC") -> Iterator[str]:
    """Yield what is wrong with a copy, in words: it is missing or old, has a gap, or names unknown people.

    Only the first gap is told, with times in the time zone `zone`.
    """
    if copy is None:
        yield "it was never copied; look for the reason in reconcile's log"
        return
    if now - copy.taken_at >= OLD:
        yield f"its copy is {short_duration(now - copy.taken_at)} old; look for the reason in reconcile's log"
    covered = now
    for span in copy.spans:
        if span.begins_at > covered:
            begin, end = (f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for at in (covered, span.begins_at))
            yield f"nobody is on call from {begin} to {end} ({zone}); add a shift in the other tool"
            break
        covered = max(covered, span.ends_at)
    names = dict.fromkeys(span.who for span in copy.spans if span.ends_at > now)
    if unknown := [name for name in names if person_of(name, people) not in people.people]:
        yield f"not on the list of people: {', '.join(unknown)}; add them, or these names to their known_as"


def person_of(said: str, people: People) -> str:
    """Return the name in people.yaml of the person whom another tool calls `said`.

    `said` must be the name, the mail or a `known_as` of one person, or contain those of only one person as whole words.
    If it fits nobody, or several people, the name is made from `said` itself: `Ada Lovelace` becomes `ada-lovelace`.
    """
    text = said.casefold()
    names = {
        name: {each.casefold() for each in (name, entry.mail, *entry.known_as) if each}
        for name, entry in people.people.items()
    }
    exact = [name for name, forms in names.items() if text in forms]
    found = exact or [
        name
        for name, forms in names.items()
        if any(re.search(rf"(?<![\w@.]){re.escape(form)}(?![\w@])", text) for form in forms)
    ]
    if len(found) == 1:
        return found[0]
    return re.sub(r"[^a-z0-9]+", "-", one_line(text, 80)).strip("-")[:40].strip("-") or NOBODY
