"""Tests of folding: the fate of an alert by its stored state, its incident and the messages of a delivery."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.ingest import changes
from firstline.ingest.fold import REOPEN_AFTER, Arrival, Fate, Folded, fold
from firstline.models import SEVERITY_RANK, Live, NormalizedAlert, StoredAlert
from tests.support.builders import NOON, alert, at

OPEN = Live(group_key="group-1", incident_id="inc-1", opened_at=NOON, last_alert_at=NOON)
CLOSED = OPEN.model_copy(update={"open": False, "closed_at": at(10)})
OTHER = OPEN.model_copy(update={"incident_id": "inc-2"})


def message(received: float, *, orders: bool, when: float | None = None, **what: Any) -> Arrival:
    """Return a message about the alert, received so many minutes after noon and stamped then, or at `when`."""
    stamp = at(received if when is None else when)
    resolved = what.get("status") == "resolved"
    fields = {"timestamp_orders": orders, "timestamp": stamp} | ({"ends_at": stamp} if resolved else {})
    given = alert(**fields | what)
    return Arrival(given, at(received), SEVERITY_RANK[given.severity])


def fires(received: float, *, orders: bool = True, when: float | None = None, **what: Any) -> Arrival:
    return message(received, orders=orders, when=when, **what)


def ends(received: float, *, orders: bool = True, when: float | None = None, **what: Any) -> Arrival:
    return message(received, orders=orders, when=when, status="resolved", **what)


def known(*arrivals: Arrival, incident_id: str = "inc-1") -> StoredAlert | None:
    """Return the alert as it is stored after these messages, each in a delivery of its own."""
    after: StoredAlert | None = None
    for arrival in arrivals:
        folded = folded_into(after, arrival)
        if folded.after is not None:
            counted: dict[str, Any] = {} if after else {"incident_id": incident_id, "live_key": "group-1"}
            after = changes.stored(folded, **counted)
    return after


def folded_into(before: StoredAlert | None, *arrivals: Arrival, live: Live | None = OPEN, now: float = 100) -> Folded:
    """Fold the messages of one delivery into the stored alert; `live` is its group's newest incident."""
    return fold(before, arrivals, {"group-1": live}, at(now))


def test_the_reason_for_an_end_without_recovery_is_stored_until_the_alert_fires_again() -> None:
    lost = ends(10, nothing_known="MissingSeries")

    ended = known(fires(0), lost)
    assert ended is not None
    assert (ended.firing, ended.alert.nothing_known) == (False, "MissingSeries")
    assert ended.alert.status == "firing", "the stored alert is the one that fired"
    again = known(fires(0), lost, fires(20))
    assert again is not None
    assert (again.firing, again.alert.nothing_known) == (True, None)


def test_an_end_without_recovery_that_comes_after_a_recovery_is_no_loss_of_data() -> None:
    recovered = known(fires(0), ends(10), ends(20, nothing_known="MissingSeries"))
    assert recovered is not None
    assert recovered.alert.nothing_known is None


# --- one message ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orders", [True, False])
@pytest.mark.parametrize(
    ("before", "severity", "live", "fate"),
    [
        pytest.param(False, "medium", None, "enters", id="it was never seen"),
        pytest.param(True, "medium", OPEN, "duplicate", id="it is known"),
        pytest.param(True, "low", OPEN, "duplicate", id="it got better"),
        pytest.param(True, "critical", OPEN, "worsens", id="it got worse"),
        pytest.param(True, "critical", CLOSED, "enters", id="it got worse after the incident was closed"),
        pytest.param(True, "medium", OTHER, "enters", id="its incident is history"),
        pytest.param(True, "medium", None, "enters", id="its incident is gone"),
    ],
)
def test_a_firing_alert_enters_worsens_or_is_a_duplicate_by_what_its_incident_knows(
    orders: bool, before: bool, severity: str, live: Live | None, fate: Fate
) -> None:
    stored = known(fires(0, orders=orders)) if before else None
    repeat = fires(20, when=0, orders=orders, severity=severity)

    assert folded_into(stored, repeat, live=live, now=20).fate == fate


