"""The decision of people on a remediation plan, for Slack's buttons and the approval page alike.

The table's conditional write decides; the record is read before it only so that a refused answer gets a reason. An
approval counts for exactly one plan, once per person, while that person is an approver. Where the runbook or the policy
says so, it takes two people; one refusal is enough. A plan can be decided on until its incident closes, and whoever
approves has the incident: it is an acknowledgement.

The deciding yes takes the plan's locks and counts against its limits, in the same write. If another remediation has a
lock, or a limit is reached, the yes is refused and the plan stays open.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firstline.channels.delivery import Channel, tell_others, tell_slack
from firstline.classification.feedback_store import UNKNOWN
from firstline.errors import NotEntitled, NotNow, Superseded, TooLate
from firstline.incidents import lifecycle
from firstline.incidents.lifecycle import Executions
from firstline.incidents.message_facts import message_kind, why_idle
from firstline.incidents.store import Incidents
from firstline.models import Approval, Decision, IncidentRecord, Notification, NotificationKind, RemediationPlan
from firstline.people.links import Link
from firstline.people.message_updates import mark_shown
from firstline.policy.people import FILE
from firstline.remediation.limits import Footprint, beginning_of, look_back, why_not_now
from firstline.remediation.store import Beginning, Remediations
from firstline.text import one_line, short_duration

_ATTEMPTS = 8
"""The most attempts to store an answer. An attempt fails if another person's answer, or a change of another
remediation, is stored first."""

LINK_IS_VALID_FOR = timedelta(hours=1)
"""The lifetime of an approval link: short, because whoever holds the link decides in that person's name."""


@dataclass(frozen=True)
class Answer:
    """One person's answer to one plan.

    Parameters
    ----------
    approver
        The person's name on the list of people, or the key of somebody who is not on it.
    by
        The person, and where they answered, as messages name them: `ana (Slack)`.
    plan_digest
        The plan that the person read.
    """

    approves: bool
    approver: str
    by: str
    plan_digest: str


def answer_plan(
    incident_id: str,
    answer: Answer,
    now: datetime,
    *,
    approvers: Sequence[str],
    shared: Sequence[str] = (),
    incidents: Incidents,
    remediations: Remediations,
    executions: Executions,
    show: Callable[[IncidentRecord], object],
) -> IncidentRecord:
    """Store a person's answer to a plan, show the answer to people, and tell the waiting execution.

    An approval also acknowledges the incident.

    Parameters
    ----------
    approvers
        The names on the list of people of those who may approve plans.
    show
        Shows the record with the answer to people, before the execution is told; its result is not used.
    shared
        The approvers that are a whole IAM role, which several people may assume: where two people must approve, a role
        does not count.

    Returns
    -------
    IncidentRecord
        The record with the answer. If its `decision` is None, another approver has to agree.

    Raises
    ------
    NotEntitled, Superseded, TooLate, NotNow
        The answer does not count; the message says why. Nothing was changed.
    ExecutionsUnavailable
        The decision is written, but the execution could not be told; reconcile (the periodic repair) does so within two
        minutes.
    HistoryUnavailable
        The table could not be reached; nothing was decided.
    """
    approval = Approval(approver=answer.approver, by=answer.by, at=now)
    for _ in range(_ATTEMPTS):
        seen, plan = still_open(incidents.record(incident_id), now)
        _check_answer(seen, answer, approvers, shared)
        decision = _decision(seen, plan, answer, approvers)
        begins = _beginning(plan, incident_id, remediations, now) if decision == "approved" else None
        decided = incidents.save_answer(incident_id, approval, decision, seen=seen, begins=begins)
        if decided is not None:
            show(decided)
            said, by = decided.decision or "acknowledged", decided.decided_by or answer.by
            lifecycle.wake(decided.live, said, by, executions, only=lifecycle.WITH_PEOPLE)
            return decided
    raise Superseded("Your answer was not saved: others decide on this plan at this very moment. Look, and repeat it.")


def _beginning(plan: RemediationPlan, incident_id: str, remediations: Remediations, now: datetime) -> Beginning:
    """Return the locks and the run to reserve for a plan that begins now; raise NotNow if locks or limits forbid."""
    since = now - look_back(plan.limits, timedelta(seconds=plan.longest_seconds))
    state = remediations.state(plan.runbook_id, since)
    if why := why_not_now(Footprint.of(plan, incident_id), state.held, state.runs, now):
        raise NotNow(f"Not now: {why}. The plan stays open: approve it again when nothing stands in its way.")
    return beginning_of(plan, incident_id, state, now)


def invite(
    incident_id: str, approver: str, name: str, now: datetime, *, approvers: Sequence[str], incidents: Incidents
) -> Link:
    """Return an approver's personal link to the approval page, if the plan still waits for a decision.

    `approver` is the person's key on the list of people, and `name` the person's name in messages.
    `approvers` are the names on that list of those who may approve plans.

    Raises
    ------
    NotEntitled
        The person is not an approver.
    Superseded, TooLate
        The plan is decided, or the incident is over or has no plan.
    """
    check_approver(approver, approvers, name)
    _, plan = still_open(incidents.record(incident_id), now)
    until = now + LINK_IS_VALID_FOR
    return Link(incident_id=incident_id, approver=approver, name=name, plan_digest=plan.digest(), expires_at=until)


