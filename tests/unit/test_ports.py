"""Test of the number of ports (`Protocol` classes) of the package, so that each store keeps only one."""

import ast

from tests.unit.test_arrows import MODULES, nodes

MOST_PORTS = 17


def test_a_store_has_one_port_and_not_one_per_caller() -> None:
    classes = [node for path in MODULES for node in nodes(path) if isinstance(node, ast.ClassDef)]
    ports = sorted(node.name for node in classes if any(ast.unparse(base) == "Protocol" for base in node.bases))
    assert len(ports) <= MOST_PORTS, f"{len(ports)} Protocols, at most {MOST_PORTS}: {', '.join(ports)}"
