"""The proof that an incident was real, so that a person had to know of it."""

from firstline.classification.feedback import called_noise, calls_real, last_words
from firstline.models import IncidentRecord
from firstline.text import one_line

_NAME_CHARS = 80


def proof_of(record: IncidentRecord) -> str | None:
    """Return what proves that an incident was real, such as `ada took it`; None if nothing does.

    If people call the incident noise, and nobody calls it real, nothing else proves it real. A page proves nothing,
    because an alarm that nobody needs pages too.
    """
    words = last_words(record.feedback)
    real = [word for word in words if calls_real(word)]
    if real:
        said = f"called it {real[-1].severity}" if real[-1].severity else "said so"
        return f"{one_line(real[-1].by, _NAME_CHARS)} {said}"
    if called_noise(words):
        return None
    if record.acknowledged_by is not None:
        return f"{one_line(record.acknowledged_by, _NAME_CHARS)} took it"
    if record.resolved_by is not None:
        return f"{one_line(record.resolved_by, _NAME_CHARS)} resolved it"
    if record.outcome == "auto_resolved":
        return f"{record.plan.runbook_id if record.plan else 'a runbook'} cured it"
    if any(result.kind == "act" and result.changed for result in record.results):
        return f"{record.plan.runbook_id if record.plan else 'a runbook'} acted"
    return None


def is_critical(record: IncidentRecord) -> bool:
    """Return True if the alert's source or the classification calls an incident critical."""
    verdict = record.classification
    return "critical" in (record.incident.alert.severity, verdict.severity if verdict else None)
