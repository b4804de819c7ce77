"""The verdict of rules and history, which stands if there is no model or the model's verdict does not count."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firstline.classification import lexicon, severity_words, texts_without_model
from firstline.classification.case import Case
from firstline.classification.guardrails import Changes
from firstline.classification.history import Opinion
from firstline.classification.memory import evidence_class
from firstline.models import Classification, DecidedBy, Severity

if TYPE_CHECKING:
    from firstline.classification.prompt import Offered

SOURCE_ONLY_CONFIDENCE = 0.5
HISTORY_CONFIDENCE = 0.7
RULE_CONFIDENCE = 1.0
WORD_CONFIDENCE = 1.0


def verdict_of(case: Case) -> Classification:
    """Return the verdict of rules and history: the source's severity, unless a rule, a person or history changes it."""
    incident, past, culprits = case.incident, case.past, case.culprits
    severity, decided_by, confidence, reasons = _severity(case)
    if past.not_noise is not None and case.base == "info" and case.word is None:
        reasons.append(f"Not noise: {past.not_noise}.")
    changes = Changes(severity, reasons)
    changes.bound(case)
    reasons += case.evidence.missing
    if incident.flapping:
        times = incident.opened_last_hour
        reasons.append(f"The alert is flapping: this is the incident number {times} that it opened within the hour.")
    if culprits:
        reasons.append(texts_without_model.deployed_before(culprits[0], incident))
    if culprits and past.not_the_deployment:
        reasons.append(f"Not blamed: {past.not_the_deployment}.")
    runbook_id = None
    if changes.severity != "noise" and not incident.storm and case.offered:
        runbook_id, why = _best(case.offered, past)
        reasons.append(why)
    return Classification(
        severity=changes.severity,
        cause=texts_without_model.cause(case),
        is_deployment_related=bool(culprits) and past.not_the_deployment is None,
        can_be_remediated=runbook_id is not None,
        runbook_id=runbook_id,
        confidence=confidence,
        summary=texts_without_model.summary(incident, case.evidence),
        first_steps=texts_without_model.first_steps(case),
        decided_by=decided_by,
        reasons=reasons,
        evidence_class=evidence_class(case),
        evidence=texts_without_model.around(case),
        series=case.evidence.metric,
        tags=case.evidence.tags,
        subject=severity_words.about(case.sent) if case.takes_a_word else None,
        word=case.word if case.takes_a_word else None,
        came_before=_came_before(case) if case.takes_a_word else 0,
    )


def _came_before(case: Case) -> int:
    """Return how often the alert came before: the larger of two counts.

    One counts the earlier alerts of its name within a day, the other the earlier incidents of its group.
    """
    return max(case.evidence.same_name_last_day - 1, len(case.evidence.earlier))


def _severity(case: Case) -> tuple[Severity, DecidedBy, float, list[str]]:
    """Return the severity, the decider, the confidence, and the reasons.

    The first of these decides: a rule, a person's word, history, the severity that the case begins with.
    """
    source, past = case.base, case.past
    changes = Changes("low" if source == "info" else source, [case.said])
    if case.rule is not None and case.rule.severity is not None:
        because = f"Rule {case.rule.id} says {case.rule.severity}: {case.rule.reason}"
        return case.rule.severity, "rules", RULE_CONFIDENCE, [case.said, because]
    if case.word is not None:
        return case.word.severity, "people", WORD_CONFIDENCE, [case.said]
    if past.at_least is not None:
        changes.at_least(past.at_least, str(past.because))
        return changes.severity, "history", HISTORY_CONFIDENCE, changes.reasons
    if source == "info" and past.usually_nothing is not None:
        alarming = lexicon.guess(case.incident.alert)
        if alarming.severity != "critical":
            noise = f"Noise: {past.usually_nothing}, and the source calls it info."
            return "noise", "history", HISTORY_CONFIDENCE, [case.said, noise]
        changes.reasons.append(f"Not noise, although {past.usually_nothing}: {alarming.because}.")
    decided_by: DecidedBy = "history" if case.evidence.near is not None else "rules"
    return changes.severity, decided_by, SOURCE_ONLY_CONFIDENCE, changes.reasons


def _best(offered: "Sequence[Offered]", past: Opinion) -> tuple[str, str]:
    """Return the id of the runbook that cured this group or else similar incidents most often, and why.

    If no runbook cured either, the first offered one is returned, which matches best.
    """
    best = max(offered, key=lambda runbook: (past.cures.get(runbook.id, 0), past.cures_elsewhere.get(runbook.id, 0))).id
    for cures, whom in ((past.cures, "this group"), (past.cures_elsewhere, "similar incidents")):
        if times := cures.get(best, 0):
            return best, f"Runbook {best} cured {whom} {times} time{'s' if times > 1 else ''} before."
    return best, f"Runbook {best} declares that it treats this alert."
