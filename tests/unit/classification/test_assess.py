"""The state Classify: what joined is judged, and what is stored of it."""

from typing import Any

import pytest

from firstline.errors import HistoryUnavailable
from firstline.models import (
    Word,
    kind_of,
)
from firstline.observability import metrics
from tests.support.classification_fixtures import NOW, FakeModel
from tests.unit.classification.desk import OTHER_HOST, Desk, rule

# --- what is stored ---------------------------------------------------------------------------------------------------


def test_a_verdict_is_stored_with_what_it_knew_of(desk: Desk) -> None:
    desk.open()

    verdict = desk.assess()

    assert desk.store.only.classification == verdict
    assert (desk.live.decided, desk.live.judged, desk.live.judged_loud.high) == (3, 1, 1)
    assert desk.live.started == 1


def test_noise_is_marked_at_once_and_its_verdict_is_stored_by_the_end(desk: Desk) -> None:
    desk.rules = [rule(severity="noise")]
    incident = desk.open()

    verdict = desk.assess()

    assert (verdict.severity, desk.live.decided, desk.live.judged) == ("noise", 0, 1)
    assert desk.store.only.classification is None
    desk.store.incidents.close(incident, 1, "suppressed", "", [], NOW, joined=1, verdict=verdict)
    assert desk.store.only.classification == verdict


def test_noise_that_does_not_end_its_incident_is_stored_when_it_is_judged_again(desk: Desk) -> None:
    desk.rules = [rule(severity="noise")]
    desk.open()
    desk.assess()
    desk.join(**OTHER_HOST)

    assert desk.assess(minutes=2).severity == "noise"
    assert desk.store.only.classification is not None


def test_what_joins_while_it_is_judged_is_not_covered(desk: Desk) -> None:
    desk.open(severity="low")
    desk.store.meanwhile["judge"] = lambda: desk.join(severity="critical", **OTHER_HOST)

    desk.assess()

    assert (desk.live.joined, desk.live.judged, desk.live.judged_loud.critical) == (2, 1, 0)
    assert desk.live.rank == 4


def test_a_broken_table_costs_evidence_and_not_the_verdict(desk: Desk) -> None:
    desk.store.down = True

    verdict = desk.assess(incident=desk.make())

    assert verdict.severity == "high"
    assert sum("could not be read: the table is down" in reason for reason in verdict.reasons) == 5


def test_a_verdict_that_cannot_be_written_is_given_all_the_same(desk: Desk) -> None:
    desk.open()
    desk.store.faults["judge"] = HistoryUnavailable("throttled")

    assert desk.assess().severity == "high"
    assert desk.live.decided is None


# --- what is judged ---------------------------------------------------------------------------------------------------


def test_a_successor_gets_the_stored_verdict_for_nothing(desk: Desk, asking: FakeModel) -> None:
    desk.open(severity="medium")
    first = desk.assess()
    successor = desk.store.incidents.begin_generation(desk.live, NOW)
    assert successor is not None

    assert desk.assess(generation=2, minutes=30) == first
    assert len(asking.asked) == 1
    assert desk.live.started == 2, "reconcile would start it again"


def test_what_joined_is_judged_anew(desk: Desk, asking: FakeModel) -> None:
    desk.open(severity="low")
    desk.assess()
    desk.join(severity="critical", **OTHER_HOST)

    verdict = desk.assess(minutes=2)

    assert verdict.severity == "high", "the model may not take it lower"
    assert len(asking.asked) == 2
    assert desk.asked_for[-1].host == "web-2"
    assert (desk.live.judged, desk.live.judged_loud.critical) == (2, 1)


@pytest.mark.parametrize(("said", "severity"), [("noise", "medium"), ("low", "medium"), ("critical", "critical")])
def test_a_word_on_one_alert_hides_no_other_of_its_incident(desk: Desk, said: Any, severity: str) -> None:
    """Both came in one delivery. Nobody stated a severity; the one that people spoke of is guessed to be the worse."""
    guessed: dict[str, Any] = {"severity_stated": False, "message": "-"}
    desk.open(alert_name="NightlyExport", severity="high", rank=3, **guessed)
    desk.join(alert_name="OrdersQueueGrows", severity="medium", rank=2, fingerprint="f2", **guessed)
    desk.store.incidents.save_word(
        Word(subject=kind_of(desk.opened.alert), severity=said, by="ada", person="U0ADA", at=NOW)
    )

    assert desk.assess(minutes=2).severity == severity


