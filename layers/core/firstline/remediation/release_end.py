"""The result of an attempt to take a release back, from the output of the state machine that made the attempt."""

from typing import Any, NamedTuple

from pydantic import BaseModel

from firstline.contracts import Observed
from firstline.models import PlannedRelease
from firstline.models.plan import RUN_SUCCEEDED

_SUCCESS = {"codedeploy": {"Succeeded"}, "appconfig": {"COMPLETE", "BAKING"}}
_STOPPED = {"ROLLED_BACK", "REVERTED"}


class ReleaseRead(BaseModel):
    """The output of the state machine that takes a release back.

    `deployment` is the newest deployment that the machine knows, `running` is true if it is still in progress, and
    `seen` is its last status. `touched` is true if a request of the machine may have changed something, and `lost` if
    the request to put the earlier release back was never answered. `failed` is the state that failed for good.
    """

    deployment: str | None
    running: bool
    lost: bool
    touched: bool
    failed: Observed | None
    seen: dict[str, Any] | None

    @property
    def is_throttled(self) -> bool:
        """True if the request was throttled under an error name that no Retry of the machine matches."""
        error = self.failed.error if self.failed and self.failed.state.startswith("Roll Back") else None
        return error is not None and "Rate exceeded" in error.cause and "ThrottlingException" not in error.name

    @property
    def unread(self) -> Observed | None:
        """The failed state of the machine if it reads a deployment, which may still be in progress; else None."""
        return self.failed if self.failed and self.failed.state.startswith("Read") else None


class ReleaseEnd(NamedTuple):
    """The end of a step that takes a release back: its status, a text, and the deployment's id, `none` or `unknown`."""

    status: str
    output: str
    deployment: str


def end_of_release(step: PlannedRelease, read: ReleaseRead) -> ReleaseEnd:
    """Return how an attempt to take a release back ended, by the output `read` of the state machine that made it."""
    if read.failed is not None:
        return _failed(step, read, read.failed)
    if read.seen is not None:
        return ReleaseEnd(_status(step, read, read.seen), _words(read.seen), read.deployment or "unknown")
    if read.lost:
        return ReleaseEnd(
            "Unknown: no answer", f"The answer to the request was lost{_after_lost_answer(read)}", "unknown"
        )
    if read.deployment is None:
        return ReleaseEnd("Not sent: unread", "The present deployment could not be read before the request.", "none")
    if read.running:
        return ReleaseEnd("Not sent: still in progress", f"Deployment {read.deployment} is in progress.", "none")
    return ReleaseEnd("Not sent: newer release", f"Deployment {read.deployment} is newer than the plan.", "none")


def _failed(step: PlannedRelease, read: ReleaseRead, failed: Observed) -> ReleaseEnd:
    name, cause = (failed.error.name, failed.error.cause) if failed.error else ("no error", "")
    match failed.state.split(" ")[0]:
        case "Stop":
            return ReleaseEnd(f"Not stopped: {name}", cause, step.latest)
        case "Read":
            return ReleaseEnd("Unknown: unread", cause, read.deployment or "unknown")
        case _:
            return ReleaseEnd(f"Not sent: {name}", cause, "none")


def _status(step: PlannedRelease, read: ReleaseRead, seen: dict[str, Any]) -> str:
    status = str(seen["Status"])
    if step.through == "appconfig" and step.stop:
        good = _STOPPED
    elif seen.get("Description") != step.marker:
        return "Unknown: not ours"
    else:
        good = _SUCCESS[step.through]
    if read.running:
        return "Goes on: did not end in time"
    return RUN_SUCCEEDED if status in good else status


def _words(seen: dict[str, Any]) -> str:
    if "PercentageComplete" in seen:
        return f"{seen['Status']}, with {seen['PercentageComplete']:g} % of the clients"
    return ": ".join(seen[name] for name in ("Code", "Message") if name in seen)


def _after_lost_answer(read: ReleaseRead) -> str:
    if read.deployment is None:
        return ", and the present deployment could not be read. The new one may have begun."
    return ". No new deployment was seen after it; it may still begin."
