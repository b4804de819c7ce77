"""The worth of clicks and of an organisation's own rules, on alerts whose answers are known."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from evals import asking, own_rules
from evals.asking import Named
from firstline.models import NormalizedAlert

WHEN = datetime(2026, 3, 2, tzinfo=UTC)


def named(name: str, truth: Any, message: str = "", file: str = "", organisation: str = "shop") -> Named:
    alert = NormalizedAlert(
        source="prometheus", alert_name=name, severity="medium", severity_stated=False, message=message, labels={},
        timestamp=WHEN, raw_payload=None, status="firing", fingerprint=name, group_key=f"prometheus:{name}",
    )  # fmt: skip
    return Named(alert, truth, organisation, file)


LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNKNOWN_WORDS = [named(f"{letter}quo{other}xy", "critical") for letter in LETTERS for other in LETTERS[:5]]
"""130 alerts that all have to page, in words that mean nothing."""


def test_clicks_find_what_words_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "WRONG_CLICKS", 0.0)
    before, *_, after = asking.simulate(UNKNOWN_WORDS, runs=2)

    assert (before.clicks, before.right, before.pages_found) == (0, 0, 0)
    assert after.clicks == 100
    # A hundred clicks do not reach each of the 130 names.
    assert after.pages_found == after.right > 0.8


def test_one_wrong_click_of_twenty_costs_little() -> None:
    *_, after_all_clicks = asking.simulate(UNKNOWN_WORDS, runs=2)

    # Without a wrong click more than 0.8 are right.
    assert 0.75 < after_all_clicks.right < 1


def test_clicks_on_the_most_frequent_names_are_worth_most() -> None:
    # Critical and low in turn, so that no click says anything about another name.
    alerts = [replace(each, truth=("critical", "low")[number % 2]) for number, each in enumerate(UNKNOWN_WORDS)]

    def after_ten_clicks(order: asking.Order) -> float:
        _, after, *_ = asking.simulate(alerts, order, runs=2)
        assert after.clicks == 10
        return after.right

    assert after_ten_clicks("frequent first") > after_ten_clicks("comes again") > after_ten_clicks("first message")


def test_the_same_seed_gives_the_same_figures() -> None:
    assert asking.simulate(UNKNOWN_WORDS, runs=1, seed=7) == asking.simulate(UNKNOWN_WORDS, runs=1, seed=7)


def test_own_rules_teach_the_rules_of_other_files() -> None:
    lags = [named(f"Lag{letter}", "critical", "replication lag of the database", letter) for letter in LETTERS]
    slow = [named(f"Slow{letter}", "low", "response time of the search page", letter) for letter in LETTERS]
    nothing, some = own_rules.leave_file_out([*lags, *slow], labels=(0, 20), runs=1)

    assert (nothing.macro_f1, nothing.pages_found) == (nothing.macro_f1_without, nothing.pages_found_without)
    assert some.pages_found == 1 > some.pages_found_without


def test_rules_of_one_file_do_not_teach_each_other() -> None:
    assert own_rules.leave_file_out([named("Lag", "critical", file="a"), named("Lags", "critical", file="a")]) == []
