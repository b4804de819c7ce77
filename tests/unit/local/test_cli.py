"""The command `python -m local send`, with a body from a file or from stdin."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from local.cli import app
from local.demo import senders

STACK = json.dumps({"api": "http://127.0.0.1:1", "secrets": {"generic": "s"}})


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    bodies: list[bytes] = []

    def send(api: str, source: str, payload: bytes, secret: str) -> senders.Answer:
        bodies.append(payload)
        return senders.Answer(202, b"{}")

    monkeypatch.setattr(senders, "send", send)
    return bodies


def test_send_posts_the_content_of_a_file_or_of_stdin(tmp_path: Path, sent: list[bytes]) -> None:
    body = tmp_path / "alert.json"
    body.write_text('{"from": "a file"}')

    for file in (str(body), "-"):
        result = CliRunner().invoke(app, ["send", "generic", file, "--stack", STACK], input='{"from": "stdin"}')
        assert result.exit_code == 0, result.output

    assert sent == [b'{"from": "a file"}', b'{"from": "stdin"}']


def test_a_file_that_cannot_be_read_is_an_error_in_words(tmp_path: Path, sent: list[bytes]) -> None:
    result = CliRunner().invoke(app, ["send", "generic", str(tmp_path / "none.json"), "--stack", STACK])

    assert result.exit_code == 2
    assert "cannot be read" in result.output
    assert sent == []
