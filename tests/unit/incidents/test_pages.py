"""Pages: whether one is due, which level, and for how long the newest rings."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.incidents.pages import Due, next_due, next_page, on_hold, page_due, page_overdue, seconds_until_due
from firstline.models import Counts, Live, Loud
from tests.support.builders import NOON, at, incident
from tests.support.changes import counts_for
from tests.support.lives import ACKED, PAGED

PAGE_AFTER = timedelta(minutes=5)
HIGH, CRITICAL = counts_for(3), counts_for(4)


def live(**what: Any) -> Live:
    """The live half of an incident with a critical alert that fires."""
    fields: dict[str, Any] = {
        "group_key": "group-1",
        "incident_id": incident().incident_id,
        "opened_at": NOON,
        "last_alert_at": NOON,
        "own": CRITICAL,
        "loud_since": NOON,
        "decided": 4,
        "judged": 1,
        "judged_loud": Loud(critical=1),
    }
    return Live(**(fields | what))


PAGED_HIGH = PAGED | {"own": HIGH, "decided": 3, "paged_rank": 3, "paged_loud": Loud(high=1)}
ACKED_HIGH = ACKED | {"acked_rank": 3}
ACKED_LOW: dict[str, Any] = {"own": counts_for(1), "decided": 1, "acked_at": at(1), "acked_rank": 1, "loud_since": None}
STORM = PAGED | {"group_key": "storm:generic"}


@pytest.mark.parametrize(
    ("what", "minutes", "due"),
    [
        pytest.param({}, 0, "first", id="nobody was paged"),
        pytest.param({"own": CRITICAL.model_copy(update={"firing": 0})}, 0, None, id="nothing fires"),
        pytest.param({"open": False}, 0, None, id="closed"),
        pytest.param(PAGED, 4, None, id="it rings"),
        pytest.param(PAGED, 5, "again", id="nobody answered"),
        pytest.param(PAGED | ACKED, 60, None, id="somebody has it"),
        pytest.param(PAGED | ACKED | {"paged_seq": 2, "acked_seq": 2}, 9, None, id="answered while it was sent"),
        pytest.param(PAGED | {"paged_seq": 2, "page_lease": at(1)}, 0.5, None, id="it is going out"),
        pytest.param(PAGED | {"paged_seq": 2, "page_lease": at(1)}, 1, "resume", id="it never went out"),
        pytest.param({"paged_seq": 1}, 0, "resume", id="its claim was given back"),
        pytest.param(PAGED | {"voided_seq": 1}, 1, "again", id="back after all was over"),
        pytest.param(
            {"paged_seq": 1, "voided_seq": 1, "page_lease": at(1)}, 0, None, id="void, and it may be going out"
        ),
        pytest.param({"paged_seq": 1, "voided_seq": 1, "page_lease": at(1)}, 1, "again", id="void, and never went out"),
        pytest.param(PAGED | ACKED | {"voided_seq": 1}, 1, None, id="back, and somebody has it"),
        pytest.param(PAGED_HIGH | {"own": HIGH + CRITICAL}, 1, "worse", id="a critical joined what rings"),
        pytest.param(
            PAGED_HIGH | ACKED_HIGH | {"own": HIGH + CRITICAL}, 1, "worse", id="a critical joined what is had"
        ),
        pytest.param(PAGED_HIGH | ACKED_HIGH | {"own": HIGH + HIGH}, 60, None, id="no worse joined what is had"),
        pytest.param(PAGED | ACKED | {"own": CRITICAL + CRITICAL}, 60, None, id="a critical joined a critical"),
        pytest.param(ACKED_LOW, 60, None, id="low, and somebody has it"),
        pytest.param(ACKED_LOW | {"own": counts_for(1) + CRITICAL}, 1, "worse", id="a critical joined what was low"),
        pytest.param(
            PAGED_HIGH | {"own": HIGH + CRITICAL} | ACKED, 60, None, id="answered by somebody who saw the critical"
        ),
        pytest.param(STORM | ACKED | {"own": CRITICAL + CRITICAL}, 4, None, id="a storm is not paged so often"),
        pytest.param(STORM | ACKED | {"own": CRITICAL + CRITICAL}, 5, "more", id="a critical joined an answered storm"),
        pytest.param(STORM | ACKED | {"own": CRITICAL + HIGH}, 60, None, id="no critical joined the storm"),
        pytest.param(
            STORM | {"own": CRITICAL + CRITICAL, "page_again_at": at(15)}, 5, "more", id="a critical joined what rings"
        ),
        pytest.param(
            STORM | {"own": CRITICAL + CRITICAL, "page_again_at": at(2)}, 2, "again", id="a storm is nobody's"
        ),
    ],
)
def test_a_page_is_due(what: dict[str, Any], minutes: float, due: Due | None) -> None:
    assert page_due(live(**what), at(minutes)) == due


@pytest.mark.parametrize(
    ("what", "due", "page"),
    [
        ({}, "first", (1, 0, 0)),
        (PAGED, "again", (2, 1, 0)),
        (PAGED | {"page_level": 1}, "again", (2, 0, 1)),
        (PAGED | {"page_level": 1, "page_round": 3}, "worse", (2, 0, 0)),
        (PAGED | {"page_level": 1, "page_round": 3}, "more", (2, 0, 0)),
        (PAGED | {"page_level": 1, "page_round": 3, "voided_seq": 1}, "again", (2, 0, 0)),
        ({"paged_seq": 1, "page_level": 1, "voided_seq": 1}, "again", (2, 0, 0)),
        (PAGED | {"paged_seq": 2, "page_level": 1}, "resume", (2, 1, 0)),
        (PAGED | {"paged_seq": 2, "page_level": 7}, "resume", (2, 1, 0)),
    ],
)
def test_the_next_page_goes_to_the_next_level_then_round_again(
    what: dict[str, Any], due: Due, page: tuple[int, int, int]
) -> None:
    assert next_page(live(**what), due, 2) == page


@pytest.mark.parametrize(
    ("what", "minutes", "overdue"),
    [
        ({}, 4, False),
        ({}, 5, True),
        ({"held_until": at(60)}, 30, False),
        ({"held_until": at(60), "hold_ended_at": at(2)}, 30, True),
        # A verified cure buys the alert some time.
        ({"verified_at": at(3)}, 7, False),
        ({"verified_at": at(3)}, 8, True),
        # The model took it below paging severity.
        ({"own": HIGH, "decided": 1, "judged_loud": Loud(high=1)}, 60, False),
        # A remediation was planned for less, and keeps the execution from paging for what joined.
        ({"own": HIGH, "decided": 1, "loud_since": at(20)}, 20.5, False),
        ({"own": HIGH, "decided": 1, "loud_since": at(20)}, 21, True),
        ({"own": HIGH + CRITICAL, "decided": 2, "judged_loud": Loud(high=1), "loud_since": at(20)}, 21, True),
        ({"own": HIGH, "decided": 3, "judged_loud": Loud(high=1), "loud_since": at(20)}, 24, False),
        # The next level's time is the execution's first.
        (PAGED, 9, False),
        (PAGED, 10, True),
        (PAGED | ACKED, 60, False),
        (PAGED | {"paged_seq": 2, "page_lease": at(1)}, 5, False),
        (PAGED | {"paged_seq": 2, "page_lease": at(1)}, 6, True),
        # All was over and came back, which begins anew.
        ({"paged_seq": 1, "voided_seq": 1, "page_lease": at(1), "loud_since": None}, 5, False),
        ({"paged_seq": 1, "voided_seq": 1, "page_lease": at(1), "loud_since": None}, 6, True),
        (PAGED | {"voided_seq": 1, "page_again_at": None, "loud_since": at(20)}, 24, False),
        (PAGED | {"voided_seq": 1, "page_again_at": None, "loud_since": at(20)}, 25, True),
        (PAGED_HIGH | ACKED_HIGH | {"own": HIGH + CRITICAL, "loud_since": at(20)}, 25, True),
    ],
)
def test_reconcile_pages_when_the_execution_has_not(what: dict[str, Any], minutes: float, overdue: bool) -> None:
    assert page_overdue(live(**what), at(minutes), PAGE_AFTER) is overdue


def test_a_hold_lasts_until_its_end_or_until_it_is_ended() -> None:
    assert on_hold(live(held_until=at(5)), at(4))
    assert not on_hold(live(held_until=at(5)), at(5))
    assert not on_hold(live(held_until=at(5), hold_ended_at=at(1)), at(4))
    assert not on_hold(live(), at(0))


# --- whatever happened ------------------------------------------------------------------------------------------------

TIMES = st.none() | st.integers(0, 30).map(at)
NUMBERS = st.integers(0, 3)
LIVES = st.builds(
    live,
    group_key=st.sampled_from(["group-1", "storm:generic"]),
    own=st.builds(
        lambda high, critical, firing: Counts(
            joined=high + critical,
            firing=firing,
            ranks=(0, 0, 0, high, critical),
            loud_high=high,
            loud_critical=critical,
        ),
        *[NUMBERS] * 3,
    ),
    paged_seq=NUMBERS,
    page_done=NUMBERS,
    page_lease=TIMES,
    last_paged_at=TIMES,
    page_again_at=TIMES,
    paged_rank=st.integers(0, 4),
    paged_loud=st.builds(Loud, high=NUMBERS, critical=NUMBERS),
    voided_seq=NUMBERS,
    acked_seq=NUMBERS,
    acked_at=TIMES,
    acked_rank=st.integers(0, 4),
)


@given(LIVES, st.integers(0, 40).map(at))
def test_a_page_is_due_when_the_wait_for_it_is_over(given: Live, now: datetime) -> None:
    following = next_due(given)
    if following is None:
        assert page_due(given, now) is None
        return
    after = now + timedelta(seconds=seconds_until_due(given, now))

    assert page_due(given, after) == following.due, "whoever waits would wait again, a second at a time"
    assert page_due(given, now) in (None, following.due)


@given(LIVES, st.integers(0, 40).map(at))
def test_what_fires_and_nobody_has_is_paged_again_some_day(given: Live, now: datetime) -> None:
    if given.firing > 0 and not given.answered:
        assert next_due(given) is not None


@given(LIVES, st.integers(0, 40).map(at))
def test_reconcile_pages_only_what_is_due(given: Live, now: datetime) -> None:
    if page_overdue(given, now, PAGE_AFTER):
        assert page_due(given, now) is not None
