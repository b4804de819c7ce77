"""Reader of the SAM template: AWS's own translator expands it, and `Template` resolves its intrinsic functions.

`local/emulator/resources.py` creates the resources.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import intrinsics_multi_constructor

from firstline.policy.files import Loader

LOCAL_BUCKET = "local"
"""A made-up bucket whose keys are the template's local paths, because the translator takes only S3 locations."""

_PATH_PROPERTIES = ("CodeUri", "ContentUri", "DefinitionUri")
_SUB_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
_NO_VALUE = object()
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Fn::Join": lambda separator, parts: separator.join(map(str, parts)),
    "Fn::Split": lambda separator, text: text.split(separator),
    "Fn::Select": lambda index, values: values[int(index)],
    "Fn::Equals": lambda left, right: left == right,
    "Fn::And": lambda *conditions: all(conditions),
    "Fn::Or": lambda *conditions: any(conditions),
    "Fn::Not": lambda condition: not condition,
}
"""The intrinsic functions whose value depends only on their resolved arguments."""


class _TemplateLoader(Loader):  # type: ignore[misc,valid-type]
    """A YAML loader that knows the short forms of intrinsic functions; SAM's own loader is ten times slower."""


_TemplateLoader.add_multi_constructor("!", intrinsics_multi_constructor)


class TemplateError(Exception):
    """The template is wrong, or uses a feature that is not supported here; the message says which and where."""


def expand(path: Path, parameters: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the template at `path` after the SAM transform, if it has one.

    `parameters` has the values of the template's parameters.

    Raises
    ------
    TemplateError
        The file is missing, or the translator refuses it.
    """
    if not path.exists():
        raise TemplateError(f"There is no template {path}: give the folder of a whole checkout of Firstline.")
    template: dict[str, Any] = yaml.load(path.read_text(), Loader=_TemplateLoader)  # noqa: S506
    if "Transform" not in template:
        return template
    for resource in template["Resources"].values():
        for name in _PATH_PROPERTIES:
            value = resource.get("Properties", {}).get(name)
            if isinstance(value, str):
                resource["Properties"][name] = f"s3://{LOCAL_BUCKET}/{value}"
    try:
        translator = Translator({}, Parser(), boto_session=boto3.session.Session(region_name=region))
        expanded: dict[str, Any] = translator.translate(template, parameter_values=dict(parameters))
    except InvalidDocumentException as error:
        raise TemplateError(f"{path}: {'; '.join(cause.message for cause in error.causes)}") from error
    return expanded


class Template:
    """An expanded template with its parameters given.

    Parameters
    ----------
    attribute
        Returns the value of an attribute of a resource by its logical id and the attribute's name, as `Fn::GetAtt`
        does; the name None means `Ref`.
    pseudo
        Values of `AWS::Region` and its like.
    """

    def __init__(
        self,
        body: Mapping[str, Any],
        parameters: Mapping[str, Any],
        *,
        pseudo: Mapping[str, str],
        attribute: Callable[[str, str | None], Any],
    ) -> None:
        self._body = body
        self._attribute = attribute
        self._values: dict[str, Any] = dict(pseudo)
        declared = body.get("Parameters", {})
        if unknown := sorted(set(parameters) - set(declared)):
            raise TemplateError(
                f"There is no template parameter {', '.join(unknown)}; choose from {', '.join(declared)}."
            )
        for name, declaration in declared.items():
            if name not in parameters and "Default" not in declaration:
                raise TemplateError(f"The template parameter {name} has no default: give {name}=value.")
            value = str(parameters.get(name, declaration.get("Default")))
            self._values[name] = value.split(",") if "List" in declaration["Type"] else value

    @property
    def parameters(self) -> dict[str, str]:
        """The value of each parameter as text; the values of a list are joined by commas."""
        given = {name: self._values[name] for name in self._body.get("Parameters", {})}
        return {name: ",".join(value) if isinstance(value, list) else value for name, value in given.items()}

    def resources(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Return the type and raw properties of each resource whose condition holds, by logical id."""
        return {
            name: (resource["Type"], resource.get("Properties", {}))
            for name, resource in self._body["Resources"].items()
            if self._holds(resource.get("Condition"))
        }

    def outputs(self) -> dict[str, Any]:
        """Return every output's value, resolved."""
        return {
            name: self.resolve(output["Value"])
            for name, output in self._body.get("Outputs", {}).items()
            if self._holds(output.get("Condition"))
        }

    def resolve(self, value: Any) -> Any:
        """Return `value` with all intrinsic functions replaced by their values.

        Raises
        ------
        TemplateError
            An intrinsic function is not supported here.
        """
        resolved = self._resolve(value)
        return None if resolved is _NO_VALUE else resolved

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, dict):
            if len(value) == 1:
                ((name, argument),) = value.items()
                if name == "Ref" or name == "Condition" or name.startswith("Fn::"):
                    return self._call(name, argument)
            items = {key: self._resolve(item) for key, item in value.items()}
            return {key: item for key, item in items.items() if item is not _NO_VALUE}
        if isinstance(value, list):
            return [item for item in map(self._resolve, value) if item is not _NO_VALUE]
        return value

    def _call(self, name: str, argument: Any) -> Any:
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](*self._resolve(argument))
        match name:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(logical_id, self._resolve(attribute))
            case "Fn::Sub":
                return self._sub(argument)
            case "Fn::If":
                return self._resolve(argument[1] if self._holds(argument[0]) else argument[2])
            case "Fn::FindInMap":
                table, top, second = map(self._resolve, argument)
                return self._body["Mappings"][table][top][second]
            case "Condition":
                return self._holds(argument)
        where = json.dumps(argument, default=str)[:200]
        raise TemplateError(f"{name} {where}: this intrinsic function is not supported by local/emulator/template.py")

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        return self._values[name] if name in self._values else self._attribute(name, None)

    def _sub(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return str(self._resolve(own[name]))
            logical_id, _, attribute = name.partition(".")
            return str(self._attribute(logical_id, attribute) if attribute else self._ref(name))

        return _SUB_VARIABLE.sub(replace, text)

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self._resolve(self._body["Conditions"][condition]))


def state_machine_definition(path: Path, substitutions: Mapping[str, str]) -> str:
    """Return the state machine's definition at `path` as JSON, with each `${Name}` replaced by its substitution.

    Raises
    ------
    TemplateError
        A name in the definition has no substitution.
    """

    def replace(match: re.Match[str]) -> str:
        name = match.group(2)
        if name not in substitutions:
            raise TemplateError(f"{path}: ${{{name}}} has no value; add it to the DefinitionSubstitutions.")
        return json.dumps(substitutions[name])[1:-1]  # it stands inside a JSON string

    return _SUB_VARIABLE.sub(replace, json.dumps(yaml.load(path.read_text(), Loader=Loader)))  # noqa: S506
