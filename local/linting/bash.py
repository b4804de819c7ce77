"""A bash script as the commands that it would run: found by a parser, so that comments, strings and heredocs are none.

Commands in another's arguments count too: behind sudo, timeout or xargs, in `find -exec`, `bash -c '…'` and traps.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from local.linting.words import SOME, UNKNOWN, Values, Word, names, text_of, word_of

SHELLS = names("sh bash dash zsh ksh ash")

_BASE = re.compile(r"\b\d+#(?=\$)")
"""`10#$x`, which the parser does not know: a number's base means nothing here."""

_ESCAPED_NAME = re.compile(r"(?m)^([ \t]*)\\(?=[A-Za-z])")
"""`\\rm` at the beginning of a line, which the parser takes for the end of the line before."""

_BEYOND_LATIN_1 = re.compile(r"[^\x00-\xff]")
"""The parser asks C's `isspace` and its kin about characters, which are defined for one byte: a higher one may be read
far outside of their table, and ends the process."""

_WRAPPERS: Mapping[str, tuple[str, int]] = {
    # The options that take a value, and how many words come before the command.
    "sudo": ("ugpChrtRDT", 0),
    "doas": ("uC", 0),
    "env": ("uCS", 0),
    "nice": ("n", 0),
    "ionice": ("cnpPu", 0),
    "chrt": ("", 1),
    "timeout": ("ks", 1),
    "nohup": ("", 0),
    "setsid": ("", 0),
    "exec": ("a", 0),
    "builtin": ("", 0),
    "command": ("", 0),
    "time": ("fo", 0),
    "stdbuf": ("ioe", 0),
    "xargs": ("aEeIiLlnPsd", 0),
    "runuser": ("ugG", 0),
    "su": ("gGsT", 1),
    "chroot": ("", 1),
    "flock": ("wE", 1),
    "nsenter": ("tSGw", 0),
    "systemd-run": ("puMHE", 0),
    "busybox": ("", 0),
    "watch": ("n", 0),
    "unshare": ("SGRw", 0),
}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_READERS = names("read mapfile readarray getopts printf")


@dataclass(frozen=True)
class Call:
    """A command with the values that its words may have.

    `feeds` are the commands whose output it reads through a pipe; `given` is the text that a heredoc or `<<<` gives it.
    """

    name: str
    arguments: tuple[tuple[str, ...], ...]
    line: int
    feeds: frozenset[str] = frozenset()
    given: Word | None = None
    sources: tuple[Word, ...] = ()

    @property
    def options(self) -> list[str]:
        """Single letters and long names, without their dashes; up to `--`."""
        found: list[str] = []
        for values in self.arguments:
            if values == ("--",):
                break
            for value in values:
                if value.startswith("--"):
                    found.append(value[2:].partition("=")[0])
                elif value.startswith("-"):
                    found.extend(value[1:])
        return found

    @property
    def operands(self) -> list[str]:
        """Every value of every argument that is no option."""
        found: list[str] = []
        options = True
        for values in self.arguments:
            if options and values == ("--",):
                options = False
                continue
            found.extend(value for value in values if not options or not value.startswith("-"))
        return found

    @property
    def words(self) -> list[str]:
        """Every value of every argument."""
        return [value for values in self.arguments for value in values]

    def has(self, *options: str) -> bool:
        """Whether one of these options is given: `r`, `recursive`."""
        return not set(options).isdisjoint(self.options)


@dataclass(frozen=True)
class Redirect:
    """A file that a script writes or reads."""

    operator: str
    targets: tuple[str, ...]
    line: int


@dataclass
class Script:
    """What a script would do. Lines count from 1; `unread` are those that the parser did not understand."""

    calls: list[Call] = field(default_factory=list)
    writes: list[Redirect] = field(default_factory=list)
    reads: list[Redirect] = field(default_factory=list)
    bombs: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)


def read(script: str, given: Mapping[str, str]) -> Script:
    """Every command of a script.

    Parameters
    ----------
    given
        Variables from outside, with the mark that stands for what they may hold.
    """
    found = Script()
    try:
        _Reader(found, given, base=0, depth=0).read(script)
    except RecursionError:
        # Nested a hundred times deep: nobody writes that for people to read.
        found.unread.append(1)
    return found


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


def parsable(script: str) -> str:
    """The script with a stand-in for what the parser must not see: no command and no operator is written so."""
    return _BEYOND_LATIN_1.sub("\xff", script)


