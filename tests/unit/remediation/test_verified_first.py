"""The script of an act's document, really run: it first checks the verification and its own precondition."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from firstline.runbooks.commands import Command
from firstline.runbooks.documents import HOLDS_ALREADY, NOT_NOW, render_document_script, render_script
from firstline.runbooks.model import Runbook
from tests.support.checked import checked
from tests.support.spool import a_runbook, runbook_fields

type Run = Callable[..., subprocess.CompletedProcess[str]]

RUNUSER = '#!/bin/sh\necho "$2" >>users\nshift 3\nexec "$@"\n'
"""A stand-in for `runuser`, which needs root: it writes the user's name to the file `users` and runs the command."""


def a_step(**changes: Any) -> dict[str, Any]:
    """Return an act that writes the file `drained`; one that runs as root has a `because`."""
    because = {"because": "Only root may drain a spool."} if changes.get("run_as", "root") == "root" else {}
    run = 'echo "drained $SSM_spool" | tee drained\n'
    return {"id": "drain", "kind": "act", "run": run, "run_as": "root"} | because | changes


def a_verify(run: str, **changes: Any) -> dict[str, Any]:
    """Return a verification that runs this script."""
    return {"run": run, "within": "1m", "every": "20s", **changes}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Make a function that runs the first step's document as the SSM Agent does: as a file, by `sh -c <file>`."""

    def run(runbook: Runbook, **variables: str) -> subprocess.CompletedProcess[str]:
        script = tmp_path / "_script.sh"
        script.write_text(render_document_script(runbook, checked(Command, runbook.steps[0])))
        script.chmod(0o700)
        (tmp_path / "runuser").write_text(RUNUSER)
        (tmp_path / "runuser").chmod(0o700)
        environment = {f"SSM_{name}": value for name, value in variables.items()}
        return subprocess.run(
            ["sh", "-c", str(script)],
            cwd=tmp_path,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **environment},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_an_act_does_nothing_if_the_verification_holds_already(run: Run, tmp_path: Path, user: str) -> None:
    runbook = a_runbook(steps=[a_step(run_as=user)], verify=a_verify("echo fine; true"))

    done = run(runbook, spool="mail")

    assert (done.returncode, done.stdout) == (0, f"{HOLDS_ALREADY}\n")
    assert not (tmp_path / "drained").exists()


@pytest.mark.parametrize("user", ["root", "nobody"])
@pytest.mark.parametrize("verify", ["false", "false\ntrue", "no-such-command", ": $NOT_SET", "exit 3"], ids=repr)
def test_an_act_runs_if_the_verification_does_not_hold_or_fails(
    run: Run, tmp_path: Path, user: str, verify: str
) -> None:
    """Run verifications that fail in different ways; their output must not reach the step's output."""
    runbook = a_runbook(steps=[a_step(run_as=user)], verify=a_verify(f"echo no; echo no >&2\n{verify}"))

    done = run(runbook, spool="mail")

    assert (done.returncode, done.stdout, done.stderr) == (0, "drained mail\n", "")
    assert (tmp_path / "drained").read_text() == "drained mail\n"


def test_a_verification_that_does_not_end_does_not_hold(run: Run) -> None:
    runbook = a_runbook(steps=[a_step()], verify=a_verify("sleep 60", timeout="5s"))

    assert run(runbook, spool="mail").stdout == "drained mail\n"


def test_each_script_runs_as_its_own_user(run: Run, tmp_path: Path) -> None:
    step = a_step(run_as="nobody", requires="true")
    run(a_runbook(steps=[step], verify=a_verify("false", run_as="daemon")), spool="mail")

    verification, precondition, act = (tmp_path / "users").read_text().split()
    assert (verification, precondition, act) == ("daemon", "nobody", "nobody")


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_a_precondition_that_fails_stops_the_step_before_it_does_anything(run: Run, tmp_path: Path, user: str) -> None:
    step = a_step(run_as=user, requires="echo 'a backup is running' >&2\nfalse\ntrue")

    done = run(a_runbook(steps=[step], verify=a_verify("false")), spool="mail")

    assert done.returncode == 1
    assert done.stderr == f"a backup is running\n{NOT_NOW}\n"
    assert not (tmp_path / "drained").exists()


def test_a_precondition_that_holds_lets_the_step_act(run: Run, tmp_path: Path) -> None:
    step = a_step(requires='test "$SSM_spool" = mail')

    assert run(a_runbook(steps=[step], verify=a_verify("false")), spool="mail").returncode == 0
    assert (tmp_path / "drained").exists()


def test_a_missing_parameter_of_the_verification_stops_the_step(run: Run, tmp_path: Path) -> None:
    """Run without parameters, as an SSM Agent does that is too old for them."""
    step = a_step(run="touch drained")
    done = run(a_runbook(steps=[step], verify=a_verify('test "$SSM_spool" = x')))

    assert done.returncode != 0
    assert "update the SSM Agent" in done.stderr
    assert not (tmp_path / "drained").exists()


def test_a_hostile_value_stays_a_value_in_every_part(run: Run, tmp_path: Path) -> None:
    reads = 'test "$SSM_spool" != x'
    step = a_step(requires=reads, run='printf %s "$SSM_spool"')
    value = "$(touch pwned)`touch pwned`\";touch pwned;'\nFIRSTLINE_SCRIPT\ntouch pwned\n"

    done = run(a_runbook(steps=[step], verify=a_verify(f"{reads}; false")), spool=value)

    assert done.stdout == value
    assert not (tmp_path / "pwned").exists()


def test_only_acts_check_the_verification_first() -> None:
    look = {"id": "look", "kind": "diagnose", "run": "ls"}
    undo = {"id": "put-back", "run": "put-back"}
    runbook = a_runbook(steps=[look, a_step()], rollback=[undo])

    for _, command in runbook.commands():
        same = render_document_script(runbook, command) == render_script(command)
        assert same == (command is not runbook.steps[1])


def test_the_document_of_an_act_takes_the_parameters_and_the_timeout_of_its_verification_too() -> None:
    parameters = {
        "spool": {"from": "labels.spool", "pattern": "^[a-z]{1,20}$"},
        "most": {"pattern": "^[0-9]+$", "default": "9"},
    }
    verify = a_verify('test "$SSM_most" = 9', timeout="20s")
    runbook = a_runbook(parameters=parameters, steps=[a_step(timeout="1m")], verify=verify)

    assert runbook.parameters_of(checked(Command, runbook.steps[0])) == ["most", "spool"]
    to_end_the_verification = 5
    assert runbook.timeout_of(runbook.steps[0]).total_seconds() == 60 + 20 + to_end_the_verification
    assert runbook.verify is not None
    assert runbook.parameters_of(runbook.verify) == ["most"]
    assert runbook.timeout_of(runbook.verify).total_seconds() == 20


def test_a_step_that_looks_takes_no_precondition() -> None:
    step = {"id": "look", "kind": "diagnose", "run": "ls", "requires": "true"}

    with pytest.raises(ValidationError, match="a step of kind diagnose needs no precondition"):
        Runbook.model_validate(runbook_fields(steps=[step, a_step()]))
