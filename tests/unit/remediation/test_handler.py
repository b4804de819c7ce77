"""The handler of the function remediate: its answers hold the whole contract and, if known, the next state."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firstline.contracts import NextMoveOutput, WhatNowOutput
from firstline.errors import ConfigurationError, HistoryUnavailable
from firstline.models import Classification, Incident, RemediationPlan
from firstline.policy.remediation import RemediationPolicy
from firstline.runbooks.catalogue import Catalogue
from firstline.settings import RemediateSettings
from firstline.wiring import Wiring
from functions.remediate import app
from tests.support.builders import a_plan, a_result
from tests.support.memory import MemoryDocuments, MemoryStore, MemoryTargets
from tests.support.spool import NOW, WEB_1, a_classification, an_alert, an_incident

ENVIRONMENT = {
    "STACK_NAME": "firstline",
    "TABLE_NAME": "firstline",
    "SECRETS_PREFIX": "/firstline/staging",
    "ENVIRONMENT_NAME": "staging",
    "REMEDIATION_MODE": "auto",
    "DOCUMENT_PREFIX": "firstline-staging",
    "TARGET_TAG_KEY": "Firstline",
    "TARGET_TAG_VALUE": "managed",
    "HOST_DOMAINS": "prod.example.org, example.net",
    "HISTORY_DAYS": "90",
    "RELEASE_ARNS": "",
    "PAGE_AFTER_SECONDS": "300",
    "FLAP_QUIET_SECONDS": "1200",
    "RESOLVE_WITHIN_SECONDS": "3600",
}


@dataclass
class Context:
    """The context that Lambda passes to a handler."""

    function_name: str = "remediate"
    memory_limit_in_mb: int = 256
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:111122223333:function:remediate"
    aws_request_id: str = "1"


@pytest.fixture
def event() -> dict[str, Any]:
    alert = an_alert(alert_name="NodeHighNumberConntrackEntriesUsed")
    return {
        "incident": an_incident(alert).model_dump(mode="json"),
        "classification": a_classification(runbook_id="conntrack-full").model_dump(mode="json"),
    }


@pytest.fixture(autouse=True)
def _wired(monkeypatch: pytest.MonkeyPatch, runbooks_dir: Path, shipped: Catalogue) -> None:
    for name, value in (ENVIRONMENT | {"RUNBOOKS_DIR": str(runbooks_dir)}).items():
        monkeypatch.setenv(name, value)
    store = MemoryStore()
    store.admit(an_incident())
    wiring: Any = Wiring(RemediateSettings)
    wiring.targets = MemoryTargets({"web-1": WEB_1})
    wiring.documents = MemoryDocuments(shipped.values(), "firstline-staging")
    wiring.remediations, wiring.trail, wiring.releases = store.remediations, store.trail, None
    wiring.incidents = store.incidents
    wiring.switch = SimpleNamespace(read=lambda: "on")
    # The owner has promoted it, as nothing that acts ships in auto.
    promoted = shipped["conntrack-full"].model_copy(update={"mode": "auto"})
    wiring.catalogue = Catalogue([promoted if runbook.id == promoted.id else runbook for runbook in shipped.values()])
    monkeypatch.setattr(app, "wiring", wiring)


def test_the_answer_to_plan_remediation_has_every_key_of_its_contract(event: dict[str, Any]) -> None:
    answer = app.handler(event, Context())

    assert answer["plan"]["decision"] == "auto"
    assert answer["plan"]["steps"][1]["document"] == "firstline-staging-safe-conntrack-full.raise"
    assert answer["plan"]["steps"][1]["parameters"]["maxEntries"] == ["1048576"]
    assert set(answer["plan"]) == set(RemediationPlan.model_fields)


def test_without_a_chosen_runbook_the_answer_has_no_plan_but_the_reason(event: dict[str, Any]) -> None:
    event["classification"]["runbook_id"] = None
    answer = app.handler(event, Context())
    assert (answer["plan"], answer["reason"]) == (None, "no runbook chosen")


def test_the_answer_to_what_now_has_every_key_of_its_contract(event: dict[str, Any]) -> None:
    answer = app.handler(event | {"state": "What Now?"}, Context())

    assert set(answer) == set(WhatNowOutput.model_fields)
    assert answer["go"] == "Classify", "the table has no verdict yet"


def judged(event: dict[str, Any]) -> dict[str, Any]:
    """Store the verdict of the event, as Classify does, and return the event."""
    verdict = Classification.model_validate(event["classification"])
    app.wiring.incidents.judge(Incident.model_validate(event["incident"]), 1, verdict, NOW, seen=None)
    return event


def test_the_answer_with_a_plan_holds_the_next_state(event: dict[str, Any]) -> None:
    following = app.handler(judged(event), Context())["next"]

    assert following["go"] == "Announce Remediation"
    assert following["plan"] is None, "the machine has it already"


def next_move(state: str = "Await Recovery", plan: RemediationPlan | None = None, **more: Any) -> dict[str, Any]:
    """Return the event of `Next Move` after a state of a remediation, by default after the alert resolved."""
    return {
        "state": "Next Move",
        "incident_id": "one",
        "origin": {"source": "generic", "account": None, "region": None},
        "plan": (plan or a_plan()).model_dump(mode="json"),
        "cursor": {"queue": "steps", "index": 0},
        "observed": {"state": state},
        "results": [],
        "reason": "it may",
    } | more


def read_step(plan: RemediationPlan, output: str = "") -> dict[str, Any]:
    """Return the observation of `Read Step` for a command that succeeded on the plan's first host."""
    read = {"InstanceId": plan.targets[0].instance_id, "Status": "Success", "Output": output}
    return {"state": "Read Step", "result": {"command_id": "c-1", "invocations": [read]}}


