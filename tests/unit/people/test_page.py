"""Paging: a person is woken, whatever breaks on the way, and the caller learns if nobody was."""

import pytest

from firstline.errors import NobodySubscribed, PageUndelivered, PageUnheard
from firstline.ingest.quarantine import Quarantined
from firstline.ingest.unreadable import unreadable
from firstline.models import Classification, NormalizedAlert
from firstline.observability import metrics
from firstline.people.page import ALREADY_PAGED
from firstline.policy.paging import PagingPolicy
from tests.support.builders import (
    NOW,
    a_classification,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    an_alert,
    an_incident,
)
from tests.support.memory import lasting, passing
from tests.unit.people.stage import LEVELS, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_page_goes_through_every_channel_of_its_level(stage: Stage) -> None:
    page = stage.paged()

    assert page == a_page(
        on_call="the shop", delivered_to=["pagerduty", "slack"], acknowledge_within_seconds=300, at=NOW
    )
    assert sorted(page.delivered_to) == sorted(LEVELS[0]["channels"])
    assert stage.store.only.pages == [page]
    assert stage.sns.attempts == 0
    assert "Escalated" in metrics.metric_set
    told = stage.pagerduty.told[0]
    assert (told.kind, told.reason, told.at) == ("paged", "No runbook fits.", NOW)


def test_a_page_names_the_person_on_call_in_its_message_and_on_record(stage: Stage) -> None:
    stage.on_call = "Ana Example"
    assert stage.paged().on_call == "Ana Example"
    assert stage.slack.told[0].record.pages[-1].on_call == "Ana Example"
    assert stage.asked == ["first"], "who is on call was asked for the level that is paged"


def test_a_page_has_the_plan_the_results_and_the_verdict_of_its_event(stage: Stage) -> None:
    stage.page(plan=a_plan(), results=[a_result(status="Failed")], classification=a_classification(severity="critical"))
    record = stage.pagerduty.told[0].record
    assert record.plan == a_plan()
    assert record.results == [a_result(status="Failed")]
    assert record.classification is not None
    assert record.classification.severity == "critical"


def test_the_first_page_has_the_plan_that_waits_for_an_approval() -> None:
    stage = Stage(a_waiting_record(pages=[], paged_at=None))
    stage.page()
    assert stage.pagerduty.told[0].record.waits_for_approval


def test_a_page_that_slack_took_is_marked_as_shown(stage: Stage) -> None:
    stage.page()
    assert stage.live.shown == stage.live.version > 0


def test_a_page_goes_out_without_a_slack_that_fails_and_is_not_marked_as_shown(stage: Stage) -> None:
    stage.slack.failures = [lasting()]
    assert stage.paged().delivered_to == ["pagerduty"]
    assert stage.live.shown == 0
    assert "ChannelFailed" in metrics.metric_set


def test_a_channel_that_is_not_connected_is_passed_over(stage: Stage) -> None:
    stage.missing = {"slack"}
    assert stage.paged().delivered_to == ["pagerduty"]


@pytest.mark.parametrize("missing", [True, False], ids=["PagerDuty is not connected", "PagerDuty fails"])
def test_the_page_topic_pages_when_no_channel_of_the_level_does(stage: Stage, missing: bool) -> None:
    if missing:
        stage.missing = {"pagerduty"}
    else:
        stage.pagerduty.failures = [passing(), passing()]
    assert stage.paged().delivered_to == ["sns", "slack"]


def texting(stage: Stage, *others: str) -> Stage:
    """Let the first level page ada by a text message, and through other channels."""
    level = {**LEVELS[0], "channels": ["sms", *others], "schedule": "platform"}
    stage.policy = PagingPolicy.model_validate({"levels": [level, LEVELS[2]]})
    stage.on_call = "ada"
    return stage


def test_a_text_message_wakes_the_person_on_call(stage: Stage) -> None:
    page = texting(stage, "slack").paged()
    assert (page.on_call, page.delivered_to) == ("ada", ["sms", "slack"])
    assert (stage.sms.attempts, stage.sns.attempts) == (1, 0)


def test_an_unanswered_text_message_is_followed_by_the_next_level(stage: Stage) -> None:
    texting(stage, "slack").page()
    stage.after(6)
    assert stage.paged().delivered_to == ["sns"]


@pytest.mark.parametrize(("others", "taken_by"), [([], ["sns"]), (["pagerduty"], ["pagerduty"])])
def test_a_text_message_that_fails_leaves_the_page_to_the_other_channels(
    stage: Stage, others: list[str], taken_by: list[str]
) -> None:
    stage.sms.failures = [lasting()]
    assert texting(stage, *others).paged().delivered_to == taken_by
    assert "ChannelFailed" in metrics.metric_set


def test_a_page_that_neither_text_message_nor_topic_takes_is_undelivered_and_may_be_sent_again(stage: Stage) -> None:
    stage.sms.failures, stage.sns.failures = [lasting()], [lasting()]
    with pytest.raises(PageUndelivered, match="sms: "):
        texting(stage).page()
    assert stage.paged().delivered_to == ["sms"]


