"""Names in the package: one class, one name; and few ports."""

import ast
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "layers" / "core" / "firstline"
MOST_PORTS = 16
STILL_TWICE = {"Answer", "Match", "Tally"}
"""To be emptied."""

CLASSES = [
    node
    for path in sorted(PACKAGE.rglob("*.py"))
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.ClassDef)
]


def test_no_class_name_stands_twice() -> None:
    twice = {name for name, count in Counter(node.name for node in CLASSES).items() if count > 1}
    assert twice <= STILL_TWICE


def test_a_store_has_one_port_and_not_one_per_caller() -> None:
    ports = [node.name for node in CLASSES if any(ast.unparse(base) == "Protocol" for base in node.bases)]
    assert len(ports) <= MOST_PORTS, f"{len(ports)} Protocols, at most {MOST_PORTS}: {', '.join(sorted(ports))}"
