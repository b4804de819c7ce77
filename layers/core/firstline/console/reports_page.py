"""The report of the last days: how fast people and Firstline were, how incidents ended, and what was noisiest."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from firstline.console.charts import Chart, Series, stacked
from firstline.console.frame import Frame
from firstline.console.render import render
from firstline.models import IncidentRecord, Outcome
from firstline.reports.periods import real_incidents, report
from firstline.text import in_words, one_line

MOST_NOISY = 10
PERIODS = (7, 30, 90)

_ENDS: tuple[tuple[str, str, tuple[Outcome, ...]], ...] = (
    ("fixed by a runbook", "go", ("auto_resolved",)),
    ("cleared by itself", "main", ("self_cleared",)),
    ("resolved by people", "warn", ("resolved",)),
    ("expired or without data", "stop", ("expired", "no_data")),
    ("suppressed", "quiet", ("suppressed",)),
)


@dataclass(frozen=True)
class _Noisy:
    name: str
    incidents: int
    paged: int
    alerts: int


def reports_page(closed: Iterable[IncidentRecord], days: int, frame: Frame) -> str:
    """Render the report of the incidents that were closed within so many days."""
    records = real_incidents(closed)
    found = report(records)

    def percent(share: float | None) -> str:
        return "–" if share is None else f"{share:.0%}"

    numbers = [
        ("Incidents", f"{found.incidents}, and {found.suppressed} suppressed as noise; {found.alerts} alerts"),
        ("Acknowledged after", in_words(found.mean_time_to_acknowledge)),
        ("Resolved after", in_words(found.mean_time_to_resolve)),
        ("Fixed by a runbook", percent(found.auto_resolved_share)),
        ("Cleared by itself", percent(found.self_cleared_share)),
        ("Woke somebody", percent(found.escalated_share)),
    ]
    return render(
        "reports.html",
        **frame.values(f"The last {days} days", "reports"),
        shown_days=days,
        numbers=numbers,
        plots=[_ends_by_day(records, days, frame)],
        noisiest=_noisiest(records),
    )


def _ends_by_day(records: Sequence[IncidentRecord], days: int, frame: Frame) -> Chart:
    today = frame.now.astimezone(frame.zone).date()
    every = [today - timedelta(days=back) for back in reversed(range(days))]
    ended: Counter[tuple[date, str | None]] = Counter(
        (record.closed_at.astimezone(frame.zone).date(), record.outcome) for record in records if record.closed_at
    )
    series = [
        Series(name, tone, [sum(ended[day, outcome] for outcome in outcomes) for day in every])
        for name, tone, outcomes in _ENDS
    ]
    return stacked("How incidents ended, by day", [f"{day.day} {day:%b}" for day in every], series)


def _noisiest(records: Sequence[IncidentRecord]) -> list[_Noisy]:
    groups: dict[str, list[IncidentRecord]] = {}
    for record in records:
        groups.setdefault(record.incident.first_alert, []).append(record)
    noisy = [
        _Noisy(
            name=one_line(name, 120),
            incidents=len(mine),
            paged=sum(record.paged_at is not None for record in mine),
            alerts=sum(record.alert_count for record in mine),
        )
        for name, mine in groups.items()
    ]
    return sorted(noisy, key=lambda one: (one.incidents, one.alerts, one.name), reverse=True)[:MOST_NOISY]