def _tree(script: str) -> Node:
    return _parser().parse(parsable(script).encode()).root_node


class _Reader:
    def __init__(self, found: Script, given: Mapping[str, str], *, base: int, depth: int) -> None:
        self._found, self._given, self._base, self._depth = found, given, base, depth
        self._values = Values(given)

    def read(self, script: str) -> None:
        root = _tree(_ESCAPED_NAME.sub(r"\1 ", _BASE.sub(lambda match: " " * len(match[0]), script)))
        for node in _all(root):
            self._learn(node)
            if node.type == "ERROR" or node.is_missing:
                self._found.unread.append(self._line(node))
        self._walk(root, frozenset())

    def _line(self, node: Node) -> int:
        # A script inside of a string stands on the line of its command.
        return self._base or node.start_point.row + 1

    # --- what variables hold ------------------------------------------------------------------------------------------

    def _learn(self, node: Node) -> None:
        match node.type:
            case "variable_assignment":
                self._learn_assignment(node)
            case "for_statement":
                name = node.child_by_field_name("variable")
                words = [word_of(child) for child in node.children_by_field_name("value")]
                if name is not None:
                    self._values.assign(text_of(name), *(words or [Word((UNKNOWN,), "")]))
            case "command":
                name = node.child_by_field_name("name")
                if name is not None and text_of(name) in _READERS:
                    for child in node.children_by_field_name("argument"):
                        self._values.assign(text_of(child), Word((UNKNOWN,), ""))

    def _learn_assignment(self, node: Node) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None:
            return
        plain = text_of(name).partition("[")[0]
        if any(child.type == "+=" for child in node.children) and (value is None or value.type != "array"):
            self._values.assign(plain, Word((UNKNOWN,), ""))
        elif value is None:
            # `local name`: it has no value yet.
            return
        elif value.type == "array":
            self._values.assign(plain, *(word_of(child) for child in value.named_children))
        else:
            self._values.assign(plain, word_of(value))

    # --- what runs ----------------------------------------------------------------------------------------------------

    def _walk(self, node: Node, feeds: frozenset[str], given: Word | None = None) -> None:
        match node.type:
            case "pipeline":
                self._pipeline(node, feeds)
            case "redirected_statement":
                self._redirected(node, feeds, given)
            case "command":
                self._command(node, feeds, given)
            case "declaration_command":
                self._declaration(node)
                self._children(node)
            case "function_definition":
                self._function(node)
            case "file_redirect":
                self._redirect(node)
                self._children(node)
            case _:
                self._children(node)

    def _children(self, node: Node) -> None:
        for child in node.children:
            self._walk(child, frozenset())

    def _pipeline(self, node: Node, feeds: frozenset[str]) -> None:
        for child in node.named_children:
            self._walk(child, feeds)
            feeds |= _names(child)

    def _redirected(self, node: Node, feeds: frozenset[str], given: Word | None) -> None:
        body = node.child_by_field_name("body")
        later: list[Node] = []
        for redirect in node.children_by_field_name("redirect"):
            if redirect.type == "herestring_redirect" and redirect.named_children:
                given = word_of(redirect.named_children[-1])
            elif redirect.type == "heredoc_redirect":
                text = next((child for child in redirect.children if child.type == "heredoc_body"), None)
                quoted = any(
                    child.type == "heredoc_start" and text_of(child)[:1] in "'\"\\" for child in redirect.children
                )
                if text is not None:
                    given = Word((text_of(text),), "") if quoted else word_of(text)
                    self._children(text)
                later += [child for child in redirect.named_children if not child.type.startswith("heredoc_")]
                continue
            self._walk(redirect, frozenset())
        if body is not None:
            self._walk(body, feeds, given)
        for child in later:
            self._walk(child, _names(body) if body is not None else frozenset())

    def _redirect(self, node: Node) -> None:
        target = node.child_by_field_name("destination")
        operator = next((text_of(child) for child in node.children if not child.is_named), "")
        if target is None:
            return
        files = Redirect(operator, self._values.of(word_of(target)), self._line(node))
        if operator.startswith((">", "&>")):
            self._found.writes.append(files)
        elif operator == "<":
            self._found.reads.append(files)

    def _function(self, node: Node) -> None:
        name = node.child_by_field_name("name")
        for inner in _all(node):
            pipes = [text_of(child).strip() for child in inner.named_children] if inner.type == "pipeline" else []
            if name is not None and pipes.count(text_of(name)) > 1:
                self._found.bombs.append(self._line(inner))
        self._children(node)

    def _declaration(self, node: Node) -> None:
        """`export`, `declare` and their kin, which the parser does not take for commands."""
        arguments = tuple(self._values.of(word_of(child)) for child in node.named_children)
        self._found.calls.append(Call(text_of(node.children[0]), arguments, self._line(node)))

    def _command(self, node: Node, feeds: frozenset[str], given: Word | None) -> None:
        for redirect in node.children_by_field_name("redirect"):
            if redirect.type == "herestring_redirect" and redirect.named_children:
                given = word_of(redirect.named_children[-1])
        words = [word_of(child) for child in _words(node)]
        self._call(words, self._line(node), feeds, given)
        self._children(node)

    def _call(self, words: Sequence[Word], line: int, feeds: frozenset[str], given: Word | None) -> None:
        """One command, and what it runs in its turn."""
        while words and _ASSIGNMENT.match(words[0].source):
            words = words[1:]
        if not words:
            return
        arguments = tuple(self._values.of(word) for word in words[1:])
        for value in self._values.of(words[0]):
            name = PurePosixPath(value).name or value
            name = "mkfs" if name.startswith("mkfs.") else name
            self._found.calls.append(Call(name, arguments, line, feeds, given, tuple(words[1:])))
            for inner in _inner(name, words[1:]):
                self._call(inner, line, feeds, given)
            for text in _texts(name, words[1:], given):
                if self._depth < 3:
                    reader = _Reader(self._found, self._given, base=line, depth=self._depth + 1)
                    reader.read(text)


