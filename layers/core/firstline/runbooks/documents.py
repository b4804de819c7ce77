"""Runbooks as Systems Manager documents: the only commands that a stack can send.

Facts about Run Command that this module rests on (AWS Systems Manager User Guide; the agent's source):

- `interpolationType: ENV_VAR` needs schema 2.2 and SSM Agent 3.3.2746.0. An older agent leaves the variables unset, so
  every script checks its variables first, and stops with the name of one that is not set.
- The agent saves the lines as a file and runs `sh -c <file>`: the first line's `#!` decides the shell.
- The agent runs as root. Another user goes through `runuser`, which keeps the environment.
- The agent checks `allowedPattern` once more, with Go's regular expressions.
"""

from collections.abc import Iterable
from typing import Any

import yaml

from firstline.runbooks import patterns, protected
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.commands import KILL_AFTER, SCRIPT_END, Command, Step, Verify
from firstline.runbooks.model import Runbook

OLDEST_AGENT = (3, 3, 2746, 0)
"""The first version of SSM Agent that passes parameters as environment variables."""

MAX_DOCUMENTS = 500
"""The most documents that the template may create: CloudFormation allows 500 resources in a template."""

LOOKS = "ro"
"""The part of a document's name that stands for its risk, if the document changes nothing on a host."""

SHEBANG = "#!/usr/bin/env bash\n"

_JOURNAL = " $(getent group systemd-journal >/dev/null && echo -G systemd-journal)"
"""The option of runuser that adds the group systemd-journal, if the host has this group; else runuser would fail."""

HOLDS_ALREADY = "verification holds already: nothing was done"
"""The output of an act that changed nothing, because the runbook's verification held before the act."""

NOT_NOW = "precondition does not hold: nothing was done"
"""The last output line of an act that changed nothing, because its precondition did not hold."""

_HEADER = "# Generated from runbooks/*.yaml by `make runbooks`. Do not edit: change the runbook and render again.\n"


def render_template(catalogue: Catalogue) -> str:
    """Render the nested CloudFormation template with one `AWS::SSM::Document` for each command of each runbook.

    The same catalogue gives the same bytes. A runbook that is off gets no documents, so its commands cannot be sent.
    """
    resources = {
        logical_id(runbook.id, step_id): _resource(runbook, step_id, command)
        for runbook in catalogue.values()
        if not runbook.is_off
        for step_id, command in runbook.commands()
    }
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Firstline's commands: one SSM document for each step of each runbook",
        "Parameters": {
            "DocumentPrefix": {
                "Type": "String",
                "Description": "The documents are named <prefix>-<risk>-<runbook>.<step>",
                "AllowedPattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$",
            }
        },
        "Resources": resources,
    }
    text = yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=1_000, allow_unicode=True)
    return _HEADER + text


def render_script(command: Command) -> str:
    """Render the shell script of a command, without the checks that precede an act, as the SSM agent runs it.

    The script of a user other than root is passed to bash in a variable. If it came on standard input, a command in it
    that reads its input would swallow the rest of the script.
    """
    guarded = _guarded(command.variables, command.run) + "\n"
    if command.run_as == "root":
        return SHEBANG + guarded
    return (
        f"{SHEBANG}"
        f"IFS= read -r -d '' script <<'{SCRIPT_END}' || true\n"
        f"{guarded}{SCRIPT_END}\n"
        f'exec runuser -u {command.run_as}{_JOURNAL if command.reads_journal else ""} -- bash -c "$script" </dev/null\n'
    )


def render_document_script(runbook: Runbook, command: Command) -> str:
    """Render the shell script of a command's document. An act first runs the verification and its own precondition.

    The verification comes first because an earlier step or a person may have cured the host since the alert. Both
    checks run in separate shells: in a condition (`if`, `||`), bash ignores `set -e` and would not stop at a failure.
    """
    script = render_script(command)
    verify = runbook.verify_before(command)
    if not verify:
        return script
    limit = f"timeout -k {KILL_AFTER.seconds} {int(verify.timeout.total_seconds())} "
    before = [
        *guards(runbook.parameters_of(command)),
        *_text_of("firstline_verify", verify.run, verify.variables),
        f"if {limit}{_shell(verify.run_as, 'firstline_verify')} >/dev/null 2>&1; then",
        f"  echo '{HOLDS_ALREADY}'",
        "  exit 0",
        "fi",
    ]
    if isinstance(command, Step) and command.requires:
        before += [
            *_text_of("firstline_requires", command.requires, command.variables),
            f"{_shell(command.run_as, 'firstline_requires')} || {{",
            f"  echo '{NOT_NOW}' >&2",
            "  exit 1",
            "}",
        ]
    return SHEBANG + "\n".join([*before, script.removeprefix(SHEBANG)])


