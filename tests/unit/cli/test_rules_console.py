"""Tests of what `firstline rules explain` says about the severity of an alert."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from firstline.policy.rules import Rules
from firstline.sources.reading import Batch
from firstline_cli.rules_console import Explainer
from tests.support.builders import NOON, alert


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"severity": "low"}, "stated severity: low"),
        ({"severity_stated": False}, "stated severity: none"),
        (
            {"severity": "high", "severity_stated": False, "presumed_from": "no data"},
            "stated severity: none; its state (no data) counts as high",
        ),
    ],
    ids=["stated", "neither stated nor presumed", "presumed"],
)
def test_the_heading_tells_a_stated_severity_from_one_that_is_presumed_from_a_state(
    given: dict[str, Any], said: str
) -> None:
    out = StringIO()
    explainer = Explainer(Console(file=out, width=150), Rules(rules=[]), None, NOON, "UTC", False)
    assert explainer.explain(Batch([alert(**given)]))
    assert f"DiskFull from generic, {said}" in [line.rstrip() for line in out.getvalue().splitlines()]
