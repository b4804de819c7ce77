"""The requests of the command line: who may, what each does, and what is answered."""

from datetime import timedelta
from typing import Any, get_args

import pytest

from firstline.console.timeline import timeline
from firstline.incidents.message_facts import NOTHING_TO_RUN
from firstline.models import Counts, Hold
from firstline.people.action import Does
from firstline.people.actor import REOPENED
from tests.support.builders import INCIDENT_ID, NOW, a_plan, a_record, a_waiting_record, an_incident
from tests.support.terminal import ACCOUNT, SESSION, Terminal

CLOSED: dict[str, Any] = {"status": "CLOSED", "closed_at": NOW, "resolved_at": NOW, "outcome": "resolved"}


def test_an_acknowledgement_from_the_command_line_stops_the_pager_and_is_on_the_trail_with_its_proof() -> None:
    terminal = Terminal()

    status, answer = terminal.act("acknowledge")

    assert (status, answer["who"]) == (200, "ada (command line) has it, for 0 s")
    assert terminal.executions.told == [("answered", "ada (command line)")]
    assert [told.kind for told in (*terminal.slack.told, *terminal.pagerduty.told)] == ["acknowledged"] * 2
    (what, who, facts), (second, _, _) = terminal.trail
    assert (what, who, second) == ("acted", "ada (command line)", "acknowledged")
    assert (facts["does"], facts["principal"]) == ("acknowledge", SESSION)


def test_whoami_answers_with_the_callers_name_and_role() -> None:
    terminal = Terminal()
    assert terminal.post("whoami", by="eve") == (200, {"said": "You are eve, reader.", "name": "eve", "role": "reader"})


@pytest.mark.parametrize(
    ("arn", "words"),
    [
        pytest.param(f"arn:aws:iam::{ACCOUNT}:user/mallory", "user/mallory belongs to nobody", id="an unlisted user"),
        pytest.param(SESSION.replace(ACCOUNT, "999999999999"), "belongs to nobody", id="another account"),
        pytest.param(SESSION.replace("ada@", "bob@"), "belongs to nobody", id="another session name"),
        pytest.param(SESSION.replace("Operators", "Readers"), "belongs to nobody", id="another role"),
    ],
)
def test_a_caller_who_is_not_listed_changes_nothing_and_reads_where_to_be_added(arn: str, words: str) -> None:
    terminal = Terminal()
    status, answer = terminal.post(f"incidents/{INCIDENT_ID}/acknowledge", {}, by=None, arn=arn)
    assert status == 403
    assert words in answer["said"]
    assert "runbooks/policy/people.yaml" in answer["said"]
    assert (terminal.store.calls, terminal.executions.told) == ([], [])


def test_a_request_without_a_signature_changes_nothing() -> None:
    terminal = Terminal()
    status, answer = terminal.post(f"incidents/{INCIDENT_ID}/acknowledge", {}, by=None, arn=None)
    assert (status, "has no signature of AWS" in answer["said"]) == (403, True)
    assert (terminal.store.calls, terminal.executions.told) == ([], [])


DOES = ("acknowledge", "resolve", "reopen", "escalate", "note", "judge", "word", "approve", "refuse")


@pytest.mark.parametrize("does", DOES)
def test_a_reader_changes_nothing(does: str) -> None:
    terminal = Terminal()
    said = {"judge": {"said": "real"}, "word": {"severity": "low"}}.get(does, {})
    status, answer = terminal.act(does, by="eve", **said)
    assert (status, answer["said"].partition(",")[0]) == (403, "eve is a reader")
    assert terminal.store.calls == []


def test_a_reader_reports_nothing() -> None:
    terminal = Terminal()
    assert terminal.post("incidents", {"text": "slow", "severity": "high"}, by="eve")[0] == 403
    assert terminal.submitted == []


def test_only_an_approver_approves_and_the_plan_must_be_the_one_that_was_read() -> None:
    terminal = Terminal(a_waiting_record(a_plan(decision="approve"), awaiting="acknowledgement"))
    digest = terminal.store.only.plan_digest

    assert terminal.act("approve", by="bob", plan_digest=digest)[0] == 403
    assert terminal.act("approve", plan_digest="0" * 64)[0] == 409
    assert terminal.store.only.decision is None

    assert terminal.act("approve", plan_digest=digest) == (
        200,
        {
            "said": "Approved: it runs now, unless the check right before it forbids it.",
            "incident_id": INCIDENT_ID,
            "who": "ada (command line) has it, for 0 s",
        },
    )
    assert [approval.approver for approval in terminal.store.only.approvals] == ["ada"]
    assert [what for what, _, _ in terminal.trail] == ["acted", "acknowledged", "decided"]
    assert terminal.act("refuse", plan_digest=digest)[0] == 409


