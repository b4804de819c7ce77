"""Pages that go out once each, and go on until a person answers: claims, retries, rounds and alerts that are worse."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.errors import HistoryUnavailable, PageUndelivered
from firstline.incidents.pages import LEASE
from firstline.incidents.reasons import SLACK_IS_DOWN
from firstline.models import Live
from firstline.people.page import overdue, page_on_call
from tests.support.builders import (
    INCIDENT_ID,
    NOW,
    a_classification,
    a_live,
    a_record,
    an_alert,
    an_incident,
)
from tests.support.changes import counts_for
from tests.support.memory import lasting
from tests.unit.people.stage import Stage, critical

DOWN = HistoryUnavailable("no table")


@pytest.fixture
def stage() -> Stage:
    return Stage()


def acknowledged(stage: Stage, by: str = "ada") -> None:
    assert stage.store.incidents.acknowledge(INCIDENT_ID, by, stage.now) is not None


# --- once ---


def test_retries_of_a_page_send_no_other_page(stage: Stage) -> None:
    first = stage.page()

    assert [stage.page() for _ in range(3)] == [first] * 3
    assert (stage.rung, len(stage.sent), len(stage.slack.told)) == (1, 1, 1)


def test_a_page_that_went_out_but_was_not_recorded_is_not_sent_again_by_a_retry(stage: Stage) -> None:
    stage.store.faults["finish_page"] = DOWN
    assert stage.paged().delivered_to == ["pagerduty", "slack"]
    del stage.store.faults["finish_page"]

    for _ in range(3):
        stage.after(0.25)
        stage.page()

    assert stage.rung == 1


def test_a_claimed_page_that_never_went_out_is_taken_over_after_its_lease(stage: Stage) -> None:
    stage.store.incidents.claim_page(stage.store.only.incident, _first(stage), NOW + LEASE, NOW, seen=stage.live)
    assert stage.page() == stage.page()
    assert stage.rung == 0

    stage.now = NOW + LEASE

    assert stage.paged().seq == 1
    assert stage.rung == 1


def _first(stage: Stage) -> Any:
    """The page that somebody claims and never sends."""
    other = Stage()
    page = other.paged()
    return page.model_copy(update={"delivered_to": [], "at": None})


def test_if_the_machine_and_reconcile_page_at_the_same_moment_one_page_goes_out(stage: Stage) -> None:
    def reconcile() -> None:
        assert stage.page(must_claim=True, reason="Nobody was paged.").page is not None

    stage.store.meanwhile["claim_page"] = reconcile

    page = stage.paged()

    assert (page.seq, stage.rung, len(stage.sent)) == (1, 1, 1)


def test_an_acknowledgement_between_the_read_and_the_claim_stops_the_page(stage: Stage) -> None:
    stage.store.meanwhile["claim_page"] = lambda: acknowledged(stage)
    assert stage.page().page is None
    assert stage.rung == 0


def test_an_incident_whose_alerts_ended_before_the_page_pages_nobody() -> None:
    stage = Stage(a_record(live=a_live(own=counts_for(3).model_copy(update={"firing": 0}))))
    assert stage.page().page is None
    assert stage.rung == 0


def test_reconcile_pages_nobody_without_a_claim(stage: Stage) -> None:
    stage.store.faults["claim_page"] = DOWN
    for _ in range(5):
        with pytest.raises(HistoryUnavailable):
            stage.page(must_claim=True)
    assert stage.rung == 0


def test_the_machine_pages_although_the_claim_fails(stage: Stage) -> None:
    stage.store.faults["claim_page"] = DOWN
    assert stage.paged().delivered_to == ["pagerduty", "slack"]


def test_reconcile_pages_with_the_verdict_on_record_and_its_own_reason(stage: Stage) -> None:
    record = stage.store.only
    page_on_call(
        overdue(record, "It has been open for more than 5 minutes and nobody was paged."),
        policy=stage.policy,
        channels=stage.channels,
        incidents=stage.store.incidents,
        now=stage.now,
        on_call=lambda level: None,
        must_claim=True,
    )
    told = stage.pagerduty.told[0]
    assert told.reason == "It has been open for more than 5 minutes and nobody was paged."
    assert told.record.classification == record.classification


# --- until somebody answers ---


def test_an_unanswered_page_goes_on_level_after_level_and_round_after_round(stage: Stage) -> None:
    # Each page goes out a minute after the time to answer the last one: 5, 10 and 60 minutes on the three levels.
    places = []  # each page's number, round and level
    for minutes in (0, 6, 11, 61, 6, 11, 61):
        stage.after(minutes)
        page = stage.paged()
        places.append((page.seq, page.round, page.level))
    assert places == [(1, 0, 0), (2, 0, 1), (3, 0, 2), (4, 1, 0), (5, 1, 1), (6, 1, 2), (7, 2, 0)]
    assert stage.sns.told[-1].reason.startswith("Nobody has answered for 2 h 36 min.")


def test_each_page_of_later_rounds_wakes_somebody(stage: Stage) -> None:
    for minutes in (0, 6, 11, 61, 6):
        stage.after(minutes)
        assert {"pagerduty", "sns"} & set(stage.paged().delivered_to)
    assert len(stage.sns.told) == 5 - 1, "PagerDuty alone wakes nobody after the first page"


def test_after_an_acknowledgement_no_further_page_goes_out(stage: Stage) -> None:
    page = stage.paged()
    acknowledged(stage)
    stage.after(60)
    assert stage.page().page == page
    assert stage.rung == 1


def test_an_acknowledgement_before_the_first_page_does_not_answer_that_page() -> None:
    stage = Stage(_low())
    acknowledged(stage)
    stage.after(120)
    stage.joins(critical())
    first = stage.paged()
    stage.after(6)

    second = stage.paged()

    assert (first.seq, second.seq, second.level) == (1, 2, 1)


def _low() -> Any:
    """An incident of low severity."""
    incident = an_incident(an_alert(severity="low"))
    return a_record(incident, classification=a_classification(severity="low"))


def test_an_alert_that_is_worse_than_the_acknowledged_ones_is_paged_and_named(stage: Stage) -> None:
    stage.page()
    acknowledged(stage)
    stage.after(10)
    stage.joins(critical())

    page = stage.paged()

    assert (page.seq, page.level) == (2, 0)
    assert page.delivered_to == ["pagerduty", "sns", "slack"], (
        "PagerDuty does not ring again for what it has acknowledged"
    )
    assert stage.sns.told[0].reason.startswith("It got worse: critical DbDown on db-1 joined.")
    assert stage.sns.told[0].record.members[0].alert_name == "DbDown"


def test_a_page_names_the_severity_of_a_worse_alert_that_cannot_be_read(stage: Stage) -> None:
    stage.page()
    stage.after(1)
    stage.joins(critical())
    stage.store.faults["members"] = DOWN
    stage.page()
    assert stage.sns.told[0].reason.startswith("It got worse: an alert of severity critical joined.")


def test_another_alert_of_an_acknowledged_severity_is_not_paged(stage: Stage) -> None:
    stage.page()
    acknowledged(stage)
    stage.after(10)
    stage.joins(critical(severity="high"))
    assert stage.page().page == stage.sent[0]
    assert stage.rung == 1


def test_an_alert_that_fires_again_after_the_end_of_all_rings_pagerduty_again(stage: Stage) -> None:
    stage.page()
    ended = counts_for(3).model_copy(update={"firing": 0})
    stage.store.change(INCIDENT_ID, own=ended, last_end_at=stage.now)
    stage.store.incidents.begin_quiet(stage.store.only.incident, stage.now)
    stage.after(2)
    stage.store.change(INCIDENT_ID, own=counts_for(3, changes=4))

    page = stage.paged()

    assert (page.seq, page.level, page.delivered_to) == (2, 0, ["pagerduty", "slack"])
    assert stage.pagerduty.told[-1].reason.startswith("It had ended, and fires again.")


# --- why ---


def test_a_page_after_a_verified_cure_says_that_the_alert_still_fires() -> None:
    stage = Stage(a_record(verified_at=NOW - timedelta(minutes=5)))
    stage.page()
    assert stage.pagerduty.told[0].reason.startswith("The check on the host passed, but the alert still fires.")


def test_a_page_that_goes_out_because_slack_is_down_says_so() -> None:
    stage = Stage(_low())
    stage.page(reason=SLACK_IS_DOWN, classification=a_classification(severity="low"))
    told = stage.pagerduty.told[0]
    assert told.reason == SLACK_IS_DOWN
    assert told.record.classification is not None


# --- storms ---


def storm(**changes: Any) -> Any:
    incident = an_incident(an_alert(alert_name="Noise30", severity="low"), storm=True, group_key="storm:prometheus")
    live: Live = a_live(incident, own=counts_for(1, 1, 1), decided=3, judged=3, **changes)
    return a_record(incident, live=live, alert_count=3)


def test_the_page_of_a_storm_names_its_critical_alerts() -> None:
    stage = Stage(storm())
    stage.joins(*(critical(number) for number in range(5)))

    stage.page(incident=stage.store.only.incident)

    members = stage.pagerduty.told[0].record.members
    assert [(member.severity, member.alert_name) for member in members[:5]] == [("critical", "DbDown")] * 5
    assert {member.host for member in members[:5]} == {f"db-{number}" for number in range(5)}


def test_a_critical_that_joins_an_acknowledged_storm_is_paged_but_not_each_by_itself() -> None:
    stage = Stage(storm())
    incident = stage.store.only.incident
    stage.joins(critical(1))
    stage.page(incident=incident)
    acknowledged(stage)
    stage.after(1)
    stage.joins(critical(2), critical(3))
    stage.page(incident=incident)
    assert stage.rung == 1, "at most one page in five minutes"

    stage.after(5)
    stage.page(incident=incident)

    assert stage.sns.told[0].reason.startswith("2 more critical alerts joined the storm: critical DbDown on db-")


# --- nobody can be reached ---


def test_a_page_that_woke_nobody_fails_even_if_its_claim_cannot_be_released(stage: Stage) -> None:
    stage.pagerduty.failures, stage.sns.failures = [lasting()], [lasting()]
    stage.store.faults["release_page"] = DOWN
    with pytest.raises(PageUndelivered):
        stage.page()


def test_a_held_critical_alert_that_joins_is_not_paged(stage: Stage) -> None:
    stage.page()
    stage.after(1)
    stage.store.change(INCIDENT_ID, own=counts_for(3) + counts_for(4, held=True))
    assert stage.page().page == stage.sent[0]
