"""The state after a wait for an acknowledgement, which is chosen before the wait if it is known then."""

from typing import Any

import pytest

from firstline.contracts import Observed, WhatNowInput
from firstline.incidents.choice import choose
from firstline.incidents.lifecycle import SHOWN
from firstline.models import Approval, Counts
from tests.support import lives
from tests.support.builders import NOW, a_plan, a_record, at
from tests.support.changes import counts_for
from tests.support.memory import MemoryStore
from tests.unit.incidents.looks import TIMES, verdict

PAGED: dict[str, Any] = {"own": counts_for(4), "decided": 4, "judged": 1, "classification": verdict("critical")}
PAGED |= lives.PAGED | {"acked_seq": 0}
PLAN = a_plan(decision="approve")
ASKS = {"plan": PLAN, "plan_digest": PLAN.digest()}


def asked(store: MemoryStore, **known: Any) -> WhatNowInput:
    """Return what an execution asks right after its first page."""
    happened = Observed(state="Page On-Call", result={"sent": 1})
    return WhatNowInput(**({"state": "What Now?", "incident": store.only.incident, "happened": happened} | known))


def test_the_state_chosen_in_advance_is_the_one_chosen_after_the_acknowledgement() -> None:
    store = MemoryStore(a_record(**PAGED))
    before = choose(asked(store), store.only, NOW, TIMES).then.answered

    record = store.incidents.acknowledge(store.only.incident.incident_id, "ada", NOW)
    assert record is not None
    assert record.live is not None
    store.incidents.mark_shown(record.incident, record.live.version)
    happened = Observed(state="Await Acknowledgement", result={"signal": SHOWN, "by": "ada"})
    after = choose(asked(store, happened=happened), store.only, at(3), TIMES)

    assert (after.go, after.seconds, after.changes) == (before.go, before.seconds, before.changes)
    assert record.live.acked_seq == before.acked


@pytest.mark.parametrize(
    ("record", "known"),
    [
        pytest.param({"acked_seq": 1}, {}, id="an answer was taken back"),
        pytest.param({}, {"remediation": "human", "planned": True}, id="the remediation's end is not shown yet"),
        pytest.param({"last_paged_at": None, "paged_seq": 0, "page_done": 0}, {"paged": True}, id="no page on record"),
        pytest.param({"own": counts_for(4) + Counts(firing=-1, lost=1, lost_loud=1)}, {}, id="nobody saw it recover"),
    ],
)
def test_no_state_after_the_acknowledgement_is_chosen_in_advance_if_it_may_differ(
    record: dict[str, Any], known: dict[str, Any]
) -> None:
    store = MemoryStore(a_record(**(PAGED | record)))

    chosen = choose(asked(store, **known), store.only, NOW, TIMES)

    assert (chosen.go, chosen.then.answered.go) == ("Await Acknowledgement", "What Now?")


def test_with_shards_no_state_after_the_acknowledgement_is_chosen_in_advance() -> None:
    record = a_record(**PAGED)
    assert record.live is not None
    sharded = record.model_copy(update={"live": record.live.model_copy(update={"shards": (Counts(),)})})

    assert choose(asked(MemoryStore(record)), sharded, NOW, TIMES).then.answered.go == "What Now?"


def test_an_approval_changes_the_count_by_which_an_acknowledgement_is_recognised() -> None:
    store = MemoryStore(a_record(**(PAGED | ASKS)))
    acknowledged = choose(asked(store), store.only, NOW, TIMES).then.answered

    word = Approval(approver="ada", by="ada (Slack)", at=NOW)
    approved = store.incidents.save_answer(store.only.incident.incident_id, word, "approved", seen=store.only)

    assert approved is not None
    assert approved.live is not None
    assert approved.live.answered
    assert approved.live.own.changes != acknowledged.changes