@pytest.mark.parametrize("awaiting", ["quiet", "acknowledgement"])
def test_who_approves_after_the_last_alert_ended_reads_that_nothing_runs(awaiting: str) -> None:
    lost = Counts(lost=1, lost_loud=1) if awaiting == "acknowledgement" else Counts()  # ended without data
    waiting = a_waiting_record(a_plan(decision="approve"), awaiting=awaiting, own=lost)
    terminal = Terminal(waiting)

    status, answer = terminal.act("approve", plan_digest=waiting.plan_digest)

    assert (status, answer["said"]) == (200, f"Approved. {NOTHING_TO_RUN}")
    (told,) = terminal.slack.told
    assert (told.kind, told.reason) == ("acknowledged", f"Approved by ada (command line). {NOTHING_TO_RUN}")


def test_one_person_cannot_approve_twice_from_two_places() -> None:
    terminal = Terminal(a_waiting_record(a_plan(risk="destructive", decision="approve"), awaiting="acknowledgement"))
    digest = terminal.store.only.plan_digest
    assert terminal.act("approve", plan_digest=digest)[0] == 200
    status, answer = terminal.act("approve", plan_digest=digest)
    assert (status, terminal.store.only.decision) == (409, None)
    assert "somebody else" in answer["said"]


def test_a_role_that_several_people_may_assume_cannot_give_the_second_approval() -> None:
    terminal = Terminal(a_waiting_record(a_plan(risk="destructive", decision="approve"), awaiting="acknowledgement"))
    digest = terminal.store.only.plan_digest
    assert terminal.act("approve", plan_digest=digest)[0] == 200

    status, answer = terminal.act("approve", by="crew", plan_digest=digest)

    assert (status, terminal.store.only.decision) == (403, None)
    assert "crew (command line) is a whole role" in answer["said"]


def test_an_action_without_an_effect_is_refused_with_the_person_who_was_first() -> None:
    terminal = Terminal()
    terminal.act("acknowledge", by="bob")
    assert terminal.act("acknowledge") == (409, {"said": "Nothing to do: bob (command line) has it already."})
    assert terminal.act("resolve", seen=1)[0] == 200
    assert terminal.act("resolve", by="bob") == (409, {"said": "Nothing to do: ada (command line) resolved it."})


def test_an_incident_that_was_resolved_and_is_not_closed_yet_cannot_be_reopened() -> None:
    terminal = Terminal()
    terminal.act("resolve", seen=1)
    assert terminal.act("reopen")[0] == 409


def test_an_action_on_an_unknown_incident_is_not_found() -> None:
    assert Terminal().post("incidents/none/acknowledge", {})[0] == 404


def test_an_escalation_takes_the_incident_back_and_wakes_the_execution() -> None:
    terminal = Terminal()
    terminal.act("acknowledge", by="bob")

    status, answer = terminal.act("escalate", text="bob is asleep")

    assert (status, answer["said"]) == (200, "The next level is paged now.")
    assert terminal.executions.told[-1] == ("escalated", "ada (command line)")
    live = terminal.store.only.live
    assert live is not None
    assert (live.acked_by, live.page_again_at) == (None, NOW)


def test_a_second_escalation_pages_nobody_and_names_the_person_who_was_first() -> None:
    terminal = Terminal()
    assert terminal.act("escalate", by="bob")[0] == 200
    told, trail = list(terminal.executions.told), terminal.trail

    status, answer = terminal.act("escalate")

    assert (status, answer["said"]) == (409, "Nothing to do: bob (command line) escalated it 0 s ago.")
    assert (terminal.executions.told, terminal.trail) == (told, trail)


def test_a_closed_incident_is_reopened_as_the_next_of_its_group() -> None:
    terminal = Terminal(a_record(**CLOSED))

    assert terminal.act("reopen", text="still slow")[0] == 200

    (alert,) = terminal.submitted
    before = terminal.store.only.incident.alert
    assert (alert.source, alert.status, alert.group_key) == ("person", "firing", before.group_key)
    assert alert.fingerprint != before.fingerprint
    assert alert.message.startswith(f"Reopened by ada (command line): still slow\nIt was {INCIDENT_ID}.")
    assert [(what, facts["does"]) for what, _, facts in terminal.trail] == [("acted", "reopen")]


