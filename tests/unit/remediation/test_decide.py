"""The remediation policy as a table. Each row changes facts of a case in which a safe runbook may run by itself."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from firstline.models import Deployment, RunbookRun, Target
from firstline.policy.remediation import RemediationPolicy
from firstline.remediation.decide import Ruling, Situation, services_touched
from firstline.remediation.decide import decide as decide_of
from firstline.remediation.limits import limits_of, look_back
from firstline.remediation.locks import Lease
from firstline.remediation.plan import parameter_values
from firstline.remediation.store import Standing
from firstline.runbooks.catalogue import Catalogue
from firstline.sources import normalize
from tests.support import spool
from tests.support.spool import NOW, a_classification, a_runbook, an_alert, an_incident


def decide(
    *,
    runbook: dict[str, Any] | None = None,
    alert: dict[str, Any] | None = None,
    incident: dict[str, Any] | None = None,
    classification: dict[str, Any] | None = None,
    ran: Sequence[tuple[str, str, timedelta]] = (),
    outcome: str | None = "verified",
    held: Sequence[tuple[str, str, list[str]]] = (),
    remediation: dict[str, Any] | None = None,
    **facts: Any,
) -> Ruling:
    runs = [
        RunbookRun.model_validate(
            {
                "runbook_id": "drain-spool",
                "incident_id": incident_id,
                "instance_ids": [host],
                "decision": "shadow" if outcome == "shadow" else "auto",
                "at": NOW - ago - MINUTE,
                "until": NOW - ago + 3 * HOUR,
                "ended_at": None if outcome is None else NOW - ago,
                "outcome": None if outcome in (None, "shadow") else outcome,
            }
        )
        for incident_id, host, ago in ran
    ]
    situation: dict[str, Any] = {
        "runbook": a_runbook(**(runbook or {})),
        "incident": an_incident(an_alert(**(alert or {})), **(incident or {})),
        "classification": a_classification(**(classification or {})),
        "targets": [spool.WEB_1],
        "runs": runs,
        "held": [Lease(incident_id=i, runbook_id=r, locks=locks, until=NOW + HOUR) for i, r, locks in held],
        "fleet": 10,
        "standing": Standing(),
        "switch": "on",
        "policy": RemediationPolicy.model_validate(remediation or {}),
        "remediation_mode": "auto",
        "environment": "staging",
        "approvers": 2,
        "now": NOW,
    }
    return decide_of(Situation(**(situation | facts)))


MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WEB_1, WEB_2 = "i-0123456789abcdef0", "i-0123456789abcdef1"
THIS = "SpoolFull-web-1-20260302-0930-ab12"
DISRUPTIVE, DESTRUCTIVE = {"risk": "disruptive"}, {"risk": "destructive"}
PRODUCTION = {"environment": "Production"}
JUST_NOW = [("old", WEB_1, MINUTE)]
TWO = [Target(instance_id=WEB_1, name="web-1"), Target(instance_id=WEB_2, name="web-2")]
DAILY = {"limits": {"cooldown": "1m", "per_hour": 3, "per_day": 5, "max_hosts": 2}}
NARROW = {"limits": {"cooldown": "1m", "per_hour": 9, "max_hosts": 9, "max_percent": 10}}
WIDE = {"limits": {"cooldown": "1m", "per_hour": 9, "max_hosts": 9}}
TWO_SAY_YES = {"mode": "approve", "approvals": 2}
BOTH = {"approvals": {"destructive": 2}}
EARNS = {"mode": "approve", "earns": {"auto_after": 5}}
EARNED = Standing(in_a_row=5)
PROMOTED = Standing(promoted_by="ada")
TAKEN = Standing(in_a_row=9, demoted="ada demoted it", demoted_by_person=True)
REGAINED = Standing(in_a_row=5, demoted="it did not help in incident old")
ASKS_FOR_ONE = {"mode": "approve", "limits": {"cooldown": "1m", "per_hour": 3, "max_hosts": 1}}
ON_WEB_1 = [("old", "drain-spool", [f"host:{WEB_1}"])]
ON_WEB_2 = [("old", "drain-spool", [f"host:{WEB_2}"])]
THREE = [("old", "drain-spool", ["host:i-aaaaaaaa", "host:i-bbbbbbbb"])]
OF_CHECKOUT = [("old", "other", [f"host:{WEB_2}", "service:checkout"])]
# The clock of these tests stands at half past nine on a Monday, in UTC.
MORNING = {"freezes": [{"reason": "the morning rush", "hours": "09:00-10:00"}]}
ELSEWHERE = {"freezes": [{"reason": "prod only", "environments": ["prod*"], "weekdays": "mon"}]}
LAST_YEAR = {"freezes": [{"reason": "last year", "dates": "2025-12-20..2026-01-06"}]}
OVER_NIGHT = {"freezes": [{"reason": "the long Sunday", "weekdays": "sun", "hours": "20:00-10:00"}]}
IN_TOKYO = {"freezes": [{"reason": "evening there", "time_zone": "Asia/Tokyo", "hours": "18:00-19:00"}]}
LOOK: dict[str, Any] = {
    "risk": "read_only",
    "steps": [{"id": "look", "kind": "diagnose", "run": "look"}],
    "verify": None,
    "parameters": {},
}
SHADOW_IN_PROD = {"mode": {"default": "auto", "prod": "shadow"}}
DEMOTED = "it did not help in incident old"
# Without words a runbook is never even offered: what an alert called otherwise says is its message.
BY_WORDS = {"match": {"alerts": ["SpoolFull"], "words": ["is filling up"]}}
OTHER_NAME = {"alert_name": "Log of web-1", "message": "INFO user said: the spool is filling up"}
LOOK_BY_WORDS = {**LOOK, **BY_WORDS}
UNSURE = {"decided_by": "llm", "confidence": 0.5}
SHOP = {"service": "shop"}
OF_SHOP: dict[str, Any] = {"alert": SHOP}


def deployed(minutes_ago: float, **what: Any) -> dict[str, Any]:
    """Return the fact that the service Shop was deployed, with version 1.4, this many minutes ago."""
    at = NOW - minutes_ago * MINUTE
    deployment = {"service": "Shop", "version": "1.4", "deployed_at": at, **what}
    return {"deployments": [Deployment.model_validate(deployment)]}


TABLE: list[tuple[str, dict[str, Any], str, str]] = [
    # the situation                                 its facts                         the decision, part of its reason
    ("nothing speaks against it", {}, "auto", "may run by itself"),
    # Switched off, unreadable, or nothing to do: denied.
    ("the stack's remediation is off", {"remediation_mode": "off"}, "deny", "switched off for this stack"),
    ("the runbook is off", {"runbook": {"mode": "off"}}, "deny", "drain-spool is switched off"),
    ("somebody pulled the switch", {"switch": "off"}, "deny", "remediation has been switched off"),
    ("nobody can read the switch", {"switch": "unreadable"}, "deny", "could not be read"),
    ("off in this environment", {"runbook": {"mode": {"default": "auto", "staging": "off"}}}, "deny", "switched off"),
    ("off in others", {"runbook": {"mode": {"default": "off", "staging": "auto"}}}, "auto", ""),
    ("the environment is unknown", {"environment": " "}, "deny", "which environment"),
    ("the incident is noise", {"classification": {"severity": "noise"}}, "deny", "noise"),
    ("a runbook cannot help", {"classification": {"can_be_remediated": False}}, "deny", "cannot fix"),
    ("there is no host", {"targets": []}, "deny", "no host"),
    # Limits: hosts at once, the same host again, all hosts in an hour.
    ("it ran here 29 minutes ago", {"ran": [("old", WEB_1, 29 * MINUTE)]}, "deny", "29 minutes ago and cools down"),
    ("it ran here 30 minutes ago", {"ran": [("old", WEB_1, 30 * MINUTE)]}, "auto", ""),
    ("it ran elsewhere a minute ago", {"ran": [("old", WEB_2, MINUTE)]}, "auto", ""),
    ("it failed here a minute ago", {"ran": JUST_NOW, "outcome": "failed"}, "deny", "1 minute ago and cools down"),
    ("a run that nobody ended yet", {"ran": JUST_NOW, "outcome": None}, "deny", "may still be running on web-1"),
    ("a run that was never sent", {"ran": JUST_NOW, "outcome": "not_run"}, "auto", ""),
    ("a shadow's run", {"ran": JUST_NOW, "outcome": "shadow"}, "auto", ""),
    ("this incident's own retry", {"ran": [(THIS, WEB_1, MINUTE)]}, "auto", ""),
    ("two of three runs an hour are used", {"ran": [("old", WEB_2, MINUTE)] * 2}, "auto", ""),
    ("three of three runs an hour are used", {"ran": [("old", WEB_2, MINUTE)] * 3}, "deny", "3 hosts in the last hour"),
    ("three, but over an hour ago", {"ran": [("old", WEB_2, HOUR)] * 3}, "auto", ""),
    ("five a day, four used", {"ran": [("old", WEB_2, 5 * HOUR)] * 4, "runbook": DAILY}, "auto", ""),
    ("five a day, five used", {"ran": [("old", WEB_2, 5 * HOUR)] * 5, "runbook": DAILY}, "deny", "in the last day"),
    ("five, but yesterday", {"ran": [("old", WEB_2, 24 * HOUR)] * 5, "runbook": DAILY}, "auto", ""),
    # One remediation per host and per service at a time, and not too many hosts under remediation in all.
    ("the host is locked", {"held": ON_WEB_1}, "deny", "web-1 is locked by drain-spool of"),
    ("another host is locked", {"held": ON_WEB_2}, "auto", ""),
    ("this incident has the lock", {"held": [(THIS, "drain-spool", [f"host:{WEB_1}"])]}, "auto", ""),
    ("the service is locked", {"held": OF_CHECKOUT, "alert": {"service": "checkout"}}, "deny", "service checkout is"),
    ("another service is locked", {"held": OF_CHECKOUT, "alert": {"service": "cart"}}, "auto", ""),
    ("two other hosts, two allowed", {"held": THREE}, "deny", "on 2 hosts already and may touch 2 at once"),
    ("a fifth of the fleet", {"held": ON_WEB_2, "runbook": NARROW}, "deny", "10% of 10 hosts at once, 2 are"),
    ("a tenth of the fleet", {"runbook": NARROW}, "auto", ""),
    ("half of a small fleet", {"held": THREE, "runbook": WIDE, "fleet": 6}, "auto", ""),
    ("more than half of a fleet", {"held": THREE, "runbook": WIDE, "fleet": 4}, "deny", "3 of 4 hosts at once"),
    ("the only host of a fleet", {"fleet": 1}, "auto", ""),
    ("a fleet that was not counted", {"held": ON_WEB_2, "fleet": None}, "deny", "were not counted"),
    # Change freezes.
    ("frozen in the morning", {"remediation": MORNING}, "deny", "changes are frozen: the morning rush"),
    ("frozen in Tokyo's evening", {"remediation": IN_TOKYO}, "deny", "evening there"),
    ("frozen from Sunday night on", {"remediation": OVER_NIGHT}, "deny", "the long Sunday"),
    ("another environment is frozen", {"remediation": ELSEWHERE}, "auto", ""),
    ("the alert's environment is frozen", {"remediation": ELSEWHERE, "alert": PRODUCTION}, "deny", "prod only"),
    ("frozen in the last holidays", {"remediation": LAST_YEAR}, "auto", ""),
    ("only looking while frozen", {"remediation": MORNING, "runbook": LOOK}, "auto", ""),
    # A shadow only says what would have been done, and only if it would.
    ("in shadow", {"runbook": {"mode": "shadow"}}, "shadow", "drain-spool on web-1 (drain)"),
    ("in shadow in this environment", {"runbook": {"mode": {"default": "auto", "staging": "shadow"}}}, "shadow", ""),
    ("in shadow in the alert's one", {"runbook": SHADOW_IN_PROD, "alert": {"environment": "prod"}}, "shadow", ""),
    ("in shadow, and denied", {"runbook": {"mode": "shadow"}, "targets": []}, "deny", "no host"),
    # Reasons for approval.
    ("the runbook asks", {"runbook": {"mode": "approve"}}, "approve", "asks for approval"),
    # Autonomy is earned by five verified runs in a row, for this environment only.
    ("it earned auto", {"runbook": EARNS, "standing": Standing(in_a_row=5)}, "auto", ""),
    ("it lacks one run", {"runbook": EARNS, "standing": Standing(in_a_row=4)}, "approve", "asks for approval"),
    ("earned, stack asks", {"runbook": EARNS, "standing": EARNED, "remediation_mode": "approve"}, "approve", "stack"),
    ("earned elsewhere", {"runbook": EARNS, "standing": EARNED, "alert": PRODUCTION}, "approve", "asks for approval"),
    ("runs without `earns`", {"runbook": {"mode": "approve"}, "standing": EARNED}, "approve", "asks for approval"),
    ("earned, in shadow", {"runbook": EARNS | {"mode": "shadow"}, "standing": EARNED}, "shadow", ""),
    ("a person promoted it", {"runbook": {"mode": "approve"}, "standing": Standing(promoted_by="ada")}, "auto", ""),
    ("promoted, destructive", {"runbook": DESTRUCTIVE, "standing": Standing(promoted_by="ada")}, "approve", "never"),
    ("earned, disruptive", {"runbook": EARNS | DISRUPTIVE, "standing": EARNED, "environment": "prod"}, "auto", ""),
    ("a person demoted it", {"runbook": EARNS, "standing": TAKEN}, "approve", "asks for approval"),
    ("earned again after a failure", {"runbook": EARNS, "standing": REGAINED}, "auto", ""),
    # Locks and limits are checked at the approval: they may be free by then.
    ("approval on a locked host", {"runbook": {"mode": "approve"}, "held": ON_WEB_1}, "approve", "asks for approval"),
    ("approval in a cool-down", {"runbook": {"mode": "approve"}, "ran": JUST_NOW}, "approve", "asks for approval"),
    ("approval for too many hosts", {"runbook": ASKS_FOR_ONE, "targets": TWO}, "deny", "2 hosts are affected"),
    ("the stack asks", {"remediation_mode": "approve"}, "approve", "this stack asks"),
    ("it failed before", {"standing": Standing(demoted=DEMOTED)}, "approve", "no longer runs by itself"),
    ("destructive", {"runbook": DESTRUCTIVE}, "approve", "destructive"),
    ("no approver", {"remediation_mode": "approve", "approvers": 0}, "deny", "lets nobody approve, and 1 must approve"),
    ("one approver", {"remediation_mode": "approve", "approvers": 1}, "approve", "this stack asks"),
    ("one approver of two", {"runbook": TWO_SAY_YES, "approvers": 1}, "deny", "lets 1 approve, and 2 must approve"),
    ("a role as the second", {"runbook": TWO_SAY_YES, "shared": 1}, "deny", "drain-spool: add approvers"),
    ("a role as the only one", {"remediation_mode": "approve", "approvers": 1, "shared": 1}, "approve", "this"),
    ("policy asks for two", {"runbook": DESTRUCTIVE, "approvers": 1, "remediation": BOTH}, "deny", "lets 1 approve"),
    ("destructive, one approver", {"runbook": DESTRUCTIVE, "approvers": 1}, "approve", "destructive"),
    ("no approval needed", {"approvers": 0}, "auto", "may run by itself"),
    ("only the message fits", {"runbook": BY_WORDS, "alert": OTHER_NAME}, "approve", "matches only text in the alert"),
    ("only the message fits a look", {"runbook": LOOK_BY_WORDS, "alert": OTHER_NAME}, "approve", "its sender controls"),
    ("the name fits, too", {"runbook": BY_WORDS}, "auto", ""),
    ("a storm", {"incident": {"storm": True}}, "approve", "storm"),
    ("flapping", {"incident": {"flapping": True}}, "approve", "flapping"),
    ("disruptive, with no record", {"runbook": DISRUPTIVE}, "approve", "asks until it has earned auto"),
    ("disruptive, and promoted", {"runbook": DISRUPTIVE, "standing": PROMOTED}, "auto", ""),
    ("promoted elsewhere", {"runbook": DISRUPTIVE, "standing": PROMOTED, "alert": PRODUCTION}, "approve", "asks until"),
    ("safe in production", {"environment": "prod"}, "auto", ""),
    ("it was deployed 29 minutes ago", OF_SHOP | deployed(29), "approve", "Shop 1.4 was deployed 29 minutes ago"),
    ("it was deployed 30 minutes ago", OF_SHOP | deployed(30), "auto", ""),
    ("being deployed for 2 hours", OF_SHOP | deployed(120, state="in_progress"), "approve", "is being deployed"),
    ("being deployed for 12 hours", OF_SHOP | deployed(12 * 60, state="in_progress"), "auto", ""),
    ("a sender's clock is ahead", OF_SHOP | deployed(-5), "approve", "was deployed 0 seconds ago"),
    ("another service was deployed", OF_SHOP | deployed(1, service="cart"), "auto", ""),
    ("deployed to another environment", {"alert": PRODUCTION | SHOP} | deployed(1, environment="dev"), "auto", ""),
    ("deployed to this one", {"alert": PRODUCTION | SHOP} | deployed(1, environment="prd"), "approve", "deployed"),
    ("only looking after a deployment", OF_SHOP | deployed(1) | {"runbook": LOOK}, "auto", ""),
    ("a model that is not sure", {"classification": UNSURE}, "approve", "only 50% sure"),
    ("rules need no confidence", {"classification": {"confidence": 0.5}}, "auto", ""),
    # A denial counts before a reason for approval.
    ("a storm, and switched off", {"incident": {"storm": True}, "remediation_mode": "off"}, "deny", "switched off"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "decision", "word"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_policy_decides_and_says_why(facts: dict[str, Any], decision: str, word: str) -> None:
    ruling = decide(**facts)

    assert ruling.decision == decision, ruling.reason
    assert word in ruling.reason


def test_more_hosts_than_a_runbook_may_touch_at_once_are_denied() -> None:
    web_3 = Target(instance_id="i-0123456789abcdef2", name="web-3")
    of_two = {"limits": {"cooldown": "30m", "per_hour": 3, "max_hosts": 2}}

    assert decide(targets=[spool.WEB_1, spool.WEB_2], runbook=of_two).decision == "auto"
    ruling = decide(targets=[spool.WEB_1, spool.WEB_2, web_3], runbook=of_two)
    assert (ruling.decision, ruling.reason) == ("deny", "3 hosts are affected and drain-spool may touch 2 at once")


def test_destructive_storm_off_shadow_and_no_environment_never_run_by_themselves_whatever_else_holds() -> None:
    modes, caps, environments = ["off", "shadow", "approve", "auto"], ["off", "approve", "auto"], ["", "dev", "prod"]
    for mode, cap, environment, sure in product(modes, caps, environments, [0.0, 1.0]):
        facts: dict[str, Any] = {"remediation_mode": cap, "environment": environment}
        facts["classification"] = {"confidence": sure, "decided_by": "llm"}
        assert decide(runbook={"mode": mode, "risk": "destructive"}, **facts).decision != "auto"
        assert decide(runbook={"mode": mode}, incident={"storm": True}, **facts).decision != "auto"
        if "off" in (mode, cap) or not environment:
            assert decide(runbook={"mode": mode}, **facts).decision == "deny"
        elif mode == "shadow":
            assert decide(runbook={"mode": mode}, **facts).decision == "shadow"


def test_history_is_read_for_a_day_or_a_longer_cool_down_and_the_longest_run() -> None:
    short = a_runbook(limits={"cooldown": "5m", "per_hour": 1, "max_hosts": 1})
    long = a_runbook(limits={"cooldown": "2d", "per_hour": 1, "max_hosts": 1})

    longest_run = HOUR
    assert look_back(limits_of(short.limits, RemediationPolicy(), None), longest_run) == 24 * HOUR + longest_run
    assert look_back(limits_of(long.limits, RemediationPolicy(), None), longest_run) == 48 * HOUR + longest_run


@pytest.mark.parametrize(
    ("runbook_id", "labels", "touched"),
    [
        ("dead-service", {"name": "shop2.service", "job": "node"}, ["node", "shop2"]),
        ("dead-service", {"name": "shop@blue.service", "service": "shop"}, ["shop"]),
        ("hung-process", {"groupname": "cart"}, ["cart"]),
        ("low-disk", {"mountpoint": "/data", "job": "node"}, ["node"]),
        ("package-cache", {}, []),
    ],
)
def test_a_plan_touches_the_service_that_the_alert_is_about_and_the_unit_or_process_in_its_labels(
    shipped: Catalogue, runbook_id: str, labels: dict[str, str], touched: list[str]
) -> None:
    sent = {"status": "firing", "labels": {"alertname": "X", "instance": "web-1:9100", **labels}}
    (alert,) = normalize("prometheus", {"alerts": [sent]})
    runbook = shipped[runbook_id]
    values, problem = parameter_values(runbook, alert)

    assert problem is None
    assert services_touched(runbook, alert, values) == touched
