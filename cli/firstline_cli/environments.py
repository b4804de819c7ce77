"""The environments that can be deployed: samconfig.toml's, with the owner's `mine/firstline.toml` over them.

```toml
[dev]
region = "eu-central-1"                      # also stack_name

[dev.parameters]
PageEmail = "ops@example.com"

[dev.tags]
team = "platform"
```
"""

import difflib
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from firstline.errors import ConfigurationError
from firstline.policy.files import Loader
from firstline_cli import overlay

FILE = overlay.SETTINGS


class _Own(BaseModel):
    """One environment as the owner writes it in mine/firstline.toml."""

    model_config = ConfigDict(extra="forbid")

    stack_name: str | None = None
    region: str | None = None
    parameters: dict[str, str | bool | int] = {}
    tags: dict[str, str] = {}


@dataclass(frozen=True)
class Environment:
    """An environment that can be deployed.

    `parameters` has every parameter of the template, so that a deployment leaves none at an earlier value: the owner's
    value, else samconfig's, else the template's default. `own` has only the owner's. `tags` has samconfig's and the
    owner's, because SAM ignores the tags of its file if the command line has any. `confirms` is True if SAM asks before
    it changes anything.
    """

    name: str
    stack_name: str
    region: str | None
    parameters: Mapping[str, str]
    own: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    confirms: bool = False


def load(checkout: Path) -> dict[str, Environment]:
    """Return the environments of samconfig.toml by name, with what mine/firstline.toml changes.

    Raises
    ------
    ConfigurationError
        mine/firstline.toml or samconfig.toml is wrong; the message names the key and the fix.
    """
    shipped, own, declared = _shipped(checkout), _own(checkout), parameters_of_template(checkout)
    if unknown := sorted(own.keys() - shipped.keys()):
        raise ConfigurationError(f"{FILE}: {unknown[0]!r} is no environment; known are {', '.join(shipped)}.")
    defaults = {name: str(given.get("Default", "")) for name, given in declared.items()}
    found = {}
    for name, (stack_name, region, parameters, tags, confirms) in shipped.items():
        mine = own.get(name, _Own())
        given = {
            key: str(value).lower() if value in (True, False) else str(value) for key, value in mine.parameters.items()
        }
        for key, value in given.items():
            if problem := _problem(key, value, declared):
                raise ConfigurationError(f"{FILE}: {name}.parameters.{key}: {problem}.")
        found[name] = Environment(
            name=name,
            stack_name=mine.stack_name or stack_name,
            region=mine.region or region,
            parameters=defaults | parameters | given,
            own=given,
            tags=tags | mine.tags,
            confirms=confirms,
        )
    return found


def remember(checkout: Path, environment: str, parameters: Mapping[str, str], region: str | None) -> None:
    """Write an environment's parameters, and its region if given, into mine/firstline.toml; its other lines stay."""
    import tomlkit

    file = checkout / FILE
    text = file.read_text(encoding="utf-8-sig") if file.exists() else _HEADING
    document: Any = tomlkit.parse(text)
    table = document.setdefault(environment, tomlkit.table())
    if region:
        table["region"] = region
    given = table.setdefault("parameters", tomlkit.table())
    for name, value in parameters.items():
        given[name] = value
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(tomlkit.dumps(document), encoding="utf-8")


_HEADING = """# Yours: parameters of template.yaml for each environment of samconfig.toml. Git ignores this folder.
# Runbooks and policies of yours stand in runbooks/ beside this file, laid out as in the checkout's runbooks/.
"""


_RENAMED = {
    "Dashboard": 'Observability; for true write Observability = "dashboard"',
    "EventBridgeAlarms": "EventBridgeEvents (alarms-and-deployments, alarms, deployments or none)",
    "EventBridgeDeployments": "EventBridgeEvents (alarms-and-deployments, alarms, deployments or none)",
    "IngestConcurrency": 'ReservedConcurrency, whose first number it is: "20,5"',
    "PagingConcurrency": 'ReservedConcurrency, whose second number it is: "20,5"',
}
"""Parameters of earlier releases, each with the parameter that replaces it."""

_EVENTS = {"cloudwatch": "alarms", "deployments": "deployments"}
"""The word in EventBridgeEvents for each source whose messages EventBridge brings."""


def comes_by_event(parameters: Mapping[str, str], source: str) -> bool:
    """Return True if a stack with these parameters gets a source's alerts or deployments from EventBridge."""
    wanted = parameters.get("EventBridgeEvents", "")
    return source in _EVENTS and _EVENTS[source] in wanted.split("-and-")


