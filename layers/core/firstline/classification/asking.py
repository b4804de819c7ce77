"""Firstline is not sure: ask a human, with the evidence at hand. Plain lines, for the page and the message."""

from collections.abc import Sequence
from datetime import datetime

from firstline.classification.evidence import suspects
from firstline.classification.history import ago
from firstline.classification.redaction import safe_line
from firstline.classification.words import deployed_before, how_it_ended
from firstline.models import EarlierIncident, Evidence, Incident

MAX_LINES = 10
MAX_LINE_CHARS = 300
MAX_EARLIER = 3
MAX_SIMILAR = 2


def evidence_for(why: str, incident: Incident, evidence: Evidence, now: datetime) -> list[str]:
    """List why a human should judge, and what is known: earlier incidents, similar ones, deployments, and the gaps."""
    lines = [why]
    lines += [f"Earlier, {_told(one, now)}" for one in evidence.earlier[:MAX_EARLIER]]
    if not evidence.earlier:
        lines.append("No earlier incident of this group is known.")
    lines += [
        f"Similar, {one.incident.alert_name or 'another'}, {_told(one.incident, now)}"
        for one in evidence.similar[:MAX_SIMILAR]
    ]
    culprits = suspects(incident, evidence)
    lines.append(deployed_before(culprits[0], incident) if culprits else "No deployment of this service is known.")
    if evidence.same_name_last_hour > 1:
        lines.append(f"{evidence.same_name_last_hour} alerts of this name came in the last hour.")
    lines += evidence.missing
    return [safe_line(line, MAX_LINE_CHARS) for line in lines[:MAX_LINES]]


def _told(one: EarlierIncident, now: datetime) -> str:
    said = _people(one)
    note = f" What fixed it: {one.note}" if one.note else ""
    return f"{ago(one, now)}: {one.severity}, ended {how_it_ended(one)}{said}.{note}"


def _people(one: EarlierIncident) -> str:
    words: Sequence[str] = [word.severity or word.said.replace("_", " ") for word in one.feedback[:3]]
    return f"; people say: {', '.join(words)}" if words else ""
