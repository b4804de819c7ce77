"""Tests of metrics outside Lambda: a command in a terminal collects none, so it needs no namespace."""

import os

import pytest
import typer
from aws_lambda_powertools.metrics.exceptions import SchemaValidationError

from firstline.observability import NO_METRICS, metrics
from firstline_cli.main import app, quiet

MORE_THAN_ARE_KEPT = 150
"""More values than the 100 after which Powertools prints the metrics that it has collected."""


@pytest.fixture(autouse=True)
def nothing_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.provider, "metric_set", {})
    monkeypatch.setattr(metrics.provider, "namespace", None)
    monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE", raising=False)
    monkeypatch.delenv(NO_METRICS, raising=False)


def add_many_metrics() -> None:
    for _ in range(MORE_THAN_ARE_KEPT):
        metrics.add_metric(name="LlmTokens", unit="Count", value=9)


def test_a_command_collects_and_prints_no_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    context = typer.Context(typer.main.get_command(app))
    with context.scope():
        quiet(context)
        add_many_metrics()

    assert capsys.readouterr().out == ""
    assert not metrics.provider.metric_set
    assert NO_METRICS not in os.environ, "a test or a program that calls a command keeps its own metrics"


def test_a_function_collects_its_metrics_so_a_missing_namespace_is_an_error() -> None:
    with pytest.raises(SchemaValidationError, match="namespace"):
        add_many_metrics()
