"""Tests of patterns: a text fits itself in any form, and only `*` and `?` have a special meaning."""

import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firstline.policy import pattern
from firstline.policy.match import AlertMatch
from firstline.policy.paging import Route
from firstline.policy.remediation import Freeze
from firstline.runbooks.match import named
from firstline.runbooks.model import Runbook
from firstline.text import strip_invisible
from tests.support.builders import an_alert

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
SIGNS = st.text(
    st.sampled_from("  \n\u00a0\u00a8\u200b\u200d\u212aaAbß*?[]!\\-^.$(){}|+ éÅ＊？ﬁΣς\u0301\u0345\u0130"),
    min_size=1,
    max_size=12,
)
TEXTS = SIGNS | st.text(min_size=1, max_size=40)


@example("\u0345\u200b\u0301", "NFC", "NFC")
@given(TEXTS, st.sampled_from(FORMS), st.sampled_from(FORMS))
def test_a_text_fits_itself_in_any_unicode_form_and_case(text: str, one: str, other: str) -> None:
    assert pattern.fits([normalize(one, text)], normalize(other, text))  # type: ignore[arg-type]
    # Ingest drops what is invisible before anything else, which may change the order of the accents around it.
    shown = strip_invisible(text).replace("\u200d", "")
    assert pattern.fits([text], normalize(one, normalize("NFD", shown).casefold()))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "copied", ["CPU  high ", " cpu\u00a0high", "CPU\u200b high", "cpu high\u202e", "C*  high", "*\thigh"]
)
def test_invisible_characters_and_spacing_make_no_difference(copied: str) -> None:
    assert pattern.fits([copied], "CPU high")


@given(st.text("abAB*?", max_size=8), st.text("abAB", max_size=8))
def test_star_and_question_mark_mean_what_a_shell_means_by_them(wild: str, text: str) -> None:
    assert pattern.fits([wild], text) is fnmatchcase(text.lower(), wild.lower())


@given(st.text("[]!\\^-{}()|+.$ab", max_size=8), st.text("[]!\\^-{}()|+.$ab", max_size=8))
def test_every_other_character_stands_for_itself(plain: str, text: str) -> None:
    assert pattern.fits([plain], text) is (plain == text)


@given(st.text("ab*?＊？", max_size=6), st.text("ab*?＊？", max_size=6), st.text("ab*?c＊？", max_size=6))
def test_a_pattern_fits_every_text_that_a_pattern_it_covers_fits(wide: str, narrow: str, text: str) -> None:
    if pattern.covers(wide, narrow) and pattern.fits([narrow], text):
        assert pattern.fits([wide], text)


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ("web-*", "web-1", True),
        ("web-*", "WEB-?", True),
        ("web-*", "web-1*", True),
        ("web-?", "web-*", False),
        ("w?b*", "w?b*", True),
        ("[ab]", "a", False),
        ("*", "anything", True),
        ("web-1", "web-*", False),
    ],
)
def test_a_pattern_covers_another_if_it_is_equal_or_certainly_wider(wide: str, narrow: str, covered: bool) -> None:
    assert pattern.covers(wide, narrow) is covered


@pytest.mark.parametrize(
    "wild", ["*a" * 120 + "*b", "*" * 300 + "b", "?*" * 120 + "b", "*a?" * 100 + "b", "a*" * 120 + "b", "*aaaa" * 60]
)
def test_a_pattern_with_many_stars_takes_less_than_a_second_of_cpu(wild: str) -> None:
    began = time.process_time()
    assert not pattern.fits([wild], "a" * 4_000 + "c")
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("phrase", "text", "there"),
    [
        ("disk", "Disk full", True),
        ("disk", "diskette", False),
        ("disk\n full", "the DISK  full again", True),
        ("[sda] (1)", "on [SDA] (1)", True),
        ("caf\u00e9", "the cafe\u0301 is down", True),
        ("d*k", "disk", False),
        ("STRASSE", "Straße gesperrt", True),
    ],
)
def test_a_phrase_is_found_as_whole_words_and_has_no_special_characters(phrase: str, text: str, there: bool) -> None:
    assert pattern.mentions([phrase], text) is there


NAMES = [
    "[P2] Lag on billing",
    "disk[nvme0n1]",
    "Is the spool full?",
    "C:\\data\\spool [!]",
    "5 * * * * job late",
    "Übergröße (Köln)",
    "U\u0308bergro\u0308\u00dfe",
    "{a,b} ^x$",
    "x" * 256,
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_a_name_that_is_copied_from_an_alert_matches_in_rules_routes_freezes_and_runbooks(
    name: str, form: str, make_runbook: Callable[..., Runbook]
) -> None:
    copied = normalize(form, name)[:256]  # type: ignore[arg-type]
    alert = an_alert(alert_name=name, service=name, environment=name, host=name, message=name, labels={"k": name})
    fields = ("alert_name", "service", "environment", "host", "message")
    for match in [*({field: copied} for field in fields), {"labels": {"k": copied}}]:
        assert AlertMatch.model_validate(match).fits(alert), match
    for field in ("service", "environment"):
        route = Route.model_validate({field: copied, "levels": ["all"]})
        assert route.matches(alert, "critical", None), field
    frozen = Freeze.model_validate({"reason": "r", "dates": "2026-12-24", "environments": [copied]})
    assert pattern.fits(frozen.environments, name)
    assert named(make_runbook(match={"alerts": [copied]}), alert)


@pytest.mark.parametrize("other", ["p2", "2", "P Lag on billing", "[P3] Lag on billing"])
def test_brackets_in_a_pattern_stand_for_themselves(other: str) -> None:
    assert not AlertMatch.model_validate({"alert_name": "[P2]*"}).fits(an_alert(alert_name=other))
