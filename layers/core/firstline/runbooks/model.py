"""Models of a runbook: its match, its limits, its steps and its verification. Each runbook is one YAML file.

A mistake in a runbook is found when the file is read, not when the runbook is needed.
"""

from datetime import timedelta
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from firstline.models import Frozen
from firstline.policy.durations import Duration, between
from firstline.runbooks.commands import KILL_AFTER, VERIFY, Command, DocumentStep, RollbackStep, Step, Verify
from firstline.runbooks.examples import Examples
from firstline.runbooks.fields import Id, ParameterName, Share, at_least_one
from firstline.runbooks.metric_match import MetricMatch
from firstline.runbooks.parameters import Parameter
from firstline.runbooks.release_steps import AppConfigRollback, CodeDeployRollback, ReleaseStep

type Mode = Literal["off", "shadow", "approve", "auto"]

MODES: tuple[Mode, ...] = ("off", "shadow", "approve", "auto")
"""All modes, the most careful first."""

type Risk = Literal["read_only", "safe", "disruptive", "destructive"]

RISKS: tuple[Risk, ...] = ("read_only", "safe", "disruptive", "destructive")
"""All risks, the least first."""

type EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""The name of an environment in stacks and alerts, in lower case; `default` stands for every other environment."""

type TargetRule = Literal["host", "hosts"]
"""The hosts that a runbook runs on. `host`: the only host of the incident; if the incident has several hosts, nothing
runs, because a value of one alert could be used on the host of another. `hosts`: every host of the incident, up to the
limit."""

type Platform = Literal["ec2", "hybrid", "windows"]
"""The kind of nodes that a runbook runs on: EC2 instances or hybrid nodes (`mi-…`). Nodes run Linux unless the runbook
lists `windows`."""

LEAST_IN_A_ROW = 3
"""The fewest verified runs in a row that let a runbook run without approval. The state machine requires as many before
a disruptive act."""


class Match(Frozen):
    """The conditions of a runbook that an alert must meet: one of metric, name or message, and every other condition.

    If the alert's sender reports the metric of its rule, `metrics` decide, and the alert's name and message do not
    matter. `alerts` are names, compared without case, spaces and punctuation (`low-disk` is `LowDisk`); `*` stands for
    any text and `?` for one character. `words` are phrases that the alert's message may contain. The alert must have
    all `labels`, whose values are patterns like names, and one of the `sources` if any is given.
    """

    metrics: list[MetricMatch] = Field(default=[])
    alerts: list[Annotated[str, StringConstraints(min_length=1, max_length=256)]] = Field(default=[])
    words: list[Annotated[str, StringConstraints(min_length=3, max_length=100)]] = Field(default=[])
    sources: list[str] = Field(default=[])
    labels: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _is_specific(self) -> Self:
        if not self.metrics and not self.alerts and not self.words:
            raise ValueError(
                "nothing to match on; give `metrics`, `alerts` (alert names) or `words` (phrases of the message)"
            )
        for name in self.alerts:
            if not any(character.isalnum() for character in name):
                raise ValueError(f"{name!r} would fit every alert; name the alerts that this runbook is for")
        for phrase in self.words:
            if not any(character.isalnum() for character in phrase):
                raise ValueError(f"{phrase!r} contains no word; write a phrase of the alert's message")
        return self


class RunbookLimits(Frozen):
    """Limits of a runbook: `cooldown` per host, runs per hour and per day over all hosts, and hosts per run.

    A run has at most `max_hosts` hosts, and at most `max_percent` of the fleet; `policy/remediation.yaml` limits the
    share of the fleet for all runbooks together. An act runs on `max_concurrency` hosts of the plan at a time, and on
    no further host after more than `max_errors` failures. With 1 and 0, a failure on the first host ends the act.
    """

    cooldown: Annotated[Duration, between(timedelta(minutes=1), timedelta(days=7))]
    per_hour: int = Field(ge=1, le=1_000)
    per_day: int = Field(default=50, ge=1, le=1_000)
    max_hosts: int = Field(default=1, ge=1, le=50)
    max_percent: int = Field(default=100, ge=1, le=100)
    max_concurrency: Annotated[Share, AfterValidator(at_least_one)] = "1"
    max_errors: Share = "0"


type AnyStep = Annotated[Step | DocumentStep | CodeDeployRollback | AppConfigRollback, Field(discriminator="kind")]


class Earns(Frozen):
    """The number of verified runs in a row after which a runbook whose mode is `approve` runs without approval.

    A run is verified if an act changed something and the verification then held. After a run that did not help, the
    runbook needs approval again, and the count starts anew.
    """

    auto_after: int = Field(ge=LEAST_IN_A_ROW, le=100)


class Runbook(Frozen):
    """The steps against one kind of alert, which run without an operator.

    `mode` is the owner's decision: off, shadow (say what would have been done), approve (ask first) or auto; one mode,
    or one for each environment with a `default` for all others. `risk` is the worst that a step can do: read_only, safe
    (nothing that anybody needs is lost), disruptive (a service is interrupted) or destructive (data is lost; never
    without approval). `description` is for the people who approve the runbook: what it does, what it never touches,
    when it gives up. A runbook without `description` or `examples` runs, but `firstline runbooks check` refuses it.
    """

    id: Id
    title: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    description: Annotated[str, StringConstraints(max_length=1_000)] = ""
    match: Match
    examples: Examples = Examples()
    mode: Mode | dict[EnvironmentName, Mode]
    risk: Risk
    earns: Earns | None = None
    approvals: Literal[1, 2] = 1
    """The number of different people who must approve a plan of the runbook if the plan needs approval."""
    target: TargetRule = "host"
    platforms: list[Platform] = Field(default=["ec2"], min_length=1)
    guard_alarm: Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,255}$")] | None = None
    """A CloudWatch alarm that cancels the acting steps when it fires. Choose an alarm for damage that the steps could
    do, not the alarm that the runbook is to cure: that one fires already."""
    parameters: dict[ParameterName, Parameter] = Field(default={})
    limits: RunbookLimits
    steps: list[AnyStep] = Field(min_length=1, max_length=10)
    verify: Verify | None = None
    resolves_within: Annotated[Duration, between(timedelta(minutes=1), timedelta(hours=6))] | None = None
    """The time in which the alert must resolve after the steps of a runbook without `verify`; None means a minute."""
    rollback: list[RollbackStep] = Field(default=[], max_length=10)

    def mode_in(self, *environments: str) -> Mode:
        """Return the most careful mode that the runbook has for any of the environments.

        Case does not matter, empty names are ignored, and an environment that `mode` does not list has the default.
        """
        modes = self.mode if isinstance(self.mode, dict) else {"default": self.mode}
        named = [modes.get(name.strip().casefold(), modes["default"]) for name in environments if name.strip()]
        return min(named or [modes["default"]], key=MODES.index)

    @property
    def is_off(self) -> bool:
        """True if the runbook is off in every environment; then it has no SSM documents either."""
        return set(self.mode.values() if isinstance(self.mode, dict) else [self.mode]) == {"off"}

    @property
    def auto_after(self) -> int | None:
        """The number of verified runs in a row after which the runbook runs without approval; None for never."""
        return self.earns.auto_after if self.earns else None

    @cached_property
    def scripts(self) -> str:
        """A digest of all that the runbook may run; if it changes, earlier verified runs no longer earn autonomy."""
        runs = self.model_dump_json(include={"risk", "target", "parameters", "steps", "verify", "rollback"})
        return sha256(runs.encode()).hexdigest()[:16]

    @property
    def needs_record(self) -> bool:
        """True if the runbook needs approval, even in the mode auto, until it earns autonomy or a person promotes it.

        That is so if it may interrupt a service, or sends documents of the owner, which Firstline cannot judge. By
        verified runs (`auto_after`) it earns autonomy, which is to run without approval.
        """
        return self.risk == "disruptive" or any(isinstance(step, DocumentStep) for step in self.steps)

    @property
    def on_windows(self) -> bool:
        """True if the runbook is for Windows and nothing else."""
        return "windows" in self.platforms

    @property
    def nodes(self) -> set[Platform]:
        """The kinds of nodes that the runbook runs on: `ec2`, `hybrid` or both; `ec2` if it lists only `windows`."""
        return {kind for kind in self.platforms if kind != "windows"} or {"ec2"}

    @property
    def releases(self) -> list[ReleaseStep]:
        """The steps that roll a release back. A runbook has only such steps, or none."""
        return [step for step in self.steps if isinstance(step, ReleaseStep)]

    def commands(self) -> list[tuple[str, Command]]:
        """Return the id and the command of every step, of `verify` and of every rollback step that has a script.

        Steps that send the owner's documents or roll a release back have none.
        """
        steps = [(step.id, step) for step in self.steps if isinstance(step, Step)]
        verify = [(VERIFY, self.verify)] if self.verify else []
        return [*steps, *verify, *((undo.id, undo) for undo in self.rollback)]

    def verify_before(self, command: Command) -> Verify | None:
        """Return the verification that runs before an act, and skips the act if it holds; None for other commands."""
        return self.verify if isinstance(command, Step) and command.kind == "act" else None

    def parameters_of(self, command: Command) -> list[str]:
        """Return the sorted names of the parameters that a command, or the verification before it, reads."""
        before = self.verify_before(command)
        return sorted({*command.variables, *(before.variables if before else [])})

    def timeout_of(self, command: Command | DocumentStep | ReleaseStep) -> timedelta:
        """Return the time that a step may take, including the verification before it."""
        before = self.verify_before(command) if isinstance(command, Command) else None
        return command.timeout + (before.timeout + KILL_AFTER if before else timedelta())

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if isinstance(self.mode, dict) and "default" not in self.mode:
            raise ValueError("`mode` names environments but no default; add `default: shadow`, for all the others")
        self._check_earns()
        self._check_acts()
        self._check_ids()
        self._check_parameters()
        return self

    def _check_earns(self) -> None:
        """Refuse `earns` in a runbook that is destructive or has no `verify`."""
        if self.earns and self.risk == "destructive":
            raise ValueError("a destructive runbook always needs the approval of a person; remove `earns`")
        if self.earns and not self.verify:
            raise ValueError(
                "`earns` counts verified runs, and the runbook has no `verify`; add `verify`, or remove `earns`"
            )

    def _check_acts(self) -> None:
        """Refuse a runbook that acts although its risk is read_only, or that does not check whether its act helped."""
        acts = any(step.kind != "diagnose" for step in self.steps)
        if self.releases:
            self._check_releases()
        elif self.on_windows:
            self._check_windows()
        elif acts and not self.verify:
            raise ValueError(
                "the runbook acts but never checks whether that helped; add `verify` with `run` and `within`"
            )
        if (self.releases or self.on_windows) and self.resolves_within is None:
            raise ValueError(
                "the runbook acts but never checks whether that helped; add the time in which the alert must resolve,"
                " as in `resolves_within: 10m`"
            )
        if self.verify and self.resolves_within:
            raise ValueError("`verify` already says how long recovery may take; remove `resolves_within`")
        if acts and self.risk == "read_only":
            raise ValueError("a runbook that acts cannot have `risk: read_only`; write safe, disruptive or destructive")

    def _check_ids(self) -> None:
        """Refuse a runbook in which two steps have the same id, or a step has the id `verify`."""
        taken = {VERIFY}
        for step in (*self.steps, *self.rollback):
            if step.id in taken:
                raise ValueError(f"the step id {step.id!r} is taken by another step or by `verify`; rename the step")
            taken.add(step.id)

    def _check_parameters(self) -> None:
        """Refuse a runbook with a parameter that is read but not declared, or declared but not read."""
        read = [
            (name, f"step {step_id!r} reads $SSM_{name}, but `parameters` does not declare {name!r}")
            for step_id, command in self.commands()
            for name in command.variables
        ]
        read += [
            (name, f"step {step.id!r} uses the parameter {name!r}, but `parameters` does not declare {name!r}")
            for step in self.steps
            if not isinstance(step, Step)
            for name in (step.parameters.values() if isinstance(step, DocumentStep) else step.parameters)
        ]
        for name, undeclared in read:
            if name not in self.parameters:
                raise ValueError(undeclared)
        for name in self.parameters:
            if name not in dict(read):
                raise ValueError(f'parameter {name!r} is read by no step; use "$SSM_{name}" or remove it')

    def _check_windows(self) -> None:
        """Refuse scripts in a runbook for Windows: they are bash, which Windows does not have."""
        if not all(isinstance(step, DocumentStep) for step in self.steps) or self.verify or self.rollback:
            instead = "use only steps of kind ssm_document, `resolves_within` in place of `verify`, and no `rollback`"
            raise ValueError(f"scripts are bash, which Windows does not run; {instead}")

    def _check_releases(self) -> None:
        """Refuse a runbook that rolls a release back if it has keys or steps that need a host, or too low a risk."""
        if len(self.releases) < len(self.steps):
            raise ValueError("steps that roll a release back have no host, the other steps do; write two runbooks")
        if self.risk not in ("disruptive", "destructive"):
            raise ValueError(
                f"`risk: {self.risk}` is too low to roll a release back, which changes what every user gets; "
                "write disruptive or destructive"
            )
        for name in ("target", "platforms", "guard_alarm", "verify", "rollback"):
            if name in self.model_fields_set:
                raise ValueError(
                    f"`{name}` is about hosts, and steps that roll a release back have none; remove `{name}`"
                )
