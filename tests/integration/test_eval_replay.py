"""`make eval` with a model behind real HTTP: its answers are recorded, and replayed when it is gone."""

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from evals import baseline, cases, cli
from evals.cases import read
from evals.cli import app
from firstline.classification.model import CircuitBreaker
from tests.integration.chat_server import VERDICT, Script, Server, completion, error, serving
from tests.integration.chat_server import answer as reply

ONLY = "missing-data/"
CASES = [read(folder) for folder in sorted((cases.CASES / ONLY).iterdir())]


@pytest.fixture(autouse=True)
def no_last_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "LAST_RUN", tmp_path / "last-run.json")
    monkeypatch.setattr(cli, "load", lambda folder: CASES)  # it takes a second to read all of them


def _refusing_each_third(http: BaseHTTPRequestHandler, server: Server) -> None:
    """High for whatever it is asked, but for one question in three that it refuses to answer."""
    if len(server.requests) % 3 == 0:
        completion({"content": None, "refusal": "I will not."})(http, server)
        return
    verdict = VERDICT | {"severity": "high", "cause": "The network is partitioned.", "runbook_id": None}
    completion({"content": json.dumps(verdict | {"can_be_remediated": False})})(http, server)


def _evals(**options: Any) -> Result:
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    everywhere = ["--only", ONLY, "--all", "--no-obedient"]
    return CliRunner(env={"COLUMNS": "200", "EVAL_API_KEY": "any"}).invoke(app, [*everywhere, *words])


def _answers(folder: Path) -> dict[str, Any]:
    return {str(path.relative_to(folder)): json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))}


def _row(output: str, words: str) -> list[str]:
    line = next(row for row in output.splitlines() if row.startswith(f"│ {words} "))
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_a_replay_says_what_the_model_said(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    with serving(_refusing_each_third) as server:
        live = _evals(base_url=server.url, model="scripted", record=folder, price=3, price_out=9)
    assert live.exit_code == 0, live.output
    asked = len(server.requests)

    again = _evals(replay=folder, price=3, price_out=9)

    assert again.exit_code == 0, again.output
    assert len(server.requests) == asked  # nobody was asked again
    assert len(_answers(folder)) == asked
    assert "recorded answers are to an older question" not in again.output
    for words in ("macro-F1 over severities", "calibration error", "tokens", "model asked / no verdict", "cost"):
        assert _row(again.output, words)[-1] == _row(live.output, words)[-1], words
    asked_and_failed = f"{asked} / {asked // 3}"
    assert _row(again.output, "model asked / no verdict")[-1] == asked_and_failed
    assert int(_row(again.output, "tokens")[-1].replace(",", "")) > 0


def test_tokens_and_cost_stand_beside_each_case(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    with serving(_refusing_each_third) as server:
        _evals(base_url=server.url, model="scripted", record=folder)

    output = _evals(replay=folder, price=2, price_out=8).output

    assert {answer["usage"]["prompt_tokens"] for answer in _answers(folder).values()} == {300}
    assert "321 (0.00077)" in output  # 300 in at 2, 21 out at 8 for a million
    assert f"{0.000768 * len(_answers(folder)):.4f}" == _row(output, "cost")[-1]


def test_an_answer_to_a_question_that_has_changed_is_stale(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    with serving(_refusing_each_third) as server:
        _evals(base_url=server.url, model="scripted", record=folder)
    first = sorted(folder.rglob("*.json"))[0]
    first.write_text(json.dumps(json.loads(first.read_text()) | {"prompt": "another"}))

    assert "1 recorded answers are to an older question" in _evals(replay=folder).output


def test_a_server_that_only_fails_is_recorded_as_such(tmp_path: Path, serve: Callable[[Script], Server]) -> None:
    folder = tmp_path / "answers"
    server = serve(reply(401, error("no such key")))

    live = _evals(base_url=server.url, model="scripted", record=folder)

    assert live.exit_code == 0, live.output
    assert all("no_verdict" in answer for answer in _answers(folder).values())
    asked = CircuitBreaker.FAILURES_IN_A_ROW
    assert len(_answers(folder)) == asked
    assert _row(live.output, "model asked / no verdict")[-1] == f"{asked} / {len(CASES)}"
    assert "Check the key (EVAL_API_KEY or FIRSTLINE_MODEL_KEY)" in live.output
    again = _evals(replay=folder)
    for output in (live.output, again.output):
        without, with_model = _row(output, "macro-F1 over severities")[2:]
        assert with_model == without  # rules and history decide


def _named(http: BaseHTTPRequestHandler, server: Server) -> None:
    """High from the model `loud`, low from every other one."""
    severity = "high" if server.requests[-1]["body"]["model"] == "loud" else "low"
    verdict = VERDICT | {"severity": severity, "runbook_id": None, "can_be_remediated": False}
    completion({"content": json.dumps(verdict)})(http, server)


def test_two_models_are_compared_in_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    asked = ["--model", "loud", "--model", "quiet", "--record", str(folder)]
    with serving(_named) as server:
        found = CliRunner(env={"COLUMNS": "200", "EVAL_API_KEY": "any"}).invoke(
            app, ["--only", ONLY, "--no-obedient", "--base-url", server.url, *asked]
        )

    assert found.exit_code == 0, found.output
    *_, loud, quiet = _row(found.output, "model asked / no verdict")
    assert loud == quiet == f"{len(server.requests) // 2} / 0"
    assert {path.relative_to(folder).parts[0] for path in folder.rglob("*.json")} == {"loud", "quiet"}
    assert re.search(r"cases\s*│ loud", found.output)
    assert re.search(r"cases\s*│ quiet", found.output)
