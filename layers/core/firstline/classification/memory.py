"""A verdict from memory: what the cache finds, as long as it was right often enough, through the guardrails."""

from firstline.classification import cache, guardrails
from firstline.classification.cache import Known, Unknown
from firstline.classification.case import Case
from firstline.classification.model import Judgement, ModelVerdict
from firstline.models import Classification


def recall(case: Case) -> Known | Unknown:
    """What is known already about a case like this."""
    if case.calibration.trust("cache", cache.CONFIDENCE) < guardrails.TRUSTED_FROM:
        return Unknown("memory was wrong too often")
    return cache.look(case.incident, case.evidence, source=case.source, now=case.now)


def verdict_from(known: Known, case: Case, fallback: Classification) -> Classification:
    """What is known, through the same guardrails as a model's verdict; its words about now are today's."""
    ids = {one.id for one in case.offered}
    runbook_id = known.entry.runbook_id or known.entry.chosen_runbook_id
    judgement = Judgement(
        severity=known.severity,
        cause=known.entry.cause or "",
        is_deployment_related=False,
        can_be_remediated=runbook_id in ids,
        runbook_id=runbook_id if runbook_id in ids else None,
        confidence=cache.CONFIDENCE,
        summary="",
        first_steps=[],
    )
    judged = guardrails.apply(
        ModelVerdict(judgement=judgement, model="memory"),
        case,
        fallback,
        offered=ids,
        prompt_version="memory",
        known=known.because,
    )
    return judged.model_copy(update={"model": None, "prompt_version": None, "cached_from": known.entry.incident_id})