def test_a_repeat_after_a_close_is_left_alone_for_a_while_and_then_enters_at_its_own_severity() -> None:
    stored = known(fires(0, orders=False, severity="critical"))
    repeat = fires(20, when=0, orders=False, severity="high")

    def fate(now: datetime) -> Folded:
        return fold(stored, [repeat], {"group-1": CLOSED}, now)

    assert CLOSED.closed_at is not None
    soon = fate(CLOSED.closed_at + REOPEN_AFTER - timedelta(seconds=1))
    later = fate(CLOSED.closed_at + REOPEN_AFTER)

    assert soon.fate == "duplicate"
    assert later.fate == "enters"
    assert later.after is not None
    assert later.after.rank == SEVERITY_RANK["high"]


@pytest.mark.parametrize(
    ("live", "fate"),
    [
        pytest.param(OPEN, "ends", id="its incident is open"),
        pytest.param(CLOSED, "alone", id="its incident is closed"),
        pytest.param(OTHER, "alone", id="the group has another incident"),
        pytest.param(None, "alone", id="the group has none"),
    ],
)
def test_a_resolve_counts_in_an_open_incident_that_counts_the_alert_and_else_is_written_alone(
    live: Live | None, fate: Fate
) -> None:
    folded = folded_into(known(fires(0)), ends(5), live=live)

    assert folded.fate == fate
    assert folded.after is not None
    assert (folded.after.firing, folded.after.ended_at) == (False, at(5))


def test_a_newer_episode_after_a_close_is_stored_so_that_a_late_resolve_ends_only_the_earlier_one() -> None:
    again = folded_into(known(fires(0)), fires(12), live=CLOSED, now=12)
    assert again.fate == "alone"

    stored = known(fires(0), fires(12))
    assert folded_into(stored, ends(13, when=11), live=CLOSED, now=13).fate == "late"


def test_an_alert_counted_by_a_storm_ends_there() -> None:
    stored = known(fires(0))
    assert stored is not None
    in_storm = stored.model_copy(update={"live_key": "storm:generic", "incident_id": "storm-1"})
    storm = OPEN.model_copy(update={"group_key": "storm:generic", "incident_id": "storm-1"})

    folded = fold(in_storm, [ends(5)], {"group-1": OTHER, "storm:generic": storm}, at(5))

    assert folded.fate == "ends"


# --- sources with a time for each change of state ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "arrives", "fate"),
    [
        pytest.param([fires(0), ends(5)], fires(6, when=0), "late", id="the firing once more, after its end"),
        pytest.param([fires(0), ends(5)], fires(6, when=5), "late", id="a firing of the moment of the end"),
        pytest.param([fires(0), ends(5)], fires(7), "enters", id="it fires again"),
        pytest.param([ends(5)], fires(6, when=0), "late", id="the resolve came first"),
        pytest.param([], ends(5), "alone", id="a resolve of an unknown alert"),
        pytest.param([fires(0), ends(5)], ends(6, when=5), "late", id="the resolve once more"),
        pytest.param([fires(0), ends(5)], ends(9), "alone", id="a later resolve, whose firing is yet to come"),
        pytest.param([fires(0), fires(9)], ends(10, when=5), "late", id="the end of an earlier episode"),
        pytest.param([fires(0)], fires(9), "refreshed", id="a firing whose resolve is yet to come"),
        # Clocks: of a time to come it is not known when it was, only that it was not later than its receipt.
        pytest.param([fires(0), ends(1, when=11)], fires(2), "enters", id="a resolve stamped ten minutes ahead"),
        pytest.param([fires(0, when=10)], ends(3, when=5), "ends", id="a firing stamped ten minutes ahead"),
        pytest.param([fires(0, when=10), ends(1, when=11)], fires(2, when=10), "late", id="the same stamp again"),
        pytest.param([fires(0, when=10), ends(1, when=11)], fires(2, when=1.5), "enters", id="a clock put right"),
    ],
)
def test_of_a_source_that_orders_its_changes_the_one_with_the_latest_time_is_right(
    before: list[Arrival], arrives: Arrival, fate: Fate
) -> None:
    assert folded_into(known(*before), arrives).fate == fate


