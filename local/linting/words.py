"""Words of a bash script, as far as they can be known without running it.

A word has a value for each way in which its variables are set in the script. What nobody can know stands in it as a
mark: a character that no script holds.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

from tree_sitter import Node

UNKNOWN = "\ue000"
"""Some text, or none."""

SOME = "\ue001"
"""Some text, at least one character: a number, a parameter whose pattern wants one."""

GUARDED = "\ue002"
"""Text that the script insists on: `${name:?}`."""

GLOB = "\ue003"
"""`*`, `?` or `[` outside of quotes."""

PROCESS = "\ue004"
"""The output of other commands, as a file: `<(…)`."""

TEMPORARY = f"/tmp/{SOME}"  # noqa: S108
"""What mktemp makes."""

_OPEN, _COMMA, _CLOSE = "\ue005", "\ue006", "\ue007"
_UNQUOTED = str.maketrans({"*": GLOB, "?": GLOB, "[": GLOB, "{": _OPEN, ",": _COMMA, "}": _CLOSE})
_PLAIN = str.maketrans({_OPEN: "{", _COMMA: ",", _CLOSE: "}"})
_MOST_VALUES = 24
_DEEPEST = 4
_NUMBERS = frozenset("$#?!")


def names(text: str) -> frozenset[str]:
    """A table of names, as people write one."""
    return frozenset(text.split())


@dataclass(frozen=True)
class Variable:
    """A variable in a word."""

    name: str
    guarded: bool = False


type Part = str | Variable


@dataclass(frozen=True)
class Word:
    """One word. `parts` are its texts, marks and variables; `source` is how it is written."""

    parts: tuple[Part, ...]
    source: str

    @property
    def is_literal(self) -> bool:
        """Whether every character of it stands in the script."""
        return all(
            isinstance(part, str) and not any("\ue000" <= char <= "\ue004" for char in part) for part in self.parts
        )

    @property
    def literal(self) -> str:
        """Its text, where it is literal."""
        return "".join(part for part in self.parts if isinstance(part, str)).translate(_PLAIN)


class Values:
    """What variables may hold, by the words that the script puts into them.

    Parameters
    ----------
    given
        Variables that come from outside, with the mark that stands for their values.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._assigned: dict[str, list[Word]] = {}
        self._known: dict[tuple[Word, int], tuple[str, ...]] = {}

    def assign(self, name: str, *words: Word) -> None:
        """The script may put one of these into a variable."""
        self._assigned.setdefault(name, []).extend(words)

    def of(self, word: Word, depth: int = 0) -> tuple[str, ...]:
        """Every value that a word may have; one with a mark where there are too many."""
        if (word, depth) not in self._known:
            self._known[word, depth] = self._reckoned(word, depth)
        return self._known[word, depth]

    def _reckoned(self, word: Word, depth: int) -> tuple[str, ...]:
        found: set[str] = set()
        for combined in product(*(self._of_part(part, depth) for part in word.parts)):
            found.update(_braces("".join(combined)))
            if len(found) > _MOST_VALUES:
                return (UNKNOWN,)
        return tuple(sorted(found))

    def _of_part(self, part: Part, depth: int) -> Iterable[str]:
        if isinstance(part, str):
            return (part,)
        if part.name in self._given:
            return (GUARDED if part.guarded else self._given[part.name],)
        words = self._assigned.get(part.name, [])
        if not words or depth >= _DEEPEST:
            return (GUARDED if part.guarded else UNKNOWN,)
        values = {value for word in words for value in self.of(word, depth + 1)}
        if part.guarded:
            values = {value.replace(UNKNOWN, GUARDED).replace(SOME, GUARDED) or GUARDED for value in values}
        return values


def word_of(node: Node) -> Word:
    """A word of the script."""
    return Word(tuple(_parts(node, quoted=False)), text_of(node))


