"""Paging: somebody is woken, whatever breaks on the way, and the caller learns it when nobody was."""

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
    assert stage.store.only.pages == [page]
    assert stage.sns.attempts == 0
    assert "Escalated" in metrics.metric_set
    told = stage.pagerduty.told[0]
    assert (told.kind, told.reason, told.at) == ("paged", "No runbook fits.", NOW)


def test_the_name_of_the_person_on_call_is_told_and_kept(stage: Stage) -> None:
    stage.on_call = "Ana Example"
    assert stage.paged().on_call == "Ana Example"
    assert stage.slack.told[0].record.pages[-1].on_call == "Ana Example"
    assert stage.asked == ["first"]


def test_what_the_state_machine_knows_goes_into_the_page(stage: Stage) -> None:
    stage.page(plan=a_plan(), results=[a_result(status="Failed")], classification=a_classification(severity="critical"))
    record = stage.pagerduty.told[0].record
    assert record.plan == a_plan()
    assert record.results == [a_result(status="Failed")]
    assert record.classification is not None
    assert record.classification.severity == "critical"


def test_a_plan_that_asks_goes_out_with_the_first_page() -> None:
    stage = Stage(a_waiting_record(pages=[], paged_at=None))
    stage.page()
    assert stage.pagerduty.told[0].record.waits_for_approval


def test_what_people_were_shown_is_marked_if_slack_took_it(stage: Stage) -> None:
    stage.page()
    assert stage.live.shown == stage.live.version > 0


def test_a_page_that_slack_did_not_take_is_shown_again_later(stage: Stage) -> None:
    stage.slack.failures = [lasting()]
    stage.page()
    assert stage.live.shown == 0


def test_a_channel_that_is_not_connected_is_passed_over(stage: Stage) -> None:
    stage.missing = {"slack"}
    assert stage.paged().delivered_to == ["pagerduty"]


def test_one_broken_channel_stops_no_other(stage: Stage) -> None:
    stage.slack.failures = [lasting()]
    assert stage.paged().delivered_to == ["pagerduty"]
    assert "ChannelFailed" in metrics.metric_set


def test_a_passing_failure_is_tried_once_more(stage: Stage) -> None:
    stage.pagerduty.failures = [passing()]
    assert stage.paged().delivered_to == ["pagerduty", "slack"]
    assert stage.pagerduty.attempts == 2
    assert "ChannelFailed" not in metrics.metric_set


def test_a_lasting_failure_is_not_tried_again(stage: Stage) -> None:
    stage.pagerduty.failures = [lasting()]
    stage.page()
    assert stage.pagerduty.attempts == 1


@pytest.mark.parametrize("missing", [True, False])
def test_the_page_topic_pages_when_no_channel_of_the_level_does(stage: Stage, missing: bool) -> None:
    if missing:
        stage.missing = {"pagerduty"}
    else:
        stage.pagerduty.failures = [passing(), passing()]
    assert stage.paged().delivered_to == ["sns", "slack"]


def texting(stage: Stage, *others: str) -> Stage:
    level = {**LEVELS[0], "channels": ["sms", *others], "schedule": "platform"}
    stage.policy = PagingPolicy.model_validate({"levels": [level, LEVELS[2]]})
    stage.on_call = "ada"
    return stage


def test_a_text_message_wakes_the_person_whose_turn_it_is(stage: Stage) -> None:
    page = texting(stage, "slack").paged()
    assert (page.on_call, page.delivered_to) == ("ada", ["sms", "slack"])
    assert (stage.sms.attempts, stage.sns.attempts) == (1, 0)
    stage.after(6)
    assert stage.paged().delivered_to == ["sns"]


@pytest.mark.parametrize(("others", "taken_by"), [([], ["sns"]), (["pagerduty"], ["pagerduty"])])
def test_a_text_message_that_fails_leaves_the_page_to_the_other_channels(
    stage: Stage, others: list[str], taken_by: list[str]
) -> None:
    stage.sms.failures = [lasting()]
    assert texting(stage, *others).paged().delivered_to == taken_by
    assert "ChannelFailed" in metrics.metric_set


def test_when_neither_text_nor_topic_takes_it_the_page_is_undelivered_and_free_again(stage: Stage) -> None:
    stage.sms.failures, stage.sns.failures = [lasting()], [lasting()]
    with pytest.raises(PageUndelivered, match="sms: "):
        texting(stage).page()
    assert stage.paged().delivered_to == ["sms"]


def test_slack_alone_wakes_nobody(stage: Stage) -> None:
    stage.pagerduty.failures = [lasting()]
    stage.sns.failures = [lasting()]

    with pytest.raises(PageUndelivered, match=r"'first' woke nobody.*pagerduty: invalid_auth.*sns: invalid_auth"):
        stage.page()

    # Whoever looks at Slack still reads it, and nothing claims that somebody was paged.
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
    stage.policy = PagingPolicy.model_validate({"levels": LEVELS[2:]})
    stage.sns.failures = [lasting()]
    with pytest.raises(PageUndelivered):
        stage.page()
    assert stage.sns.attempts == 1


def test_pagerduty_wakes_once_so_a_second_level_needs_something_else(stage: Stage) -> None:
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


def test_routes_go_by_the_severity_that_was_decided() -> None:
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


def test_other_channels_page_for_it_if_the_policy_says_so() -> None:
    own = an_incident(alert=an_alert(source="pagerduty", labels={"urgency": "high"}))
    stage = Stage(a_record(own))
    stage.policy = PagingPolicy.model_validate({"levels": [LEVELS[0] | {"channels": ["pagerduty", "sns"]}]})

    page = stage.paged(incident=own)

    assert (page.delivered_to, page.on_call, stage.pagerduty.told) == (["sns"], "the shop", [])
