"""The trail of an incident as a timeline: one sentence for each entry. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from firstline.incidents.audit_trail import Entry, happened_at
from firstline.models import IncidentRecord
from firstline.text import one_line

MAX_LINE = 300


@dataclass(frozen=True)
class Moment:
    """One line of the timeline: a time, and what happened in a sentence."""

    at: datetime
    text: str


def timeline(record: IncidentRecord, entries: Sequence[Entry]) -> list[Moment]:
    """Return the timeline, oldest first: the opening, and a sentence for each entry of the audit trail."""
    incident = record.incident
    opened = one_line(f"Opened by {one_line(incident.first_alert, 120)} from {incident.alert.source}", MAX_LINE)
    places = record.plan.places if record.plan else {}
    told = [entry for entry in entries if entry.what != "acted" or entry.facts.get("does") in _ASKED]
    moments = [Moment(happened_at(entry), one_line(_sentence(entry, places), MAX_LINE)) for entry in told]
    return sorted([Moment(incident.opened_at, opened), *moments], key=lambda moment: moment.at)


_ASKED = {"escalate": "asked for the next level", "reopen": "said that it is not over"}
"""The actions of people that only an entry `acted` tells of. Other actions have an entry for their effect too."""


def _sentence(entry: Entry, places: Mapping[str, str]) -> str:
    write = _SENTENCES.get(entry.what)
    return write(entry.who, entry.facts, places) if write else f"{entry.what} by {entry.who}{_rest(entry.facts)}"


def _classified(who: str, facts: Mapping[str, Any], _: Mapping[str, str]) -> str:
    reasons = facts.get("reasons")
    why = f": {reasons[0]}" if isinstance(reasons, list) and reasons else ""
    return f"Judged {facts.get('severity', '?')} by {who}{why}"


def _planned(_: str, facts: Mapping[str, Any], __: Mapping[str, str]) -> str:
    runbook = facts.get("runbook_id") or "no runbook"
    decision = {"auto": "may run by itself", "approve": "asks for an approval"}.get(str(facts.get("decision")))
    return (
        f"{runbook} {decision}: {facts.get('reason', '')}" if decision else f"Nothing runs: {facts.get('reason', '')}"
    )


def _ran(_: str, facts: Mapping[str, Any], places: Mapping[str, str]) -> str:
    host = str(facts.get("instance_id", "?"))
    return f"{facts.get('step_id', '?')} on {places.get(host, host)}: {facts.get('status', '?')}"


def _paged(_: str, facts: Mapping[str, Any], __: Mapping[str, str]) -> str:
    through = facts.get("through")
    by = f" through {', '.join(map(str, through))}" if isinstance(through, list) and through else ""
    return f"Paged {facts.get('on_call') or 'the on-call'}{by}, page {facts.get('number', '?')}"


def _held(who: str, facts: Mapping[str, Any], _: Mapping[str, str]) -> str:
    because = facts.get("because")
    return f"The hold ended: {because}" if because else f"Held by {who} {facts.get('id', '')}"


_SENTENCES: dict[str, Callable[[str, Mapping[str, Any], Mapping[str, str]], str]] = {
    "classified": _classified,
    "planned": _planned,
    "decided": lambda who, facts, _: f"The plan was {facts.get('decision', 'decided on')} by {who}",
    "ran": _ran,
    "paged": _paged,
    "held": _held,
    "joined": lambda _, facts, __: f"Alerts joined: {facts.get('joined', '?')} in all",
    "ended": lambda _, __, ___: "Nothing fires any more",
    "acknowledged": lambda who, _, __: f"Acknowledged by {who}",
    "resolved": lambda who, _, __: f"Resolved by {who}",
    "acted": lambda who, facts, _: f"{who} {_ASKED[str(facts['does'])]}{_because(facts)}",
    "judged": lambda who, facts, _: f"{who} called the verdict {str(facts.get('said', '?')).replace('_', ' ')}",
    "noted": lambda who, _, __: f"{who} wrote a note",
    "over": lambda _, facts, __: f"The remediation ended: {facts.get('outcome', '?')}",
    "closed": lambda _, facts, __: f"Closed: {facts.get('outcome', '?')}. {facts.get('reason', '')}",
}


def _because(facts: Mapping[str, Any]) -> str:
    return f": {facts['reason']}" if facts.get("reason") else ""


def _rest(facts: Mapping[str, Any]) -> str:
    some = [f"{name} {value}" for name, value in facts.items() if isinstance(value, str | int) and value != ""]
    return f" ({', '.join(some)})" if some else ""
