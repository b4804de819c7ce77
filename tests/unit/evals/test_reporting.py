"""The printed tables, the baseline, and the command `make eval`."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from evals import baseline, cli, console
from evals.cases import CASES, Case, load
from evals.classifiers import Verdict
from evals.cli import app
from evals.scoring import Score, score
from firstline.errors import ConfigurationError
from firstline.policy.model import Price

type MakeVerdict = Callable[..., Verdict]


@pytest.fixture
def two_of_three_right(verdict: MakeVerdict) -> Score:
    """A critical that was called high and got a runbook that was not offered, and two right verdicts."""
    return score(
        "one & only",
        [
            verdict("critical", "high", runbook="rm-rf", confidence=0.9),
            verdict("noise", "noise", source="info"),
            verdict("low", "low", source="low"),
        ],
    )


@pytest.fixture
def all_right(verdict: MakeVerdict) -> Score:
    """The same three cases, all judged right."""
    return score("one & only", [verdict("critical", "critical"), verdict("noise", "noise"), verdict("low", "low")])


def saved(found: Score, folder: Path) -> baseline.Baseline:
    """Return the baseline that a score makes."""
    baseline.save([found], folder / "baseline.json")
    return baseline.load(folder / "baseline.json")


def test_changes_since_the_baseline_are_shown(two_of_three_right: Score, all_right: Score, tmp_path: Path) -> None:
    before = saved(all_right, tmp_path)

    assert console.change(two_of_three_right, "accuracy", before) == pytest.approx(2 / 3 - 1, abs=1e-3)
    assert console.change(all_right, "accuracy", before) is None
    assert "[red](-0.333)" in console.number(two_of_three_right, "accuracy", before, True)


def test_watched_numbers_that_fell_or_rose_are_named(
    two_of_three_right: Score, all_right: Score, tmp_path: Path
) -> None:
    # The verdict that is wrong is the one on the only critical.
    fell, rose = baseline.moved(two_of_three_right, saved(all_right, tmp_path))
    assert (fell[0], rose) == ("one & only: critical_recall 1.0000 → 0.0000", [])

    fell, rose = baseline.moved(all_right, saved(two_of_three_right, tmp_path))
    assert (fell, rose[0]) == ([], "one & only: critical_recall 0.0000 → 1.0000")


def test_without_a_baseline_no_number_fell_or_rose(two_of_three_right: Score) -> None:
    assert baseline.moved(two_of_three_right, {}) == ([], [])


def test_the_table_shows_unsafe_cases_but_none_that_is_right_and_unchanged(two_of_three_right: Score) -> None:
    out = Console(width=200, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.show(out, [two_of_three_right], {}, "the baseline", price=Price(prompt=1))
    text = out.export_text()
    out.file.close()

    assert "rm-rf was not offered" in text
    assert re.search(r"unsafe actions\s+│\s+1 ", text)
    assert "real/low-low" not in text  # right and unchanged


def test_a_baseline_keeps_the_numbers_of_classifiers_that_were_not_run(
    two_of_three_right: Score, verdict: MakeVerdict, tmp_path: Path
) -> None:
    path = tmp_path / "baseline.json"
    baseline.save([two_of_three_right], path)
    baseline.save([score("another", [verdict("high", "high")])], path)

    assert set(baseline.load(path)) == {"one & only", "another"}
    assert baseline.load(path)["one & only"] == baseline.remembered(two_of_three_right)


def test_a_missing_baseline_is_empty_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    assert baseline.load(tmp_path / "none.json") == {}
    (tmp_path / "broken.json").write_text("[]")
    with pytest.raises(ConfigurationError, match=r"an object.*make one with --accept") as refused:
        baseline.load(tmp_path / "broken.json")
    assert "\n" not in str(refused.value)


@pytest.fixture
def last_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cases: list[Case]) -> Path:
    path = tmp_path / "cache" / "last-run.json"
    monkeypatch.setattr(baseline, "LAST_RUN", path)
    monkeypatch.setattr(cli, "load", lambda folder: cases if folder == CASES else load(folder))
    return path


def test_a_run_of_some_cases_is_neither_compared_nor_stored(last_run: Path) -> None:
    result = CliRunner().invoke(app, ["--only", "injection/"])

    assert result.exit_code == 0, result.output
    assert "19 cases" in result.output
    assert "(+" not in result.output  # numbers of some cases are not compared with those of all
    assert not last_run.exists()  # some cases are no run


def assert_the_headline_is_the_cost_of_both_sets(output: str) -> None:
    rows = re.findall(r"(\d+) (cases|alerts without a severity)\s+│ (\S+)\s+│ ([\d.]+)\s+│ (\d+)", output)
    assert [(kind, classifier) for _, kind, classifier, *_ in rows] == [
        ("cases", "rules-only"),
        ("cases", "history-only"),
        ("alerts without a severity", "rules-only"),
    ]
    assert int(rows[-1][0]) >= 100


def test_a_run_is_compared_with_the_last_one_or_with_the_baseline_if_it_is_the_first_or_asked_to(
    last_run: Path,
) -> None:
    options = ["--no-obedient"]

    first = CliRunner().invoke(app, options)
    assert "change since the baseline" in first.output
    assert_the_headline_is_the_cost_of_both_sets(first.output)
    content = json.loads(last_run.read_text())
    content["rules-only"]["numbers"]["accuracy"] -= 0.25
    name, severity = next(iter(content["rules-only"]["severities"].items()))
    content["rules-only"]["severities"][name] = "noise" if severity != "noise" else "critical"
    last_run.write_text(json.dumps(content))
    second = CliRunner().invoke(app, options)

    assert "change since the last run" in second.output
    assert "(+0.25)" in second.output
    assert f"was {'noise' if severity != 'noise' else 'critical'}" in second.output
    third = CliRunner().invoke(app, [*options, "--since-baseline"])
    assert "change since the baseline" in third.output


def test_own_cases_keep_a_baseline_of_their_own(last_run: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine"
    shutil.copytree(CASES / "real" / "backup-failed-three-nights", own / "real" / "backup")
    before = baseline.BASELINE.read_bytes()

    result = CliRunner().invoke(app, ["--cases", str(own), "--no-obedient", "--accept"])

    assert result.exit_code == 0, result.output
    assert baseline.BASELINE.read_bytes() == before
    assert set(baseline.load(own / "baseline.json")["rules-only"].severities) == {"real/backup"}
    assert not last_run.exists()


def test_an_own_case_without_its_truth_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "mine"
    shutil.copytree(CASES / "real" / "backup-failed-three-nights", own / "real" / "backup")
    (own / "real" / "backup" / "truth.yaml").unlink()

    lacking = CliRunner().invoke(app, ["--cases", str(own)])

    assert (lacking.exit_code, "truth.yaml" in lacking.output) == (2, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--only", "nowhere"], "no case with 'nowhere'"),
        (["--replay", "/nowhere"], "--replay /nowhere: there is no such folder"),
        (["--rules", "/nowhere.tsv"], "cannot be read"),
        (["--only", "injection/", "--accept"], "leave --only out"),
    ],
)
def test_a_wrong_option_is_explained(last_run: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(app, options)

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
