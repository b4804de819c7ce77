"""The approval page: the scripts that would run, where and as whom, and how earlier runs ended.

The page shares templates and style with the console. Characters that could hide or reorder code are shown as their
number, such as `<U+202E>`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil
from typing import Any

from firstline.channels.summary import judged_by
from firstline.console.frame import Frame
from firstline.console.render import render
from firstline.errors import DocumentUnreadable
from firstline.incidents.message_facts import severity, where, why_idle
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, Outcome, PlannedStep, RemediationPlan, RunbookRun
from firstline.people.links import Link
from firstline.remediation.steps import Documents
from firstline.text import one_line

LOOK_BACK = timedelta(days=90)
MAX_EARLIER = 5


@dataclass(frozen=True)
class EarlierRun:
    """A run of the plan's runbook for another incident.

    `outcome` is how that incident ended; None if it is open or no longer stored.
    """

    incident_id: str
    at: datetime
    hosts: int
    outcome: Outcome | None


@dataclass(frozen=True)
class Review:
    """A plan with its scripts by document, and earlier runs.

    `unreadable` says why a script cannot be shown, so that the plan cannot be approved; None if all can.
    """

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
        for step in _commands_of(plan):
            scripts[step.document] = documents.script(step)
    except DocumentUnreadable as error:
        unreadable = str(error)
    runs = incidents.runs_since(plan.runbook_id, now - LOOK_BACK)
    return Review(record, plan, scripts, unreadable, tuple(_earlier(runs, record.incident.incident_id, incidents)))


def _commands_of(plan: RemediationPlan) -> Iterator[PlannedStep]:
    """Yield every command that the plan may send: steps, verification, rollback. Steps on a release send no command."""
    yield from (step for step in plan.steps if isinstance(step, PlannedStep))
    if plan.verify:
        yield plan.verify
    yield from plan.rollback


def refusal(reason: str, incident_id: str, title: str = "This does not count") -> str:
    """Render a page that says why a request about an incident's plan does not count, under the heading `title`."""
    around = _around(title, UTC, datetime.now(UTC))
    return render("approval_refusal.html", **around, reason=reason, incident_id=incident_id)


def plan_page(
    review: Review, link: Link, token: str, now: datetime, *, zone: tzinfo = UTC, closed: str | None = None
) -> str:
    """Render the plan, and the form to decide on it.

    Parameters
    ----------
    link
        The visitor's link, already checked: it names the person and ends at a time.
    zone
        The time zone in which times are shown.
    token
        The link's token, which the form sends back.
    closed
        The reason why nothing can be decided, in which case the page has no form; None if something can.
    """
    record, plan = review.record, review.plan
    # A release is rolled out to many hosts, so it is named instead of the alert's host.
    place = ", ".join(release.place for release in plan.releases) or where(record.incident)
    left = max(1, ceil((link.expires_at - now).total_seconds() / 60))
    return render(
        "approval.html",
        **_around(one_line(f"{plan.title} on {place}" if place else plan.title, 200), zone, now),
        review=review,
        link=link,
        token=token,
        closed=closed,
        severity=severity(record),
        judged=judged_by(record),
        approvers_needed=plan.approvals,
        approved_by=[one_line(approval.by, 80) for approval in record.approvals],
        minutes_left=left,
        idle=why_idle(record),
    )


def _earlier(runs: list[RunbookRun], this: str, incidents: Incidents) -> Iterator[EarlierRun]:
    """Yield the latest runs for other incidents than `this` (an id), newest first, without those in shadow mode."""
    others = [run for run in reversed(runs) if run.incident_id != this and run.decision != "shadow"]
    for run in others[:MAX_EARLIER]:
        record = incidents.record(run.incident_id)
        yield EarlierRun(run.incident_id, run.at, len(run.instance_ids), record.outcome if record else None)


def _around(title: str, zone: tzinfo, now: datetime) -> dict[str, Any]:
    """Return the values of the page's frame, which names no visitor."""
    return Frame(stack="", zone=zone, now=now).values(title, narrow=True)