def test_a_second_reopening_sends_nothing_and_names_the_person_who_was_first() -> None:
    terminal = Terminal(a_record(**CLOSED))
    assert terminal.act("reopen", by="ada")[0] == 200

    status, answer = terminal.act("reopen", by="bob")

    said = "Nothing to do: ada (command line) reopened it 0 s ago. The new incident opens within seconds."
    assert (status, answer["said"]) == (409, said)
    assert (len(terminal.submitted), len(terminal.trail)) == (1, 1)


HELD = Hold(by="silence", id="s-1", reason="Silenced by bob: it moves.", until=NOW + timedelta(hours=2), seconds=7_200)
BUT_HELD = " But it is held, for 2 h at the most; until then nobody else hears of it. " + HELD.reason


def test_who_reopens_or_reports_what_a_silence_holds_reads_so() -> None:
    terminal = Terminal(a_record(**CLOSED))
    terminal.hold = HELD

    assert terminal.act("reopen", text="still slow")[1]["said"] == REOPENED + BUT_HELD
    said = terminal.post("incidents", {"text": "slow", "severity": "low"})[1]["said"]
    assert said == f"Reported: slow. Its incident opens within seconds.{BUT_HELD}"
    assert len(terminal.submitted) == 2


def test_a_report_that_joins_an_incident_that_is_not_held_is_not_said_to_be_held() -> None:
    terminal = Terminal(a_record(**CLOSED))
    terminal.hold = HELD
    terminal.post("incidents", {"text": "slow", "severity": "low"})
    joined = an_incident(incident_id="open", group_key=terminal.submitted[0].group_key)
    terminal.store.put(a_record(joined))
    assert "held" not in terminal.post("incidents", {"text": "slow", "severity": "low"})[1]["said"]


def test_two_people_who_reopen_an_incident_at_once_send_the_same_alert() -> None:
    terminal = Terminal(a_record(**CLOSED))
    terminal.store.meanwhile["append"] = lambda: terminal.act("reopen", by="bob")
    assert terminal.act("reopen")[0] == 200
    first, second = terminal.submitted
    assert first.fingerprint == second.fingerprint


def test_an_incident_whose_group_has_an_open_one_is_not_reopened() -> None:
    terminal = Terminal(a_record(**CLOSED))
    terminal.store.put(a_record(an_incident(incident_id=f"{INCIDENT_ID}-again", opened_at=NOW)))
    status, answer = terminal.act("reopen")
    said = f"Nothing to do: {INCIDENT_ID}-again of the same group is open already."
    assert (status, answer["said"], terminal.submitted) == (409, said, [])


def test_an_incident_is_reopened_again_after_the_new_one_was_closed_too() -> None:
    terminal = Terminal(a_record(**CLOSED))
    assert terminal.act("reopen")[0] == 200
    terminal.store.put(a_record(an_incident(incident_id=f"{INCIDENT_ID}-again", opened_at=NOW), **CLOSED))
    terminal.now += timedelta(minutes=2)
    assert terminal.act("reopen")[0] == 200
    first, second = terminal.submitted
    assert first.fingerprint != second.fingerprint


def test_a_report_is_an_alert_without_secrets_and_two_about_one_service_are_one_group() -> None:
    terminal = Terminal()
    report = {"text": "Checkout hangs. token=hunter2secret", "severity": "high", "service": "checkout"}

    status, answer = terminal.post("incidents", report)
    terminal.post("incidents", {**report, "text": "Nobody can pay"}, by="bob")

    first, second = terminal.submitted
    assert (status, answer["group_key"]) == (202, first.group_key)
    assert (first.severity, first.service, first.source) == ("high", "checkout", "person")
    assert first.group_key == second.group_key
    assert first.fingerprint != second.fingerprint
    assert "Reported by ada (command line)." in first.message
    assert "hunter2secret" not in first.model_dump_json()


@pytest.mark.parametrize("text", ["", "  ", "\u202e"])
def test_a_report_that_says_nothing_pages_nobody_and_is_told_what_to_write(text: str) -> None:
    terminal = Terminal()
    status, answer = terminal.post("incidents", {"text": text, "severity": "high"})
    assert (status, answer["said"]) == (400, "the report is empty: write what is wrong.")
    assert terminal.submitted == []


def test_a_note_that_is_too_long_is_cut_and_the_person_is_told_so() -> None:
    terminal = Terminal()
    assert "Only its first 2000 characters are kept." in terminal.act("note", text="x" * 2_001)[1]["said"]
    assert "Only" not in terminal.act("note", by="bob", text="y" * 2_000 + "\n")[1]["said"]


