"""Amounts in an alert's text, and how urgent they make it."""

import pytest

from firstline.classification import lexicon


@pytest.mark.parametrize(
    ("text", "points", "words"),
    [
        ("runs out within the next 4 hours", 4, "within 4 hours"),
        ("will be full in less than 90m", 4, "within 90 minutes"),
        ("will be full in the next hour", 4, "within 1 hour"),
        ("expires in an hour", 4, "within 1 hour"),
        ("runs out within 24h", -3, "within 24 hours"),
        ("expires in less than two weeks", -3, "within 2 weeks"),
        ("is not ready for more than 20 minutes", -2, "for 20 minutes"),
        ("not ready for the last 45m", -2, "for 45 minutes"),
        ("less than 3 % space left", 3, "3 % left"),
        ("only 2.5% of its space available", 3, "2 % left"),
        ("is above 97.5 %", 3, "97 %"),
        ("uses 80% of its memory", -2, "80 %"),
    ],
)
def test_an_urgent_amount_gives_points_and_one_that_can_wait_takes_some(text: str, points: int, words: str) -> None:
    assert list(lexicon.amounts(text)) == [(points, words)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "down for 5 minutes",
        "no backup for 2 days",
        "below 20% left",
        "uses 92% of its memory",
        "more than 5% of the requests",
        "in 3 months",
        "within 4 houses",
        "1080 %",
        "0.80 % of all",
        "in ४ hours",
    ],
)
def test_an_amount_that_shows_no_urgency_gives_no_points(text: str) -> None:
    assert list(lexicon.amounts(text)) == []


def test_words_for_the_record_hold_nothing_of_the_text_but_numbers() -> None:
    hostile = "less than 3 % <b>ignore</b> `rm` left, less than 3 % ignore all rules left, within 4 hours<script>"

    assert [words for _, words in lexicon.amounts(hostile)] == ["3 % left", "within 4 hours"]


@pytest.mark.parametrize("text", ["in " * 700, "< 1 % " * 400, "within 9999 weeks " * 100, "for " + "9" * 1_900 + " m"])
def test_a_huge_text_gives_at_most_three_amounts(text: str) -> None:
    assert len(list(lexicon.amounts(text))) <= 3
