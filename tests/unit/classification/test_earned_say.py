"""Earned say: how much a model's kind of change (move) must save before it counts, and when it no longer counts."""

import random

import pytest

from firstline.classification.earned_say import (
    BETS_OF_A_GROUP,
    EARNED_AT,
    STAKES,
    Bet,
    Bettor,
    Label,
    Move,
    bets_on,
    earned,
    settled,
    severity_move,
)
from firstline.models import Severity, Stance
from firstline.policy.costs import cost


def _stance(severity: Severity = "medium", runbook_id: str | None = None, blames: bool = False) -> Stance:
    return Stance(severity=severity, runbook_id=runbook_id, is_deployment_related=blames)


def _bets(*savings: float, move: Move = "tell to page") -> list[Bet]:
    return [Bet(move, f"group {number}", saving) for number, saving in enumerate(savings)]


def _counts(*savings: float) -> bool:
    return earned({"m": _bets(*savings)}).counts("m", "tell to page")


@pytest.mark.parametrize(
    ("said", "truth", "expected"),
    [
        ("high", "medium", 1),
        ("critical", "noise", 1.5),
        ("low", "critical", 5),
        ("noise", "high", 10),
        ("medium", "noise", 0.2),
        ("noise", "low", 1),
        ("high", "critical", 0.1),
        ("low", "low", 0),
    ],
)
def test_the_cost_of_a_verdict_follows_from_whom_it_wrongly_reaches_or_misses(
    said: Severity, truth: Severity, expected: float
) -> None:
    assert cost(said, truth) == expected


def test_a_missed_page_costs_what_the_policy_says() -> None:
    assert (cost("low", "high", 8), cost("noise", "high", 8)) == (8, 16)


def test_a_move_counts_after_it_found_six_missed_pages() -> None:
    a_missed_page = 1.0
    assert not _counts(*[a_missed_page] * 5)
    assert _counts(*[a_missed_page] * 6)


def test_needless_pages_keep_a_move_from_counting() -> None:
    a_missed_page, needless = 1.0, -0.2
    assert not _counts(*[a_missed_page, *[needless] * 6] * 10)


def test_two_losses_end_a_move_which_must_then_be_earned_anew() -> None:
    assert not _counts(*[1.0] * 6, -1.0, -1.0)
    assert not _counts(*[1.0] * 6, -1.0, -1.0, *[1.0] * 5)
    assert _counts(*[1.0] * 6, -1.0, -1.0, *[1.0] * 6)


def test_a_group_bets_twice_at_most() -> None:
    every_night = [Bet("tell to page", "nightly", 1.0)] * 50
    found = earned({"m": every_night})
    assert not found.counts("m", "tell to page")
    assert found.standings["m"]["tell to page"].bets == BETS_OF_A_GROUP


def test_what_a_move_earned_counts_for_no_other_model_and_no_other_move() -> None:
    found = earned({"m": _bets(*[1.0] * 10)})
    assert found.counts("m", "tell to page")
    assert not found.counts("m", "page to tell")
    assert not found.counts("n", "tell to page")


def test_a_move_that_saves_nothing_is_granted_in_one_run_of_twenty_at_most() -> None:
    dice = random.Random(7)
    granted = 0
    for _ in range(400):
        bettor = Bettor()
        for _ in range(300):
            bettor.settle(dice.choice((1.0, -0.25, -0.25, -0.25, -0.25)))  # on the average nothing
            if bettor.wealth >= EARNED_AT:
                granted += 1
                break
    assert 0 < granted <= 20


def test_no_stake_is_the_whole_wealth_so_that_no_loss_ends_the_betting_for_good() -> None:
    assert max(STAKES) < 1


@pytest.mark.parametrize(
    ("plain", "judged", "move"),
    [
        ("high", "low", "page to tell"),
        ("medium", "critical", "tell to page"),
        ("low", "noise", "tell to drop"),
        ("noise", "medium", "drop to tell"),
        ("high", "critical", "within a class"),
        ("high", "high", None),
    ],
)
def test_moves_are_named_by_whom_the_verdict_reaches(plain: Severity, judged: Severity, move: Move | None) -> None:
    assert severity_move(plain, judged) == move


def test_a_bet_needs_a_disagreement_and_a_label() -> None:
    assert bets_on(_stance("low"), _stance("low"), Label("critical"), "g") == []
    assert bets_on(_stance("low"), _stance("high"), Label(), "g") == []
    assert bets_on(_stance("low"), _stance("critical"), Label("critical"), "g") == [Bet("tell to page", "g", 1.0)]


def test_a_saving_is_measured_against_the_most_that_its_move_could_change() -> None:
    needless = bets_on(_stance("low"), _stance("high"), Label("low"), "g")
    kept_back = bets_on(_stance("high"), _stance("low"), Label("high"), "g")
    assert [round(bet.saving, 2) for bet in (*needless, *kept_back)] == [-0.2, -1.0]


@pytest.mark.parametrize(
    ("label", "saving"),
    [(Label(cured_by="restart"), -1.0), (Label(failed="restart"), 1.0), (Label(cured_by="other"), None)],
)
def test_a_dropped_runbook_is_judged_by_what_cured(label: Label, saving: float | None) -> None:
    bets = bets_on(_stance(runbook_id="restart"), _stance(), label, "g")
    assert [bet.saving for bet in bets] == ([] if saving is None else [saving])


def test_a_dropped_blame_is_judged_by_what_people_say() -> None:
    for people_blame_it, saving in ((True, -1.0), (False, 1.0)):
        assert bets_on(_stance(blames=True), _stance(), Label(blame=people_blame_it), "g") == [
            Bet("deployment blame", "g", saving)
        ]


def test_only_the_moves_that_count_change_the_verdict() -> None:
    plain, judged = _stance("low", "restart", blames=True), _stance("critical")
    assert settled(plain, judged, lambda _: False) == plain
    assert settled(plain, judged, lambda move: move == "tell to page") == _stance("critical", "restart", blames=True)
    assert settled(plain, judged, lambda move: move == "runbook") == _stance("low", blames=True)
    assert settled(plain, judged, lambda _: True) == judged


def test_a_verdict_that_drops_an_alert_names_no_runbook() -> None:
    counts = settled(_stance("low", "restart"), _stance("noise"), lambda move: move == "tell to drop")
    assert counts == _stance("noise")
