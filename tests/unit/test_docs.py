"""Tests of the guides: every path and link in them exists, and docs/table.md names every key and index of the table."""

import re
from pathlib import Path

import pytest
import yaml

from firstline.sources import SOURCES

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers" / "core" / "firstline"
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PATH = re.compile(r"(?<![\w./<>$-])[a-z_.]\w*(?:/[\w.<>-]+)+")
LINK = re.compile(r"\]\((?!http)([^)#]*)(?:#([^)]*))?\)")
FOLDERS = {path.name for path in (*ROOT.iterdir(), *CORE.iterdir()) if path.is_dir()} - {".cache"} | {"firstline"}
NOT_HERE = {"evals/similarity.py", "evals/traffic.py", "evals/learned.py", "stuck-queue"}
"""Paths that guides may name although they do not exist: deleted files, and the runbook of an example."""


def exists(path: str) -> bool:
    pattern = re.sub(r"<[^>]*>", "*", path).rstrip("./")
    return any(any(base.glob(pattern)) for base in (ROOT, CORE, CORE.parent, ROOT / "docs"))


def anchors(guide: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", guide.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_guide_names_exists(guide: Path) -> None:
    named = [path for path in PATH.findall(guide.read_text()) if path.split("/")[0] in FOLDERS]
    secrets = re.compile(r"(sources/\w+|console/(link|calendar)-key)$")

    wrong = {path for path in named if not exists(path) and not secrets.match(path)}
    assert {path for path in wrong if not any(name in path for name in NOT_HERE)} == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_guide_leads_to_a_page_and_heading_that_exist(guide: Path) -> None:
    for target, anchor in LINK.findall(guide.read_text()):
        page = guide.parent / target if target else guide
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), f"{target}#{anchor}"


LONGEST = 140
"""The most characters that a line of a guide shows, but for tables and code; the target of a link is not shown."""


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_line_of_a_guide_is_short_enough_to_read(guide: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```$", "", guide.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    shown = re.sub(r"\]\([^)\n]*\)", "]", text)
    lines = [line for line in shown.splitlines() if not line.lstrip().startswith("|")]

    assert [line for line in lines if len(line) > LONGEST] == [], "wrap the paragraph at about 120 characters"


INDEXES = {"docs/README.md", "docs/decisions/README.md"}
PAGES = [
    path for path in GUIDES if path.parent.name != "decisions" and path.is_relative_to(ROOT / "docs")
    and str(path.relative_to(ROOT)) not in INDEXES
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_begins_with_what_its_reader_can_do_after_it(page: Path) -> None:
    assert re.match(r"# .+\n\nAfter (this page|these steps)\b", page.read_text())


@pytest.mark.parametrize("index", ["docs", "docs/channels", "docs/sources"])
def test_an_index_lists_every_page_beside_it(index: str) -> None:
    text = (ROOT / index / "README.md").read_text()
    pages = {path.name for path in (ROOT / index).glob("*.md")} - {"README.md"}

    assert {name for name in pages if f"({name}" not in text} == set()


@pytest.mark.parametrize("heading", ["# Sources: where alerts come from", "## What is read, what is ignored, and why"])
def test_both_tables_about_sources_have_a_row_for_each_source(heading: str) -> None:
    table = (ROOT / "docs/sources/README.md").read_text().partition(f"{heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| \[?([a-z]+)\b", table, re.MULTILINE)

    assert [source for source in SOURCES if source not in rows] == []


def test_the_table_about_messages_has_a_column_for_each_page_about_a_channel() -> None:
    table = (ROOT / "docs/channels/README.md").read_text().partition("## Which message goes where\n\n| moment |")[2]
    columns = re.findall(r"\w+", table.partition("\n")[0].lower())

    assert {page.stem for page in (ROOT / "docs/channels").glob("*.md")} - {"README"} <= set(columns)


def test_the_index_marks_each_decision_that_a_later_one_supersedes() -> None:
    folder = ROOT / "docs" / "decisions"
    lines = [line for line in (folder / "README.md").read_text().splitlines() if re.match(r"\d+\. ", line)]
    listed = {re.search(r"\((\d{4}-[^)]+)\)", line)[1]: line for line in lines}  # type: ignore[index]

    assert set(listed) == {path.name for path in folder.glob("0*.md")}
    for name, line in listed.items():
        text = (folder / name).read_text()
        later = re.search(r"\A# .+\n\n\*Superseded in part by \[(\d+)\]", text)
        assert text.startswith(f"# {int(name[:4])}. "), name
        mark = f" (in part superseded by {int(later[1])})" if later else ""
        assert line.partition(f"({name})")[2] in (mark, " (withdrawn)"), name


def test_every_test_that_a_decision_names_exists() -> None:
    there = set(re.findall(r"^def (test_\w+)", "\n".join(map(Path.read_text, ROOT.glob("tests/**/test_*.py"))), re.M))
    pages = (ROOT / "docs" / "decisions").glob("*.md")
    named = {name for page in pages for name in re.findall(r"`(test_\w+)`", page.read_text())}
    assert named
    assert named - there == set()


STORED = re.compile(r"`([A-Z]+)(?:#[^`]*)?`")
CODE = [
    *(path for room in ("layers", "functions", "cli") for path in (ROOT / room).rglob("*.py")),
    *(ROOT / "statemachine").glob("*.yaml"),
    ROOT / "template.yaml",
]
SCAN = re.compile(
    r"\.scan\(|['\"]scan['\"]|dynamodb:(?:Scan|\*|PartiQL)|execute_statement|dynamodb:scan", re.IGNORECASE
)
"""A call that reads the whole table, or the permission for such a call."""


def test_every_index_is_on_the_page_about_the_table() -> None:
    page = (ROOT / "docs" / "table.md").read_text()
    template = re.sub(r"!\w+ ?", "", (ROOT / "template.yaml").read_text())
    table = yaml.safe_load(template)["Resources"]["Table"]["Properties"]

    rows = re.findall(r"^\| `(\w+)` \| `(\w+)`, `(\w+)` \|", page, re.MULTILINE)
    declared = [
        (index["IndexName"], *(key["AttributeName"] for key in index["KeySchema"]))
        for index in table["GlobalSecondaryIndexes"]
    ]
    assert sorted(rows) == sorted(declared)
    assert all(f"index `{name}`" in page for name, *_ in declared)


def test_every_partition_is_on_the_page_about_the_table() -> None:
    page = (ROOT / "docs" / "table.md").read_text()
    stored = {
        name
        for module in (CORE / "adapters" / "dynamodb").glob("*.py")
        for row in re.findall(r"^\| .* \|$", module.read_text().split('"""')[1], re.MULTILINE)
        for name in STORED.findall(row.split("|")[2])
    }
    assert len(stored) > 20
    assert stored - set(STORED.findall(page)) == set()


def test_nothing_scans_the_table() -> None:
    assert len(CODE) > 100
    assert {str(path.relative_to(ROOT)) for path in CODE if SCAN.search(path.read_text())} == set()
