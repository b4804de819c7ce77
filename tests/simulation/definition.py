"""Definitions of state machines: checked as Step Functions checks them, with their expressions compiled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from tests.simulation.jsonata import Template, compiled

LONGEST_SECONDS = 99_999_999
LIFETIME = timedelta(days=365)

_FIELDS = {
    "Task": "Resource Arguments TimeoutSeconds Assign Output Retry Catch Next End",
    "Choice": "Choices Default Assign Output",
    "Wait": "Seconds Assign Output Next End",
    "Pass": "Assign Output Next End",
    "Succeed": "Output",
    "Fail": "Error Cause",
}


@dataclass(frozen=True)
class Way:
    """A way out of a state: its own, a rule of a Choice, or a catcher."""

    target: str | None
    assign: Template
    output: Template | None
    condition: Template
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Retrier:
    """A retrier of a task: the errors after which it is tried again, and how soon."""

    errors: tuple[str, ...]
    interval: float
    attempts: int
    rate: float
    longest: float
    jitter: bool

    def delay(self, retries: int, random: Random) -> float:
        """Return the seconds before the next retry, after so many."""
        seconds = min(self.interval * self.rate**retries, self.longest)
        return random.uniform(0, seconds) if self.jitter else seconds


@dataclass(frozen=True)
class State:
    """A state, with its expressions compiled."""

    name: str
    kind: str
    resource: str
    own: Way
    choices: tuple[Way, ...]
    catchers: tuple[Way, ...]
    retriers: tuple[Retrier, ...]
    values: Mapping[str, Template]


class Machine:
    """A definition, checked and compiled.

    Parameters
    ----------
    substitutions
        The values of `${Name}` in the definition's texts.

    Raises
    ------
    ValueError
        The definition is wrong, or has something that this interpreter does not know.
    """

    def __init__(self, definition: Mapping[str, Any], substitutions: Mapping[str, str] | None = None) -> None:
        definition = _substituted(definition, substitutions or {})
        _check("the machine", definition, "Comment QueryLanguage StartAt States TimeoutSeconds Version")
        if definition.get("QueryLanguage") != "JSONata":
            raise ValueError("The machine's QueryLanguage is not JSONata.")
        self.start: str = definition["StartAt"]
        self.lifetime = min(timedelta(seconds=definition.get("TimeoutSeconds", LONGEST_SECONDS)), LIFETIME)
        self.states = {name: _state(name, given) for name, given in definition["States"].items()}
        targets = {("StartAt", self.start)} | {
            (state.name, way.target)
            for state in self.states.values()
            for way in (state.own, *state.choices, *state.catchers)
            if way.target is not None
        }
        for place, target in sorted(targets):
            if target not in self.states:
                raise ValueError(f"{place} leads to {target!r}, which does not exist.")


def _check(place: str, given: Mapping[str, Any], known: str, *required: str) -> None:
    if unknown := given.keys() - set(known.split()):
        raise ValueError(f"{place} has the unknown fields {sorted(unknown)}.")
    if missing := set(required) - given.keys():
        raise ValueError(f"{place} lacks {sorted(missing)}.")


def _substituted(value: Any, substitutions: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _substituted(item, substitutions) for key, item in value.items()}
    if isinstance(value, list):
        return [_substituted(item, substitutions) for item in value]
    if isinstance(value, str):
        if missing := {name for name in re.findall(r"\$\{(\w+)\}", value) if name not in substitutions}:
            raise ValueError(f"There is no substitution for {sorted(missing)}.")
        return re.sub(r"\$\{(\w+)\}", lambda found: substitutions[found[1]], value)
    return value


def _state(name: str, given: Mapping[str, Any]) -> State:
    kind = given.get("Type", "")
    if kind not in _FIELDS:
        raise ValueError(f"{name}: states of type {kind!r} are not supported.")
    _check(name, given, f"Type Comment QueryLanguage {_FIELDS[kind]}")
    if given.get("QueryLanguage", "JSONata") != "JSONata":
        raise ValueError(f"{name} is not in JSONata.")
    required = {"Task": "Resource", "Choice": "Choices", "Wait": "Seconds"}.get(kind)
    if required and required not in given:
        raise ValueError(f"{name} lacks {required}.")
    if kind in ("Task", "Wait", "Pass") and ("Next" in given) == (given.get("End") is True):
        raise ValueError(f"{name} needs either Next or End.")
    rules = given.get("Choices", [])
    for rule in rules:
        _check(f"A rule of {name}", rule, "Condition Assign Output Next Comment", "Condition", "Next")
    catchers, retriers = given.get("Catch", []), given.get("Retry", [])
    for catcher in catchers:
        _check(f"A catcher of {name}", catcher, "ErrorEquals Assign Output Next Comment", "ErrorEquals", "Next")
    known = "ErrorEquals IntervalSeconds MaxAttempts BackoffRate MaxDelaySeconds JitterStrategy Comment"
    for retrier in retriers:
        _check(f"A retrier of {name}", retrier, known, "ErrorEquals")
        if retrier.get("JitterStrategy", "NONE") not in ("FULL", "NONE"):
            raise ValueError(f"{name}: a JitterStrategy is FULL or NONE.")
    for handlers in (catchers, retriers):
        if any("States.ALL" in handler["ErrorEquals"] for handler in handlers[:-1]) or any(
            "States.ALL" in handler["ErrorEquals"] and len(handler["ErrorEquals"]) > 1 for handler in handlers
        ):
            raise ValueError(f"{name}: States.ALL must be alone and come last.")
    plain = ("Arguments", "TimeoutSeconds", "Seconds", "Error", "Cause")
    return State(
        name=name,
        kind=kind,
        resource=given.get("Resource", ""),
        own=_way({**given, "Next": given.get("Next", given.get("Default"))}),
        choices=tuple(map(_way, rules)),
        catchers=tuple(map(_way, catchers)),
        retriers=tuple(map(_retrier, retriers)),
        values={key: compiled(given[key]) for key in plain if key in given},
    )


def _way(given: Mapping[str, Any]) -> Way:
    return Way(
        target=given["Next"],
        assign=compiled(given.get("Assign", {})),
        output=compiled(given["Output"]) if "Output" in given else None,
        condition=compiled(given.get("Condition", True)),
        errors=tuple(given.get("ErrorEquals", ())),
    )


def _retrier(given: Mapping[str, Any]) -> Retrier:
    return Retrier(
        errors=tuple(given["ErrorEquals"]),
        interval=given.get("IntervalSeconds", 1),
        attempts=given.get("MaxAttempts", 3),
        rate=given.get("BackoffRate", 2.0),
        longest=given.get("MaxDelaySeconds", LONGEST_SECONDS),
        jitter=given.get("JitterStrategy", "NONE") == "FULL",
    )
