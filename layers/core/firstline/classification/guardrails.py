"""The guardrails after the model: pure code that keeps every verdict within bounds, whatever the model said.

docs/classification.md lists the guardrails. They hold even for a model that obeys an attacker completely.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firstline.classification import severity_words
from firstline.classification.case import Case
from firstline.classification.history import Opinion
from firstline.models import PAGING_RANK, SEVERITY_RANK, Classification, Severity, SourceSeverity
from firstline.privacy.safe_text import safe_line

if TYPE_CHECKING:
    from firstline.classification.model import Judgement, ModelVerdict
    from firstline.classification.prompt import Prompt

TRUSTED_FROM = 0.5
"""The least confidence at which a model decides. Below it the model may only raise the severity, and a human is asked.
"""

NOISE_FROM = 0.8
"""The least confidence at which a model may call an alert noise, if it may do so at all."""

NOTHING_FOR_NOISE = "nothing is run for noise"

MAX_SUMMARY_CHARS = 1_000
MAX_CAUSE_CHARS = 500
MAX_STEPS = 5
MAX_STEP_CHARS = 300
MAX_MODEL_NAME_CHARS = 100

_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}://|www\.)\S+", re.IGNORECASE)


@dataclass(slots=True)
class Changes:
    """A severity that is raised or lowered step by step into the allowed range, with the reasons in sentences."""

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

    def bound(self, case: Case) -> None:
        """Apply the bounds of the owner's rule and maintenance windows; then raise a storm to at least high."""
        rule = case.rule
        if rule and rule.at_least:
            self.at_least(rule.at_least, f"rule {rule.id} says so ({rule.reason})")
        if rule and rule.at_most:
            self.at_most(rule.at_most, f"rule {rule.id} says so ({rule.reason})")
        for window in case.evidence.maintenance:
            if window.at_most:
                self.at_most(window.at_most, f"{window.owner} declared maintenance {window.window} ({window.reason})")
        if case.incident.storm:
            self.at_least("high", "a storm may hide anything")


def within_reach(severity: Severity, case: Case, trust: float, *, by_people: bool = False) -> Changes:
    """Bring a severity that a model or an earlier verdict gave into the allowed range, with a reason for each change.

    If a person said how bad this kind of alert is, the person's severity replaces the given one. Else the given one is
    raised to the lowest severity that a model may choose with the confidence `trust` (0 to 1), unless people confirmed
    it (`by_people`). The bounds of the owner's rules are applied last.
    """
    changes = Changes(severity)
    if case.word is not None:
        changes.at_least(case.word.severity, severity_words.told(case.word))
        changes.at_most(case.word.severity, severity_words.told(case.word))
    elif not by_people:
        changes.at_least(*_lowest_for_a_model(case.base, case.past, trust))
    changes.bound(case)
    return changes


def _lowest_for_a_model(source: SourceSeverity, history: Opinion, confidence: float) -> tuple[Severity, str]:
    """Return the lowest severity that a model may choose with this confidence (0 to 1), and why; no reason for noise.

    `source` is the severity that the case begins with, `history` what earlier incidents say about it. A model may
    always go higher.
    """
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


