"""The evidence in the model's prompt: bounded, most important first, each item with its source and age."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.classification.prompt import BYTES_PER_TOKEN, MAX_TOKENS, age, estimated_tokens, pack
from firstline.models import AlertCount, EarlierIncident, Evidence, Incident, Maintenance, MetricSeries, SimilarIncident
from tests.support.depth import tries

type MakeEvidence = Callable[..., Evidence]


@pytest.fixture
def everything(evidence: MakeEvidence, ended: Any, deployment: Any, now: datetime) -> MakeEvidence:
    """Make evidence with items of every kind."""

    def make(**changes: Any) -> Evidence:
        (like,) = ended("auto_resolved", runbook_id="low-disk", days=12)
        like = like.model_copy(
            update={"alert_name": "HeapFull", "service": "search", "template": "heap full: heap of <host> is full"}
        )
        whole: dict[str, Any] = {
            "same_name_last_hour": 3,
            "same_name_last_day": 7,
            "same_service": AlertCount(last_hour=4, last_day=30),
            "earlier": ended("self_cleared", "resolved"),
            "similar": [SimilarIncident(incident=like, score=0.5)],
            "deployments": [deployment(100, service="mail"), deployment(12)],
            "service_deployed_at": now - timedelta(minutes=12),
            "topology": {"cluster": "blue", "zone": "eu-west-1a"},
            "metric": MetricSeries(
                label="CPUUtilization, Average", period_seconds=60, values=[1.23456, 99], ends_at=now
            ),
            "maintenance": [Maintenance(window="w", reason="New switches.", owner="net@", at_most="low")],
        }
        return evidence(**(whole | changes))

    return make


def test_each_item_has_its_kind_source_and_age_and_the_most_important_is_first(
    incident: Callable[..., Incident], everything: MakeEvidence, ended: Any, deployment: Any, now: datetime
) -> None:
    known = everything(
        deployments=[deployment(100, service="mail"), deployment(12)], earlier=ended("self_cleared", "resolved")
    )
    packed = pack(incident(), known, now)
    # The group's newest incident, declared work and the alert's own rate come before what is older or further away.
    assert [(item["what"], item["source"], item["age"]) for item in packed.items] == [
        ("earlier incident of this group", "history", "24 h"),
        ("declared maintenance", "rules", "0 min"),
        ("alerts of this name", "alert log", "0 min"),
        ("earlier incident of this group", "history", "2 days"),
        ("deployment", "deployments", "12 min"),
        ("metric", "CloudWatch", "0 min"),
        ("alerts of this service", "alert log", "0 min"),
        ("time", "clock", "0 min"),
        ("place", "labels", "0 min"),
        ("similar incident", "history", "12 days"),
        ("deployment", "deployments", "100 min"),
    ]
    assert packed.left_out == 0


def test_each_item_holds_the_facts_of_its_evidence(
    incident: Callable[..., Incident], everything: MakeEvidence, now: datetime
) -> None:
    known = everything(
        metric=MetricSeries(label="CPUUtilization", period_seconds=60, values=[1.23456, 99], ends_at=now),
        same_service=AlertCount(last_hour=4, last_day=30),
        topology={"zone": "eu-west-1a"},
        maintenance=[Maintenance(window="w", reason="New switches.", owner="net@", at_most="low")],
    )
    items = {item["what"]: item for item in pack(incident(), known, now).items}
    assert items["similar incident"] == {
        "what": "similar incident",
        "source": "history",
        "age": "12 days",
        "alike": 0.5,
        "name": "HeapFull",
        "service": "search",
        "words": "heap of <host> is full",
        "lasted_minutes": 9,
        "severity": "high",
        "ended": "auto_resolved",
        "runbook": "low-disk",
        "note": "",
    }
    assert items["metric"]["values"] == [1.235, 99.0]
    assert items["alerts of this service"]["last_day"] == 30
    assert items["place"]["zone"] == "eu-west-1a"
    assert (items["declared maintenance"]["by"], items["declared maintenance"]["why"]) == ("net@", "New switches.")


def test_the_last_deployment_of_the_service_is_packed_when_it_is_no_suspect(
    incident: Callable[..., Incident], evidence: MakeEvidence, now: datetime
) -> None:
    packed = pack(incident(), evidence(service_deployed_at=now - timedelta(days=9)), now)
    (told,) = (item for item in packed.items if item["what"] == "last deployment of this service")
    assert told["age"] == "9 days"


def test_items_that_do_not_fit_are_left_out_and_counted_and_the_most_important_stays(
    incident: Callable[..., Incident], everything: MakeEvidence, ended: Any, now: datetime
) -> None:
    known = everything(earlier=ended(*["resolved"] * 20))
    whole = pack(incident(), known, now, max_tokens=100_000)
    small = pack(incident(), known, now, max_tokens=160)
    assert sum(map(estimated_tokens, small.items)) <= 160
    assert small.items[0]["what"] == "earlier incident of this group"
    assert small.left_out == len(whole.items) + whole.left_out - len(small.items) > 0


@settings(max_examples=tries(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=600), scale=st.integers(min_value=1, max_value=20))
def test_whatever_the_evidence_says_the_pack_is_bounded_json(
    text: str,
    scale: int,
    incident: Callable[..., Incident],
    everything: MakeEvidence,
    ended: Any,
    deployment: Any,
    now: datetime,
) -> None:
    long = (text * scale)[:4_000]
    noted: list[EarlierIncident] = [
        incident.model_copy(
            update={"outcome_reason": long, "note": long, "template": f"x: {long[:500]}", "alert_name": "n"}
        )
        for incident in ended(*["resolved"] * 20)
    ]
    known = everything(
        earlier=noted,
        similar=[SimilarIncident(incident=incident, score=1) for incident in noted[:5]],
        deployments=[deployment(version=long[:200])] * 20,
        topology={"cluster": long},
        maintenance=[Maintenance(window="w", reason=long, owner=long[:200], at_most=None)] * 9,
    )
    packed = pack(incident(), known, now)
    assert sum(map(estimated_tokens, packed.items)) <= MAX_TOKENS
    assert estimated_tokens(packed.items) <= MAX_TOKENS * 1.05


@pytest.mark.parametrize(
    ("minutes", "told"), [(0, "0 min"), (119, "119 min"), (120, "2 h"), (47 * 60, "47 h"), (3 * 1_440, "3 days")]
)
def test_ages_are_told_in_the_unit_that_people_use(minutes: int, told: str, now: datetime) -> None:
    assert age(now - timedelta(minutes=minutes), now) == told


def test_tokens_are_estimated_on_the_safe_side() -> None:
    a_letter, two_quotes = 1, 2  # bytes; JSON writes quotes around each text
    assert estimated_tokens("") == 1
    assert estimated_tokens("abcdef") == ceil((6 * a_letter + two_quotes) / BYTES_PER_TOKEN)
    assert estimated_tokens("磁盘") == ceil((2 * 3 + two_quotes) / BYTES_PER_TOKEN), "each sign has three bytes"
    assert estimated_tokens("\ud800") == 1, "a lone surrogate cannot be encoded, and does not raise"
