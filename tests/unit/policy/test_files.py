"""Tests of how the owner's YAML files are read: a key given twice is refused, because YAML would keep only the last."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from firstline.errors import ConfigurationError
from firstline.policy import rules
from firstline.policy.files import KeyTwice, documents, plain
from firstline.policy.model import load_model_policy
from firstline.policy.oncall import load_oncall
from firstline.policy.paging import load_paging_policy
from firstline.policy.people import load_people
from firstline.policy.remediation import load_remediation_policy
from firstline_cli.learn import follow_ups


@pytest.mark.parametrize(
    ("load", "text", "says"),
    [
        (rules.load, "rules: []\nrules: []\n", "rules: given twice; keep one (line 2)"),
        (load_people, "people:\n  ada: {role: approver}\n  ada: {}\n", "ada: given twice; keep one (line 3)"),
        (load_oncall, "schedules: {}\n'schedules': {}\n", "schedules: given twice; keep one (line 2)"),
        (load_paging_policy, "levels: [{name: a,\n  name: b}]\n", "name: given twice; keep one (line 2)"),
        (load_model_policy, "model: null\nmodel: null\n", "model: given twice; keep one (line 2)"),
        (load_remediation_policy, "fleet: {}\n\nfleet: {}\n", "fleet: given twice; keep one (line 3)"),
    ],
)
def test_a_key_given_twice_in_a_policy_is_refused_with_its_line(
    load: Callable[[Path], Any], text: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert str(raised.value) == f"{path}: {says}"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a: {x: 1}\nb: {x: 1}\n", {"a": {"x": 1}, "b": {"x": 1}}),
        ("a: &a {x: 1}\nb: {<<: *a, x: 2}\n", {"a": {"x": 1}, "b": {"x": 2}}),
        ("a: &a {x: 1}\nb: [*a, *a]\n", {"a": {"x": 1}, "b": [{"x": 1}, {"x": 1}]}),
    ],
    ids=["two mappings", "a merge", "one mapping twice"],
)
def test_the_same_key_in_two_mappings_is_no_key_given_twice(text: str, read: object) -> None:
    assert plain(text) == read


def test_an_empty_text_is_read_as_none() -> None:
    assert plain("") is None


def test_an_alias_within_its_own_node_is_read_once() -> None:
    (one, itself) = plain("&a [1, *a]")
    assert (one, itself[0]) == (1, 1)


def test_a_key_given_twice_in_a_postmortem_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "disk.md"
    path.write_text("---\nincident: a\naction_items: []\naction_items: []\n---\n")
    with pytest.raises(ConfigurationError, match=r"disk\.md:4: action_items: given twice; keep one$"):
        follow_ups.read(path)


def test_each_document_of_a_file_may_have_a_key_once() -> None:
    assert documents("a: 1\n---\n---\na: 2\n") == [{"a": 1}, None, {"a": 2}]
    assert documents("") == []
    with pytest.raises(KeyTwice, match=r"a: given twice; keep one \(line 4\)"):
        documents("a: 1\n---\na: 2\na: 3\n")
    with pytest.raises(yaml.YAMLError):
        documents("a: 1\n---\n[")


ROOT = Path(__file__).parents[3]
READERS = re.compile(r"\byaml\.\w*load\w*\(")


def test_no_other_module_reads_the_owners_yaml() -> None:
    modules = [path for folder in ("layers/core", "cli", "evals") for path in (ROOT / folder).rglob("*.py")]
    assert len(modules) > 300
    assert [path.name for path in modules if READERS.search(path.read_text(encoding="utf-8"))] == []
