"""The commands of a runbook, and how each runs: steps, documents of the owner, verification and rollback."""

import re
from datetime import timedelta
from functools import cached_property
from math import ceil
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen
from firstline.policy.durations import Duration, between
from firstline.runbooks.fields import Id, ParameterName, StepTimeout, not_of_aws, number_as_text

type OnFailure = Literal["stop", "continue"]

VERIFY = "verify"
"""The step id of a runbook's verification; no other step may have it."""

SCRIPT_END = "FIRSTLINE_SCRIPT"
"""The here-document delimiter of scripts in SSM documents: no script of a runbook may contain this word."""

KILL_AFTER = timedelta(seconds=5)
"""The time that a verification at the start of an act's document gets between SIGTERM, at its time-out, and SIGKILL."""

_VARIABLE = re.compile(r"\$\{?[#!]?SSM_([A-Za-z0-9_]*)")


def _script(text: str) -> str:
    if "{{" in text:
        raise ValueError(
            "the script contains '{{', which Systems Manager would replace before a shell could quote it; "
            'read the parameter as "$SSM_<name>"'
        )
    if SCRIPT_END in text:
        raise ValueError(f"the script contains {SCRIPT_END}, which marks the end of a script; use another word")
    if not text.strip():
        raise ValueError("the script is empty; write at least one command")
    if "\r" in text or "\0" in text:
        raise ValueError("the script contains a carriage return or a NUL; save the file with Unix line ends")
    return text


type Script = Annotated[str, AfterValidator(_script), StringConstraints(max_length=16_000)]
"""Bash code that runs with `set -euo pipefail` and reads a parameter as `"$SSM_name"`."""

type User = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]


class Accepted(Frozen):
    """A danger that `firstline runbooks check` finds in a script, and why the author accepts the danger.

    In a runbook: `{danger: remove-variable, because: …}`.
    """

    danger: Id
    because: Annotated[str, StringConstraints(min_length=15, max_length=300)]


class Command(Frozen):
    """A script with its user and its time-out. The user is `nobody` unless `run_as` names another.

    `run_as: root` needs a `because`: what the script does that only root may do.
    """

    run: Script
    run_as: User = "nobody"
    because: Annotated[str, StringConstraints(min_length=15, max_length=300)] | None = None
    reads_journal: bool = False
    """True if the script also gets the group systemd-journal, which may read all of the journal and change nothing."""
    timeout: StepTimeout = timedelta(seconds=60)
    accept: list[Accepted] = Field(default=[], max_length=10)

    @model_validator(mode="after")
    def _says_why_root(self) -> Self:
        if self.run_as == "root" and self.because is None:
            raise ValueError(
                "the script runs as root without a reason; add `because: …`, or remove `run_as` to run it as nobody"
            )
        if self.run_as != "root" and self.because is not None:
            raise ValueError(
                f"`because` says why a script runs as root, and this script runs as {self.run_as}; remove `because`"
            )
        if self.run_as == "root" and self.reads_journal:
            raise ValueError(
                "root can read the journal without `reads_journal`; remove `reads_journal`, or `run_as: root`"
            )
        return self

    @cached_property
    def variables(self) -> list[str]:
        """The names of the parameters that the script reads, sorted."""
        return sorted(set(_VARIABLE.findall(self.run)))


class Step(Command):
    """A command of a runbook that only looks (diagnose) or that changes something (act)."""

    id: Annotated[Id, StringConstraints(max_length=30)]
    kind: Literal["diagnose", "act"]
    on_failure: OnFailure = "stop"
    requires: Script | None = None
    """A precondition of an act: a script that the same user runs right before the act. If the script does not exit
    with 0, the act does not run and the step fails."""

    @cached_property
    def variables(self) -> list[str]:
        """The names of the parameters that the step's scripts read, sorted."""
        return sorted(set(_VARIABLE.findall(f"{self.run}\n{self.requires or ''}")))

    @model_validator(mode="after")
    def _only_acts_require(self) -> Self:
        if self.requires and self.kind != "act":
            raise ValueError("a step of kind diagnose needs no precondition; remove `requires`, or write `kind: act`")
        return self


class DocumentStep(Frozen):
    """A step that sends an SSM document of the stack's owner unchanged. The step counts as an act.

    `version` is one version of the document, which Systems Manager never changes. `parameters` maps the document's
    parameters to the runbook's. Firstline cannot add `verify` or a precondition to the document, so the document is
    sent even if the host has recovered already. The stack waits for the command up to `timeout`.

    The stack sends only documents that its parameter OwnDocumentArns lists.
    """

    id: Annotated[Id, StringConstraints(max_length=30)]
    kind: Literal["ssm_document"]
    document: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{3,128}$"), AfterValidator(not_of_aws)]
    version: Annotated[str, BeforeValidator(number_as_text), StringConstraints(pattern=r"^[1-9][0-9]{0,9}$")]
    parameters: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,64}$")], ParameterName] = Field(
        default={}
    )
    timeout: StepTimeout = timedelta(seconds=60)
    on_failure: OnFailure = "stop"


class Verify(Command):
    """A command that exits with 0 once the host has recovered, and is tried every `every`, for up to `within`."""

    within: Annotated[Duration, between(timedelta(seconds=1), timedelta(hours=6))]
    every: Annotated[Duration, between(timedelta(seconds=1), timedelta(hours=1))] = timedelta(seconds=30)

    @property
    def attempts(self) -> int:
        """The number of tries, one per `every`, that fit into `within`; at least one."""
        return max(1, ceil(self.within / self.every))

    @model_validator(mode="after")
    def _few_enough(self) -> Self:
        if self.attempts > 20:
            raise ValueError(
                f"{self.attempts} tries, one per `every`, fit into `within`, and 20 is the limit; "
                "raise `every` or lower `within`"
            )
        return self


class RollbackStep(Command):
    """A command that undoes what the runbook's steps changed.

    If a rollback command fails, the later ones still run, unless the failed one says `on_failure: stop`.
    """

    id: Annotated[Id, StringConstraints(max_length=30)]
    on_failure: OnFailure = "continue"
