"""The look-up of similar incidents on labelled ones: what it must find and leave out."""

from pathlib import Path

import pytest

from evals import similarity
from firstline.errors import ConfigurationError


@pytest.fixture(scope="module")
def incidents() -> list[similarity.Labelled]:
    return similarity.read()


def test_there_are_enough_pairs_of_every_kind(incidents: list[similarity.Labelled]) -> None:
    kinds = similarity.pairs(incidents)
    assert sum(kinds.values()) >= 200
    assert kinds["masked"] >= 40
    assert kinds["reworded"] >= 100
    assert kinds["other cause"] >= 200
    assert kinds["other cause, many words shared"] >= 100


def test_most_of_what_is_found_is_right_and_most_of_what_is_right_is_found(
    incidents: list[similarity.Labelled],
) -> None:
    found = similarity.measure(incidents, incidents)
    assert found.precision >= 0.87
    assert found.recall >= 0.88
    assert found.recall_of_reworded >= 0.82


def test_also_for_causes_that_nobody_looked_at_while_setting_words(incidents: list[similarity.Labelled]) -> None:
    hidden = [one for one in incidents if not one.in_sight]
    assert len(hidden) >= 50
    found = similarity.measure(hidden, incidents)
    assert found.precision >= 0.84
    assert found.recall >= 0.84


def test_words_find_what_equal_names_do_not(incidents: list[similarity.Labelled]) -> None:
    by_name = similarity.measure(incidents, incidents, look=similarity.by_name_only)
    assert similarity.measure(incidents, incidents).recall > by_name.recall + 0.3


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("name\tmessage\n", "the first line"), ("cause\tservice\tname\tmessage\na\tb\tc\n", "four columns")],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, text: str, wrong: str) -> None:
    path = tmp_path / "incidents.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=wrong):
        similarity.read(path)
