"""The storage of people's answers to "was this verdict right?" and of their notes on what fixed an incident.

Anybody may give them, also on a closed incident: the group's next incident still has them as evidence.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from firstline.classification.feedback import calls_noise, calls_real
from firstline.classification.history import MEMORY
from firstline.errors import FeedbackRefused, HistoryUnavailable
from firstline.incidents.store import Incidents
from firstline.models import Feedback, IncidentRecord, Note
from firstline.privacy.safe_text import safe_text

MAX_ANSWERS = 100
"""The most answers that an incident keeps, of all people together."""

MAX_NOTES = 20
MAX_NOTE_CHARS = 2_000
UNKNOWN = "Firstline does not know this incident: it is older than the stack's HistoryDays, or another stack has it."
ATTEMPTS = 10
"""The most tries to write an answer or a note while other people change the same incident."""


def save_feedback(incident_id: str, answer: Feedback, *, incidents: Incidents) -> IncidentRecord:
    """Save one person's answer and return the incident's record.

    An answer that repeats the person's last one is not stored again, unless it names a severity and somebody else
    answered in between: then the person says it anew. Evidence for the group is written all the same, in case the first
    time failed.

    Raises
    ------
    FeedbackRefused
        There is no such incident (any more), or it already has `MAX_ANSWERS` answers.
    HistoryUnavailable
        The table could not be reached, or too many people wrote at once; the person can try again.
    """

    def append(seen: IncidentRecord) -> IncidentRecord | None:
        if _is_known(answer, seen.feedback):
            return seen
        require_room(seen)
        return incidents.append_feedback(incident_id, answer, seen=seen)

    return _keep(incident_id, incidents, append)


def require_room(record: IncidentRecord) -> None:
    """Raise FeedbackRefused if the incident already has `MAX_ANSWERS` answers."""
    if len(record.feedback) >= MAX_ANSWERS:
        raise FeedbackRefused(
            f"This incident already has {MAX_ANSWERS} answers, the most that are kept. Write a note instead."
        )


def _is_known(answer: Feedback, known: Sequence[Feedback]) -> bool:
    """Return True if an answer need not be stored: it is stored already, or repeats the person's last one.

    A repeated answer that names a severity is new all the same if somebody else has answered in between.
    """
    if answer in known:
        return True
    own = [given for given in known if given.person == answer.person]
    if not own or (own[-1].said, own[-1].severity) != (answer.said, answer.severity):
        return False
    return answer.severity is None or own[-1] == known[-1]


def save_note(incident_id: str, by: str, text: str, at: datetime, *, incidents: Incidents) -> IncidentRecord:
    """Save a person's note on what fixed the incident, without invisible characters and with secrets redacted.

    Raises
    ------
    FeedbackRefused
        The note is empty, there is no such incident (any more), or it already has `MAX_NOTES` notes.
    HistoryUnavailable
        The table could not be reached, or too many people wrote at once; the person can try again.
    """
    safe = safe_text(text, MAX_NOTE_CHARS)
    if not safe:
        raise FeedbackRefused("The note is empty: write what fixed the incident.")
    new = Note(by=by, text=safe, at=at)

    def append(seen: IncidentRecord) -> IncidentRecord | None:
        if any((known.by, known.text) == (new.by, new.text) for known in seen.notes):
            return seen
        if len(seen.notes) >= MAX_NOTES:
            raise FeedbackRefused(
                f"This incident already has {MAX_NOTES} notes, the most that are kept. Keep it in your issue tracker."
            )
        return incidents.append_note(incident_id, new, seen=seen)

    return _keep(incident_id, incidents, append)


def consequence(record: IncidentRecord, answer: Feedback) -> str:
    """Return a sentence for the person who answered: how the answer changes what Firstline does next."""
    verdict, source = record.classification, record.incident.alert.severity
    if record.outcome == "suppressed" and calls_real(answer):
        hidden = f"For {MEMORY.days} days Firstline calls no incident of this group noise by its own judgement."
        if verdict and verdict.decided_by == "rules":
            hidden += (
                " But a declared rule suppressed this incident: change the rule, or it suppresses the next one too."
            )
        return hidden
    if calls_noise(answer) and source != "info":
        return (
            f"This answer alone does not silence an alert that its source calls {source}. "
            "If the alert comes again, `firstline report` suggests a rule."
        )
    return "Firstline uses this answer when it judges the next incident of this group."


def _keep(
    incident_id: str, incidents: Incidents, append: Callable[[IncidentRecord], IncidentRecord | None]
) -> IncidentRecord:
    """Append an answer or a note to the incident's record, and write the evidence for the group's next incident.

    `append` returns None if the record changed since it was read; then the record is read again, up to `ATTEMPTS`
    times.
    """
    for _ in range(ATTEMPTS):
        seen = incidents.record(incident_id)
        if seen is None:
            raise FeedbackRefused(UNKNOWN)
        record = append(seen)
        if record is not None:
            incidents.remember_the_end(record)
            return record
    raise HistoryUnavailable(f"too many people write to incident {incident_id} at once: try again in a moment")
