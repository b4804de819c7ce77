"""DynamoDB's values and paths into them, in DynamoDB's own form such as ``{"N": "1"}``.

Values are cleaned when they come in (`clean`), so equal values are equal dictionaries. Nothing changes them in place:
whoever hands one out copies it first (`copied`).
"""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from re import ASCII, compile
from typing import Any

from botocore.exceptions import ParamValidationError

type Value = dict[str, Any]
type Item = dict[str, Value]
type Path = tuple[str | int, ...]

ORDERED = frozenset({"S", "N", "B"})
SETS = frozenset({"SS", "NS", "BS"})
SIZED = SETS | {"S", "B", "L", "M"}
TYPES = SIZED | {"N", "BOOL", "NULL"}

_PYTHON: dict[str, Any] = {
    **dict.fromkeys(("S", "N"), str),
    **dict.fromkeys(("L", *SETS), (list, tuple)),
    **{"B": (bytes, bytearray), "BOOL": bool, "NULL": bool, "M": Mapping},
}
_INTEGER = compile(r"0|-?[1-9]\d{0,37}", ASCII)
_EXACT = Context(prec=38, traps=[Inexact, InvalidOperation, Overflow])


class Invalid(Exception):
    """The request is wrong, whatever the item holds."""


class Unsuitable(Exception):
    """The update does not suit the item: a type, a path or a size is wrong."""


def clean(value: Mapping[str, Any], depth: int = 0) -> Value:
    """Return a copy of a value in the one form that is kept: numbers without a zero too many, sets in order."""
    if len(value) != 1 or depth > 32:
        raise Invalid("Supplied AttributeValue must contain exactly one of the supported datatypes, at most 32 deep")
    ((kind, content),) = value.items()
    if not isinstance(content, _PYTHON.get(kind, object)):
        raise ParamValidationError(report=f"Invalid type for a value of type {kind}: {content!r}")
    match kind:
        case "S" | "BOOL":
            return {kind: content}
        case "N":
            return {"N": number(content)}
        case "B":
            return {"B": bytes(content)}
        case "NULL" if content is True:
            return {"NULL": True}
        case "L":
            return {"L": [clean(element, depth + 1) for element in content]}
        case "M":
            return {"M": cleaned(content, depth + 1)}
        case "SS" | "NS" | "BS":
            members = {clean({kind[0]: member})[kind[0]] for member in content}
            if not members or len(members) < len(content):
                raise Invalid("One or more parameter values were invalid: a set is empty or has a member twice")
            return {kind: sorted(members, key=Decimal if kind == "NS" else None)}
    raise Invalid(f"One or more parameter values were invalid: {kind}")


def cleaned(item: Mapping[str, Mapping[str, Any]], depth: int = 0) -> Item:
    """Clean every value of an item or a map."""
    if "" in item:
        raise Invalid("Empty attribute name")
    return {name: clean(value, depth) for name, value in item.items()}


def copied(value: Value) -> Value:
    """Return a copy that its receiver may change."""
    if "S" in value:  # by far the most frequent
        return {**value}
    ((kind, content),) = value.items()
    if kind == "M":
        return {"M": {name: copied(child) for name, child in content.items()}}
    if kind == "L":
        return {"L": [copied(child) for child in content]}
    return {kind: [*content] if kind in SETS else content}


def number(text: str) -> str:
    """Return a number as DynamoDB returns it: plain digits, no exponent, no zero too many."""
    if _INTEGER.fullmatch(text):
        return text
    try:
        exact = _EXACT.create_decimal(text)
    except Inexact:
        raise Invalid("DynamoDB only supports precision up to 38 digits") from None
    except InvalidOperation:
        raise Invalid("A value provided cannot be converted into a number") from None
    if not exact.is_finite() or (exact and not -130 <= exact.adjusted() <= 125):
        raise Invalid("Number overflow or underflow, or not a number")
    return f"{exact.normalize(_EXACT):f}" if exact else "0"


def total(left: Value, right: Value, sign: int = 1) -> Value:
    """Add two numbers, or subtract the second."""
    if "N" not in left or "N" not in right:
        raise Unsuitable("An operand in the update expression has an incorrect data type")
    try:
        return {"N": number(str(_EXACT.add(Decimal(left["N"]), sign * Decimal(right["N"]))))}
    except (Inexact, Overflow, Invalid):
        raise Unsuitable("Number overflow, or more than 38 digits") from None


def ordered(value: Value) -> Any:
    """Return a string, number or binary as something that Python sorts as DynamoDB does."""
    return Decimal(value["N"]) if "N" in value else next(iter(value.values()))


def size_of(value: Value) -> int:
    """Return the bytes that DynamoDB counts for a value; for a number, an approximation that its guide gives."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content) if content.isascii() else len(content.encode())
        case "N":
            return len(content.strip("-0.")) // 2 + 2
        case "B":
            return len(content)
        case "L":
            return 3 + sum(1 + size_of(child) for child in content)
        case "M":
            return 3 + len(content) + size_of_item(content)
        case "SS" | "NS" | "BS":
            return sum(size_of({kind[0]: member}) for member in content)
    return 1


def size_of_item(item: Item) -> int:
    """Return the bytes that DynamoDB counts for an item."""
    size = 0
    for name, value in item.items():
        text = value.get("S")  # by far the most frequent
        size += len(name) if name.isascii() else len(name.encode())
        size += len(text) if text is not None and text.isascii() else size_of(value)
    return size


def lookup(item: Item, path: Path) -> Value | None:
    """Return the value at a path, or None."""
    value: Value | None = {"M": item}
    for part in path:
        if value is None:
            return None
        if isinstance(part, str):
            value = value["M"].get(part) if "M" in value else None
        else:
            value = value["L"][part] if part < len(value.get("L", ())) else None
    return value


def project(item: Item, paths: Iterable[Path]) -> Item:
    """Return only the parts of an item that lie at these paths."""
    tree: dict[Any, Any] = {}
    for path in paths:
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
    pruned = _pruned({"M": item}, tree)
    return pruned["M"] if pruned else {}


def _pruned(value: Value, tree: Mapping[Any, Any]) -> Value | None:
    if not tree:
        return value
    found: dict[Any, Value] = {}
    for part in sorted(tree):
        child = lookup({"": value}, ("", part))
        if child is not None and (kept := _pruned(child, tree[part])) is not None:
            found[part] = kept
    if not found:
        return None
    return {"M": found} if "M" in value else {"L": [*found.values()]}


def placed(value: Value | None, path: Path, new: Value | None) -> Value | None:
    """Return a value with another one (or none) at a path within it; the two share what did not change."""
    if not path:
        return new
    part, rest = path[0], path[1:]
    if isinstance(part, str) and value and "M" in value:
        children = {**value["M"], part: placed(value["M"].get(part), rest, new)}
        if children[part] is None:
            del children[part]
        return {"M": children}
    if isinstance(part, int) and value and "L" in value:
        elements = [*value["L"]]
        child = placed(elements[part] if part < len(elements) else None, rest, new)
        elements[part : part + 1] = [] if child is None else [child]
        return {"L": elements}
    raise Unsuitable("The document path provided in the update expression is invalid for update")