def still_open(record: IncidentRecord | None, now: datetime) -> tuple[IncidentRecord, RemediationPlan]:
    """Return the incident and its plan if the plan waits for a decision.

    Raises
    ------
    Superseded
        The plan is decided.
    TooLate
        The incident is over or unknown, or it has no plan that needs approval.
    """
    if record is None:
        raise TooLate(UNKNOWN)
    if record.decision:
        person = one_line(record.decided_by or "somebody", 200)
        raise Superseded(f"This plan was {record.decision} by {person}{_ago(record.decided_at, now)}.")
    if record.status == "CLOSED" or record.resolved_by:
        ago = _ago(record.resolved_at or record.closed_at, now)
        raise TooLate(f"The incident ended{ago}. Nothing is left to run.")
    if record.plan is None or record.plan_digest is None or record.plan.decision != "approve":
        raise TooLate("This incident has no plan that waits for an approval.")
    return record, record.plan


def _check_answer(record: IncidentRecord, answer: Answer, approvers: Sequence[str], shared: Sequence[str]) -> None:
    """Raise an error unless a person's answer to the plan of `record` counts.

    `approvers` and `shared` are as in `answer_plan`. Anybody may refuse, even after approving, because a refusal runs
    nothing.

    Raises
    ------
    NotEntitled
        The person who approves is not an approver, or is a whole role where two people must approve.
    Superseded
        The answer is to another plan, or the person approves for the second time.
    """
    if answer.approves:
        check_approver(answer.approver, approvers, answer.by)
    check_plan(record, answer.plan_digest)
    if answer.approves and answer.approver in shared and record.plan and record.plan.approvals > 1:
        raise NotEntitled(
            f"You may not approve this: two people must approve, and {answer.by} is a whole role in {FILE}, which one "
            "person could use twice. Approve in your own name."
        )
    if answer.approves and any(approval.approver == answer.approver for approval in record.approvals):
        raise Superseded("You have approved this plan already. The second approval must be somebody else's.")


def check_plan(record: IncidentRecord, digest: str) -> None:
    """Raise Superseded unless the digest is that of the incident's plan."""
    if record.plan is None or not (digest == record.plan_digest == record.plan.digest()):
        raise Superseded("The plan has changed since you were asked. Read the new one, and decide on that.")


def check_approver(approver: str, approvers: Sequence[str], name: str) -> None:
    """Raise NotEntitled unless `approver` is one of `approvers`; the error has the reason and the person's `name`."""
    if not approvers:
        raise NotEntitled(f"Nobody may approve yet: give somebody the role approver in {FILE}, and deploy it.")
    if approver not in approvers:
        raise NotEntitled(f"You may not approve this: {name} is no approver in {FILE}. Ask an approver.")


def tell_people(
    record: IncidentRecord,
    answer: Answer,
    now: datetime,
    *,
    approvers: Sequence[str],
    channels: Mapping[str, Channel],
    incidents: Incidents,
) -> None:
    """Say in Slack who approved or refused the plan. An approval also stops PagerDuty from paging.

    `record` is the incident's record with the answer. While somebody else must agree, too, Slack's message counts the
    approvals of people who are still in `approvers`.
    """
    if tell_slack(announcement(record, answer.by, answer.approves, now, approvers), channels):
        mark_shown(record, incidents)
    if answer.approves:
        reason = f"Plan approved by {one_line(answer.by, 80)}."
        tell_others(Notification(kind="acknowledged", record=record, reason=reason, at=now), channels)


def counting(approvals: Sequence[Approval], approvers: Sequence[str]) -> list[Approval]:
    """Return the approvals that count: those of people who are still approvers."""
    return [approval for approval in approvals if approval.approver in approvers]


def announcement(
    record: IncidentRecord, by: str, approves: bool, now: datetime, approvers: Sequence[str]
) -> Notification:
    """Return the notification that says who approved or refused the plan (`approves` is False for a refusal).

    `by` names the person, as `ana (Slack)`. While somebody else must agree, too, the message counts the approvals of
    people who are still in `approvers`.
    """
    kinds: dict[Decision, NotificationKind] = {"approved": "remediating", "refused": "needs_human"}
    kind = kinds[record.decision] if record.decision else "approval"
    if record.decision == "refused" and message_kind(record) == "paged":
        kind = "paged"
    said = f"Plan {'approved' if approves else 'refused'} by {one_line(by, 80)}."
    if record.decision == "approved" and (idle := why_idle(record)):
        kind, said = message_kind(record), f"Approved by {one_line(by, 80)}. {idle}"
    if record.decision is None and record.plan:
        count = f"{len(counting(record.approvals, approvers))} of {record.plan.approvals}"
        said = f"{count}: {one_line(by, 80)} said yes. Somebody else must agree."
    return Notification(kind=kind, record=record, reason=said, at=now)


def _decision(seen: IncidentRecord, plan: RemediationPlan, answer: Answer, approvers: Sequence[str]) -> Decision | None:
    if not answer.approves:
        return "refused"
    return "approved" if len(counting(seen.approvals, approvers)) + 1 >= plan.approvals else None


def _ago(moment: datetime | None, now: datetime) -> str:
    return f" {short_duration(now - moment)} ago" if moment else ""
