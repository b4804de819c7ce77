"""The command `python -m local try`: it runs a runbook for an alert on a throw-away host and shows each step."""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from firstline.errors import ConfigurationError, SourceError
from firstline.models import NormalizedAlert
from firstline.policy.files import plain
from firstline.remediation.plan import parameter_values
from firstline.runbooks import catalogue
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.commands import Command, DocumentStep, Step
from firstline.runbooks.examples import HOST, ExampleAlert
from firstline.runbooks.match import offered
from firstline.runbooks.model import Runbook
from firstline.runbooks.release_steps import CodeDeployRollback, ReleaseStep
from firstline.sources import normalize
from local.emulator.hosts import Hosts, Sandbox
from local.rehearsal.rehearse import FaultNotPlanted, Rehearsal, Scenario, Tried, rehearse, scenarios

NO_SCENARIO = "none"
"""The name for no scenario: a host on which nothing is broken."""

_VERIFICATIONS = {"before": "verify, before anything is done", "verify": "verify"}
_LAST_LINES = 3
"""The number of last lines that are printed of a failed check's output."""

_ENDINGS = {
    "cured": "Cured: verify holds.",
    "not cured": "Not cured: a human is called, with all of the above.",
    "evidence": "The runbook only looked: its output goes to a human.",
}


class CannotTry(Exception):
    """A runbook cannot be tried as asked; the message says why, and what can be tried."""


def try_runbook(
    console: Console,
    folder: Path,
    runbook_id: str,
    *,
    alert_file: Path | None = None,
    source: str | None = None,
    scenario_name: str | None = None,
    dry_run: bool = False,
) -> bool:
    """Run a runbook as it would run for an alert, or only show its plan; return True if it ended as expected.

    Parameters
    ----------
    folder
        The folder with the runbooks.
    alert_file
        A file with an alert: with `source` the body of that sender's request, otherwise YAML or JSON with the keys of a
        runbook's examples. By default, the alert is the runbook's first example.
    scenario_name
        The name of the scenario whose fault is planted, or `none`; by default the first, which the runbook cures if it
        cures any.
    dry_run
        Show the plan and the scripts, and run nothing.

    Raises
    ------
    CannotTry
        There is no such runbook or scenario, the alert does not match, or it has no values for the parameters.
    """
    try:
        shipped = catalogue.load(folder)
    except ConfigurationError as error:
        raise CannotTry(str(error)) from None
    runbook = _runbook(shipped, runbook_id)
    alert = _alert(runbook, alert_file, source)
    scenario = _scenario(runbook, scenario_name)
    first = _first_choice(shipped, runbook, alert)
    values, problem = parameter_values(runbook, alert)
    if problem:
        raise CannotTry(f"{runbook.id} cannot be planned for the alert {alert.alert_name!r}: {problem}.")
    values |= scenario.settings if scenario else {}
    console.print(_plan_table(runbook, alert, first, values, scenario))
    if runbook.releases:
        console.print("There is no host to try it on: the release to take back is looked up when it is planned.")
        console.print("`python -m local up` has something released that an alert takes back: docs/runbooks.md.")
        return dry_run
    if dry_run:
        _show_scripts(console, runbook)
        return True
    if scenario is None and scenario_name is None:
        where = f"local/rehearsal/scenarios/{runbook.id}/, or for a runbook of your own in mine/scenarios/{runbook.id}/"
        console.print(f"{runbook.id} has no scenario, so nothing is broken on the host. Write scenarios in {where}.")
    return _run(console, runbook, values, scenario)


def _runbook(shipped: Catalogue, runbook_id: str) -> Runbook:
    if runbook_id in shipped:
        return shipped[runbook_id]
    near = difflib.get_close_matches(runbook_id, list(shipped), n=3) or list(shipped)
    raise CannotTry(f"There is no runbook {runbook_id!r}; did you mean {', '.join(near)}?")


