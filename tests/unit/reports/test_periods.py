"""The numbers of a period."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firstline.models import Classification, IncidentRecord, Usage
from firstline.reports.periods import report
from tests.support.builders import a_classification, incident

OPENED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def closed(outcome: str, *, minutes: float, **fields: Any) -> IncidentRecord:
    ended = OPENED + timedelta(minutes=minutes)
    return IncidentRecord.model_validate(
        {
            "incident": incident(opened_at=OPENED),
            "status": "CLOSED",
            "alert_count": 2,
            "last_alert_at": OPENED,
            "closed_at": ended,
            "outcome": outcome,
            **fields,
        }
    )


def test_a_period_in_numbers() -> None:
    # Given one incident of each kind
    records = [
        closed("suppressed", minutes=0),
        closed("auto_resolved", minutes=4),
        closed("self_cleared", minutes=6),
        closed(
            "resolved",
            minutes=60,
            paged_at=OPENED + timedelta(minutes=1),
            acknowledged_at=OPENED + timedelta(minutes=4),
            resolved_at=OPENED + timedelta(minutes=50),
        ),
    ]

    # When they are reckoned up
    numbers = report(records)

    # Then noise counts as noise only, and a person's answer is measured from the page on
    assert (numbers.incidents, numbers.suppressed, numbers.alerts) == (3, 1, 8)
    assert numbers.mean_time_to_acknowledge == timedelta(minutes=3)
    assert numbers.mean_time_to_resolve == timedelta(minutes=20)
    assert numbers.auto_resolved_share == pytest.approx(1 / 3)
    assert numbers.self_cleared_share == pytest.approx(1 / 3)
    assert numbers.escalated_share == pytest.approx(1 / 3)


def test_an_acknowledgement_without_a_page_counts_from_the_opening() -> None:
    numbers = report([closed("resolved", minutes=9, acknowledged_at=OPENED + timedelta(minutes=5))])
    assert numbers.mean_time_to_acknowledge == timedelta(minutes=5)
    assert numbers.escalated_share == 0


def test_an_expired_incident_has_no_end_to_measure() -> None:
    numbers = report([closed("expired", minutes=10_000), closed("resolved", minutes=10)])
    assert numbers.mean_time_to_resolve == timedelta(minutes=10)
    assert numbers.incidents == 2


def test_clocks_that_disagree_never_make_a_mean_negative() -> None:
    early = OPENED - timedelta(seconds=30)
    numbers = report([closed("resolved", minutes=-1, acknowledged_at=early)])
    assert numbers.mean_time_to_acknowledge is not None
    assert numbers.mean_time_to_acknowledge >= timedelta(0)
    assert numbers.mean_time_to_resolve is not None
    assert numbers.mean_time_to_resolve >= timedelta(0)


@pytest.mark.parametrize("records", [[], [closed("suppressed", minutes=0)]])
def test_a_mean_over_nothing_is_none(records: list[IncidentRecord]) -> None:
    numbers = report(records)
    assert numbers.mean_time_to_acknowledge is None
    assert numbers.mean_time_to_resolve is None
    assert numbers.auto_resolved_share is None
    assert numbers.escalated_share is None


def verdict(**usage: Any) -> Classification:
    return a_classification(severity="low", decided_by="llm", usage=Usage(**usage))


def test_what_the_model_took_counts_for_noise_too() -> None:
    numbers = report(
        [
            closed("suppressed", minutes=0, classification=verdict(prompt_tokens=300, completion_tokens=20, cost=0.5)),
            closed("resolved", minutes=9, classification=verdict(prompt_tokens=700, completion_tokens=80, cost=1.5)),
            closed("resolved", minutes=9, classification=verdict()),
            closed("resolved", minutes=9),
        ]
    )
    assert numbers.asked == 2
    assert numbers.usage == Usage(prompt_tokens=1_000, completion_tokens=100, cost=2.0)


def test_a_price_that_nobody_set_makes_the_sum_unknown() -> None:
    numbers = report(
        [
            closed("resolved", minutes=9, classification=verdict(prompt_tokens=300, cost=None)),
            closed("resolved", minutes=9, classification=verdict(prompt_tokens=700, cost=1.5)),
        ]
    )
    assert numbers.usage.cost is None
