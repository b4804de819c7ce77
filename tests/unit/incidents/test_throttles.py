"""The hourly look at what Lambda refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from firstline.incidents.throttles import ThrottleWatch

HOUR = (datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 10, tzinfo=UTC))


def told(refused: dict[str, int], minute: int) -> list[tuple[str, str]]:
    """Return what is said at a minute after ten, if that many were refused in the hour before."""
    said: list[tuple[str, str]] = []
    watch = ThrottleWatch(
        lambda begin, end: refused if (begin, end) == HOUR else {"another-hour": 1},
        lambda subject, text: said.append((subject, text)),
        "firstline-prod",
        ZoneInfo("Europe/Berlin"),
    )
    watch.look(datetime(2026, 3, 1, 10, minute, 31, tzinfo=UTC))
    return said


def test_refusals_are_told_with_their_function_and_the_fix() -> None:
    ((subject, text),) = told({"firstline-prod-notify": 3, "firstline-prod-escalate": 9}, 7)

    assert subject == "firstline-prod: Lambda had no room for 12 invocations"
    assert "Between 10:00 and 11:00 CET" in text
    assert "firstline-prod-escalate 9, firstline-prod-notify 3" in text
    assert "ReservedConcurrency" in text


@pytest.mark.parametrize(("refused", "minute"), [({}, 7), ({"firstline-prod-notify": 3}, 8)])
def test_nothing_is_said_without_refusals_or_at_another_minute(refused: dict[str, int], minute: int) -> None:
    assert told(refused, minute) == []
