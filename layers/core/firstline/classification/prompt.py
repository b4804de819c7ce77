"""The prompt: instructions from a versioned file, and everything about the incident as one JSON document of data.

Nothing else reaches the model. Every text in the prompt is cleaned, redacted and cut; a test keeps the whole under
`MAX_DATA_CHARS`.

The evidence is packed up to `MAX_TOKENS`, the most important items first, and the items left out are counted. Each item
has a kind, a source and an age. Tokens are only estimated: tokenizers differ by model, and `tiktoken` loads its
vocabulary over the network, which a Lambda function cannot count on.
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
from firstline.classification.owner_tags import stated_by_tags
from firstline.models import EarlierIncident, Evidence, Incident, NormalizedAlert, SourceSeverity
from firstline.privacy.safe_text import safe_label, safe_line, safe_text
from firstline.text import shorten

MAX_DATA_CHARS = 40_000
"""The bound of the whole JSON document, which only text full of quotes reaches; a usual incident takes some 2,000."""

MAX_MESSAGE_CHARS = 2_000
MAX_NAME_CHARS = 128
MAX_NOTE_CHARS = 200
MAX_LABELS = 20
MAX_HOSTS = 10
MAX_RUNBOOKS = 10

MAX_TOKENS = 3_000
"""The bound of all items of evidence together. A long history reaches it; a first incident takes some 200."""

BYTES_PER_TOKEN = 3
"""The bytes that are counted as one token, on the safe side: a token of English JSON has about 4."""

MAX_EARLIER = 8
MAX_DEPLOYMENTS = 8
MAX_VOICES = 5
MAX_WINDOWS = 4
MAX_CHANGES = 5


ALERT = "alert"
"""The id by which a model's answer cites the alert itself as evidence."""


class Offered(Protocol):
    """A runbook whose `match` fits the alert: its id and its title, which are all that classification needs."""

    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """The two messages to a model (`system`, `data`), and the ids of runbooks and evidence that its answer may name.

    `version` is the version of the file with the instructions.
    """

    version: str
    system: str
    data: str
    runbook_ids: tuple[str, ...]
    evidence_ids: tuple[str, ...] = (ALERT,)


def build(incident: Incident, *, evidence: Evidence, offered: Sequence[Offered], now: datetime) -> Prompt:
    """Write the prompt for an incident; the same arguments give the same bytes."""
    version, system = _instructions()
    runbooks = offered[:MAX_RUNBOOKS]
    packed = pack(incident, evidence, now)
    items = {f"e{number}": item for number, item in enumerate(packed.items, 1)}
    document = {
        "alert": _alert(incident, stated_by_tags(incident, evidence, now)),
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
    """Return the version and the text of the prompt file with the instructions."""
    head, _, body = (Path(__file__).parent / "prompts" / "classify.md").read_text(encoding="utf-8").partition("\n---\n")
    return head.removeprefix("version:").strip(), body.strip()


def _alert(incident: Incident, tagged: SourceSeverity | None) -> dict[str, Any]:
    """Return the alert as data; a severity that a tag of the alarm states (`tagged`) is its source's word."""
    alert, labels = incident.alert, incident.alert.labels
    return {
        "source": _line(alert.source),
        "name": _line(alert.alert_name),
        "severity_said_by_source": alert.severity if alert.severity_stated else tagged,
        "severity_presumed": None if tagged else _presumed(alert),
        "message": safe_text(alert.message, MAX_MESSAGE_CHARS),
        **{name: _line(getattr(alert, name)) for name in ("host", "service", "environment", "region")},
        "labels": {_line(name): safe_label(name, labels[name], MAX_NOTE_CHARS) for name in sorted(labels)[:MAX_LABELS]},
    }


def _presumed(alert: NormalizedAlert) -> dict[str, Any] | None:
    if alert.presumed_from is None:
        return None
    return {"severity": alert.severity, "from_state": _line(alert.presumed_from)}


type Item = dict[str, Any]
"""One piece of evidence as data for the prompt: its kind (`what`), source, age and content."""


@dataclass(frozen=True, slots=True)
class Pack:
    """The items of evidence that fit into the prompt, most important first, and the number of items left out."""

    items: list[Item]
    left_out: int


def estimated_tokens(data: object) -> int:
    """Estimate how many tokens the data takes in the prompt, rounded up."""
    text = json.dumps(data, ensure_ascii=False)
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)


def pack(incident: Incident, evidence: Evidence, now: datetime, *, max_tokens: int = MAX_TOKENS) -> Pack:
    """Pack the evidence into `max_tokens`, most important first; what no longer fits is left out and counted."""
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
    """Yield every item of evidence with its worth, from 100 (the group's last incident) downwards.

    The more an item is worth, the earlier it is packed into the prompt.
    """
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
    """Yield the items about the affected resource, with their worth: error lines, state, metrics and changes."""
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
    """Return how long ago `then` was, rounded: `90 min`, `5 h` from 2 hours on, `3 days` from 48 hours on."""
    minutes = _minutes(then, now)
    if abs(minutes) < 120:
        return f"{minutes} min"
    return f"{round(minutes / 60)} h" if abs(minutes) < 48 * 60 else f"{round(minutes / 1_440)} days"


def _line(value: str | None, limit: int = MAX_NAME_CHARS) -> str | None:
    return None if value is None else safe_line(value, limit)


def _minutes(begin: datetime, end: datetime) -> int:
    return round((end - begin).total_seconds() / 60)