def event_choice(sources: Collection[str]) -> str:
    """Return the value of the parameter EventBridgeEvents for these sources, such as `alarms-and-deployments`."""
    return "-and-".join(event for source, event in _EVENTS.items() if source in sources) or "none"


def parameters_of_template(checkout: Path) -> dict[str, dict[str, Any]]:
    """Return the parameters that template.yaml declares, each with its keys Type, Default and so on."""
    loader = Loader((checkout / "template.yaml").read_text(encoding="utf-8"))
    try:
        root: Any = loader.get_single_node()
        # The other sections have CloudFormation's tags, which a plain loader does not know.
        section = next(value for key, value in root.value if key.value == "Parameters")
        found: dict[str, dict[str, Any]] = loader.construct_document(section)
        return found
    except yaml.YAMLError as error:
        raise ConfigurationError(f"template.yaml: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()


def _shipped(checkout: Path) -> dict[str, tuple[str, str | None, dict[str, str], dict[str, str], bool]]:
    """Return the environments of samconfig.toml that name a stack, by name.

    The five values of an environment are its stack's name, its region or None, its parameters, its tags, and True if
    SAM asks before it changes anything.
    """
    found = {}
    for name, commands in overlay.samconfig(checkout).items():
        given = _parameters(commands, "global")
        if "stack_name" in given:
            parameters = _pairs(given.get("parameter_overrides", ""), f"{name}.global.parameters.parameter_overrides")
            deployed = _parameters(commands, "deploy")
            tags = _pairs(deployed.get("tags", ""), f"{name}.deploy.parameters.tags")
            asks = bool(deployed.get("confirm_changeset"))
            found[name] = (str(given["stack_name"]), given.get("region"), parameters, tags, asks)
    return found


def _parameters(commands: Any, command: str) -> dict[str, Any]:
    """Return the table `<command>.parameters` of an environment in samconfig.toml; an empty one if it has none."""
    table = commands.get(command) if isinstance(commands, dict) else None
    parameters = table.get("parameters") if isinstance(table, dict) else None
    return parameters if isinstance(parameters, dict) else {}


def _pairs(given: object, place: str) -> dict[str, str]:
    """Parse `Name=value Other="another value"`, which SAM also takes as a list of pairs, into a dictionary.

    `place` says in the message of an error where in samconfig.toml the pairs stand.
    """
    try:
        words = list(map(str, given)) if isinstance(given, list) else shlex.split(str(given))
        return dict(word.split("=", 1) for word in words)
    except ValueError:
        raise ConfigurationError(
            f"{overlay.SAMCONFIG}: {place}: write Name=value for each, with quotes around a value that has spaces."
        ) from None


def _own(checkout: Path) -> dict[str, _Own]:
    content = overlay.settings(checkout)
    try:
        return TypeAdapter(dict[str, _Own]).validate_python(content)
    except ValidationError as error:
        mistake = error.errors()[0]
        place = ".".join(map(str, mistake["loc"]))
        known = f"; known are {', '.join(_Own.model_fields)}" if mistake["type"] == "extra_forbidden" else ""
        raise ConfigurationError(f"{FILE}: {place}: {mistake['msg']}{known}.") from None


def _problem(name: str, value: str, declared: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return what is wrong with a parameter, by what the template has `declared`; None if nothing is."""
    if name in _RENAMED:
        return f"this parameter is now a part of {_RENAMED[name]}"
    if name not in declared:
        near = difflib.get_close_matches(name, declared, n=1)
        hint = f"did you mean {near[0]}?" if near else "its section Parameters lists them"
        return f"template.yaml has no such parameter; {hint}"
    return next(_mistakes(value, declared[name]), None)


def _mistakes(value: str, declared: Mapping[str, Any]) -> Iterator[str]:
    allowed = [str(value) for value in declared.get("AllowedValues", ())]
    if allowed and value not in allowed:
        yield f"{value!r} is not allowed; write {', '.join(allowed)}"
    pattern, listed = declared.get("AllowedPattern"), declared["Type"] == "CommaDelimitedList"
    for part in value.split(",") if listed else [value]:
        if pattern and not re.fullmatch(pattern, part):
            yield f"{part!r} does not match the pattern {pattern}"
    if declared["Type"] == "Number" and not re.fullmatch(r"\d+", value):
        yield f"{value!r} is no number; write digits only"
