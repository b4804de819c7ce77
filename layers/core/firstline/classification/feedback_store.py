"""The storage of answers to "was this right?" and of notes of what fixed an incident. Anybody may give them.

Every answer is kept. A late answer, on a closed incident, still reaches the evidence for the next incident of
its group.
"""

from collections.abc import Callable
from datetime import datetime

from firstline.classification.feedback import calls_noise, calls_real
from firstline.classification.history import MEMORY
from firstline.errors import FeedbackRefused, HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import Feedback, IncidentRecord, Note
from firstline.privacy.safe import safe_text

MAX_ANSWERS = 100
"""The most answers kept of one incident, by all people together."""

MAX_NOTES = 20
MAX_NOTE_CHARS = 2_000
UNKNOWN = "Firstline does not know this incident: it is older than the stack's HistoryDays, or another stack has it."
ATTEMPTS = 10
"""The most tries to write while other people write to the same incident."""


def save_feedback(incident_id: str, answer: Feedback, *, incidents: Incidents) -> IncidentRecord:
    """Save one person's answer. Saving the same again changes nothing, but repairs evidence that was not written.

    Raises
    ------
    FeedbackRefused
        There is no such incident (any more), or it has all the answers that it keeps.
    HistoryUnavailable
        The table could not be reached; the person can repeat it.
    """

    def append(seen: IncidentRecord) -> IncidentRecord | None:
        said = [(known.said, known.severity) for known in seen.feedback if known.person == answer.person]
        if said and said[-1] == (answer.said, answer.severity):
            return seen
        if len(seen.feedback) >= MAX_ANSWERS:
            raise FeedbackRefused(f"{MAX_ANSWERS} words are kept of this incident, and that many were said.")
        return incidents.append_feedback(incident_id, answer, seen=seen)

    return _keep(incident_id, incidents, append)


def save_note(incident_id: str, by: str, text: str, at: datetime, *, incidents: Incidents) -> IncidentRecord:
    """Save a person's note of what fixed the incident, without secrets and invisible characters.

    Raises
    ------
    FeedbackRefused
        The note is empty without them, there is no such incident (any more), or it has all the notes that it keeps.
    HistoryUnavailable
        The table could not be reached; the person can repeat it.
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


def consequence(record: IncidentRecord, answer: Feedback) -> str:
    """Return a sentence that tells the person who answered what follows from the answer."""
    verdict, source = record.classification, record.incident.alert.severity
    if record.outcome == "suppressed" and calls_real(answer):
        hidden = f"For {MEMORY.days} days Firstline takes nothing of this group for noise by its own judgement."
        if verdict and verdict.decided_by == "rules":
            hidden += " A declared rule hid this one, though, and a rule stands until somebody changes it."
        return hidden
    if calls_noise(answer) and source != "info":
        return (
            f"That alone silences nothing that its source calls {source}: when it recurs, "
            "`firstline report` suggests a rule."
        )
    return "The next incident of this group is judged with it."


def _keep(
    incident_id: str, incidents: Incidents, append: Callable[[IncidentRecord], IncidentRecord | None]
) -> IncidentRecord:
    """Append to the incident's record and bring the group's evidence up to date.

    `append` returns None if the record changed since it was read; then the record is read again.
    """
    for _ in range(ATTEMPTS):
        seen = incidents.record(incident_id)
        if seen is None:
            raise FeedbackRefused(UNKNOWN)
        record = append(seen)
        if record is not None:
            incidents.remember_the_end(record)
            return record
    raise HistoryUnavailable(f"too many people speak of {incident_id} at once")