def _alert(runbook: Runbook, file: Path | None, source: str | None) -> NormalizedAlert:
    if file is None:
        if not runbook.examples.match:
            raise CannotTry(f"{runbook.id} has no examples.match; add one, or give an alert with --alert.")
        return runbook.examples.match[0].as_alert()
    if not file.is_file():
        raise CannotTry(f"--alert {file}: there is no such file.")
    text = file.read_text(encoding="utf-8")
    if source is not None:
        return _first_firing(source, text)
    try:
        return ExampleAlert.model_validate(plain(text)).as_alert()
    except (yaml.YAMLError, ValidationError) as error:
        hint = "add --source if it is the body of a sender's request"
        raise CannotTry(
            f"--alert {file}: this is no YAML with the keys of a runbook's examples ({hint}): {error}"
        ) from None


def _first_firing(source: str, text: str) -> NormalizedAlert:
    try:
        firing = [alert for alert in normalize(source, json.loads(text)) if alert.status == "firing"]
    except (json.JSONDecodeError, SourceError) as error:
        raise CannotTry(f"--alert is no body of --source {source}: {error}") from None
    if not firing:
        raise CannotTry(f"--alert has no firing alert, as the source {source} reads it.")
    return firing[0]


def _scenario(runbook: Runbook, name: str | None) -> Scenario | None:
    if name == NO_SCENARIO:
        return None
    known = scenarios(runbook.id)
    if name is None:
        return known[0] if known else None
    by_name = {scenario.name: scenario for scenario in known}
    if name not in by_name:
        raise CannotTry(f"{runbook.id} has no scenario {name!r}; choose from {', '.join([*by_name, NO_SCENARIO])}.")
    return by_name[name]


def _first_choice(shipped: Catalogue, runbook: Runbook, alert: NormalizedAlert) -> str:
    """Return the id of the runbook that fits the alert best; raise CannotTry if `runbook` does not fit at all.

    `runbook` takes part even if its mode is off.
    """
    awake = {**shipped, runbook.id: runbook.model_copy(update={"mode": "shadow"})}
    rank = [fitting.id for fitting in offered(Catalogue(list(awake.values())), alert)]
    if runbook.id not in rank:
        others = f"; {rank[0]} does" if rank else ""
        raise CannotTry(
            f"{runbook.id} does not fit the alert {alert.alert_name!r}{others}. Its key `match` lists its alerts."
        )
    return rank[0]


def _plan_table(
    runbook: Runbook, alert: NormalizedAlert, first: str, values: dict[str, str], scenario: Scenario | None
) -> Table:
    table = Table(title=f"{runbook.id}: {runbook.title}", title_justify="left", show_header=False)
    table.add_row("Alert", Text(f"{alert.alert_name} on {alert.host or 'no host'}, from {alert.source}"))
    table.add_row("Chosen for it", "first" if first == runbook.id else Text(f"no: {first} comes first", "yellow"))
    mode = runbook.mode
    table.add_row("Mode", mode if isinstance(mode, str) else ", ".join(f"{where}: {mode[where]}" for where in mode))
    table.add_row("Risk", runbook.risk)
    for name, value in values.items():
        table.add_row(name if runbook.releases else f"$SSM_{name}", Text(value))
    for step in runbook.steps:
        if isinstance(step, Step):
            table.add_row(f"Step {step.id}", _command(step.kind, step))
        elif isinstance(step, DocumentStep):
            table.add_row(f"Step {step.id}", f"sends your document {step.document}, version {step.version}")
        else:
            table.add_row(f"Step {step.id}", _release(step, values))
    if runbook.verify:
        tries = f"up to {runbook.verify.attempts} times, {int(runbook.verify.every.total_seconds())} s apart"
        table.add_row("Verify", f"{_command('diagnose', runbook.verify)}, {tries}")
    for undo in runbook.rollback:
        table.add_row(f"Rollback {undo.id}", _command("act", undo))
    if runbook.resolves_within:
        table.add_row("Then", f"the alert has {int(runbook.resolves_within.total_seconds() // 60)} minutes to resolve")
    if not runbook.releases:
        table.add_row("Broken on the host", Text(f"{scenario.name}: {scenario.story}" if scenario else "nothing"))
    return table


