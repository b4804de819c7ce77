"""The verdict: evidence -> rules -> memory -> LLM -> guardrails. Read this first."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from firstline.classification import cache, guardrails, holding, lexicon, prompt, words
from firstline.classification.asking import evidence_for
from firstline.classification.calibration import UNCALIBRATED, Calibration, decider_of
from firstline.classification.evidence import HistoryReader, MetricReader, gather, suspects
from firstline.classification.history import Opinion, opinion
from firstline.classification.holding import NotAsked
from firstline.classification.model import Judgement, Model, ModelVerdict
from firstline.classification.prompt import Offered
from firstline.classification.quiet import Quiet
from firstline.classification.rules import Rule, Rules
from firstline.classification.silences import Silence
from firstline.errors import HistoryUnavailable, ModelGaveNoVerdict
from firstline.models import (
    SEVERITY_RANK,
    Classification,
    Evidence,
    Hold,
    Incident,
    IncidentRecord,
    NormalizedAlert,
    Severity,
    SourceSeverity,
    Usage,
)
from firstline.observability import logger, metrics

SOURCE_ONLY_CONFIDENCE = 0.5
HISTORY_CONFIDENCE = 0.7
RULE_CONFIDENCE = 1.0


class History(HistoryReader, Protocol):
    """What classification reads from the table, and the one thing that it writes."""

    def record(self, incident_id: str) -> IncidentRecord | None: ...

    def save_classification(self, incident_id: str, classification: Classification) -> object: ...


class _Counting:
    """The model, and how often it was asked: what neither a rule nor memory decided."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.asked = 0

    def verdict(self, question: prompt.Prompt) -> ModelVerdict:
        self.asked += 1
        return self._model.verdict(question)


def assess(
    incident: Incident,
    *,
    history: History,
    rules: Rules,
    silences: Callable[[], Sequence[Silence]],
    offered: Sequence[Offered],
    model: Model | None,
    time_zone: str,
    now: datetime,
    calibration: Calibration = UNCALIBRATED,
    monitor: MetricReader | None = None,
) -> Classification:
    """Gather, classify, remember. A table that cannot be reached costs evidence, never the verdict.

    Parameters
    ----------
    silences
        Reads those that there are; asked only about an incident that waited, to see whether it has to wait on.
    monitor
        Where the metric of a monitor's alarm can be read; None where there is nothing to read.
    """
    evidence = gather(incident, history, time_zone=time_zone, now=now, metrics=monitor)
    evidence = evidence.model_copy(update={"maintenance": rules.maintained(incident.alert, now)})
    record, hold = _waits_for(incident, history, rules, silences, now)
    counting = None if model is None else _Counting(model)
    asked = NotAsked() if counting is not None and hold is not None else counting
    verdict = classify(
        incident, evidence=evidence, rules=rules, offered=offered, model=asked, now=now, calibration=calibration
    )
    metrics.add_metric(name="LlmCacheHit", unit="Count", value=int(verdict.cached_from is not None))
    metrics.add_metric(name="LlmCacheMiss", unit="Count", value=counting.asked if counting else 0)
    rule = rules.first(incident, evidence)
    if hold is None and (record is None or record.awaiting != "hold"):
        hold = holding.held_by_rule(incident, rule, verdict, now)
    verdict = holding.after(verdict, record, rule, hold)
    try:
        history.save_classification(incident.incident_id, verdict)
    except HistoryUnavailable as error:
        # The state machine carries the verdict on; failing here would page for an alert that may be noise.
        logger.warning("classification not saved", incident_id=incident.incident_id, error=str(error))
    return verdict


