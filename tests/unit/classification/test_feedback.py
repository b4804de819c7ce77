"""People's answers to a verdict: what they mean, and that each is stored once, within bounds."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from firstline.classification import feedback_store
from firstline.classification.feedback import called_noise, called_real, confirmed, last_words, severity_said, was_right
from firstline.errors import FeedbackRefused, HistoryUnavailable
from firstline.models import Feedback, Note, Severity
from tests.support.builders import INCIDENT_ID, NOW, a_record
from tests.support.memory import MemoryStore


def word(said: Any, person: str = "slack:U1", minutes: int = 0) -> Feedback:
    """Return an answer: `real`, `noise`, `wrong_cause`, or `should be <severity>`."""
    which = None if said in ("real", "noise", "wrong_cause") else said.removeprefix("should be ")
    return Feedback(
        person=person,
        by=f"{person} by name",
        said="wrong_severity" if which else said,
        severity=which,
        at=NOW + timedelta(minutes=minutes),
    )


# --- what answers mean ---


def test_the_last_answer_of_each_person_counts() -> None:
    said = [word("real"), word("noise", "slack:U2"), word("noise"), word("real", "slack:U2")]
    assert [(word.person, word.said) for word in last_words(said)] == [("slack:U1", "noise"), ("slack:U2", "real")]


@pytest.mark.parametrize(
    ("said", "real", "noise"),
    [
        ((), False, False),
        (("real",), True, False),
        (("noise",), False, True),
        (("noise", "noise", "real"), True, False),
        (("should be high", "noise"), True, False),
        (("should be noise",), False, True),
        (("wrong_cause",), False, False),
        (("wrong_cause", "noise"), False, True),
    ],
)
def test_one_person_who_calls_it_real_outweighs_all_who_call_it_noise(
    said: tuple[str, ...], real: bool, noise: bool
) -> None:
    words = [word(verdict, f"slack:U{number}") for number, verdict in enumerate(said)]
    assert (called_real(words), called_noise(words)) == (real, noise)


@pytest.mark.parametrize(
    ("severity", "said", "right", "agreed"),
    [
        ("high", (), None, None),
        ("high", ("real",), True, "high"),
        ("high", ("noise",), False, "noise"),
        ("high", ("should be low",), False, "low"),
        ("high", ("should be high",), True, "high"),
        ("high", ("wrong_cause",), False, None),
        ("high", ("real", "noise"), False, None),
        ("high", ("real", "real", "noise"), True, None),
        ("noise", ("noise", "should be noise"), True, "noise"),
        ("noise", ("real",), False, None),
    ],
)
def test_answers_say_whether_the_verdict_was_right_and_which_severity_all_agree_on(
    severity: Severity, said: tuple[str, ...], right: bool | None, agreed: Severity | None
) -> None:
    words = [word(verdict, f"slack:U{number}") for number, verdict in enumerate(said)]
    assert was_right(severity, words) is right
    assert confirmed(severity, words) == agreed


def test_of_several_severities_the_worst_counts() -> None:
    assert severity_said([word("should be low"), word("should be high"), word("real")]) == "high"
    assert severity_said([word("real")]) is None


@pytest.mark.parametrize("broken", [{"said": "wrong_severity"}, {"said": "real", "severity": "high"}, {"said": "word"}])
def test_feedback_names_a_severity_with_wrong_severity_and_word_alone(broken: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give `severity` with wrong_severity and word, and only with them"):
        Feedback.model_validate({"person": "p", "by": "p", "at": NOW, **broken})


# --- how answers are stored ---

UPDATE_OF_THE_EVIDENCE = "remember_the_end"
"""The store's operation that keeps an incident's answers as evidence for later ones."""


def others_speak(store: MemoryStore, times: int) -> None:
    """Let this many other people answer, each just before the store writes the next answer."""

    def speak() -> None:
        before = store.only.feedback
        store.change(INCIDENT_ID, feedback=[*before, word("real", f"slack:other{len(before)}")])
        others_speak(store, times - 1)

    if times:
        store.meanwhile["append_feedback"] = speak


def test_every_answer_is_stored_and_the_evidence_is_updated() -> None:
    store = MemoryStore(a_record())
    for said in ("noise", "real"):
        feedback_store.save_feedback(INCIDENT_ID, word(said), incidents=store.incidents)
    assert [feedback.said for feedback in store.only.feedback] == ["noise", "real"]
    assert store.calls.count(UPDATE_OF_THE_EVIDENCE) == 2


def test_a_repeated_answer_is_stored_once_and_still_updates_the_evidence() -> None:
    store = MemoryStore(a_record())
    feedback_store.save_feedback(INCIDENT_ID, word("real"), incidents=store.incidents)
    feedback_store.save_feedback(INCIDENT_ID, word("real", minutes=5), incidents=store.incidents)
    assert len(store.only.feedback) == 1
    assert store.calls.count(UPDATE_OF_THE_EVIDENCE) == 2


def test_answers_of_two_people_at_once_are_both_stored() -> None:
    store = MemoryStore(a_record())
    others_speak(store, 3)
    record = feedback_store.save_feedback(INCIDENT_ID, word("real"), incidents=store.incidents)
    assert "slack:U1" in [feedback.person for feedback in record.feedback]
    assert len(record.feedback) == 4


def test_an_answer_fails_when_too_many_people_answer_at_once() -> None:
    store = MemoryStore(a_record())
    others_speak(store, 50)
    with pytest.raises(HistoryUnavailable, match="too many people"):
        feedback_store.save_feedback(INCIDENT_ID, word("real"), incidents=store.incidents)


def test_an_answer_beyond_the_most_that_are_kept_is_refused() -> None:
    full = a_record(feedback=[word("real", f"slack:U{number}") for number in range(feedback_store.MAX_ANSWERS)])
    with pytest.raises(FeedbackRefused, match="already has 100 answers"):
        feedback_store.save_feedback(INCIDENT_ID, word("noise", "slack:new"), incidents=MemoryStore(full).incidents)


@pytest.mark.parametrize("incident_id", ["another", "", "'; DROP TABLE", "../../x"])
def test_an_answer_or_note_on_an_unknown_incident_is_refused(incident_id: str) -> None:
    with pytest.raises(FeedbackRefused, match="does not know this incident"):
        feedback_store.save_feedback(incident_id, word("real"), incidents=MemoryStore(a_record()).incidents)
    with pytest.raises(FeedbackRefused, match="does not know this incident"):
        feedback_store.save_note(incident_id, "ana", "restarted it", NOW, incidents=MemoryStore(a_record()).incidents)


def test_a_note_is_kept_once_without_secrets_and_within_bounds() -> None:
    store = MemoryStore(a_record())
    text = "Restarted it with password=hunter2hunter2\u202e\u200b\n$ systemctl restart shop\n" + "x" * 5_000
    for _ in range(2):
        feedback_store.save_note(INCIDENT_ID, "ana", text, NOW, incidents=store.incidents)
    (kept,) = store.only.notes
    assert "hunter2" not in kept.text
    assert kept.text.isprintable() or "\n" in kept.text
    assert "\n$ systemctl restart shop\n" in kept.text
    assert len(kept.text) == feedback_store.MAX_NOTE_CHARS


@pytest.mark.parametrize("text", ["", " \n\t ", "\u200b\u202e"])
def test_a_note_without_words_is_refused(text: str) -> None:
    with pytest.raises(FeedbackRefused, match="The note is empty"):
        feedback_store.save_note(INCIDENT_ID, "ana", text, NOW, incidents=MemoryStore(a_record()).incidents)


def test_a_note_beyond_the_most_that_are_kept_is_refused() -> None:
    full = a_record(notes=[Note(by="ana", text=f"note {n}", at=NOW) for n in range(feedback_store.MAX_NOTES)])
    with pytest.raises(FeedbackRefused, match="already has 20 notes"):
        feedback_store.save_note(INCIDENT_ID, "ana", "one more", NOW, incidents=MemoryStore(full).incidents)
