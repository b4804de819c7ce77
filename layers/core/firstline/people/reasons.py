"""The sentences that tell people why an incident reaches them, derived from the end of a state of the machine."""

from firstline.contracts import Observed, ReasonedInput
from firstline.models import RemediationPlan

EXPIRED = "Nobody resolved it in time, and the alert did not either."


def with_its_reason[Event: ReasonedInput](event: Event) -> Event:
    """Return the event with the reason that people read: the end of the last state if there is one, else its own."""
    if event.happened is None:
        return event
    return event.model_copy(update={"reason": sentence(event.happened, event.plan)})


def sentence(happened: Observed, plan: RemediationPlan | None = None) -> str:
    """Write the end of a state as a sentence."""
    title = plan.title if plan else "the plan"
    if happened.error is None:
        return _of_result(happened.state, happened.result or {}, title)
    error = happened.error.name
    match happened.state, error:
        case _, "Worsened":
            return happened.error.cause
        case "Classify", _:
            return f"Classify failed ({error}): nobody knows yet how bad this is."
        case "Request Approval", _:
            return f"Nobody could be asked to approve {title} ({error})."
        case "Ask For Approval", "States.Timeout":
            return f"Nobody decided on {title} in time."
        case "Await Resolution", "States.Timeout":
            return EXPIRED
        case state, _:
            return f"{state} failed ({error})."


def worsened(severity: str) -> str:
    """Write that an alert of this severity joined an incident for which no person was woken."""
    return f"It got worse: an alert of severity {severity} joined."


def _of_result(state: str, result: dict[str, object], title: str) -> str:
    """Write a sentence about a person's or sender's signal, or about what `Read Incident` found in the record."""
    match state, result:
        case "Ask For Approval", {"signal": signal, "by": by}:
            return f"{title}: {signal} by {by}."
        case _, {"by": by} | {"resolved_by": {"S": by}}:
            return f"Resolved by {by}."
        case _, {"worsened_to": {"S": severity}}:
            return worsened(str(severity))
        case _:
            return f"{state} ended."
