"""The guardrails after the model: pure code that bounds a verdict, whatever the model said.

The same as a table is in docs/classification.md. A model that obeys an attacker completely passes through here.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from firstline.classification.calibration import llm
from firstline.classification.case import Case
from firstline.classification.history import Opinion
from firstline.classification.model import Judgement, ModelVerdict
from firstline.classification.redaction import safe_line
from firstline.models import (
    PAGING_RANK,
    SEVERITY_RANK,
    Classification,
    Severity,
    SourceSeverity,
)

TRUSTED_FROM = 0.5
"""Below this confidence nobody knows. A model may raise the severity then, and decides nothing else; history makes no
noise; and a human is asked, with the evidence at hand."""

NOISE_FROM = 0.8
"""From this confidence on a model may call an alert noise, where it may do so at all.

Both are compared with what a confidence was worth so far (`calibration.Calibration.trust`), not with what is claimed.
"""

STORM_AT_LEAST: Severity = "high"
NOTHING_FOR_NOISE = "nothing is run for noise"

MAX_SUMMARY_CHARS = 1_000
MAX_CAUSE_CHARS = 500
MAX_STEPS = 5
MAX_STEP_CHARS = 300
MAX_MODEL_NAME_CHARS = 100

_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.)\S+", re.IGNORECASE)


@dataclass(slots=True)
class Changes:
    """A severity on its way through the guardrails, and every change of it in words."""

    severity: Severity
    reasons: list[str] = field(default_factory=list)

    def at_least(self, bound: Severity, because: str) -> None:
        if SEVERITY_RANK[self.severity] < SEVERITY_RANK[bound]:
            self.reasons.append(f"Raised from {self.severity} to {bound}: {because}.")
            self.severity = bound

    def at_most(self, bound: Severity, because: str) -> None:
        if SEVERITY_RANK[self.severity] > SEVERITY_RANK[bound]:
            self.reasons.append(f"Lowered from {self.severity} to {bound}: {because}.")
            self.severity = bound


def within_bounds(severity: Severity, case: Case) -> Changes:
    """Apply the owner's bounds, then one above them: a storm is at least high, as its alerts are not all known."""
    changes, rule = Changes(severity), case.rule
    if rule and rule.at_least:
        changes.at_least(rule.at_least, f"rule {rule.id} says so ({rule.reason})")
    if rule and rule.at_most:
        changes.at_most(rule.at_most, f"rule {rule.id} says so ({rule.reason})")
    for window in case.evidence.maintenance:
        if window.at_most:
            changes.at_most(window.at_most, f"{window.owner} declared maintenance {window.window} ({window.reason})")
    if case.incident.storm:
        changes.at_least(STORM_AT_LEAST, "a storm may hide anything")
    return changes


def lowest_for_a_model(source: SourceSeverity, history: Opinion, confidence: float) -> tuple[Severity, str]:
    """Return how far down a model may take an incident, and why not further. It may always go up."""
    if source == "critical":
        return "high", "a model may not take what the source called critical below high"
    if source == "high" and history.clears_itself is None:
        return "high", "a model alone may not keep a page from going out, and history does not back it"
    if source == "high":
        return "low", "a model may not call a paging alert noise"
    if history.at_least is not None:
        paged = SEVERITY_RANK[history.at_least] >= PAGING_RANK
        return ("high" if paged else "low"), f"a model alone does not outweigh that {history.because}"
    if history.not_noise is not None:
        return "low", f"a model alone does not outweigh that {history.not_noise}"
    if confidence < NOISE_FROM:
        return "low", f"noise needs a confidence of {NOISE_FROM:g}, and this has {confidence:.2g}"
    return "noise", ""


def within_reach(severity: Severity, case: Case, trust: float) -> Changes:
    """Bound a severity that a model or memory gives: how far down it may go, then the owner's bounds."""
    changes = Changes(severity)
    changes.at_least(*lowest_for_a_model(case.source, case.past, trust))
    bounded = within_bounds(changes.severity, case)
    return Changes(bounded.severity, [*changes.reasons, *bounded.reasons])


