"""The guides name only files and links that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers" / "core" / "firstline"
GUIDES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PATH = re.compile(r"(?<![\w./<>$-])[a-z_.]\w*(?:/[\w.<>-]+)+")
LINK = re.compile(r"\]\((?!http)([^)#]*)(?:#([^)]*))?\)")
FOLDERS = {path.name for path in (*ROOT.iterdir(), *CORE.iterdir()) if path.is_dir()} - {".cache"} | {"firstline"}
NOT_HERE = {"evals/similarity.py", "evals/traffic.py", "evals/learned.py", "stuck-queue"}
"""Files that are only in the history, and the runbook that the guide writes."""


def exists(path: str) -> bool:
    pattern = re.sub(r"<[^>]*>", "*", path).rstrip("./")
    return any(any(base.glob(pattern)) for base in (ROOT, CORE, CORE.parent, ROOT / "docs"))


def anchors(guide: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", guide.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_exists(guide: Path) -> None:
    named = [path for path in PATH.findall(guide.read_text()) if path.split("/")[0] in FOLDERS]
    secrets = re.compile(r"sources/\w+$")

    wrong = {path for path in named if not exists(path) and not secrets.match(path)}
    assert {path for path in wrong if not any(name in path for name in NOT_HERE)} == set()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(guide: Path) -> None:
    for target, anchor in LINK.findall(guide.read_text()):
        page = guide.parent / target if target else guide
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), f"{target}#{anchor}"
