"""The sentences that tell people why they get a message, derived from how the last state of the machine ended."""

from typing import Any

from firstline.contracts import Observed, ReasonedInput
from firstline.models import RemediationPlan

EXPIRED = "Nobody resolved it in time, and the alert did not either."

ESCALATED = "Escalated by"
"""The first words of the reason for a page that a person asked for."""

SLACK_IS_DOWN = (
    "Slack is down: it takes no messages, so incidents that do not page reach nobody. This one page stands for all of "
    "them: `firstline incidents` lists them. Slack shows what it missed once it takes messages again."
)


def with_its_reason[Event: ReasonedInput](event: Event) -> Event:
    """Return the input of a state with its `reason` set to a sentence on how the last state ended.

    The input is returned unchanged if that end is not why people get a message (`_says_why`): a wait that timed out,
    for example, mostly is not.
    """
    if event.happened is None or not _says_why(event.happened):
        return event
    return event.model_copy(update={"reason": sentence(event.happened, event.plan)})


def _says_why(happened: Observed) -> bool:
    """Return True if how a state ended is a reason for people to get a message.

    It is one if the state failed, or if a person ended its wait by a Resolve, a refusal or an escalation. Alerts that
    joined or ended, and most waits that timed out, are no reason: the message is written from the record.
    """
    if happened.error is not None:
        over = happened.error.name == "States.Timeout"
        return happened.state == "Await Resolution" or not (over and happened.state in _WAITS)
    return _signal(happened.result) in ("resolved", "refused", "escalated")


def sentence(happened: Observed, plan: RemediationPlan | None = None) -> str:
    """Say in a sentence how a state ended, such as `Nobody acknowledged it in time`.

    A sentence about a person's decision names `plan` by its title; without `plan`, it says `the plan`.
    """
    if happened.error is None:
        title = plan.title if plan else "the plan"
        return _of_signal(happened.state, happened.result, title)
    error = happened.error.name
    match happened.state, error:
        case "Classify", _:
            return f"Classify failed ({error}): nobody knows yet how bad this is."
        case "What Now?", _:
            return f"The incident's record could not be read ({error}): nobody knows how it stands."
        case "Notify Ops", "ChannelFailed":
            return SLACK_IS_DOWN
        case "Await Acknowledgement", "States.Timeout":
            return "Nobody acknowledged it in time."
        case "Await Resolution", "States.Timeout":
            return EXPIRED
        case state, _:
            return f"{state} failed ({error})."


_WAITS = frozenset({"Hold", "Await Acknowledgement", "Await Quiet"})


def _signal(result: Any) -> str:
    signal = result.get("signal") if isinstance(result, dict) else None
    return signal if isinstance(signal, str) else ""


def _of_signal(state: str, result: Any, title: str) -> str:
    """Say in a sentence who ended the wait of a state, such as `Escalated by ada.`; `title` is the plan's.

    `result` is the output of the wait: an object with the `signal` that ended it, and with who sent that (`by`).
    """
    by = str(result["by"]) if isinstance(result, dict) and result.get("by") else "somebody"
    match _signal(result):
        case "approved" | "refused" as decision:
            return f"{title}: {decision} by {by}."
        case "acknowledged" | "answered":
            return f"Acknowledged by {by}."
        case "taken back":
            return f"Nobody has it any more: {by} gave it back."
        case "escalated":
            return f"{ESCALATED} {by}."
        case "resolved":
            return f"Resolved by {by}."
        case _:
            return f"{state} ended."
