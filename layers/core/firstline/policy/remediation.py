"""The remediation policy, which bounds all runbooks together: the file `runbooks/policy/remediation.yaml`.

It says how many hosts remediation may touch at a time, when nothing may change, and what a runbook has to show before
its owner gives it more freedom.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from firstline.models import Frozen
from firstline.policy import pattern
from firstline.policy.files import load_policy
from firstline.policy.match import Patterns
from firstline.policy.schedule import Schedule

type Percent = Annotated[int, Field(ge=1, le=100)]
type Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class Freeze(Schedule):
    """A time in which nothing may be changed. Runbooks that change nothing still run."""

    reason: Reason
    environments: Patterns = ()

    def holds(self, now: datetime, environments: Sequence[str]) -> bool:
        """Return True if the freeze is active and names one of these environments, or names none."""
        named = any(pattern.fits(self.environments, name) for name in environments)
        return (named or not self.environments) and self.on(now)


class Fleet(Frozen):
    """The most hosts that all remediations together may touch at a time; the smaller of the two bounds counts.

    The fleet is every managed instance with the stack's tag. A share is rounded up, so one host is always allowed.
    """

    max_hosts: int = Field(default=10, ge=1, le=1_000)
    max_percent: Percent = 50

    def allows(self, fleet: int) -> int:
        """Return the number of hosts at a time in a fleet of this size."""
        return min(self.max_hosts, share_of(self.max_percent, fleet))


class ToApprove(Frozen):
    """The conditions under which a runbook in shadow may ask people about its plans."""

    shadowed: int = Field(default=5, ge=1)


class ToAuto(Frozen):
    """The conditions under which a runbook that asks may run by itself."""

    run: int = Field(default=10, ge=1)
    accepted_percent: Percent = 95
    verified_percent: Percent = 95


class Autonomy(Frozen):
    """The conditions under which the report suggests a runbook's next mode. A person still has to set it."""

    to_approve: ToApprove = ToApprove()
    to_auto: ToAuto = ToAuto()


class RemediationPolicy(Frozen):
    """The whole file. Keys that are left out have the defaults below."""

    fleet: Fleet = Fleet()
    freezes: list[Freeze] = Field(default=[], max_length=200)
    autonomy: Autonomy = Autonomy()
    approvals: dict[Literal["read_only", "safe", "disruptive", "destructive"], Literal[1, 2]] = Field(default={})
    """The number of different people who must approve, by the runbook's risk; one where nothing is said."""

    def freeze_at(self, now: datetime, *environments: str) -> Freeze | None:
        """Return the first active freeze."""
        names = [name.strip() for name in environments if name.strip()]
        return next((freeze for freeze in self.freezes if freeze.holds(now, names)), None)


def share_of(percent: int, fleet: int) -> int:
    """Return a percentage of a fleet as a number of hosts, rounded up and at least one."""
    return max(1, -(-fleet * percent // 100))


def load_remediation_policy(path: Path) -> RemediationPolicy:
    """Read and check the file. Raises `ConfigurationError`, which names the key and what to write."""
    return load_policy(path, RemediationPolicy, missing="every stack needs a remediation policy")
