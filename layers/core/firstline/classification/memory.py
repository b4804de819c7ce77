"""A remembered verdict: same words, same circumstances, and a person, or the outcome itself, confirmed it.

Then no model is asked. Memory has no store of its own: an entry is an earlier incident among the evidence that is
read anyway, so it costs no request, expires with it, and dies when something later disagrees.

An opinion of Firstline's own is no entry, however often it was repeated: `suppressed` proves nothing. What proves:

- a person who said that it was right, or which severity would have been, and nobody who said otherwise;
- a runbook that cured it, verified: the severity and the runbook were right;
- somebody said "mine" and resolved it: it needed a human, so it was not less than that;
- the group cleared by itself three times in a row, each time below a page.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.classification import guardrails, lexicon
from firstline.classification.case import Case
from firstline.classification.evidence import suspects
from firstline.classification.history import ago
from firstline.classification.templates import template_of
from firstline.models import (
    PAGING_RANK,
    SEVERITY_RANK,
    Classification,
    EarlierIncident,
    Evidence,
    Incident,
    Severity,
    SourceSeverity,
)
from firstline.people.feedback import confirmed

MAX_AGE = timedelta(days=20)
"""Of what comes back, 94 of 100 do so within so many days; what is older than that is judged afresh."""

CLEARED_IN_A_ROW = 3

CONFIDENCE = 0.9
"""Of a verdict that was confirmed, and holds in the same circumstances."""

_DIGITS = re.compile(r"\d+")
_FEW_ALERTS, _FEW_HOSTS = 10, 5
_SEVERAL_TIMES = 5
"""Up to five times as many as few are several, more are many."""


@dataclass(frozen=True, slots=True)
class Known:
    """A verdict from memory: the earlier incident, what it proves, and why that can be believed."""

    entry: EarlierIncident
    severity: Severity
    because: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No verdict from memory, and why; None when nothing like it is known at all."""

    because: str | None


def evidence_class(incident: Incident, evidence: Evidence, source: SourceSeverity) -> str:
    """Name the circumstances that a verdict holds for: if any of these differ, the incident is judged afresh.

    What only ever changes a little (how many alerts, how many hosts) is taken in coarse steps.
    """
    alert = incident.alert
    # How much counts towards how bad it sounds; which amount it is changes each time and counts no further.
    words = lexicon.read(alert.alert_name, _DIGITS.sub("", alert.message)).words
    service = evidence.same_service.last_hour if evidence.same_service else 0
    return ", ".join(
        (
            f"{source}{'' if alert.severity_stated else ' by its words'}",
            f"words mean {lexicon.guess(alert).severity} ({' · '.join(words) or 'nothing'})",
            f"environment {(alert.environment or 'unknown').casefold()}",
            f"service {(alert.service or 'unknown').casefold()}",
            "flapping" if incident.flapping else "steady",
            f"{_amount(evidence.same_name_last_hour, _FEW_ALERTS)} alerts of the name",
            f"{_amount(service, _FEW_ALERTS)} of the service",
            f"{_amount(len(incident.hosts), _FEW_HOSTS)} hosts",
            "in maintenance" if evidence.maintenance else "no maintenance",
            "after a deployment" if suspects(incident, evidence) else "no deployment",
        )
    )


def recall(case: Case) -> Known | Unknown:
    """Return the verdict that is remembered of a case like this, or why there is none."""
    if case.calibration.trust("cache", CONFIDENCE) < guardrails.TRUSTED_FROM:
        return Unknown("memory was wrong too often")
    return look(case.incident, case.evidence, source=case.source, now=case.now)


def verdict_from(known: Known, case: Case, fallback: Classification) -> Classification:
    """Turn a remembered verdict into a classification within a model's bounds; its words about now are today's."""
    trust = case.calibration.trust("cache", CONFIDENCE)
    bounded = guardrails.within_reach(known.severity, case, trust)
    reasons = [guardrails.with_worth(known.because, CONFIDENCE, trust), *bounded.reasons]
    runbook_id = known.entry.runbook_id or known.entry.chosen_runbook_id
    if runbook_id not in {runbook.id for runbook in case.offered}:
        runbook_id = None
    if runbook_id is not None and bounded.severity == "noise":
        reasons.append(f"No runbook: {guardrails.NOTHING_FOR_NOISE}.")
        runbook_id = None
    return fallback.model_copy(
        update={
            "severity": bounded.severity,
            "cause": guardrails.safe_words(known.entry.cause or "", guardrails.MAX_CAUSE_CHARS) or fallback.cause,
            "is_deployment_related": False,
            "can_be_remediated": runbook_id is not None,
            "runbook_id": runbook_id,
            "confidence": CONFIDENCE,
            "decided_by": "cache",
            "reasons": reasons,
            "cached_from": known.entry.incident_id,
        }
    )


