"""The templates of `learn`'s drafts escape every value that they print, whatever it holds."""

from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from firstline_cli.learn.templates import on_one_line, plain, render

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
HOSTILE = "<script>x</script> | **b** [a](https://evil.example) `c` @all\n# Heading\n- item"


@given(TEXT)
@example("a: b\n---\nseverity: low # not a comment")
@example("- [x]\u2028{y}")
@example("null")
@example("2026-01-01")
def test_a_text_stays_one_text_behind_a_yaml_key(text: str) -> None:
    written = (
        f"key: {on_one_line(text)}\nlist: {on_one_line([text])}\nmap: {on_one_line({'Person 1': text})}\nlast: 1\n"
    )

    assert yaml.safe_load(written) == {"key": text, "list": [text], "map": {"Person 1": text}, "last": 1}
    assert len(written.splitlines()) == 4


@given(st.lists(TEXT.filter(lambda line: line.strip() != ""), min_size=1, max_size=5))
@example(["  indented", "\ttab", "id: other", "--- ", "'''", "\u202ereversed"])
def test_the_drafted_commands_stay_one_script(commands: list[str]) -> None:
    script = "\n".join(commands) + "\n"

    draft = yaml.safe_load(render("runbook.yaml", **runbook(commands=script)))

    assert draft["steps"][0]["run"] == script
    assert set(draft["steps"][0]) == {"id", "kind", "timeout", "run"}


def test_a_line_break_in_a_comment_adds_no_key() -> None:
    text = render("runbook.yaml", **runbook(people="ada\nmode: auto", incident_id="x\nrisk: safe"))

    assert yaml.safe_load(text)["mode"] == "shadow"
    assert "\nrisk: safe" not in text


def runbook(**changes: Any) -> dict[str, Any]:
    given = {"people": "ada", "incident_id": "i", "id": "draft-a", "title": "t", "name": "n", "example": {"alert": "n"}}
    return given | {"commands": "true\n"} | changes


def test_a_strangers_text_is_escaped_in_the_pull_request() -> None:
    page = render(
        "PULL_REQUEST.md",
        incident=SimpleNamespace(alert=SimpleNamespace(alert_name=HOSTILE), incident_id="i"),
        outcome="resolved",
        case="real/x",
        severity=HOSTILE,
        told=True,
        runbook="runbook.yaml",
        problems=[HOSTILE],
    )

    assert page.count(plain(HOSTILE, 100)) == 3
    without = page.replace(plain(HOSTILE, 100), "")
    assert "script" not in without
    assert "evil.example" not in without


@pytest.mark.parametrize("character", "\\`*_{}[]<>()#|~!")
def test_markup_is_escaped(character: str) -> None:
    assert plain(f"a{character}b") == f"a\\{character}b"


def test_a_link_a_mention_and_a_line_break_are_plain_text() -> None:
    assert plain("https://evil.example/ @all\nnext") == r"https:\/\/evil.example/ @" + "\u2060all next"
