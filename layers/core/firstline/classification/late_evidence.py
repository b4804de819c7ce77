"""Late evidence: an alert that pages by its source's own severity is paged before the evidence is read.

The first verdict says that evidence is due. After the page the state machine runs Classify again, which adds the
evidence to the stored verdict, and the message to people is edited. Late evidence changes neither severity nor runbook.
"""

from datetime import datetime

from firstline.classification import cause as causes
from firstline.classification.evidence import AlarmSource
from firstline.classification.evidence_lines import evidence_lines
from firstline.errors import MetricsUnavailable
from firstline.models import PAGING_RANK, SEVERITY_RANK, AlarmEvidence, Classification, Incident
from firstline.privacy.safe_text import safe_line


def is_due(incident: Incident, alarms: AlarmSource | None, *, paged: bool) -> bool:
    """Return True if the evidence around the alarm has to be read after the page, not before it.

    It has to if the severity, stated by the source or presumed from its state, is high or critical, no page went out
    yet (`paged` is False), and `alarms` can read the alarm.
    """
    alert = incident.alert
    pages = (alert.severity_stated or alert.presumed_from is not None) and SEVERITY_RANK[alert.severity] >= PAGING_RANK
    return pages and not paged and alarms is not None and alarms.covers(alert)


def with_evidence(
    verdict: Classification, incident: Incident, alarms: AlarmSource | None, now: datetime
) -> Classification:
    """Return the stored verdict with the evidence that was due; unchanged if none was due.

    The cause that the evidence names is put before the verdict's cause, unless a model was asked. If `alarms` is None,
    and for a storm, no evidence is read, and none is due any more.
    """
    if not verdict.evidence_due:
        return verdict
    seen, missing = AlarmEvidence(), list[str]()
    if alarms is not None and not incident.storm:
        try:
            seen = alarms.around(incident.alert, incident.opened_at, now) or seen
        except MetricsUnavailable as error:
            missing.append(f"the alarm's metric could not be read: {safe_line(str(error), 300)}")
    found = causes.find(seen, incident.opened_at)
    told = evidence_lines(seen, found, well=causes.is_well(seen, incident.opened_at))
    cause = verdict.cause
    if found is not None and verdict.model is None:
        cause = f"{found.sentence} {cause}".strip()
    return verdict.because(*missing, *seen.missing).model_copy(
        update={
            "cause": cause,
            "evidence": told,
            "series": seen.metric,
            "evidence_due": False,
        }
    )
