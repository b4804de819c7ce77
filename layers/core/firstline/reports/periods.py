"""The figures of a period that teams compare: MTTA, MTTR, how incidents ended, pages, and the model's cost.

An incident counts in the period in which it began, even if it is still open. So a slow incident is not left out
because it is slow.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from pydantic import Field

from firstline.models import Frozen, IncidentRecord, Usage
from firstline.reports.ends import ENDINGS, Ending, came_back, ending_of, reopened
from firstline.reports.noise import Noisy, noisiest
from firstline.reports.pages import Clocks, PagesOf, pages_of_people
from firstline.reports.spread import Spread, spread

type By = Literal["week", "service", "runbook"]

NONE = "–"
"""The name of the row of incidents without a service, or without a runbook."""

_MOMENT = timedelta(microseconds=1)


class Figures(Frozen):
    """The figures of a set of incidents, such as those of a week.

    `ends` counts each incident once, by who or what ended it. Suppressed incidents are left out of `acknowledge` and
    `resolve`, because noise that disturbed nobody should improve no figure.

    acknowledge
        The times from the page (or without one, from the opening) to the acknowledgement.
    resolve
        The times from the opening to the end, without incidents that expired or lost their data: their end is unknown.
    paged
        The number of incidents that paged.
    pages, at_night
        The number of pages that went out, and how many of them went out at night.
    reopened
        The number of incidents that a person reopened.
    came_back
        The number of incidents that another incident of the same group key followed within an hour of their close.
    back
        The number of incidents that count as reopened, as come back, or as both.
    asked, usage
        The number of incidents about which a model was asked, and the tokens and cost of asking.
    """

    name: str
    incidents: int
    ends: dict[Ending, int]
    alerts: int
    acknowledge: Spread
    resolve: Spread
    paged: int
    pages: int
    at_night: int
    reopened: int
    came_back: int
    back: int = Field(exclude=True)
    asked: int
    usage: Usage

    def share(self, *endings: Ending) -> float | None:
        """Return the share of the incidents that ended in one of these ways, or None without incidents."""
        return sum(self.ends[ending] for ending in endings) / self.incidents if self.incidents else None


class Comparison(Frozen):
    """The figures of the same span of time before and after a change."""

    change: datetime
    span: timedelta
    before: Figures
    after: Figures


class Report(Frozen):
    """The report of the period from `since` to `until`."""

    since: datetime
    until: datetime
    by: By
    total: Figures
    rows: list[Figures]
    people: list[PagesOf]
    noisiest: list[Noisy]
    comparison: Comparison | None = None


def report(
    records: Iterable[IncidentRecord],
    *,
    since: datetime,
    until: datetime,
    by: By,
    clocks: Clocks,
    change: datetime | None = None,
) -> Report:
    """Compute the report of the incidents that began in a period, without test incidents (of `firstline test`).

    Parameters
    ----------
    records
        Closed and open incidents with their pages. Those that began before `since` count only in the comparison.
    since, until
        The begin of the period, and its end, which does not belong to it.
    by
        What each row of the report is for: a week, a service or a runbook.
    clocks
        The time zones of people, by which pages at night are counted, and of the stack.
    change
        The moment of a change, so that the figures before and after it are compared. `records` must then hold the
        incidents from `reads_since(since, until, change)` on.
    """
    every = [record for record in real_incidents(records) if record.incident.opened_at < until]
    mine = [record for record in every if record.incident.opened_at >= since]
    counting = _Counting(clocks, frozenset(reopened(every)), frozenset(came_back(every)))
    return Report(
        since=since,
        until=until,
        by=by,
        total=counting.figures("all", mine),
        rows=counting.rows(mine, by),
        people=pages_of_people(mine, clocks),
        noisiest=noisiest(mine, clocks.zone),
        comparison=None if change is None else counting.comparison(every, change, until - since, until),
    )


def reads_since(since: datetime, until: datetime, change: datetime | None) -> datetime:
    """Return the time from which on incidents must be read for a report: `since`, or earlier to compare a change."""
    return since if change is None else min(since, change - _span(until - since, change, until))


def real_incidents(records: Iterable[IncidentRecord]) -> list[IncidentRecord]:
    """Return all incidents but the test incidents that `firstline test` opened."""
    return [record for record in records if not record.incident.is_test]


def acknowledged_after(record: IncidentRecord) -> timedelta | None:
    """Return the time from the page (or, without one, the opening) to the acknowledgement; None if there is none."""
    if record.acknowledged_at is None:
        return None
    return max(_MOMENT, record.acknowledged_at - (record.paged_at or record.incident.opened_at))


def resolved_after(record: IncidentRecord) -> timedelta | None:
    """Return the time from the opening to the end; None if the incident is open, expired or ended without data."""
    ended = record.resolved_at or record.closed_at
    if ended is None or record.status == "OPEN" or record.outcome in ("expired", "no_data"):
        return None
    return max(_MOMENT, ended - record.incident.opened_at)


def week_of(moment: datetime, zone: tzinfo) -> str:
    """Return the ISO week of a moment in a time zone, as `2026-W48`."""
    year, week, _ = moment.astimezone(zone).isocalendar()
    return f"{year}-W{week:02}"


def _span(wanted: timedelta, change: datetime, until: datetime) -> timedelta:
    """Return the shorter of the span `wanted` and the time from `change` to `until`; at least 0."""
    return max(timedelta(0), min(wanted, until - change))


@dataclass(frozen=True)
class _Counting:
    """A counter that makes `Figures` of incidents.

    `reopened` holds the ids of the incidents that a person reopened, `came_back` the ids of those that another of the
    same group key followed within an hour of their close.
    """

    clocks: Clocks
    reopened: frozenset[str]
    came_back: frozenset[str]

    def figures(self, name: str, records: Sequence[IncidentRecord]) -> Figures:
        ends = Counter(map(ending_of, records))
        real = [record for record in records if record.outcome != "suppressed"]
        usages = [record.classification.usage for record in records if record.classification]
        ids = {record.incident.incident_id for record in records}
        pages = [page for record in records for page in record.sent_pages]
        return Figures(
            name=name,
            incidents=len(records),
            ends={ending: ends[ending] for ending in ENDINGS},
            alerts=sum(record.alert_count for record in records),
            acknowledge=spread(filter(None, map(acknowledged_after, real))),
            resolve=spread(filter(None, map(resolved_after, real))),
            paged=sum(record.paged_at is not None for record in records),
            pages=len(pages),
            at_night=sum(map(self.clocks.is_night, pages)),
            reopened=len(ids & self.reopened),
            came_back=len(ids & self.came_back),
            back=len(ids & (self.came_back | self.reopened)),
            asked=sum(usage.tokens > 0 for usage in usages),
            usage=sum(usages, Usage()),
        )

    def rows(self, records: Sequence[IncidentRecord], by: By) -> list[Figures]:
        """Return the figures by week (oldest first), or by service or runbook (most incidents first)."""
        groups: dict[str, list[IncidentRecord]] = {}
        for record in records:
            groups.setdefault(self._key(by)(record), []).append(record)
        rows = [self.figures(name, mine) for name, mine in sorted(groups.items())]
        return rows if by == "week" else sorted(rows, key=lambda row: -row.incidents)

    def comparison(
        self, every: Sequence[IncidentRecord], change: datetime, wanted: timedelta, until: datetime
    ) -> Comparison:
        span = _span(wanted, change, until)

        def between(begin: datetime, end: datetime) -> list[IncidentRecord]:
            return [record for record in every if begin <= record.incident.opened_at < end]

        return Comparison(
            change=change,
            span=span,
            before=self.figures("before", between(change - span, change)),
            after=self.figures("after", between(change, change + span)),
        )

    def _key(self, by: By) -> Callable[[IncidentRecord], str]:
        match by:
            case "week":
                return lambda record: week_of(record.incident.opened_at.astimezone(UTC), self.clocks.zone)
            case "service":
                return lambda record: record.incident.alert.service or NONE
            case "runbook":
                return lambda record: record.plan.runbook_id if record.plan else NONE
