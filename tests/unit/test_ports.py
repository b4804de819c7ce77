"""Ports of the package: one per store."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "layers" / "core" / "firstline"
MOST = 17


def test_a_store_has_one_port_and_not_one_per_caller() -> None:
    classes = [
        node
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    ports = sorted(node.name for node in classes if any(ast.unparse(base) == "Protocol" for base in node.bases))
    assert len(ports) <= MOST, f"{len(ports)} Protocols, at most {MOST}: {', '.join(ports)}"
