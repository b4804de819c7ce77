"""The owner's policy files: read and checked; an error names the place and the fix."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from firstline.errors import ConfigurationError

# A cold start waits for the files, and libyaml reads ten times as fast. Both loaders build plain data only.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path, *, missing: str) -> Any:
    """Read a YAML file.

    Parameters
    ----------
    missing
        The advice for the error if there is no such file.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or is no YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: not found; {missing}.") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); {missing}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None


def load_policy[Policy: BaseModel](path: Path, model: type[Policy], *, missing: str) -> Policy:
    """Read a policy from its file.

    Raises
    ------
    ConfigurationError
        The file is missing, is no YAML or is not valid; the message names the file, key, line and fix.
    """
    content = read_yaml(path, missing=missing)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        text = path.read_text(encoding="utf-8")
        wrong = "; ".join(
            _in_words(mistake["loc"], _advice(mistake["type"], mistake["msg"]), text) for mistake in error.errors()
        )
        raise ConfigurationError(f"{path}: {wrong}") from None


def _in_words(location: tuple[int | str, ...], advice: str, text: str) -> str:
    """Return a mistake with its key and line. An error of the whole file may begin with a key itself."""
    line = line_of(text, location or tuple(advice.partition(":")[0].split(".")))
    key = f"{'.'.join(map(str, location)) or 'the file'}: "
    return f"{key}{advice} (line {line})"


def line_of(text: str, location: tuple[int | str, ...]) -> int:
    """Return the line, from 1, of the deepest part of a location in a YAML text, such as `("steps", 0, "run")`."""
    return line_in(yaml.compose(text, Loader=Loader), location)


def line_in(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Return the line, from 1, of the deepest part of a location that a YAML node has."""
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        children: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        if isinstance(node, yaml.MappingNode):
            children = {key.value: (key, value) for key, value in node.value}
        elif isinstance(node, yaml.SequenceNode):
            children = {str(number): (item, item) for number, item in enumerate(node.value)}
        if str(part) not in children:
            break
        start, node = children[str(part)]
        line = start.start_mark.line + 1
    return line


def _advice(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "no such key; remove it or correct its spelling"
    return message.removeprefix("Value error, ")
