"""Agreement with authors of rules, on a small made-up file, and on the published rules if this machine has them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.agreement import Authors, Judged, authors, by_name, measure, said_level
from evals.classifiers import Policy
from evals.cli import app
from evals.public_rules import PublicRule, read
from firstline.errors import ConfigurationError
from tests.support.needs import PUBLISHED

RULES = """name\tseverity\tsummary_description\tsource_repo
LedgerDown\tcritical\tLedger on {{ $labels.instance }} is down\ta/one
LedgerSlow\twarning\tLedger is slow since {{ $value }} minutes\ta/one
LedgerReport\tinfo\tInformational notice of the ledger\tb/two
LedgerSev0\tSev0\tNothing answers, the service is unavailable\tb/two
LedgerFollower\tpage\tFollower is 3 s behind\tb/two
Watchdog\tnone\tAlways firing\tc/three
LedgerMonitor\tthresholds:critical+warning\tLedger error rate\tc/three
LedgerNothing\t\tLedger\tc/three
"""


@pytest.fixture
def rules_file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.tsv"
    path.write_text(RULES, encoding="utf-8")
    return path


def test_rules_of_no_or_of_several_severities_are_not_read(rules_file: Path) -> None:
    # Not LedgerMonitor (thresholds:critical+warning), nor LedgerNothing (no severity).
    assert [(rule.name, rule.level) for rule in read(rules_file)] == [
        ("LedgerDown", "critical"),
        ("LedgerSlow", "warning"),
        ("LedgerReport", "info"),
        ("LedgerSev0", "critical"),
        ("LedgerFollower", "critical"),
        ("Watchdog", "info"),
    ]


def test_a_rule_is_judged_by_its_words_alone(rules_file: Path) -> None:
    policy = Policy.of()
    assert {rule.name: said_level(rule, policy) for rule in read(rules_file)} == {
        "LedgerDown": "critical",
        "LedgerSlow": "warning",
        "LedgerReport": "info",
        "LedgerSev0": "critical",
        "LedgerFollower": "warning",  # its author says page, its words do not
        "Watchdog": "info",
    }


def test_the_agreement_is_compared_with_always_answering_the_most_common_level(rules_file: Path) -> None:
    whole = measure(read(rules_file), Policy.of()).parts[0]

    assert (whole.rules, whole.repositories, whole.most_common) == (6, 3, "critical")
    # Always critical is right for three of six: its F1 is 2/3 for critical, and 0 for the two other levels.
    # The words are wrong about LedgerFollower alone.
    assert whole.always.accuracy == 0.5
    assert whole.always.macro_f1 == pytest.approx((2 / 3) / 3)
    assert whole.always.balanced_accuracy == pytest.approx(1 / 3)
    assert whole.said.accuracy == pytest.approx(5 / 6)
    assert whole.confusion["critical", "warning"] == 1


def test_the_mean_by_repository_weighs_each_repository_the_same(rules_file: Path) -> None:
    found = measure(read(rules_file), Policy.of())

    assert [(repository.title, repository.rules) for repository in found.repositories] == [
        ("b/two", 3),
        ("a/one", 2),
        ("c/three", 1),
    ]
    assert [repository.said.accuracy for repository in found.repositories] == [pytest.approx(2 / 3), 1, 1]
    assert found.parts[0].said.by_repository == pytest.approx((2 / 3 + 1 + 1) / 3)


def test_a_rule_that_many_copied_counts_once_by_name(tmp_path: Path) -> None:
    rules = [
        PublicRule("LedgerIsDown", "", "a/one", "critical"),
        PublicRule("ledger-is-down", "", "b/two", "critical"),
        PublicRule("ledger_is_down", "", "c/three", "warning"),
        PublicRule("LedgerSlow", "", "a/one", "info"),
        PublicRule("LedgerSlow", "", "b/two", "warning"),
    ]
    judged = [(rule, Judged(rule.repository, rule.level, "warning")) for rule in rules]

    assert by_name(judged) == [
        Judged("a/one", "critical", "warning"),
        Judged("a/one", "warning", "warning"),  # a tie: the graver
    ]


def test_an_author_is_compared_with_the_most_common_level_of_the_other_repositories() -> None:
    rules = [
        PublicRule("LedgerDown", "", "a/one", "critical"),
        PublicRule("LedgerDown", "", "b/two", "critical"),
        PublicRule("LedgerDown", "", "c/three", "warning"),
        PublicRule("LedgerSlow", "", "a/one", "warning"),
        PublicRule("LedgerSlow", "", "a/one", "critical"),  # the same repository: no other author
    ]

    # For a/one and b/two the others are a tie, of which the graver counts; c/three is alone with its warning.
    assert authors(rules) == Authors(3, 2 / 3)
    assert authors(rules[3:]) is None, "no name is in two repositories"


def test_the_interval_of_the_gain_resamples_whole_repositories() -> None:
    many = [PublicRule(f"Ledger{n} {'Down' * (n % 2)}", "", "a/one", ("warning", "critical")[n % 2]) for n in range(40)]
    other = [PublicRule(f"Queue{n} Down", "", "b/two", "warning") for n in range(20)]

    whole = measure([*many, *other], Policy.of()).parts[0]

    # a/one gains 20 of 40, b/two loses 20 of 20: drawn again, either may be there alone.
    assert whole.said.accuracy - whole.always.accuracy == pytest.approx(0)
    assert whole.better_by == (-1, 0.5)


def test_a_repository_is_either_seen_or_unseen(rules_file: Path) -> None:
    rules = read(rules_file)
    sides = {rule.repository: rule.tuned_on for rule in rules}
    assert all(sides[rule.repository] is rule.tuned_on for rule in rules)
    parts = {part.title: part.rules for part in measure(rules, Policy.of()).parts}
    seen, unseen = "seen repositories", "unseen repositories"
    assert parts["all"] == parts.get(seen, 0) + parts.get(unseen, 0)


def test_the_command_prints_baseline_and_confusion(rules_file: Path) -> None:
    result = CliRunner(env={"COLUMNS": "240"}).invoke(app, ["--rules", str(rules_file)])

    assert result.exit_code == 0, result.output
    assert "rows: the truth; columns: what was said" in result.output
    assert "always" in result.output


def test_a_missing_file_and_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(tmp_path / "nowhere.tsv")
    (tmp_path / "other.tsv").write_text("name\tseverity\n")
    with pytest.raises(ConfigurationError, match="add the missing columns source_repo, summary_description"):
        read(tmp_path / "other.tsv")


@pytest.mark.needs("published")
def test_the_lexicon_agrees_more_than_always_answering_the_most_common_level() -> None:
    parts = {part.title: part for part in measure(read(PUBLISHED / "alert_rules.tsv"), Policy.of()).parts}

    for title in ("all", "all, by name"):
        assert parts[title].said.accuracy > parts[title].always.accuracy + 0.1
        assert parts[title].said.macro_f1 > parts[title].always.macro_f1 + 0.25
        assert parts[title].better_by[0] > 0.03
    # Other repositories have other habits: the share that is right is no better there, each class's F1 is.
    unseen = parts["unseen repositories"]
    assert unseen.said.macro_f1 > unseen.always.macro_f1 + 0.13
    assert unseen.said.by_repository > unseen.always.by_repository + 0.04
