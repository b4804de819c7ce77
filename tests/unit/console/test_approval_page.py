"""The approval page as people read it, and that no text of a stranger becomes markup in it."""

import subprocess
import sys
from datetime import timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest

from firstline.console.approval_page import plan_page, refusal, review
from firstline.console.approval_requests import ApprovalHandler
from firstline.console.render import run_as
from firstline.console.web import security_headers
from firstline.incidents.message_facts import NOTHING_TO_RUN
from firstline.models import Approval, Counts, IncidentRecord, PlannedStep, Released, RunbookRun, Target
from firstline.people.links import Link
from firstline.runbooks.commands import Command
from firstline.runbooks.documents import render_script
from firstline.text import visible
from tests.support.builders import (
    INCIDENT_ID,
    NOW,
    a_plan,
    a_release,
    a_release_plan,
    a_result,
    a_waiting_record,
    a_whole_plan,
    hostile_notification,
)
from tests.support.checked import checked
from tests.support.memory import SCRIPT, MemoryDocuments, MemoryExecutions, MemoryStore
from tests.support.operating import operations_of, people_of
from tests.unit.console.reading import ReadPage

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;{{7*7}}${x}$title"


def seen(
    record: IncidentRecord | None = None,
    *,
    approver: str = "U1",
    name: str = "ada",
    script: str | None = SCRIPT,
    runs: tuple[RunbookRun, ...] = (),
    closed: str | None = None,
) -> ReadPage:
    """Return the approval page of a record, as its approver reads it."""
    record = record or a_waiting_record()
    assert record.plan is not None
    store, documents = MemoryStore(), MemoryDocuments(script=script)
    store.remediations.keep_runs(runs)
    for run in runs:
        names = {"incident_id": run.incident_id, "group_key": run.incident_id}
        store.put(record.model_copy(update={"incident": record.incident.model_copy(update=names), "live": None}))
    gathered = review(record, record.plan, NOW, documents=documents, incidents=store.incidents)
    link = Link(
        incident_id=INCIDENT_ID,
        approver=approver,
        name=name,
        plan_digest=record.plan.digest(),
        expires_at=NOW + timedelta(minutes=23),
    )
    return ReadPage(plan_page(gathered, link, "the-token", NOW, zone=ZoneInfo("Europe/Berlin"), closed=closed))


def a_step(**changes: Any) -> PlannedStep:
    return checked(PlannedStep, a_plan().steps[0]).model_copy(update=changes)


def test_the_page_says_what_runs_where_as_whom_and_how_long_the_link_lasts() -> None:
    page = seen()
    for said in (
        "Free disk space on web-1",
        "until its incident is closed. This link is yours for 23 minutes more.",
        "web-1",
        "i-0123456789abcdef0",
        "rotate-logs",
        "changes something",
        "As root, on 1 host, for at most 1 minute",
        "firstline-low-disk-rotate-logs",
        "$SSM_path",
        "/var/log",
        "logrotate --force",
        "Safe: nothing that anybody needs is lost.",
        "runbook low-disk asks for approval",
        "this runbook has no way back",
        "has not run here in the last 90 days",
        "You decide as ada",
    ):
        assert said in page.text
    assert page.decisions == ["approve", "refuse"]
    assert {("input", "value", "the-token"), ("form", "action", INCIDENT_ID), ("form", "method", "post")} <= {
        *page.attributes
    }


def test_the_page_says_how_the_plan_is_verified_and_undone() -> None:
    plan = a_plan(
        verify=a_step(step_id="verify", kind="verify", document="firstline-low-disk-verify"),
        verify_attempts=3,
        recovery_wait_seconds=20,
        rollback=[a_step(step_id="put-back", kind="rollback", document="firstline-low-disk-put-back")],
    )
    page = seen(a_waiting_record(plan))
    assert "It runs 20 seconds after the last step, and at most 3 times, 20 seconds apart." in page.text
    assert "put-back undoes" in " ".join(page.text.split())
    assert page.text.count("logrotate --force") == 3, "the script of the step, of verify and of the rollback"


def test_the_page_says_each_version_how_many_hosts_at_a_time_and_the_guard() -> None:
    plan = a_whole_plan(decision="approve", guard_alarm="checkout-errors")
    text = seen(a_waiting_record(plan)).text
    assert plan.verify is not None

    assert [step.sends for step in (*plan.commands, plan.verify, *plan.rollback) if step.sends not in text] == []
    assert "goes to 1 of the hosts at a time, and ends after 0 failures" in text
    assert "cancelled if the alarm checkout-errors fires" in text