def test_the_answer_with_a_remediations_end_holds_the_next_state(event: dict[str, Any]) -> None:
    answer = app.handler(judged(event) | next_move(), Context())

    asked = app.handler(event | {"state": "What Now?", "remediation": "resolved", "planned": True}, Context())
    assert (answer["move"], answer["ended"]) == ("What Now?", "resolved")
    assert answer["next"]["go"] == asked["go"]


@pytest.mark.parametrize("state", ["Plan Remediation", "Next Move"])
def test_an_answer_has_no_next_state_if_the_record_cannot_be_read(
    event: dict[str, Any], state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(incident_id: str) -> None:
        raise HistoryUnavailable("no table")

    monkeypatch.setattr(app.wiring.incidents, "record", unavailable)

    asks = {"Plan Remediation": event, "Next Move": event | next_move()}

    assert app.handler(asks[state], Context())["next"] is None


def test_the_answer_to_next_move_has_every_key_of_its_contract() -> None:
    answer = app.handler(next_move(), Context())

    assert set(answer) == set(NextMoveOutput.model_fields)
    assert (answer["move"], answer["ended"]) == ("What Now?", "resolved")


def test_each_new_result_gets_the_time_at_which_it_came() -> None:
    before = a_result(at=NOW).model_dump(mode="json")

    first, second = app.handler(next_move(observed=read_step(a_plan()), results=[before]), Context())["results"]

    assert first == before
    assert second["at"] is not None


@pytest.mark.parametrize(("frozen", "move"), [(False, "Read Switch"), (True, "What Now?")])
def test_a_change_freeze_that_began_stops_the_next_act(
    event: dict[str, Any], frozen: bool, move: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = RemediationPlan.model_validate(app.handler(event, Context())["plan"])
    judged(event)
    if frozen:
        always = RemediationPolicy.model_validate(
            {"freezes": [{"reason": "always", "dates": "2020-01-01..2120-01-01"}]}
        )
        rules = app.wiring.remediation_rules.model_copy(update={"policy": always})
        monkeypatch.setattr(app.wiring, "remediation_rules", rules)
    about = {"incident_id": event["incident"]["incident_id"], "observed": read_step(made, "90 %")}

    answer = app.handler(next_move(plan=made, **about), Context())

    assert answer["move"] == move
    assert len(answer["results"]) == 1, "the result of the step before is kept"
    if frozen:
        assert answer["ended"] == "human"
        assert answer["reason"] == f"{made.title} was stopped before step raise: changes are frozen: always."


def test_a_missing_setting_is_named(event: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCUMENT_PREFIX")

    with pytest.raises(ConfigurationError, match="DOCUMENT_PREFIX"):
        app.handler(event, Context())
