"""Tests of docstrings: a function's begins with a verb, and any other with a noun phrase.

Ruff's D401 finds verbs that are not in the imperative; these tests find openings without any verb.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from scripts.statements import parsed, statements

ROOT = Path(__file__).parents[2]
PRODUCT = ("layers/core/firstline", "functions", "cli", "local", "evals", "scripts")
FILES = [path for folder in (*PRODUCT, "tests") for path in sorted((ROOT / folder).rglob("*.py"))]

RIDDLE = re.compile(
    r"(What|Which|Who|Whoever|Whose|Somebody|Someone|Nobody|Everybody|Whatever|Whether|How|When|Where|Why|"
    r"There|It is|It's)\b(?! Now\?)"
)
"""The first words that name neither an action nor an item. (`What Now?` is allowed as the name of a state.)"""

NO_VERB = re.compile(
    r"(The|A|An|All|Any|Both|Each|Every|No|None|One|Two|Only|Same|This|That|These|Those|Its|Their|As|At|By|For|From|In|Into|"
    r"Like|Of|On|Since|Through|To|Until|With|Without|True|False|If|Not|After|Before|More|Most|Later|First|Last|Here|Called)\b"
)
"""The first words of a function's docstring that are no verb."""

NO_NOUN = re.compile(
    r"(So|As|At|For|From|In|Of|On|Until|With|Without|If|Not|After|Before|While|Beyond|Within|By|Longer|Less|Enough)\b"
)
"""The first words of a constant's docstring that begin no noun phrase."""


MAY_HOLD_RIDDLES = re.compile(rf"[\"'][\s\\]*(?:{RIDDLE.pattern}|{NO_NOUN.pattern})")
"""A riddle, or a text that merely looks like one: a module that has none of them need not be parsed."""

MAY_LACK_VERBS = re.compile(rf"^(?!\s*class\b).*(?::|#.*)\s*\n\s*[rR]?[\"']+[\s\\]*{NO_VERB.pattern}", re.MULTILINE)
"""An opening without a verb, in a text below a colon or a comment, as a function's docstring is."""


def riddles(tree: ast.Module) -> Iterator[str]:
    """Yield the line and the first words of each docstring that begins with a riddle."""
    for node in statements(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            if RIDDLE.match(text):
                yield f"line {getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"
        for constant, text in _constants(node):
            if RIDDLE.match(text) or NO_NOUN.match(text):
                yield f"line {constant.lineno}: {text.splitlines()[0]}"


def without_verb(tree: ast.Module) -> Iterator[str]:
    """Yield the line and the first words of each function's docstring that begins with no verb."""
    for node in statements(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        text = ast.get_docstring(node) or ""
        is_property = any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
        if NO_VERB.match(text) and not is_property:
            yield f"line {node.lineno}: {text.splitlines()[0]}"


def _constants(node: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Yield the assignments of a module or class that a docstring follows, each with its docstring."""
    if not isinstance(node, ast.Module | ast.ClassDef):
        return
    for statement, after in pairwise(node.body):
        if not isinstance(after, ast.Expr) or not isinstance(after.value, ast.Constant):
            continue
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.TypeAlias):
            yield statement, str(after.value.value).strip()


def found(look: Callable[[ast.Module], Iterator[str]], possible: re.Pattern[str], files: Iterable[Path]) -> list[str]:
    """Return what `look` finds in the files whose text it is possible in, each with the file's path in front."""
    return [
        f"{path.relative_to(ROOT)}, {what}"
        for path in files
        if possible.search(path.read_text(encoding="utf-8"))
        for what in look(parsed(path))
    ]


def test_no_docstring_begins_with_a_question_word() -> None:
    beginning = "begin a function's docstring with a verb, others with a noun phrase"
    assert found(riddles, MAY_HOLD_RIDDLES, FILES) == [], beginning


def test_every_function_docstring_of_the_product_begins_with_a_verb() -> None:
    product = (path for path in FILES if path.relative_to(ROOT).parts[0] != "tests")
    assert found(without_verb, MAY_LACK_VERBS, product) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('"""What it does."""', 1),
        ('"""What Now? as a table."""', 0),
        ('class C:\n    """Which one."""', 1),
        ('class C:\n    """A value."""', 0),
        ('LIMIT = 3\n"""How many may wait."""', 1),
        ('LIMIT: int = 3\n"""So many may wait."""', 1),
        ('LIMIT = 3\n"""The number that may wait."""', 0),
        ('type Word = str\n"""Where it stands."""', 1),
        ('class C:\n    limit = 3\n    """For strangers."""', 1),
        ('def f():\n    """Whether it holds."""', 1),
    ],
)
def test_the_search_for_riddles_finds_question_words_but_no_noun_phrases(source: str, count: int) -> None:
    assert len(list(riddles(ast.parse(source)))) == count
    assert MAY_HOLD_RIDDLES.search(source) or not count


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('def f():\n    """The value."""', 1),
        ('def f() -> None:  # as it is\n    r"""The value."""', 1),
        ('def f(\n    a: int,\n) -> int:\n\n    # So far.\n    """\n    The value."""', 1),
        ('def f():\n    """Return the value."""', 0),
        ('class C:\n    @property\n    def f(self):\n        """The value."""', 0),
    ],
)
def test_the_search_for_missing_verbs_finds_functions_but_no_properties(source: str, count: int) -> None:
    assert len(list(without_verb(ast.parse(source)))) == count
    assert MAY_LACK_VERBS.search(source) or not count
