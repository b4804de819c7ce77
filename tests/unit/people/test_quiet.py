"""The end of all alerts: people are told, and the wait through the grouping window begins."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from firstline.contracts import NotifyOutput
from firstline.errors import HistoryUnavailable, StaysOpen, WaitRefused
from firstline.incidents.pages import GROUPING_WINDOW
from firstline.models import Counts, Live, Notification
from tests.support.builders import NOW, a_live, a_page, a_record
from tests.support.changes import counts_for
from tests.support.memory import MemoryChannel, MemoryStore, lasting
from tests.unit.people.announcing import announced, joins

OVER = Counts(joined=1, ranks=(0, 0, 0, 1, 0), loud_high=1)
"""The counts when the one alert ended."""

both = pytest.mark.parametrize("state", ["Announce Quiet", "Await Quiet"])
"""The state of this machine, and the one that machines of an earlier release have before their own wait."""

ACKED = {"acked_seq": 1, "acked_at": NOW, "acked_rank": 3}


def quiet_store(**live: Any) -> MemoryStore:
    fields: dict[str, Any] = {
        "own": OVER,
        "paged_seq": 1,
        "page_done": 1,
        "awaiting": "resolution",
        "task_token": "t-1",
    }
    return MemoryStore(a_record(live=a_live(**fields | live), pages=[a_page()]))


def live_of(store: MemoryStore) -> Live:
    live = store.only.live
    assert live is not None
    return live


@dataclass
class Busy(MemoryChannel):
    """A channel that takes its time: something happens while it is told."""

    meanwhile: Callable[[], object] = lambda: None

    def tell(self, notification: Notification) -> bool:
        self.meanwhile()
        return super().tell(notification)


@both
def test_when_all_alerts_ended_people_are_told_at_once_and_the_pages_need_no_answer(state: str) -> None:
    slack, store = MemoryChannel(), quiet_store()
    assert announced(state, {"slack": slack}, store).told
    assert [told.kind for told in slack.told] == ["quiet"]
    assert (live_of(store).voided_seq, live_of(store).open) == (1, True)


@both
@pytest.mark.parametrize(
    "live",
    [
        pytest.param({"own": counts_for(4)}, id="something fires"),
        pytest.param({"resolved_by": "ada", "resolved_seen": 1}, id="a person resolved it"),
        pytest.param({"resolved_by": "ada", "resolved_seen": 0}, id="a Resolve is to be taken back"),
        pytest.param({"generation": 2}, id="another execution has it"),
        pytest.param({"last_alert_at": NOW - timedelta(hours=1)}, id="its window is over"),
        pytest.param({"open": False}, id="it is closed"),
        pytest.param({"own": OVER + Counts(lost=1, lost_loud=1), "acked_seq": 0}, id="nobody saw it recover"),
    ],
)
def test_no_quiet_is_announced_that_the_record_contradicts(state: str, live: dict[str, Any]) -> None:
    slack, store = MemoryChannel(), quiet_store(**live)
    before = store.only.live

    with pytest.raises(StaysOpen):
        announced(state, {"slack": slack}, store)

    assert (slack.attempts, store.only.live) == (0, before)


@both
def test_the_quiet_of_an_incident_that_nobody_was_told_of_is_not_announced(state: str) -> None:
    slack = MemoryChannel()
    store = MemoryStore(a_record(live=a_live(own=OVER)))
    assert not announced(state, {"slack": slack}, store).told
    assert slack.attempts == 0


# --- the state that also waits ---


@pytest.mark.parametrize("live", [{}, ACKED, {"paged_seq": 0, "page_done": 0}], ids=["rings", "answered", "no page"])
def test_the_function_stores_the_token_with_which_a_signal_ends_the_wait(live: dict[str, Any]) -> None:
    store = quiet_store(loud_since=NOW, **live)

    announced("Await Quiet", {"slack": MemoryChannel()}, store)

    after = live_of(store)
    assert (after.awaiting, after.task_token) == ("quiet", "t-2")
    assert (after.voided_seq, after.loud_since) == (after.paged_seq, None)


def test_pages_are_void_before_the_message_goes_out_that_calls_them_off_and_the_wait_begins_after_it() -> None:
    """A signal may end the wait as soon as its token is stored; what is told later could call off a newer page."""
    store, seen = quiet_store(), list[tuple[int, str | None]]()
    slack = Busy(meanwhile=lambda: seen.append((live_of(store).voided_seq, live_of(store).task_token)))

    announced("Await Quiet", {"slack": slack}, store)

    assert seen == [(1, "t-1")]


@pytest.mark.parametrize(("live", "writes"), [({}, 2), (ACKED, 1), ({"paged_seq": 0, "page_done": 0}, 1)])
def test_the_write_of_the_wait_says_that_pages_are_void_unless_one_rings(live: dict[str, Any], writes: int) -> None:
    store = quiet_store(**live)
    store.client.requests.clear()

    announced("Await Quiet", {"slack": MemoryChannel(silent=True)}, store)

    assert store.client.requests["update_item"] == writes


def test_if_an_alert_fires_again_while_people_are_told_no_wait_begins() -> None:
    store = quiet_store()

    with pytest.raises(WaitRefused):
        announced("Await Quiet", {"slack": Busy(meanwhile=lambda: joins(store))}, store)

    assert (live_of(store).awaiting, live_of(store).task_token) == ("resolution", "t-1")


def test_if_an_alert_fires_again_before_the_pages_are_void_nobody_is_told() -> None:
    slack, store = MemoryChannel(), quiet_store()
    store.meanwhile["begin_quiet"] = lambda: joins(store)

    with pytest.raises(WaitRefused):
        announced("Await Quiet", {"slack": slack}, store)

    assert (slack.attempts, live_of(store).voided_seq, live_of(store).task_token) == (0, 0, "t-1")


def test_if_a_person_acts_while_people_are_told_the_decision_is_made_anew() -> None:
    store = quiet_store()
    acts = lambda: store.incidents.acknowledge(store.only.incident.incident_id, "ada", NOW)  # noqa: E731

    with pytest.raises(WaitRefused):
        announced("Await Quiet", {"slack": Busy(meanwhile=acts)}, store)


def test_if_the_table_cannot_be_written_no_wait_begins() -> None:
    store = quiet_store()
    store.faults["await_quiet"] = HistoryUnavailable("the table is down")

    with pytest.raises(HistoryUnavailable):
        announced("Await Quiet", {"slack": MemoryChannel()}, store)


@pytest.mark.parametrize("announced_before", [False, True])
def test_what_ended_without_data_is_told_once_although_its_page_goes_on_ringing(*, announced_before: bool) -> None:
    slack, store = MemoryChannel(), quiet_store(own=OVER + Counts(lost=1), shown=1)

    announced("Await Quiet", {"slack": slack}, store, announced=announced_before)

    assert [told.kind for told in slack.told] == ([] if announced_before else ["changed"])
    assert live_of(store).voided_seq < live_of(store).paged_seq


@pytest.mark.parametrize(
    ("page", "told"),
    [({"voided_seq": 1}, 0), (ACKED, 0), ({}, 1)],
    ids=["it was called off", "somebody answered it", "it rings"],
)
def test_what_was_announced_is_announced_again_only_to_call_a_page_off(page: dict[str, Any], told: int) -> None:
    slack, store = MemoryChannel(), quiet_store(paged_seq=1, page_done=1, **page)

    announced("Await Quiet", {"slack": slack}, store, announced=True)

    assert len(slack.told) == told
    assert live_of(store).voided_seq == 1, "no page rings any more"


def test_the_wait_begins_although_no_channel_takes_the_message() -> None:
    store = quiet_store()
    assert announced("Await Quiet", {"slack": MemoryChannel(failures=[lasting()])}, store) == NotifyOutput(told=False)
    assert live_of(store).task_token == "t-2"


# --- the state of machines of an earlier release, which wait by themselves ---


def test_the_announcement_names_the_wait_that_follows() -> None:
    store = quiet_store()

    following = announced("Announce Quiet", {"slack": MemoryChannel()}, store).next

    assert following is not None
    assert (following.go, following.changes) == ("Await Quiet", live_of(store).own.changes)
    assert 0 < following.seconds <= GROUPING_WINDOW.total_seconds()
    assert live_of(store).task_token == "t-1"


def test_if_an_alert_fires_again_during_the_announcement_the_machine_must_ask_what_is_next() -> None:
    store = quiet_store()
    store.meanwhile["begin_quiet"] = lambda: joins(store)

    assert announced("Announce Quiet", {"slack": MemoryChannel()}, store).next is None
