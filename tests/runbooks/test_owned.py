"""The owner's runbooks and scenarios in `mine/`: `make rehearse` and `local try` find them, the tests do not."""

import shutil
from pathlib import Path

import pytest

from firstline.errors import ConfigurationError
from firstline.runbooks import catalogue
from local.rehearsal.rehearse import scenarios
from tests.runbooks.conftest import CHECKOUT, RELEASE_REHEARSALS, folders_of


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout whose owner has a runbook and a scenario for it, and another end for a scenario of low-disk."""
    shutil.copytree(CHECKOUT / "runbooks", tmp_path / "runbooks")
    own = tmp_path / "mine" / "runbooks"
    own.mkdir(parents=True)
    text = (tmp_path / "runbooks/low-disk.yaml").read_text()
    (own / "own-disk.yaml").write_text(text.replace("id: low-disk", "id: own-disk"))
    for runbook, name in (("own-disk", "cured"), ("low-disk", "cured"), ("low-disk", "cured-mine")):
        scenario = tmp_path / f"mine/scenarios/{runbook}/{name}.sh"
        scenario.parent.mkdir(exist_ok=True, parents=True)
        scenario.write_text("# Mine.\nplant() { :; }\n")
    return tmp_path


def test_a_rehearsal_takes_the_owners_runbooks_and_scenarios(checkout: Path) -> None:
    folder, places = folders_of(checkout, "own-disk")

    assert {"own-disk", "low-disk"} <= set(catalogue.load(folder))
    assert [scenario.story for scenario in scenarios("own-disk", *places)] == ["Mine."]
    by_name = {scenario.name: scenario.story for scenario in scenarios("low-disk", *places)}
    assert (by_name["cured"], by_name["cured-mine"]) == ("Mine.", "Mine.")
    assert "not-cured" in by_name


def test_a_run_of_the_tests_takes_only_what_ships(checkout: Path) -> None:
    folder, places = folders_of(checkout, "")

    assert "own-disk" not in catalogue.load(folder)
    assert scenarios("own-disk", *places) == []


@pytest.mark.parametrize(
    ("wanted", "broken", "says"),
    [
        ("own-dsik", "", "no runbook 'own-dsik'; known are "),
        ("own-disk", "id: [", "own-disk.yaml:2: not YAML"),
        ("release-rollback", "", RELEASE_REHEARSALS),
    ],
)
def test_a_rehearsal_that_cannot_begin_says_why(checkout: Path, wanted: str, broken: str, says: str) -> None:
    if broken:
        (checkout / "mine/runbooks/own-disk.yaml").write_text(broken)
    with pytest.raises(ConfigurationError, match=says):
        folders_of(checkout, wanted)
