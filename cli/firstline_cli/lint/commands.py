"""The commands of a bash script, each as one line of text, as a parser finds them: none in comments.

Commands in the arguments of other commands count too: after sudo, timeout or xargs, in `find -exec`, `bash -c '…'` and
traps.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

VARIABLE = "¤"
"""The mark for text that only the running script knows: a variable, the output of a command."""

PARAMETER = "°"
"""The mark for a parameter of the runbook. The lines before the script ensure that it is not empty."""

GIVEN = "/given/value"
"""The mark for text that cannot be empty: `${name:?}`, a number."""

TEMPORARY = "/tmp/given/value"  # noqa: S108
"""The mark for a variable with the path of a file that mktemp made, or of one in /run/firstline."""

_BASE = re.compile(r"\b\d+#(?=\$)")
"""The base of a number, as in `10#$x`, which the parser cannot read and which no danger depends on."""

_ESCAPED_NAME = re.compile(r"(?m)^([ \t]*)\\(?=[A-Za-z])")
"""An escaped name at the beginning of a line, as in `\\rm`, which the parser takes for the end of the line before."""

_BEYOND_LATIN_1 = re.compile(r"[^\x00-\xff]")
"""Characters that can crash the parser: it passes them to C's `isspace` and its like, which are defined for one
byte and read outside of their table for a higher one."""

_ASSIGNED = re.compile(r"\b(\w+)=([^\s;]*)|\bfor (\w+) in\b|\b(?:read|mapfile|readarray)\b([^\n;|]*)")
_OWN_PATH = re.compile(r"[\"']?(?:\$\(mktemp\b|/run/firstline/(?!.*\.\.)[\w.-]+[\"']?$)")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_RUNS_TEXT = re.compile(r"(ba|da|z|k|a)?sh|su|runuser")
_EXPANSIONS = frozenset(
    ("simple_expansion", "expansion", "command_substitution", "arithmetic_expansion", "process_substitution")
)
_WRAPPERS = {
    # The options that take a value, and the number of words before the command.
    "sudo": ("ugpChrtRDT", 0),
    "doas": ("uC", 0),
    "env": ("uCS", 0),
    "nice": ("n", 0),
    "ionice": ("cnpPu", 0),
    "timeout": ("ks", 1),
    "nohup": ("", 0),
    "setsid": ("", 0),
    "exec": ("a", 0),
    "command": ("", 0),
    "time": ("fo", 0),
    "stdbuf": ("ioe", 0),
    "xargs": ("aEeIiLlnPsd", 0),
    "runuser": ("ugG", 0),
    "chroot": ("", 1),
    "flock": ("wE", 1),
    "systemd-run": ("puMHE", 0),
    "busybox": ("", 0),
}


@dataclass(frozen=True)
class Call:
    """A command or redirection. Its `text` has no folder in the name and no quotes: `rm -r x` for `/bin/rm -r 'x'`.

    `source` is the command as it is written, with the pipeline before it and its redirections; `line` counts from 1.
    """

    text: str
    source: str
    line: int


@dataclass(frozen=True)
class Unread:
    """A line that the parser cannot read."""

    line: int


def read(script: str) -> Iterator[Call | Unread]:
    """Yield every command and redirection of a script, and every line that cannot be read."""
    try:
        yield from _read(script, _own_files(script), line=0)
    except RecursionError:
        # A script that is nested too deep for the parser is too deep for a reviewer too.
        yield Unread(1)


def _own_files(script: str) -> frozenset[str]:
    """Return the variables that only ever hold a path of the script's own: mktemp's, or one in /run/firstline."""
    own, other = set[str](), set[str]()
    for found in _ASSIGNED.finditer(script):
        if found[1]:
            (own if _OWN_PATH.match(found[2]) else other).add(found[1])
        else:
            other.update(re.findall(r"\w+", found[3] or found[4] or ""))
    return frozenset(own - other)


def functions(script: str) -> set[str]:
    """Return the names of the functions that a script defines."""
    nodes = _all(_parser().parse(parsable(script).encode()).root_node)
    names = [node.child_by_field_name("name") for node in nodes if node.type == "function_definition"]
    return {_text(name) for name in names if name is not None}


def parsable(script: str) -> str:
    """Return a script with `ÿ` for each character beyond Latin-1, because such characters can crash the parser.

    The commands in the script stay the same: neither their names nor operators have such characters.
    """
    return _BEYOND_LATIN_1.sub("\xff", script)


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


def _read(script: str, temporary: frozenset[str], line: int) -> Iterator[Call | Unread]:
    """Yield a script's commands and redirections, and each line that cannot be read.

    `temporary` has the names of variables that hold a path made by mktemp. If `line` is not 0, it is the line to report
    for all of them, because the script is an argument of the command in that line.
    """
    script = _ESCAPED_NAME.sub(r"\1 ", _BASE.sub(lambda base: " " * len(base[0]), script))
    for node in _all(_parser().parse(parsable(script).encode()).root_node):
        at = line or node.start_point.row + 1
        if node.type == "ERROR" or node.is_missing:
            yield Unread(at)
        elif node.type == "file_redirect":
            text = " ".join(_word(child, temporary) for child in node.children if child.type != "file_descriptor")
            yield Call(text, _text(node), at)
        elif node.type in ("command", "declaration_command"):
            named = [(_word(child, temporary), child) for child in _words(node)]
            for words in _wrapped([word for word, _ in named]):
                yield Call(" ".join([PurePosixPath(words[0]).name, *words[1:]]), _source(node), at)
                yield from _inside(words, dict(named), temporary, at)


def _inside(
    words: Sequence[str], nodes: Mapping[str, Node], temporary: frozenset[str], line: int
) -> Iterator[Call | Unread]:
    """Yield the commands of a script that is an argument of `words`: `bash -c '…'`, `trap '…' EXIT`, `eval '…'`.

    `words` is a command, `nodes` has the parser's node of each word, and `line` is the command's line. `temporary` has
    the names of variables that hold a path made by mktemp.
    """
    name = PurePosixPath(words[0]).name
    if _RUNS_TEXT.fullmatch(name):
        at = next((at for at, word in enumerate(words) if re.fullmatch("-[a-z]*c", word)), len(words)) + 1
    elif name in ("trap", "eval"):
        at = 1
    else:
        return
    text = nodes.get(words[at]) if at < len(words) else None
    if text is not None and text.type in ("raw_string", "string"):
        yield from _read(_text(text)[1:-1], temporary, line)


def _wrapped(words: list[str]) -> Iterator[list[str]]:
    """Yield the words of a command, then those of each command that it runs: `sudo rm x`, then `rm x`."""
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if not words:
        return
    yield words
    for at, word in enumerate(words):
        if word in ("-exec", "-execdir", "-ok", "-okdir"):
            yield from _wrapped(words[at + 1 :])
    name = PurePosixPath(words[0]).name
    if name not in _WRAPPERS or words[1:2] in (["-v"], ["-V"]):
        return
    with_value, positional = _WRAPPERS[name]
    at = 1
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        at += 2 if len(words[at]) == 2 and words[at][1] in with_value else 1
    at += words[at : at + 1] == ["--"]
    # The words that xargs adds are known only when it runs.
    added = [VARIABLE] if name == "xargs" and at < len(words) else []
    yield from _wrapped([*words[at + positional :], *added])


def _words(node: Node) -> Iterator[Node]:
    """Yield the nodes of a command's name and arguments."""
    if node.type == "declaration_command":
        yield from node.children
        return
    name = node.child_by_field_name("name")
    if name is not None:
        yield name.children[0] if name.children else name
    yield from node.children_by_field_name("argument")


