"""Tests of the imports: they go functions -> wiring -> adapters -> core, and the core imports few libraries."""

import ast
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from scripts.statements import parsed, statements

PACKAGE = Path(__file__).parents[2] / "layers" / "core" / "firstline"
ADAPTERS = "adapters"
WIRING = "wiring"
"""The composition root: only `wiring` and the functions import adapters."""

LIBRARIES = {
    "yaml": ("runbooks", "policy"),
    "rapidfuzz": ("classification",),
    "cryptography": ("sources",),
    "aws_lambda_powertools": ("observability.py",),
    "jinja2": ("console",),
}
"""The libraries, besides pydantic, that parts of the core may import: each with the rooms or files that may."""

ROOMS = (
    *("text", "models", "privacy", "errors", "settings", "contracts", "observability"),
    *("sources", "policy", "incidents", "classification", "ingest", "runbooks", "remediation"),
    *("channels", "people", "reports", "console"),
)
"""The rooms of the core and the modules beside them; each imports only those before it."""

OF_THE_PACKAGE = {"late_names"}
"""The names that `firstline/__init__.py` itself gives to the rooms; it imports none of them."""

KNOWS_A_LATER_ROOM = {
    ("incidents/store.py", "classification"): "the port names what is stored with an incident that closes",
    ("incidents/store.py", "remediation"): "the port names what is taken in one transaction with an approval",
    ("models/plan.py", "privacy"): "imported late: outputs are redacted where they are read",
}
"""The exceptions from the order of `ROOMS`: the file, the later room that it imports, and the reason."""

FLOW = (
    *("frozen", "severity", "alert", "word", "incident", "metric"),
    *("classification", "plan", "live", "record", "event", "evidence"),
)
"""The files of `firstline.models`, in the order in which data flows through them."""

MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
CORE = [path for path in MODULES if path.parts[0] not in (ADAPTERS, WIRING)]


@cache
def nodes(path: Path) -> Sequence[ast.AST]:
    """Return all statements of a file."""
    return list(statements(parsed(PACKAGE / path)))


def imported(path: Path) -> Iterator[str]:
    """Yield the names of the modules that a file imports, inside functions too."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "firstline":
            yield from (f"firstline.{name.name}" for name in node.names if name.name not in OF_THE_PACKAGE)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


def test_the_core_imports_only_the_standard_library_pydantic_and_the_listed_libraries() -> None:
    known = {*sys.stdlib_module_names, "pydantic", "firstline"}
    roots = {(path.parts[0], str(path), name.split(".")[0]) for path in CORE for name in imported(path)}
    assert {
        (path, root) for room, path, root in roots if root not in known and room not in LIBRARIES.get(root, ())
    } == set()


def test_the_core_imports_no_adapter() -> None:
    names = {(str(path), name) for path in CORE for name in imported(path)}
    assert {(path, name) for path, name in names if name.startswith(f"firstline.{ADAPTERS}")} == set()


def test_no_room_of_the_package_imports_the_wiring() -> None:
    names = {(str(path), name) for path in MODULES if path.parts[0] != WIRING for name in imported(path)}
    assert {(path, name) for path, name in names if name.startswith(f"firstline.{WIRING}")} == set()


def test_the_package_itself_imports_no_room() -> None:
    assert {name for name in imported(Path("__init__.py")) if name.startswith("firstline")} == set()


def test_a_room_imports_only_rooms_before_it_but_for_the_listed_exceptions() -> None:
    later = {
        (str(path), room)
        for path in CORE
        if path.parts[0] != "__init__.py"
        for room in {name.split(".")[1] for name in imported(path) if name.startswith("firstline.")}
        if ROOMS.index(room) > ROOMS.index(path.parts[0].removesuffix(".py"))
    }
    assert later == set(KNOWS_A_LATER_ROOM)


def test_a_file_of_models_imports_only_files_before_it_in_the_flow() -> None:
    assert {path.stem for path in MODULES if path.parent.name == "models"} == {*FLOW, "__init__"}
    for place, noun in enumerate(FLOW):
        ours = {name for name in imported(Path("models") / f"{noun}.py") if name.startswith("firstline.models")}
        assert ours <= {f"firstline.models.{earlier}" for earlier in FLOW[:place]}, noun


def test_no_class_name_stands_twice_in_the_package() -> None:
    places: dict[str, list[str]] = {}
    for path in MODULES:
        for node in nodes(path):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
