"""The words of a page: from the classification when there is one, from facts when not."""

import json

import pytest

from firstline.channels import pagerduty, slack, sns
from firstline.channels.incident_links import execution_link
from firstline.channels.summary import StackInfo, labels, summarise
from firstline.incidents.message_facts import severity
from firstline.models import SEVERITY_RANK, Counts, IncidentRecord, Member, MetricSeries
from tests.support.builders import (
    CONSOLE,
    INCIDENT_ID,
    NOW,
    a_classification,
    a_live,
    a_notification,
    a_page,
    a_plan,
    a_record,
    a_result,
    an_alert,
    an_incident,
    hostile_notification,
)
from tests.support.changes import counts_for
from tests.support.slack_reading import read_aloud

LOW, CRITICAL = a_classification(severity="low"), a_classification(severity="critical")


def test_a_page_says_what_happens_where_and_what_to_do() -> None:
    record = a_record(pages=[a_page(on_call="Ana")], plan=a_plan(), results=[a_result(status="Failed")])

    summary = summarise(a_notification("paged", record, reason="The runbook failed."))

    assert summary.title == "DiskFull on web-1"
    assert summary.headline == "HIGH: DiskFull on web-1"
    assert summary.happening == "/var is 97% full"
    assert summary.affected == "web-1 · service shop · environment prod"
    assert (summary.since, summary.age) == ("03:12 UTC", "4 min")
    assert summary.news == "The runbook failed."
    assert summary.tried == ("Runbook: Free disk space", "rotate-logs (act) on web-1: Failed")
    assert summary.first_steps == ("Look at /var/log.", "Ask the shop's team whether orders fail.")
    assert summary.evidence == ("rotate-logs (act) on web-1\nrotated 3 files",)
    assert "Paged: Ana at 03:12." in summary.sentence


@pytest.mark.parametrize("document", ["shop_runbook-safe-low-disk.free", "Mine"])
def test_an_output_that_is_cut_names_its_log_group_if_the_stack_made_the_document(document: str) -> None:
    plan = a_plan()
    (step, *_) = plan.steps
    plan = plan.model_copy(update={"steps": [step.model_copy(update={"document": document})]})
    whole, cut = a_result(output="freed"), a_result(output="x" * plan.most_output)

    first, second = summarise(a_notification("paged", a_record(plan=plan, results=[whole, cut]))).evidence

    where = f"All of it: log group /firstline/shop/commands, streams {cut.command_id}/{cut.instance_id}/…"
    assert "log group" not in first
    assert (where in second) == (document != "Mine")


def test_without_a_classification_the_words_come_from_the_alert() -> None:
    summary = summarise(a_notification("paged", a_record(classification=None), reason="Classify failed."))

    assert summary.happening == "/var is 97% full"
    assert summary.severity == "high"
    assert summary.cause == ""
    assert summary.first_steps[0] == "Acknowledge, so that nobody else is woken."
    assert "web-1" in summary.first_steps[1]


def test_an_alert_without_text_has_only_its_title() -> None:
    record = a_record(an_incident(an_alert(message=" \u200b")), classification=a_classification(summary=" "))
    summary = summarise(a_notification(record=record, reason=""))
    assert (summary.title, summary.happening, summary.lead) == ("DiskFull on web-1", "", "")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(a_record(), "high", id="the verdict"),
        pytest.param(a_record(classification=LOW), "low", id="a verdict below the alert"),
        pytest.param(
            a_record(classification=LOW, live=a_live(own=counts_for(1, 4))), "critical", id="a critical joined"
        ),
        pytest.param(a_record(classification=CRITICAL, live=a_live(own=counts_for(3))), "critical", id="a high joined"),
        pytest.param(a_record(live=a_live(own=counts_for(1, 4, held=True))), "high", id="a held critical joined"),
        pytest.param(
            a_record(classification=None, live=a_live(own=counts_for(1, 4))), "critical", id="no verdict, one joined"
        ),
        pytest.param(a_record(live=None), "high", id="no live half"),
        pytest.param(a_record(classification=None), "high", id="no verdict"),
        pytest.param(
            a_record(an_incident(an_alert(severity="info")), classification=None), "low", id="no verdict on an info"
        ),
        pytest.param(a_record(classification=a_classification(severity="noise")), "noise", id="noise"),
    ],
)
def test_severity_is_the_worst_of_the_verdict_and_the_alerts_that_joined_after_it(
    record: IncidentRecord, expected: str
) -> None:
    assert severity(record) == expected


