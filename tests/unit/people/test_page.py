"""Paging: somebody is woken, whatever breaks on the way, and the caller learns it when nobody was."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from firstline.contracts import PageOnCallInput, PageOnCallOutput
from firstline.errors import PageUndelivered
from firstline.models import Classification
from firstline.observability import metrics
from firstline.people.page import page_on_call
from firstline.policy.paging import Level, PagingPolicy
from tests.support.builders import (
    NOW,
    a_classification,
    a_page,
    a_plan,
    a_record,
    a_result,
    an_incident,
)
from tests.support.memory import MemoryChannel, MemoryStore, lasting, passing

LEVELS = [
    {"name": "first", "channels": ["slack", "pagerduty"], "on_call": "the shop", "acknowledge_within": "5m"},
    {"name": "second", "channels": ["pagerduty", "slack"], "on_call": "the lead", "acknowledge_within": "10m"},
    {"name": "last", "channels": ["sns"], "on_call": "everybody", "acknowledge_within": "1h"},
]
POLICY = PagingPolicy.model_validate({"levels": LEVELS})


@pytest.fixture(autouse=True)
def _fresh_metrics() -> Iterator[None]:
    metrics.clear_metrics()
    yield
    metrics.clear_metrics()


class Stage:
    """Everything that a page meets."""

    def __init__(self) -> None:
        self.pagerduty = MemoryChannel(wakes="once")
        self.slack = MemoryChannel()
        self.sns = MemoryChannel(wakes="again")
        self.store = MemoryStore(a_record())
        self.missing: set[str] = set()
        self.asked: list[str] = []
        self.on_call: str | None = None

    def page(self, level: int = 0, policy: PagingPolicy = POLICY, **changes: Any) -> PageOnCallOutput:
        channels = {"pagerduty": self.pagerduty, "slack": self.slack, "sns": self.sns}
        event: dict[str, Any] = {
            "incident": an_incident(),
            "classification": a_classification(),
            "plan": None,
            "results": [],
            "reason": "No runbook fits.",
            "level": level,
        }
        return page_on_call(
            PageOnCallInput(**event | changes),
            policy=policy,
            channels={name: channel for name, channel in channels.items() if name not in self.missing},
            incidents=self.store.incidents,
            now=NOW,
            resolve_within=timedelta(hours=2),
            on_call=self._look_up,
        )

    def _look_up(self, level: Level) -> str | None:
        self.asked.append(level.name)
        # The pager comes first: by now it must have gone out.
        assert self.pagerduty.attempts + self.sns.attempts > 0
        return self.on_call


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_page_goes_through_every_channel_of_its_level(stage: Stage) -> None:
    page = stage.page().page

    assert page == a_page(
        on_call="the shop",
        delivered_to=["pagerduty", "slack"],
        acknowledge_within_seconds=300,
        resolve_within_seconds=7_200,
    )
    assert stage.store.only.pages == [page]
    assert stage.sns.attempts == 0
    assert "Escalated" in metrics.metric_set
    told = stage.pagerduty.told[0]
    assert (told.kind, told.reason, told.at) == ("paged", "No runbook fits.", NOW)


def test_the_name_of_the_person_on_call_is_told_and_kept(stage: Stage) -> None:
    stage.on_call = "Ana Example"
    page = stage.page().page
    assert page.on_call == "Ana Example"
    assert stage.slack.told[0].record.pages[-1].on_call == "Ana Example"
    assert stage.asked == ["first"]


def test_what_the_state_machine_knows_goes_into_the_page(stage: Stage) -> None:
    stage.page(plan=a_plan(), results=[a_result(status="Failed")], classification=a_classification(severity="critical"))
    record = stage.pagerduty.told[0].record
    assert record.plan == a_plan()
    assert record.results == [a_result(status="Failed")]
    assert record.classification is not None
    assert record.classification.severity == "critical"


@pytest.mark.parametrize(
    ("level", "name", "has_next"),
    [(0, "the shop", True), (1, "the lead", True), (2, "everybody", False), (9, "everybody", False)],
)
def test_beyond_the_last_level_the_last_one_is_paged_again(stage: Stage, level: int, name: str, has_next: bool) -> None:
    page = stage.page(level).page
    assert (page.on_call, page.has_next_level, page.level) == (name, has_next, min(level, 2))


def test_a_channel_that_is_not_connected_is_passed_over(stage: Stage) -> None:
    stage.missing = {"slack"}
    assert stage.page().page.delivered_to == ["pagerduty"]


def test_one_broken_channel_stops_no_other(stage: Stage) -> None:
    stage.slack.failures = [lasting()]
    assert stage.page().page.delivered_to == ["pagerduty"]
    assert "ChannelFailed" in metrics.metric_set


def test_a_passing_failure_is_tried_once_more(stage: Stage) -> None:
    stage.pagerduty.failures = [passing()]
    assert stage.page().page.delivered_to == ["pagerduty", "slack"]
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
    assert stage.page().page.delivered_to == ["sns", "slack"]


def test_slack_alone_wakes_nobody(stage: Stage) -> None:
    stage.pagerduty.failures = [lasting()]
    stage.sns.failures = [lasting()]

    with pytest.raises(PageUndelivered, match=r"'first' woke nobody.*pagerduty: invalid_auth.*sns: invalid_auth"):
        stage.page()

    # Whoever looks at Slack still reads it, and nothing claims that somebody was paged.
    assert len(stage.slack.told) == 1
    assert stage.store.only.pages == []
    assert "Escalated" not in metrics.metric_set


def test_the_page_topic_of_a_level_is_not_asked_twice_as_a_fallback(stage: Stage) -> None:
    stage.sns.failures = [lasting()]
    with pytest.raises(PageUndelivered):
        stage.page(2)
    assert stage.sns.attempts == 1


def test_pagerduty_wakes_once_so_a_second_level_needs_something_else(stage: Stage) -> None:
    stage.store.put(a_record(pages=[a_page(delivered_to=["pagerduty"])]))
    assert stage.page(1).page.delivered_to == ["pagerduty", "sns", "slack"]


def test_pagerduty_counts_at_the_second_level_when_it_failed_at_the_first(stage: Stage) -> None:
    stage.store.put(a_record(pages=[a_page(delivered_to=["sns"])]))
    assert stage.page(1).page.delivered_to == ["pagerduty", "slack"]


def test_paging_again_after_a_lost_answer_ends_the_same(stage: Stage) -> None:
    first = stage.page()
    stage.store.put(a_record(pages=[first.page]))
    assert stage.page() == first
    assert [page.level for page in stage.pagerduty.told[-1].record.pages] == [0]


def test_only_the_first_page_counts_as_an_escalation(stage: Stage) -> None:
    stage.store.put(a_record(pages=[a_page()]))
    stage.page(1)
    assert "Escalated" not in metrics.metric_set


def test_a_page_goes_out_although_the_table_is_down(stage: Stage) -> None:
    stage.store.down = True
    assert stage.page().page.delivered_to == ["pagerduty", "slack"]


def test_an_incident_without_a_record_is_paged(stage: Stage) -> None:
    stage.store.records.clear()
    stage.page(classification=None)
    assert stage.pagerduty.told[0].record.classification is None


def test_routes_go_by_the_severity_that_was_decided(stage: Stage) -> None:
    routes = [{"severity": ["critical"], "levels": ["last"]}]
    policy = PagingPolicy.model_validate({"levels": LEVELS, "routes": routes})

    def called(classification: Classification) -> str:
        return stage.page(policy=policy, classification=classification).page.on_call

    assert called(a_classification(severity="critical")) == "everybody"
    assert called(a_classification(severity="high")) == "the shop"
