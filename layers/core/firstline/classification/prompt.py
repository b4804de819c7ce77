"""The prompt: instructions from a versioned file, and everything about the incident as one JSON document of data.

Nothing else reaches the model. Every text in it is cleaned, redacted and cut, and the whole is bounded by the bounds of
its parts (a test keeps it under `MAX_DATA_CHARS`).

The evidence is a pack of bounded size: the most telling items come first, and those that do not fit are counted. Each
item has a kind, a source and an age. Sizes are in tokens, estimated: tokenizers differ by model, and `tiktoken` loads
its vocabulary over the network when first used, which a Lambda function cannot count on.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from firstline.classification import vital_signs
from firstline.classification.evidence import suspects
from firstline.models import EarlierIncident, Evidence, Incident
from firstline.privacy.safe import safe_label, safe_line, safe_text
from firstline.text import shorten

MAX_DATA_CHARS = 40_000
"""Only reached by text made of quotes; an honest incident takes some 2,000."""

MAX_MESSAGE_CHARS = 2_000
MAX_NAME_CHARS = 128
MAX_NOTE_CHARS = 200
MAX_LABELS = 20
MAX_HOSTS = 10
MAX_RUNBOOKS = 10

MAX_TOKENS = 3_000
"""The bound of all items together. A long history fills it; an honest first-time incident takes some 200."""

BYTES_PER_TOKEN = 3
"""The bytes of a token, on the safe side: English JSON has about 4; where a letter has 3 bytes, it is about a token."""

MAX_EARLIER = 8
MAX_DEPLOYMENTS = 8
MAX_VOICES = 5
MAX_WINDOWS = 4
MAX_CHANGES = 5


ALERT = "alert"
"""The id by which an answer cites what the alert itself says."""


class Offered(Protocol):
    """A runbook whose `match` fits the alert, as classification sees it."""

    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """Two messages, and the ids of runbooks and of evidence that an answer may name. `version` is the prompt file's."""

    version: str
    system: str
    data: str
    runbook_ids: tuple[str, ...]
    evidence_ids: tuple[str, ...] = ()


def build(incident: Incident, *, evidence: Evidence, offered: Sequence[Offered], now: datetime) -> Prompt:
    """Write the prompt for an incident; the same arguments give the same bytes."""
    version, system = _instructions()
    runbooks = offered[:MAX_RUNBOOKS]
    packed = pack(incident, evidence, now)
    items = {f"e{number}": item for number, item in enumerate(packed.items, 1)}
    document = {
        "alert": _alert(incident),
        "incident": {
            "minutes_open": _minutes(incident.opened_at, now),
            "alerts": incident.alert_count,
            "hosts": [_line(host) for host in incident.hosts[:MAX_HOSTS]],
            "is_storm_of_many_alerts": incident.storm,
            "is_flapping": incident.flapping,
        },
        "evidence": [{"id": name, **item} for name, item in items.items()],
        "evidence_left_out": packed.left_out,
        "evidence_that_could_not_be_read": [_line(gap, MAX_NOTE_CHARS) for gap in evidence.missing],
        "runbooks": [{"id": runbook.id, "title": shorten(runbook.title, MAX_NOTE_CHARS)} for runbook in runbooks],
    }
    data, runbook_ids = json.dumps(document, ensure_ascii=False), tuple(runbook.id for runbook in runbooks)
    return Prompt(version, system, data, runbook_ids, (ALERT, *items))


@cache
def _instructions() -> tuple[str, str]:
    """Read the prompt file's version and text."""
    head, _, body = (Path(__file__).parent / "prompts" / "classify.md").read_text(encoding="utf-8").partition("\n---\n")
    return head.removeprefix("version:").strip(), body.strip()


def _alert(incident: Incident) -> dict[str, Any]:
    alert, labels = incident.alert, incident.alert.labels
    return {
        "source": _line(alert.source),
        "name": _line(alert.alert_name),
        "severity_said_by_source": alert.severity if alert.severity_stated else None,
        "message": safe_text(alert.message, MAX_MESSAGE_CHARS),
        **{name: _line(getattr(alert, name)) for name in ("host", "service", "environment", "region")},
        "labels": {_line(name): safe_label(name, labels[name], MAX_NOTE_CHARS) for name in sorted(labels)[:MAX_LABELS]},
    }


type Item = dict[str, Any]
"""One piece of evidence as data for the prompt: its kind (`what`), source, age and content."""


@dataclass(frozen=True, slots=True)
class Pack:
    """The items of evidence that fit into the prompt, most telling first, and the number of those left out."""

    items: list[Item]
    left_out: int


def estimated_tokens(data: object) -> int:
    """Estimate how many tokens the data takes in the prompt, rounded up."""
    text = json.dumps(data, ensure_ascii=False)
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def pack(incident: Incident, evidence: Evidence, now: datetime, *, max_tokens: int = MAX_TOKENS) -> Pack:
    """Pack the most valuable evidence first until the prompt is full. Smaller items may follow one that did not fit."""
    kept: list[Item] = []
    left_out = len(evidence.earlier[MAX_EARLIER:]) + len(evidence.deployments[MAX_DEPLOYMENTS:])
    for _, item in sorted(_items(incident, evidence, now), key=lambda pair: -pair[0]):
        if (tokens := estimated_tokens(item)) <= max_tokens:
            kept.append(item)
            max_tokens -= tokens
        else:
            left_out += 1
    return Pack(kept, left_out)


