"""The answers to "was this right?" and the notes of what fixed an incident: both are advice that anybody may give.

Every answer is kept. A late one, on an incident that is over, still reaches the evidence for the next incident of its
group.
"""

from collections.abc import Callable
from datetime import datetime

from firstline.classification.history import MEMORY
from firstline.classification.redaction import safe_text
from firstline.errors import FeedbackRefused, HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import Feedback, IncidentRecord, Note
from firstline.people.feedback import calls_noise, calls_real

MAX_WORDS = 100
"""The most answers kept of one incident, by all people together."""

MAX_NOTES = 20
MAX_NOTE_CHARS = 2_000
ATTEMPTS = 10
"""The most tries to write while other people write to the same incident."""


def give(incident_id: str, word: Feedback, *, incidents: Incidents) -> IncidentRecord:
    """Keep one person's answer. Giving the same again changes nothing, but repairs evidence that was not written.

    Raises
    ------
    FeedbackRefused
        There is no such incident (any more), or it has all the answers that it keeps.
    HistoryUnavailable
        The table could not be reached; say it again.
    """

    def append(seen: IncidentRecord) -> IncidentRecord | None:
        if _same(_word_of(word.person, seen), word):
            return seen
        if len(seen.feedback) >= MAX_WORDS:
            raise FeedbackRefused(f"{MAX_WORDS} words are kept of this incident, and that many were said.")
        return incidents.append_word(incident_id, word, seen=seen)

    return _keep(incident_id, incidents, append)


def note(incident_id: str, by: str, text: str, at: datetime, *, incidents: Incidents) -> IncidentRecord:
    """Keep what a person says fixed it, without secrets and invisible characters.

    Raises
    ------
    FeedbackRefused
        The note is empty without them, there is no such incident (any more), or it has all the notes that it keeps.
    HistoryUnavailable
        The table could not be reached; write it again.
    """
    safe = safe_text(text, MAX_NOTE_CHARS)
    if not safe:
        raise FeedbackRefused("There is nothing in this note.")
    new = Note(by=by, text=safe, at=at)

    def append(seen: IncidentRecord) -> IncidentRecord | None:
        if any((known.by, known.text) == (new.by, new.text) for known in seen.notes):
            return seen
        if len(seen.notes) >= MAX_NOTES:
            raise FeedbackRefused(f"An incident takes {MAX_NOTES} notes, and this one has them.")
        return incidents.append_note(incident_id, new, seen=seen)

    return _keep(incident_id, incidents, append)


def consequence(record: IncidentRecord, word: Feedback) -> str:
    """Tell the person who gave an answer what follows from it."""
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
            "`firstline report` suggests a rule."
        )
    return "The next incident of this group is judged with it."


def _keep(
    incident_id: str, incidents: Incidents, append: Callable[[IncidentRecord], IncidentRecord | None]
) -> IncidentRecord:
    """Append to a record and bring the group's evidence up to date.

    `append` returns None if the record changed since it was read; then it is read and tried again.
    """
    for _ in range(ATTEMPTS):
        seen = incidents.record(incident_id)
        if seen is None:
            raise FeedbackRefused(
                "Firstline does not know this incident: it is kept as long as HistoryDays says, or it is another "
                "stack's."
            )
        record = append(seen)
        if record is not None:
            incidents.remember_the_end(record)
            return record
    raise HistoryUnavailable(f"too many people speak of {incident_id} at once")


def _word_of(person: str, record: IncidentRecord) -> Feedback | None:
    return next((word for word in reversed(record.feedback) if word.person == person), None)


def _same(before: Feedback | None, word: Feedback) -> bool:
    return before is not None and (before.said, before.severity) == (word.said, word.severity)
