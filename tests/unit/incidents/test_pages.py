"""The rules of paging: whether a page is due, of which level, and when it is overdue."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.incidents.pages import (
    Due,
    next_due,
    next_page,
    on_hold,
    page_due,
    page_overdue,
    page_overdue_at,
    seconds_until_due,
)
from firstline.incidents.reconcile_look import next_look
from firstline.models import Counts, Live, Loud
from tests.support.builders import NOON, at, incident
from tests.support.changes import counts_for
from tests.support.lives import ACKED, PAGED

PAGE_AFTER = timedelta(minutes=5)
HIGH, CRITICAL = counts_for(3), counts_for(4)


def live(**what: Any) -> Live:
    """Return the live half of an incident with one firing critical alert that was judged and not paged."""
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
        pytest.param({"own": CRITICAL.model_copy(update={"firing": 0})}, 0, None, id="no alert fires"),
        pytest.param({"open": False}, 0, None, id="closed"),
        pytest.param(PAGED, 4, None, id="paged, and the time to answer runs"),
        pytest.param(PAGED, 5, "again", id="nobody answered"),
        pytest.param(PAGED | ACKED, 60, None, id="acknowledged"),
        pytest.param(
            PAGED | ACKED | {"paged_seq": 2, "acked_seq": 2}, 9, None, id="acknowledged while the page went out"
        ),
        pytest.param(PAGED | {"paged_seq": 2, "page_lease": at(1)}, 0.5, None, id="claimed, and may be going out"),
        pytest.param(PAGED | {"paged_seq": 2, "page_lease": at(1)}, 1, "resume", id="claimed, and never went out"),
        pytest.param({"paged_seq": 1}, 0, "resume", id="the claim was given back"),
        pytest.param(PAGED | {"voided_seq": 1}, 1, "again", id="fires again after all had resolved"),
        pytest.param({"paged_seq": 1, "voided_seq": 1, "page_lease": at(1)}, 0, None, id="void, and may be going out"),
        pytest.param({"paged_seq": 1, "voided_seq": 1, "page_lease": at(1)}, 1, "again", id="void, and never went out"),
        pytest.param(PAGED | ACKED | {"voided_seq": 1}, 1, None, id="fires again, and somebody has it"),
        pytest.param(PAGED_HIGH | {"own": HIGH + CRITICAL}, 1, "worse", id="a critical joined a paged high"),
        pytest.param(
            PAGED_HIGH | ACKED_HIGH | {"own": HIGH + CRITICAL}, 1, "worse", id="a critical joined an acknowledged high"
        ),
        pytest.param(PAGED_HIGH | ACKED_HIGH | {"own": HIGH + HIGH}, 60, None, id="a high joined an acknowledged high"),
        pytest.param(
            PAGED | ACKED | {"own": CRITICAL + CRITICAL}, 60, None, id="a critical joined an acknowledged critical"
        ),
        pytest.param(ACKED_LOW, 60, None, id="an acknowledged low"),
        pytest.param(
            ACKED_LOW | {"own": counts_for(1) + CRITICAL}, 1, "worse", id="a critical joined an acknowledged low"
        ),
        pytest.param(
            PAGED_HIGH | {"own": HIGH + CRITICAL} | ACKED, 60, None, id="acknowledged after the critical joined"
        ),
        pytest.param(
            STORM | ACKED | {"own": CRITICAL + CRITICAL},
            4,
            None,
            id="a critical joined an answered storm 4 minutes after its page",
        ),
        pytest.param(
            STORM | ACKED | {"own": CRITICAL + CRITICAL},
            5,
            "more",
            id="a critical joined an answered storm 5 minutes after its page",
        ),
        pytest.param(STORM | ACKED | {"own": CRITICAL + HIGH}, 60, None, id="no critical joined the storm"),
        pytest.param(
            STORM | {"own": CRITICAL + CRITICAL, "page_again_at": at(15)},
            5,
            "more",
            id="a critical joined an unanswered storm",
        ),
        pytest.param(
            STORM | {"own": CRITICAL + CRITICAL, "page_again_at": at(2)},
            2,
            "again",
            id="nobody answered the page of a storm",
        ),
    ],
)
def test_each_situation_makes_the_page_due_that_it_needs_or_none(
    what: dict[str, Any], minutes: float, due: Due | None
) -> None:
    assert page_due(live(**what), at(minutes)) == due


@pytest.mark.parametrize(
    ("what", "due", "number_level_round"),
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
    ids=[
        "the first page",
        "unanswered at the first level",
        "unanswered at the last level",
        "a worse alert joined",
        "more criticals joined a storm",
        "all had resolved and one fires again",
        "the void page never went out",
        "a claimed page that never went out",
        "and its level is gone from the policy",
    ],
)
def test_the_next_page_goes_to_the_next_level_then_round_again(
    what: dict[str, Any], due: Due, number_level_round: tuple[int, int, int]
) -> None:
    assert next_page(live(**what), due, levels=2) == number_level_round


@pytest.mark.parametrize(
    ("what", "minutes", "overdue"),
    [
        pytest.param({}, 4, False, id="not paged for 4 minutes"),
        pytest.param({}, 5, True, id="not paged for 5 minutes"),
        pytest.param({"held_until": at(60)}, 30, False, id="held"),
        pytest.param({"held_until": at(60), "hold_ended_at": at(2)}, 30, True, id="a person ended the hold"),
        pytest.param({"verified_at": at(3)}, 7, False, id="fires 4 minutes after a verified cure"),
        pytest.param({"verified_at": at(3)}, 8, True, id="fires 5 minutes after a verified cure"),
        pytest.param({"own": HIGH, "decided": 1, "judged_loud": Loud(high=1)}, 60, False, id="a high, judged low"),
        # The alert is worse than the verdict, and a remediation keeps the execution busy.
        pytest.param(
            {"own": HIGH, "decided": 1, "loud_since": at(20)}, 20.5, False, id="a high joined a low half a minute ago"
        ),
        pytest.param(
            {"own": HIGH, "decided": 1, "loud_since": at(20)}, 21, True, id="a high joined a low a minute ago"
        ),
        pytest.param(
            {"own": HIGH + CRITICAL, "decided": 2, "judged_loud": Loud(high=1), "loud_since": at(20)},
            21,
            True,
            id="a critical joined a high, judged medium, a minute ago",
        ),
        pytest.param(
            {"own": HIGH, "decided": 3, "judged_loud": Loud(high=1), "loud_since": at(20)},
            24,
            False,
            id="the high of the verdict fires again for 4 minutes",
        ),
        pytest.param(PAGED, 9, False, id="the next level is due for 4 minutes"),
        pytest.param(PAGED, 10, True, id="the next level is due for 5 minutes"),
        pytest.param(PAGED | ACKED, 60, False, id="acknowledged"),
        pytest.param(
            PAGED | {"paged_seq": 2, "page_lease": at(1)}, 5, False, id="claimed, not sent, lease over for 4 minutes"
        ),
        pytest.param(
            PAGED | {"paged_seq": 2, "page_lease": at(1)}, 6, True, id="claimed, not sent, lease over for 5 minutes"
        ),
        # All alerts had resolved, which voids the page, and one fires again.
        pytest.param(
            {"paged_seq": 1, "voided_seq": 1, "page_lease": at(1), "loud_since": None},
            5,
            False,
            id="void, not sent, lease over for 4 minutes",
        ),
        pytest.param(
            {"paged_seq": 1, "voided_seq": 1, "page_lease": at(1), "loud_since": None},
            6,
            True,
            id="void, not sent, lease over for 5 minutes",
        ),
        pytest.param(
            PAGED | {"voided_seq": 1, "page_again_at": None, "loud_since": at(20)},
            24,
            False,
            id="void, fires again for 4 minutes",
        ),
        pytest.param(
            PAGED | {"voided_seq": 1, "page_again_at": None, "loud_since": at(20)},
            25,
            True,
            id="void, fires again for 5 minutes",
        ),
        pytest.param(
            PAGED_HIGH | ACKED_HIGH | {"own": HIGH + CRITICAL, "loud_since": at(20)},
            25,
            True,
            id="a critical joined an acknowledged high 5 minutes ago",
        ),
    ],
)
def test_a_page_that_the_execution_does_not_send_is_overdue_after_five_minutes_or_one_if_it_got_worse(
    what: dict[str, Any], minutes: float, overdue: bool
) -> None:
    assert page_overdue(live(**what), at(minutes), PAGE_AFTER) is overdue


def test_a_hold_lasts_until_its_time_is_over_or_somebody_ends_it() -> None:
    assert on_hold(live(held_until=at(5)), at(4))
    assert not on_hold(live(held_until=at(5)), at(5))
    assert not on_hold(live(held_until=at(5), hold_ended_at=at(1)), at(4))
    assert not on_hold(live(), at(0))


# --- any state of an incident -----------------------------------------------------------------------------------------

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

    assert page_due(given, after) == following.due, "else the execution waits again, a second at a time"
    assert page_due(given, now) in (None, following.due)


@given(LIVES, st.integers(0, 40).map(at))
def test_an_incident_that_fires_and_nobody_has_always_has_a_next_page(given: Live, now: datetime) -> None:
    if given.firing > 0 and not given.answered:
        assert next_due(given) is not None


@given(LIVES, TIMES, st.integers(0, 4), st.integers(0, 30).map(at))
def test_reconcile_looks_again_by_the_minute_in_which_a_page_is_overdue(
    given: Live, loud_since: datetime | None, decided: int, now: datetime
) -> None:
    known = given.model_copy(update={"loud_since": loud_since, "decided": decided, "started": given.generation})
    minutes = (now + timedelta(minutes=later) for later in range(1, 11))
    overdue = next((minute for minute in minutes if page_overdue(known, minute, PAGE_AFTER)), None)
    # A page that was overdue when it was claimed is probably ringing, and only its record failed.
    rings = known.page_done < known.paged_seq and page_overdue_at(known, PAGE_AFTER) == known.page_lease
    assert overdue is None or rings or next_look(known, now, PAGE_AFTER) <= overdue


@given(LIVES, st.integers(0, 40).map(at))
def test_a_page_is_overdue_for_reconcile_only_if_it_is_due(given: Live, now: datetime) -> None:
    if page_overdue(given, now, PAGE_AFTER):
        assert page_due(given, now) is not None
