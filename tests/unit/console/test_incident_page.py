"""The page of an incident: its content and the order of it, its metric and its timeline."""

import re
from datetime import timedelta
from typing import Any

import pytest

from firstline.console.metric_chart import metric_chart
from firstline.console.site import DONE
from firstline.console.timeline import timeline
from firstline.incidents.audit_trail import Fact, chained
from firstline.incidents.message_facts import NOTHING_TO_RUN, headline
from firstline.models import AlertLink, Counts, Deployment, Hold, IncidentRecord, MetricSeries, Note
from tests.support.browsing import BERLIN, site_of
from tests.support.builders import (
    DEADLINE,
    INCIDENT_ID,
    NOW,
    OPENED,
    a_classification,
    a_page,
    a_plan,
    a_record,
    a_result,
    a_waiting_record,
    a_whole_plan,
    an_alert,
    an_incident,
)
from tests.support.changes import joining
from tests.support.memory import MemoryDocuments
from tests.unit.console.reading import in_order, read_incident
from tests.unit.console.shelf import PAGE, Shelf

HOST = a_plan().targets[0].instance_id


def test_an_incidents_page_has_who_has_it_what_happens_and_what_to_do_before_the_rest() -> None:
    alert = an_alert(
        links=[AlertLink(kind="runbook", url="https://wiki.example/disk")], annotations={"impact": "no orders"}
    )
    record = a_waiting_record(
        incident=an_incident(alert),
        results=[a_result(kind="diagnose", output="14G /var/log/shop.log")],
        notes=[Note(by="bob", text="Ordered a larger disk.", at=NOW)],
    )
    shelf = Shelf(record)
    deployed = Deployment(service="shop", version="2.14", deployed_at=OPENED - timedelta(minutes=40))
    shelf.store.incidents.save_deployment(deployed)
    in_order(
        read_incident(record, shelf=shelf),
        "high",
        headline(record),
        "Nobody has it, paged 4 min ago.",
        "It waits for an acknowledgement, or for an approval of “Free disk space”",
        "The disk of web-1 is almost full",
        "impact: no orders",
        "Look at /var/log.",
        "I have it",
        "Resolve",
        "wiki.example",
        "A plan waits for an approval",
        "Approve and run",
        "What ran",
        "14G /var/log/shop.log",
        "Alerts by host",
        "Evidence",
        "shop 2.14, 40 min before",
        "Ordered a larger disk.",
        "Timeline",
        "mountpoint",
    )


@pytest.mark.parametrize(
    ("record", "main"),
    [
        (a_record(pages=[a_page()], paged_at=OPENED), ["acknowledge", "resolve", "escalate"]),
        (a_record(paged_at=OPENED, acknowledged_at=NOW, acknowledged_by="bob"), ["resolve", "escalate"]),
        (a_record(resolved_by="bob", resolved_at=NOW), []),
        (a_record(status="CLOSED", closed_at=NOW, outcome="resolved"), ["reopen"]),
        (a_waiting_record(), ["acknowledge", "resolve", "approve", "refuse", "escalate"]),
        (
            a_waiting_record(a_plan(risk="destructive", decision="approve")),
            ["acknowledge", "resolve", "refuse", "escalate"],
        ),
    ],
    ids=["paged", "taken", "resolved", "closed", "a plan waits", "a plan that loses data waits"],
)
def test_a_page_has_only_the_buttons_that_have_an_effect_on_its_incident(
    record: IncidentRecord, main: list[str]
) -> None:
    forms = re.findall(rf'action="{PAGE}/(\w+)"', read_incident(record).html)
    assert [does for does in forms if does not in ("note", "judge")] == main


def test_an_incidents_page_shows_all_that_may_run_above_the_button_that_approves_it() -> None:
    plan = a_whole_plan(decision="approve", risk="disruptive")
    page = read_incident(a_waiting_record(plan))

    above, button, _ = page.text.partition("Approve and run")
    assert button
    assert [part for part in plan.parts if part not in above] == []


@pytest.mark.parametrize("decision", [None, "approved"])
@pytest.mark.parametrize("under", ["", "/plan"])
def test_a_plan_of_an_incident_without_a_firing_alert_says_that_nothing_runs(decision: str | None, under: str) -> None:
    text = read_incident(a_waiting_record(own=Counts(), decision=decision), under).text
    assert (NOTHING_TO_RUN in text, "Approve and run" in text) == (True, False)


@pytest.mark.parametrize("decision", [None, "approved", "refused"])
def test_of_an_incident_with_a_firing_alert_no_page_says_that_nothing_runs(decision: str | None) -> None:
    refused = a_waiting_record(own=Counts(), decision="refused")
    for record in (a_waiting_record(decision=decision), refused):
        assert NOTHING_TO_RUN not in read_incident(record).text


