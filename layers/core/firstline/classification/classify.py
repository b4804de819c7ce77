"""The steps of classifying an incident: evidence -> rules -> memory -> model -> guardrails -> say. Read this first.

The last step, say, decides how much of a model's verdict counts.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from firstline.classification import guardrails, late_evidence, memory, verdict_without_model
from firstline.classification.case import Case
from firstline.classification.evidence import AlarmSource, gather
from firstline.classification.hold import Declared, current_hold, held_by_rule, with_hold
from firstline.classification.joined_alerts import Joined
from firstline.classification.memory import Known
from firstline.classification.model_say import FULL_SAY, NO_SAY, Say, settle
from firstline.classification.texts_without_model import evidence_for
from firstline.errors import HistoryUnavailable, ModelGaveNoVerdict
from firstline.incidents.store import Incidents
from firstline.models import Classification, Evidence, Hold, Incident, NormalizedAlert, Usage
from firstline.observability import logger, metrics
from firstline.policy.rules import Rules

if TYPE_CHECKING:
    from firstline.classification.model import Model
    from firstline.classification.prompt import Offered


class Assessment(NamedTuple):
    """A verdict. `new` is False if it is the stored verdict, returned again because it still covers all alerts."""

    classification: Classification
    new: bool


def assess(
    incident: Incident,
    generation: int = 1,
    *,
    incidents: Incidents,
    declared: Declared,
    offered: Callable[[NormalizedAlert], "Sequence[Offered]"],
    model: "Model | None",
    time_zone: str,
    now: datetime,
    say: Say = NO_SAY,
    alarms: AlarmSource | None = None,
) -> Assessment:
    """Judge the incident with all alerts that joined until now, and store the verdict and how many alerts it covers.

    A stored verdict is returned again if no alert joined since and its hold, if any, lasts. If the table cannot be
    read, the verdict has less evidence; if it cannot be written, the verdict is returned all the same.

    Parameters
    ----------
    generation
        The number of the incident's execution that asks: 1 for its first.
    declared
        The owner's rules, and what holds alerts. Silences and inhibitions are read only after an incident's hold ended,
        to see whether it must wait longer.
    offered
        Returns the runbooks whose match fits an alert, best first.
    model
        The model to ask, None if it is off.
    time_zone
        The IANA name of the zone in which the hours and weekdays of rules and prompt are meant.
    say
        How far models may change the verdict; by default not at all.
    alarms
        Reads the evidence around a monitor's alarm; None to leave that out. If the alert pages by the severity that its
        source states, this evidence is read by the first call after the page, so that the page does not wait.
    """
    rules = declared.rules
    joined = Joined.read(incident, incidents)
    standing = joined.standing(now) if joined else None
    if standing is not None:
        verdict = late_evidence.with_evidence(standing, incident, alarms, now) if joined and joined.paged else standing
    else:
        leading = joined.leads(incident, incidents.word_on, now) if joined else incident
        due = late_evidence.is_due(leading, alarms, paged=joined is not None and joined.paged)
        evidence = gather(leading, incidents, rules=rules, time_zone=time_zone, now=now, alarms=None if due else alarms)
        case = Case.of(leading, evidence, rules, now, offered(leading.alert))
        hold = current_hold(incident, joined, declared, now)
        verdict = _judge(case, model, say, waits=hold is not None)
        _count_question(verdict, case, model, hold)
        if hold is None and (joined is None or joined.may_wait):
            hold = held_by_rule(leading, case.rule, verdict, now)
        if hold is None and joined is not None:
            verdict = joined.raised(verdict, incident)
        verdict = with_hold(verdict, case.rule, hold).model_copy(update={"evidence_due": due})
    try:
        incidents.judge(incident, generation, verdict, now, seen=joined.live if joined else None)
    except HistoryUnavailable as error:
        # A failure here would page for an alert that may be noise.
        logger.warning("classification not saved", incident_id=incident.incident_id, error=str(error))
    return Assessment(verdict, new=verdict is not standing)


def _count_question(verdict: Classification, case: Case, model: "Model | None", hold: Hold | None) -> None:
    remembered = verdict.cached_from is not None
    asked = model is not None and hold is None and case.ruled is None and not remembered
    metrics.add_metric(name="LlmCacheHit", unit="Count", value=int(remembered))
    metrics.add_metric(name="LlmCacheMiss", unit="Count", value=int(asked))


def classify(
    incident: Incident,
    *,
    evidence: Evidence,
    rules: Rules,
    offered: "Sequence[Offered]",
    model: "Model | None",
    now: datetime,
    say: Say = FULL_SAY,
) -> Classification:
    """Judge how bad the incident is, why, and whether a runbook can fix it. Pure, except for asking `model`.

    Parameters
    ----------
    offered
        The runbooks whose match fits the alert, best first.
    model
        The model to ask, None if it is off. It is not asked if a rule or the verdict of an earlier incident decides.
    say
        How far the model may change the verdict; by default as far as the guardrails allow.

    Returns
    -------
    Classification
        Never below the source's severity, unless a declared rule or, within the guardrails, a model lowers it. Every
        step is in `reasons`. If no decider is sure enough, `unsure` has the evidence for a person.
    """
    return _judge(Case.of(incident, evidence, rules, now, offered), model, say)


def _judge(case: Case, model: "Model | None", say: Say, *, waits: bool = False) -> Classification:
    verdict = _decide(case, model, say, waits=waits)
    if verdict.severity == "noise" or case.ruled is not None or case.word is not None:
        return verdict.model_copy(update={"unsure": []})
    if not verdict.unsure:
        return verdict
    return verdict.model_copy(
        update={"unsure": evidence_for(verdict.unsure[0], case.incident, case.evidence, case.now)}
    )


def _decide(case: Case, model: "Model | None", say: Say, *, waits: bool) -> Classification:
    """Let rules decide, else the verdict of an earlier incident (memory), else the model.

    While the incident waits in a hold (`waits`), no model is asked, to save money. `model` is None if it is off.
    """
    fallback = verdict_without_model.verdict_of(case)
    if case.ruled is not None or (case.word is not None and case.word.severity == "noise"):
        return fallback
    known = memory.recall(case)
    if isinstance(known, Known) and (model is not None or known.by_people(case) or not known.lowers(case)):
        return memory.verdict_from(known, case, fallback)
    if model is None:
        return fallback.because("The model is off: rules and history decide.")
    first = [] if case.stated else [case.said]
    if known.because is not None:
        first.append(f"Not from memory: {known.because}.")
        fallback = fallback.because(first[-1])
    no_verdict = "The model gave no verdict ({}): rules and history decide."
    if waits:
        return fallback.because(no_verdict.format("it is not asked while the incident waits"))
    from firstline.classification import prompt  # what no stack without a model needs

    question = prompt.build(case.incident, evidence=case.evidence, offered=case.offered, now=case.now)
    try:
        verdict = model.verdict(question)
    except ModelGaveNoVerdict as error:
        undecided = fallback.because(no_verdict.format(error))
        return undecided.model_copy(update={"usage": error.usage or Usage()})
    judged = settle(guardrails.apply(verdict, case, fallback, question), fallback, case, say)
    new = [reason for reason in first if reason not in judged.reasons]
    return judged.model_copy(update={"reasons": [*new, *judged.reasons]})