def look(incident: Incident, evidence: Evidence, *, source: SourceSeverity, now: datetime) -> Known | Unknown:
    """Find the newest earlier incident that proves a verdict for this one, unless a later one disagrees."""
    if incident.storm:
        return Unknown("a storm is judged afresh")
    if evidence.missing:
        return Unknown("what could not be read might disagree")
    if suspects(incident, evidence):
        return Unknown("something was deployed just before")
    template = template_of(incident.alert)
    own = [earlier for earlier in evidence.earlier if earlier.template]
    others = [similar.incident for similar in evidence.similar if similar.incident.template == template]
    newest_first = sorted([*own, *others], key=lambda earlier: earlier.closed_at, reverse=True)
    later: list[EarlierIncident] = []
    for earlier in newest_first:
        severity = _proven(earlier, own, incident.group_key)
        if severity is not None and earlier.template == template:
            return _believed(earlier, severity, later, incident, evidence, source, now)
        later.append(earlier)
    if not any(earlier.template == template for earlier in newest_first):
        return Unknown(None)
    return Unknown("nobody has confirmed a verdict on these words")


def _believed(
    entry: EarlierIncident,
    severity: Severity,
    later: Sequence[EarlierIncident],
    incident: Incident,
    evidence: Evidence,
    source: SourceSeverity,
    now: datetime,
) -> Known | Unknown:
    """Check that the entry is fresh, of the same circumstances, undisputed, and keeps no page back."""
    which = f"the verdict on {entry.incident_id}, {ago(entry, now)},"
    here = evidence_class(incident, evidence, source)
    if now - entry.opened_at > MAX_AGE:
        return Unknown(f"{which} is older than {MAX_AGE.days} days")
    if entry.evidence_class != here:
        return Unknown(f"{which} was for other circumstances ({_difference(entry.evidence_class, here)})")
    deployed = evidence.service_deployed_at
    looked_at_since = deployed is not None and any(_fresh(newer, entry, deployed) for newer in later)
    if deployed is not None and deployed > entry.opened_at and not looked_at_since:
        return Unknown(f"{which} is of before the service's last deployment")
    dissent = next((newer for newer in later if _disagrees(newer, entry, severity)), None)
    if dissent is not None:
        return Unknown(f"{which} is contradicted by {dissent.incident_id}")
    if SEVERITY_RANK[severity] < SEVERITY_RANK[source]:
        if not entry.feedback and entry.outcome == "resolved":
            return Unknown(f"{which} is less than the source says, and nobody said so")
        if SEVERITY_RANK[source] >= PAGING_RANK:
            return Unknown(f"{which} would keep a page back, and that is judged afresh each time")
        if entry.group_key != incident.group_key and SEVERITY_RANK[source] >= SEVERITY_RANK["medium"]:
            return Unknown(f"{which} is another group's, and would lower what the source says")
    if severity == "noise" != entry.severity and source != "info":
        return Unknown(f"{which} is noise by people's words alone, and what its source calls {source} takes a rule")
    return Known(entry, severity, f"Known: {which} holds ({_proof(entry)}): the same words, the same circumstances.")


def _proven(earlier: EarlierIncident, own: list[EarlierIncident], group_key: str) -> Severity | None:
    """Return the severity that a person or the outcome shows to be right; None if neither does."""
    if earlier.feedback:
        return confirmed(earlier.severity, earlier.feedback)
    if earlier.outcome == "auto_resolved" and earlier.runbook_id is not None:
        return earlier.severity
    serious = SEVERITY_RANK[earlier.severity] >= SEVERITY_RANK["medium"]
    if earlier.outcome == "resolved" and earlier.taken_by and serious:
        return earlier.severity
    last = own[:CLEARED_IN_A_ROW]
    cleared = len(last) == CLEARED_IN_A_ROW and all(each.outcome == "self_cleared" for each in last)
    if cleared and earlier is last[0] and earlier.group_key == group_key:
        return earlier.severity
    return None


def _fresh(one: EarlierIncident, entry: EarlierIncident, deployed: datetime) -> bool:
    """Tell whether a model judged these words since the deployment. Another verdict would be a dissent."""
    return one.opened_at > deployed and one.decided_by == "llm" and one.template == entry.template


def _disagrees(one: EarlierIncident, entry: EarlierIncident, severity: Severity) -> bool:
    """Tell whether a later incident of the same words, or of the group, speaks against an entry."""
    if one.feedback and confirmed(one.severity, one.feedback) != severity:
        return True
    if one.severity != severity:
        return True
    if one.outcome == "resolved" and SEVERITY_RANK[severity] <= SEVERITY_RANK["low"]:
        return True
    cured = entry.outcome == "auto_resolved"
    return cured and one.runbook_id == entry.runbook_id and one.outcome not in ("auto_resolved", "self_cleared")


def _proof(entry: EarlierIncident) -> str:
    if entry.feedback:
        return f"{', '.join(word.by for word in entry.feedback[:3])} confirmed it"
    if entry.outcome == "auto_resolved":
        return f"runbook {entry.runbook_id} cured it, verified"
    if entry.outcome == "resolved":
        return f"{entry.taken_by} took it and resolved it"
    return f"the group cleared by itself {CLEARED_IN_A_ROW} times in a row"


def _amount(count: int, few: int) -> str:
    return "few" if count <= few else "several" if count <= few * _SEVERAL_TIMES else "many"


def _difference(before: str | None, here: str) -> str:
    """Name the circumstances that differ now."""
    if before is None:
        return "it does not say which"
    known = set(before.split(", "))
    return "; ".join(part for part in here.split(", ") if part not in known) or "fewer than now"
