"""Earned autonomy: the record of a runbook, and whether it is good enough for the next mode.

A runbook that says `earns` runs by itself after so many verified runs in a row, and asks again after one that did not
help. Every other freedom a person gives, by the runbook's mode or by `firstline runbooks promote`.
"""

import re
from collections.abc import Iterable, Sequence

from firstline.models import Frozen, RemediationPlan, RunbookRun, RunOutcome, StepResult
from firstline.models.plan import RUN_SUCCEEDED
from firstline.policy.remediation import Autonomy
from firstline.remediation.store import Standing
from firstline.runbooks.model import Mode, Runbook

NEVER_SENT = "none"
"""The command id of a result whose command Systems Manager did not accept."""

_NEVER_RAN = frozenset(
    {"Undeliverable", "Delivery Timed Out", "Terminated", "Invalid Platform", "Access Denied", "Rate Exceeded"}
)
"""Run Command's words for a command that did not reach its host."""

_MANY = re.compile(r"([0-9]+) hosts")


class Tally(Frozen):
    """Counts of a runbook's plans, by decision and outcome.

    `planned` leaves out those in `shadow`. `approved` and `refused` count people's decisions. `run` counts the plans
    of which a command was sent. Of those that acted, `verified` helped, `undone` did not help but were rolled back,
    and `failed` did neither.
    """

    runbook_id: str
    shadow: int = 0
    planned: int = 0
    approved: int = 0
    refused: int = 0
    run: int = 0
    verified: int = 0
    failed: int = 0
    undone: int = 0

    @property
    def accepted_percent(self) -> int | None:
        """The share of decisions by people that were approvals; None if people never decided."""
        return _percent(self.approved, self.approved + self.refused)

    @property
    def verified_percent(self) -> int | None:
        """The share of acting runs that helped; None if the runbook never acted."""
        return _percent(self.verified, self.verified + self.failed + self.undone)


def tally(runbook_id: str, runs: Iterable[RunbookRun]) -> Tally:
    """Count a runbook's runs by their decision and outcome."""
    counted = list(runs)
    real = [run for run in counted if run.decision != "shadow"]
    ended = [run.outcome for run in real]
    return Tally(
        runbook_id=runbook_id,
        shadow=len(counted) - len(real),
        planned=len(real),
        approved=sum(run.accepted is True for run in real),
        refused=sum(run.accepted is False for run in real),
        run=sum(outcome in ("verified", "failed", "undone", "looked") for outcome in ended),
        verified=ended.count("verified"),
        failed=ended.count("failed"),
        undone=ended.count("undone"),
    )


def advice(runbook: Runbook, mode: Mode, counted: Tally, standing: Standing, thresholds: Autonomy) -> str:
    """Describe the mode that the runbook has earned, or what it lacks for the next one."""
    if demoted := standing.why_demoted(runbook.auto_after):
        return f"demoted to approval: {demoted}. After fixing it: firstline runbooks promote {runbook.id}"
    by_record = mode == "approve" or (mode == "auto" and runbook.needs_record)
    if by_record and runbook.risk != "destructive" and standing.runs_by_itself(runbook.auto_after):
        return "runs by itself: " + (f"{standing.promoted_by} said so" if standing.promoted_by else "earned")
    match mode:
        case "off":
            return "switched off"
        case "shadow":
            lacks = thresholds.to_approve.shadowed - counted.shadow
            return f"{lacks} more in shadow" if lacks > 0 else "ready for approve"
        case "approve" if runbook.risk == "destructive":
            return "destructive: always asks"
        case "approve":
            return ", ".join(_missing(counted, thresholds)) or "ready for auto"
        case "auto" if runbook.risk == "destructive":
            return "destructive: always asks"
        case "auto" if runbook.needs_record:
            return f"asks until promoted: firstline runbooks promote {runbook.id}"
        case "auto":
            return "runs by itself"


def outcome_of_run(plan: RemediationPlan, results: Sequence[StepResult], *, cured: bool) -> RunOutcome:
    """Return how a remediation ended, from its results and whether the incident was `cured`."""
    sent = [result for result in results if result.command_id != NEVER_SENT and result.status not in _NEVER_RAN]
    if not sent:
        return "not_run"
    if not any(result.kind == "act" for result in sent):
        return "looked"
    if cured:
        return "verified"
    undone = [result for result in results if result.kind == "rollback" and result.status == RUN_SUCCEEDED]
    everything = len(plan.rollback) * len(plan.targets)
    return "undone" if undone and sum(map(_hosts_of, undone)) >= everything else "failed"


def is_proven(results: Sequence[StepResult]) -> bool:
    """Return True if an act changed something and the last verification held on every host."""
    changed = any(result.kind == "act" and result.changed for result in results)
    verified = [result.status == RUN_SUCCEEDED for result in results if result.kind == "verify"]
    return changed and bool(verified) and all(verified)


def news_of_standing(plan: RemediationPlan, before: Standing, after: Standing) -> str | None:
    """Return what the ops channel reads if the runbook earned or lost its autonomy, or None if nothing changed."""
    had, has = before.runs_by_itself(plan.auto_after), after.runs_by_itself(plan.auto_after)
    if has and not had:
        return (
            f"{plan.runbook_id} earned auto: {after.in_a_row} verified runs in a row. It runs by itself from now on, "
            f"if the stack's RemediationMode allows. To take it back: firstline runbooks demote {plan.runbook_id}"
        )
    if had and not has:
        back = f" {plan.auto_after} verified runs in a row earn it back." if plan.auto_after else ""
        return f"{plan.runbook_id} lost auto: {after.demoted}. It asks for approval from now on.{back}"
    return None


def _hosts_of(result: StepResult) -> int:
    """Count the hosts of a result. Of many hosts, those on which a step succeeded share one result: `12 hosts`."""
    many = _MANY.fullmatch(result.instance_id)
    return int(many[1]) if many else 1


def _missing(counted: Tally, thresholds: Autonomy) -> list[str]:
    wanted = thresholds.to_auto
    missing = [f"{wanted.run - counted.run} more runs"] if counted.run < wanted.run else []
    accepted, verified = counted.accepted_percent, counted.verified_percent
    if accepted is not None and accepted < wanted.accepted_percent:
        missing.append(f"{accepted}% accepted, {wanted.accepted_percent}% wanted")
    if verified is not None and verified < wanted.verified_percent:
        missing.append(f"{verified}% verified, {wanted.verified_percent}% wanted")
    return missing


def _percent(part: int, whole: int) -> int | None:
    return part * 100 // whole if whole else None