def test_a_page_that_only_slack_took_is_undelivered(stage: Stage) -> None:
    stage.pagerduty.failures = [lasting()]
    stage.sns.failures = [lasting()]

    with pytest.raises(PageUndelivered, match=r"'first' woke nobody.*pagerduty: invalid_auth.*sns: invalid_auth"):
        stage.page()

    # People who look at Slack still read the page, but no page is on record.
    assert len(stage.slack.told) == 1
    assert stage.sent == []
    assert "Escalated" not in metrics.metric_set


def test_a_topic_without_subscribers_is_told_apart_from_one_that_fails(stage: Stage) -> None:
    stage.pagerduty.failures = [lasting()]
    stage.sns.failures = [NobodySubscribed("nobody has a confirmed subscription", retryable=False)]

    with pytest.raises(PageUnheard, match="nobody has a confirmed subscription"):
        stage.page()


def test_a_page_that_woke_nobody_may_be_sent_again_at_once(stage: Stage) -> None:
    stage.pagerduty.failures, stage.sns.failures = [lasting()], [lasting()]
    with pytest.raises(PageUndelivered):
        stage.page()

    assert stage.paged().delivered_to == ["pagerduty", "slack"]
    assert [page.seq for page in stage.sent] == [1]


def test_the_page_topic_of_a_level_is_not_asked_twice_as_a_fallback(stage: Stage) -> None:
    stage.policy = PagingPolicy.model_validate({"levels": [LEVELS[2] | {"channels": ["sns"]}]})
    stage.sns.failures = [lasting()]
    with pytest.raises(PageUndelivered):
        stage.page()
    assert stage.sns.attempts == 1


def test_a_second_page_goes_to_the_page_topic_too_because_pagerduty_rings_only_once(stage: Stage) -> None:
    stage.page()
    stage.after(6)
    page = stage.paged()
    assert (page.level, page.delivered_to) == (1, ["pagerduty", "sns", "slack"])


def test_pagerduty_counts_at_the_second_level_when_it_failed_at_the_first(stage: Stage) -> None:
    stage.pagerduty.failures = [lasting()]
    stage.page()
    stage.after(6)
    assert stage.paged().delivered_to == ["pagerduty", "slack"]


def test_only_the_first_page_counts_as_an_escalation(stage: Stage) -> None:
    stage.page()
    metrics.clear_metrics()
    stage.after(6)
    stage.page()
    assert "Escalated" not in metrics.metric_set


def test_a_page_goes_out_although_the_table_is_down(stage: Stage) -> None:
    stage.store.down = True
    assert stage.paged().delivered_to == ["pagerduty", "slack"]


def test_an_incident_without_a_record_is_paged(stage: Stage) -> None:
    stage.store.records.clear()
    stage.page(classification=None)
    assert stage.pagerduty.told[0].record.classification is None


def test_a_closed_incident_is_not_paged() -> None:
    stage = Stage(a_record(status="CLOSED", closed_at=NOW, outcome="resolved"))
    assert stage.page().page is None
    assert stage.rung == 0


def test_the_verdicts_severity_decides_the_route_of_a_page() -> None:
    routes = [{"severity": ["critical"], "levels": ["last"]}]

    def called(classification: Classification) -> str:
        stage = Stage()
        stage.policy = PagingPolicy.model_validate({"levels": LEVELS, "routes": routes})
        return stage.paged(classification=classification).on_call

    assert called(a_classification(severity="critical")) == "everybody"
    assert called(a_classification(severity="high")) == "the shop"


def test_pagerduty_is_not_asked_to_page_for_its_own_incident() -> None:
    own = an_incident(alert=an_alert(source="pagerduty", labels={"urgency": "high"}))
    stage = Stage(a_record(own))

    page = stage.paged(incident=own)

    assert (page.delivered_to, page.on_call) == (["slack"], ALREADY_PAGED)
    assert (stage.pagerduty.told, stage.sns.told, stage.asked) == ([], [], [])
    assert stage.slack.told[0].record.pages[-1].on_call == ALREADY_PAGED


@pytest.mark.parametrize(
    "alert",
    [
        pytest.param(an_alert(source="pagerduty", labels={"urgency": "low"}), id="an incident of low urgency"),
        pytest.param(
            unreadable(Quarantined("pagerduty", "not JSON", b"{", "application/json", NOW), NOW, None),
            id="a message that could not be read",
        ),
    ],
)
def test_pagerduty_is_asked_to_page_for_what_it_has_not_paged_itself(alert: NormalizedAlert) -> None:
    incident = an_incident(alert=alert)
    stage = Stage(a_record(incident))

    page = stage.paged(incident=incident)

    assert "pagerduty" in page.delivered_to
    assert page.on_call != ALREADY_PAGED
    assert len(stage.pagerduty.told) == 1


def test_a_level_with_the_page_topic_pages_there_for_pagerdutys_own_incident() -> None:
    own = an_incident(alert=an_alert(source="pagerduty", labels={"urgency": "high"}))
    stage = Stage(a_record(own))
    stage.policy = PagingPolicy.model_validate({"levels": [LEVELS[0] | {"channels": ["pagerduty", "sns"]}]})

    page = stage.paged(incident=own)

    assert (page.delivered_to, page.on_call, stage.pagerduty.told) == (["sns"], "the shop", [])
