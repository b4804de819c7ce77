"""The classification of an incident: evidence -> rules -> memory -> LLM -> guardrails. Read this first."""

from collections.abc import Callable, Sequence
from datetime import datetime

from firstline.classification import guardrails, memory, prompt, without_model
from firstline.classification.calibration import UNCALIBRATED, Calibration, decider_of
from firstline.classification.case import Case
from firstline.classification.evidence import MetricReader, gather
from firstline.classification.memory import Known
from firstline.classification.model import Counting, Model
from firstline.classification.prompt import Offered
from firstline.classification.words import evidence_for
from firstline.errors import HistoryUnavailable, ModelGaveNoVerdict
from firstline.incidents.store import Incidents
from firstline.models import SEVERITY_RANK, Classification, Evidence, Incident, Usage
from firstline.observability import logger, metrics
from firstline.policy.hold import NotAsked, after, held_by_rule, waits_for
from firstline.policy.rules import Rules
from firstline.policy.silences import Silence


def assess(
    incident: Incident,
    *,
    incidents: Incidents,
    rules: Rules,
    silences: Callable[[], Sequence[Silence]],
    offered: Sequence[Offered],
    model: Model | None,
    time_zone: str,
    now: datetime,
    calibration: Calibration = UNCALIBRATED,
    monitor: MetricReader | None = None,
) -> Classification:
    """Gather the evidence, classify, and keep the verdict. A table that fails costs evidence, never the verdict.

    Parameters
    ----------
    silences
        Reads those that there are; asked only about an incident that waited, to see whether it has to wait on.
    monitor
        Where the metric of a monitor's alarm can be read; None where there is nothing to read.
    """
    evidence = gather(incident, incidents, rules=rules, time_zone=time_zone, now=now, metrics=monitor)
    case = Case.of(incident, evidence, rules, now, offered=offered, calibration=calibration)
    record, hold = waits_for(incident, incidents, rules, silences, now)
    counting = None if model is None else Counting(model)
    verdict = judge(case, NotAsked() if counting is not None and hold is not None else counting)
    metrics.add_metric(name="LlmCacheHit", unit="Count", value=int(verdict.cached_from is not None))
    metrics.add_metric(name="LlmCacheMiss", unit="Count", value=counting.asked if counting else 0)
    if hold is None and (record is None or record.awaiting != "hold"):
        hold = held_by_rule(incident, case.rule, verdict, now)
    verdict = after(verdict, record, case.rule, hold)
    keep(verdict, incident, incidents)
    return verdict


def keep(verdict: Classification, incident: Incident, incidents: Incidents) -> None:
    """Write the verdict to its incident, or log why not: failing here would page for an alert that may be noise."""
    try:
        incidents.save_classification(incident.incident_id, verdict)
    except HistoryUnavailable as error:
        logger.warning("classification not saved", incident_id=incident.incident_id, error=str(error))


def classify(
    incident: Incident,
    *,
    evidence: Evidence,
    rules: Rules,
    offered: Sequence[Offered],
    model: Model | None,
    now: datetime,
    calibration: Calibration = UNCALIBRATED,
) -> Classification:
    """Say how bad it is, why, and whether a runbook can fix it. Pure but for `model`.

    Parameters
    ----------
    offered
        The runbooks whose match fits the alert, best first.
    model
        None when the LLM is off. It is not asked about what a rule decides.
    calibration
        What each decider's confidence was worth so far.

    Returns
    -------
    Classification
        Never below what the source said, unless a declared rule says so or a model does within the guardrails; every
        step is in `reasons`. Where nobody is sure enough, `unsure` has the evidence for the human who is asked.
    """
    return judge(Case.of(incident, evidence, rules, now, offered=offered, calibration=calibration), model)


def judge(case: Case, model: Model | None) -> Classification:
    """Classify a case, with its confidence as it was worth so far."""
    verdict = case.calibration.applied(_decide(case, model))
    if verdict.severity == "noise" or case.ruled is not None:
        return verdict.model_copy(update={"unsure": []})
    if not verdict.unsure and verdict.confidence >= guardrails.TRUSTED_FROM:
        return verdict
    why = verdict.unsure or [
        f"Verdicts like this one ({decider_of(verdict)}) were right {verdict.confidence:.0%} of the time."
    ]
    return verdict.model_copy(update={"unsure": evidence_for(why[0], case.incident, case.evidence, case.now)})


def _decide(case: Case, model: Model | None) -> Classification:
    fallback = without_model.decide(case)
    if case.ruled is not None:
        return fallback
    known = memory.recall(case)
    if isinstance(known, Known) and (model is not None or SEVERITY_RANK[known.severity] >= SEVERITY_RANK[case.source]):
        return memory.verdict_from(known, case, fallback)
    if model is None:
        return fallback.because("The LLM is off: rules and history decide.")
    first = [] if case.incident.alert.severity_stated else [case.said]
    if known.because is not None:
        first.append(f"Not from memory: {known.because}.")
        fallback = fallback.because(first[-1])
    question = prompt.build(case.incident, evidence=case.evidence, offered=case.offered, now=case.now)
    try:
        verdict = model.verdict(question)
    except ModelGaveNoVerdict as error:
        undecided = fallback.because(f"The LLM gave no verdict ({error}): rules and history decide.")
        return undecided.model_copy(update={"usage": error.usage or Usage()})
    judged = guardrails.apply(verdict, case, fallback, offered=question.runbook_ids, prompt_version=question.version)
    return judged.model_copy(
        update={"reasons": [*(reason for reason in first if reason not in judged.reasons), *judged.reasons]}
    )
