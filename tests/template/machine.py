"""A state machine's definition, to ask for its edges, its expressions, and the variables that each expression needs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

type State = Mapping[str, Any]

_EXPRESSION = re.compile(r"^\s*{%(.*)%}\s*$", re.DOTALL)
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_VARIABLE = re.compile(r"\$([A-Za-z]\w*)\b(?!\s*\()")
LAMBDA = "arn:aws:states:::lambda:invoke"


@dataclass(frozen=True)
class Edge:
    """A way from one state to another, and the variables that are assigned on it."""

    target: str
    assigned: frozenset[str]


class Machine:
    """A state machine's definition; `states` are its states by name, in order."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.start: str = definition["StartAt"]
        self.states: Mapping[str, State] = definition["States"]

    @classmethod
    def load(cls, path: Path) -> "Machine":
        """Read a definition in YAML."""
        return cls(yaml.safe_load(path.read_text()))

    def tasks(self) -> Iterator[tuple[str, State]]:
        """Yield the Task states."""
        return ((name, state) for name, state in self.states.items() if state["Type"] == "Task")

    def edges(self, name: str) -> list[Edge]:
        """Return the edges out of a state. A Choice's own Assign counts for its Default, a rule's for the rule."""
        state = self.states[name]
        ways = [*state.get("Catch", []), *state.get("Choices", [])]
        own = state.get("Default") or state.get("Next")
        if own:
            ways.append({"Next": own, "Assign": state.get("Assign", {})})
        return [Edge(way["Next"], frozenset(way.get("Assign", {}))) for way in ways]

    def reachable(self, start: str) -> set[str]:
        """Return the states that can follow a state, and the state itself."""
        seen: set[str] = set()
        todo = [start]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += [edge.target for edge in self.edges(name)]
        return seen

    def assigned_before(self) -> dict[str, frozenset[str]]:
        """Return, for each state, the variables that have a value on every path that leads there."""
        before: dict[str, frozenset[str]] = {self.start: frozenset()}
        todo = [self.start]
        while todo:
            name = todo.pop()
            for edge in self.edges(name):
                arriving = before[name] | edge.assigned
                known = before.get(edge.target)
                agreed = arriving if known is None else known & arriving
                if agreed != known:
                    before[edge.target] = agreed
                    todo.append(edge.target)
        return before

    def circle_within(self, names: set[str]) -> str | None:
        """Return a state that can be reached from itself through these states alone, or None."""
        for name in sorted(names):
            seen: set[str] = set()
            todo = [edge.target for edge in self.edges(name) if edge.target in names]
            while todo:
                current = todo.pop()
                if current == name:
                    return name
                if current not in seen:
                    seen.add(current)
                    todo += [edge.target for edge in self.edges(current) if edge.target in names]
        return None

    def fewest_transitions(self, *through: str) -> int:
        """Count the states on the shortest path from the start through these states, the first and last included."""
        count, current = 1, self.start
        for goal in through:
            steps, current = self._distance(current, goal), goal
            count += steps
        return count

    def _distance(self, start: str, goal: str) -> int:
        frontier, seen, steps = {start}, {start}, 0
        while goal not in frontier:
            frontier = {edge.target for name in frontier for edge in self.edges(name)} - seen
            if not frontier:
                raise ValueError(f"no path of states leads from {start} to {goal}")
            seen |= frontier
            steps += 1
        return steps


def texts(value: Any) -> Iterator[str]:
    """Yield every text inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def expressions(value: Any) -> Iterator[str]:
    """Yield every JSONata expression inside a value, without its `{% %}`."""
    return (match[1] for text in texts(value) if (match := _EXPRESSION.match(text)))


def variables(expression: str) -> set[str]:
    """Return the machine's variables that an expression reads, without `$states` and those that it binds itself."""
    read = _TEXT.sub('""', expression)
    bound = {*re.findall(r"\$(\w+)\s*:=", read), *re.findall(r"function\(\$(\w+)\)", read)}
    return set(_VARIABLE.findall(read)) - bound - {"states"}


STATE_MACHINES = Path(__file__).parents[2] / "statemachine"
MACHINE, CHILD = (Machine.load(STATE_MACHINES / f"{name}.asl.yaml") for name in ("incident", "release"))
"""The machine of an incident, and its child that takes a release back."""

TASKS = dict(MACHINE.tasks())
