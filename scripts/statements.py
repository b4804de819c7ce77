"""The syntax tree of a module, and its statements: where imports, classes and docstrings stand."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file. Several checks read it, none changes it: most of their time was its parsing."""
    return ast.parse(path.read_text(encoding="utf-8"))


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield a syntax tree's root and all statements below it, but no expressions: they are nine of ten nodes."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += (
            inner
            for inner in ast.iter_child_nodes(node)
            if isinstance(inner, ast.stmt | ast.ExceptHandler | ast.match_case)
        )
