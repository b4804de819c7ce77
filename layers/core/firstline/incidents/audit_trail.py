"""The audit trail: who or what decided, on which grounds, and with which result, in the order of events.

An incident's entries form a chain: each holds the hash of the entry before it, which reveals an entry that was changed,
removed or inserted later. A chain alone does not reveal that its last entries are missing. Therefore the hash of each
entry is logged, too, and the last entry of a closed incident says how the incident ended.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal, Protocol

from pydantic import AwareDatetime, Field

from firstline.errors import HistoryUnavailable
from firstline.models import Classification, Feedback, Frozen, IncidentRecord, Note, RemediationPlan, StepResult
from firstline.observability import logger

type _Events = Literal["classified", "held", "joined", "planned", "ran", "paged", "ended", "over", "closed"]

type What = _Events | Literal["acted", "decided", "acknowledged", "resolved", "judged", "noted"]
"""The kind of an event on the trail. `planned`: a plan, or why there is none. `ran`: a command's end on a host.
`ended`: the end of the incident's last alert. `over`: the end of a remediation. `acted`: a person's action, with the
proof of who it was. `decided`: a person's decision on a plan. `judged`: a person's feedback on the verdict."""


class Fact(Frozen):
    """An event of an incident, and who or what caused it. Appending the same fact again adds no entry."""

    what: What
    who: str
    facts: dict[str, str | int | float | bool | list[str]]


class Entry(Fact):
    """A fact on the trail: its number, its time, its hash, and the hash of the entry before it."""

    number: int = Field(ge=1)
    at: AwareDatetime
    previous: str
    hash: str


class Trail(Protocol):
    """The audit trails of all incidents. Both methods raise `HistoryUnavailable` if the store cannot be reached."""

    def append(self, incident_id: str, facts: Sequence[Fact], at: datetime) -> None:
        """Add the facts that are not on the incident's trail yet, in their order, behind its last entry.

        The new entries get the time `at`, which is when they are written.
        """

    def entries(self, incident_id: str) -> list[Entry]:
        """Return an incident's entries as they are stored, oldest first, without checking the chain."""


class Break(Frozen):
    """The number of the first entry that breaks a chain, and why: that entry and all later ones prove nothing."""

    number: int
    problem: str


BEGINNING = "0" * 64


def chained(incident_id: str, facts: Sequence[Fact], at: datetime, after: Entry | None) -> list[Entry]:
    """Return facts as the next entries of an incident's chain, whose last entry is `after` (None: no entry yet).

    `at` is the time of writing, which each of the new entries gets.
    """
    entries: list[Entry] = []
    last = after
    for fact in facts:
        number, previous = (last.number + 1, last.hash) if last else (1, BEGINNING)
        loose = Entry(**fact.model_dump(), number=number, at=at, previous=previous, hash="")
        last = loose.model_copy(update={"hash": hash_of(incident_id, loose)})
        entries.append(last)
    return entries


def hash_of(incident_id: str, entry: Entry) -> str:
    """Return the SHA-256, in hexadecimal, of an incident's id and all fields of an entry but its own hash."""
    body = entry.model_dump(mode="json", exclude={"hash"}) | {"incident_id": incident_id}
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def first_break(incident_id: str, entries: Sequence[Entry]) -> Break | None:
    """Return the first entry that breaks an incident's chain of hashes, or None if the chain is whole."""
    previous = BEGINNING
    for number, entry in enumerate(entries, 1):
        if entry.number != number:
            return Break(number=number, problem=f"entry {number} is missing: the next one is {entry.number}")
        if entry.previous != previous:
            return Break(number=number, problem=f"entry {number} does not follow the one before it")
        if hash_of(incident_id, entry) != entry.hash:
            return Break(number=number, problem=f"entry {number} was changed after it was written: its hash differs")
        previous = entry.hash
    return None


def happened_at(entry: Entry) -> datetime:
    """Return when the event of an entry happened, which may be earlier than when the entry was written."""
    for name in _TIMES:
        if isinstance(at := entry.facts.get(name), str):
            return datetime.fromisoformat(at)
    return entry.at


_TIMES = ("acted_at", "acknowledged_at", "resolved_at", "decided_at", "ran_at", "paged_at", "last_at", "ended_at")
"""The names of the facts that say when an event happened."""


def append_or_log(trail: Trail, incident_id: str, facts: Sequence[Fact], at: datetime) -> None:
    """Append facts to the trail, or log them if it cannot be written: people must not wait for the trail.

    `at` is the time of writing, which the new entries get.
    """
    try:
        trail.append(incident_id, facts, at)
    except HistoryUnavailable:
        logger.exception("audit trail not written: only this line has the facts", facts=[f.model_dump() for f in facts])


# --- facts ------------------------------------------------------------------------------------------------------------


def classified(verdict: Classification) -> Fact:
    """Return a classification as a trail fact."""
    return Fact(
        what="classified",
        who=verdict.model or verdict.decided_by,
        facts={
            "severity": verdict.severity,
            "decided_by": verdict.decided_by,
            "runbook_id": verdict.runbook_id or "",
            "confidence": verdict.confidence,
            "reasons": verdict.reasons,
        },
    )