@pytest.mark.parametrize(
    ("hosts", "title", "affected"),
    [
        ([], "DiskFull on shop", "service shop · environment prod"),
        (["web-1"], "DiskFull on web-1", "web-1 · service shop · environment prod"),
        (["a", "b"], "DiskFull on a, b", "a, b · service shop · environment prod"),
        (
            list("abcdefghijklm"),
            "DiskFull on a, b, c and 10 more",
            "a, b, c, d, e, f, g, h, i, j, and 3 more · service shop · environment prod",
        ),
    ],
)
def test_the_title_names_three_hosts_and_the_summary_ten_and_both_count_the_rest(
    hosts: list[str], title: str, affected: str
) -> None:
    summary = summarise(a_notification(record=a_record(an_incident(hosts=hosts))))
    assert (summary.title, summary.affected) == (title, affected)


def test_an_alert_that_names_no_place_says_so() -> None:
    alert = an_alert(host=None, service=None, environment=None)
    summary = summarise(a_notification(record=a_record(an_incident(alert), alert_count=12)))
    assert summary.title == "DiskFull"
    assert summary.affected == "the alert names no host or service · 12 alerts"


def test_a_storms_title_has_its_number_of_alerts_and_the_first_one() -> None:
    record = a_record(an_incident(storm=True), alert_count=143)
    assert summarise(a_notification(record=record)).title == "Storm of 143 alerts, first DiskFull"


@pytest.mark.parametrize(
    ("members", "title"),
    [
        ([], "Storm of 5 alerts, 2 critical"),
        (
            [Member(alert_name="DbDown", severity="critical", host="db-1")],
            "Storm of 5 alerts, 2 critical: DbDown on db-1",
        ),
    ],
)
def test_the_title_of_a_storm_with_critical_alerts_counts_and_names_them(members: list[Member], title: str) -> None:
    low, critical = SEVERITY_RANK["low"], SEVERITY_RANK["critical"]
    own = counts_for(low, low, low, critical, critical)
    record = a_record(an_incident(storm=True), alert_count=5, members=members, live=a_live(own=own))
    assert summarise(a_notification(record=record)).title == title


def test_the_summary_names_the_hosts_of_all_alerts_and_counts_those_that_fire() -> None:
    members = [
        Member(alert_name="DbDown", severity="critical", host="db-1"),
        Member(alert_name="DiskFull", severity="high", host="web-1"),
    ]
    own = counts_for(3, 4) + Counts(firing=-1)  # a high and a critical, of which one has ended
    summary = summarise(a_notification(record=a_record(alert_count=2, members=members, live=a_live(own=own))))
    assert summary.affected.startswith("web-1, db-1 · ")
    assert summary.affected.endswith("2 alerts, 1 firing")


def test_of_many_commands_the_last_twenty_are_listed_and_the_rest_counted() -> None:
    results = [a_result(step_id=f"step-{number}") for number in range(30)]
    tried = summarise(a_notification(record=a_record(plan=a_plan(), results=results))).tried
    assert tried[:2] == ("Runbook: Free disk space", "(10 earlier commands left out)")
    assert tried[-1] == "step-29 (act) on web-1: Success"
    assert len(tried) == 2 + 20