def test_the_page_of_a_release_shows_the_present_and_the_earlier_revision() -> None:
    page = seen(a_waiting_record(a_release_plan(decision="approve")))
    stopped = seen(a_waiting_record(a_release_plan(decision="approve", steps=[a_release(stop=True)])))

    assert "Put the last good release back on shop/live" in page.text
    assert "It is still going on, and is stopped first." in stopped.text
    assert "stopped first" not in page.text
    words = " ".join(page.text.split())
    for said in (
        "shop/live CodeDeploy",
        "takes a release back",
        "Through CodeDeploy, on shop/live, waited for at most 30 minutes. Only while nothing newer was released there.",
        "Takes back s3://releases/shop.zip (42) deployment d-2, 03:42 CET",
        "Puts back s3://releases/shop.zip (41) deployment d-1, Thu 26 Feb 04:12 CET",
        '"ApplicationName": "shop"',
        "Disruptive: a service may blink.",
        "The alert resolves within 15 minutes.",
        "The release that was taken back is not put there again by itself.",
    ):
        assert said.replace(" ", "") in words.replace(" ", ""), said
    assert page.decisions == ["approve", "refuse"]


def test_no_name_of_a_release_becomes_markup() -> None:
    evil = Released(deployment=EVIL[:200], what=f"{EVIL} \u202e", at=NOW)
    step = a_release(place=EVIL[:100], taken_back=evil, put_back=evil, request={EVIL: [EVIL]})

    page = seen(a_waiting_record(a_release_plan(steps=[step])))

    assert {"script", "img"} & set(page.elements) == set()
    assert "<U+202E>" in page.text


def test_the_page_says_how_earlier_runs_ended_except_those_in_shadow_and_the_incidents_own() -> None:
    def run(incident_id: str, days: int, *hosts: str, decision: Literal["auto", "shadow"] = "auto") -> RunbookRun:
        at = NOW - timedelta(days=days)
        return RunbookRun(
            runbook_id="low-disk",
            incident_id=incident_id,
            instance_ids=list(hosts),
            decision=decision,
            at=at,
            until=at + timedelta(hours=1),
        )

    # The store has this record for the earlier incidents, too: each of them was cured.
    over = a_waiting_record(outcome="auto_resolved")
    runs = (
        run("earlier", 9, "i-1"),
        run("in-shadow", 5, "i-1", decision="shadow"),
        run("latest", 3, "i-1", "i-2"),
        run(INCIDENT_ID, 0, "i-1"),
    )
    text = seen(over, runs=runs).text
    assert text.count("It cured the incident.") == 2
    assert text.index("Thu 26 Feb 04:16 CET") < text.index("Fri 20 Feb 04:16 CET")
    assert text.count("04:16 CET") == 2


@pytest.mark.parametrize(
    ("changes", "says", "not_any_more"),
    [
        ({}, ["What will run"], "What came of it"),
        (
            {"decision": "approved", "results": [a_result(status="Failed", changed=True)]},
            ["What came of it", "Failed rotate-logs on web-1, changed something", "What was to run"],
            "What will run",
        ),
        ({"decision": "approved"}, ["What came of it", "Nothing has run.", "What was to run"], "What will run"),
        ({"decision": "refused"}, ["What would have run"], "What came of it"),
    ],
    ids=[
        "it waits",
        "approved, and a step ran",
        "approved, and nothing ran",
        "refused",
    ],
)
def test_after_the_decision_the_page_says_what_ran_and_what_was_to_run(
    changes: Any, says: list[str], not_any_more: str
) -> None:
    text = " ".join(seen(a_waiting_record(**changes)).text.split())
    places = [text.index(words) for words in says]
    assert places == sorted(places)
    assert not_any_more not in text


@pytest.mark.parametrize("decision", [None, "approved"])
def test_an_approver_reads_that_nothing_runs_once_no_alert_fires(decision: str | None) -> None:
    closed = "This plan was approved by grace." if decision else None
    page = seen(a_waiting_record(own=Counts(), decision=decision), closed=closed)
    assert NOTHING_TO_RUN in page.text
    assert ("it runs at once" in page.text, "Approve and run" in page.text) == (False, False)
    assert page.decisions == ([] if decision else ["approve", "refuse"])


def test_the_second_approver_reads_who_was_first_and_the_first_may_only_refuse() -> None:
    first = Approval(approver="U2", by="grace (Slack)", at=NOW)
    record = a_waiting_record(a_plan(risk="destructive"), approvals=[first])
    page = seen(record)
    assert "Approved by grace (Slack); 1 more must agree." in page.text
    assert "it runs at once" in page.text
    assert page.decisions == ["approve", "refuse"]

    mine = seen(record, approver="U2")
    assert "You have approved this plan already" in mine.text
    assert mine.decisions == ["refuse"]


def test_the_first_of_two_approvers_reads_that_another_must_approve() -> None:
    page = seen(a_waiting_record(a_plan(risk="destructive")))
    assert "runs once somebody else has approved as well" in page.text
    assert "data is lost for good" in page.text


