"""The review of a plan: the scripts that would run, and how earlier runs ended."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.errors import DocumentUnreadable
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, Outcome, PlannedStep, RemediationPlan, RunbookRun
from firstline.remediation.steps import Documents

LOOK_BACK = timedelta(days=90)
MAX_EARLIER = 5

_OTHER_USER = re.compile(r'^exec runuser -u (\S+) -- bash -c "\$script" </dev/null$')


@dataclass(frozen=True)
class EarlierRun:
    """A run of the runbook for an earlier incident. `outcome` is None while that is open, or if it is unknown."""

    incident_id: str
    at: datetime
    hosts: int
    outcome: Outcome | None


@dataclass(frozen=True)
class Review:
    """A plan with all that belongs to it. `unreadable` says why its scripts can't be shown, and so not be approved."""

    record: IncidentRecord
    plan: RemediationPlan
    scripts: Mapping[str, str]
    unreadable: str | None
    earlier: tuple[EarlierRun, ...]


def review(
    record: IncidentRecord, plan: RemediationPlan, now: datetime, *, documents: Documents, incidents: Incidents
) -> Review:
    """Gather everything about the plan that the page shows.

    Raises
    ------
    HistoryUnavailable
        The table could not be reached.
    """
    scripts: dict[str, str] = {}
    unreadable = None
    try:
        for step in commands_of(plan):
            scripts[step.document] = documents.script(step)
    except DocumentUnreadable as error:
        unreadable = str(error)
    runs = incidents.runs_since(plan.runbook_id, now - LOOK_BACK)
    return Review(record, plan, scripts, unreadable, tuple(_earlier(runs, record.incident.incident_id, incidents)))


def commands_of(plan: RemediationPlan) -> Iterator[PlannedStep]:
    """Yield every command that the plan may send, in that order. A release has no script."""
    yield from (step for step in plan.steps if isinstance(step, PlannedStep))
    if plan.verify:
        yield plan.verify
    yield from plan.rollback


def run_as(script: str) -> str:
    """Return the user that a script works as; see `firstline.runbooks.documents.render_script`.

    Another owner's script does not say for which system it is, and every agent has its own highest user.
    """
    if found := _OTHER_USER.match(script.rstrip("\n").rsplit("\n", 1)[-1]):
        return found[1]
    return "root" if script.startswith("#!") else "root (on Windows as SYSTEM)"


def _earlier(runs: list[RunbookRun], this: str, incidents: Incidents) -> Iterator[EarlierRun]:
    """Yield the latest runs, newest first, without this incident's: planning counts a run before its approval."""
    others = [run for run in reversed(runs) if run.incident_id != this and run.decision != "shadow"]
    for run in others[:MAX_EARLIER]:
        record = incidents.record(run.incident_id)
        yield EarlierRun(run.incident_id, run.at, len(run.instance_ids), record.outcome if record else None)
