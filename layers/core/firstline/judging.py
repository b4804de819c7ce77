"""Take what people say of an incident: "was this right?", and what fixed it.

Anybody may say it: it is advice. Every word is kept. Late words, on an incident that is over, still reach what the next
incident of its group is judged by.
"""

from collections.abc import Callable
from datetime import datetime

from firstline.classification.history import MEMORY
from firstline.classification.redaction import safe_text
from firstline.errors import FeedbackRefused, HistoryUnavailable
from firstline.feedback import calls_noise, calls_real
from firstline.incidents.store import Incidents
from firstline.models import Feedback, IncidentRecord, Note

MAX_WORDS = 100
"""So many words are kept of one incident, whoever says them."""

MAX_NOTES = 20
MAX_NOTE_CHARS = 2_000
ATTEMPTS = 10
"""How often to try when others speak of the same incident at the same moment."""


def give(incident_id: str, word: Feedback, *, history: Incidents) -> IncidentRecord:
    """Keep one person's word. Saying the same again changes nothing, but mends evidence that was not written.

    Raises
    ------
    FeedbackRefused
        There is no such incident (any more), or enough was said of it.
    HistoryUnavailable
        The table could not be reached; say it again.
    """
    return _keep(
        incident_id,
        history,
        there=lambda seen: _same(_word_of(word.person, seen), word),
        full=lambda seen: len(seen.feedback) >= MAX_WORDS,
        refusal=f"{MAX_WORDS} words are kept of this incident, and that many were said.",
        append=lambda seen: history.append_word(incident_id, word, seen=seen),
    )


def note(incident_id: str, by: str, text: str, at: datetime, *, history: Incidents) -> IncidentRecord:
    """Keep what a person says fixed it, without secrets and invisible characters.

    Raises
    ------
    FeedbackRefused
        Nothing is left of it, there is no such incident (any more), or it has its notes.
    HistoryUnavailable
        The table could not be reached; write it again.
    """
    safe = safe_text(text, MAX_NOTE_CHARS)
    if not safe:
        raise FeedbackRefused("There is nothing in this note.")
    new = Note(by=by, text=safe, at=at)
    return _keep(
        incident_id,
        history,
        there=lambda seen: any((one.by, one.text) == (new.by, new.text) for one in seen.notes),
        full=lambda seen: len(seen.notes) >= MAX_NOTES,
        refusal=f"An incident takes {MAX_NOTES} notes, and this one has them.",
        append=lambda seen: history.append_note(incident_id, new, seen=seen),
    )


def consequence(record: IncidentRecord, word: Feedback) -> str:
    """What follows from a word, for the person who said it."""
    verdict, source = record.classification, record.incident.alert.severity
    if record.outcome == "suppressed" and calls_real(word):
        days = MEMORY.days
        hidden = f"For {days} days Firstline takes nothing of this group for noise by its own judgement."
        if verdict and verdict.decided_by == "rules":
            hidden += " A declared rule hid this one, though, and a rule stands until somebody changes it."
        return hidden
    if calls_noise(word) and source != "info":
        return (
            f"That alone silences nothing that its source calls {source}: when it recurs, "
            "`python -m local report` suggests a rule."
        )
    return "The next incident of this group is judged with it."


def _keep(
    incident_id: str,
    history: Incidents,
    *,
    there: Callable[[IncidentRecord], bool],
    full: Callable[[IncidentRecord], bool],
    refusal: str,
    append: Callable[[IncidentRecord], IncidentRecord | None],
) -> IncidentRecord:
    """Append what a person said, unless it is there or there is no room, and bring the evidence up to date either way.

    `append` gives None when somebody else wrote since; then all is looked at anew.
    """
    for _ in range(ATTEMPTS):
        seen = _known(incident_id, history)
        if not there(seen) and full(seen):
            raise FeedbackRefused(refusal)
        record = seen if there(seen) else append(seen)
        if record is not None:
            history.remember_the_end(record)
            return record
    raise HistoryUnavailable(f"too many people speak of {incident_id} at once")


def _known(incident_id: str, history: Incidents) -> IncidentRecord:
    record = history.record(incident_id)
    if record is None:
        raise FeedbackRefused(
            "Firstline does not know this incident: it is kept as long as HistoryDays says, or it is another stack's."
        )
    return record


def _word_of(person: str, record: IncidentRecord) -> Feedback | None:
    return next((word for word in reversed(record.feedback) if word.person == person), None)


def _same(before: Feedback | None, word: Feedback) -> bool:
    return before is not None and (before.said, before.severity) == (word.said, word.severity)