def test_a_note_and_a_judgement_are_stored_in_the_persons_name() -> None:
    terminal = Terminal()
    assert terminal.act("note", text="cleared the queue")[0] == 200
    assert terminal.act("judge", said="real")[0] == 200
    record = terminal.store.only
    assert [note.by for note in record.notes] == ["ada (command line)"]
    assert [answer.person for answer in record.feedback] == ["ada"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"incidents/{INCIDENT_ID}/acknowledge", "{"),
        (f"incidents/{INCIDENT_ID}/acknowledge", "[]"),
        (f"incidents/{INCIDENT_ID}/acknowledge", '{"unknown": 1}'),
        (f"incidents/{INCIDENT_ID}/explode", "{}"),
        (f"incidents/{INCIDENT_ID}/judge", "{}"),
        (f"incidents/{INCIDENT_ID}/judge", '{"said": "wrong_severity"}'),
        (f"incidents/{INCIDENT_ID}/word", "{}"),
        (f"incidents/{INCIDENT_ID}/note", '{"text": "' + "x" * 20_000 + '"}'),
        ("incidents", '{"text": "no severity"}'),
        ("incidents", "[" * 2_000),
    ],
)
def test_a_body_that_makes_no_sense_changes_nothing(path: str, body: str) -> None:
    terminal = Terminal()
    assert terminal.post(path, body)[0] == 400
    assert (terminal.executions.told, terminal.submitted, terminal.store.only.feedback) == ([], [], [])


@pytest.mark.parametrize("path", ["", "incidents//acknowledge", "incidents/a/b/c", "silence"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    assert Terminal().post(path, {})[0] == 404


def test_an_action_is_answered_202_without_step_functions_and_503_without_the_table() -> None:
    terminal = Terminal()
    terminal.executions.down = True
    assert terminal.act("acknowledge")[0] == 202
    terminal.store.down = True
    assert terminal.act("resolve")[0] == 503


def test_invisible_characters_are_removed_from_a_report() -> None:
    terminal = Terminal()
    fields = {"service": "s\u202ehop", "host": "web-1\x1b[2J\x9b", "environment": "\u200b"}
    assert terminal.post("incidents", {"text": "It\u202e is down", "severity": "high", **fields})[0] == 202
    (alert,) = terminal.submitted
    assert (alert.service, alert.host, alert.environment) == ("shop", "web-1", None)


@pytest.mark.parametrize("does", [*get_args(Does.__value__)])
def test_every_action_on_an_unknown_incident_is_refused(does: str) -> None:
    fields = {"judge": {"said": "real"}, "word": {"severity": "low"}, "note": {"text": "x"}}.get(does, {})
    for incident_id in ("a" * 10_000, "%ED%A0%80", "..%2f", "%00"):
        assert Terminal().post(f"incidents/{incident_id}/{does}", fields)[0] in (404, 409, 410)


def test_the_reason_of_an_escalation_is_on_the_trail_without_invisible_characters() -> None:
    terminal = Terminal()
    assert terminal.act("escalate", text="the vendor\u202e does not answer\x1b[2J")[0] == 200
    (facts,) = [facts for what, _, facts in terminal.trail if what == "acted"]
    assert facts["reason"] == "the vendor does not answer"
    record = terminal.store.incidents.record(INCIDENT_ID)
    assert record is not None
    lines = [moment.text for moment in timeline(record, terminal.store.trail.entries(INCIDENT_ID))]
    assert "ada (command line) asked for the next level: the vendor does not answer" in lines


def test_a_body_whose_fields_do_not_fit_together_is_refused_with_a_sentence() -> None:
    sentence = "give `severity`, the right one, if you send a word or judge `wrong_severity`; leave it out otherwise."
    assert Terminal().act("word")[1]["said"] == sentence


@pytest.mark.parametrize(
    "changes",
    [
        {"acknowledged_by": "\x1b[2Jz\u202eed", "acknowledged_at": NOW, "paged_at": NOW},
        {"status": "CLOSED", "closed_at": NOW, "outcome": "resolved", "outcome_reason": "by \x1b[2Jz\u202eed"},
    ],
    ids=["acknowledged", "closed"],
)
def test_a_refusal_names_the_person_who_was_first_without_invisible_characters(changes: dict[str, Any]) -> None:
    status, answer = Terminal(a_record(**changes)).act("acknowledge")
    assert status == 409
    assert "zed" in answer["said"]
    assert answer["said"].isprintable()
