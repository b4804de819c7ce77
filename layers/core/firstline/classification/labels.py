"""The labels of closed incidents: the right verdict by people's answers, or else by how the incident ended."""

from firstline.classification.earned_say import Disagreement, Label
from firstline.classification.feedback import confirmed, last_words, said_wrong_cause, was_right
from firstline.models import PAGING_RANK, SEVERITY_RANK, Classification, Feedback, IncidentRecord, Severity
from firstline.models.live import loudest_since


def decider_of(verdict: Classification) -> str:
    """Return the name under which reports measure a verdict's decider, such as `rules` or `llm:<model>:<prompt>`."""
    if verdict.decided_by != "llm":
        return verdict.decided_by
    return llm_decider(verdict.model or "unknown", verdict.prompt_version or "unknown")


def llm_decider(model: str, prompt_version: str) -> str:
    """Return the name under which a model with its prompt is measured: `llm:<model>:<prompt version>`."""
    return f"llm:{model}:{prompt_version}"


def outcome(record: IncidentRecord) -> bool | None:
    """Return whether the verdict was right, by people's answers or else by the incident's end; None if neither shows.

    Without answers it was wrong if a loud alert (high or critical, not held) that is worse joined after it. Else the
    end of a suppressed or expired incident shows nothing, as nobody looked at it.
    """
    verdict = record.classification
    if verdict is None or record.outcome is None:
        return None
    said = was_right(verdict.severity, last_words(record.feedback))
    if said is not None:
        return said
    rank = SEVERITY_RANK[verdict.severity]
    if record.live is not None and loudest_since(record.live, record.live.judged_loud) > rank:
        return False  # something worse joined that the verdict did not know of
    match record.outcome:
        case "resolved" if rank >= PAGING_RANK:
            return True if record.acknowledged_at else None
        case "resolved" | "auto_resolved":
            return rank >= SEVERITY_RANK["medium"] or None
        case "self_cleared" if verdict.severity == "low":
            return True
    return None


def label_of(record: IncidentRecord) -> Label:
    """Return the right severity, blame and runbook of a closed incident, each None if nobody knows."""
    verdict = record.classification
    if verdict is None or record.outcome is None:
        return Label()
    answers = last_words(record.feedback)
    plan = record.plan
    acted = plan is not None and plan.risk != "read_only" and bool(record.results)  # to look at a host cures nothing
    ran = plan.runbook_id if plan is not None and acted else None
    cured = record.outcome == "auto_resolved"
    return Label(
        severity=_right_severity(record, verdict, answers),
        blame=_right_blame(verdict, answers),
        cured_by=ran if cured else None,
        failed=None if cured else ran,
    )


def disagreement(record: IncidentRecord) -> Disagreement | None:
    """Return an incident's verdicts with and without the model, and the right one as far as it is known (`label_of`).

    None if the verdicts with and without the model are equal, or if no model gave one.
    """
    verdict = record.classification
    if verdict is None or verdict.without_model is None or verdict.model_says is None:
        return None
    if verdict.without_model == verdict.model_says:
        return None
    return Disagreement(
        decider=llm_decider(verdict.model or "unknown", verdict.prompt_version or "unknown"),
        group=record.incident.group_key,
        plain=verdict.without_model,
        judged=verdict.model_says,
        label=label_of(record),
    )


def _right_severity(record: IncidentRecord, verdict: Classification, answers: list[Feedback]) -> Severity | None:
    """Return the severity that people agree on; without answers, the verdict's own if the incident's end proves it.

    The end does not prove a severity that only the model gave: people acknowledge needless pages, too.
    """
    if answers:
        return confirmed(verdict.severity, answers)
    if verdict.without_model is not None and verdict.without_model.severity != verdict.severity:
        return None
    return verdict.severity if outcome(record) else None


def _right_blame(verdict: Classification, answers: list[Feedback]) -> bool | None:
    """Return whether a deployment was to blame; None if the verdict blames none or nobody answered."""
    if not answers or not verdict.is_deployment_related:
        return None
    return not said_wrong_cause(answers)