def test_the_deciding_rule_must_match_what_joined(desk: Desk) -> None:
    """A rule makes alerts of one host low; another host of its group is judged by itself."""
    desk.rules = [rule(severity="low", match={"alert_name": "HighMemory", "host": "test-*"})]
    desk.open(severity="critical", host="test-1", rank=1)
    assert desk.assess().severity == "low"
    desk.join(severity="critical", **OTHER_HOST)

    assert desk.assess(minutes=2).severity == "critical"


@pytest.mark.parametrize("severity", ["low", "high"])
def test_the_worst_that_fires_is_judged(desk: Desk, severity: str) -> None:
    desk.open(severity=severity)
    desk.assess()
    critical = desk.join(severity="critical", **OTHER_HOST)
    desk.join(severity="medium", fingerprint="f3", host="web-3")
    desk.end(critical)

    verdict = desk.assess(minutes=3)

    assert verdict.severity == {"low": "medium", "high": "high"}[severity]
    assert desk.asked_for[-1].host == {"low": "web-3", "high": "web-1"}[severity]


def test_of_equal_ones_the_newcomer_is_judged(desk: Desk) -> None:
    desk.rules = [rule(at_most="low", match={"host": "web-1"})]
    desk.open(severity="high")
    assert desk.assess().severity == "low"
    desk.join(severity="high", **OTHER_HOST)

    assert desk.assess(minutes=2).severity == "high"


def test_the_hosts_of_what_fires_are_named(desk: Desk) -> None:
    desk.open(severity="low")
    desk.join(severity="medium", **OTHER_HOST)

    assert "on web-2 and web-1" in desk.assess(minutes=2).summary or "web-2, web-1" in desk.assess(minutes=2).summary


def test_what_is_counted_and_not_listed_is_not_taken_for_harmless(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index of an incident's alerts may be a moment behind."""
    desk.rules = [rule(severity="noise", match={"host": "web-1"}, even_critical=True)]
    desk.open(severity="high", rank=0)
    assert desk.assess().severity == "noise"
    listed = desk.store.incidents.members(desk.opened.incident_id)
    desk.join(severity="critical", **OTHER_HOST)
    monkeypatch.setattr(desk.store.incidents, "members", lambda *_: listed, raising=False)

    verdict = desk.assess(minutes=2)

    assert verdict.severity == "critical"
    assert verdict.reasons[-1] == (
        "Raised from noise to critical: an alert of that severity joined and is not among those that were judged."
    )


def test_a_list_that_cannot_be_read_hides_nothing(desk: Desk) -> None:
    desk.rules = [rule(severity="low")]
    desk.open(severity="low")
    desk.assess()
    desk.join(severity="high", **OTHER_HOST)
    desk.store.faults["members"] = HistoryUnavailable("throttled")

    assert desk.assess(minutes=2).severity == "high"


def test_what_a_rule_lowered_is_not_raised_again(desk: Desk) -> None:
    desk.rules = [rule(severity="low")]
    desk.open(severity="critical", rank=1)
    desk.join(severity="critical", rank=1, **OTHER_HOST)

    assert desk.assess(minutes=2).severity == "low"


def test_a_critical_of_a_storm_makes_it_critical(desk: Desk) -> None:
    desk.open(severity="low", storm=True)
    assert desk.assess().severity == "high"
    desk.join(severity="critical", **OTHER_HOST)

    assert desk.assess(minutes=2).severity == "critical"


@pytest.mark.parametrize(
    ("declared", "asked"),
    [([], 1), ([rule(at_least="low")], 1), ([rule(severity="low")], 0)],
    ids=["no rule", "bounds", "ruled"],
)
def test_the_metric_counts_the_questions_to_the_model(
    declared: list[dict[str, Any]], asked: int, desk: Desk, asking: FakeModel
) -> None:
    metrics.clear_metrics()
    desk.rules = declared
    desk.open()

    desk.assess()

    assert metrics.metric_set["LlmCacheMiss"]["Value"] == [len(asking.asked)] == [asked]
