"""The state Classify: which alert of an incident is judged, and what is stored of the verdict."""

from typing import Any

import pytest

from firstline.errors import HistoryUnavailable
from firstline.models import SEVERITY_RANK, Word, kind_of
from firstline.observability import metrics
from tests.support.classification_fixtures import NOW, FakeModel
from tests.unit.classification.desk import OTHER_HOST, Desk, rule

# --- what is stored ---------------------------------------------------------------------------------------------------


def test_a_verdict_is_stored_with_the_counts_of_the_alerts_that_it_covers(desk: Desk) -> None:
    desk.open()

    verdict = desk.assess()

    assert desk.store.only.classification == verdict
    assert (desk.live.decided, desk.live.judged, desk.live.judged_loud.high) == (SEVERITY_RANK["high"], 1, 1)
    assert desk.live.started == 1, "else reconcile starts the execution again"


def test_an_alert_that_joins_during_the_classification_is_not_covered_by_the_verdict(desk: Desk) -> None:
    desk.open(severity="low")
    desk.store.meanwhile["judge"] = lambda: desk.join(severity="critical", **OTHER_HOST)

    desk.assess()

    assert (desk.live.joined, desk.live.judged, desk.live.judged_loud.critical) == (2, 1, 0)
    assert desk.live.rank == SEVERITY_RANK["critical"]


def test_a_broken_table_costs_evidence_and_not_the_verdict(desk: Desk) -> None:
    desk.store.down = True

    verdict = desk.assess(incident=desk.make())

    assert verdict.severity == "high"
    assert "earlier incidents could not be read: the table is down" in verdict.reasons


def test_a_verdict_that_cannot_be_stored_is_returned_all_the_same(desk: Desk) -> None:
    desk.open()
    desk.store.faults["judge"] = HistoryUnavailable("throttled")

    assert desk.assess().severity == "high"
    assert desk.live.decided is None


# --- what is judged ---------------------------------------------------------------------------------------------------


def test_a_successor_execution_gets_the_stored_verdict_without_asking_the_model(desk: Desk, asking: FakeModel) -> None:
    desk.open(severity="medium")
    first = desk.assess()
    successor = desk.store.incidents.begin_generation(desk.live, NOW)
    assert successor is not None

    assert desk.assess(generation=2, minutes=30) == first
    assert len(asking.asked) == 1
    assert desk.live.started == 2, "else reconcile starts the successor again"


def test_an_alert_that_joined_is_judged_by_a_new_verdict(desk: Desk, asking: FakeModel) -> None:
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
    """Judge two alerts without a stated severity, where people gave a word on the one that is guessed to be worse."""
    guessed: dict[str, Any] = {"severity_stated": False, "message": "-"}
    desk.open(alert_name="NightlyExport", severity="high", **guessed)
    desk.join(alert_name="OrdersQueueGrows", severity="medium", fingerprint="f2", **guessed)
    desk.store.incidents.save_word(
        Word(subject=kind_of(desk.opened.alert), severity=said, by="ada", person="U0ADA", at=NOW)
    )

    assert desk.assess(minutes=2).severity == severity


def test_a_rule_on_one_host_does_not_lower_an_alert_of_another_host(desk: Desk) -> None:
    desk.rules = [rule(severity="low", match={"alert_name": "HighMemory", "host": "test-*"})]
    desk.open(severity="critical", host="test-1", declared="low")
    assert desk.assess().severity == "low"
    desk.join(severity="critical", **OTHER_HOST)

    assert desk.assess(minutes=2).severity == "critical"


@pytest.mark.parametrize(("first", "worst", "host"), [("low", "medium", "web-3"), ("high", "high", "web-1")])
def test_the_worst_firing_alert_is_judged_and_not_a_worse_one_that_ended(
    desk: Desk, first: str, worst: str, host: str
) -> None:
    desk.open(severity=first, host="web-1")
    desk.assess()
    critical = desk.join(severity="critical", **OTHER_HOST)
    desk.join(severity="medium", fingerprint="f3", host="web-3")
    desk.end(critical)

    verdict = desk.assess(minutes=3)

    assert verdict.severity == worst
    assert desk.asked_for[-1].host == host


def test_of_equally_bad_alerts_the_one_that_joined_later_is_judged(desk: Desk) -> None:
    desk.rules = [rule(at_most="low", match={"host": "web-1"})]  # tells whose verdict it is
    desk.open(severity="high", host="web-1")
    assert desk.assess().severity == "low"
    desk.join(severity="high", fingerprint="f2", host="web-2")

    assert desk.assess(minutes=2).severity == "high"


def test_the_summary_names_the_hosts_of_all_firing_alerts(desk: Desk) -> None:
    desk.open(severity="low")
    desk.join(severity="medium", **OTHER_HOST)

    assert "on web-2, web-1" in desk.assess(minutes=2).summary


def test_an_alert_that_is_counted_but_not_listed_yet_raises_the_verdict(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read the alerts from an index that is a moment behind the counts."""
    desk.rules = [rule(severity="noise", match={"host": "web-1"}, even_critical=True)]
    desk.open(severity="high", declared="noise")
    assert desk.assess().severity == "noise"
    listed = desk.store.incidents.members(desk.opened.incident_id)
    desk.join(severity="critical", **OTHER_HOST)
    monkeypatch.setattr(desk.store.incidents, "members", lambda *_: listed, raising=False)

    verdict = desk.assess(minutes=2)

    assert verdict.severity == "critical"
    assert verdict.reasons[-1] == (
        "Raised from noise to critical: an alert of that severity joined that Classify could not read yet."
    )


def test_an_alert_that_joined_raises_the_verdict_although_the_list_cannot_be_read(desk: Desk) -> None:
    desk.rules = [rule(severity="low")]
    desk.open(severity="low")
    desk.assess()
    desk.join(severity="high", **OTHER_HOST)
    desk.store.faults["members"] = HistoryUnavailable("throttled")

    assert desk.assess(minutes=2).severity == "high"


def test_an_unlisted_alert_is_not_taken_for_the_first_which_a_rule_lowered(desk: Desk) -> None:
    desk.rules = [rule(severity="low", match={"host": "web-1"})]
    desk.open(severity="high", host="web-1", declared="low")
    desk.join(severity="high", **OTHER_HOST)
    desk.store.faults["members"] = HistoryUnavailable("throttled")

    assert desk.assess().severity == "high"


@pytest.mark.parametrize("listed", [True, False])
def test_alerts_that_a_rule_lowered_are_not_raised_again(desk: Desk, *, listed: bool) -> None:
    desk.rules = [rule(severity="low")]
    desk.open(severity="critical", declared="low")
    desk.join(severity="critical", declared="low", **OTHER_HOST)
    if not listed:
        desk.store.faults["members"] = HistoryUnavailable("throttled")

    assert desk.assess(minutes=2).severity == "low"


def test_a_critical_alert_in_a_storm_makes_the_storm_critical(desk: Desk) -> None:
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
