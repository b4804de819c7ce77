"""A runbook: what it is for, what it may do, how it knows that it worked. One YAML file each.

Everything that can be wrong with one is found when it is read, not when a host burns.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cached_property
from math import ceil
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen
from firstline.policy.durations import Duration, between
from firstline.runbooks.examples import Examples
from firstline.runbooks.fields import (
    Id,
    ParameterName,
    Share,
    StepTimeout,
    not_none,
    not_of_aws,
    number,
)
from firstline.runbooks.parameters import Parameter
from firstline.runbooks.release_steps import AppConfigRollback, CodeDeployRollback, ReleaseStep

type Mode = Literal["off", "shadow", "approve", "auto"]

MODES: tuple[Mode, ...] = ("off", "shadow", "approve", "auto")
"""From the most careful on."""

type Risk = Literal["read_only", "safe", "disruptive", "destructive"]

type EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""An environment as stacks and alerts name it, in lower case; `default` stands for every other."""

type OnFailure = Literal["stop", "continue"]

type TargetRule = Literal["host", "hosts"]
"""`host`: the one host of the incident; with several, a value of one alert could hit another alert's host, so nothing
runs. `hosts`: every host of the incident, up to the limit."""

type Platform = Literal["ec2", "hybrid", "windows"]
"""Where the steps work: on EC2 instances, on hybrid nodes (`mi-…`), on both. On Linux, unless it says `windows`."""

VERIFY = "verify"
"""The step id of a runbook's verification; no other step may have it."""

SCRIPT_END = "FIRSTLINE_SCRIPT"
"""The line that ends a script where it runs as another user."""

KILL_AFTER = timedelta(seconds=5)
"""A verification before an act that does not end in its time is asked to, and killed after this."""

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


class Match(Frozen):
    """Which alerts a runbook is for. Name or words must fit, and every other condition that is given.

    `alerts` are compared without case, spaces and punctuation (`low-disk` is `LowDisk`), and `*` stands for anything.
    `words` are phrases looked for in the alert's message. `labels` must be there; their values may hold `*` too.
    """

    alerts: list[Annotated[str, StringConstraints(min_length=1, max_length=256)]] = Field(default=[])
    words: list[Annotated[str, StringConstraints(min_length=3, max_length=100)]] = Field(default=[])
    sources: list[str] = Field(default=[])
    labels: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.alerts and not self.words:
            raise ValueError("nothing to match on; give alert names (alerts) or phrases of the message (words)")
        for name in self.alerts:
            if not any(character.isalnum() for character in name):
                raise ValueError(f"{name!r} would fit every alert; name the alerts that this runbook is for")
        for phrase in self.words:
            if not any(character.isalnum() for character in phrase):
                raise ValueError(f"{phrase!r} holds no word; write a phrase of the message")
        return self


class RunbookLimits(Frozen):
    """How often, and how widely: per host, per hour and per day over all hosts, hosts at once.

    `max_percent` is a share of the fleet, beside the one that `policy/remediation.yaml` sets for all runbooks together.
    Of the hosts of one plan, an act reaches `max_concurrency` at a time, and no further one after `max_errors`
    failures: with 1 and 0, the first host is the canary.
    """

    cooldown: Annotated[Duration, between(timedelta(minutes=1), timedelta(days=7))]
    per_hour: int = Field(ge=1, le=1_000)
    per_day: int = Field(default=50, ge=1, le=1_000)
    max_hosts: int = Field(default=1, ge=1, le=50)
    max_percent: int = Field(default=100, ge=1, le=100)
    max_concurrency: Annotated[Share, AfterValidator(not_none)] = "1"
    max_errors: Share = "0"


class Accepted(Frozen):
    """A shape that the linter warns of, and why it is meant here: `{danger: remove-variable, because: …}`."""

    danger: Id
    because: Annotated[str, StringConstraints(min_length=15, max_length=300)]


class Command(Frozen):
    """A script and how it runs. `run_as` other than root goes through `runuser`."""

    run: Script
    run_as: User = "root"
    timeout: StepTimeout = timedelta(seconds=60)
    accept: list[Accepted] = Field(default=[], max_length=10)

    @cached_property
    def variables(self) -> list[str]:
        """The parameters that the script reads, sorted."""
        return sorted(set(_VARIABLE.findall(self.run)))


