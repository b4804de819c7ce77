"""Messages that are no alarms: when they end, and what is one thing in several words."""

from typing import Any

import pytest

from firstline.sources import normalize, normalize_batch
from firstline.sources.notices.notice import essence
from tests.unit.sources.notices import bridged, by_rule, insight, invocation, over_sns, pipeline


def keys(*messages: Any) -> list[tuple[str, str]]:
    """Return the identity and the incident of each message's one alert."""
    alerts = [normalize("cloudwatch", over_sns(message))[0] for message in messages]
    return [(alert.fingerprint, alert.group_key) for alert in alerts]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (invocation(), invocation(order=2)),
        (insight(), insight("CLOSED_INSIGHT")),
        (pipeline("Pipeline"), by_rule(pipeline("Pipeline"))),
        ("No backup of ledger for 3 days", "No backup of ledger for 4 days"),
    ],
)
def test_the_same_thing_in_other_words_is_one_alert(one: Any, other: Any) -> None:
    first, second = keys(one, other)

    assert first == second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pipeline("Pipeline"), pipeline("Stage", stage="Deploy")),
        (pipeline("Action", stage="Deploy", action="Blue"), pipeline("Action", stage="Deploy", action="Green")),
    ],
)
def test_the_parts_of_a_pipeline_are_alerts_of_one_incident(one: Any, other: Any) -> None:
    (alert, group), (other_alert, other_group) = keys(one, other)

    assert alert != other_alert
    assert group == other_group


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("it lags for 90 minutes, then for 2 days", "it lags for , then for"),
        ("5 dayparts of 3 weekly runs", "5 dayparts of 3 weekly runs"),
    ],
)
def test_how_long_it_lasts_is_no_part_of_a_text(text: str, kept: str) -> None:
    assert essence(text) == kept


@pytest.mark.parametrize(
    ("began", "ended"),
    [
        (("PROBLEM: pump 7 leaks", "PROBLEM: pump 7"), ("RESOLVED: pump 7 leaks", "RESOLVED: pump 7")),
        (("[ALARM] pump 7 leaks since 03:01", None), ("✅ [OK] pump 7 leaks since 03:01", None)),
        (("pump 7 leaks", None), ("Recovered - pump 7 leaks", None)),
        (({"pump": 7, "state": "LEAKS"}, "pump 7"), ({"state": "recovered", "pump": 7}, "pump 7")),
        (({"detail": {"pump": 7, "status": "bad"}}, None), ({"detail": {"pump": 7, "status": "OK"}}, None)),
    ],
)
def test_an_unknown_message_that_says_that_it_is_over(began: Any, ended: Any) -> None:
    (fires,), (ends,) = (normalize("cloudwatch", over_sns(*message)) for message in (began, ended))

    assert (fires.status, ends.status) == ("firing", "resolved")
    assert (ends.fingerprint, ends.group_key) == (fires.fingerprint, fires.group_key)


@pytest.mark.parametrize(
    "text", ["OK to shut pump 7 down?", "Resolved tickets: none", "pump 7: not OK: leaks", "UNRESOLVED: pump 7", "ok"]
)
def test_a_text_that_only_sounds_like_an_end_fires(text: str) -> None:
    assert normalize("cloudwatch", over_sns(text))[0].status == "firing"


def test_a_batch_of_nothing_has_a_reason() -> None:
    batch = normalize_batch("cloudwatch", bridged("Security Hub Findings - Imported", {"findings": []}))

    assert (batch.alerts, len(batch.ignored)) == ([], 1)
