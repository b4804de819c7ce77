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


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("low-disk.patch.yml", "nothing reads this file: name it low-disk.patch.yaml."),
        ("policy/people.yml", "nothing reads this file: name it people.yaml."),
        ("people.yaml", "nothing reads this file here: move it to mine/runbooks/policy/people.yaml."),
        (
            "policies/paging.patch.yaml",
            "nothing reads this file here: move it to mine/runbooks/policy/paging.patch.yaml.",
        ),
        ("disk/low-disk.yaml", "nothing reads this file here: move it to mine/runbooks/low-disk.yaml."),
        ("policy/on-call.yaml", "nothing reads a policy of this name; there are rules.yaml, paging.yaml,"),
    ],
)
def test_a_file_that_nothing_would_read_is_refused(checkout: Path, name: str, said: str) -> None:
    own(checkout, name, "rules: []\n")
    with pytest.raises(ConfigurationError) as refused:
        overlay.together(checkout)
    assert str(refused.value).startswith(f"mine/runbooks/{name}: {said}")


@pytest.mark.parametrize("name", ["policy/rules.patch.yaml", "low-disk.yaml~", "README.md"])
def test_a_patch_an_editors_copy_and_a_page_of_the_owner_are_accepted(checkout: Path, name: str) -> None:
    own(checkout, name, "rules: []\n")
    overlay.together(checkout)


def test_a_patch_changes_keys_and_leaves_the_rest_to_the_shipped_file(checkout: Path) -> None:
    before = yaml.safe_load((checkout / "runbooks" / "low-disk.yaml").read_text())
    own(checkout, "low-disk.patch.yaml", "mode: auto\nlimits: {per_hour: 2}\nrollback: null\n")
    built = overlay.tree(checkout) / "runbooks"
    after = yaml.safe_load((built / "low-disk.yaml").read_text())

    assert (after["mode"], after["limits"]) == ("auto", before["limits"] | {"per_hour": 2})
    assert {key: value for key, value in after.items() if key not in ("mode", "limits")} == {
        key: value for key, value in before.items() if key not in ("mode", "limits", "rollback")
    }
    assert not (built / "low-disk.patch.yaml").exists()

    # A later release changes the rest.
    shipped = checkout / "runbooks" / "low-disk.yaml"
    shipped.write_text(shipped.read_text().replace(before["title"], "A title of a later release"))
    assert "A title of a later release" in (overlay.together(checkout) / "low-disk.yaml").read_text()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"policy/pages.patch.yaml": "a: 1\n"},
            r"^mine/runbooks/policy/pages\.patch\.yaml: there is no runbooks/policy/pa",
        ),
        ({"policy/paging.patch.yaml": "- 1\n"}, "write the keys to change"),
        ({"policy/paging.patch.yaml": "a: ]\n"}, "not readable as YAML"),
        ({"policy/paging.patch.yaml": "a: 1\na: 2\n"}, r"paging\.patch\.yaml: a: given twice; keep one \(line 2\)"),
        (
            {"policy/remediation.patch.yaml": "approvals:\n  destructive:\nfreezes:\nfleet: {max_percent: }\n"},
            r"^mine/runbooks/policy/remediation\.patch\.yaml: approvals\.destructive, freezes, fleet\.max_percent",
        ),
        (
            {"policy/paging.patch.yaml": "a: 1\n", PAGING: "levels: []\n"},
            "change the same runbook: delete one of the files",
        ),
        (
            {"low-disk.patch.yaml": "risk: safe\nmode: auto\n"},
            r"patch\.yaml: risk: the steps of low-disk are destructive: a patch may raise the risk, not lower it",
        ),
        ({"low-disk.patch.yaml": "risk: null\n"}, r"\.cache/mine/runbooks/low-disk\.yaml:\d+: risk: is missing"),
        ({"low-disk.patch.yaml": "mood: auto\n"}, r"^\.cache/mine/runbooks/low-disk\.yaml:\d+: mood: unknown key"),
    ],
)
def test_a_wrong_patch_is_refused_with_its_name(checkout: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        own(checkout, name, text)
    with pytest.raises(ConfigurationError, match=said):
        overlay.tree(checkout)


def test_an_owners_file_that_lacks_keys_or_equals_the_shipped_one_is_named(checkout: Path) -> None:
    model = yaml.safe_load((checkout / "runbooks/policy/model.yaml").read_text())
    del model["deadline_seconds"], model["daily_ceiling"]["cost"]
    own(checkout, "policy/model.yaml", yaml.safe_dump(model))
    own(checkout, PAGING, (checkout / "runbooks" / PAGING).read_text())
    own(checkout, "low-disk.patch.yaml", "mode: auto\n")
    own(checkout, "tape.yaml", renamed(checkout, "tape"))

    lacking, same = overlay.stale(checkout)
    assert lacking.startswith(
        "mine/runbooks/policy/model.yaml replaces the shipped file and lacks its deadline_seconds, "
        "daily_ceiling.cost: add them"
    )
    assert lacking.endswith("or write only what you change into model.patch.yaml")
    assert same == "mine/runbooks/policy/paging.yaml equals the shipped file: delete it, or no release changes it"


def test_the_built_tree_has_the_documents_of_both_and_none_of_a_deleted_runbook(checkout: Path) -> None:
    own(checkout, "tape.yaml", renamed(checkout, "tape"))
    documents = overlay.tree(checkout) / "runbooks" / "documents" / "template.yaml"
    assert "-tape." in documents.read_text()
    assert "-low-disk." in documents.read_text()
    assert (overlay.tree(checkout) / "template.yaml").is_symlink(), "all else is the checkout's own"

    (checkout / "mine" / "runbooks" / "tape.yaml").unlink()
    assert "-tape." not in (overlay.tree(checkout) / "runbooks" / "documents" / "template.yaml").read_text()
    assert not (checkout / "runbooks" / "documents").exists(), "nothing of the owner's gets into git"


def test_a_mistake_in_the_owners_runbook_names_the_owners_file(checkout: Path) -> None:
    own(checkout, "tape.yaml", "id: tape\n")
    with pytest.raises(ConfigurationError, match=r"^mine/runbooks/tape\.yaml:1: ") as caught:
        overlay.tree(checkout)
    assert str(checkout) not in str(caught.value)


def test_a_message_names_the_owners_files_and_the_shipped_ones(checkout: Path) -> None:
    own(checkout, PAGING, "levels: []\n")
    folder = overlay.together(checkout)
    said = f"{folder}/policy/paging.yaml: levels (line 1); {folder}/low-disk.yaml:3: id"
    assert (
        overlay.named(said, checkout)
        == "mine/runbooks/policy/paging.yaml: levels (line 1); runbooks/low-disk.yaml:3: id"
    )
