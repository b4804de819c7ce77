"""The statements of a module: where imports, classes and docstrings stand."""

import ast
from collections.abc import Iterator


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
