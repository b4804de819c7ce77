"""Runbooks as Systems Manager documents: the only commands that a stack can send.

Facts about Run Command that this rests on (AWS Systems Manager User Guide; the agent's source):

- `interpolationType: ENV_VAR` needs schema 2.2 and SSM Agent 3.3.2746.0. An older agent leaves the variable unset, so
  every script stops by name when one is missing, instead of running with nothing.
- The agent saves the lines as a file and runs `sh -c <file>`: the first line's `#!` decides the shell.
- Commands run as root. Another user goes through `runuser`, which keeps the environment.
- The agent checks `allowedPattern` once more, with Go's regular expressions.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import yaml

from firstline.runbooks import patterns
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import KILL_AFTER, SCRIPT_END, Command, Runbook, Step

OLDEST_AGENT = (3, 3, 2746, 0)
"""The first SSM Agent that hands parameters over as environment variables."""

MAX_DOCUMENTS = 500
"""Resources in one CloudFormation template."""

SHEBANG = "#!/usr/bin/env bash\n"

HOLDS_ALREADY = "verification holds already: nothing was done"
"""What an act says that found its host sound."""

NOT_NOW = "precondition does not hold: nothing was done"
"""What an act says, after its precondition's own words, that may not run now."""

_HEADER = "# Generated from runbooks/*.yaml by `make runbooks`. Do not edit: change the runbook and render again.\n"


def render_template(catalogue: Catalogue) -> str:
    """The nested CloudFormation template with one `AWS::SSM::Document` for each command of each runbook.

    The same catalogue gives the same bytes. Runbooks that are off have no documents: what is not there cannot be sent.
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
                "Description": "The documents are named <prefix>-<runbook>-<step>",
                "AllowedPattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$",
            }
        },
        "Resources": resources,
    }
    text = yaml.dump(template, Dumper=_Dumper, sort_keys=False, width=1_000, allow_unicode=True)
    return _HEADER + text


def render_script(command: Command) -> str:
    """A command by itself, as the agent saves and runs it.

    The script of another user is handed over in a variable, not through standard input, where its own commands would
    swallow the rest of it.
    """
    guarded = "\n".join([*guards(command.variables), command.run.rstrip("\n")]) + "\n"
    if command.run_as == "root":
        return SHEBANG + guarded
    return (
        f"{SHEBANG}"
        f"IFS= read -r -d '' script <<'{SCRIPT_END}' || true\n"
        f"{guarded}{SCRIPT_END}\n"
        f'exec runuser -u {command.run_as} -- bash -c "$script" </dev/null\n'
    )


def render_document_script(runbook: Runbook, command: Command) -> str:
    """The script of a command's document: an act looks first whether there is anything to do, and whether it may.

    Alerts come late, and a step before, or somebody, may have cured the host meanwhile. Both questions are asked by a
    shell of their own: inside `if` and `||` bash would not stop at their first failure.
    """
    script = render_script(command).removeprefix(SHEBANG)
    before = guards(runbook.parameters_of(command))
    if runbook.verify and runbook.verified_first(command):
        limit = f"timeout -k {KILL_AFTER.seconds} {int(runbook.verify.timeout.total_seconds())} "
        before += [
            *_text_of("firstline_verify", runbook.verify.run, runbook.verify.variables),
            f"if {limit}{_shell(runbook.verify.run_as, 'firstline_verify')} >/dev/null 2>&1; then",
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
    return SHEBANG + ("\n".join(before) + "\n" if runbook.verified_first(command) else "") + script


def _text_of(variable: str, script: str, parameters: Iterable[str]) -> list[str]:
    """Lines that put a script into a variable, without running it."""
    inner = "\n".join([*guards(parameters), script.rstrip("\n")])
    return [f"IFS= read -r -d '' {variable} <<'{SCRIPT_END}' || true", inner, SCRIPT_END]


def _shell(user: str, variable: str) -> str:
    """A command that runs a variable's script as a user; its own commands may not swallow ours."""
    return ("" if user == "root" else f"runuser -u {user} -- ") + f'bash -c "${variable}" </dev/null'


def guards(parameters: Iterable[str]) -> list[str]:
    """The lines before a runbook's own: stop at the first failure, and at a parameter that did not arrive."""
    oldest = ".".join(map(str, OLDEST_AGENT))
    stop = f"is not set: update the SSM Agent on this host to {oldest} or later"
    return ["set -euo pipefail", *(f': "${{SSM_{name}:?{stop}}}"' for name in parameters)]


def content(runbook: Runbook, step_id: str, command: Command) -> dict[str, Any]:
    """The document of one command, as Systems Manager keeps it."""
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


def content_hash(document: Any) -> str:
    """SHA-256 of a document's content, whatever the order of its keys and the way it is written down."""
    return sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _resource(runbook: Runbook, step_id: str, command: Command) -> dict[str, Any]:
    return {
        "Type": "AWS::SSM::Document",
        "Properties": {
            "Name": _Sub(f"${{DocumentPrefix}}-{runbook.id}-{step_id}"),
            "DocumentType": "Command",
            "UpdateMethod": "NewVersion",
            "Content": content(runbook, step_id, command),
            "Tags": [
                {"Key": "firstline:runbook", "Value": runbook.id},
                {"Key": "firstline:step", "Value": step_id},
            ],
        },
    }


def logical_id(runbook_id: str, step_id: str) -> str:
    """The resource's name in the template, which takes letters and digits only."""
    return "".join(part.capitalize() for part in f"{runbook_id}-{step_id}".split("-"))


class _Sub(str):
    """Text for CloudFormation's !Sub."""

    __slots__ = ()


class _Block(str):
    """Text of many lines, written so that people can read it."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Plain YAML with !Sub and block scalars."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


_Dumper.add_representer(_Sub, lambda dumper, data: dumper.represent_scalar("!Sub", str(data), style='"'))
_Dumper.add_representer(
    _Block, lambda dumper, data: dumper.represent_scalar("tag:yaml.org,2002:str", str(data), style="|")
)