def _text_of(variable: str, script: str, parameters: Iterable[str]) -> list[str]:
    """Return the shell lines that put a script's text into a shell variable without running the script.

    Lines in front of the script stop it at a failed command, or at one of `parameters` that is not set.
    """
    return [f"IFS= read -r -d '' {variable} <<'{SCRIPT_END}' || true", _guarded(parameters, script), SCRIPT_END]


def _shell(user: str, variable: str) -> str:
    """Return a shell command that runs the script in a variable as a user.

    The script gets no input: it would read the remaining lines of the script around it.
    """
    return ("" if user == "root" else f"runuser -u {user} -- ") + f'bash -c "${variable}" </dev/null'


def _guarded(parameters: Iterable[str], script: str) -> str:
    """Return a script with lines in front that stop it at a failed command or at a parameter that is not set.

    If the script calls a shell function that protects units (protected.sh), the functions are put in front of it, too.
    """
    return "\n".join([*guards(parameters), protected.shell_functions(script) + script.rstrip("\n")])


def guards(parameters: Iterable[str]) -> list[str]:
    """Return the first lines of a script, which make it stop at a failed command and at a parameter that is not set."""
    oldest = ".".join(map(str, OLDEST_AGENT))
    stop = f"is not set: update the SSM Agent on this host to {oldest} or later"
    return ["set -euo pipefail", *(f': "${{SSM_{name}:?{stop}}}"' for name in parameters)]


def content(runbook: Runbook, step_id: str, command: Command) -> dict[str, Any]:
    """Return the content of the SSM document for one command of a runbook."""
    parameters = {
        name: {
            "type": "String",
            "description": f"Read by the script as $SSM_{name}",
            "interpolationType": "ENV_VAR",
            "allowedPattern": patterns.portable(runbook.parameters[name].pattern),
            "maxChars": patterns.MAX_VALUE_LENGTH,
        }
        for name in runbook.parameters_of(command)
    }
    return {
        "schemaVersion": "2.2",
        "description": f"{runbook.title}: {step_id}",
        **({"parameters": parameters} if parameters else {}),
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": step_id.replace("-", "_"),
                "precondition": {"StringEquals": ["platformType", "Linux"]},
                "inputs": {
                    "timeoutSeconds": str(int(runbook.timeout_of(command).total_seconds())),
                    "runCommand": [_Block(render_document_script(runbook, command))],
                },
            }
        ],
    }


def document_name(prefix: str, runbook: Runbook, step_id: str, command: Command) -> str:
    """Return the name of a command's document: `<prefix>-<risk>-<runbook>.<step>`.

    The prefix is the stack's, the same for all its documents. The risk is `ro` for a command that only looks, and the
    runbook's for one that acts, so that IAM and the state machine can tell what a document may do.
    """
    looks = isinstance(command, Verify) or (isinstance(command, Step) and command.kind == "diagnose")
    return f"{prefix}-{LOOKS if looks else runbook.risk}-{runbook.id}.{step_id}"


def _resource(runbook: Runbook, step_id: str, command: Command) -> dict[str, Any]:
    return {
        "Type": "AWS::SSM::Document",
        "Properties": {
            "Name": _Sub(document_name("${DocumentPrefix}", runbook, step_id, command)),
            "DocumentType": "Command",
            "UpdateMethod": "NewVersion",
            "Content": content(runbook, step_id, command),
            "Tags": [{"Key": "firstline:runbook", "Value": runbook.id}, {"Key": "firstline:step", "Value": step_id}],
        },
    }


def logical_id(runbook_id: str, step_id: str) -> str:
    """Return the logical id of a document in CloudFormation: `DiskFullCleanUp` for `disk-full` and `clean-up`."""
    return "".join(part.capitalize() for part in f"{runbook_id}-{step_id}".split("-"))


class _Sub(str):
    """A text that is written to YAML with CloudFormation's tag !Sub."""


class _Block(str):
    """A text of many lines that is written to YAML as a block (`|`), which people can read."""


class _Dumper(yaml.SafeDumper):
    """A writer of YAML for plain values, `_Sub` and `_Block`."""


_Dumper.add_representer(_Sub, lambda dumper, data: dumper.represent_scalar("!Sub", str(data), style='"'))
_Dumper.add_representer(
    _Block, lambda dumper, data: dumper.represent_scalar("tag:yaml.org,2002:str", str(data), style="|")
)
