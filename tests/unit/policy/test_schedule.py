"""Times that come again, and when they end."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from firstline.policy.holds import WINDOW_AT_MOST, Window

BERLIN = ZoneInfo("Europe/Berlin")


def window(*when: dict[str, Any]) -> Window:
    return Window.model_validate(
        {
            "id": "w",
            "reason": "r",
            "owner": "ada",
            "when": [{"time_zone": "Europe/Berlin"} | one for one in when],
            "match": {"host": "*"},
            "suppress": True,
        }
    )


@pytest.mark.parametrize(
    ("when", "now", "ends"),
    [
        pytest.param([{"hours": "22:00-06:00"}], "2026-12-01T23:30", "2026-12-02T06:00", id="over midnight"),
        pytest.param([{"hours": "22:00-06:00"}], "2026-12-02T05:59:59", "2026-12-02T06:00", id="to the second"),
        pytest.param(
            [{"weekdays": "sun", "hours": "02:00-04:00"}], "2026-12-06T02:00", "2026-12-06T04:00", id="weekly"
        ),
        pytest.param([{"dates": "2026-12-24..2026-12-26"}], "2026-12-24T08:00", "2026-12-27T00:00", id="days"),
        pytest.param(
            [{"hours": "20:00-24:00"}, {"hours": "00:00-03:00"}], "2026-12-01T21:00", "2026-12-02T03:00", id="in a row"
        ),
        pytest.param([{"weekdays": ["sat", "sun"]}], "2026-03-28T12:00", "2026-03-30T00:00", id="when clocks change"),
    ],
)
def test_a_window_ends(when: list[dict[str, Any]], now: str, ends: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=BERLIN)

    assert window(*when).end(moment) == datetime.fromisoformat(ends).replace(tzinfo=BERLIN)


def test_a_window_that_never_ends_is_looked_at_again() -> None:
    always = window({"hours": ["00:00-12:00", "12:00-24:00"]})
    now = datetime(2026, 12, 1, 12, tzinfo=BERLIN)

    assert always.end(now) == now + WINDOW_AT_MOST