def _items(incident: Incident, evidence: Evidence, now: datetime) -> Iterator[tuple[float, Item]]:
    """Yield every item with its worth: up to 100 for the outcomes of earlier incidents, least for the surroundings."""
    told: Item
    opened_at, culprits = incident.opened_at, suspects(incident, evidence)
    counts = {"last_hour": evidence.same_name_last_hour, "last_day": evidence.same_name_last_day}
    yield 96, _item("alerts of this name", "alert log", "0 min", counts)
    for window in evidence.maintenance[:MAX_WINDOWS]:
        told = {"by": _line(window.owner), "why": _line(window.reason, MAX_NOTE_CHARS)}
        yield 98, _item("declared maintenance", "rules", "0 min", told)
    for number, earlier in enumerate(evidence.earlier[:MAX_EARLIER]):
        how_old = age(earlier.opened_at, now)
        yield 100 - 5 * number, _item("earlier incident of this group", "history", how_old, _ended(earlier))
    for number, deployment in enumerate(evidence.deployments[:MAX_DEPLOYMENTS]):
        suspected = deployment in culprits
        told = {
            **{name: _line(getattr(deployment, name)) for name in ("service", "version", "environment")},
            "minutes_before_the_incident": _minutes(deployment.deployed_at, opened_at),
            "of_the_same_service": suspected,
        }
        if deployment.state is not None:
            told["state"] = deployment.state
        how_old = age(deployment.deployed_at, now)
        yield (94 if suspected else 40) - 3 * number, _item("deployment", "deployments", how_old, told)
    for number, similar in enumerate(evidence.similar):
        known, worth = similar.incident, 85 * similar.score - 3 * number
        told = {"alike": similar.score, "name": _line(known.alert_name), "service": _line(known.service)}
        # Its words, not its numbers: another group's host must not be taken for this one's.
        told |= _ended(known) | {"words": _line(known.template.partition(": ")[2], MAX_NOTE_CHARS)}
        yield worth, _item("similar incident", "history", age(known.opened_at, now), told)
    if (series := evidence.metric) is not None:
        values = [float(f"{value:.4g}") for value in series.values]
        told = {"metric": _line(series.label), "period_seconds": series.period_seconds, "values": values}
        yield 88, _item("metric", "CloudWatch", age(series.ends_at, now), told)
    yield from _around(evidence, now)
    if evidence.same_service is not None:
        yield 80, _item("alerts of this service", "alert log", "0 min", evidence.same_service.model_dump())
    if evidence.service_deployed_at is not None and not culprits:
        how_old = age(evidence.service_deployed_at, now)
        yield 50, _item("last deployment of this service", "deployments", how_old, {})
    told = {"local": evidence.local_time.strftime("%A %H:%M"), "business_hours": evidence.business_hours}
    yield 60, _item("time", "clock", "0 min", told)
    if evidence.topology:
        told = {name: safe_label(name, value, MAX_NAME_CHARS) for name, value in sorted(evidence.topology.items())}
        yield 45, _item("place", "labels", age(opened_at, now), told)


def _around(evidence: Evidence, now: datetime) -> Iterator[tuple[float, Item]]:
    """Yield the state of the affected resource, its metrics and what changed there."""
    told: Item
    resource = evidence.resource
    if evidence.log is not None and evidence.log.lines:
        lines = [
            {"line": line.shape, "times": line.times, "first": age(line.first_at, now)} for line in evidence.log.lines
        ]
        told = {"lines_masked": lines, "all_were_read": evidence.log.complete}
        yield 87, _item("error lines of the affected resource", "CloudWatch Logs", "0 min", told)
    if resource is None:
        return
    facts = {fact.name: fact.value for fact in resource.facts}
    told = {"resource": f"{resource.kind} {resource.id}", "state": resource.state, "facts": facts}
    yield 92, _item("state of the affected resource", "AWS", "0 min", told)
    if evidence.readings:
        told = {"metrics": [vital_signs.told(reading, resource.namespace) for reading in evidence.readings]}
        yield 90, _item("metrics of the affected resource", "CloudWatch", "0 min", told)
    for number, change in enumerate(evidence.changes[:MAX_CHANGES]):
        told = {"change": change.what, "by": change.who, "kinds": change.categories}
        yield 86 - 2 * number, _item("change of the affected resource", "AWS", age(change.at, now), told)


def _item(what: str, source: str, how_old: str, told: Item) -> Item:
    return {"what": what, "source": source, "age": how_old, **told}


def _ended(earlier: EarlierIncident) -> Item:
    told: Item = {
        "lasted_minutes": _minutes(earlier.opened_at, earlier.closed_at),
        "severity": earlier.severity,
        "ended": earlier.outcome,
        "runbook": _line(earlier.runbook_id),
        "note": _line(earlier.outcome_reason or "", MAX_NOTE_CHARS),
    }
    if earlier.feedback:
        told["people_say"] = [word.severity or word.said for word in earlier.feedback[:MAX_VOICES]]
    if earlier.feedback and earlier.blamed_deployment:
        told["a_deployment_was_blamed"] = True
    if earlier.note:
        told["what_fixed_it"] = _line(earlier.note, MAX_NOTE_CHARS)
    return told


def age(then: datetime, now: datetime) -> str:
    """Write how long ago something was, in the unit that people would use."""
    minutes = _minutes(then, now)
    if abs(minutes) < 120:
        return f"{minutes} min"
    return f"{round(minutes / 60)} h" if abs(minutes) < 48 * 60 else f"{round(minutes / 1_440)} days"


def _line(value: str | None, limit: int = MAX_NAME_CHARS) -> str | None:
    return None if value is None else safe_line(value, limit)


def _minutes(begin: datetime, end: datetime) -> int:
    return round((end - begin).total_seconds() / 60)
