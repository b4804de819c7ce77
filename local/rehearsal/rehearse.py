"""Runbooks rehearsed: each really run, step by step, on a throw-away host that has the fault.

A scenario is a small shell file, `local/scenarios/<runbook>/<name>.sh`. Its first line says what is broken. The
function `plant` breaks it, with the rights that a runbook's commands have; `mounts`, called after it, may also mount.
`after` says what must be true in the end; it reads what a step printed as `$output_<step>`, with underscores. The name
begins with how it must end: `cured`, `not-cured` (and then: undone) or `evidence`, for runbooks that only look. A line
`# with: name=value ...` sets parameters, within the runbook's own patterns.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from firstline.errors import ConfigurationError
from firstline.runbooks.documents import render_document_script
from firstline.runbooks.model import VERIFY, Command, Runbook, Step
from local.emulator.hosts import Host, ScriptResult

SCENARIOS = Path(__file__).with_name("scenarios")

type Ending = Literal["cured", "not cured", "evidence"]
type When = Literal["before", "step", "verify", "rollback"]

_WITH = re.compile(r"^# with: (.+)$", re.MULTILINE)
_PLANT_SECONDS = 60.0


@dataclass(frozen=True)
class Scenario:
    """A fault that can be planted on a host, and how a runbook must end there."""

    runbook_id: str
    name: str
    story: str
    script: str
    ending: Ending
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Tried:
    """One command of a runbook, as it went. `before` is the verify that shows that the fault is there."""

    step_id: str
    when: When
    ran: ScriptResult
    seconds: float

    @property
    def succeeded(self) -> bool:
        return self.ran.executed and self.ran.exit_code == 0


@dataclass
class Rehearsal:
    """Everything that was run, in order, and how it ended. `after` is what the scenario found in the end."""

    tried: list[Tried] = field(default_factory=list)
    ending: Ending = "not cured"
    after: ScriptResult | None = None

    def of(self, when: When) -> list[Tried]:
        """The commands of one phase."""
        return [one for one in self.tried if one.when == when]


class FaultNotPlanted(Exception):
    """A scenario could not break the host: nothing was tried."""


def scenarios(runbook_id: str, folder: Path = SCENARIOS) -> list[Scenario]:
    """The scenarios of a runbook, the cures first.

    Raises
    ------
    ConfigurationError
        A file's name does not say how it must end.
    """
    found = [_read(path) for path in sorted((folder / runbook_id).glob("*.sh"))]
    return sorted(found, key=lambda scenario: (scenario.ending == "not cured", scenario.name))


def _read(path: Path) -> Scenario:
    ending: Ending
    match path.stem.split("-"):
        case ["cured", *_]:
            ending = "cured"
        case ["not", "cured", *_]:
            ending = "not cured"
        case ["evidence", *_]:
            ending = "evidence"
        case _:
            raise ConfigurationError(f"{path}: the name says how it ends; begin it with cured, not-cured or evidence")
    text = path.read_text(encoding="utf-8")
    wanted = _WITH.search(text)
    settings = dict(pair.split("=", 1) for pair in wanted[1].split()) if wanted else {}
    story = text.partition("\n")[0].removeprefix("# ")
    return Scenario(path.parent.name, path.stem, story, text, ending, settings)


def rehearse(
    runbook: Runbook,
    values: Mapping[str, str],
    host: Host,
    *,
    scenario: Scenario | None = None,
    most_attempts: int = 20,
    longest_wait_seconds: float = 0.3,
    on_tried: Callable[[Tried], None] = lambda _: None,
) -> Rehearsal:
    """Plant a fault, then run a runbook as the state machine would: steps, verify until it holds, else the rollback.

    Waits between two tries of verify are cut short. Without a scenario the host is sound: that shows what the runbook
    does where nothing is broken.

    Parameters
    ----------
    values
        The runbook's parameters; a scenario's settings come on top.
    on_tried
        Told of each command as soon as it has ended.

    Raises
    ------
    FaultNotPlanted
        The scenario failed before anything was tried.
    ConfigurationError
        A setting of the scenario is not one that the runbook would take, or a step sends a document of the owner's.
    """
    steps = [step for step in runbook.steps if isinstance(step, Step)]
    if len(steps) < len(runbook.steps):
        raise ConfigurationError(f"{runbook.id} sends documents of your own, which are not on this machine")
    values = {**values, **(_checked(runbook, scenario) if scenario else {})}
    rehearsal = Rehearsal()

    def run(step_id: str, when: When, command: Command) -> bool:
        began = time.monotonic()
        environment = {f"SSM_{name}": values[name] for name in runbook.parameters_of(command)}
        seconds = runbook.timeout_of(command).total_seconds()
        ran = host.run(render_document_script(runbook, command), environment=environment, timeout_seconds=seconds)
        tried = Tried(step_id, when, ran, time.monotonic() - began)
        rehearsal.tried.append(tried)
        on_tried(tried)
        return tried.succeeded

    if scenario:
        _plant(scenario, host)
    rehearsal.ending = _run(runbook, steps, run, most_attempts, longest_wait_seconds)
    if rehearsal.ending == "not cured":
        _roll_back(runbook, run)
    if scenario:
        outputs = {f"output_{name}": text for name, text in _outputs(rehearsal)}
        rehearsal.after = host.run(_part(scenario, "after"), environment=outputs, timeout_seconds=_PLANT_SECONDS)
    return rehearsal


def _run(
    runbook: Runbook,
    steps: Sequence[Step],
    run: Callable[[str, When, Command], bool],
    most_attempts: int,
    longest_wait_seconds: float,
) -> Ending:
    """Run the steps, then verify until it holds, and return how that ended."""
    if runbook.verify:
        run(VERIFY, "before", runbook.verify)
    if not all(run(step.id, "step", step) or step.on_failure == "continue" for step in steps):
        return "not cured"
    if runbook.verify is None:
        return "evidence"
    for attempt in range(min(runbook.verify.attempts, most_attempts)):
        if attempt:
            time.sleep(min(runbook.verify.every.total_seconds(), longest_wait_seconds))
        if run(VERIFY, "verify", runbook.verify):
            return "cured"
    return "not cured"


def _roll_back(runbook: Runbook, run: Callable[[str, When, Command], bool]) -> None:
    for undo in runbook.rollback:
        if not run(undo.id, "rollback", undo) and undo.on_failure == "stop":
            return


def _outputs(rehearsal: Rehearsal) -> Iterator[tuple[str, str]]:
    for one in rehearsal.tried:
        # An environment holds some 128 KiB; what people look for is at the end.
        yield one.step_id.replace("-", "_"), (one.ran.stdout + one.ran.stderr)[-20_000:]


def _checked(runbook: Runbook, scenario: Scenario) -> Mapping[str, str]:
    for name, value in scenario.settings.items():
        parameter = runbook.parameters.get(name)
        problem = parameter.problem(value) if parameter else "is set, but the runbook has no such parameter"
        if problem:
            raise ConfigurationError(f"scenario {scenario.runbook_id}/{scenario.name}: {name} {problem}")
    return scenario.settings


def _plant(scenario: Scenario, host: Host) -> None:
    # Processes are planted without the right to mount: with it, /proc would hide much of them from the runbook.
    for function, privileged in (("plant", False), ("mounts", True)):
        if f"{function}()" not in scenario.script:
            continue
        ran = host.run(_part(scenario, function), timeout_seconds=_PLANT_SECONDS, privileged=privileged)
        if ran.executed and ran.exit_code != 0:
            said = (ran.stdout + ran.stderr).strip() or f"it ended with {ran.exit_code}"
            raise FaultNotPlanted(f"{scenario.runbook_id}/{scenario.name}: {function}: {said}")


def _part(scenario: Scenario, function: str) -> str:
    return f"#!/usr/bin/env bash\nset -euo pipefail\n{scenario.script}\n{function}\n"
