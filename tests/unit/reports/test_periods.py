"""The figures of a period."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.models import IncidentRecord, Outcome, Usage
from firstline.people.actor import Actor
from firstline.people.reported_alerts import reopened
from firstline.policy.people import Person
from firstline.reports.ends import ENDINGS, Ending, ending_of, reopens
from firstline.reports.pages import Clocks
from firstline.reports.periods import By, Report, reads_since, report
from firstline.reports.spread import ENOUGH_FOR_P90, spread
from tests.support.builders import a_classification, a_page, a_plan, a_record, a_result, an_alert, an_incident

OPENED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW = OPENED + timedelta(days=10)
CLOCKS = Clocks(UTC, {})


def ended(outcome: Outcome | None, minutes: float = 9, *, opened: datetime = OPENED, **fields: Any) -> IncidentRecord:
    """An incident that lasted so many minutes; without an outcome it goes on."""
    service, group = fields.pop("service", "shop"), fields.pop("group_key", "g1")
    alert = fields.pop("alert", an_alert(service=service, group_key=group))
    incident = an_incident(alert, opened_at=opened, incident_id=f"inc-{opened:%d-%H%M}-{minutes:g}")
    over = {"status": "CLOSED", "closed_at": opened + timedelta(minutes=minutes), "outcome": outcome}
    fields = {"last_alert_at": opened, "classification": None, **(over if outcome else {}), **fields}
    return a_record(incident, **fields)


def of(records: Iterable[IncidentRecord], **changes: Any) -> Report:
    given: dict[str, Any] = {"since": OPENED - timedelta(days=1), "until": NOW, "by": "week", "clocks": CLOCKS}
    return report(records, **given | changes)


def after(minutes: float) -> datetime:
    return OPENED + timedelta(minutes=minutes)


# --- durations --------------------------------------------------------------------------------------------------------


def test_durations_leave_out_suppressed_incidents_and_an_acknowledgement_counts_from_the_page() -> None:
    total = of(
        [
            ended("suppressed", 0),
            ended("auto_resolved", 4),
            ended("self_cleared", 6),
            ended("resolved", 60, paged_at=after(1), acknowledged_at=after(4), resolved_at=after(50)),
        ]
    ).total
    assert (total.incidents, total.paged) == (4, 1)
    assert (total.acknowledge.n, total.acknowledge.p50) == (1, timedelta(minutes=3))
    assert (total.resolve.n, total.resolve.p50) == (3, timedelta(minutes=6))


def test_the_share_of_several_ends_is_that_of_all_incidents() -> None:
    total = of([ended("suppressed", 0), ended("auto_resolved", 4), ended("self_cleared", 6), ended("expired")]).total
    assert total.share("suppressed", "self_cleared") == pytest.approx(2 / 4)


def test_an_acknowledgement_without_a_page_counts_from_the_opening() -> None:
    assert of([ended("resolved", acknowledged_at=after(5))]).total.acknowledge.p50 == timedelta(minutes=5)


@pytest.mark.parametrize("outcome", ["expired", "no_data", None])
def test_an_incident_without_a_known_end_is_counted_but_has_no_duration(outcome: Any) -> None:
    total = of([ended(outcome, 9_000, resolved_at=after(1)), ended("resolved", 10)]).total
    assert (total.incidents, total.resolve.n, total.resolve.p50) == (2, 1, timedelta(minutes=10))


def test_clocks_that_disagree_never_make_a_duration_negative() -> None:
    total = of([ended("resolved", -1, acknowledged_at=after(-0.5))]).total
    assert total.acknowledge.p50 is not None
    assert total.resolve.p50 is not None
    assert min(total.acknowledge.p50, total.resolve.p50) > timedelta(0)


DURATIONS = st.lists(st.timedeltas(timedelta(0), timedelta(days=30)), max_size=40)


@given(DURATIONS)
def test_percentiles_are_values_that_occurred_and_cover_their_share(durations: list[timedelta]) -> None:
    found = spread(reversed(durations))
    assert found.n == len(durations)
    assert (found.p50 is None) == (not durations)
    assert (found.p90 is None) == (len(durations) < ENOUGH_FOR_P90)
    for value, share in ((found.p50, 0.5), (found.p90, 0.9)):
        if value is not None:
            within = sum(duration <= value for duration in durations)
            below = sum(duration < value for duration in durations)
            assert value in durations
            assert below < share * len(durations) + 1e-9 <= within + 2e-9


def test_the_ninth_of_ten_is_the_ninth_decile() -> None:
    ten = [timedelta(minutes=minute) for minute in range(1, 11)]
    assert spread(ten).p90 == timedelta(minutes=9)
    assert spread(ten[:9]).p90 is None


# --- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "record"),
    [
        ("verified", ended("auto_resolved", results=[a_result(kind="verify")])),
        ("verified", ended("auto_resolved", verified_at=after(3))),
        ("acted", ended("auto_resolved", results=[a_result(), a_result(kind="verify", status="Failed")])),
        ("self_cleared", ended("self_cleared")),
        ("suppressed", ended("suppressed")),
        ("people", ended("resolved", acknowledged_by="ada", acknowledged_at=after(2))),
        ("people", ended("resolved", resolved_by="ada", resolved_at=after(2))),
        ("unanswered", ended("resolved", paged_at=after(1))),
        ("expired", ended("expired")),
        ("no_data", ended("no_data")),
        ("open", ended(None)),
    ],
)
def test_each_incident_has_one_end(ending: Ending, record: IncidentRecord) -> None:
    assert ending_of(record) == ending


RECORDS = st.lists(
    st.builds(
        lambda outcome, hours, service, runbook: ended(
            outcome,
            opened=OPENED + timedelta(hours=hours),
            service=service,
            plan=runbook and a_plan(runbook_id=runbook),
        ),
        st.sampled_from([*get_args(Outcome.__value__), None]),
        st.integers(0, 200),
        st.sampled_from(["shop", "mail", None]),
        st.sampled_from(["low-disk", None]),
    ),
    max_size=12,
)


@given(RECORDS, st.sampled_from(["week", "service", "runbook"]))
def test_every_split_sums_to_the_total(records: list[IncidentRecord], by: By) -> None:
    found = of(records, by=by)
    assert found.total.incidents == len(records) == sum(found.total.ends.values())
    assert list(found.total.ends) == list(ENDINGS)
    for name in ("incidents", "alerts", "pages", "paged", "asked"):
        assert sum(getattr(row, name) for row in found.rows) == getattr(found.total, name)
    for ending in ENDINGS:
        assert sum(row.ends[ending] for row in found.rows) == found.total.ends[ending]
    assert sum(row.resolve.n for row in found.rows) == found.total.resolve.n


ADA = Actor(person=Person(key="ada", name="ada", role="operator"), through="console", principal="ada")


def test_only_the_alert_of_a_person_names_the_incident_that_it_reopens() -> None:
    first = ended("auto_resolved", 9)
    again = reopened(first, "it still\nburns.\nIt was not over.", ADA, after(30))

    assert reopens(again) == first.incident.incident_id
    assert reopens(again.model_copy(update={"source": "generic"})) is None


def test_an_incident_counts_as_reopened_if_a_person_said_so_and_as_back_if_its_group_returned_within_an_hour() -> None:
    first = ended("auto_resolved", 9)
    again = reopened(first, "it still burns", ADA, after(30))
    second = ended("resolved", 5, opened=after(30), alert=again)
    more_than_an_hour_after_the_second = ended("resolved", 5, opened=after(30 + 5 + 61))

    found = of([first, second, more_than_an_hour_after_the_second])

    assert (found.total.reopened, found.total.came_back) == (1, 1)
    assert found.total.back == 1, "a return that a person reported is one return"


# --- the period -------------------------------------------------------------------------------------------------------


def test_a_period_has_the_incidents_that_began_in_it_by_week_in_the_stacks_time_zone() -> None:
    sunday_night = datetime(2026, 3, 8, 23, 30, tzinfo=UTC)
    records = [ended("resolved", opened=OPENED - timedelta(days=2)), ended(None), ended(None, opened=sunday_night)]
    berlin = Clocks(ZoneInfo("Europe/Berlin"), {})

    assert [(row.name, row.incidents) for row in of(records).rows] == [("2026-W09", 1), ("2026-W10", 1)]
    assert [row.name for row in of(records, clocks=berlin).rows] == ["2026-W09", "2026-W11"]


@pytest.mark.parametrize(
    ("days_ago", "span"), [(2, 2), (8, 5)], ids=["in the period, until now", "before it, as long as the period"]
)
def test_a_change_is_compared_over_equal_spans(days_ago: int, span: int) -> None:
    change = NOW - timedelta(days=days_ago)
    minute = timedelta(minutes=1)
    moments = [change - timedelta(days=span) - minute, change - minute, change, change + minute]
    since = NOW - timedelta(days=5)

    found = of([ended("resolved", opened=at) for at in moments], since=since, change=change).comparison

    assert found is not None
    assert (found.span, found.before.incidents, found.after.incidents) == (timedelta(days=span), 1, 2)
    assert reads_since(since, NOW, change) == min(since, change - timedelta(days=span))


def test_figures_without_incidents_are_none_and_not_zero() -> None:
    total = of([]).total
    assert (total.acknowledge.p50, total.resolve.p50, total.share("verified")) == (None, None, None)


# --- pages and cost ---------------------------------------------------------------------------------------------------


def test_pages_are_counted_by_person_and_nights_in_the_persons_time_zone() -> None:
    class Turns:
        time_zone, members = "America/New_York", ("dora",)

    nine_utc = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)  # 4 in New York
    pages = [
        a_page(on_call="dora", at=nine_utc),
        a_page(on_call="ada", at=nine_utc, seq=2),
        a_page(on_call="ada", at=nine_utc + timedelta(hours=13), seq=3),
        a_page(on_call="ada", at=None, seq=4),
    ]
    clocks = Clocks(UTC, {"us": Turns()})  # type: ignore[dict-item]

    found = of([ended("resolved", pages=pages, paged_at=nine_utc)], clocks=clocks)

    assert [(person.person, person.pages, person.at_night, person.zone) for person in found.people] == [
        ("ada", 2, 1, "UTC"),
        ("dora", 1, 1, "America/New_York"),
    ]
    assert (found.total.pages, found.total.at_night, found.total.paged) == (3, 2, 1)


@pytest.mark.parametrize(("cost", "total"), [(1.5, 2.0), (None, None)])
def test_the_models_usage_counts_suppressed_incidents_too_and_a_missing_price_makes_the_cost_unknown(
    cost: float | None, total: float | None
) -> None:
    def verdict(**usage: Any) -> Any:
        return a_classification(severity="low", decided_by="llm", usage=Usage(**usage))

    found = of(
        [
            ended("suppressed", classification=verdict(prompt_tokens=300, completion_tokens=20, cost=0.5)),
            ended("resolved", classification=verdict(prompt_tokens=700, completion_tokens=80, cost=cost)),
            ended("resolved", classification=verdict()),
            ended(None),
        ]
    ).total
    assert found.asked == 2
    assert found.usage == Usage(prompt_tokens=1_000, completion_tokens=100, cost=total)
