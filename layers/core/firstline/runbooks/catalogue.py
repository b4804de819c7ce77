"""A catalogue of runbooks: the files of a folder, read and checked together."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from firstline.errors import ConfigurationError
from firstline.policy.files import Loader, keys_twice, line_in
from firstline.runbooks import commands, examples, metric_match, model, parameters, release_steps
from firstline.runbooks.model import Runbook


@dataclass(frozen=True)
class Problem:
    """A mistake in a file of the runbooks folder; the message says how to correct the file.

    `line` counts from 1; 0 means the whole file.
    """

    file: str
    message: str
    line: int = 0
    key: str = ""

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.file}:{self.line}: {key}{self.message}" if self.line else f"{self.file}: {key}{self.message}"


class Catalogue(dict[str, Runbook]):
    """Runbooks by id, in the order of their ids."""

    def __init__(self, runbooks: list[Runbook]) -> None:
        super().__init__((runbook.id, runbook) for runbook in sorted(runbooks, key=lambda runbook: runbook.id))


def load(folder: Path) -> Catalogue:
    """Read every `*.yaml` file at the top level of a folder, except those that start with `_`, which are templates.

    Raises
    ------
    ConfigurationError
        The folder is missing, or a runbook is wrong. The message lists every problem with its file, line and key.
    """
    runbooks, problems = read(folder)
    if problems:
        raise ConfigurationError("Runbooks: " + "; ".join(map(str, problems)))
    return Catalogue(runbooks)


def read(folder: Path) -> tuple[list[Runbook], list[Problem]]:
    """Return the valid runbooks of a folder, and the problems of all its files."""
    if not folder.is_dir():
        return [], [Problem(str(folder), "no such folder; set RUNBOOKS_DIR to the folder of the runbooks")]
    runbooks: list[Runbook] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name.startswith("_"):
            continue
        runbook, found = parse(path.read_text(encoding="utf-8"), path.name)
        problems += found
        if runbook and runbook.id != path.stem:
            message = f"{runbook.id!r} is not the file's name; rename the file to {runbook.id}.yaml, or change the id"
            problems.append(Problem(path.name, message, 1, "id"))
        elif runbook:
            runbooks.append(runbook)
    return runbooks, [*problems, *_clashes(runbooks)]


def _clashes(runbooks: list[Runbook]) -> Iterator[Problem]:
    """Yield a problem for every two steps whose SSM documents would get the same logical id in CloudFormation.

    Step `c` of the runbook `a-b` and step `b-c` of the runbook `a` are such a pair: logical ids have no dashes.
    """
    owners: dict[str, tuple[str, str]] = {}
    for runbook in runbooks:
        for step_id, _ in runbook.commands():
            # CloudFormation's logical ids have no dashes, so only the rest of a name tells two documents apart.
            name = f"{runbook.id}-{step_id}".replace("-", "")
            owner_id, owner_step = owners.setdefault(name, (runbook.id, step_id))
            if (owner_id, owner_step) != (runbook.id, step_id):
                other = f"{owner_step!r} of runbook {owner_id!r}"
                message = f"step {step_id!r} would share its SSM document with {other}; rename one of the two steps"
                yield Problem(f"{runbook.id}.yaml", message, 1, "steps")


@lru_cache(maxsize=128)
def parse(text: str, file: str) -> tuple[Runbook | None, tuple[Problem, ...]]:
    """Read a runbook from YAML text. Return the runbook and no problems, or None and the problems of the file.

    `file` is the name of the file in the problems.
    """
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        twice = tuple(sorted(keys_twice(node)))
        raw = None if node is None or twice else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, (Problem(file, f"not YAML: {error.problem}; mind the indentation and quote ':' and '#'", line),)
    except yaml.YAMLError as error:
        return None, (Problem(file, f"not YAML: {error}", 1),)
    finally:
        loader.dispose()
    if twice:
        return None, tuple(Problem(file, "given twice; keep one", line, key) for line, key in twice)
    try:
        return Runbook.model_validate(raw), ()
    except ValidationError as error:
        located = [(_location(found), found) for found in error.errors(include_url=False)]
        return None, tuple(
            Problem(file, _message(found), line_in(node, location), ".".join(map(str, location)))
            for location, found in located
        )


def schema() -> str:
    """Return the JSON Schema of a runbook, for editors that complete and check YAML."""
    return json.dumps(Runbook.model_json_schema(by_alias=True), indent=2) + "\n"


def _location(error: Mapping[str, Any]) -> tuple[int | str, ...]:
    """Return the keys and list positions that lead to the place of pydantic's error in the file.

    pydantic inserts the kind of a step after the step's number, and omits the key `kind` if the kind itself is wrong;
    both are corrected here.
    """
    location: tuple[int | str, ...] = error["loc"]
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return (*location, "kind")
    has_kind = len(location) > 2 and location[0] == "steps" and location[2] in _STEPS
    return location[:2] + location[3:] if has_kind else location


def _message(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "extra_forbidden":
            known = _keys_beside(error["loc"])
            near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
            return f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known are {', '.join(known)}"
        case "union_tag_invalid":
            return f"{error['ctx']['tag']!r} is not a kind of step; known are {', '.join(_STEPS)}"
        case "union_tag_not_found":
            return f"is missing; add the kind of the step, one of {', '.join(_STEPS)}"
        case "missing":
            return "is missing; add it"
        case "greater_than_equal":
            return f"{error['input']} is too small; {error['ctx']['ge']} is the least"
        case "less_than_equal":
            return f"{error['input']} is too big; {error['ctx']['le']} is the most"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return f"{error['msg']}, but the file says {error['input']!r:.80}"


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys that a runbook's file allows beside the key to which `location` leads.

    For `("limits", "cooldwn")` these are the keys of `limits`.
    """
    kind: type[BaseModel] = Runbook
    names = [part for part in location[:-1] if isinstance(part, str)]
    for end in range(1, len(names) + 1):
        kind = _PARTS.get(".".join(names[:end]), kind)
    return [field.alias or name for name, field in kind.model_fields.items()]


_STEPS: dict[str, type[BaseModel]] = {
    "diagnose": commands.Step,
    "act": commands.Step,
    "ssm_document": commands.DocumentStep,
    "codedeploy_rollback": release_steps.CodeDeployRollback,
    "appconfig_rollback": release_steps.AppConfigRollback,
}

_PARTS: dict[str, type[BaseModel]] = {
    "match": model.Match,
    "match.metrics": metric_match.MetricMatch,
    "examples": examples.Examples,
    "examples.match": examples.ExampleAlert,
    "examples.no_match": examples.ExampleAlert,
    "parameters": parameters.Parameter,
    "limits": model.RunbookLimits,
    "verify": commands.Verify,
    "rollback": commands.RollbackStep,
    **{f"steps.{kind}": step for kind, step in _STEPS.items()},
    **{f"{part}.accept": commands.Accepted for part in ("steps.diagnose", "steps.act", "verify", "rollback")},
}
