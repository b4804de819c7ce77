"""Waking: for each wait of an execution, the changes of alerts after which the execution must read the record."""

from typing import Any

import pytest

from firstline.incidents.waking import must_wake
from firstline.models import Counts, Live, Loud
from tests.support.builders import NOON

HIGH, CRITICAL = Loud(high=1), Loud(critical=1)


def live(awaiting: str | None, **what: Any) -> Live:
    """Return the live half of a medium incident with one alert whose execution waits.

    `firing` counts its firing alerts, `lost` those that ended without data, `loud` its high and critical ones.
    """
    loud, lost = what.pop("loud", Loud()), what.pop("lost", 0)
    counts = Counts(joined=1, firing=what.pop("firing", 1), loud_high=loud.high, loud_critical=loud.critical)
    counts += Counts(lost=lost, lost_loud=lost)
    fields: dict[str, Any] = {"group_key": "group-1", "incident_id": "inc-1", "opened_at": NOON, "last_alert_at": NOON}
    return Live(**fields | {"awaiting": awaiting, "task_token": "token", "own": counts, "decided": 2} | what)


@pytest.mark.parametrize(
    ("awaiting", "what", "wakes"),
    [
        pytest.param("hold", {}, False, id="hold: nothing happened"),
        pytest.param("hold", {"firing": 0}, True, id="hold: all ended"),
        pytest.param("hold", {"loud": HIGH}, True, id="hold: a high joined"),
        pytest.param("hold", {"loud": HIGH, "judged_loud": HIGH}, False, id="hold: the high was judged already"),
        pytest.param("recovery", {"loud": CRITICAL}, False, id="recovery: a critical joined"),
        pytest.param("recovery", {"firing": 0}, True, id="recovery: all ended"),
        pytest.param("quiet", {}, True, id="quiet: one fires"),
        pytest.param("quiet", {"firing": 0}, False, id="quiet: all ended"),
        pytest.param("resolution", {}, False, id="resolution: nothing happened"),
        pytest.param("resolution", {"firing": 0}, True, id="resolution: all ended"),
        pytest.param("resolution", {"loud": HIGH}, True, id="resolution: a high joined"),
        pytest.param(
            "resolution",
            {"loud": CRITICAL, "judged_loud": CRITICAL},
            False,
            id="resolution: the critical was judged already",
        ),
        pytest.param(
            "resolution",
            {"loud": CRITICAL, "judged_loud": CRITICAL, "decided": None},
            False,
            id="resolution: the critical was judged, the verdict not stored",
        ),
        pytest.param(
            "acknowledgement",
            {"loud": HIGH, "paged_rank": 3, "paged_seq": 1},
            False,
            id="acknowledgement: a high, paged as one",
        ),
        pytest.param(
            "acknowledgement",
            {"loud": CRITICAL, "paged_rank": 3, "paged_loud": HIGH, "paged_seq": 1},
            True,
            id="acknowledgement: a critical, paged as a high",
        ),
        pytest.param(
            "acknowledgement",
            {"loud": CRITICAL, "paged_rank": 4, "paged_loud": HIGH, "paged_seq": 1},
            False,
            id="acknowledgement: a critical, paged as one",
        ),
        pytest.param(
            "resolution", {"loud": CRITICAL, "acked_rank": 4}, False, id="resolution: a critical was acknowledged"
        ),
        pytest.param(
            "resolution",
            {"loud": Loud(critical=2), "paged_loud": CRITICAL, "acked_rank": 4},
            False,
            id="resolution: another critical after the acknowledgement",
        ),
        pytest.param(
            "resolution",
            {"loud": Loud(critical=2), "paged_loud": CRITICAL, "acked_rank": 4, "group_key": "storm:generic"},
            True,
            id="resolution: another critical in an acknowledged storm",
        ),
        # Alerts that ended without data.
        pytest.param(
            "resolution",
            {"firing": 0, "lost": 1, "loud": CRITICAL},
            True,
            id="resolution: a critical ended without data",
        ),
        pytest.param(
            "recovery", {"firing": 0, "lost": 1, "loud": CRITICAL}, True, id="recovery: a critical ended without data"
        ),
        pytest.param(
            "acknowledgement",
            {"firing": 0, "lost": 1, "loud": CRITICAL},
            False,
            id="acknowledgement: a critical ended without data",
        ),
        pytest.param(
            "quiet", {"firing": 0, "lost": 1, "loud": CRITICAL}, True, id="quiet: a critical ended without data"
        ),
        pytest.param(
            "quiet",
            {"firing": 0, "lost": 1, "loud": CRITICAL, "acked_at": NOON, "acked_rank": 4},
            False,
            id="quiet: an acknowledged critical ended without data",
        ),
        pytest.param("resolution", {"firing": 0, "lost": 1}, True, id="resolution: a medium ended without data"),
        pytest.param("quiet", {"firing": 0, "lost": 1}, False, id="quiet: a medium ended without data"),
        pytest.param("resolution", {"firing": 0, "open": False}, False, id="all ended in a closed incident"),
        pytest.param("resolution", {"firing": 0, "task_token": None}, False, id="all ended, and there is no token"),
        pytest.param(None, {"firing": 0}, False, id="no wait"),
    ],
)
def test_each_wait_wakes_only_for_the_alerts_that_it_must_react_to(
    awaiting: str | None, what: dict[str, Any], wakes: bool
) -> None:
    assert must_wake(live(awaiting, **what)) is wakes
