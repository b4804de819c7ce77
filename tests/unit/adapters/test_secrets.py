"""Secrets that were read before, while SSM does not answer."""

from typing import Any

import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from firstline.adapters.aws.secrets import Secrets

NAME = "pagerduty/routing-key"


class FakeProvider:
    """SSM's answers, one after the other; an exception is raised."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = iter(answers)

    def get(self, *_: Any, **__: Any) -> str:
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def secrets_after(*answers: str | Exception) -> Secrets:
    return Secrets("/firstline/prod", FakeProvider(*answers))  # type: ignore[arg-type]


THROTTLED = GetParameterError("ThrottlingException")
GONE = GetParameterError("ParameterNotFound")


def test_a_secret_that_was_read_stays_in_use_while_ssm_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = secrets_after("R1", THROTTLED, "R2")
    # A second webhook at once must not wait for SSM, too: its sender gives up after five seconds.
    assert [secrets.get(NAME) for _ in range(3)] == ["R1", "R1", "R1"]
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    assert secrets.get(NAME) == "R2"


def test_a_secret_that_was_never_read_is_not_taken_for_one_that_does_not_exist() -> None:
    secrets = secrets_after("R1", THROTTLED)
    secrets.get("another")
    with pytest.raises(GetParameterError, match="Throttling"):
        secrets.get(NAME)


def test_a_secret_that_was_deleted_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = secrets_after("R1", GONE, THROTTLED)
    assert [secrets.get(NAME), secrets.get(NAME)] == ["R1", None]
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    with pytest.raises(GetParameterError, match="Throttling"):
        secrets.get(NAME)
