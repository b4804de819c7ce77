"""The runbooks of a folder, read and checked together."""

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from firstline.errors import ConfigurationError
from firstline.models import Frozen
from firstline.runbooks import examples, model, parameters, release_steps
from firstline.runbooks.model import Runbook

# libyaml reads ten times as fast; a cold start waits for it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Problem(Frozen):
    """Something wrong in a file of the runbooks folder, and how to mend it. `line` counts from 1; 0 means the file."""

    file: str
    line: int = Field(ge=0)
    key: str
    message: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.file}:{self.line}: {key}{self.message}" if self.line else f"{self.file}: {key}{self.message}"


class Catalogue(Mapping[str, Runbook]):
    """Runbooks by id, in the order of their ids."""

    def __init__(self, runbooks: list[Runbook]) -> None:
        self._runbooks = {runbook.id: runbook for runbook in sorted(runbooks, key=lambda runbook: runbook.id)}

    def __getitem__(self, runbook_id: str) -> Runbook:
        return self._runbooks[runbook_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runbooks)

    def __len__(self) -> int:
        return len(self._runbooks)


def load(folder: Path) -> Catalogue:
    """Read every `*.yaml` at the folder's top level; names that start with `_` are templates.

    Raises
    ------
    ConfigurationError
        The folder is missing, or a runbook is wrong: every problem with its file, line and key.
    """
    runbooks, problems = read(folder)
    if problems:
        raise ConfigurationError("Runbooks: " + "; ".join(map(str, problems)))
    return Catalogue(runbooks)


def read(folder: Path) -> tuple[list[Runbook], list[Problem]]:
    """The sound runbooks of a folder, and everything that is wrong with the others."""
    if not folder.is_dir():
        return [], [
            Problem(file=str(folder), line=0, key="", message="no such folder; set RUNBOOKS_DIR to the runbooks")
        ]
    runbooks: list[Runbook] = []
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.name.startswith("_"):
            continue
        runbook, found = parse(path.read_text(encoding="utf-8"), path.name)
        problems += found
        if runbook and runbook.id != path.stem:
            problems.append(
                _problem(path.name, 1, "id", f"{runbook.id!r} is not the file's name; call it {runbook.id}.yaml")
            )
        elif runbook:
            runbooks.append(runbook)
    return runbooks, [*problems, *_clashes(runbooks)]


def _clashes(runbooks: list[Runbook]) -> Iterator[Problem]:
    """Documents of two runbooks that would get one name: `a-b` with step `c`, and `a` with step `b-c`."""
    owners: dict[str, tuple[str, str]] = {}
    for runbook in runbooks:
        for step_id, _ in runbook.commands():
            # Without dashes: CloudFormation's names for resources have none.
            owner = owners.setdefault(f"{runbook.id}-{step_id}".replace("-", ""), (runbook.id, step_id))
            if owner != (runbook.id, step_id):
                message = (
                    f"step {step_id!r} would share its document with {owner[1]!r} of runbook {owner[0]!r}; rename it"
                )
                yield _problem(f"{runbook.id}.yaml", 1, "steps", message)


def parse(text: str, file: str) -> tuple[Runbook | None, list[Problem]]:
    """One runbook from its YAML, or what is wrong with it."""
    try:
        # A subclass of SafeLoader either way: it builds plain data only.
        raw = yaml.load(text, Loader=_Loader)  # noqa: S506
        twice = list(_duplicates(yaml.compose(text, Loader=_Loader)))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [
            _problem(file, line, "", f"not YAML: {error.problem}; mind the indentation and quote ':' and '#'")
        ]
    except yaml.YAMLError as error:
        return None, [_problem(file, 1, "", f"not YAML: {error}")]
    if twice:
        return None, [_problem(file, line, key, "given twice; keep one") for line, key in twice]
    try:
        return Runbook.model_validate(raw), []
    except ValidationError as error:
        node = yaml.compose(text, Loader=_Loader)
        return None, [
            _problem(
                file, _line(node, _place(dict(found))), _key(_place(dict(found))), _message(dict(found), found["loc"])
            )
            for found in error.errors(include_url=False)
        ]


def line_of(text: str, location: tuple[int | str, ...]) -> int:
    """The line of a runbook's YAML on which a key stands, from 1: `("steps", 0, "run")`."""
    return _line(yaml.compose(text, Loader=_Loader), location)


def schema() -> str:
    """The JSON Schema of a runbook, for editors that complete and check YAML."""
    return json.dumps(Runbook.model_json_schema(by_alias=True), indent=2) + "\n"


def _problem(file: str, line: int, key: str, message: str) -> Problem:
    return Problem(file=file, line=line, key=key, message=message)


def _place(found: Mapping[str, Any]) -> tuple[int | str, ...]:
    """Where in the file: pydantic puts a step's kind behind its number, and of a wrong kind it names the step only."""
    location: tuple[int | str, ...] = found["loc"]
    if found["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return (*location, "kind")
    return location[:2] + location[3:] if location[:1] == ("steps",) and location[2:3] in _KINDS else location


def _key(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location))


def _message(error: dict[str, Any], location: tuple[int | str, ...]) -> str:
    match error["type"]:
        case "extra_forbidden":
            known = _keys_beside(location)
            near = difflib.get_close_matches(str(location[-1]), known, n=1)
            return f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known are {', '.join(known)}"
        case "union_tag_invalid":
            return f"{error['ctx']['tag']!r} is no kind of step; known are {_KNOWN_KINDS}"
        case "union_tag_not_found":
            return f"is missing; add it: {_KNOWN_KINDS}"
        case "missing":
            return "is missing; add it"
        case "greater_than_equal":
            return f"{error['input']} is too small; {error['ctx']['ge']} is the least"
        case "less_than_equal":
            return f"{error['input']} is too big; {error['ctx']['le']} is the most"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return f"{error['msg']} (it is {error['input']!r:.80})"


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    """The keys that a runbook knows where `location` points."""
    kind: type[BaseModel] = Runbook
    names = [part for part in location[:-1] if isinstance(part, str)]
    for end in range(1, len(names) + 1):
        kind = _PARTS.get(".".join(names[:end]), kind)
    return [field.alias or name for name, field in kind.model_fields.items()]


_STEPS: dict[str, type[BaseModel]] = {
    "diagnose": model.Step,
    "act": model.Step,
    "ssm_document": model.DocumentStep,
    "codedeploy_rollback": release_steps.CodeDeployRollback,
    "appconfig_rollback": release_steps.AppConfigRollback,
}
_KINDS = {(kind,) for kind in _STEPS}
_KNOWN_KINDS = ", ".join(_STEPS)

_PARTS: dict[str, type[BaseModel]] = {
    "match": model.Match,
    "examples": examples.Examples,
    "examples.match": examples.ExampleAlert,
    "examples.no_match": examples.ExampleAlert,
    "parameters": parameters.Parameter,
    "limits": model.RunbookLimits,
    "steps": model.Step,
    **{f"steps.{kind}": step for kind, step in _STEPS.items()},
    "steps.accept": model.Accepted,
    "verify": model.Verify,
    "verify.accept": model.Accepted,
    "rollback": model.RollbackStep,
    "rollback.accept": model.Accepted,
}


def _line(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The line of the deepest part of `location` that the file has."""
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                return line
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _duplicates(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Keys that stand twice in one mapping: YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, str(key.value)
            seen.add(key.value)
            yield from _duplicates(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicates(item)