def text_of(node: Node) -> str:
    """How a piece of the script is written."""
    return (node.text or b"").decode(errors="replace")


def _parts(node: Node, *, quoted: bool) -> Iterator[Part]:
    match node.type:
        case "word" | "extglob_pattern" | "regex":
            yield _unescaped(text_of(node)).translate(_UNQUOTED)
        case "raw_string":
            yield text_of(node)[1:-1]
        case "ansi_c_string":
            yield text_of(node)[2:-1].encode("latin-1", "ignore").decode("unicode_escape", "replace")
        case "string" | "translated_string" | "heredoc_body":
            yield from _inside(node)
        case "concatenation":
            for child in node.children:
                yield from _parts(child, quoted=quoted)
        case "array":
            for child in node.named_children:
                yield from _parts(child, quoted=quoted)
        case "simple_expansion":
            yield _variable(text_of(node)[1:], guarded=False)
        case "expansion":
            yield _expansion(node)
        case "command_substitution":
            command = text_of(node).strip("$()` ").split()
            yield TEMPORARY if command[:1] == ["mktemp"] else UNKNOWN
        case "arithmetic_expansion":
            yield SOME
        case "process_substitution":
            yield PROCESS
        case "brace_expression":
            yield SOME
        case _ if node.named_child_count == 0 or node.type in ("number", "variable_name", "command_name"):
            yield _unescaped(text_of(node)).translate(_UNQUOTED)
        case _:
            yield UNKNOWN


def _inside(node: Node) -> Iterator[Part]:
    """The inside of double quotes. The parser has no nodes for some of the text between expansions."""
    text = node.text or b""
    begin = node.start_byte
    at = text.find(b'"') + 1 if node.type != "heredoc_body" else 0
    end = len(text) - 1 if node.type != "heredoc_body" and text.endswith(b'"') else len(text)
    for child in node.named_children:
        if child.type == "string_content" or child.type == "heredoc_content":
            continue
        yield _unescaped(text[at : child.start_byte - begin].decode(errors="replace"), of='$`"\\\n')
        yield from _parts(child, quoted=True)
        at = child.end_byte - begin
    yield _unescaped(text[at:end].decode(errors="replace"), of='$`"\\\n')


def _unescaped(text: str, of: str | None = None) -> str:
    """Without backslashes, outside of quotes before anything, inside before a few characters."""
    if "\\" not in text:
        return text
    out, escaped = [], False
    for char in text:
        if escaped:
            out.append(char if of is None or char in of else f"\\{char}")
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            out.append(char)
    return "".join(out).replace("\n", "") if of is None else "".join(out)


def _variable(name: str, *, guarded: bool) -> Part:
    return SOME if name in _NUMBERS else Variable(name, guarded)


def _expansion(node: Node) -> Part:
    """`${…}`: with `:?` it is insisted on, with any other operator nobody knows what is left."""
    name = next((child for child in node.children if child.type in ("variable_name", "subscript")), None)
    operator: Literal["", "guard", "other"] = ""
    for child in node.children:
        if child.type in (":?", "?"):
            operator = "guard"
            break
        if child.type in ("#", "!") and child.start_byte < (name.start_byte if name else 0):
            return SOME
        if child.type not in ("${", "}") and child is not name and child != name:
            operator = "other"
            break
    if name is None:
        return SOME if text_of(node).strip("${}") in _NUMBERS else UNKNOWN
    if operator == "other":
        return UNKNOWN
    plain = text_of(name).partition("[")[0]
    return _variable(plain, guarded=operator == "guard")


def _braces(value: str) -> Iterator[str]:
    """`/{a,b}` is two words."""
    before, opened, rest = value.partition(_OPEN)
    inner, closed, after = rest.partition(_CLOSE)
    if opened and closed and _COMMA in inner:
        for one in inner.split(_COMMA):
            yield from _braces(before + one + after)
    else:
        yield value.translate(_PLAIN)
