"""Earned autonomy: the record of a runbook's runs, and whether it is good enough for the runbook's next mode.

A runbook that declares `earns` runs without approval after that many verified runs in a row, and needs approval again
after a run that did not help. Otherwise only a person lets it run without approval, by the runbook's mode or by
`firstline runbooks promote`.
"""

import re
from collections.abc import Iterable, Sequence

from firstline.models import Frozen, RemediationPlan, RunbookRun, RunOutcome, StepResult
from firstline.models.plan import RUN_SUCCEEDED
from firstline.policy.remediation import Autonomy
from firstline.remediation.store import Standing
from firstline.runbooks.model import Mode, Runbook

NEVER_SENT = "none"
"""The command id in a result if Systems Manager did not accept the command."""

_NEVER_RAN = frozenset(
    {"Undeliverable", "Delivery Timed Out", "Terminated", "Invalid Platform", "Access Denied", "Rate Exceeded"}
)
"""The statuses that SSM Run Command gives a command which did not reach its host."""

_MANY = re.compile(r"([0-9]+) hosts")


class Tally(Frozen):
    """Counts of a runbook's plans, by decision and outcome.

    `planned` leaves out plans in the mode `shadow`, which never run. `approved` and `refused` count people's decisions.
    `run` counts the plans of which a command was sent. Of the plans that acted, `verified` ones helped, `undone` ones
    did not help and were rolled back, and `failed` ones did not help and were not rolled back.
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
        """The share of people's decisions that were approvals, in percent; None if people never decided."""
        return _percent(self.approved, self.approved + self.refused)

    @property
    def verified_percent(self) -> int | None:
        """The share of acting runs that helped, in percent; None if the runbook never acted."""
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
    """Return in a few words what mode a runbook has earned, or what it lacks for the next mode.

    `mode` is its present mode, `counted` and `standing` are its record, and `thresholds` say what the next mode takes.
    """
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
    """Return how a remediation ended, such as `verified`.

    `results` are those of its steps on each host, and `cured` is True if the runbook helped.
    """
    began = [result for result in results if result.command_id != NEVER_SENT and result.status not in _NEVER_RAN]
    if not began:
        return "not_run"
    if not any(result.kind == "act" for result in began):
        return "looked"
    if cured:
        return "verified"
    undone = [result for result in results if result.kind == "rollback" and result.status == RUN_SUCCEEDED]
    everything = len(plan.rollback) * len(plan.targets)
    return "undone" if undone and sum(map(_hosts_of, undone)) >= everything else "failed"


def is_proven(results: Sequence[StepResult]) -> bool:
    """Return True if an act changed something, and there was a verification that held on every host."""
    changed = any(result.kind == "act" and result.changed for result in results)
    verified = [result.status == RUN_SUCCEEDED for result in results if result.kind == "verify"]
    return changed and bool(verified) and all(verified)


def news_of_standing(plan: RemediationPlan, before: Standing, after: Standing) -> str | None:
    """Return a message for the ops channel if a runbook earned or lost its autonomy, or None if neither happened.

    `before` and `after` are the runbook's record before and after the run of the plan was counted.
    """
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
    """Return the number of hosts that a result is for: 12 if it stands for `12 hosts` that succeeded, else 1."""
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