def apply(
    verdict: ModelVerdict,
    case: Case,
    fallback: Classification,
    *,
    offered: Collection[str],
    prompt_version: str,
) -> Classification:
    """Turn a model's verdict into a classification that keeps every invariant.

    What confidence was worth so far counts: a model that was surer than right loses power by it.

    Parameters
    ----------
    fallback
        What rules and history decide. It stands in for whatever the model may not decide, or left empty.
    offered
        The ids that the model was offered; no other passes.
    """
    judged = verdict.judgement
    name = safe_line(verdict.model, MAX_MODEL_NAME_CHARS)
    trust = case.calibration.trust(llm(name, prompt_version), judged.confidence)
    said = f"The model {name} (prompt {prompt_version}) says {judged.severity}, confidence {judged.confidence:.2g}."
    said = with_worth(said, judged.confidence, trust)
    words = {
        "cause": safe_words(judged.cause, MAX_CAUSE_CHARS) or fallback.cause,
        "summary": safe_words(judged.summary, MAX_SUMMARY_CHARS) or fallback.summary,
        "first_steps": _steps(judged.first_steps) or fallback.first_steps,
        "model": name,
        "usage": verdict.usage,
        "prompt_version": prompt_version,
    }
    if trust < TRUSTED_FROM:
        unsure = Changes(fallback.severity)
        unsure.at_least(judged.severity, "the model is not sure, and going up is safe")
        bounded = within_bounds(unsure.severity, case)
        reasons = [
            *fallback.reasons,
            said,
            f"That is below {TRUSTED_FROM:g}: rules and history decide.",
            *unsure.reasons,
            *bounded.reasons,
        ]
        return fallback.model_copy(
            update=words
            | _runbook_unless_noise(fallback, bounded.severity)
            | {"severity": bounded.severity, "reasons": reasons, "unsure": [f"{said} That is not sure enough."]}
        )

    bounded = within_reach(judged.severity, case, trust)
    reasons = [said, *bounded.reasons]
    runbook_id = judged.runbook_id
    if runbook_id is not None and (why_not := _why_no_runbook(judged, runbook_id, bounded.severity, case, offered)):
        reasons.append(f"No runbook: {why_not}.")
        runbook_id = None
    related = judged.is_deployment_related and bool(case.evidence.deployments)
    if judged.is_deployment_related and not related:
        reasons.append("Not deployment-related: the evidence holds no deployment.")
    if related and case.past.not_the_deployment is not None:
        reasons.append(f"Not deployment-related: a model alone does not outweigh that {case.past.not_the_deployment}.")
        related = False
    return Classification(
        **words,
        severity=bounded.severity,
        is_deployment_related=related,
        can_be_remediated=runbook_id is not None,
        runbook_id=runbook_id,
        confidence=judged.confidence,
        decided_by="llm",
        reasons=reasons,
        evidence_class=fallback.evidence_class,
    )


def with_worth(said: str, claimed: float, trust: float) -> str:
    """Add to a sentence what a confidence was worth so far, where that is less than claimed."""
    return said if trust >= claimed else f"{said.removesuffix('.')}, which was worth {trust:.2g} so far."


def _why_no_runbook(
    judged: Judgement, chosen: str, severity: Severity, case: Case, offered: Collection[str]
) -> str | None:
    """Say why the runbook that the model chose may not run; None if it may."""
    if chosen not in offered:
        return "the model named one that it was not offered"
    if severity == "noise":
        return NOTHING_FOR_NOISE
    if case.incident.storm:
        return "one runbook for one of a storm's many alerts could do harm"
    if not judged.can_be_remediated:
        return f"the model named {chosen} and said that none can help"
    return None


def _runbook_unless_noise(fallback: Classification, severity: Severity) -> dict[str, object]:
    runbook_id = None if severity == "noise" else fallback.runbook_id
    return {"runbook_id": runbook_id, "can_be_remediated": runbook_id is not None}


def safe_words(text: str, limit: int) -> str:
    """Drop invisible characters, secrets and links: a model repeats what it read, and strangers wrote that."""
    return safe_line(_LINK.sub("[link removed]", text), limit)


def _steps(steps: list[str]) -> list[str]:
    worded = (safe_words(step, MAX_STEP_CHARS) for step in steps[:MAX_STEPS])
    return [step for step in worded if step]