class Step(Command):
    """One command of a runbook: it looks (diagnose) or it changes something (act)."""

    id: Annotated[Id, StringConstraints(max_length=30)]
    kind: Literal["diagnose", "act"]
    on_failure: OnFailure = "stop"
    requires: Script | None = None
    """A precondition of an act, run right before it and by the same user. Unless it exits with 0 nothing is done, and
    the step has failed."""

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
    """A document that the stack's owner has already, sent as it is. It counts as an act: only they know what it does.

    The version is pinned, because Systems Manager never changes one. `parameters` says which of the runbook's
    parameters the document gets under which name. Neither `verify` nor a precondition can be put into somebody else's
    document, so it is sent even where `verify` holds already. `timeout` is how long it is waited for.

    The stack sends none of these unless its parameter OwnDocumentArns lists it.
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


type AnyStep = Annotated[Step | DocumentStep | CodeDeployRollback | AppConfigRollback, Field(discriminator="kind")]


class Verify(Command):
    """The command that exits with 0 once the host has recovered. It is tried `every` so often, `within` so long."""

    within: Annotated[Duration, between(timedelta(seconds=1), timedelta(hours=6))]
    every: Annotated[Duration, between(timedelta(seconds=1), timedelta(hours=1))] = timedelta(seconds=30)

    @property
    def attempts(self) -> int:
        """How many tries fit into the window, at least one."""
        return max(1, ceil(self.within / self.every))

    @model_validator(mode="after")
    def _few_enough(self) -> Self:
        if self.attempts > 20:
            raise ValueError(f"{self.attempts} tries fit into it, and 20 is the limit; raise every or lower within")
        return self


class RollbackStep(Command):
    """One command that takes back what the steps did.

    One that fails does not keep the others from being tried, unless it says `on_failure: stop`: what can be undone is.
    """

    id: Annotated[Id, StringConstraints(max_length=30)]
    on_failure: OnFailure = "continue"


class Runbook(Frozen):
    """What an operator would do about one kind of alert, written down so that it can be done without one.

    `mode` is the owner's word: off, shadow (say what would have been done), approve (ask first) or auto; one word, or
    one for each environment with a `default` for all others. `risk` is
    what the worst step can do: read_only, safe (nothing that anybody needs is lost), disruptive (a service blinks) or
    destructive (data is lost; never without approval). `examples` are asked for by `check`, not here: a runbook that
    nobody wrote examples for still runs as it says.
    """

    id: Id
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    match: Match
    examples: Examples = Examples()
    mode: Mode | dict[EnvironmentName, Mode]
    risk: Risk
    target: TargetRule = "host"
    platforms: list[Platform] = Field(default=["ec2"], min_length=1)
    guard_alarm: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,255}$")] | None = None
    """A CloudWatch alarm at whose firing the steps that act are cancelled: of what they could break, not of what they
    are to cure, which is in alarm already."""
    parameters: dict[ParameterName, Parameter] = Field(default={})
    limits: RunbookLimits
    steps: list[AnyStep] = Field(min_length=1, max_length=10)
    verify: Verify | None = None
    resolves_within: Annotated[Duration, between(timedelta(minutes=1), timedelta(hours=6))] | None = None
    """How long the alert is given to resolve after the steps, where there is no verify; a minute when nothing acts."""
    rollback: list[RollbackStep] = Field(default=[], max_length=10)

    def mode_in(self, *environments: str) -> Mode:
        """The mode in an environment; of several names for where this is, the most careful one counts."""
        modes = self.mode
        if isinstance(modes, str):
            return modes
        named = [modes.get(name.strip().casefold(), modes["default"]) for name in environments if name.strip()]
        return min(named or [modes["default"]], key=MODES.index)

    @property
    def is_off(self) -> bool:
        """Whether it may not even be planned, anywhere: then it has no documents either."""
        return set(self.mode.values() if isinstance(self.mode, dict) else [self.mode]) == {"off"}

    @property
    def on_windows(self) -> bool:
        """Whether it is for Windows, and for nothing else."""
        return "windows" in self.platforms

    @property
    def nodes(self) -> set[Platform]:
        """The kinds of nodes that it is for: EC2 instances, hybrid nodes."""
        return {kind for kind in self.platforms if kind != "windows"} or {"ec2"}

    @property
    def releases(self) -> list[ReleaseStep]:
        """The steps that take a release back; a runbook has only these, or none."""
        return [step for step in self.steps if isinstance(step, ReleaseStep)]

    def commands(self) -> Iterator[tuple[str, Command]]:
        """Every command with the id that its SSM document is named after; the owner's documents are not among them."""
        for step in self.steps:
            if isinstance(step, Step):
                yield step.id, step
        if self.verify:
            yield VERIFY, self.verify
        for undo in self.rollback:
            yield undo.id, undo

    def verified_first(self, command: Command) -> bool:
        """Whether a command's document begins with the verification, and does nothing where that holds already."""
        return self.verify is not None and isinstance(command, Step) and command.kind == "act"

    def parameters_of(self, command: Command) -> list[str]:
        """The parameters that a command's document takes, sorted: its own, and those of a verification before it."""
        before = self.verify.variables if self.verify and self.verified_first(command) else []
        return sorted({*command.variables, *before})

    def timeout_of(self, command: Command | DocumentStep | ReleaseStep) -> timedelta:
        """How long a step may take; a command's document, with a verification before it."""
        if isinstance(command, DocumentStep | ReleaseStep):
            return command.timeout
        before = self.verify.timeout + KILL_AFTER if self.verify and self.verified_first(command) else timedelta()
        return command.timeout + before

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if isinstance(self.mode, dict) and "default" not in self.mode:
            raise ValueError("mode names environments but no default; add default: shadow, for all the others")
        self._acts_and_looks()
        self._ids_differ()
        self._parameters_are_read()
        return self

    def _acts_and_looks(self) -> None:
        """Refuse a runbook that acts without saying so, or without a way to tell whether that helped."""
        acts = any(step.kind != "diagnose" for step in self.steps)
        if self.releases:
            self._released_whole()
        elif self.on_windows:
            self._windows_whole()
        elif acts and not self.verify:
            raise ValueError("it acts but never looks whether that helped; add a verify with run and within")
        if self.verify and self.resolves_within:
            raise ValueError("verify says how long recovery may take; drop resolves_within")
        if acts and self.risk == "read_only":
            raise ValueError("it acts, so its risk is not read_only; say safe, disruptive or destructive")

    def _ids_differ(self) -> None:
        """Refuse an id that two steps share, or a step and verify."""
        taken = {VERIFY}
        for step in (*self.steps, *self.rollback):
            if step.id in taken:
                raise ValueError(f"the step id {step.id!r} is taken; each step, and verify, needs its own")
            taken.add(step.id)

    def _parameters_are_read(self) -> None:
        """Refuse a parameter that is read but not declared, or declared but not read."""
        read = [
            (name, f"step {step_id!r} reads $SSM_{name}, but parameters does not declare {name!r}")
            for step_id, command in self.commands()
            for name in command.variables
        ]
        read += [
            (name, f"step {step.id!r} hands over {name!r}, but parameters does not declare it")
            for step in self.steps
            for name in _handed_over(step)
        ]
        for name, undeclared in read:
            if name not in self.parameters:
                raise ValueError(undeclared)
        for name in self.parameters:
            if name not in dict(read):
                raise ValueError(f'parameter {name!r} is read by no step; use "$SSM_{name}" or remove it')

    def _windows_whole(self) -> None:
        """Refuse scripts in a runbook for Windows: they are bash, and bash is not there."""
        if not all(isinstance(step, DocumentStep) for step in self.steps) or self.verify or self.rollback:
            raise ValueError(
                "scripts are bash, which Windows does not run; for it take steps of kind ssm_document only, with"
                " resolves_within in place of verify, and no rollback"
            )
        self._must_say_when_it_resolves()

    def _released_whole(self) -> None:
        """Refuse everything about hosts in a runbook that takes a release back: it has none."""
        if len(self.releases) < len(self.steps):
            raise ValueError("steps that take a release back have no host, the others do; write two runbooks")
        if self.risk not in ("disruptive", "destructive"):
            raise ValueError("taking a release back changes what every user gets; its risk is disruptive or more")
        for name in ("target", "platforms", "guard_alarm", "verify", "rollback"):
            if name in self.model_fields_set:
                raise ValueError(f"{name} is about hosts, and steps that take a release back have none; remove it")
        self._must_say_when_it_resolves()

    def _must_say_when_it_resolves(self) -> None:
        if self.resolves_within is None:
            raise ValueError(
                "it acts but never looks whether that helped; say how long the alert may take to resolve,"
                " as in resolves_within: 10m"
            )


def _handed_over(step: AnyStep) -> Iterable[str]:
    """The runbook's parameters that a step without a script of its own takes."""
    match step:
        case DocumentStep():
            return step.parameters.values()
        case ReleaseStep():
            return step.parameters
    return ()
