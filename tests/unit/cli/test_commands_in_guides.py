"""Every command that a guide names: `firstline` knows it with its options, make its target, Python its module."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from firstline_cli.main import app

ROOT = Path(__file__).parents[3]
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def quoted(guide: Path) -> Iterator[str]:
    """Yield what a guide quotes as code: each line of its blocks, and what stands between backquotes."""
    text = guide.read_text()
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from (line.removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines())
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def commands(guide: Path, program: str) -> list[list[str]]:
    """Return the words after a program, of each command that a guide gives, without what is behind a pipe."""
    found = [re.fullmatch(rf"(?:\S*/)?{program} +(.*)", code) for code in quoted(guide)]
    return [re.split(r"\s[#|>;]|\s&&\s", each[1])[0].split() for each in found if each]


def unknown(words: list[str]) -> str | None:
    """Return what `firstline` does not know of a command, or None."""
    known: Any = get_command(app)
    for word in words:
        if not hasattr(known, "get_command") or not re.fullmatch(r"[a-z-]+", word) or word.startswith("-"):
            break
        known = known.get_command(None, word)
        if known is None:
            return word
    options = {option for parameter in known.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.split("=")[0].strip("[],.;") for word in words if re.match(r"\[?--?[a-z]", word)}
    return ", ".join(sorted(given - options - {"--help"})) or None


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: str(guide.relative_to(ROOT)))
def test_each_command_of_a_guide_exists(guide: Path) -> None:
    wrong = {" ".join(words): what for words in commands(guide, "firstline") if (what := unknown(words))}
    wrong |= {" ".join(words): "target" for words in commands(guide, "make") if words[0] not in TARGETS}
    modules = [words[1] for words in commands(guide, "python") if words[0] == "-m" and len(words) > 1]
    wrong |= {name: "module" for name in modules if find_spec(name) is None}

    assert wrong == {}


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("incidents --all", None),
        ("oncall who", None),
        ("nonsense", "nonsense"),
        ("oncall nonsense", "nonsense"),
        ("ack e1fbd129 --nonsense", "--nonsense"),
    ],
)
def test_an_unknown_command_or_option_is_found(command: str, what: str | None) -> None:
    assert unknown(command.split()) == what