# --- all others: order of receipt -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "arrives", "fate"),
    [
        pytest.param(
            [fires(0, orders=False, began_at=NOON), ends(5, orders=False, began_at=NOON)],
            fires(6, when=0, orders=False, began_at=NOON),
            "enters",
            id="Alertmanager lost Prometheus: firing again with the same begin",
        ),
        pytest.param([ends(5, orders=False)], fires(6, when=0, orders=False), "enters", id="a firing after its end"),
        pytest.param(
            [fires(9, orders=False, began_at=at(8))],
            ends(10, when=5, orders=False, began_at=at(0)),
            "late",
            id="the end of an earlier episode",
        ),
        pytest.param(
            [fires(9, orders=False, began_at=at(8))],
            ends(10, when=5, orders=False, began_at=at(8)),
            "ends",
            id="the end of this episode, by a clock that is behind",
        ),
        pytest.param(
            [fires(9, orders=False)], ends(10, orders=False, began_at=at(0)), "ends", id="the firing names no begin"
        ),
        pytest.param([fires(0, orders=False)], fires(9, orders=False), "duplicate", id="a stamp for each message"),
        pytest.param(
            [fires(0, orders=False, began_at=NOON)],
            fires(9, orders=False, began_at=at(9)),
            "refreshed",
            id="a new episode whose resolve was lost",
        ),
        pytest.param([ends(5, orders=False)], fires(4, orders=False), "late", id="kept in the backlog meanwhile"),
        pytest.param([fires(5, orders=False)], ends(4, orders=False), "late", id="its end was kept in the backlog"),
        pytest.param([fires(0, orders=False), ends(5, orders=False)], ends(6, orders=False), "late", id="ended twice"),
    ],
)
def test_of_any_other_source_the_message_that_was_received_last_is_right(
    before: list[Arrival], arrives: Arrival, fate: Fate
) -> None:
    assert folded_into(known(*before), arrives).fate == fate


# --- several messages in one delivery ---------------------------------------------------------------------------------


def test_a_firing_and_its_resolve_in_one_delivery_open_no_incident() -> None:
    folded = folded_into(None, ends(1), fires(1, when=0))

    assert folded.fate == "alone"


def test_an_end_and_a_new_begin_in_one_delivery_keep_the_alert_in_its_incident() -> None:
    folded = folded_into(known(fires(0)), fires(9, when=8), ends(9, when=5))

    assert folded.fate == "refreshed"
    assert folded.after is not None
    assert folded.after.began_at == at(8)


def test_of_two_messages_the_worse_one_counts_whatever_their_order() -> None:
    low, critical = fires(1, severity="low"), fires(1, severity="critical")

    for messages in ([low, critical], [critical, low]):
        folded = folded_into(None, *messages)
        assert folded.fate == "enters"
        assert folded.arrival == critical
        assert folded.after is not None
        assert folded.after.rank == SEVERITY_RANK["critical"]


# --- whatever the order -----------------------------------------------------------------------------------------------


@st.composite
def _messages(draw: st.DrawFn) -> tuple[list[NormalizedAlert], list[int], list[list[int]]]:
    """Draw episodes of one alert, and deliveries with their messages in any order and with repetitions."""
    messages: list[NormalizedAlert] = []
    episodes = draw(st.integers(1, 3))
    for episode in range(episodes):
        begins = episode * 10
        messages.append(alert(timestamp=at(begins), timestamp_orders=True))
        if episode < episodes - 1 or draw(st.booleans()):
            times = {"timestamp": at(begins + 5), "ends_at": at(begins + 5)}
            messages.append(alert(status="resolved", timestamp_orders=True, **times))
    order = [*range(len(messages)), *draw(st.lists(st.integers(0, len(messages) - 1), max_size=4))]
    shuffled = draw(st.permutations(order))
    deliveries: list[list[int]] = [[]]
    for index in shuffled:
        splits: bool = draw(st.booleans())
        if deliveries[-1] and splits:
            deliveries.append([])
        deliveries[-1].append(index)
    return messages, list(range(len(messages))), deliveries


@given(_messages())
def test_an_alert_of_an_ordering_source_ends_in_the_same_state_for_any_order_and_repetition(
    drawn: tuple[list[NormalizedAlert], list[int], list[list[int]]],
) -> None:
    messages, in_order, deliveries = drawn

    def replay(parts: list[list[int]]) -> bool:
        stored: StoredAlert | None = None
        for step, part in enumerate(parts):
            arrivals = [Arrival(messages[index], at(100 + step), 2) for index in part]
            folded = folded_into(stored, *arrivals, now=100 + step)
            if folded.after is not None:
                stored = changes.stored(folded, incident_id="inc-1", live_key="group-1")
        return stored is not None and stored.firing

    assert replay(deliveries) == replay([[index] for index in in_order]) == replay([in_order])