def test_a_destructive_plan_is_approved_only_below_its_scripts() -> None:
    record = a_waiting_record(a_plan(risk="destructive", decision="approve"))
    assert "this plan can be approved only below its scripts" in read_incident(record).text
    page = read_incident(record, "/plan")
    in_order(page, "data is lost for good", "2 different people", "logrotate --force", "Approve")
    assert f'action="{PAGE}/approve"' in page.html


def test_a_plan_whose_script_cannot_be_read_has_no_approve_button_in_the_console() -> None:
    shelf = Shelf()
    shelf.site = site_of(shelf, MemoryDocuments(script=None))
    page = read_incident(shelf.store.only, "/plan", shelf=shelf)
    assert "cannot be approved here" in page.text
    assert f'action="{PAGE}/approve"' not in page.html


def test_the_refresh_gets_the_status_of_an_incident_without_the_rest_of_the_page() -> None:
    page = read_incident(a_waiting_record(), "/status")
    assert page.html.startswith('<section class="card status nobody" id="status"')
    assert f'hx-get="{PAGE}/status"' in page.html
    assert len(page.html) < 1_000


def test_a_page_shows_a_forms_known_result_and_no_other_text_of_its_address() -> None:
    assert DONE["acknowledge"] in read_incident(a_waiting_record(), "?done=acknowledge").text
    assert "pwned" not in read_incident(a_waiting_record(), "?done=pwned").html


def test_personal_data_is_not_shown() -> None:
    alert = an_alert(message="No mail to ada.lovelace@example.com", labels={"user": "ada.lovelace@example.com"})
    page = read_incident(a_record(an_incident(alert), results=[a_result(output="to: ada.lovelace@example.com")]))
    assert "No mail to" in page.text
    assert "ada.lovelace" not in page.html


def test_alerts_are_grouped_by_host_worst_first() -> None:
    shelf = Shelf()
    live = shelf.store.only.live
    assert live is not None
    more = [
        an_alert(alert_name="LoadHigh", severity="high", host="web-2", fingerprint="f1"),
        an_alert(alert_name="DbDown", severity="critical", host="db-1", fingerprint="f2"),
        an_alert(alert_name="SwapFull", severity="low", host="db-1", fingerprint="f3"),
    ]
    shelf.store.groups.apply(joining(live, *more, now=NOW))
    page = read_incident(shelf.store.only, shelf=shelf)
    in_order(page, "Alerts by host", "db-1", "DbDown", "SwapFull", "web-2", "LoadHigh")


def test_the_page_of_the_largest_incident_has_at_most_40_kb() -> None:
    text = "All of this was written by a machine that likes to talk. " * 10
    record = a_waiting_record(
        results=[a_result(step_id=f"step-{number}", output=text[:500]) for number in range(40)],
        classification=a_classification(unsure=[text[:300]] * 10, evidence=[text[:300]] * 8, series=METRIC),
    )
    shelf = Shelf(record)
    live = shelf.store.only.live
    assert live is not None
    for start in range(0, 50, 10):
        more = [an_alert(fingerprint=f"f{start + n}", host=f"web-{start + n}", message=text) for n in range(10)]
        shelf.store.groups.apply(joining(live, *more, now=NOW))
        live = shelf.store.only.live
        assert live is not None
    facts = [Fact(what="ran", who="state machine", facts={"step_id": f"s{number}"}) for number in range(99)]
    shelf.store.trail.append(INCIDENT_ID, facts, NOW)
    page = read_incident(record, shelf=shelf)
    assert len(page.html.encode()) <= 40_000


def test_the_page_of_a_usual_incident_has_at_most_20_kb() -> None:
    assert len(read_incident(a_waiting_record()).html.encode()) <= 20_000


METRIC = MetricSeries(
    label="<b>CPU</b>, Average; the alarm fires when GreaterThan 90",
    period_seconds=300,
    values=[10.0] * 13 + [55.5, 97.0],
    ends_at=NOW,
    threshold=90.0,
)


def test_a_page_plots_the_metric_of_the_incidents_alarm_and_escapes_its_name() -> None:
    page = read_incident(a_record(classification=a_classification(series=METRIC)))
    assert page.elements.count("rect") == len(METRIC.values)
    in_order(page, "Evidence", "<b>CPU</b>, Average", "The same as a table")
    assert "<b>CPU" not in page.html
    assert "rect" not in read_incident(a_record(classification=a_classification())).elements


