"""Runbooks as Systems Manager documents: the only commands that a stack can send.

Facts about Run Command that this rests on (AWS Systems Manager User Guide; the agent's source):

- `interpolationType: ENV_VAR` needs schema 2.2 and SSM Agent 3.3.2746.0. An older agent leaves the variable unset, so
  every script stops by name when one is missing, instead of running with nothing.
- The agent saves the lines as a file and runs `sh -c <file>`: the first line's `#!` decides the shell.
- Commands run as root. Another user goes through `runuser`, which keeps the environment.
- The agent checks `allowedPattern` once more, with Go's regular expressions.
"""

from typing import Any

import yaml

from firstline.runbooks import patterns
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import SCRIPT_END, Command, Runbook

OLDEST_AGENT = (3, 3, 2746, 0)
"""The first SSM Agent that hands parameters over as environment variables."""

MAX_DOCUMENTS = 500
"""Resources in one CloudFormation template."""

SHEBANG = "#!/usr/bin/env bash\n"

_HEADER = "# Generated from runbooks/*.yaml by `make runbooks`. Do not edit: change the runbook and render again.\n"


def render_template(catalogue: Catalogue) -> str:
    """The nested CloudFormation template with one `AWS::SSM::Document` for each command of each runbook.

    The same catalogue gives the same bytes. Runbooks that are off have no documents: what is not there cannot be sent.
    """
    resources = {
        logical_id(runbook.id, step_id): _resource(runbook, step_id, command)
        for runbook in catalogue.values()
        if runbook.mode != "off"
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
    """The whole script as the agent saves and runs it.

    The script of another user is handed over in a variable, not through standard input, where its own commands would
    swallow the rest of it.
    """
    guarded = "\n".join([*guards(command), command.run.rstrip("\n")]) + "\n"
    if command.run_as == "root":
        return SHEBANG + guarded
    return (
        f"{SHEBANG}"
        f"IFS= read -r -d '' script <<'{SCRIPT_END}' || true\n"
        f"{guarded}{SCRIPT_END}\n"
        f'exec runuser -u {command.run_as} -- bash -c "$script" </dev/null\n'
    )


def guards(command: Command) -> list[str]:
    """The lines before a runbook's own: stop at the first failure, and at a parameter that did not arrive."""
    oldest = ".".join(map(str, OLDEST_AGENT))
    stop = f"is not set: update the SSM Agent on this host to {oldest} or later"
    return ["set -euo pipefail", *(f': "${{SSM_{name}:?{stop}}}"' for name in command.variables)]


def _resource(runbook: Runbook, step_id: str, command: Command) -> dict[str, Any]:
    parameters = {
        name: {
            "type": "String",
            "description": f"Read by the script as $SSM_{name}",
            "interpolationType": "ENV_VAR",
            "allowedPattern": patterns.portable(runbook.parameters[name].pattern),
            "maxChars": patterns.MAX_VALUE_LENGTH,
        }
        for name in command.variables
    }
    return {
        "Type": "AWS::SSM::Document",
        "Properties": {
            "Name": _Sub(f"${{DocumentPrefix}}-{runbook.id}-{step_id}"),
            "DocumentType": "Command",
            "UpdateMethod": "NewVersion",
            "Content": {
                "schemaVersion": "2.2",
                "description": f"{runbook.title}: {step_id}",
                **({"parameters": parameters} if parameters else {}),
                "mainSteps": [
                    {
                        "action": "aws:runShellScript",
                        "name": step_id.replace("-", "_"),
                        "precondition": {"StringEquals": ["platformType", "Linux"]},
                        "inputs": {
                            "timeoutSeconds": str(int(command.timeout.total_seconds())),
                            "runCommand": [_Block(render_script(command))],
                        },
                    }
                ],
            },
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
