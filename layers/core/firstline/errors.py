"""What can go wrong, by name. Leaf class names are the names that the state machine catches."""

from typing import Literal

from firstline.models import Usage


class FirstlineError(Exception):
    """Root of everything that Firstline raises on purpose."""


class SourceError(FirstlineError):
    """Something is wrong with what a sender sent."""


class UnknownSource(SourceError):
    """No source of that name is registered."""


class Unauthenticated(SourceError):
    """The sender could not prove who it is."""


class UnreadablePayload(SourceError):
    """An authenticated body makes no sense to its source; the message says why."""


class CertificateUnavailable(SourceError):
    """The certificate that a signature is checked with could not be fetched; the sender should try again."""


class ConfigurationError(FirstlineError):
    """A setting, secret, runbook or policy of the stack's owner is wrong; the message says which and how to mend it."""


class HistoryUnavailable(FirstlineError):
    """The table could not be read or written; the sender should try again."""


class GroupChanged(FirstlineError):
    """Somebody else wrote the group first: read it and fold again."""


class RateLimited(FirstlineError):
    """Too many incidents began within this minute. `alert_name` is None when the limit over all of them was met."""

    def __init__(self, limit: str, *, alert_name: str | None) -> None:
        super().__init__(limit)
        self.limit = limit
        self.alert_name = alert_name


class MetricsUnavailable(FirstlineError):
    """An alarm's metric could not be read; the verdict does without it."""


class RemediationContended(FirstlineError):
    """Another remediation was planned or ended at the same moment: look again at what runs, and decide again."""


class AlreadyPlanned(FirstlineError):
    """The incident has a plan already: somebody else planned it at the same moment."""


class LockHeld(FirstlineError):
    """A host or service is being remediated by another incident; the message says which and by whom."""


class QuarantineUnavailable(FirstlineError):
    """What could not be read could not be kept either; the sender should try again."""


class ConfirmationFailed(FirstlineError):
    """SNS did not accept the confirmation of a subscription; it will ask again."""


class ExecutionsUnavailable(FirstlineError):
    """Step Functions did not take a start or a signal; the table knows what is left to do, and reconcile does it."""


class ApprovalRefused(FirstlineError):
    """A yes or no that does not count; the message tells the person why, and what to do instead."""


class NotEntitled(ApprovalRefused):
    """The link is not one that Firstline signed for this incident, or the person is no approver."""


class Superseded(ApprovalRefused):
    """Something came first: another decision, the same person's, or another plan."""


class TooLate(ApprovalRefused):
    """The time to decide is over, or the incident is."""


class FeedbackRefused(FirstlineError):
    """A word or a note on an incident that cannot be kept; the message tells the person why."""


class NoPlan(FirstlineError):
    """There is nothing to be run; the message says why, in words for people.

    `decision` is what the policy said, or none where it was not asked.
    """

    def __init__(self, reason: str, *, decision: Literal["none", "deny", "shadow"] = "none") -> None:
        super().__init__(reason)
        self.decision: Literal["none", "deny", "shadow"] = decision


class ReleasesUnreadable(FirstlineError):
    """CodeDeploy or AppConfig does not say what was released; the message says which, and why."""


class DocumentUnreadable(FirstlineError):
    """An SSM document could not be read, or is another one than the plan was made for; the message says which."""


class ModelGaveNoVerdict(FirstlineError):
    """The LLM is off, slow, refusing or wrong: rules and history decide.

    `usage` is what it cost all the same; None when a question went out and nobody knows what became of it.
    """

    def __init__(self, reason: str, *, usage: Usage | None = Usage()) -> None:  # noqa: B008 - it is immutable
        super().__init__(reason)
        self.usage = usage

    @property
    def tokens(self) -> int:
        """How many tokens are known to have been spent on it."""
        return self.usage.tokens if self.usage else 0


class ModelUnavailable(ModelGaveNoVerdict):
    """The model's server is slow, overloaded, broken or not there. This, and nothing else, opens its circuit."""


class QuestionRefused(ModelGaveNoVerdict):
    """The server does not take a question of this form (400, 422). `said` is its message."""

    def __init__(self, reason: str, *, said: str) -> None:
        super().__init__(reason)
        self.said = said


class CircuitOpen(ModelGaveNoVerdict):
    """The model's server failed again and again a moment ago, and is left alone for a while."""


class CeilingReached(ModelGaveNoVerdict):
    """What the owner lets the model cost in a day is spent."""


class DeliveryError(FirstlineError):
    """A message reached nobody."""


class ChannelFailed(DeliveryError):
    """One channel refused or could not be reached. `retryable` says whether trying again can help."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class PageUndelivered(DeliveryError):
    """No channel of an escalation level took the page."""
