"""Firstline's exceptions. The state machine catches the leaf classes by their names."""

from types import EllipsisType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from firstline.models import Usage


class FirstlineError(Exception):
    """Base class of every exception that Firstline raises on purpose."""


class SourceError(FirstlineError):
    """A sender's request is wrong."""


class UnknownSource(SourceError):
    """A request names a source that Firstline does not know."""


class Unauthenticated(SourceError):
    """The sender could not prove who it is."""


class UnreadablePayload(SourceError):
    """The source cannot read the body of an authenticated request; the message says why."""


class CertificateUnavailable(SourceError):
    """The certificate for checking a signature could not be fetched; the sender should try again."""


class ConfigurationError(FirstlineError):
    """A setting, secret, runbook or policy of the stack's owner is wrong; the message says which and how to mend it."""


class FeedUnavailable(FirstlineError):
    """An on-call schedule at another tool could not be read; the message says why and leaves out the secret address."""


class HistoryUnavailable(FirstlineError):
    """The table could not be read or written; the sender should try again."""


class GroupChanged(FirstlineError):
    """An alert group changed in the table since it was read; the caller should read it and add its own alerts again."""


class JoinedSince(FirstlineError):
    """Alerts joined an incident since a person looked at it. `seen` and `joined` count the alerts then and now."""

    def __init__(self, message: str, *, seen: int, joined: int) -> None:
        super().__init__(message)
        self.seen = seen
        self.joined = joined


class StaysOpen(FirstlineError):
    """An incident was not closed, because an alert joined after its end was decided.

    The state machine catches this error by its name and decides anew.
    """


class WaitRefused(FirstlineError):
    """A wait did not begin, because the incident changed since the decision, or another attempt began it.

    The state machine pauses, and decides anew.
    """


class MetricsUnavailable(FirstlineError):
    """An alarm's metric could not be read; the incident is classified without it."""


class RemediationContended(FirstlineError):
    """Another remediation began or ended at the same moment; the caller should read the table again and retry."""


class AlreadyPlanned(FirstlineError):
    """The incident already has a plan: another execution planned it at the same moment."""


class LockHeld(FirstlineError):
    """A host, service or release is being remediated by another incident; the message says which."""


class QuarantineUnavailable(FirstlineError):
    """An unreadable delivery could not be put into the quarantine queue; the sender should try again."""


class ConfirmationFailed(FirstlineError):
    """SNS did not accept the confirmation of a subscription; SNS will ask for it again."""


class ExecutionsUnavailable(FirstlineError):
    """Step Functions refused to start or signal an execution; the reconcile function does it later, from the table."""


class ApprovalRefused(FirstlineError):
    """A person's decision on a plan does not count; the message tells the person why, and what to do instead."""


class NotEntitled(ApprovalRefused):
    """A person's link or session is not valid here, or the person's role does not allow the action."""


class Superseded(ApprovalRefused):
    """The plan was decided already, or a newer plan has replaced it."""


class TooLate(ApprovalRefused):
    """The time to decide is over, or the incident is closed."""


class NotNow(ApprovalRefused):
    """The approved plan may not begin now and can be approved again later; the message says what stands in its way."""


class OperationRefused(FirstlineError):
    """A person's action on an incident has no effect; the message tells the person why, and what to do instead."""


class DoneAlready(OperationRefused):
    """The action was done before, by the person or by somebody else; the message says by whom."""


class NotPermitted(OperationRefused):
    """The person is on no list, or the person's role does not allow the action."""


class UnknownIncident(OperationRefused):
    """The table has no incident of that id, or no longer has it."""


class FeedbackRefused(FirstlineError):
    """Feedback or a note on an incident cannot be stored; the message tells the person why."""


class NoPlan(FirstlineError):
    """No remediation may run; the message tells people why.

    `decision` is the policy's decision, `none` if the policy was not asked.
    """

    def __init__(self, reason: str, *, decision: Literal["none", "deny", "shadow"] = "none") -> None:
        super().__init__(reason)
        self.decision: Literal["none", "deny", "shadow"] = decision


class ReleasesUnreadable(FirstlineError):
    """The releases in CodeDeploy or AppConfig could not be read; the message says which service failed, and why."""


class DocumentUnreadable(FirstlineError):
    """An SSM document could not be read or differs from the planned one; the message says which."""


class ModelGaveNoVerdict(FirstlineError):
    """The model cannot be asked, is slow, refuses or answers nonsense: rules and history classify the incident instead.

    `usage` counts what the failed call used: nothing by default, None if a question was sent and its cost is unknown.
    `status` is the HTTP status with which the model's server failed, if it told one.
    """

    status: int | None = None

    def __init__(self, reason: str, *, usage: "Usage | EllipsisType | None" = ...) -> None:
        super().__init__(reason)
        self.usage = _no_usage() if usage is ... else usage


class ModelUnavailable(ModelGaveNoVerdict):
    """The model's server is slow, overloaded, broken or unreachable. Only this error opens the circuit breaker.

    `broken` is set after a status of 500 or 501 whose message does not blame the request, although the request's form
    (with a JSON schema, or without) may be the cause; another form is tried then. It is `application` if the answer was
    the server's own error, `something` if it was another, such as a proxy's page, and None after any other failure.
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
    """The model's server refuses the form of the question, with status 400 or 422, or says so with another status.

    `said` is the text of the refusal.
    """

    def __init__(self, reason: str, *, said: str) -> None:
        super().__init__(reason)
        self.said = said


class NoModelKey(ModelGaveNoVerdict):
    """The model's key is not set; the message says how to set it."""


class CircuitOpen(ModelGaveNoVerdict):
    """The circuit breaker is open: the model's server failed repeatedly, so Firstline does not call it for a while."""


class CeilingReached(ModelGaveNoVerdict):
    """The daily limit that the owner set for the model's use is reached."""


class DeliveryError(FirstlineError):
    """A message could not be delivered."""


class ChannelFailed(DeliveryError):
    """One channel refused a message or could not be reached. `retryable` says whether trying again can help.

    `retry_after` is the number of seconds that the channel asked to wait before the next try, or None.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.retry_after = retry_after


class NobodySubscribed(ChannelFailed):
    """A page was published to the page topic, which has no confirmed subscription, so it reached nobody."""


class CanaryLost(FirstlineError):
    """The canary, Firstline's own test alert, was not accepted, or was not paged in time."""


class PageUndelivered(DeliveryError):
    """No channel of an escalation level took the page."""


class PageUnheard(PageUndelivered):
    """No channel took the page, and nobody is subscribed to the page topic, so publishing there again cannot help.

    The state machine catches this error by its name.
    """


def _no_usage() -> "Usage":
    from firstline.models import Usage  # imported late: a command at the terminal that raises none needs no models

    return Usage()
