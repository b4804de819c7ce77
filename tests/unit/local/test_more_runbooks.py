"""Runbooks and policy files of your own on a stack on this machine."""

from pathlib import Path

import pytest

from firstline.errors import ConfigurationError
from local.emulator.more_runbooks import promote, replace_policies
from tests.support.builders import NOON
from tests.support.memory import MemoryStore

SHIPPED = Path("runbooks/policy")


@pytest.fixture
def opt(tmp_path: Path) -> Path:
    """The `/opt` folders of two functions: one with the shipped policies, one without policies."""
    for function in ("reads", "reads-none"):
        (tmp_path / "opt" / function).mkdir(parents=True)
    (tmp_path / "opt" / "reads" / "policy").symlink_to(SHIPPED.resolve())
    return tmp_path / "opt"


def test_a_file_takes_the_place_of_the_shipped_one_of_its_name(tmp_path: Path, opt: Path) -> None:
    mine = tmp_path / "model.yaml"
    mine.write_text("model: mine\n")

    replace_policies([mine], SHIPPED, tmp_path / "policy", opt)

    assert (opt / "reads" / "policy" / "model.yaml").read_text() == "model: mine\n"
    assert (opt / "reads" / "policy" / "rules.yaml").read_text() == (SHIPPED / "rules.yaml").read_text()
    assert "mine" not in (SHIPPED / "model.yaml").read_text()
    assert not (opt / "reads-none" / "policy").exists(), "a function without policies gets none"


def test_an_owner_can_promote_a_shipped_runbook() -> None:
    store = MemoryStore()

    promote(["conntrack-full"], Path("runbooks"), store.table, NOON)

    assert store.remediations.standing("conntrack-full").promoted_by == "the owner"


def test_a_runbook_that_does_not_exist_cannot_be_promoted() -> None:
    with pytest.raises(ConfigurationError, match="conntrack: no runbook in runbooks has this id"):
        promote(["conntrack"], Path("runbooks"), MemoryStore().table, NOON)


def test_a_policy_file_with_an_unknown_name_is_refused(tmp_path: Path, opt: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"modell\.yaml: no policy file has this name; there are model\.yaml, "
    ):
        replace_policies([tmp_path / "modell.yaml"], SHIPPED, tmp_path / "policy", opt)