def _release(step: ReleaseStep, values: dict[str, str]) -> Text:
    keys = [name for name in type(step).model_fields if name not in (*ReleaseStep.model_fields, "kind")]
    where = ", ".join(f"{name} {step.value(name, values)}" for name in keys)
    service = "CodeDeploy" if isinstance(step, CodeDeployRollback) else "AppConfig"
    window = f"released at most {int(step.released_within.total_seconds() // 60)} minutes before"
    return Text(f"takes back what {service} {window}: {where}")


def _command(kind: str, command: Command) -> str:
    more = f", then {command.on_failure}" if isinstance(command, Step) and command.on_failure == "continue" else ""
    return f"{kind} as {command.run_as}, at most {int(command.timeout.total_seconds())} s{more}"


def _show_scripts(console: Console, runbook: Runbook) -> None:
    for step_id, command in runbook.commands():
        script = Syntax(command.run.rstrip("\n"), "bash", word_wrap=True)
        console.print(Panel(script, title=step_id, title_align="left"))


def _run(console: Console, runbook: Runbook, values: Mapping[str, str], scenario: Scenario | None) -> bool:
    hosts = Hosts()
    # The host never gets the name from the alert: the alert's sender controls that text.
    host = hosts.start(HOST)
    try:
        console.print(f"{HOST} is a throw-away host (sandbox: {host.sandbox}); waits are cut short.")
        if host.sandbox is Sandbox.NONE:
            for problem in hosts.problems:
                console.print(Text(f"  {problem}"))
            console.print("No sandbox works here, so nothing was run; --dry-run shows the scripts.")
            return False
        rehearsal = rehearse(runbook, values, host, scenario=scenario, on_tried=lambda tried: _show(console, tried))
    except (FaultNotPlanted, ConfigurationError) as error:
        raise CannotTry(str(error)) from None
    finally:
        hosts.close()
    return _conclude(console, rehearsal, scenario)


def _show(console: Console, tried: Tried) -> None:
    ran = tried.ran
    how = "success" if tried.succeeded else "timed out" if ran.timed_out else f"exit status {ran.exit_code}"
    # Before the steps, verify must fail, because the fault is there.
    if tried.when == "before":
        style = "yellow" if tried.succeeded else "green"
    else:
        style = "green" if tried.succeeded else "red"
    title = Text(_VERIFICATIONS.get(tried.when, f"{tried.when} {tried.step_id}"))
    output = Text("\n".join(filter(None, (ran.stdout.rstrip("\n"), ran.stderr.rstrip("\n")))) or "(no output)")
    subtitle = f"{how}, {tried.seconds:.1f} s"
    console.print(
        Panel(output, title=title, title_align="left", subtitle=subtitle, subtitle_align="right", border_style=style)
    )


def _conclude(console: Console, rehearsal: Rehearsal, scenario: Scenario | None) -> bool:
    ended = _ENDINGS[rehearsal.ending] + (" The steps were undone." if rehearsal.of("rollback") else "")
    as_it_should = rehearsal.ending == scenario.ending if scenario else rehearsal.ending != "not cured"
    console.print(Text(ended, "bold green" if as_it_should else "bold red"))
    if any(tried.succeeded for tried in rehearsal.of("before")) and scenario:
        console.print(Text("But verify held before any step ran: it does not detect this fault.", "bold red"))
        as_it_should = False
    if scenario and scenario.ending != rehearsal.ending:
        console.print(Text(f"By the scenario's name, this ending is expected: {scenario.ending}.", "red"))
    if rehearsal.after and rehearsal.after.exit_code != 0:
        lines = (rehearsal.after.stdout + rehearsal.after.stderr).strip().splitlines()
        why = "; ".join(lines[-_LAST_LINES:]) or f"exit status {rehearsal.after.exit_code}"
        console.print(Text(f"But the scenario's function after() failed: {why}", "bold red"))
        as_it_should = False
    return as_it_should
