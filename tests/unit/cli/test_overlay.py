"""The owner's folder `mine/`: laid over the shipped runbooks, and named in what is said of it."""

import shutil
from pathlib import Path

import pytest
import yaml

from firstline.errors import ConfigurationError
from firstline_cli import overlay

ROOT = Path(__file__).parents[3]
PAGING = "policy/paging.yaml"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one runbook and the policies."""
    for name in ("low-disk.yaml", "policy"):
        source, target = ROOT / "runbooks" / name, tmp_path / "runbooks" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
    return tmp_path


def own(checkout: Path, name: str, text: str) -> None:
    file = checkout / "mine" / "runbooks" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def renamed(checkout: Path, to: str) -> str:
    """A second runbook, which asks for other alerts than the shipped one."""
    runbook = yaml.safe_load((checkout / "runbooks" / "low-disk.yaml").read_text())
    alert = "TapeFull"
    runbook |= {"id": to, "match": {"alerts": [alert]}}
    runbook["examples"] = {"match": [{"alert": alert, "labels": {"mountpoint": "/data"}}], "no_match": [{"alert": "X"}]}
    return yaml.safe_dump(runbook)


def test_without_the_owners_folder_the_checkout_is_used_as_it_is(checkout: Path) -> None:
    assert overlay.together(checkout) == checkout / "runbooks"
    assert overlay.tree(checkout) == checkout
    assert not (checkout / ".cache").exists()


def test_a_file_takes_the_place_of_the_shipped_one_until_it_is_gone(checkout: Path) -> None:
    shipped = (checkout / "runbooks" / PAGING).read_text()
    own(checkout, PAGING, "levels: []\n")
    folder = overlay.together(checkout)
    assert (folder / PAGING).read_text() == "levels: []\n"
    assert (folder / "low-disk.yaml").exists()

    (checkout / "mine" / "runbooks" / PAGING).unlink()
    assert (overlay.together(checkout) / PAGING).read_text() == shipped
    assert (checkout / "runbooks" / PAGING).read_text() == shipped


def test_what_is_built_has_the_documents_of_both_and_what_is_gone_is_gone(checkout: Path) -> None:
    own(checkout, "tape.yaml", renamed(checkout, "tape"))
    documents = overlay.tree(checkout) / "runbooks" / "documents" / "template.yaml"
    assert "-tape." in documents.read_text()
    assert "-low-disk." in documents.read_text()
    assert (overlay.tree(checkout) / "template.yaml").is_symlink()

    (checkout / "mine" / "runbooks" / "tape.yaml").unlink()
    assert "-tape." not in (overlay.tree(checkout) / "runbooks" / "documents" / "template.yaml").read_text()
    assert not (checkout / "runbooks" / "documents").exists(), "nothing of the owner's gets into git"


def test_what_is_wrong_names_the_owners_file(checkout: Path) -> None:
    own(checkout, "tape.yaml", "id: tape\n")
    with pytest.raises(ConfigurationError, match=r"^mine/runbooks/tape\.yaml:1: ") as caught:
        overlay.tree(checkout)
    assert str(checkout) not in str(caught.value)


def test_names_tell_the_owners_files_from_the_shipped_ones(checkout: Path) -> None:
    own(checkout, PAGING, "levels: []\n")
    folder = overlay.together(checkout)
    said = f"{folder}/policy/paging.yaml: levels (line 1); {folder}/low-disk.yaml:3: id"
    assert (
        overlay.named(said, checkout)
        == "mine/runbooks/policy/paging.yaml: levels (line 1); runbooks/low-disk.yaml:3: id"
    )