def planned(plan: RemediationPlan) -> Fact:
    """Return a remediation plan as a trail fact."""
    return Fact(
        what="planned",
        who="policy",
        facts={
            "decision": plan.decision,
            "reason": plan.decision_reason,
            "runbook_id": plan.runbook_id,
            "policy_version": plan.policy_version,
            "plan_digest": plan.digest(),
            "targets": list(plan.places),
            "documents": [step.sends for step in plan.steps],
        },
    )


def unplanned(decision: str, reason: str, runbook_id: str, policy_version: str) -> Fact:
    """Return a trail fact that says why nothing will run: no runbook fits, the policy denies it, or it is in shadow.

    A runbook in shadow is only planned, never run. `decision` is that of `NoPlan`, and `policy_version` names the
    policy, settings and runbook behind it. `runbook_id` and `policy_version` are empty if no known runbook was chosen.
    """
    facts = {"decision": decision, "reason": reason, "runbook_id": runbook_id, "policy_version": policy_version}
    return Fact(what="planned", who="policy", facts={**facts})


def decided(record: IncidentRecord) -> list[Fact]:
    """Return a person's decision on the incident's plan as trail facts; none while nobody has decided."""
    if record.decision is None or record.plan is None:
        return []
    facts = {"decision": record.decision, "plan_digest": record.plan.digest()}
    if record.decided_at:
        facts["decided_at"] = record.decided_at.isoformat()
    return [Fact(what="decided", who=record.decided_by or "somebody", facts={**facts})]


def ran(result: StepResult, plan: RemediationPlan | None) -> Fact:
    """Return a command's end on a host as a trail fact, with only a digest of the command's output.

    The fact names `plan`, to which the command belongs, by its digest; without a plan the digest is empty.
    """
    return Fact(
        what="ran",
        who="state machine",
        facts={
            "step_id": result.step_id,
            "kind": result.kind,
            "instance_id": result.instance_id,
            "command_id": result.command_id,
            "status": result.status,
            "output_digest": sha256(result.output.encode()).hexdigest(),
            "plan_digest": plan.digest() if plan else "",
            **({"ran_at": result.at.isoformat()} if result.at else {}),
        },
    )


def joined(record: IncidentRecord) -> list[Fact]:
    """Return as a trail fact how many alerts joined the incident, and when the last did; none if none joined."""
    live = record.live
    if live is None or live.alerts <= record.incident.alert_count:
        return []
    return [
        Fact(what="joined", who="senders", facts={"joined": live.alerts, "last_at": live.last_alert_at.isoformat()})
    ]


def all_ended(record: IncidentRecord) -> list[Fact]:
    """Return as a trail fact when the incident's last alert ended; none while an alert fires."""
    live = record.live
    if live is None or live.firing > 0 or live.last_end_at is None:
        return []
    return [Fact(what="ended", who="senders", facts={"ended_at": live.last_end_at.isoformat()})]


def paged(record: IncidentRecord) -> list[Fact]:
    """Return the pages that went out as trail facts."""
    return [
        Fact(
            what="paged",
            who="state machine",
            facts={
                "number": page.seq,
                "level": page.level,
                "round": page.round,
                "on_call": page.on_call,
                "through": list(page.delivered_to),
                "paged_at": page.at.isoformat(),
            },
        )
        for page in record.pages
        if page.at is not None
    ]


def acknowledged(record: IncidentRecord) -> list[Fact]:
    """Return the newest acknowledgement as a trail fact; none if nobody acknowledged.

    The fact has the number of the newest page and the worst severity rank that the acknowledgement covers.
    """
    live = record.live
    if live is None or live.acked_at is None:
        return []
    facts = {"acknowledged_at": live.acked_at.isoformat(), "pages": live.acked_seq, "rank": live.acked_rank}
    return [Fact(what="acknowledged", who=live.acked_by or "somebody", facts={**facts})]


def resolved(record: IncidentRecord) -> list[Fact]:
    """Return a person's Resolve as a trail fact, with how many alerts the person had seen; none without a Resolve."""
    live = record.live
    if live is None or live.resolved_by is None or live.resolved_at is None:
        return []
    facts = {"resolved_at": live.resolved_at.isoformat(), "seen": live.resolved_seen or 0}
    return [Fact(what="resolved", who=live.resolved_by, facts={**facts})]


def held(record: IncidentRecord) -> list[Fact]:
    """Return the hold that delayed the incident as a trail fact, with its early end, if any; none without a hold."""
    hold = record.classification.hold if record.classification else None
    if hold is None:
        return []
    facts: dict[str, str | int | float | bool | list[str]] = {"id": hold.id, "until": hold.until.isoformat()}
    if record.hold_ended_at is not None:
        facts |= {"ended_at": record.hold_ended_at.isoformat(), "because": record.hold_ended_because or ""}
    return [Fact(what="held", who=hold.by, facts=facts)]


def judged(feedback: Feedback) -> Fact:
    """Return a person's feedback on the verdict as a trail fact."""
    return Fact(what="judged", who=feedback.by, facts={"said": feedback.said, "severity": feedback.severity or ""})


def noted(note: Note) -> Fact:
    """Return a person's note as a trail fact, with only a digest of its text."""
    return Fact(what="noted", who=note.by, facts={"digest": sha256(note.text.encode()).hexdigest()})
