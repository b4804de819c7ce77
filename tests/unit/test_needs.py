"""Tests of `needs`: a test whose need is missing is skipped with its remedy, or fails where everything is required."""

import subprocess
import sys
from itertools import chain

import pytest

from tests.__main__ import APART, FOLDERS, TESTS, counted, environment, last_line
from tests.support import needs
from tests.support.needs import Lack

RESULTS = """
<testsuites><testsuite>
  <testcase name="a"/>
  <testcase name="b"><failure message="no"/></testcase>
  <testcase name="c"><error message="set-up"/></testcase>
  <testcase name="d"><skipped message="Tea is out; to run it: apt install tea"/></testcase>
  <testcase name="e"><skipped message="Cups are dirty; to run it: wash up"/></testcase>
  <testcase name="f"><skipped message="Tea is cold; to run it: apt install tea"/></testcase>
</testsuite></testsuites>
"""


@pytest.fixture(autouse=True)
def _no_tea(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(needs.NEEDS, "tea", lambda: Lack("Tea is out", "apt install tea"))
    monkeypatch.delenv(needs.REQUIRE_ALL, raising=False)


def test_a_test_with_a_missing_need_is_skipped_with_its_remedy() -> None:
    with pytest.raises(pytest.skip.Exception, match="Tea is out; to run it: apt install tea"):
        needs.require("tea")


def test_a_test_with_a_missing_need_fails_where_everything_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(needs.REQUIRE_ALL, "1")

    with pytest.raises(pytest.fail.Exception, match="apt install tea"):
        needs.require("tea")


def test_an_unknown_need_raises_a_key_error() -> None:
    with pytest.raises(KeyError):
        needs.require("coffee")


def test_the_last_line_counts_the_results_and_names_the_remedies_of_skipped_tests() -> None:
    assert (
        last_line(*counted(RESULTS), 61.4) == "1 passed, 2 failed, 3 skipped: apt install tea (2), wash up (1) [61 s]"
    )


def test_a_process_without_results_counts_no_tests() -> None:
    assert last_line(*counted(""), 1) == "0 passed, 0 failed, 0 skipped [1 s]"


def test_a_part_of_the_tests_writes_bytecode_even_if_the_environment_forbids_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    asked = [sys.executable, "-c", "import sys; print(sys.dont_write_bytecode)"]

    assert subprocess.run(asked, env=environment(), capture_output=True, text=True, check=True).stdout == "False\n"


def test_every_test_is_in_a_part_that_is_run() -> None:
    assert {path.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")} == set(FOLDERS)
    assert all((TESTS / folder / name).exists() for folder, apart in APART.items() for name in chain(*apart))
