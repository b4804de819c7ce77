"""The simple forms of JSONata, evaluated without the library: paths, comparisons, conditions, and a few functions.

Whatever is not surely simple is `Unsure`, when an expression is compiled or when it meets a value such as a list; the
library then evaluates it. `tests/simulation/test_direct.py` compares the two on what the state machine meets.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

UNDEFINED = object()

type Names = Mapping[str, Any]
type Node = Callable[[Names, Any], Any]
"""Returns a value or `UNDEFINED` from the variables, with `$states` among them, and from the item of a filter."""


class Unsure(Exception):
    """Only the library knows what an expression means."""


def node(symbol: Any) -> Node:
    """Compile a node of the library's syntax tree.

    Raises
    ------
    Unsure
        It is of no simple form.
    """
    compile_node = _NODES.get(symbol.type)
    if compile_node is None or symbol.keep_array or symbol.group:
        raise Unsure
    return compile_node(symbol)


def _constant(symbol: Any) -> Node:
    value = symbol.value
    if isinstance(value, float):
        raise Unsure
    return lambda names, item: value


def _variable(symbol: Any) -> Node:
    name = symbol.value
    if not name or name == "$" or symbol.stages or symbol.predicate:
        raise Unsure
    return lambda names, item: names.get(name, UNDEFINED)


def _path(symbol: Any) -> Node:
    first, *rest = symbol.steps
    if symbol.keep_singleton_array or first.type not in ("variable", "name"):
        raise Unsure
    start = (lambda names, item: item) if first.type == "name" else node(first)
    steps = [_step(step) for step in ([first] if first.type == "name" else []) + rest]

    def read(names: Names, item: Any) -> Any:
        value = start(names, item)
        for name, holds in steps:
            if isinstance(value, list):
                raise Unsure
            value = value.get(name, UNDEFINED) if isinstance(value, dict) else UNDEFINED
            if holds is not None and value is not UNDEFINED and not _holds(names, value, holds):
                return UNDEFINED
        return value

    return read


def _step(symbol: Any) -> tuple[str, Node | None]:
    """Return the name of a step, and the filter behind it."""
    stages: Sequence[Any] = symbol.stages or ()
    if symbol.type != "name" or symbol.index or symbol.focus or symbol.ancestor or len(stages) > 1 or symbol.predicate:
        raise Unsure
    if stages and stages[0].type != "filter":
        raise Unsure
    return symbol.value, node(stages[0].expr) if stages else None


def _holds(names: Names, value: Any, node: Node) -> bool:
    kept = node(names, value)
    if not isinstance(value, dict) or not isinstance(kept, bool):
        raise Unsure
    return kept


def _binary(symbol: Any) -> Node:
    compute = _OPERATORS.get(symbol.value)
    if compute is None:
        raise Unsure
    left, right = node(symbol.lhs), node(symbol.rhs)
    return lambda names, item: compute(left(names, item), right(names, item))


def _array(symbol: Any) -> Node:
    if symbol.value != "[" or any(each.type not in ("string", "number") for each in symbol.expressions):
        raise Unsure
    values = [each.value for each in symbol.expressions]
    return lambda names, item: values


def _condition(symbol: Any) -> Node:
    condition, then = node(symbol.condition), node(symbol.then)
    otherwise = node(symbol._else) if symbol._else else lambda names, item: UNDEFINED

    def choose(names: Names, item: Any) -> Any:
        value = condition(names, item)
        if isinstance(value, list | float):
            raise Unsure
        return (then if value is not UNDEFINED and value else otherwise)(names, item)

    return choose


def _function(symbol: Any) -> Node:
    function = _FUNCTIONS.get(symbol.procedure.value)
    if function is None or symbol.procedure.type != "variable" or len(symbol.arguments) != 1:
        raise Unsure
    argument = node(symbol.arguments[0])
    return lambda names, item: function(argument(names, item))


def _string(value: Any) -> str:
    return value if type(value) is str else str(_of(int, value))


def _of[T](kind: type[T], value: Any) -> T:
    if type(value) is not kind:
        raise Unsure
    return value


def _on[T](kind: type[T], compute: Callable[[T, T], Any]) -> Callable[[Any, Any], Any]:
    """Return an operator on two values of one kind."""
    return lambda left, right: compute(_of(kind, left), _of(kind, right))


def _equal(left: Any, right: Any) -> bool:
    if left is UNDEFINED or right is UNDEFINED:
        raise Unsure
    if left is None or right is None:
        return left is right
    if type(left) is not type(right) or type(left) not in (str, int, bool):
        raise Unsure
    return bool(left == right)


def _in(left: Any, right: Any) -> bool:
    return _of(str, left) in _of(list, right)


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {"string": _string, "exists": lambda value: value is not UNDEFINED}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "in": _in,
    "and": _on(bool, lambda left, right: left and right),
    "or": _on(bool, lambda left, right: left or right),
    "&": _on(str, operator.add),
    "+": _on(int, operator.add),
    "-": _on(int, operator.sub),
    ">": _on(int, operator.gt),
    ">=": _on(int, operator.ge),
    "<": _on(int, operator.lt),
    "<=": _on(int, operator.le),
}
_NODES: dict[str, Callable[[Any], Node]] = {
    **dict.fromkeys(("string", "number", "value"), _constant),
    "variable": _variable,
    "path": _path,
    "binary": _binary,
    "unary": _array,
    "condition": _condition,
    "function": _function,
}
