"""The policy, as a table. Each row changes one fact of a situation in which a safe runbook may run by itself."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest

from firstline.models import Classification, Incident, NormalizedAlert, RunbookRun, Target
from firstline.runbooks import policy
from firstline.runbooks.model import Runbook
from firstline.runbooks.policy import Situation, Verdict

type Make[T] = Callable[..., T]
type Decide = Callable[..., Verdict]


@pytest.fixture
def decide(
    make_runbook: Make[Runbook],
    make_alert: Make[NormalizedAlert],
    make_incident: Make[Incident],
    make_classification: Make[Classification],
    web_1: Target,
    now: datetime,
) -> Decide:
    def decide(
        *,
        runbook: dict[str, Any] | None = None,
        alert: dict[str, Any] | None = None,
        incident: dict[str, Any] | None = None,
        classification: dict[str, Any] | None = None,
        ran: Sequence[tuple[str, str, timedelta]] = (),
        **facts: Any,
    ) -> Verdict:
        runs = [RunbookRun(runbook_id="drain-spool", incident_id=i, instance_id=h, at=now - ago) for i, h, ago in ran]
        situation: dict[str, Any] = {
            "runbook": make_runbook(**(runbook or {})),
            "incident": make_incident(make_alert(**(alert or {})), **(incident or {})),
            "classification": make_classification(**(classification or {})),
            "targets": [web_1],
            "runs": runs,
            "remediation_mode": "auto",
            "environment": "staging",
            "now": now,
        }
        return policy.decide(Situation(**(situation | facts)))

    return decide


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WEB_1, WEB_2 = "i-0123456789abcdef0", "i-0123456789abcdef1"
THIS = "SpoolFull-web-1-20260302-0930-ab12"
DISRUPTIVE, DESTRUCTIVE = {"risk": "disruptive"}, {"risk": "destructive"}
PRODUCTION = {"environment": "Production"}
JUST_NOW = [("old", WEB_1, MINUTE)]
UNSURE = {"decided_by": "llm", "confidence": 0.5}

TABLE: list[tuple[str, dict[str, Any], str, str]] = [
    # the situation, as it differs                  the facts                          the decision, and a word of why
    ("nothing speaks against it", {}, "auto", "may run by itself"),
    # What the owner switched off, or what nobody vouched for, never runs.
    ("the stack's remediation is off", {"remediation_mode": "off"}, "deny", "switched off for this stack"),
    ("the runbook is off", {"runbook": {"mode": "off"}}, "deny", "drain-spool is switched off"),
    ("the environment is unknown", {"environment": " "}, "deny", "which environment"),
    ("the incident is noise", {"classification": {"severity": "noise"}}, "deny", "noise"),
    ("a runbook cannot help", {"classification": {"can_be_remediated": False}}, "deny", "cannot fix"),
    ("there is no host", {"targets": []}, "deny", "no host"),
    # Limits: hosts at once, the same host again, all hosts in an hour.
    ("it ran here 29 minutes ago", {"ran": [("old", WEB_1, 29 * MINUTE)]}, "deny", "29 minutes ago and cools down"),
    ("it ran here 30 minutes ago", {"ran": [("old", WEB_1, 30 * MINUTE)]}, "auto", ""),
    ("it ran elsewhere a minute ago", {"ran": [("old", WEB_2, MINUTE)]}, "auto", ""),
    ("this incident's own retry", {"ran": [(THIS, WEB_1, MINUTE)]}, "auto", ""),
    ("two of three runs an hour are used", {"ran": [("old", WEB_2, MINUTE)] * 2}, "auto", ""),
    ("three of three runs an hour are used", {"ran": [("old", WEB_2, MINUTE)] * 3}, "deny", "3 hosts in the last hour"),
    ("three, but over an hour ago", {"ran": [("old", WEB_2, HOUR)] * 3}, "auto", ""),
    # Shadow only says what would have been done, and only if it would.
    ("the runbook is a shadow", {"runbook": {"mode": "shadow"}}, "deny", "shadow: would have run drain-spool on web-1"),
    ("a shadow of what is denied", {"runbook": {"mode": "shadow"}, "targets": []}, "deny", "no host"),
    # What a human should see first.
    ("the runbook asks", {"runbook": {"mode": "approve"}}, "approve", "asks for approval"),
    ("the stack asks", {"remediation_mode": "approve"}, "approve", "this stack asks"),
    ("it destroys data", {"runbook": DESTRUCTIVE}, "approve", "destructive"),
    ("a storm", {"incident": {"storm": True}}, "approve", "storm"),
    ("flapping", {"incident": {"flapping": True}}, "approve", "flapping"),
    ("disruptive in staging", {"runbook": DISRUPTIVE}, "auto", ""),
    ("disruptive in production", {"runbook": DISRUPTIVE, "environment": "prod"}, "approve", "this is prod"),
    ("safe in production", {"environment": "prod"}, "auto", ""),
    ("the alert says production", {"runbook": DISRUPTIVE, "alert": PRODUCTION}, "approve", "this is Production"),
    ("a model that is not sure", {"classification": UNSURE}, "approve", "only 50% sure"),
    ("rules need no confidence", {"classification": {"confidence": 0.5}}, "auto", ""),
    # No owner's setting, and no two reasons to be careful, add up to more than one of them allows.
    ("approval does not lift a limit", {"ran": JUST_NOW, "runbook": {"mode": "approve"}}, "deny", "cools down"),
    ("a storm does not lift off", {"incident": {"storm": True}, "remediation_mode": "off"}, "deny", "switched off"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "decision", "word"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_policy(decide: Decide, facts: dict[str, Any], decision: str, word: str) -> None:
    verdict = decide(**facts)

    assert verdict.decision == decision, verdict.reason
    assert word in verdict.reason


def test_more_hosts_than_a_runbook_may_touch_at_once(decide: Decide, web_1: Target, web_2: Target) -> None:
    web_3 = Target(instance_id="i-0123456789abcdef2", name="web-3")

    assert decide(targets=[web_1, web_2]).decision == "auto"
    verdict = decide(targets=[web_1, web_2, web_3])
    assert (verdict.decision, verdict.reason) == ("deny", "3 hosts are affected and drain-spool may touch 2 at once")


def test_destructive_storm_and_off_never_run_by_themselves_whatever_else_holds(decide: Decide) -> None:
    modes, caps, environments = ["off", "shadow", "approve", "auto"], ["off", "approve", "auto"], ["", "dev", "prod"]
    for mode, cap, environment, sure in product(modes, caps, environments, [0.0, 1.0]):
        facts: dict[str, Any] = {"remediation_mode": cap, "environment": environment}
        facts["classification"] = {"confidence": sure, "decided_by": "llm"}
        assert decide(runbook={"mode": mode, "risk": "destructive"}, **facts).decision != "auto"
        assert decide(runbook={"mode": mode}, incident={"storm": True}, **facts).decision != "auto"
        if "off" in (mode, cap) or not environment or mode == "shadow":
            assert decide(runbook={"mode": mode}, **facts).decision == "deny"


def test_history_is_read_as_far_back_as_any_limit_reaches(make_runbook: Make[Runbook]) -> None:
    short = make_runbook(limits={"cooldown": "5m", "per_hour": 1, "max_hosts": 1})
    long = make_runbook(limits={"cooldown": "2d", "per_hour": 1, "max_hosts": 1})

    assert policy.look_back(short) == HOUR
    assert policy.look_back(long) == timedelta(days=2)
