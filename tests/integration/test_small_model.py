"""`make eval` with a model behind the project's own small server, over real HTTP."""

import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evals import baseline
from evals.cli import app
from evals.small_model import Server


class Parrot:
    """A model that answers in the schema and always says the same, but for one form that it refuses."""

    def __init__(self) -> None:
        self.forms: list[Any] = []

    def create_chat_completion(self, messages: Sequence[Any], *, response_format: Any, **settings: Any) -> Any:
        self.forms.append(response_format)
        if response_format is None:
            raise ValueError("no form")
        assert settings["max_tokens"] > 0
        assert messages[-1]["content"]
        verdict = {
            "severity": "low",
            "cause": "The disk of web-1 is full.",
            "is_deployment_related": False,
            "can_be_remediated": False,
            "runbook_id": None,
            "confidence": 0.9,
            "summary": "The disk is full.",
            "first_steps": [],
            "cites": ["alert"],
        }
        message = {"role": "assistant", "content": json.dumps(verdict)}
        usage = {"prompt_tokens": 900, "completion_tokens": 60, "total_tokens": 960}
        return {"id": "1", "choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": usage}


@pytest.fixture
def parrot() -> Iterator[tuple[Parrot, Server]]:
    model = Parrot()
    server = Server(model, port=0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield model, server
    server.shutdown()
    server.server_close()


def test_an_evaluation_asks_the_model_behind_the_small_server_with_the_schema(
    parrot: tuple[Parrot, Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baseline, "LAST_RUN", tmp_path / "last-run.json")
    model, server = parrot
    asked = ["--model", "parrot", "--base-url", server.url, "--only", "missing-data/", "--no-obedient"]
    result = CliRunner(env={"COLUMNS": "200", "EVAL_API_KEY": "any"}).invoke(app, asked)

    assert result.exit_code == 0, result.output
    assert f"{len(model.forms)} / 0" in result.output, "each question was answered"
    assert {form["type"] for form in model.forms} == {"json_object"}
    assert all("severity" in form["schema"]["properties"] for form in model.forms)
