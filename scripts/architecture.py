"""Writer of the generated parts of docs/architecture.md: rooms (folders) and imports, states, the table's items.

`make architecture` writes them; `tests/unit/test_architecture.py` fails while the page is stale.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.statements import parsed, statements
from tests.simulation.scenario import Happening, run
from tests.simulation.stories import STORIES

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "layers" / "core" / "firstline"
PAGE = ROOT / "docs" / "architecture.md"
EVERYWHERE = {"models", "contracts", "settings", "errors", "observability", "text", "privacy"}
"""The rooms and files that every room uses; their arrows would hide the others."""


def imports(path: Path) -> Iterator[str]:
    """Yield the rooms (folders or modules of `firstline`) that a file imports, without those under `TYPE_CHECKING`."""
    tree = parsed(path)
    for_types = {
        id(inner)
        for node in statements(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in statements(node)
    }
    for node in statements(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in for_types and node.module:
            names = [f"firstline.{alias.name}" for alias in node.names] if node.module == "firstline" else [node.module]
            yield from (name.split(".")[1] for name in names if name.startswith("firstline."))


@cache
def arrows() -> dict[str, set[str]]:
    """Return the rooms and top-level modules that each room imports, by its name."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0]
        if not room.endswith(".py"):
            found.setdefault(room, set()).update(set(imports(path)) - {room})
    return found


def drawn(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the imports to draw: without rooms that every room uses, and without those that others imply.

    If A imports B and B imports C, then that A imports C is implied.
    """
    rooms = {room: (tos & set(edges)) - EVERYWHERE for room, tos in edges.items() if room not in EVERYWHERE}

    def reaches(start: str, goal: str) -> bool:
        return goal in rooms[start] or any(reaches(step, goal) for step in rooms[start])

    return {room: {to for to in tos if not any(reaches(via, to) for via in tos - {to})} for room, tos in rooms.items()}


def picture() -> str:
    """Return the rooms as a Mermaid flowchart; an arrow leads from a room to one that it imports."""
    lines = [f"    {room} --> {to}" for room, tos in sorted(drawn(arrows()).items()) for to in sorted(tos)]
    return "\n".join(["```mermaid", "flowchart TD", "    functions --> wiring", *lines, "```"])


def rooms() -> str:
    """Return a table of the rooms: what each is, and which file to read first."""
    rows = ["| room | what it is | read first |", "|---|---|---|"]
    for init in sorted(PACKAGE.glob("*/__init__.py")):
        told = ast.get_docstring(parsed(init)) or ""
        what = " ".join(told.split("\n\n")[0].split())
        read = re.search(r"Read `([\w/]+\.py)` first", told)
        rows.append(f"| `{init.parent.name}` | {what} | {f'`{read[1]}`' if read else ''} |")
    return "\n".join(rows)


def states() -> str:
    """Return a table of the functions and the states of the machine that each serves."""
    machine = yaml.safe_load((ROOT / "statemachine" / "incident.asl.yaml").read_text(encoding="utf-8"))["States"]
    served: dict[str, list[str]] = {path.parent.name: [] for path in sorted((ROOT / "functions").glob("*/app.py"))}
    for name, state in machine.items():
        if found := re.search(r"\$\{(\w+)FunctionArn\}", str(state.get("Arguments", ""))):
            served[found[1].lower()].append(name)
    rows = [
        f"| `{function}` | {', '.join(f'`{name}`' for name in names) or '– (it is called from outside)'} |"
        for function, names in served.items()
    ]
    return "\n".join(["| function | states that it serves |", "|---|---|", *rows])


def items() -> str:
    """Return one table item of each kind as Markdown, from a simulated incident that is paged, approved and cured."""
    story = STORIES["approved"]
    end = Happening(story.last, "end", (story.sender, story.alert, "web-1"))
    scenario = replace(story.scenario(), happenings=(*story.happenings, end), settles=600)
    kinds: dict[tuple[str, str], dict[str, Any]] = {}
    for item in sorted(run(scenario).world.memory.items(), key=lambda item: (item["pk"], item["sk"])):
        kinds.setdefault((item["pk"].split("#")[0], re.split(r"[#0-9]", item["sk"])[0]), item)
    blocks = [
        "\n".join([f"`{item['pk']}`, `{item['sk']}`", "", "```json", _shown(item), "```"]) for item in kinds.values()
    ]
    return "\n\n".join(blocks)


def _shown(item: dict[str, Any]) -> str:
    rest = {name: _short(value) for name, value in sorted(item.items()) if name not in ("pk", "sk")}
    return json.dumps(rest, ensure_ascii=False, default=str)


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > 60:
        return f"{value[:60]}…"
    return int(value) if type(value).__name__ == "Decimal" else value


PARTS = {"picture": picture, "rooms": rooms, "states": states, "items": items}


def page() -> str:
    """Return the page's text with each generated part made anew, between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    for name, make in PARTS.items():
        begin, end = f"<!-- {name}: made by `make architecture` -->\n", f"\n<!-- end of {name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}{make()}{end}{rest.split(end, 1)[1]}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
