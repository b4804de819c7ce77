"""Agreement with authors of rules: a small file of our own, and the public ones where they are at hand."""

from pathlib import Path

import pytest

from evals.agreement import measure, read, said_level
from evals.classifiers import Policy
from firstline.errors import ConfigurationError

PUBLIC = Path("../shared/payloads/alert_rules.tsv")

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


def test_only_rules_with_one_severity_are_read(rules_file: Path) -> None:
    assert [(one.name, one.level) for one in read(rules_file)] == [
        ("LedgerDown", "critical"),
        ("LedgerSlow", "warning"),
        ("LedgerReport", "info"),
        ("LedgerSev0", "critical"),
        ("LedgerFollower", "critical"),
        ("Watchdog", "info"),
    ]


def test_what_is_said_comes_from_words_alone(rules_file: Path) -> None:
    policy = Policy.of()
    assert [said_level(one, policy) for one in read(rules_file)] == [
        "critical",
        "warning",
        "info",
        "critical",
        "warning",
        "info",
    ]


def test_the_numbers_stand_beside_the_majority(rules_file: Path) -> None:
    whole = measure(read(rules_file), Policy.of())[0]

    assert (whole.rules, whole.repositories, whole.most_common) == (6, 3, "critical")
    assert whole.baseline == 0.5
    assert whole.baseline_macro_f1 == pytest.approx((2 / 3) / 3)
    assert whole.accuracy == pytest.approx(5 / 6)
    assert whole.confusion["critical", "warning"] == 1


def test_a_repository_is_on_one_side_only(rules_file: Path) -> None:
    rules = read(rules_file)
    sides = {one.repository: one.tuned_on for one in rules}
    assert all(sides[one.repository] is one.tuned_on for one in rules)
    parts = measure(rules, Policy.of())
    assert parts[0].rules == sum(one.rules for one in parts[1:3] if not one.title.startswith("…"))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(tmp_path / "nowhere.tsv")
    (tmp_path / "other.tsv").write_text("name\tseverity\n")
    with pytest.raises(ConfigurationError, match="source_repo, summary_description is missing"):
        read(tmp_path / "other.tsv")


@pytest.mark.skipif(not PUBLIC.exists(), reason="the public rules are not at hand")
def test_better_than_always_saying_the_most_common() -> None:
    whole, tuned, unseen, _ = measure(read(PUBLIC), Policy.of())

    assert whole.accuracy > whole.baseline + 0.08
    assert tuned.accuracy > tuned.baseline + 0.1
    # Other repositories have other habits: the share that is right is no better there, each class's F1 is.
    assert unseen.macro_f1 > unseen.baseline_macro_f1 + 0.12
