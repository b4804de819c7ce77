"""The page with the report of the last days: how fast people were, how incidents ended, who was paged, what was noisy.

The report counts the incidents that began in these days, open ones too.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from firstline.console.charts import Chart, Series, beside, stacked
from firstline.console.frame import Frame
from firstline.console.render import render
from firstline.models import IncidentRecord
from firstline.policy.oncall import Roster
from firstline.reports.ends import ENDINGS, ending_of
from firstline.reports.noise import Noisy
from firstline.reports.pages import Clocks
from firstline.reports.periods import By, Figures, reads_since, real_incidents, report, week_of
from firstline.reports.wording import (
    COLUMNS,
    advice_in_words,
    cost_of,
    few_in_words,
    pages_in_words,
    percent,
    side_by_side,
    spread_in_words,
)
from firstline.text import count, in_words, one_line, short_duration

PERIODS = (7, 30, 90)
_NAME_CHARS = 120
_TONES = ("go", "main", "warn", "quiet", "stop", "open")
"""The colours of the columns in `COLUMNS`, in the same order."""


class Asked:
    """The report that a visitor asks for: of how many days, with a row for each week, service or runbook.

    It may also compare the time before and after the day of a change. An invalid value is replaced by the default: 7
    days, a row for each week, no change.
    """

    def __init__(self, days: str, by: str, change: str, frame: Frame) -> None:
        self.days = int(days) if days in map(str, PERIODS) else PERIODS[0]
        known: dict[str, By] = {"week": "week", "service": "service", "runbook": "runbook"}
        self.by = known.get(by, "week")
        self.until = frame.now
        self.since = frame.now - timedelta(days=self.days)
        self.change = _past_day(change, frame)

    @property
    def reads_since(self) -> datetime:
        """The time from which on incidents must be read, for the report and for the span before the change."""
        return reads_since(self.since, self.until, self.change)


def reports_page(records: Iterable[IncidentRecord], asked: Asked, schedules: Mapping[str, Roster], frame: Frame) -> str:
    """Render the page with the report. The records are closed and open incidents, with their pages.

    `schedules`, by name, give each person's time zone, by which a page counts as one at night.
    """
    every = real_incidents(records)
    clocks = Clocks(frame.zone, schedules)
    given: dict[str, Any] = {"since": asked.since, "until": asked.until, "clocks": clocks}
    found = report(every, by=asked.by, change=asked.change, **given)
    weeks = found.rows if asked.by == "week" else report(every, by="week", **given).rows
    mine = [record for record in every if asked.since <= record.incident.opened_at < asked.until]
    compared = found.comparison
    return render(
        "reports.html",
        **frame.values(f"The last {asked.days} days", "reports"),
        periods=PERIODS,
        shown_days=asked.days,
        by=asked.by,
        change=f"{asked.change.astimezone(frame.zone):%Y-%m-%d}" if asked.change else "",
        numbers=_numbers(found.total),
        ends=[(name, found.total.ends[ending], percent(found.total.share(ending))) for ending, name in ENDINGS.items()],
        plots=[_ends_by_day(mine, asked, frame), *_by_week(weeks, asked, frame)],
        rows=[tuple(_cells(row)) for row in found.rows],
        comparison=[] if compared is None else list(side_by_side(compared.before, compared.after)),
        compared="" if compared is None else _compared(compared.span, compared.before, compared.after),
        people=[
            (one_line(person.person, _NAME_CHARS), person.pages, person.at_night, person.zone)
            for person in found.people
        ],
        noisiest=list(_noisiest(found.noisiest)),
    )


def _past_day(written: str, frame: Frame) -> datetime | None:
    try:
        day = date.fromisoformat(written)
        moment = datetime(day.year, day.month, day.day, tzinfo=frame.zone)
        return moment if timedelta(0) < frame.now - moment < timedelta(days=400) else None
    except (ValueError, OverflowError):
        return None


def _numbers(total: Figures) -> list[tuple[str, str]]:
    numbers = [
        ("Incidents", f"{total.incidents}, of {count(total.alerts, 'alert')}; {total.ends['open']} still open"),
        ("Acknowledged after", f"p50 / p90: {spread_in_words(total.acknowledge)}"),
        ("Resolved after", f"p50 / p90: {spread_in_words(total.resolve)}"),
        ("Pages", pages_in_words(total)),
        ("Came back within an hour", str(total.came_back)),
        ("Reopened by people", str(total.reopened)),
    ]
    return [*numbers, ("The model's cost", cost_of(total))] if total.asked else numbers


def _compared(span: timedelta, before: Figures, after: Figures) -> str:
    return f"{in_words(span)} before the change, and as long after it. {few_in_words(before, after)}".rstrip()


def _cells(row: Figures) -> Iterator[str]:
    yield one_line(row.name, _NAME_CHARS)
    yield str(row.incidents)
    yield spread_in_words(row.acknowledge)
    yield spread_in_words(row.resolve)
    yield from map(str, (row.paged, row.pages, row.at_night, row.back))
    yield cost_of(row)


def _noisiest(groups: Sequence[Noisy]) -> Iterator[dict[str, str]]:
    for group in groups:
        alone = f"{group.by_themselves} ended by themselves"
        yield {
            "name": one_line(group.alert_name, _NAME_CHARS),
            "numbers": f"{group.incidents} incidents, {count(group.alerts, 'alert')}, {group.paged} paged, {alone}",
            "advice": advice_in_words(group.advice),
            # JSON on one line is also YAML, so it can be pasted into rules.yaml.
            "rule": f"- {json.dumps(group.advice.rule, ensure_ascii=False)}" if group.advice.rule else "",
        }


def _ends_by_day(records: Sequence[IncidentRecord], asked: Asked, frame: Frame) -> Chart:
    today = frame.now.astimezone(frame.zone).date()
    every = [today - timedelta(days=back) for back in reversed(range(asked.days))]
    ended = Counter((record.incident.opened_at.astimezone(frame.zone).date(), ending_of(record)) for record in records)
    series = [
        Series(name, tone, [sum(ended[day, ending] for ending in endings) for day in every])
        for (name, endings), tone in zip(COLUMNS.items(), _TONES, strict=True)
    ]
    change = None
    if asked.change is not None and (begun := asked.change.astimezone(frame.zone).date()) >= every[0]:
        change = float((begun - every[0]).days)
    title = "How incidents ended, by the day on which they began"
    return stacked(title, [f"{day.day} {day:%b}" for day in every], series, change=change)


def _by_week(weeks: Sequence[Figures], asked: Asked, frame: Frame) -> Iterator[Chart]:
    if not weeks:
        return
    names = [row.name for row in weeks]
    change = float(names.index(week)) if asked.change and (week := week_of(asked.change, frame.zone)) in names else None
    for title, spreads in (
        ("Acknowledged after, by week", [row.acknowledge for row in weeks]),
        ("Resolved after, by week", [row.resolve for row in weeks]),
    ):
        values = [[each.p50 for each in spreads], [each.p90 for each in spreads]]
        series = [
            Series(name, tone, [None if span is None else span.total_seconds() for span in spans])
            for name, tone, spans in zip(("p50", "p90"), ("main", "warn"), values, strict=True)
        ]
        yield beside(title, names, series, words=_duration, change=change)
    day, night = [row.pages - row.at_night for row in weeks], [row.at_night for row in weeks]
    yield stacked("Pages, by week", names, [Series("by day", "main", day), Series("at night", "stop", night)])


def _duration(seconds: float) -> str:
    return short_duration(timedelta(seconds=seconds))
