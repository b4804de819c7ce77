"""Tests of the generated SSM documents: their content, their names, and when their scripts stop."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.commands import Command
from firstline.runbooks.documents import document_name, render_document_script, render_script, render_template
from tests.support.checked import checked
from tests.support.spool import a_runbook


class TemplateLoader(yaml.SafeLoader):
    """A YAML loader that reads CloudFormation's tag `!Sub` as the pair ("!Sub", text)."""


TemplateLoader.add_constructor("!Sub", lambda loader, node: ("!Sub", node.value))


def parsed(text: str) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(text, Loader=TemplateLoader)
    return template


def run(command: Command, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command's script as the SSM agent does, with `sh -c <file>`, and a stand-in for runuser."""
    script = path / "_script.sh"
    script.write_text(render_script(command))
    script.chmod(0o700)
    # The test does not run as root, so this runuser only prints the user that it should switch to.
    stand_in = path / "runuser"
    stand_in.write_text('#!/bin/sh\necho "as $2"\nshift 3\nexec "$@"\n')
    stand_in.chmod(0o700)
    environment = {"PATH": f"{path}:{os.environ['PATH']}"} | {f"SSM_{name}": value for name, value in variables.items()}
    return subprocess.run(
        ["sh", "-c", str(script)], cwd=path, env=environment, capture_output=True, text=True, timeout=20, check=False
    )


def content_of(name: str) -> dict[str, Any]:
    """Return the content of one document of `a_runbook`."""
    resources = parsed(render_template(Catalogue([a_runbook()])))["Resources"]
    content: dict[str, Any] = resources[name]["Properties"]["Content"]
    return content


def test_each_command_is_a_document_of_the_template_with_a_name_of_its_own() -> None:
    template = parsed(render_template(Catalogue([a_runbook()])))

    assert set(template["Parameters"]) == {"DocumentPrefix"}
    assert set(template["Resources"]) == {"DrainSpoolDrain", "DrainSpoolVerify"}
    document = template["Resources"]["DrainSpoolDrain"]["Properties"]
    assert document["Name"] == ("!Sub", "${DocumentPrefix}-safe-drain-spool.drain")
    assert document["DocumentType"] == "Command"
    assert document["UpdateMethod"] == "NewVersion"
    assert document["Content"]["schemaVersion"] == "2.2"


def test_a_document_passes_the_parameters_that_its_script_reads_as_variables_of_the_environment() -> None:
    spool = content_of("DrainSpoolDrain")["parameters"]["spool"]
    assert (spool["type"], spool["interpolationType"], spool["allowedPattern"]) == (
        "String",
        "ENV_VAR",
        "^(?:[a-z]{1,20})$",
    )
    assert "default" not in spool, "a plan gives a value to every parameter, and without a value nothing may run"
    assert "parameters" not in content_of("DrainSpoolVerify"), "the verification's script reads no parameter"


def test_the_document_of_an_act_runs_its_script_after_the_verification_within_the_time_of_both() -> None:
    (step,) = content_of("DrainSpoolDrain")["mainSteps"]

    assert step["action"] == "aws:runShellScript"
    assert step["inputs"]["timeoutSeconds"] == "125", "60 s for the step, 60 s for its verification, 5 s to end that"
    assert step["inputs"]["runCommand"] == [render_document_script(a_runbook(), checked(Command, a_runbook().steps[0]))]


def test_the_same_runbooks_give_the_same_bytes_in_any_order() -> None:
    first, second = a_runbook(id="first"), a_runbook(id="second")

    assert render_template(Catalogue([first, second])) == render_template(Catalogue([second, first]))


def test_a_runbook_that_is_off_has_no_documents() -> None:
    assert parsed(render_template(Catalogue([a_runbook(mode="off")])))["Resources"] == {}


def test_a_script_stops_and_names_the_missing_parameter(tmp_path: Path) -> None:
    step = {"id": "drain", "kind": "act", "run": 'touch ran; echo "$SSM_spool"', "run_as": "daemon"}
    command = checked(Command, a_runbook(steps=[step]).steps[0])

    done = run(command, tmp_path)

    assert done.returncode != 0
    assert "SSM_spool: is not set: update the SSM Agent on this host to 3.3.2746.0 or later" in done.stderr
    assert not (tmp_path / "ran").exists()
    assert run(command, tmp_path, spool="mail").stdout == "as daemon\nmail\n"


@pytest.mark.parametrize(
    "value", ['"; touch pwned; "', "$(touch pwned)", "`touch pwned`", "a b * ?", "line\nline", "-n"]
)
def test_a_value_is_data_even_if_every_check_before_it_failed(tmp_path: Path, value: str) -> None:
    for user in ("root", "nobody"):
        because = "Only root may drain it." if user == "root" else None
        step = {"id": "drain", "kind": "act", "run": "printf '%s|' \"$SSM_spool\"", "run_as": user, "because": because}
        done = run(checked(Command, a_runbook(steps=[step]).steps[0]), tmp_path, spool=value)

        assert done.stdout.removeprefix("as nobody\n") == f"{value}|"
        assert not list(tmp_path.glob("**/pwned"))


def test_a_script_of_another_user_keeps_its_quotes_and_its_own_standard_input(tmp_path: Path) -> None:
    script = "cat\necho 'it'\"'\"'s' \"${SSM_spool}\" $((1 + 1)) \\$HOME `echo tick`\nfalse\necho never\n"
    step = {"id": "drain", "kind": "act", "run": script, "run_as": "nobody"}

    done = run(checked(Command, a_runbook(steps=[step]).steps[0]), tmp_path, spool="mail")

    assert done.stdout == "as nobody\nit's mail 2 $HOME tick\n"
    assert done.returncode == 1


@pytest.mark.parametrize(("known", "options"), [(True, "-u nobody -G systemd-journal --"), (False, "-u nobody --")])
def test_a_script_that_reads_the_journal_gets_its_group_if_the_host_has_it(
    tmp_path: Path, known: bool, options: str
) -> None:
    for name, text in {"runuser": 'echo "$*"', "getent": f"exit {0 if known else 2}"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o700)
    script = render_script(Command(run="true", reads_journal=True))
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", script], env={"PATH": path}, capture_output=True, text=True, check=False)

    assert done.stdout.startswith(f"{options} bash -c "), done.stderr


def test_every_shipped_script_that_runs_as_root_says_why_and_most_scripts_do_not(shipped: Catalogue) -> None:
    commands = [command for runbook in shipped.values() for _, command in runbook.commands()]

    as_root = [command for command in commands if command.run_as == "root"]
    assert all(command.because for command in as_root)
    assert len(as_root) <= 0.6 * len(commands), "too many scripts run as root; let some run as another user"


def test_bash_can_read_every_shipped_script(shipped: Catalogue) -> None:
    for runbook in shipped.values():
        for step_id, command in runbook.commands():
            for script in (render_document_script(runbook, command), command.run):
                done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
                assert done.returncode == 0, f"{runbook.id} {step_id}: {done.stderr}"


def test_every_planned_document_is_in_the_template_with_exactly_its_parameters(shipped: Catalogue) -> None:
    resources = parsed(render_template(shipped))["Resources"].values()
    declared = {
        resource["Properties"]["Name"][1]: set(resource["Properties"]["Content"].get("parameters", {}))
        for resource in resources
    }

    planned = {
        document_name("${DocumentPrefix}", runbook, step_id, command): set(runbook.parameters_of(command))
        for runbook in shipped.values()
        for step_id, command in runbook.commands()
    }

    assert declared == planned
    assert all(len(name) <= 128 for name in declared)
