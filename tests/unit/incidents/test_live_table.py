"""The table of `models/live.py`: who writes and who reads each field that decides what happens next."""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from firstline.models import live
from firstline.models.live import Live

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "layers" / "core" / "firstline"
READERS = ("what_now", "pages", "waking")
NOT_IN_IT = {"incident_id", "open", "group_key", "flapping"}
"""Fields that say which incident it is, not what happened to it."""


def rows() -> list[tuple[set[str], str, set[str]]]:
    """Return the table's rows: the fields, the cell of their writers, and their readers."""
    cells = [line.strip("| ").split(" | ") for line in (live.__doc__ or "").splitlines() if line.startswith("| `")]
    return [({*re.findall(r"`(\w+)`", a)}, b, {*re.findall(r"`(\w+)`", c)}) for a, b, c in cells]


def attributes(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def parsed(path: str) -> ast.Module:
    return ast.parse((PACKAGE / path).read_text(encoding="utf-8"))


def functions(tree: ast.AST) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def fields_of(names: Iterable[str]) -> set[str]:
    """Return the fields of `Live` behind these attributes, some of which are its properties."""
    found, left, behind = set[str](), {*names}, functions(parsed("models/live.py"))
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left |= attributes(behind[name]) if isinstance(getattr(Live, name, None), property) else set()
    return found & set(Live.model_fields)


def written(method: str) -> set[str]:
    """Return the fields that a method of the store names, also through functions of its module."""
    nodes = list(ast.walk(METHODS[method]))
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    calls = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return words.union(*(written(name) for name in calls if name in METHODS))


METHODS = functions(parsed("adapters/dynamodb/live_writes.py")) | functions(parsed("adapters/dynamodb/incidents.py"))
STATES: dict[str, Any] = yaml.safe_load((ROOT / "statemachine/incident.asl.yaml").read_text(encoding="utf-8"))["States"]
WRITERS = [(field, each) for fields, cell, _ in rows() for field in fields for each in re.findall(r"`([\w ]+)`", cell)]


def written_by_state(state: Any) -> set[str]:
    """Return the fields that a state of the machine sets or removes on a LIVE item."""
    if isinstance(state, list):
        return set().union(*map(written_by_state, state))
    if not isinstance(state, dict):
        return set()
    change = state.get("UpdateExpression", "") if state.get("Key", {}).get("sk") == {"S": "LIVE"} else ""
    return {*re.findall(r"(\w+) = ", change), *re.findall(r"REMOVE (\w+)", change)}.union(
        *map(written_by_state, state.values())
    )


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_reads_the_fields_that_the_table_says(reader: str) -> None:
    told = {field for fields, _, readers in rows() for field in fields if reader in readers}
    assert told == fields_of(attributes(parsed(f"incidents/{reader}.py"))) - NOT_IN_IT


@pytest.mark.parametrize(("field", "writer"), WRITERS)
def test_a_writer_that_the_table_names_writes_the_field(field: str, writer: str) -> None:
    fields = written(writer) if writer in METHODS else written_by_state(STATES[writer])
    assert field in fields


def test_the_states_that_write_a_field_stand_in_the_table() -> None:
    """Every wait writes `awaiting` and `task_token`; of the others the table names the states."""
    fields = {field for field, _ in WRITERS} - {"awaiting", "task_token"}
    found = {(field, name) for name, state in STATES.items() for field in written_by_state(state) & fields}
    assert found == {(field, name) for field, name in WRITERS if name in STATES}
