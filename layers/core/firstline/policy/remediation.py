"""The remediation policy in `runbooks/policy/remediation.yaml`, which limits all runbooks together.

It says how many hosts remediations may touch at a time, when nothing may change, and which history a runbook needs
before the report suggests a freer mode.
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
    """A recurring time in which remediations may change nothing. Runbooks that only read still run."""

    reason: Reason
    environments: Patterns = ()

    def holds(self, now: datetime, environments: Sequence[str]) -> bool:
        """Return True if the freeze is active and is for one of these environments, or for all environments."""
        named = any(pattern.fits(self.environments, name) for name in environments)
        return (named or not self.environments) and self.on(now)


class Fleet(Frozen):
    """The limit for the hosts that all remediations touch at a time: the smaller of `max_hosts` and `max_percent`.

    The fleet is every managed instance with the stack's tag. `max_percent` of the fleet is rounded up, so one host is
    always allowed.
    """

    max_hosts: int = Field(default=10, ge=1, le=1_000)
    max_percent: Percent = 50

    def allows(self, fleet: int) -> int:
        """Return how many hosts remediations may touch at a time in a fleet of `fleet` hosts."""
        return min(self.max_hosts, share_of(self.max_percent, fleet))


class ToApprove(Frozen):
    """The history after which the report suggests the mode `approve`: the number of plans made in `shadow` mode."""

    shadowed: int = Field(default=5, ge=1)


class ToAuto(Frozen):
    """The history after which the report suggests the mode `auto` for a runbook: the least that it must have.

    `accepted_percent` is the share of people's decisions on its plans that were approvals, `verified_percent` the share
    of its acting runs (those that did more than read) that helped.
    """

    run: int = Field(default=10, ge=1)
    accepted_percent: Percent = 95
    verified_percent: Percent = 95


class Autonomy(Frozen):
    """The history after which the report suggests a runbook's next mode. A person still has to set the mode."""

    to_approve: ToApprove = ToApprove()
    to_auto: ToAuto = ToAuto()


class RemediationPolicy(Frozen):
    """The whole file remediation.yaml: the limit of hosts, freezes, the history that modes need, and who must approve.

    Each key may be left out; without any key there are no freezes, and one person must approve.
    """

    fleet: Fleet = Fleet()
    freezes: list[Freeze] = Field(default=[], max_length=200)
    autonomy: Autonomy = Autonomy()
    approvals: dict[Literal["read_only", "safe", "disruptive", "destructive"], Literal[1, 2]] = Field(default={})
    """The number of different people who must approve, by the runbook's risk; 1 for a risk that is left out."""

    def freeze_at(self, now: datetime, *environments: str) -> Freeze | None:
        """Return the first freeze that is active now for one of the environments, or None.

        Blank names are ignored. Without any name, only a freeze for all environments counts.
        """
        names = [name.strip() for name in environments if name.strip()]
        return next((freeze for freeze in self.freezes if freeze.holds(now, names)), None)


def share_of(percent: int, fleet: int) -> int:
    """Return a percentage of a fleet as a number of hosts, rounded up and at least one."""
    return max(1, -(-fleet * percent // 100))


def load_remediation_policy(path: Path) -> RemediationPolicy:
    """Read and check the remediation policy.

    Raises
    ------
    ConfigurationError
        The file is missing or invalid; the message names the key, its line and the fix.
    """
    return load_policy(path, RemediationPolicy, missing="to use the defaults, create it with `fleet: {}`")
