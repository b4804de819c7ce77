"""Presses of buttons in Slack for feedback and notes: stored, answered and shown, without disturbing the incident."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.channels.slack_feedback import ANSWERS
from firstline.classification import feedback_store
from firstline.errors import HistoryUnavailable
from firstline.incidents.audit_trail import Entry
from firstline.models import IncidentRecord, Note
from firstline.observability import metrics
from firstline.people.buttons import Press
from tests.support.builders import (
    INCIDENT_ID,
    NOW,
    a_classification,
    a_record,
    a_waiting_record,
    an_alert,
    an_incident,
)
from tests.support.changes import counts_for
from tests.support.memory import MemoryChannel, MemoryExecutions, MemoryStore, lasting, passing
from tests.support.operating import press_handler


class Heard:
    """An incident on which people give feedback in Slack."""

    def __init__(self, record: IncidentRecord | None) -> None:
        self.store = MemoryStore(*([record] if record else []))
        self.executions = MemoryExecutions()
        self.slack = MemoryChannel()
        self.pagerduty = MemoryChannel(wakes="once")
        self.whispers: list[str] = []
        self.links: list[object] = []
        self.forms: list[tuple[str, dict[str, Any]]] = []
        metrics.clear_metrics()

    def _whisper(self, channel: str, user: str, text: str, link: object = None) -> None:
        self.whispers.append(text)
        self.links.append(link)

    def say(
        self,
        button: Any,
        answer: str = "",
        *,
        user: str = "U1",
        resolves: bool = False,
        seen: int | None = None,
        slack: bool = True,
    ) -> None:
        press_handler(
            self.store,
            self.executions,
            {"slack": self.slack, "pagerduty": self.pagerduty},
            whisper=self._whisper if slack else None,
            open_form=(lambda trigger, view: self.forms.append((trigger, view))) if slack else None,
        ).handle(
            Press(button, INCIDENT_ID, user, "ana", "C1", answer=answer, resolves=resolves, seen=seen, trigger_id="t1"),
            NOW + timedelta(minutes=9),
        )

    @property
    def now(self) -> IncidentRecord:
        return self.store.only

    @property
    def signals(self) -> list[tuple[str, str]]:
        return self.executions.told

    @property
    def facts(self) -> list[Entry]:
        return self.store.trail.entries(INCIDENT_ID)


def over(outcome: Any = "resolved", severity: Any = "high", source: Any = "high", **changes: Any) -> IncidentRecord:
    """A closed incident with a message in Slack."""
    fields: dict[str, Any] = {
        "status": "CLOSED",
        "classification": a_classification(severity=severity, decided_by=changes.pop("decided_by", "llm")),
        "resolved_at": NOW,
        "closed_at": NOW,
        "outcome": outcome,
        "outcome_reason": "Resolved by ana.",
        "slack_channel": "alerts:C1",
        "slack_ts": "1.2",
    }
    return a_record(an_incident(an_alert(severity=source)), **fields | changes)


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_of_the_menu_is_stored_in_the_persons_name_and_shown(answer: str) -> None:
    incident = Heard(over())
    incident.say("judge", answer)
    (word,) = incident.now.feedback
    assert (word.person, word.by) == ("slack:U1", "ana (Slack)")
    assert (word.severity or word.said) == answer.removeprefix("severity-")
    assert [(fact.what, fact.who) for fact in incident.facts] == [
        ("acted", "ana (Slack)"),
        ("judged", "ana (Slack)"),
    ]
    assert [told.kind for told in incident.slack.told] == ["closed"]
    assert incident.slack.told[0].record.feedback == [word]
    assert incident.slack.told[0].reason == "Resolved by ana."
    assert incident.pagerduty.attempts == 0, "a word wakes nobody"
    assert "Judged" in metrics.metric_set


@pytest.mark.parametrize(
    ("record", "answer", "follows"),
    [
        (over(), "real", "Firstline uses this answer when it judges the next incident of this group."),
        (
            over("suppressed", severity="noise", source="info"),
            "real",
            "calls no incident of this group noise by its own judgement.",
        ),
        (
            over("suppressed", severity="noise", decided_by="rules"),
            "severity-high",
            "a declared rule suppressed this incident: change the rule",
        ),
        (over(source="medium"), "noise", "does not silence an alert that its source calls medium"),
        (over(source="info"), "noise", "Firstline uses this answer when it judges the next incident of this group."),
    ],
)
def test_the_person_is_told_what_follows_from_the_answer(record: IncidentRecord, answer: str, follows: str) -> None:
    incident = Heard(record)
    incident.say("judge", answer)
    (text,) = incident.whispers
    assert text.startswith("Noted: ")
    assert follows in text


def test_feedback_on_a_suppressed_incident_sends_no_message() -> None:
    incident = Heard(over("suppressed", "noise", slack_channel=None, slack_ts=None))
    incident.say("judge", "real")
    assert len(incident.now.feedback) == 1
    assert incident.slack.attempts == 0


def test_feedback_on_an_open_incident_tells_neither_slack_nor_the_execution() -> None:
    incident = Heard(a_waiting_record(awaiting="acknowledgement", slack_channel="alerts:C1", slack_ts="1.2"))
    incident.say("judge", "noise")
    assert len(incident.now.feedback) == 1
    assert (incident.signals, incident.slack.attempts) == ([], 0)
    assert incident.now.resolved_at is None


def test_only_the_person_is_told_that_an_incident_is_unknown() -> None:
    incident = Heard(None)
    for button in ("judge", "write"):
        incident.say(button, "real")
    assert ["does not know this incident" in text for text in incident.whispers] == [True, True]
    assert (incident.facts, incident.slack.attempts, incident.signals) == ([], 0, [])


def test_feedback_is_stored_even_if_slack_and_the_trail_fail() -> None:
    incident = Heard(over())
    incident.slack.failures = [passing(), passing()]
    incident.store.faults["append"] = HistoryUnavailable("throttled")
    incident.say("judge", "real", slack=False)
    assert len(incident.now.feedback) == 1
    assert incident.slack.attempts == 1


def test_the_form_for_a_note_is_opened_without_reading_the_incident() -> None:
    incident = Heard(None)
    incident.say("note", resolves=True)
    ((trigger, view),) = incident.forms
    assert trigger == "t1"
    assert view["private_metadata"] == f"{INCIDENT_ID}#C1#resolve#"


def test_the_person_is_told_if_slack_does_not_open_the_form() -> None:
    def late(trigger_id: str, view: dict[str, Any]) -> object:
        raise lasting()

    incident = Heard(None)
    press_handler(incident.store, incident.executions, {}, whisper=incident._whisper, open_form=late).handle(
        Press("note", INCIDENT_ID, "U1", "ana", "C1"), NOW
    )
    assert incident.whispers == ["Slack would not open the form in time. Press the button again."]


def test_without_a_slack_bot_a_press_for_the_form_raises_nothing() -> None:
    incident = Heard(None)
    incident.say("note", slack=False)
    assert (incident.forms, incident.whispers) == ([], [])


def test_a_note_whose_form_said_so_resolves_the_open_incident() -> None:
    incident = Heard(a_waiting_record(awaiting="resolution"))
    incident.say("write", "cleared the queue", resolves=True)
    assert incident.signals == [("resolved", "ana (Slack)")]
    assert [note.text for note in incident.now.notes] == ["cleared the queue"]
    assert incident.now.resolved_by == "ana (Slack)"
    assert [(told.kind, told.reason) for told in incident.slack.told] == [("closed", "Resolved by ana (Slack).")]
    assert [fact.what for fact in incident.facts] == ["acted", "noted", "resolved"]
    assert "cleared the queue" not in str(incident.facts)


def test_a_note_on_a_closed_incident_resolves_nothing_and_is_shown() -> None:
    incident = Heard(over())
    incident.say("write", "cleared the queue", resolves=True)
    assert incident.signals == []
    assert [told.reason for told in incident.slack.told] == ["Resolved by ana."]
    (earlier,) = incident.store.incidents.earlier_incidents(incident.now.incident.group_key)
    assert earlier.note == "cleared the queue"


def test_a_note_whose_form_did_not_say_so_resolves_nothing() -> None:
    incident = Heard(a_waiting_record(awaiting="resolution"))
    incident.say("write", "looking")
    assert (incident.signals, incident.now.resolved_at) == ([], None)


def test_a_note_is_stored_and_resolves_even_if_the_execution_cannot_be_told() -> None:
    incident = Heard(a_waiting_record(awaiting="resolution"))
    incident.executions.down = True
    incident.say("write", "cleared it", resolves=True)
    assert incident.now.notes
    assert incident.now.resolved_by == "ana (Slack)"
    assert "within a minute or two" in incident.whispers[0]


def test_an_empty_note_resolves_nothing() -> None:
    incident = Heard(a_waiting_record(awaiting="resolution"))
    incident.say("write", " \u200b ", resolves=True)
    assert incident.signals == []
    assert incident.whispers == ["The note is empty: write what fixed the incident."]


def test_a_note_that_cannot_be_stored_is_given_back_with_its_lines() -> None:
    notes = [Note(by="ana", text=f"note {n}", at=NOW) for n in range(feedback_store.MAX_NOTES)]
    incident = Heard(a_waiting_record(notes=notes))
    incident.say("write", "cleared it:\n$ rm -rf /var/tmp/q")
    (said,) = incident.whispers
    assert said.startswith("This incident already has 20 notes")
    assert said.endswith("\nYou wrote:\ncleared it:\n$ rm -rf /var/tmp/q")


def test_a_note_under_which_alerts_joined_is_stored_and_the_person_is_told_so() -> None:
    incident = Heard(a_waiting_record(own=counts_for(3, 3), awaiting="resolution"))
    incident.say("write", "cleared it", resolves=True, seen=1)
    (said,) = incident.whispers
    assert said.startswith("Your note is stored. Not resolved: 1 more alert joined or got worse since you looked")
    assert "You wrote" not in said
    assert [note.text for note in incident.now.notes] == ["cleared it"]
    assert incident.now.resolved_by is None


def test_open_sends_the_person_a_link_to_the_console_and_changes_nothing() -> None:
    heard = Heard(a_record())
    before = heard.now
    heard.say("open")
    assert heard.links == [f"https://api.example/console/enter?ticket=of-slack:U1&to={INCIDENT_ID}"]
    assert heard.whispers == ["The incident, for your eyes only: this link is good once, for a minute."]
    assert heard.now == before