@pytest.mark.parametrize(
    ("values", "threshold", "lines", "heights"),
    [
        ([45, 90], 90, ["0", "90"], [45, 90]),
        ([90, 45], 60, ["0", "60", "90"], [90, 45]),
        ([-30, 60], None, ["-30", "0", "60"], [30, 60]),
        ([0], None, ["0"], [1]),
        ([-5], None, ["-5", "0"], [90]),
    ],
    ids=["up to the threshold", "beyond the threshold", "below and above zero", "zero", "below zero"],
)
def test_a_metrics_bars_stand_on_zero(values: Any, threshold: Any, lines: list[str], heights: list[int]) -> None:
    # From the lowest line to the highest there are 90 pixels; a bar has one at least.
    series = METRIC.model_copy(update={"values": values, "threshold": threshold})
    plot = metric_chart(series, BERLIN)
    assert [line.text for line in plot.lines] == lines
    assert [round(bar.height) for bar in plot.bars] == heights
    assert all(bar.y >= 0 and bar.y + bar.height <= plot.height for bar in plot.bars)


def test_a_metrics_times_are_local_and_its_last_period_ends_with_the_alarm() -> None:
    plot = metric_chart(METRIC.model_copy(update={"period_seconds": 300, "ends_at": NOW}), BERLIN)
    begin_of_the_last = (NOW - timedelta(seconds=300)).astimezone(BERLIN)
    assert plot.rows[-1] == [f"{begin_of_the_last:%H:%M}", "97"]


def test_the_timeline_has_a_sentence_for_each_entry_in_the_order_of_events() -> None:
    facts = [
        Fact(what="classified", who="rules", facts={"severity": "high", "reasons": ["The source says high."]}),
        Fact(what="planned", who="policy", facts={"decision": "approve", "runbook_id": "low-disk", "reason": "prod"}),
        Fact(what="planned", who="policy", facts={"decision": "none", "runbook_id": "", "reason": "no runbook fits"}),
        Fact(
            what="paged",
            who="state machine",
            facts={
                "number": 1,
                "on_call": "Ana",
                "through": ["sns"],
                "paged_at": (OPENED + timedelta(seconds=1)).isoformat(),
            },
        ),
        Fact(
            what="ran",
            who="state machine",
            facts={"step_id": "clean", "instance_id": "i-0123456789abcdef0", "status": "Success"},
        ),
        Fact(what="joined", who="senders", facts={"joined": 7, "last_at": NOW.isoformat()}),
        # The press is no line of its own: the acknowledgement that it leads to is.
        Fact(what="acted", who="ada (Slack)", facts={"does": "acknowledge", "acted_at": NOW.isoformat()}),
        Fact(what="acted", who="ada (Slack)", facts={"does": "escalate", "acted_at": NOW.isoformat()}),
    ]
    record = a_record(plan=a_plan())
    lines = [moment.text for moment in timeline(record, chained(INCIDENT_ID, facts, NOW, None))]
    assert lines == [
        "Opened by DiskFull from prometheus",
        "Paged Ana through sns, page 1",
        "Judged high by rules: The source says high.",
        "low-disk asks for an approval: prod",
        "Nothing runs: no runbook fits",
        "clean on web-1: Success",
        "Alerts joined: 7 in all",
        "ada (Slack) asked for the next level",
    ]


def test_a_page_says_why_no_runbook_runs_unless_a_plan_exists() -> None:
    shelf = Shelf(a_record(paged_at=OPENED))
    facts = {"decision": "deny", "reason": "low-disk is destructive"}
    shelf.store.trail.append(INCIDENT_ID, [Fact(what="planned", who="policy", facts=facts)], NOW)
    assert "No runbook runs: low-disk is destructive" in read_incident(shelf.store.only, shelf=shelf).text
    assert "No runbook runs" not in read_incident(a_waiting_record()).text


def test_a_page_shows_the_alerts_text_only_if_the_summary_does_not_say_it() -> None:
    alert = an_alert(message="/var is 97 % full.\nLook at /var/log.")
    summary = "DiskFull on web-1. /var is 97 % full. Look at /var/log."
    record = a_record(an_incident(alert), classification=a_classification(summary=summary))
    assert "The alert says" not in read_incident(record).text
    other = a_classification(summary="The disk of web-1 is almost full.")
    assert "The alert says" in read_incident(a_record(an_incident(alert), classification=other)).text


def test_a_page_says_at_which_entry_the_trail_is_broken() -> None:
    shelf = Shelf()
    shelf.store.trail.append(INCIDENT_ID, [Fact(what="acknowledged", who="ada", facts={})], NOW)
    shelf.store.table.update(
        f"TRAIL#{INCIDENT_ID}",
        "000001",
        "SET entry = :e",
        {":e": shelf.store.trail.entries(INCIDENT_ID)[0].model_copy(update={"who": "eve"}).model_dump_json()},
    )
    assert "The trail is broken at entry 1" in read_incident(shelf.store.only, shelf=shelf).text


def test_times_are_in_the_stacks_time_zone() -> None:
    hold = Hold(by="silence", id="s1", reason="ada silenced it.", until=DEADLINE, seconds=60)
    page = read_incident(a_record(classification=a_classification(hold=hold)))
    assert f"at {DEADLINE.astimezone(BERLIN):%H:%M} it is judged again" in page.text
