"""The likeness of incidents: words about the trouble count, names of hosts and services hardly do."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.classification.similar import MAX_SIMILAR, OTHER_SERVICE, SIMILAR_FROM, likeness, most_similar
from firstline.classification.templates import template_of
from firstline.models import EarlierIncident, Incident

type MakeEnded = Callable[..., EarlierIncident]


@pytest.fixture
def one_like(incident: Callable[..., Incident], now: datetime) -> MakeEnded:
    """Make a closed incident of another group that ended `days` ago; keywords change its alert or its template."""

    def make(days: float = 1, group_key: str = "prometheus:other", **changes: Any) -> EarlierIncident:
        own = {name: changes.pop(name) for name in list(changes) if name == "template"}
        alert = incident(group_key=group_key, **changes).alert
        ended_at = now - timedelta(days=days)
        whole: dict[str, Any] = {
            "incident_id": f"{group_key}-{days}".replace(":", "-"),
            "opened_at": ended_at - timedelta(minutes=9),
            "closed_at": ended_at,
            "severity": "high",
            "outcome": "resolved",
            "group_key": group_key,
            "alert_name": alert.alert_name,
            "service": alert.service,
            "template": template_of(alert),
        }
        return EarlierIncident(**(whole | own))

    return make


def test_an_incident_with_the_same_words_and_other_numbers_has_the_full_score(
    incident: Callable[..., Incident], one_like: MakeEnded, now: datetime
) -> None:
    alert = incident(message="Memory is at 97 % for 10 minutes").alert
    (found,) = most_similar(alert, [one_like(message="Memory is at 81 % for 2 minutes")], group_key="mine", now=now)
    assert found.score == 1


def test_incidents_of_the_same_group_are_not_returned_as_similar(
    incident: Callable[..., Incident], one_like: MakeEnded, now: datetime
) -> None:
    assert most_similar(incident().alert, [one_like(group_key="mine")], group_key="mine", now=now) == []


def test_incidents_older_than_a_month_or_without_a_template_are_not_similar(
    incident: Callable[..., Incident], one_like: MakeEnded, now: datetime
) -> None:
    candidates = [one_like(days=31), one_like(template="")]
    assert most_similar(incident().alert, candidates, group_key="mine", now=now) == []


def test_another_services_same_words_count_less_and_come_after(
    incident: Callable[..., Incident], one_like: MakeEnded, now: datetime
) -> None:
    candidates = [
        one_like(group_key="elsewhere", service="search"),
        one_like(group_key="reworded", alert_name="RamFull", message="The heap of web-2 is exhausted: memory 99 %"),
        one_like(group_key="upper", service="PAYMENTS", days=3),
    ]
    found = most_similar(incident(service="payments").alert, candidates, group_key="mine", now=now)
    assert [similar.incident.group_key for similar in found] == ["upper", "reworded", "elsewhere"]
    assert found[-1].score == OTHER_SERVICE


def test_of_each_group_only_its_newest_equal_is_returned(
    incident: Callable[..., Incident], one_like: MakeEnded, now: datetime
) -> None:
    candidates = [one_like(days=9, group_key="b"), one_like(days=5), one_like(days=2), one_like(days=7)]
    found = most_similar(incident().alert, candidates, group_key="mine", now=now)
    assert [similar.incident.closed_at for similar in found] == [now - timedelta(days=2), now - timedelta(days=9)]


def test_at_most_the_five_best_are_returned(
    incident: Callable[..., Incident], one_like: MakeEnded, now: datetime
) -> None:
    candidates = [one_like(days=number / 10, group_key=f"g{number}") for number in range(1, 120)]
    found = most_similar(incident().alert, candidates, group_key="mine", now=now)
    assert len(found) == MAX_SIMILAR
    assert found[0].incident.group_key == "g1"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("disk full: filesystem <path> is full", "no space: no space left on device <path>"),
        ("redis down: redis is unreachable", "cache gone: cannot connect to redis"),
        ("cert: tls certificate expires in <n>", "ssl cert about to expire: ssl cert is valid until <time>"),
        ("queue: 7 deadletter messages", "dlq: dead letter queue holds <n> messages"),
    ],
)
def test_alerts_that_name_one_trouble_in_different_words_are_similar(one: str, other: str) -> None:
    assert likeness(one, "shop", other, "shop") >= SIMILAR_FROM


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shop high cpu: cpu usage of <host> is above <n>", "shop high latency: latency of <host> is above <n>"),
        ("a: threshold crossed a was greater than <n>", "b: threshold crossed b was greater than <n>"),
        ("shop down: shop is down", "shop cert: certificate of shop expires"),
        ("<n>: <n>", "<n>: <host>"),
    ],
)
def test_words_that_every_alert_has_make_no_alerts_similar(one: str, other: str) -> None:
    assert likeness(one, "shop", other, "shop") < SIMILAR_FROM


TEMPLATES = st.lists(
    st.sampled_from(["disk", "memory", "full", "latency", "<n>", "payments", "the", "磁盘", "timeouts", "timeout"])
).map(lambda words: " ".join(words))


@given(TEMPLATES, TEMPLATES)
def test_likeness_is_a_share_and_the_same_from_both_sides(one: str, other: str) -> None:
    score = likeness(one, None, other, None)
    assert 0 <= score <= 1
    assert score == pytest.approx(likeness(other, None, one, None))
