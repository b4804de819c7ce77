"""Firstline's exceptions. The state machine catches the leaf classes by their names."""

from types import EllipsisType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from firstline.models import Usage


class FirstlineError(Exception):
    """Root of everything that Firstline raises on purpose."""


class SourceError(FirstlineError):
    """A sender's request is wrong."""


class UnknownSource(SourceError):
    """No source of that name is registered."""


class Unauthenticated(SourceError):
    """The sender could not prove who it is."""


class UnreadablePayload(SourceError):
    """An authenticated body makes no sense to its source; the message says why."""


class CertificateUnavailable(SourceError):
    """The certificate for checking a signature could not be fetched; the sender should try again."""


class ConfigurationError(FirstlineError):
    """A setting, secret, runbook or policy of the stack's owner is wrong; the message says which and how to mend it."""


class FeedUnavailable(FirstlineError):
    """An on-call schedule that is kept elsewhere could not be read; the message says why, without its address."""


class HistoryUnavailable(FirstlineError):
    """The table could not be read or written; the sender should try again."""


class GroupChanged(FirstlineError):
    """Another function wrote the group first: read it and fold again."""


class JoinedSince(FirstlineError):
    """Alerts joined an incident since a person looked at it. `seen` and `joined` count the alerts then and now."""

    def __init__(self, message: str, *, seen: int, joined: int) -> None:
        super().__init__(message)
        self.seen = seen
        self.joined = joined


class StaysOpen(FirstlineError):
    """An incident was not closed: something joined that the decision to end it did not know of.

    The state machine knows it by its name, and decides anew.
    """


class MetricsUnavailable(FirstlineError):
    """An alarm's metric could not be read; the verdict does without it."""


class RemediationContended(FirstlineError):
    """Another remediation was planned or ended at the same moment: read what runs and decide again."""


class AlreadyPlanned(FirstlineError):
    """The incident already has a plan: another execution planned it at the same moment."""


class LockHeld(FirstlineError):
    """A host or service is being remediated by another incident; the message says which and by whom."""


class QuarantineUnavailable(FirstlineError):
    """An unreadable delivery could not be put into quarantine; the sender should try again."""


class ConfirmationFailed(FirstlineError):
    """SNS did not accept the confirmation of a subscription; it will ask again."""


class ExecutionsUnavailable(FirstlineError):
    """Step Functions refused a start or a signal; the table stores what is left to do, and reconcile does it."""


class ApprovalRefused(FirstlineError):
    """A decision on a plan that does not count; the message tells the person why, and what to do instead."""


class NotEntitled(ApprovalRefused):
    """Firstline did not sign the link for this incident, or the person is no approver."""


class Superseded(ApprovalRefused):
    """Another decision or another plan came first."""


class TooLate(ApprovalRefused):
    """The time to decide is over, or the incident is closed."""


class NotNow(ApprovalRefused):
    """The plan may not begin at this moment, and stays open to a later yes; the message says what stands in its way."""


class OperationRefused(FirstlineError):
    """A person's action on an incident that has no effect; the message tells the person why, and what to do instead."""


class NotPermitted(OperationRefused):
    """The person is on no list, or the person's role does not allow the action."""


class UnknownIncident(OperationRefused):
    """The stack knows no such incident (any more)."""


class FeedbackRefused(FirstlineError):
    """Feedback or a note on an incident that cannot be stored; the message tells the person why."""


class NoPlan(FirstlineError):
    """No remediation may run; the message tells people why.

    `decision` is the policy's, or none where it was not asked.
    """

    def __init__(self, reason: str, *, decision: Literal["none", "deny", "shadow"] = "none") -> None:
        super().__init__(reason)
        self.decision: Literal["none", "deny", "shadow"] = decision


class ReleasesUnreadable(FirstlineError):
    """CodeDeploy or AppConfig did not tell what was released; the message says which, and why."""


class DocumentUnreadable(FirstlineError):
    """An SSM document could not be read or differs from the planned one; the message says which."""


class ModelGaveNoVerdict(FirstlineError):
    """The LLM is off, slow, refusing or wrong: rules and history decide.

    `usage` is the cost of the failed call; None when a question went out and its cost is unknown.
    """

    def __init__(self, reason: str, *, usage: "Usage | EllipsisType | None" = ...) -> None:
        super().__init__(reason)
        self.usage = _no_usage() if usage is ... else usage


class ModelUnavailable(ModelGaveNoVerdict):
    """The model's server is slow, overloaded, broken or unreachable. Only this error opens its circuit.

    `broken` says that it answered 500 without a word about the form of the question, which may be the reason even so:
    with an error of its own (`application`), or with anything else (`something`), such as a proxy's page.
    """

    def __init__(
        self,
        reason: str,
        *,
        usage: "Usage | EllipsisType | None" = ...,
        broken: Literal["application", "something"] | None = None,
    ) -> None:
        super().__init__(reason, usage=usage)
        self.broken = broken


class QuestionRefused(ModelGaveNoVerdict):
    """The server refuses the form of the question (400, 422, or another one with words about it), as it `said`."""

    def __init__(self, reason: str, *, said: str) -> None:
        super().__init__(reason)
        self.said = said


class CircuitOpen(ModelGaveNoVerdict):
    """The model's server failed repeatedly a moment ago; Firstline does not call it for a while."""


class CeilingReached(ModelGaveNoVerdict):
    """The owner's daily ceiling for the model is spent."""


class DeliveryError(FirstlineError):
    """A message could not be delivered."""


class ChannelFailed(DeliveryError):
    """One channel refused or could not be reached. `retryable` says whether trying again can help.

    `retry_after` is the time in seconds for which the channel asked to be left alone, if it did.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


class NobodySubscribed(ChannelFailed):
    """The page topic took a page, and SNS says that nobody has a confirmed subscription to it."""


class CanaryLost(FirstlineError):
    """Firstline's own alert was not taken, or not paged in time."""


class PageUndelivered(DeliveryError):
    """No channel of an escalation level took the page."""


class PageUnheard(PageUndelivered):
    """No channel took the page, and nobody is subscribed to the page topic: to publish there again is no use.

    The state machine knows it by its name.
    """


def _no_usage() -> "Usage":
    from firstline.models import Usage  # imported late: a command at the terminal that raises none needs no models

    return Usage()
