"""What holds for all runbooks together: the file `runbooks/policy/remediation.yaml`.

How wide remediation may reach at a time, when nothing may change, and what a runbook has to show before its owner gives
it more freedom.
"""

import fnmatch
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from firstline.models import Frozen
from firstline.policy.files import load_policy
from firstline.policy.schedule import Schedule

type Percent = Annotated[int, Field(ge=1, le=100)]
type Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class Freeze(Schedule):
    """A time in which nothing may be changed. Runbooks that only look are not held up."""

    reason: Reason
    environments: list[Annotated[str, StringConstraints(min_length=1)]] = Field(default=[])

    def holds(self, now: datetime, environments: Sequence[str]) -> bool:
        """Whether it is on. Of several names for where this is, any one that the freeze names is enough."""
        if self.environments and not any(
            fnmatch.fnmatchcase(name.casefold(), pattern.casefold())
            for name in environments
            for pattern in self.environments
        ):
            return False
        return self.on(now)


class Fleet(Frozen):
    """How many hosts all remediations together may have in their hands at a time; the smaller of the two counts.

    The fleet is every managed instance with the stack's tag. A share is rounded up, so that one host always may.
    """

    max_hosts: int = Field(default=10, ge=1, le=1_000)
    max_percent: Percent = 50

    def allows(self, fleet: int) -> int:
        """Hosts at a time, in a fleet of this size."""
        return min(self.max_hosts, share_of(self.max_percent, fleet))


class ToApprove(Frozen):
    """What a runbook in shadow must show before people are asked about its plans."""

    shadowed: int = Field(default=5, ge=1)


class ToAuto(Frozen):
    """What a runbook that asks must show before it may run by itself."""

    run: int = Field(default=10, ge=1)
    accepted_percent: Percent = 95
    verified_percent: Percent = 95


class Autonomy(Frozen):
    """When the report says that a runbook has earned its next mode. A person still has to give it."""

    to_approve: ToApprove = ToApprove()
    to_auto: ToAuto = ToAuto()


class RemediationPolicy(Frozen):
    """The whole file. What is left out has the defaults below."""

    fleet: Fleet = Fleet()
    freezes: list[Freeze] = Field(default=[], max_length=200)
    autonomy: Autonomy = Autonomy()

    def freeze_at(self, now: datetime, *environments: str) -> Freeze | None:
        """The first freeze that is on."""
        names = [name.strip() for name in environments if name.strip()]
        return next((freeze for freeze in self.freezes if freeze.holds(now, names)), None)


def share_of(percent: int, fleet: int) -> int:
    """So many hosts of a fleet, rounded up and at least one."""
    return max(1, -(-fleet * percent // 100))


def load_remediation_policy(path: Path) -> RemediationPolicy:
    """Read and check the file. Raises `ConfigurationError`, which names the key and what to write."""
    return load_policy(path, RemediationPolicy, missing="every stack needs a remediation policy")
