"""The owner's policy files: read and checked; an error names the place and the fix."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from firstline.errors import ConfigurationError

YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Builds plain data only. A cold start waits for the owner's files, and libyaml reads ten times as fast."""


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
        return yaml.load(path.read_text(encoding="utf-8"), Loader=YAML_LOADER)  # noqa: S506
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
        The file is missing, is no YAML or is not valid; the message names the file, the key and what to write.
    """
    content = read_yaml(path, missing=missing)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, mistake['loc'])) or 'the file'}: {_advice(mistake['type'], mistake['msg'])}"
            for mistake in error.errors()
        )
        raise ConfigurationError(f"{path}: {wrong}") from None


def _advice(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "no such key; remove it or correct its spelling"
    return message.removeprefix("Value error, ")
