"""May it run? The one place that decides, from facts alone: no clock, no network, no model.

Whatever is not clearly allowed is denied; whatever is allowed only with care is put before a human.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from firstline.models import Classification, Frozen, Incident, RunbookRun, Target
from firstline.runbooks.model import Runbook

type RemediationMode = Literal["off", "approve", "auto"]

PRODUCTION = frozenset({"prod", "production", "prd", "live"})
"""Names of environments in which a disruptive runbook waits for approval."""

SURE_ENOUGH = 0.6
"""Below this confidence a model's choice is put before a human."""


class Situation(Frozen):
    """All that the policy looks at. `runs` are the runbook's runs on any host, as far back as it may matter."""

    runbook: Runbook
    incident: Incident
    classification: Classification
    targets: list[Target]
    runs: list[RunbookRun]
    remediation_mode: RemediationMode
    environment: str
    now: datetime


class Verdict(Frozen):
    """What may be done, and why, in words that people read in the page or in the request for approval."""

    decision: Literal["auto", "approve", "deny"]
    reason: str


def decide(situation: Situation) -> Verdict:
    """Auto, approve or deny. What denies is looked at first, then what needs a human."""
    runbook = situation.runbook
    denial = _why_not(situation)
    if denial:
        return Verdict(decision="deny", reason=denial)
    if runbook.mode == "shadow":
        hosts = ", ".join(target.name for target in situation.targets)
        return Verdict(decision="deny", reason=f"shadow: would have run {runbook.id} on {hosts}")
    caution = _why_ask(situation)
    if caution:
        return Verdict(decision="approve", reason=caution)
    return Verdict(decision="auto", reason=f"{runbook.id} is {runbook.risk} and may run by itself here")


def look_back(runbook: Runbook) -> timedelta:
    """How far back `Situation.runs` must reach."""
    return max(runbook.limits.cooldown, timedelta(hours=1))


def _why_not(situation: Situation) -> str | None:
    runbook, targets, limits = situation.runbook, situation.targets, situation.runbook.limits
    if situation.remediation_mode == "off":
        return "remediation is switched off for this stack"
    if runbook.mode == "off":
        return f"runbook {runbook.id} is switched off"
    if not situation.environment.strip():
        return "the stack does not say which environment it is in"
    if situation.classification.severity == "noise":
        return "the incident was classified as noise"
    if not situation.classification.can_be_remediated:
        return "the classification says that a runbook cannot fix this"
    if not targets:
        return "no host to run on"
    if len(targets) > limits.max_hosts:
        return f"{len(targets)} hosts are affected and {runbook.id} may touch {limits.max_hosts} at once"
    # A retry of this very step must not be stopped by what it reserved itself.
    runs = [run for run in situation.runs if run.incident_id != situation.incident.incident_id]
    return _cooling_down(runbook, targets, runs, situation.now) or _too_often(runbook, targets, runs, situation.now)


def _cooling_down(runbook: Runbook, targets: Sequence[Target], runs: Sequence[RunbookRun], now: datetime) -> str | None:
    for target in targets:
        last = max((run.at for run in runs if run.instance_id == target.instance_id), default=None)
        if last and now - last < runbook.limits.cooldown:
            ago, rest = _minutes(now - last), _minutes(runbook.limits.cooldown)
            return f"{runbook.id} ran on {target.name} {ago} ago and cools down for {rest}: it did not help for long"
    return None


def _too_often(runbook: Runbook, targets: Sequence[Target], runs: Sequence[RunbookRun], now: datetime) -> str | None:
    recent = sum(1 for run in runs if now - run.at < timedelta(hours=1))
    if recent + len(targets) > runbook.limits.per_hour:
        return f"{runbook.id} ran on {recent} hosts in the last hour and may run on {runbook.limits.per_hour}"
    return None


def _why_ask(situation: Situation) -> str | None:
    runbook, classification = situation.runbook, situation.classification
    if runbook.risk == "destructive":
        return f"{runbook.id} is destructive and never runs without approval"
    if situation.incident.storm:
        return "many alerts are firing at once; in a storm nothing runs by itself"
    if situation.incident.flapping:
        return "the alert is flapping; a human should look before a host is touched again"
    if runbook.mode == "approve":
        return f"runbook {runbook.id} asks for approval"
    if situation.remediation_mode == "approve":
        return "this stack asks for approval before every remediation"
    environments = (situation.environment, situation.incident.alert.environment or "")
    production = next((name for name in environments if name.strip().casefold() in PRODUCTION), None)
    if runbook.risk == "disruptive" and production:
        return f"{runbook.id} is disruptive, and this is {production}"
    if classification.decided_by == "llm" and classification.confidence < SURE_ENOUGH:
        return f"the model is only {classification.confidence:.0%} sure that {runbook.id} is right"
    return None


def _minutes(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} minute" if minutes == 1 else f"{minutes} minutes"
