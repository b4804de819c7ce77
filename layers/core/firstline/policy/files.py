"""The reading and checking of the owner's policy files; each error names the file, the key, the line and the fix."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from firstline.errors import ConfigurationError

# A cold start waits for the files, and libyaml reads ten times as fast. Both loaders build plain data only.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class KeyTwice(yaml.YAMLError):
    """A key that a mapping has twice, the second time in `line`; YAML would silently keep the last."""

    def __init__(self, line: int, key: str) -> None:
        super().__init__(f"{key}: given twice; keep one (line {line})")
        self.line = line
        self.key = key


def plain(text: str) -> Any:
    """Return a YAML text as plain data.

    Raises
    ------
    KeyTwice
        A mapping at any depth has a key twice.
    yaml.YAMLError
        The text is no YAML.
    """
    loader = Loader(text)
    try:
        return _built(loader, loader.get_single_node())
    finally:
        loader.dispose()


def documents(text: str) -> list[Any]:
    """Return each document of a YAML text as plain data; `---` separates them. Raises what `plain` raises."""
    loader, found = Loader(text), list[Any]()
    try:
        while loader.check_node():
            found.append(_built(loader, loader.get_node()))
        return found
    finally:
        loader.dispose()


def _built(loader: Any, node: yaml.Node | None) -> Any:
    if twice := min(keys_twice(node), default=None):
        raise KeyTwice(*twice)
    return None if node is None else loader.construct_document(node)


def keys_twice(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Yield the line, from 1, and the name of each key that a mapping below a YAML node has twice."""
    left: list[yaml.Node | None] = [node]
    known: set[yaml.Node | None] = set()
    while left:
        node = left.pop()
        if node in known:  # An alias stands for a node that is read already, and may stand within it.
            continue
        known.add(node)
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen:
                        yield key.start_mark.line + 1, key.value
                    seen.add(key.value)
                left.append(value)
        elif isinstance(node, yaml.SequenceNode):
            left.extend(node.value)


def read_yaml(path: Path, *, missing: str) -> Any:
    """Read a YAML file as plain data.

    Parameters
    ----------
    missing
        The advice in the error message if the file does not exist.

    Raises
    ------
    ConfigurationError
        The file does not exist, cannot be read, is no YAML, or has a key twice.
    """
    try:
        return plain(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: not found; {missing}.") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); {missing}.") from None
    except KeyTwice as error:
        raise ConfigurationError(f"{path}: {error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not readable as YAML, correct it: {' '.join(str(error).split())}") from None


def load_policy[Policy: BaseModel](path: Path, model: type[Policy], *, missing: str) -> Policy:
    """Read a policy file and validate it as `model`.

    Parameters
    ----------
    missing
        The advice in the error message if the file does not exist.

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
    """Return one mistake in a policy file as `key: advice (line N)`, with the line of the key in the YAML `text`.

    Without a location, `key` is `the file`; if `advice` begins with a key and a colon, the line is that key's.
    """
    line = line_of(text, location or tuple(advice.partition(":")[0].split(".")))
    key = f"{'.'.join(map(str, location)) or 'the file'}: "
    return f"{key}{advice} (line {line})"


def line_of(text: str, location: tuple[int | str, ...]) -> int:
    """Return the line number, from 1, of a location such as `("steps", 0, "run")` in a YAML text.

    If a part of the location is missing, the line of the part before it is returned.
    """
    return line_in(yaml.compose(text, Loader=Loader), location)


def line_in(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Return the line number, from 1, of a location such as `("steps", 0, "run")` below a YAML node.

    If a part of the location is missing, the line of the part before it is returned; without a node, 1.
    """
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