def _words(node: Node) -> Iterator[Node]:
    """The name of a command, and its arguments."""
    name = node.child_by_field_name("name")
    if name is not None:
        yield name.children[0] if name.children else name
    yield from node.children_by_field_name("argument")


def _inner(name: str, words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """The command that another one runs."""
    # find's own, or those of a function that hands its arguments to find.
    texts = [word.source for word in words]
    for at, text in enumerate(texts):
        if text in ("-exec", "-execdir", "-ok", "-okdir"):
            end = next((i for i in range(at + 1, len(texts)) if texts[i] in (";", r"\;", "';'", "+")), len(texts))
            yield [Word((SOME,), "{}") if word.source == "{}" else word for word in words[at + 1 : end]]
    if name not in _WRAPPERS:
        return
    with_value, positional = _WRAPPERS[name]
    at = 0
    while at < len(words) and (text := words[at].source).startswith("-") and text != "--":
        if name == "command" and text in ("-v", "-V"):
            return
        at += 2 if len(text) == 2 and text[1] in with_value else 1
    at += at < len(words) and words[at].source == "--"
    while name in ("env", "sudo") and at < len(words) and _ASSIGNMENT.match(words[at].source):
        at += 1
    at += positional
    if at < len(words):
        more = [Word((UNKNOWN,), "")] if name == "xargs" else []
        yield [*words[at:], *more]


def _texts(name: str, words: Sequence[Word], given: Word | None) -> Iterator[str]:
    """Scripts that stand in a command's arguments or its heredoc, and can be read there."""
    literal = [word.literal if word.is_literal else None for word in words]
    if name in SHELLS or name in ("su", "runuser"):
        at = next((at for at, text in enumerate(literal) if text and re.fullmatch(r"-[a-z]*c", text)), None)
        if at is not None and at + 1 < len(literal) and (text := literal[at + 1]):
            yield text
        if at is None and given is not None and given.is_literal and name in SHELLS:
            yield given.literal
    elif name == "eval" and literal and all(text is not None for text in literal):
        yield " ".join(text or "" for text in literal)
    elif name == "trap" and literal and literal[0]:
        yield literal[0]


def _names(node: Node) -> frozenset[str]:
    """The names of all commands in a piece of the script, wrapped ones too."""
    found: set[str] = set()
    for one in _all(node):
        if one.type == "command":
            texts = [PurePosixPath(text_of(child)).name for child in _words(one)]
            found.update(texts[:1] if texts[:1] and texts[0] not in _WRAPPERS else texts)
    return frozenset(found)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _all(child)


def names_inside(source: Iterable[str]) -> frozenset[str]:
    """The names of the commands in `$(…)` or `<(…)` of words, as they are written."""
    found: frozenset[str] = frozenset()
    for text in source:
        if "(" in text or "`" in text:
            found |= _names(_tree(text))
    return found