def test_a_plan_whose_script_cannot_be_shown_has_no_approve_button() -> None:
    page = seen(script=None)
    assert "cannot be approved here" in page.text
    assert "AccessDenied" in page.text
    assert page.decisions == ["refuse"]


@pytest.mark.parametrize("decision", [None, "approved", "refused"])
def test_the_page_of_a_plan_that_waits_no_more_has_no_form(decision: str | None) -> None:
    page = seen(a_waiting_record(decision=decision), closed="This plan was decided by grace.")
    assert "form" not in page.elements
    assert page.decisions == []
    assert "This plan was decided by grace." in page.text


def test_no_text_of_a_stranger_becomes_markup() -> None:
    hostile = hostile_notification("approval", EVIL).record
    plan = a_plan(
        title=EVIL,
        decision_reason=EVIL,
        targets=[Target(instance_id="i-0123456789abcdef0", name=EVIL)],
        steps=[a_step(step_id=EVIL, document=EVIL, parameters={EVIL: [EVIL]})],
        rollback=[a_step(step_id=EVIL, kind="rollback")],
        verify=a_step(step_id=EVIL, kind="verify"),
    )
    record = a_waiting_record(plan).model_copy(
        update={
            "incident": hostile.incident,
            "classification": hostile.classification,
            "approvals": [Approval(approver="U9", by=EVIL, at=NOW)],
        }
    )
    harmless = seen(
        a_waiting_record(
            a_plan(steps=[a_step()], rollback=[a_step()], verify=a_step()),
            approvals=[Approval(approver="U9", by="bo", at=NOW)],
        ),
        script=("one line"),
    )

    page = seen(record, name=EVIL, script=(EVIL))

    assert page.elements == harmless.elements
    assert [name for _, name, _ in page.attributes] == [name for _, name, _ in harmless.attributes]
    assert "<script>alert(1)</script>" in page.text


def test_the_text_of_a_refusal_is_escaped() -> None:
    page = ReadPage(refusal(EVIL, EVIL, EVIL))
    assert page.elements == ReadPage(refusal("a", "b", "c")).elements
    assert "<script>" in page.text


def test_characters_that_would_hide_code_are_shown_as_their_number() -> None:
    text = seen(script=("true # \u202e}\u2066 harmless\u200b\x1b[2K\r\n")).text
    assert "true # <U+202E>}<U+2066> harmless<U+200B><U+001B>[2K<U+000D>" in text
    assert visible("\ud800\ue000\u2028é\t日本") == "<U+D800><U+E000><U+2028>é\t日本"


def test_the_lines_of_a_script_are_counted_with_empty_ones() -> None:
    page = seen(script=("one\ntwo\n\nfour\n"))
    assert "Script, 4 lines" in page.text


@pytest.mark.parametrize(
    ("command", "user"),
    [
        (Command(run="true", run_as="root", because="Only root may do this."), "root"),
        (Command(run="true", run_as="postgres"), "postgres"),
        (Command(run="true", reads_journal=True), "nobody"),
    ],
    ids=["root", "postgres", "no user is given"],
)
def test_the_page_names_the_user_that_the_rendered_script_runs_as(command: Command, user: str) -> None:
    assert run_as(render_script(command)) == user


def test_a_script_of_the_owner_runs_as_the_agents_user_of_either_system() -> None:
    assert run_as("Restart-Service -Name Spooler") == "root (on Windows as SYSTEM)"


def test_nothing_on_the_page_is_fetched_framed_or_run() -> None:
    assert security_headers()["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert security_headers()["X-Frame-Options"] == "DENY"
    assert security_headers()["Cache-Control"] == "no-store"
    assert security_headers()["Referrer-Policy"] == "no-referrer"
    page = seen()
    assert not {"script", "img", "link", "iframe", "a"} & set(page.elements)
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "href", "style")]


def test_the_template_engine_waits_for_the_first_page() -> None:
    program = "import sys, firstline.console.approval_requests; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd="layers/core", check=False).returncode == 0


def test_a_key_that_could_be_guessed_closes_the_page_and_is_not_told_to_visitors() -> None:
    store = MemoryStore(a_waiting_record())
    handler = ApprovalHandler(
        lambda: ("short",),
        (),
        store.incidents,
        MemoryDocuments(),
        lambda channels: operations_of(store, MemoryExecutions(), channels, people_of()),
    )
    for reply in (
        handler.show(INCIDENT_ID, "x.y", NOW),
        handler.answer(INCIDENT_ID, b"token=x.y&decision=approve", NOW, {}),
    ):
        assert reply.status == 403
        assert "can be guessed" not in reply.html
        assert "owner mends a key" in reply.html
