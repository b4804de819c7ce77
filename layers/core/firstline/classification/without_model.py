"""The verdict of rules and history: all there is without a model, and a model's fallback."""

from collections.abc import Sequence

from firstline.classification import lexicon, words
from firstline.classification.case import Case
from firstline.classification.guardrails import TRUSTED_FROM, Changes, within_bounds
from firstline.classification.history import Opinion
from firstline.classification.memory import evidence_class
from firstline.classification.prompt import Offered
from firstline.models import Classification, DecidedBy, Severity

SOURCE_ONLY_CONFIDENCE = 0.5
HISTORY_CONFIDENCE = 0.7
RULE_CONFIDENCE = 1.0


def decide(case: Case) -> Classification:
    """Take the source's severity, unless a rule or history has a reason for another, and word the evidence."""
    incident, past = case.incident, case.past
    severity, decided_by, confidence, reasons = _severity(case)
    if past.not_noise is not None and case.source == "info":
        reasons.append(f"Not noise: {past.not_noise}.")
    bounded = within_bounds(severity, case)
    reasons += [*bounded.reasons, *case.evidence.missing]
    if incident.flapping:
        times = incident.opened_last_hour
        reasons.append(f"The alert is flapping: this is the incident number {times} that it opened within the hour.")
    culprits = case.culprits
    if culprits:
        reasons.append(words.deployed_before(culprits[0], incident))
    if culprits and past.not_the_deployment:
        reasons.append(f"Not blamed: {past.not_the_deployment}.")
    runbook_id = None
    if bounded.severity != "noise" and not incident.storm and case.offered:
        runbook_id, why = _best(case.offered, past)
        reasons.append(why)
    return Classification(
        severity=bounded.severity,
        cause=words.cause(case),
        is_deployment_related=bool(culprits) and past.not_the_deployment is None,
        can_be_remediated=runbook_id is not None,
        runbook_id=runbook_id,
        confidence=confidence,
        summary=words.summary(incident, case.evidence),
        first_steps=words.first_steps(case),
        decided_by=decided_by,
        reasons=reasons,
        evidence_class=evidence_class(incident, case.evidence, case.source),
    )


def _severity(case: Case) -> tuple[Severity, DecidedBy, float, list[str]]:
    """Return the severity, who decides it, the confidence, and the reasons.

    Unless history has been right often enough, it makes no noise.
    """
    source, past = case.source, case.past
    severity: Severity = "low" if source == "info" else source
    if case.rule is not None and case.rule.severity is not None:
        because = f"Rule {case.rule.id} says {case.rule.severity}: {case.rule.reason}"
        return case.rule.severity, "rules", RULE_CONFIDENCE, [case.said, because]
    if past.at_least is not None:
        changes = Changes(severity)
        changes.at_least(past.at_least, str(past.because))
        return changes.severity, "history", HISTORY_CONFIDENCE, [case.said, *changes.reasons]
    if source != "info" or past.usually_nothing is None:
        return severity, "rules", SOURCE_ONLY_CONFIDENCE, [case.said]
    alarming = lexicon.guess(case.incident.alert)
    if alarming.severity == "critical":
        doubt = alarming.because
    elif case.calibration.trust("history", HISTORY_CONFIDENCE) < TRUSTED_FROM:
        doubt = "history was wrong too often"
    else:
        noise = f"Noise: {past.usually_nothing}, and the source calls it info."
        return "noise", "history", HISTORY_CONFIDENCE, [case.said, noise]
    because = f"Not noise, although {past.usually_nothing}: {doubt}."
    return severity, "rules", SOURCE_ONLY_CONFIDENCE, [case.said, because]


def _best(offered: Sequence[Offered], past: Opinion) -> tuple[str, str]:
    """Choose the runbook that cured this group most often, or else similar incidents; else the best declared match."""
    best = max(offered, key=lambda one: (past.cures.get(one.id, 0), past.cures_elsewhere.get(one.id, 0)))
    for cures, whom in ((past.cures, "this group"), (past.cures_elsewhere, "similar incidents")):
        if times := cures.get(best.id, 0):
            return best.id, f"Runbook {best.id} cured {whom} {times} time{'s' if times > 1 else ''} before."
    return best.id, f"Runbook {best.id} declares that it treats this alert."
