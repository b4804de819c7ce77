"""Rehearsals of runbooks: a runbook's commands really run, in order, on a throw-away host with a planted fault.

A scenario is a shell file, `local/rehearsal/scenarios/<runbook>/<name>.sh`, or an owner's own,
`mine/scenarios/<runbook>/<name>.sh`. Its first line is a comment that says what is broken. Its function `plant` breaks
the host, with the rights of a runbook's commands; its function `mounts`, which is called next, may also mount. Its
function `after` checks the host at the end, and finds the output of a step in `$output_<step>`, with underscores for
hyphens. The file's name begins with the expected ending: `cured`, `not-cured` (the runbook is then undone), or
`evidence` for runbooks that only look. A line `# with: name=value ...` sets parameters, which must fit the runbook's
own patterns.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from firstline.errors import ConfigurationError
from firstline.runbooks.commands import VERIFY, Command, Step
from firstline.runbooks.documents import render_document_script
from firstline.runbooks.model import Runbook
from local.emulator.hosts import Host, ScriptResult

SCENARIOS = Path(__file__).with_name("scenarios")
OWN_SCENARIOS = Path(__file__).parents[2] / "mine" / "scenarios"
"""The folder of the owner's scenarios, for the owner's runbooks and for shipped ones alike."""

type Ending = Literal["cured", "not cured", "evidence"]
type When = Literal["before", "step", "verify", "rollback"]

_ENDINGS: dict[str, Ending] = {"cured": "cured", "not-cured": "not cured", "evidence": "evidence"}
_WITH = re.compile(r"^# with: (.+)$", re.MULTILINE)
_PLANT_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 0.3


@dataclass(frozen=True)
class Scenario:
    """A fault that can be planted on a host, and the ending that a runbook must reach there."""

    runbook_id: str
    name: str
    story: str
    script: str
    ending: Ending
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Tried:
    """A command that was run, with its result.

    `when` is its phase; in the phase `before`, verify runs once on the unchanged host, to show that it sees the fault.
    """

    step_id: str
    when: When
    ran: ScriptResult
    seconds: float

    @property
    def succeeded(self) -> bool:
        return self.ran.executed and self.ran.exit_code == 0


@dataclass
class Rehearsal:
    """The commands of a rehearsal in order, and how it ended.

    `after` is the result of the scenario's shell function `after`, which checks the host at the end.
    """

    tried: list[Tried] = field(default_factory=list)
    ending: Ending = "not cured"
    after: ScriptResult | None = None

    def of(self, when: When) -> list[Tried]:
        """Return the commands that were run in one phase."""
        return [tried for tried in self.tried if tried.when == when]


class FaultNotPlanted(Exception):
    """A scenario could not break the host, so no command of the runbook was run."""


def scenarios(runbook_id: str, *folders: Path) -> list[Scenario]:
    """Return a runbook's scenarios, sorted by name; those with the ending `not cured` come last.

    They are read from all `folders`, by default the shipped and the owner's; of two files of the same name, the one in
    the later folder counts.

    Raises
    ------
    ConfigurationError
        A scenario file's name does not begin with an ending.
    """
    places = folders or (SCENARIOS, OWN_SCENARIOS)
    by_name = {path.name: path for folder in places for path in (folder / runbook_id).glob("*.sh")}
    found = [_read(path) for path in by_name.values()]
    return sorted(found, key=lambda scenario: (scenario.ending == "not cured", scenario.name))


def _read(path: Path) -> Scenario:
    ending = next((ending for prefix, ending in _ENDINGS.items() if f"{path.stem}-".startswith(f"{prefix}-")), None)
    if ending is None:
        raise ConfigurationError(f"{path}: rename the file: begin its name with cured, not-cured or evidence")
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
    on_tried: Callable[[Tried], None] = lambda _: None,
) -> Rehearsal:
    """Plant a fault, then run a runbook as the state machine would: the steps, verify, and if that fails the rollback.

    Waits between two tries of verify are shortened. Without a scenario no fault is planted.

    Parameters
    ----------
    values
        The runbook's parameters; the scenario's settings override them.
    most_attempts
        The most tries of verify after the steps, even if the runbook allows more.
    on_tried
        Called with each command as soon as it has ended.

    Raises
    ------
    FaultNotPlanted
        The scenario could not break the host.
    ConfigurationError
        The runbook does not accept a setting of the scenario, or a step runs an SSM document of the owner's own.
    """
    steps = [step for step in runbook.steps if isinstance(step, Step)]
    if len(steps) < len(runbook.steps):
        own = f"runbook {runbook.id} sends documents of your own, which are not on this machine"
        raise ConfigurationError(f"{own}; try it with --dry-run")
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
    rehearsal.ending = _run(runbook, steps, run, most_attempts)
    if rehearsal.ending == "not cured":
        for undo in runbook.rollback:
            if not run(undo.id, "rollback", undo) and undo.on_failure == "stop":
                break
    if scenario:
        # An environment holds some 128 KiB; the end of an output matters most.
        outputs = {
            f"output_{tried.step_id.replace('-', '_')}": (tried.ran.stdout + tried.ran.stderr)[-20_000:]
            for tried in rehearsal.tried
        }
        rehearsal.after = host.run(_part(scenario, "after"), environment=outputs, timeout_seconds=_PLANT_SECONDS)
    return rehearsal


def _run(
    runbook: Runbook, steps: Sequence[Step], run: Callable[[str, When, Command], bool], most_attempts: int
) -> Ending:
    """Run verify once on the fault, then the steps, then verify until it succeeds or its attempts are used up.

    Return `cured`, `not cured` (also if a step fails that may not), or `evidence` for a runbook without verify. `run`
    takes the id of a step, the phase and the command, runs it, and returns True if it succeeded. `steps` are the
    runbook's. After them, verify is tried at most `most_attempts` times, even if the runbook allows more.
    """
    if runbook.verify:
        run(VERIFY, "before", runbook.verify)
    if not all(run(step.id, "step", step) or step.on_failure == "continue" for step in steps):
        return "not cured"
    if runbook.verify is None:
        return "evidence"
    for attempt in range(min(runbook.verify.attempts, most_attempts)):
        if attempt:
            time.sleep(min(runbook.verify.every.total_seconds(), _LONGEST_WAIT_SECONDS))
        if run(VERIFY, "verify", runbook.verify):
            return "cured"
    return "not cured"


def _checked(runbook: Runbook, scenario: Scenario) -> Mapping[str, str]:
    for name, value in scenario.settings.items():
        parameter = runbook.parameters.get(name)
        problem = (
            parameter.problem(value) if parameter else "is set by `# with:`, but the runbook has no such parameter"
        )
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
            output = (ran.stdout + ran.stderr).strip() or f"it ended with {ran.exit_code}"
            where = f"{scenario.runbook_id}/{scenario.name}: {function}"
            raise FaultNotPlanted(f"The scenario's fault could not be planted: {where}(): {output}")


def _part(scenario: Scenario, function: str) -> str:
    return f"#!/usr/bin/env bash\nset -euo pipefail\n{scenario.script}\n{function}\n"
