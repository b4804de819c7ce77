"""The audit trail: who or what decided, on which grounds, and with which result, in the order of events.

An incident's entries form a chain: each carries the hash of the one before, which reveals an entry that was changed,
removed or inserted later. A chain alone does not reveal a missing end. Therefore the hash of each entry is logged, too,
and the last entry of a closed incident says how it ended.
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
"""A verdict; a hold and its end; alerts that joined; a plan, or why there is none; a command's end on a host; a page;
the end of the last alert; the end of a remediation; the end of the incident; a person's action, with what proved who it
was; a person's decision; an acknowledgement; a person's Resolve; feedback on the verdict; a note of a person."""


class Fact(Frozen):
    """An event, and who or what caused it. Appending it twice leaves one entry."""

    what: What
    who: str
    facts: dict[str, str | int | float | bool | list[str]]


class Entry(Fact):
    """A fact in its place in the chain."""

    number: int = Field(ge=1)
    at: AwareDatetime
    previous: str
    hash: str


class Trail(Protocol):
    """The audit trails of all incidents. Both methods raise `HistoryUnavailable`."""

    def append(self, incident_id: str, facts: Sequence[Fact], at: datetime) -> None:
        """Write the facts that are not on the trail yet, in their order after its last entry."""

    def entries(self, incident_id: str) -> list[Entry]:
        """Return an incident's entries, oldest first, as they are stored."""


class Break(Frozen):
    """The entry at which a chain is broken: from there on nothing is proven."""

    number: int
    problem: str


BEGINNING = "0" * 64


def chained(incident_id: str, facts: Sequence[Fact], at: datetime, after: Entry | None) -> list[Entry]:
    """Turn facts into the next entries of an incident's chain."""
    entries: list[Entry] = []
    last = after
    for fact in facts:
        number, previous = (last.number + 1, last.hash) if last else (1, BEGINNING)
        loose = Entry(**fact.model_dump(), number=number, at=at, previous=previous, hash="")
        last = loose.model_copy(update={"hash": hash_of(incident_id, loose)})
        entries.append(last)
    return entries


def hash_of(incident_id: str, entry: Entry) -> str:
    """Hash an entry, its place, its incident and the hash of the one before with SHA-256."""
    body = entry.model_dump(mode="json", exclude={"hash"}) | {"incident_id": incident_id}
    return sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def first_break(incident_id: str, entries: Sequence[Entry]) -> Break | None:
    """Return the first break of the chain, or None if it is whole."""
    previous = BEGINNING
    for number, entry in enumerate(entries, 1):
        if entry.number != number:
            return Break(number=number, problem=f"entry {number} is missing: the next one is {entry.number}")
        if entry.previous != previous:
            return Break(number=number, problem=f"entry {number} does not follow the one before it")
        if hash_of(incident_id, entry) != entry.hash:
            return Break(number=number, problem=f"entry {number} is not what was written: its hash does not fit")
        previous = entry.hash
    return None


def happened_at(entry: Entry) -> datetime:
    """Return when an entry's event happened; an entry may be written later, with the next message to people."""
    for name in _TIMES:
        if isinstance(at := entry.facts.get(name), str):
            return datetime.fromisoformat(at)
    return entry.at


_TIMES = ("acted_at", "acknowledged_at", "resolved_at", "decided_at", "ran_at", "paged_at", "last_at", "ended_at")
"""The names under which facts say when they happened."""


def append_or_log(trail: Trail, incident_id: str, facts: Sequence[Fact], at: datetime) -> None:
    """Append facts to the trail, or log them if it cannot be written: people must not wait for the trail."""
    try:
        trail.append(incident_id, facts, at)
    except HistoryUnavailable:
        logger.exception("not on the trail", facts=[fact.model_dump() for fact in facts])


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
    """Return the plan as a trail fact."""
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
    """Return a trail fact that says why nothing runs: no runbook fits, the policy denies it, or it is in shadow."""
    facts = {"decision": decision, "reason": reason, "runbook_id": runbook_id, "policy_version": policy_version}
    return Fact(what="planned", who="policy", facts={**facts})


def decided(record: IncidentRecord) -> list[Fact]:
    """Return the decision on the plan as trail facts; none while it is open."""
    if record.decision is None or record.plan is None:
        return []
    facts = {"decision": record.decision, "plan_digest": record.plan.digest()}
    if record.decided_at:
        facts["decided_at"] = record.decided_at.isoformat()
    return [Fact(what="decided", who=record.decided_by or "somebody", facts={**facts})]


def ran(result: StepResult, plan: RemediationPlan | None) -> Fact:
    """Return how a command ended on a host. Of its output the trail has a digest; CloudWatch Logs has all of it."""
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
    """Return how many alerts have joined since the incident began, and when the last one did, as a trail fact."""
    live = record.live
    if live is None or live.joined <= record.incident.alert_count:
        return []
    return [
        Fact(what="joined", who="senders", facts={"joined": live.joined, "last_at": live.last_alert_at.isoformat()})
    ]


def all_ended(record: IncidentRecord) -> list[Fact]:
    """Return when the last alert of the incident ended, if none fires, as a trail fact."""
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
    """Return the newest acknowledgement as a trail fact, with the pages and the severity that it answers."""
    live = record.live
    if live is None or live.acked_at is None:
        return []
    facts = {"acknowledged_at": live.acked_at.isoformat(), "pages": live.acked_seq, "rank": live.acked_rank}
    return [Fact(what="acknowledged", who=live.acked_by or "somebody", facts={**facts})]


def resolved(record: IncidentRecord) -> list[Fact]:
    """Return a person's Resolve as a trail fact, with how many alerts the person had seen."""
    live = record.live
    if live is None or live.resolved_by is None or live.resolved_at is None:
        return []
    facts = {"resolved_at": live.resolved_at.isoformat(), "seen": live.resolved_seen or 0}
    return [Fact(what="resolved", who=live.resolved_by, facts={**facts})]


def held(record: IncidentRecord) -> list[Fact]:
    """Return the hold that delayed the incident, and its end before its time, as trail facts."""
    hold = record.classification.hold if record.classification else None
    if hold is None:
        return []
    facts: dict[str, str | int | float | bool | list[str]] = {"id": hold.id, "until": hold.until.isoformat()}
    if record.hold_ended_at is not None:
        facts |= {"ended_at": record.hold_ended_at.isoformat(), "because": record.hold_ended_because or ""}
    return [Fact(what="held", who=hold.by, facts=facts)]


def judged(word: Feedback) -> Fact:
    """Return a person's feedback on the verdict as a trail fact."""
    return Fact(what="judged", who=word.by, facts={"said": word.said, "severity": word.severity or ""})


def noted(note: Note) -> Fact:
    """Return a trail fact for a note; its words are on the record."""
    return Fact(what="noted", who=note.by, facts={"digest": sha256(note.text.encode()).hexdigest()})