def _waits_for(
    incident: Incident,
    history: History,
    rules: Rules,
    silences: Callable[[], Sequence[Silence]],
    now: datetime,
) -> tuple[IncidentRecord | None, Hold | None]:
    """What was written since it was kept back, and what keeps it back now. What cannot be read keeps nothing."""
    if incident.hold is None:
        return None, None
    try:
        record = history.record(incident.incident_id)
        over = now >= incident.hold.until
        quiet = Quiet(rules.maintenance, silences() if over else ())
    except HistoryUnavailable as error:
        logger.warning("whether it waits is not known", incident_id=incident.incident_id, error=str(error))
        return None, None
    return record, holding.kept_back(incident, record, quiet, now)


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
    """How bad is it, why, and can a runbook fix it? Pure but for `model`.

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
    rule = rules.first(incident, evidence)
    verdict = calibration.applied(_decide(incident, evidence, rule, offered, model, now, calibration))
    if verdict.severity == "noise" or (rule is not None and rule.severity is not None):
        return verdict.model_copy(update={"unsure": []})
    if not verdict.unsure and verdict.confidence >= guardrails.TRUSTED_FROM:
        return verdict
    why = verdict.unsure or [
        f"Verdicts like this one ({decider_of(verdict)}) were right {verdict.confidence:.0%} of the time."
    ]
    return verdict.model_copy(update={"unsure": evidence_for(why[0], incident, evidence, now)})


def _decide(
    incident: Incident,
    evidence: Evidence,
    rule: Rule | None,
    offered: Sequence[Offered],
    model: Model | None,
    now: datetime,
    calibration: Calibration,
) -> Classification:
    source, said = said_by_source(incident.alert)
    past = opinion(evidence, source, now)
    sure = calibration.trust("history", HISTORY_CONFIDENCE) >= guardrails.TRUSTED_FROM
    fallback = _without_model(incident, evidence, rule, past, offered, now, source=source, said=said, sure=sure)
    if rule is not None and rule.severity is not None:
        return fallback
    known = cache.look(incident, evidence, source=source, now=now)
    if calibration.trust("cache", cache.CONFIDENCE) < guardrails.TRUSTED_FROM:
        known = cache.Unknown("memory was wrong too often")
    if isinstance(known, cache.Known) and (model is not None or not _is_below(known.severity, source)):
        return _remembered(known, fallback, incident, evidence, rule, past, offered, calibration, source=source)
    if model is None:
        return _with_reason(fallback, "The LLM is off: rules and history decide.")
    first = [] if incident.alert.severity_stated else [said]
    if known.because is not None:
        first.append(f"Not from memory: {known.because}.")
        fallback = _with_reason(fallback, first[-1])
    question = prompt.build(incident, evidence=evidence, offered=offered, now=now)
    try:
        verdict = model.verdict(question)
    except ModelGaveNoVerdict as error:
        undecided = _with_reason(fallback, f"The LLM gave no verdict ({error}): rules and history decide.")
        return undecided.model_copy(update={"usage": error.usage or Usage()})
    judged = guardrails.apply(
        verdict,
        fallback=fallback,
        incident=incident,
        source=source,
        evidence=evidence,
        rule=rule,
        history=past,
        offered=question.runbook_ids,
        prompt_version=question.version,
        calibration=calibration,
    )
    return judged.model_copy(
        update={"reasons": [*(reason for reason in first if reason not in judged.reasons), *judged.reasons]}
    )


def _remembered(
    known: cache.Known,
    fallback: Classification,
    incident: Incident,
    evidence: Evidence,
    rule: Rule | None,
    past: Opinion,
    offered: Sequence[Offered],
    calibration: Calibration,
    *,
    source: SourceSeverity,
) -> Classification:
    """A verdict from memory, through the same guardrails as a model's; its words about now are today's."""
    ids = {one.id for one in offered}
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
        fallback=fallback,
        incident=incident,
        source=source,
        evidence=evidence,
        rule=rule,
        history=past,
        offered=ids,
        prompt_version="memory",
        calibration=calibration,
        known=known.because,
    )
    return judged.model_copy(update={"model": None, "prompt_version": None, "cached_from": known.entry.incident_id})


def _is_below(severity: Severity, source: SourceSeverity) -> bool:
    return SEVERITY_RANK[severity] < SEVERITY_RANK[source]


def said_by_source(alert: NormalizedAlert) -> tuple[SourceSeverity, str]:
    """How bad the source says it is, with the sentence for the record. One that says nothing is read by its words."""
    if alert.severity_stated:
        return alert.severity, f"{alert.source} says {alert.severity}."
    guess = lexicon.guess(alert)
    return guess.severity, f"{alert.source} gives no severity; {guess.because}."


def _without_model(
    incident: Incident,
    evidence: Evidence,
    rule: Rule | None,
    past: Opinion,
    offered: Sequence[Offered],
    now: datetime,
    *,
    source: SourceSeverity,
    said: str,
    sure: bool,
) -> Classification:
    """What rules and history decide: the source's severity, unless one of them has a reason for another.

    Unless history has been right often enough (`sure`), it makes no noise.
    """
    severity: Severity = "low" if source == "info" else source
    decided_by, confidence = "rules", SOURCE_ONLY_CONFIDENCE
    reasons = [said]
    if rule is not None and rule.severity is not None:
        severity, confidence = rule.severity, RULE_CONFIDENCE
        reasons.append(f"Rule {rule.id} says {severity}: {rule.reason}")
    elif past.at_least is not None:
        changes = guardrails.Changes(severity)
        changes.at_least(past.at_least, str(past.because))
        severity, decided_by, confidence = changes.severity, "history", HISTORY_CONFIDENCE
        reasons += changes.reasons
    elif source == "info" and past.usually_nothing is not None:
        alarming = lexicon.guess(incident.alert)
        if alarming.severity == "critical":
            reasons.append(f"Not noise, although {past.usually_nothing}: {alarming.because}.")
        elif not sure:
            reasons.append(f"Not noise, although {past.usually_nothing}: history was wrong too often.")
        else:
            severity, decided_by, confidence = "noise", "history", HISTORY_CONFIDENCE
            reasons.append(f"Noise: {past.usually_nothing}, and the source calls it info.")
    if past.not_noise is not None and source == "info":
        reasons.append(f"Not noise: {past.not_noise}.")
    bounded = guardrails.within_bounds(severity, incident, rule, evidence.maintenance)
    reasons += [*bounded.reasons, *evidence.missing]
    if incident.flapping:
        times = incident.opened_last_hour
        reasons.append(f"The alert is flapping: this is the incident number {times} that it opened within the hour.")
    culprits = suspects(incident, evidence)
    if culprits:
        reasons.append(words.deployed_before(culprits[0], incident))
    if culprits and past.not_the_deployment:
        reasons.append(f"Not blamed: {past.not_the_deployment}.")
    runbook_id = None
    if bounded.severity != "noise" and not incident.storm and offered:
        runbook_id, why = _best(offered, past)
        reasons.append(why)
    return Classification(
        severity=bounded.severity,
        cause=words.cause(incident, evidence, past),
        is_deployment_related=bool(culprits) and past.not_the_deployment is None,
        can_be_remediated=runbook_id is not None,
        runbook_id=runbook_id,
        confidence=confidence,
        summary=words.summary(incident, evidence),
        first_steps=words.first_steps(incident, evidence, past, offered, now),
        decided_by=decided_by,
        reasons=reasons,
        evidence_class=cache.evidence_class(incident, evidence, source),
    )


def _best(offered: Sequence[Offered], past: Opinion) -> tuple[str, str]:
    """The runbook that cured this group most often, or else similar incidents; else the best declared match."""
    best = max(offered, key=lambda one: (past.cures.get(one.id, 0), past.cures_elsewhere.get(one.id, 0)))
    for cures, whom in ((past.cures, "this group"), (past.cures_elsewhere, "similar incidents")):
        if times := cures.get(best.id, 0):
            return best.id, f"Runbook {best.id} cured {whom} {times} time{'s' if times > 1 else ''} before."
    return best.id, f"Runbook {best.id} declares that it treats this alert."


def _with_reason(classification: Classification, reason: str) -> Classification:
    return classification.model_copy(update={"reasons": [*classification.reasons, reason]})