def _source(node: Node) -> str:
    """Return a command as it is written, with its input: the pipeline before it, its here-document, its `<<<`."""
    whole = node
    while whole.parent is not None and whole.parent.type in ("redirected_statement", "pipeline"):
        whole = whole.parent
    end = node.end_byte
    if node.parent is not None and node.parent.type == "redirected_statement":
        end = node.parent.end_byte
    return (whole.text or b"")[: end - whole.start_byte].decode(errors="replace")


def _word(node: Node, temporary: frozenset[str]) -> str:
    """Return a word of a command as plain text: without quotes and backslashes, and with no-break spaces for spaces.

    Each expansion, such as `$file`, is replaced by a mark for its kind: a variable, a runbook's parameter, a path made
    by mktemp, and so on. `temporary` has the names of the variables that hold such a path.
    """
    if node.type == "raw_string":
        return _text(node)[1:-1].replace(" ", "\xa0")
    text, begin, end = node.text or b"", node.start_byte, len(node.text or b"")
    for child in sorted(_expansions(node), key=lambda child: -child.start_byte):
        mark = _mark(child, temporary).encode()
        text = text[: child.start_byte - begin] + mark + text[min(child.end_byte - begin, end) :]
    return re.sub(r"[\"'\\]", "", text.decode(errors="replace")).replace(" ", "\xa0")


def _expansions(node: Node) -> Iterator[Node]:
    if node.type in _EXPANSIONS:
        yield node
    else:
        for child in node.children:
            yield from _expansions(child)


def _mark(node: Node, temporary: frozenset[str]) -> str:
    text = _text(node)
    if node.type == "process_substitution":
        return "<()"
    if node.type == "arithmetic_expansion" or text in ("$$", "$#", "$?", "$!") or ":?" in text or text[:3] == "${#":
        return GIVEN
    if text.startswith("$(mktemp") or text.strip("${}") in temporary:
        return TEMPORARY
    return PARAMETER if re.fullmatch(r"\$SSM_\w+|\$\{SSM_\w+\}", text) else VARIABLE


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _all(child)
