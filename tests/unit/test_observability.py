"""Metrics of a process that no Lambda runs: a command on a terminal collects none, and needs no namespace."""

import os

import pytest
import typer
from aws_lambda_powertools.metrics.exceptions import SchemaValidationError

from firstline.observability import NO_METRICS, metrics
from firstline_cli.main import app, quiet

MORE_THAN_ARE_KEPT = 150
"""Powertools publishes what it has at each hundredth value."""


@pytest.fixture(autouse=True)
def nothing_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "metric_set", {})
    monkeypatch.setattr(metrics.provider, "namespace", None)
    monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE", raising=False)
    monkeypatch.delenv(NO_METRICS, raising=False)


def count_questions() -> None:
    for _ in range(MORE_THAN_ARE_KEPT):
        metrics.add_metric(name="LlmTokens", unit="Count", value=9)


def test_a_command_asks_a_model_more_than_a_hundred_times(capsys: pytest.CaptureFixture[str]) -> None:
    context = typer.Context(typer.main.get_command(app))
    with context.scope():
        quiet(context)
        count_questions()

    assert capsys.readouterr().out == ""
    assert not metrics.provider.metric_set
    assert NO_METRICS not in os.environ, "a test or a program that calls a command keeps its own metrics"


def test_a_function_keeps_its_metrics() -> None:
    with pytest.raises(SchemaValidationError, match="namespace"):
        count_questions()
