"""The stack's own API, as the canary calls it: an answer must be a JSON object with 2xx, or the canary is lost."""

from types import SimpleNamespace
from typing import Any

import pytest

from firstline.adapters.aws.own_door import OwnDoor
from firstline.errors import CanaryLost


class Connection:
    """A connection with one answer, or with an error instead; `asked` has the request."""

    def __init__(self, status: int, body: bytes, error: Exception | None = None) -> None:
        self.status, self.body, self.error, self.closed = status, body, error, False
        self.asked: tuple[Any, ...] = ()

    def __call__(self, host: str, timeout: float) -> "Connection":
        self.asked = (host,)
        return self

    def request(self, *asked: Any) -> None:
        self.asked += asked
        if self.error:
            raise self.error

    def getresponse(self) -> Any:
        return SimpleNamespace(status=self.status, read=lambda _: self.body)

    def close(self) -> None:
        self.closed = True


def test_a_body_is_posted_to_the_address_and_its_answer_is_returned() -> None:
    connection = Connection(202, b'{"incidents": ["i-1"]}')

    answer = OwnDoor("https://api.example.com/alerts/canary", connection).post(b"{}", {"a": "b"})  # type: ignore[arg-type]

    assert answer == {"incidents": ["i-1"]}
    assert connection.asked == ("api.example.com", "POST", "/alerts/canary", b"{}", {"a": "b"})
    assert connection.closed


@pytest.mark.parametrize(
    ("connection", "words"),
    [
        (Connection(401, b'{"status": "unauthenticated"}'), "answered 401"),
        (Connection(503, b"{}"), "answered 503"),
        (Connection(202, b"[]"), "answered 202"),
        (Connection(202, b"<html>"), "answered 202 where a 2xx with a JSON object is expected: <html>"),
        (Connection(0, b"", TimeoutError("timed out")), "did not answer: timed out"),
    ],
)
def test_any_other_answer_raises_canary_lost_with_the_reason(connection: Connection, words: str) -> None:
    with pytest.raises(CanaryLost, match=words):
        OwnDoor("https://api.example.com/alerts/canary", connection).post(b"{}", {})  # type: ignore[arg-type]
    assert connection.closed
