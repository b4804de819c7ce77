"""Ports of the package: one per store."""

import ast

from tests.unit.test_arrows import MODULES, nodes

MOST = 17


def test_a_store_has_one_port_and_not_one_per_caller() -> None:
    classes = [node for path in MODULES for node in nodes(path) if isinstance(node, ast.ClassDef)]
    ports = sorted(node.name for node in classes if any(ast.unparse(base) == "Protocol" for base in node.bases))
    assert len(ports) <= MOST, f"{len(ports)} Protocols, at most {MOST}: {', '.join(ports)}"
