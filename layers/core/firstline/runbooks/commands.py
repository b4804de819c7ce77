"""The commands of a runbook, and how each runs: steps, documents of the owner, verification and rollback."""

import re
from datetime import timedelta
from functools import cached_property
from math import ceil
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen
from firstline.policy.durations import Duration, between
from firstline.runbooks.fields import Id, ParameterName, StepTimeout, not_of_aws, number

type OnFailure = Literal["stop", "continue"]

VERIFY = "verify"
"""The step id of a runbook's verification; no other step may have it."""

SCRIPT_END = "FIRSTLINE_SCRIPT"
"""The line that ends a script where it runs as another user."""

KILL_AFTER = timedelta(seconds=5)
"""The time between the request to end and the kill of a verification that outlives its time-out before an act."""

_VARIABLE = re.compile(r"\$\{?[#!]?SSM_([A-Za-z0-9_]*)")


def _script(text: str) -> str:
    if "{{" in text:
        raise ValueError(
            "'{{' in a script line would be replaced by Systems Manager, quoting and all; read the parameter as"
            ' "$SSM_name"'
        )
    if SCRIPT_END in text:
        raise ValueError(f"the script contains {SCRIPT_END}, which marks the end of a script; use another word")
    if not text.strip():
        raise ValueError("the script is empty; write at least one command")
    if "\r" in text or "\0" in text:
        raise ValueError("the script contains a carriage return or a NUL; save the file with Unix line ends")
    return text


type Script = Annotated[str, AfterValidator(_script), StringConstraints(max_length=16_000)]
"""Bash, run with `set -euo pipefail`. Parameters are read as `"$SSM_name"`."""

type User = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


class Accepted(Frozen):
    """A danger that the linter warns of, and why it is accepted here: `{danger: remove-variable, because: …}`."""

    danger: Id
    because: Annotated[str, StringConstraints(min_length=15, max_length=300)]


class Command(Frozen):
    """A script and how it runs: as `nobody`, through `runuser`, unless `run_as` says another user.

    `run_as: root` needs a `because`: what the script does that nobody else may do.
    """

    run: Script
    run_as: User = "nobody"
    because: Annotated[str, StringConstraints(min_length=15, max_length=300)] | None = None
    reads_journal: bool = False
    """True if the user is given the group systemd-journal, which may read all logs of the journal and change none."""
    timeout: StepTimeout = timedelta(seconds=60)
    accept: list[Accepted] = Field(default=[], max_length=10)

    @model_validator(mode="after")
    def _says_why_root(self) -> Self:
        if self.run_as == "root" and self.because is None:
            raise ValueError("it runs as root and does not say why; add because: …, or leave out run_as (nobody)")
        if self.run_as != "root" and self.because is not None:
            raise ValueError(f"because says why a script runs as root, and this one runs as {self.run_as}; remove it")
        if self.run_as == "root" and self.reads_journal:
            raise ValueError("root reads the journal anyway; remove reads_journal, or rather run_as: root")
        return self

    @cached_property
    def variables(self) -> list[str]:
        """The parameters that the script reads, sorted."""
        return sorted(set(_VARIABLE.findall(self.run)))


class Step(Command):
    """One command of a runbook, which only looks (diagnose) or changes something (act)."""

    id: Annotated[Id, StringConstraints(max_length=30)]
    kind: Literal["diagnose", "act"]
    on_failure: OnFailure = "stop"
    requires: Script | None = None
    """A precondition of an act, run right before it by the same user. If it does not exit with 0, nothing is done and
    the step fails."""

    @cached_property
    def variables(self) -> list[str]:
        """The parameters that the step's scripts read, sorted."""
        return sorted(set(_VARIABLE.findall(f"{self.run}\n{self.requires or ''}")))

    @model_validator(mode="after")
    def _only_acts_require(self) -> Self:
        if self.requires and self.kind != "act":
            raise ValueError("a step that only looks needs no precondition; drop requires, or say kind: act")
        return self


class DocumentStep(Frozen):
    """A document of the stack's owner, sent as it is. It counts as an act: only the owner knows what it does.

    The version is pinned, because Systems Manager never changes one. `parameters` maps the document's parameters to the
    runbook's. `verify` and preconditions cannot be added to the owner's document, so it is sent even if `verify` holds
    already. The stack waits for it until `timeout`.

    The stack sends only documents that its parameter OwnDocumentArns lists.
    """

    id: Annotated[Id, StringConstraints(max_length=30)]
    kind: Literal["ssm_document"]
    document: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{3,128}$"), AfterValidator(not_of_aws)]
    version: Annotated[str, BeforeValidator(number), StringConstraints(pattern=r"^[1-9][0-9]{0,9}$")]
    parameters: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")], ParameterName] = Field(
        default={}
    )
    timeout: StepTimeout = timedelta(seconds=60)
    on_failure: OnFailure = "stop"


class Verify(Command):
    """The command that exits with 0 once the host has recovered. It is tried each `every`, for `within`."""

    within: Annotated[Duration, between(timedelta(seconds=1), timedelta(hours=6))]
    every: Annotated[Duration, between(timedelta(seconds=1), timedelta(hours=1))] = timedelta(seconds=30)

    @property
    def attempts(self) -> int:
        """The number of tries that fit into `within`, at least one."""
        return max(1, ceil(self.within / self.every))

    @model_validator(mode="after")
    def _few_enough(self) -> Self:
        if self.attempts > 20:
            raise ValueError(f"{self.attempts} tries fit into it, and 20 is the limit; raise every or lower within")
        return self


class RollbackStep(Command):
    """One command that takes back what the steps did.

    If one fails, the others are still tried unless it says `on_failure: stop`.
    """

    id: Annotated[Id, StringConstraints(max_length=30)]
    on_failure: OnFailure = "continue"
