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
        ("hold", {}, False),
        ("hold", {"firing": 0}, True),
        ("hold", {"loud": HIGH}, True),
        ("hold", {"loud": HIGH, "judged_loud": HIGH}, False),
        ("recovery", {"loud": CRITICAL}, False),
        ("recovery", {"firing": 0}, True),
        ("quiet", {}, True),
        ("quiet", {"firing": 0}, False),
        ("resolution", {}, False),
        ("resolution", {"firing": 0}, True),
        ("resolution", {"loud": HIGH}, True),
        ("resolution", {"loud": CRITICAL, "judged_loud": CRITICAL}, False),
        ("resolution", {"loud": CRITICAL, "judged_loud": CRITICAL, "decided": None}, False),
        ("acknowledgement", {"loud": HIGH, "paged_rank": 3, "paged_seq": 1}, False),
        ("acknowledgement", {"loud": CRITICAL, "paged_rank": 3, "paged_loud": HIGH, "paged_seq": 1}, True),
        ("acknowledgement", {"loud": CRITICAL, "paged_rank": 4, "paged_loud": HIGH, "paged_seq": 1}, False),
        ("resolution", {"loud": CRITICAL, "acked_rank": 4}, False),
        ("resolution", {"loud": Loud(critical=2), "paged_loud": CRITICAL, "acked_rank": 4}, False),
        (
            "resolution",
            {"loud": Loud(critical=2), "paged_loud": CRITICAL, "acked_rank": 4, "group_key": "storm:generic"},
            True,
        ),
        # Alerts that ended without data.
        ("resolution", {"firing": 0, "lost": 1, "loud": CRITICAL}, True),
        ("recovery", {"firing": 0, "lost": 1, "loud": CRITICAL}, True),
        ("acknowledgement", {"firing": 0, "lost": 1, "loud": CRITICAL}, False),
        ("quiet", {"firing": 0, "lost": 1, "loud": CRITICAL}, True),
        ("quiet", {"firing": 0, "lost": 1, "loud": CRITICAL, "acked_at": NOON, "acked_rank": 4}, False),
        ("resolution", {"firing": 0, "lost": 1}, True),
        ("quiet", {"firing": 0, "lost": 1}, False),
        ("resolution", {"firing": 0, "open": False}, False),
        ("resolution", {"firing": 0, "task_token": None}, False),
        (None, {"firing": 0}, False),
    ],
    ids=[
        "hold: nothing happened",
        "hold: all ended",
        "hold: a high joined",
        "hold: the high was judged already",
        "recovery: a critical joined",
        "recovery: all ended",
        "quiet: one fires",
        "quiet: all ended",
        "resolution: nothing happened",
        "resolution: all ended",
        "resolution: a high joined",
        "resolution: the critical was judged already",
        "resolution: the critical was judged, the verdict not stored",
        "acknowledgement: a high, paged as one",
        "acknowledgement: a critical, paged as a high",
        "acknowledgement: a critical, paged as one",
        "resolution: a critical was acknowledged",
        "resolution: another critical after the acknowledgement",
        "resolution: another critical in an acknowledged storm",
        "resolution: a critical ended without data",
        "recovery: a critical ended without data",
        "acknowledgement: a critical ended without data",
        "quiet: a critical ended without data",
        "quiet: an acknowledged critical ended without data",
        "resolution: a medium ended without data",
        "quiet: a medium ended without data",
        "all ended in a closed incident",
        "all ended, and there is no token",
        "no wait",
    ],
)
def test_each_wait_wakes_only_for_the_alerts_that_it_must_react_to(
    awaiting: str | None, what: dict[str, Any], wakes: bool
) -> None:
    assert must_wake(live(awaiting, **what)) is wakes
