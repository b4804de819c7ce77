"""Docstrings are understood at first read: a verb begins a function's, a noun phrase a module's or a class's.

Ruff's D401 knows many verbs that are not in the imperative; this finds openings without any verb.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("layers/core/firstline", "functions", "cli", "local", "evals", "scripts")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]

RIDDLE = re.compile(
    r"(What|Which|Who|Whoever|Whose|Somebody|Someone|Nobody|Everybody|Whatever|Whether|How|When|Where|Why|"
    r"There|It is|It's)\b"
)
"""Openings that say neither what a function does nor what a thing is."""

NO_VERB = re.compile(
    r"(The|A|An|All|Any|Both|Each|Every|No|None|One|Two|Only|Same|This|That|These|Those|Its|Their|As|At|By|For|From|In|Into|"
    r"Like|Of|On|Since|Through|To|Until|With|Without|True|False|If|Not|After|Before|More|Most|Later|First|Last|Here|Called)\b"
)
"""Openings of a function's docstring that are no verb."""

SHORT_OF_IT: frozenset[str] = frozenset()
"""Files that still have such docstrings, by their path in the repository. Take files out; put none in."""


def riddles(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        text = ast.get_docstring(node) or ""
        wants_verb = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not any(
            "property" in ast.unparse(decorator) for decorator in node.decorator_list
        )
        if RIDDLE.match(text) or (wants_verb and NO_VERB.match(text)):
            yield f"line {getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_is_no_riddle(path: Path) -> None:
    found = list(riddles(path.read_text()))

    if str(path.relative_to(ROOT)) in SHORT_OF_IT:
        assert found, "the file has no riddles left: take it out of SHORT_OF_IT"
    else:
        assert found == [], "begin a function's docstring with a verb in the imperative, others with a noun phrase"


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('"""What it does."""', 1),
        ('class C:\n    """Which one."""', 1),
        ('class C:\n    """A value."""', 0),
        ('def f():\n    """The value."""', 1),
        ('def f():\n    """Return the value."""', 0),
        ('class C:\n    @property\n    def f(self):\n        """The value."""', 0),
    ],
)
def test_riddles_are_found(source: str, count: int) -> None:
    assert len(list(riddles(source))) == count
