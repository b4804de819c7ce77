"""The permission of a plan to act, which is checked again at its approval and before each act."""

from datetime import timedelta
from typing import Any

import pytest

from firstline.models import Approval, Deployment
from firstline.policy.remediation import RemediationPolicy
from firstline.remediation.permission import Permission
from firstline.remediation.plan import RemediationRules
from firstline.remediation.store import Standing
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.model import Runbook
from tests.support.builders import NOW, a_plan, a_record, an_alert, an_incident
from tests.support.spool import a_runbook

MINUTE = timedelta(minutes=1)
FROZEN = {"freezes": [{"reason": "release night", "dates": "2026-03-01"}]}
BY_ITSELF: dict[str, Any] = {"decision": "auto"}
APPROVED: dict[str, Any] = {"decision": "approve"}
TWO: dict[str, Any] = {"approvals": 2}
AT_NOW = {"decided_at": NOW - MINUTE}
YES: dict[str, Any] = {"decision": "approved", "decided_by": "ada", **AT_NOW}
RESOLVED: dict[str, Any] = {"resolved_by": "bob (Slack)", "resolved_at": NOW - MINUTE, "resolved_seen": 1}


def by(approver: str) -> Approval:
    return Approval(approver=approver, by=approver.lower(), at=NOW - MINUTE)


def withdrawn(
    runbook: Runbook | None,
    plan: dict[str, Any],
    *,
    decided: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    mode: str = "auto",
    demoted: str | None = None,
    locked: bool = True,
    deployed: timedelta | None = None,
    only: str | None = None,
    **deployment: Any,
) -> str | None:
    """Return why a plan of the runbook may no longer act, or None; the keywords are the facts of now.

    `deployed` is how long ago each service was deployed, or only the service `only`.
    """
    said = YES if plan == APPROVED else {}
    record = a_record(an_incident(an_alert(environment="staging")), **(said if decided is None else decided))
    rules: dict[str, Any] = {
        "remediation_mode": mode,
        "environment": "staging",
        "document_prefix": "firstline-dev",
        "approvers": ("U0ADA", "U0GRACE"),
        "policy": RemediationPolicy.model_validate(policy or {}),
    }
    last = {"service": "shop", "version": "7", "deployed_at": NOW - (deployed or MINUTE), **deployment}
    return Permission(
        catalogue=Catalogue([runbook] if runbook else []),
        standing=lambda _: Standing(demoted=demoted),
        holds_locks=lambda incident_id, now: locked,
        deployments=lambda service: (
            []
            if deployed is None or only not in (None, service)
            else [Deployment.model_validate(last | {"service": service})]
        ),
        rules=RemediationRules(**rules),
        now=NOW,
    ).withdrawn(a_plan(runbook_id="drain-spool", **plan), record)


@pytest.mark.parametrize(
    ("plan", "facts", "why"),
    [
        (BY_ITSELF, {}, None),
        (APPROVED, {}, None),
        (BY_ITSELF, {"policy": FROZEN}, "changes are frozen: release night"),
        (APPROVED, {"policy": FROZEN}, "changes are frozen: release night"),
        (BY_ITSELF, {"mode": "off"}, "remediation is switched off for this stack"),
        (APPROVED, {"mode": "off"}, "remediation is switched off for this stack"),
        (BY_ITSELF, {"mode": "approve"}, "this stack asks for approval before every remediation"),
        (APPROVED, {"mode": "approve"}, None),
        (BY_ITSELF, {"demoted": "it failed"}, "drain-spool no longer runs by itself: it failed"),
        (APPROVED, {"demoted": "it failed"}, None),
        (BY_ITSELF, {"deployed": 5 * MINUTE}, "shop 7 was deployed 5 minutes ago"),
        (BY_ITSELF, {"deployed": 60 * MINUTE, "state": "in_progress"}, "shop 7 is being deployed since 60 minutes"),
        # An approval covers the deployments before it, and not those after it.
        (APPROVED, {"deployed": 5 * MINUTE}, None),
        (APPROVED, {"deployed": MINUTE / 2, "state": "in_progress"}, "shop 7 is being deployed since 30 seconds"),
        (APPROVED, {"decided": {}}, "nobody has approved it"),
        (APPROVED, {"locked": False}, "its locks have ended"),
        (BY_ITSELF, {"locked": False}, "its locks have ended"),
        # Ada may still approve, and Eve may not any more.
        (APPROVED, {"decided": YES | {"approvals": [by("U0ADA")]}}, None),
        (APPROVED, {"decided": YES | {"approvals": [by("U0EVE")]}}, "its approval does not count any more: u0eve may"),
        (APPROVED, {"decided": YES | {"approvals": [by("U0EVE"), by("U0ADA")]}}, None),
        (APPROVED | TWO, {"decided": YES | {"approvals": [by("U0EVE"), by("U0ADA")]}}, "its approval does not count"),
        (APPROVED, {"decided": {"decision": "refused", "decided_by": "ada", **AT_NOW}}, "nobody has approved it"),
        (APPROVED, {"decided": YES | RESOLVED}, "bob (Slack) has resolved the incident"),
        (BY_ITSELF, {"decided": RESOLVED}, "bob (Slack) has resolved the incident"),
        # Bob did not see the alert that joined, so the incident goes on.
        (BY_ITSELF, {"decided": RESOLVED | {"resolved_seen": 0}}, None),
    ],
)
def test_a_plan_may_act_only_while_the_facts_that_allowed_it_hold(
    plan: dict[str, Any], facts: dict[str, Any], why: str | None
) -> None:
    reason = withdrawn(a_runbook(), plan, **facts)

    assert reason is None if why is None else (reason or "").startswith(why)


def test_a_deployment_of_a_unit_in_the_plans_parameters_stops_the_plan() -> None:
    step = a_plan().commands[0].model_copy(update={"parameters": {"spool": ["mail"]}})
    names_mail = BY_ITSELF | {"steps": [step]}

    assert withdrawn(a_runbook(), names_mail, only="mail", deployed=MINUTE) is not None
    assert withdrawn(a_runbook(), names_mail, only="cart", deployed=MINUTE) is None


@pytest.mark.parametrize(
    ("mode", "plan", "why"),
    [
        ("off", APPROVED, "runbook drain-spool is switched off (its `mode`)"),
        ("shadow", APPROVED, "runbook drain-spool is in shadow"),
        ("approve", APPROVED, None),
        ("approve", BY_ITSELF, "runbook drain-spool asks for approval"),
    ],
)
def test_the_runbooks_present_mode_counts_for_a_plan_made_earlier(
    mode: str, plan: dict[str, Any], why: str | None
) -> None:
    assert withdrawn(a_runbook(mode=mode), plan) == why


def test_a_plan_of_a_runbook_that_is_no_longer_deployed_does_not_run() -> None:
    assert withdrawn(None, BY_ITSELF) == "runbook drain-spool is no longer deployed"