def test_a_summary_of_hostile_text_is_bounded_and_shows_no_invisible_character() -> None:
    summary = summarise(hostile_notification("paged"))
    whole = repr(summary)
    assert "\\x00" not in whole
    assert "\\u202e" not in whole
    assert len(whole) < 60_000


def test_at_most_fifty_labels_are_shown_each_shortened() -> None:
    found = labels(hostile_notification("paged").record.incident)
    assert len(found) == 50
    assert max(map(len, found)) <= 128
    assert max(map(len, found.values())) <= 300


def test_the_link_to_an_execution_ends_with_the_incidents_id() -> None:
    assert execution_link(CONSOLE, an_incident()) == f"{CONSOLE}:{INCIDENT_ID}"
    assert execution_link("", an_incident()) is None


def test_the_evidence_around_an_alarm_is_told_in_every_channel_with_its_metric_drawn() -> None:
    series = MetricSeries(label="CPU", period_seconds=60, values=[0, 100], ends_at=NOW)
    paged = a_notification(
        "paged", a_record(classification=a_classification(evidence=["it fails"] * 20, series=series))
    )
    drawn = "▁█ 0 to 100, within 2 min up to the alarm: CPU"

    assert summarise(paged).resource == (*["it fails"] * 8, drawn), "no more than a person reads"

    mail, event = sns.render(paged), pagerduty.render(paged)
    assert mail is not None
    assert event is not None
    assert drawn in json.loads(mail["Message"])["email"]
    assert event["payload"]["custom_details"]["what the resource shows"][-1] == drawn
    assert drawn in str(slack.render(paged)["blocks"])


@pytest.mark.parametrize(
    ("reason", "news"),
    [
        ("It got worse: critical DbDown joined.", "It got worse: critical DbDown joined."),
        ("no runbook chosen", ""),
        ("Nobody has answered for 5 minutes. no runbook chosen", "Nobody has answered for 5 minutes."),
        ("the alert names no host", "No runbook runs: the alert names no host."),
        ("/var is 97% full.", ""),
        ("Acknowledged by ada.", ""),
        (
            "The runbook failed. The disk of web-1 is almost full; the shop will stop writing orders.",
            "The runbook failed.",
        ),
        ("", ""),
    ],
)
def test_a_reason_is_shown_without_what_another_line_says(reason: str, news: str) -> None:
    assert summarise(a_notification("paged", reason=reason)).news == news


@pytest.mark.parametrize("cause", ["Unknown.", "unknown", "", "Unclear"])
def test_a_cause_that_says_unknown_is_left_out(cause: str) -> None:
    assert summarise(a_notification(record=a_record(classification=a_classification(cause=cause)))).cause == ""


def test_a_page_links_to_the_console_where_its_address_is_known() -> None:
    summary = summarise(a_notification(), StackInfo(address="https://api.example"))
    assert summary.console is not None
    assert summary.console.url == f"https://api.example/console/incidents/{INCIDENT_ID}"
    assert summarise(a_notification()).console is None


def test_every_channel_shows_why_firstline_is_not_sure_with_the_evidence() -> None:
    unsure = ["The model is not sure.", "Earlier, yesterday: high, ended by itself.", *["more"] * 20]
    record = a_record(classification=a_classification(unsure=unsure))
    paged = a_notification("paged", record)

    assert summarise(paged).unsure[:2] == tuple(unsure[:2])
    assert len(summarise(paged).unsure) == 10, "no more than a person reads"
    words = "• The model is not sure.\n• Earlier, yesterday: high, ended by itself."
    for kind in ("paged", "needs_human"):
        assert f"*Firstline is not sure. Please judge*\n{words}" in read_aloud(
            slack.render(a_notification(kind, record))
        )
    mail = sns.render(paged)
    event = pagerduty.render(paged)
    assert mail is not None
    assert event is not None
    assert f"Firstline is not sure. Please judge\n{words}" in json.loads(mail["Message"])["email"]
    assert event["payload"]["custom_details"]["not sure, please judge"][0] == "The model is not sure."