def apply(verdict: "ModelVerdict", case: Case, fallback: Classification, question: "Prompt") -> Classification:
    """Return a model's verdict as a classification within the guardrails.

    `classification.say` decides afterwards how much of it counts.

    Parameters
    ----------
    fallback
        The verdict of rules and history. It fills in everything that the model may not decide or left empty.
    question
        The prompt that the model answered: its version, and the ids of runbooks and evidence that the answer may name.
    """
    judged = verdict.judgement
    name = safe_line(verdict.model, MAX_MODEL_NAME_CHARS) or "unknown"
    said = f"The model {name} (prompt {question.version}) says {judged.severity}, confidence {judged.confidence:.2g}."
    cause = _sentence(judged.cause, MAX_CAUSE_CHARS)
    if cause and not _is_cited(judged, question):
        cause, said = "", f"{said} Its cause is left out: it cites nothing, or something that was not given."
    steps = (_sentence(step, MAX_STEP_CHARS) for step in judged.first_steps[:MAX_STEPS])
    answered = fallback.model_copy(
        update={
            "cause": cause or fallback.cause,
            "summary": _sentence(judged.summary, MAX_SUMMARY_CHARS) or fallback.summary,
            "first_steps": list(filter(None, steps)) or fallback.first_steps,
            "model": name,
            "usage": verdict.usage,
            "prompt_version": question.version,
        }
    )
    if judged.confidence < TRUSTED_FROM:
        return _unsure(answered, judged.severity, said, case)
    bounded = within_reach(judged.severity, case, judged.confidence)
    reasons = [said, *bounded.reasons]
    runbook_id = judged.runbook_id
    if runbook_id is not None and (why_not := _why_no_runbook(judged, bounded.severity, case, question)):
        reasons.append(f"No runbook: {why_not}.")
        runbook_id = None
    related = judged.is_deployment_related
    if related and not case.evidence.deployments:
        reasons.append("Not deployment-related: the evidence holds no deployment.")
        related = False
    if related and case.past.not_the_deployment is not None:
        reasons.append(f"Not deployment-related: a model alone does not outweigh that {case.past.not_the_deployment}.")
        related = False
    return answered.model_copy(
        update={
            "severity": bounded.severity,
            "is_deployment_related": related,
            "can_be_remediated": runbook_id is not None,
            "runbook_id": runbook_id,
            "confidence": judged.confidence,
            "decided_by": "llm",
            "reasons": reasons,
        }
    )


def _is_cited(judged: "Judgement", question: "Prompt") -> bool:
    """Return True if the model's cause cites evidence, and only evidence that the prompt holds."""
    return bool(judged.cites) and set(judged.cites) <= set(question.evidence_ids)


def _unsure(answered: Classification, judged: Severity, said: str, case: Case) -> Classification:
    """Return the verdict that rules and history gave (`answered`), because the model is not sure enough of its own.

    If the model's severity (`judged`) is worse, it counts all the same, unless a person said how bad the alert is.
    `said` is a sentence on the model's answer for the reasons.
    """
    changes = Changes(answered.severity, [*answered.reasons, said])
    changes.reasons.append(f"That is below {TRUSTED_FROM:g}: rules and history decide.")
    if case.word is None:
        changes.at_least(judged, "the model is not sure, and going up is safe")
    changes.bound(case)
    runbook_id = None if changes.severity == "noise" else answered.runbook_id
    return answered.model_copy(
        update={
            "severity": changes.severity,
            "runbook_id": runbook_id,
            "can_be_remediated": runbook_id is not None,
            "reasons": changes.reasons,
            "unsure": [f"{said} That is not sure enough."],
        }
    )


def _why_no_runbook(judged: "Judgement", severity: Severity, case: Case, question: "Prompt") -> str | None:
    """Return the reason why the runbook that the model chose may not be planned, or None if it may.

    `severity` is the model's after the guardrails.
    """
    if judged.runbook_id not in question.runbook_ids:
        return "the model named a runbook that it was not offered"
    if severity == "noise":
        return NOTHING_FOR_NOISE
    if case.incident.storm:
        return "one runbook for one of a storm's many alerts could do harm"
    if not judged.can_be_remediated:
        return f"the model named {judged.runbook_id} and said that none can help"
    return None


def _sentence(text: str, limit: int) -> str:
    """Return a model's text, cleaned and cut to `limit` characters by `safe_words`; empty if it is a single word.

    Small models fill a field with its own name or with the alert's, which tells people less than Firstline's own words.
    """
    words = safe_words(text, limit)
    return words if " " in words else ""


def safe_words(text: str, limit: int) -> str:
    """Return a model's text as one line of at most `limit` characters, without invisible characters, secrets and links.

    They are taken out because a model repeats untrusted text.
    """
    return safe_line(_LINK.sub("[link removed]", text), limit)
