"""Tests of docs/architecture.md: its made parts equal what the code is now, and the files that it names exist."""

import re
from pathlib import Path

from scripts import architecture


def test_the_page_is_made_from_the_code() -> None:
    assert architecture.page() == architecture.PAGE.read_text(), "run: make architecture"


def test_the_picture_draws_no_circle_and_no_arrow_that_a_longer_way_says_already() -> None:
    drawn = architecture.drawn(architecture.arrows())

    def below(room: str) -> set[str]:
        return drawn[room].union(*map(below, drawn[room]))

    assert all(room not in below(room) for room in drawn)
    for room, tos in drawn.items():
        assert not [to for to in tos if any(to in below(via) for via in tos - {to})], room


def test_the_files_that_answer_a_question_exist() -> None:
    """A file without a folder lies beside the one before it in its row."""
    table = architecture.PAGE.read_text().split("## Where is", 1)[1].split("\n## ", 1)[0]
    for row in table.splitlines():
        folder = Path()
        for name in re.findall(r"`([\w/]+\.py)`", row):
            folder = Path(name).parent if "/" in name else folder
            assert (architecture.PACKAGE / folder / Path(name).name).is_file(), (row, name)
