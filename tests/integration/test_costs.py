"""Costs of ingest and the state machine, counted: requests and transitions, never seconds."""

import pytest

from tests.bench import requests, transitions
from tests.template.machine import Machine


def test_ingest_makes_no_more_requests_than_promised() -> None:
    calls = requests.measure()

    counted = {what: requests.dynamodb(calls[what]) for what in requests.LIMITS}

    assert {what: count for what, count in counted.items() if count > requests.LIMITS[what]} == {}
    assert calls[requests.NEW]["stepfunctions:StartExecution"] == 1
    assert "stepfunctions:StartExecution" not in calls[requests.AGAIN]


@pytest.mark.parametrize("path", transitions.PATHS)
def test_a_path_has_no_more_transitions_than_promised(path: str) -> None:
    through, limit = transitions.PATHS[path]

    assert len(through) < Machine.load(transitions.DEFINITION).fewest_transitions(*through) <= limit
