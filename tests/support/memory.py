"""Firstline's store and the other ports in memory, for tests.

The store is the real adapters over a DynamoDB in memory, so a test of anything above it rests on the real conditions.
A test makes it fail with `down` or `faults`, and lets others write in between with `meanwhile`.
"""

import json
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from samtranslator.yaml_helper import yaml_parse

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table, stamp
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.channels.delivery import Wakes
from firstline.errors import (
    ChannelFailed,
    DocumentUnreadable,
    ExecutionsUnavailable,
    HistoryUnavailable,
    ReleasesUnreadable,
)
from firstline.incidents.lifecycle import BadEnd, ExecutionState, execution_input, execution_name
from firstline.models import (
    Incident,
    IncidentRecord,
    Live,
    Location,
    NormalizedAlert,
    Notification,
    PlannedStep,
    RunbookRun,
    Target,
)
from firstline.remediation.locks import Lease
from firstline.remediation.plan import Resolution
from firstline.remediation.releases import ReleaseHistory
from firstline.remediation.steps import Document
from firstline.remediation.targets import OwnAccount
from firstline.runbooks import documents
from firstline.runbooks.model import Runbook
from tests.simulation.table import MemoryDynamoDB
from tests.support.builders import live_half
from tests.support.stored_records import Records, delete, keys

HASH = "0" * 64
"""The hash that Systems Manager in memory gives every document."""

SCRIPT = "#!/usr/bin/env bash\nset -euo pipefail\nlogrotate --force\n"

_LIVE_NAMES = {"acknowledged_at": "acked_at", "acknowledged_by": "acked_by"}
"""The fields of a live half that have another name in the record, by that name."""


@cache
def declared_mapping() -> list[dict[str, Any]]:
    """Return the filters that template.yaml puts on the table's stream."""
    template = (Path(__file__).parents[2] / "template.yaml").read_text(encoding="utf-8")
    filters = yaml_parse(template)["Resources"]["PublishChanges"]["Properties"]["FilterCriteria"]["Filters"]
    return [json.loads(declared["Pattern"]) for declared in filters]


@cache
def declared_table() -> dict[str, Any]:
    """Return the table's properties in template.yaml."""
    template = (Path(__file__).parents[2] / "template.yaml").read_text(encoding="utf-8")
    properties: dict[str, Any] = yaml_parse(template)["Resources"]["Table"]["Properties"]
    return properties


class MemoryStore:
    """The store of one stack. Each call of an adapter's method is noted in `calls`, and can be made to fail.

    Attributes
    ----------
    client
        The DynamoDB in memory, which counts the requests.
    table
        The table in it. It never waits between two tries.
    down
        Makes every call raise `HistoryUnavailable`.
    faults
        What the call of a method raises, by the method's name.
    meanwhile
        What happens once, just before the call of a method, by the method's name.
    records
        The incidents that are stored, by id. What is put there is stored as it is.
    """

    def __init__(self, *records: IncidentRecord) -> None:
        self.calls: list[str] = []
        self.down = False
        self.faults: dict[str, Exception] = {}
        self.meanwhile: dict[str, Callable[[], object]] = {}
        self.client = MemoryDynamoDB.from_template(declared_table(), name="memory")
        self.table = Table(cast("Any", self.client), "memory", sleep=lambda seconds: None)
        self.records: MutableMapping[str, IncidentRecord] = Records(self.table)
        self.incidents = cast("TableIncidents", _Watched(self, TableIncidents(self.table)))
        self.groups = cast("MemoryGroups", _Watched(self, MemoryGroups(self.table)))
        self.remediations = cast("MemoryRemediations", _Watched(self, MemoryRemediations(self.table)))
        self.trail = cast("TableTrail", _Watched(self, TableTrail(self.table)))
        self.heartbeats = cast("TableHeartbeats", _Watched(self, TableHeartbeats(self.table)))
        for record in records:
            self.put(record)

    def put(self, record: IncidentRecord) -> None:
        """Store a record over whatever was there; without a live half it gets the one that its fields tell of."""
        self.records[record.incident.incident_id] = record

    def admit(self, incident: Incident, **changes: Any) -> IncidentRecord:
        """Store an incident whose execution runs, unless it is stored already, and return what is stored."""
        fields: dict[str, Any] = {"status": "OPEN", "alert_count": incident.alert_count}
        record = IncidentRecord(incident=incident, last_alert_at=incident.opened_at, **fields | changes)
        return self.records.setdefault(incident.incident_id, record)

    @property
    def only(self) -> IncidentRecord:
        """Return the one incident that is stored."""
        (record,) = self.records.values()
        return record

    def told(self, incident_id: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Return what is on an incident's trail, oldest first, each with its facts."""
        return [(entry.what, entry.facts) for entry in TableTrail(self.table).entries(incident_id)]

    def change(self, incident_id: str, **changes: Any) -> IncidentRecord:
        """Write fields of an incident or of its live half, whatever they were, and return the record with them."""
        record = self.records[incident_id]
        own = {name: value for name, value in changes.items() if name in IncidentRecord.model_fields}
        lively = {_LIVE_NAMES.get(name, name): value for name, value in changes.items()}
        changed = record.model_copy(update=own)
        live = changed.live or live_half(changed)
        if "alert_count" in changes:
            live = live_half(changed)
        update = {name: value for name, value in lively.items() if name in Live.model_fields}
        self.put(changed.model_copy(update={"live": live.model_copy(update=update)}))
        return self.records[incident_id]

    def call(self, name: str, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call an adapter's method after what happens meanwhile, or raise what the test wants it to."""
        happens = self.meanwhile.pop(name, None)
        if happens:
            happens()
        self.calls.append(name)
        if self.down:
            raise HistoryUnavailable("the table is down")
        if name in self.faults:
            raise self.faults[name]
        return method(*arguments, **options)


class _Watched:
    """An adapter whose public methods are called through the store."""

    def __init__(self, store: MemoryStore, adapter: object) -> None:
        self._store = store
        self._adapter = adapter

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._adapter, name)
        return partial(self._store.call, name, attribute) if callable(attribute) else attribute


class MemoryGroups(TableGroups):
    """Groups of alerts in the table, and in `written` the new alerts as they came."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self.written: list[NormalizedAlert] = []

    def open(self, change: Any, *rest: Any) -> Live:
        live = super().open(change, *rest)
        self.written += change.new
        return live

    def apply(self, change: Any) -> Live:
        live = super().apply(change)
        self.written += change.new
        return live


class MemoryRemediations(TableRemediations):
    """Remediations in the table, with what a test wants to see of them."""

    @property
    def version(self) -> int:
        """Return how many remediations began or ended so far."""
        return int((self._table.get("REMEDIATION", "LEDGER") or {"version": 0})["version"])

    @property
    def held(self) -> dict[str, Lease]:
        """Return the remediations in progress, by incident."""
        ledger = self._table.get("REMEDIATION", "LEDGER") or {"held": {}}
        return {incident_id: Lease.from_stored(text) for incident_id, text in ledger["held"].items()}

    @property
    def runs(self) -> list[RunbookRun]:
        """Return the runs of all runbooks, in shadow or not."""
        runbooks = dict.fromkeys(pk for pk, _ in keys(self._table) if pk.startswith("RUNS#"))
        far = datetime.fromisoformat("1970-01-01T00:00:00Z")
        return [run for pk in runbooks for run in self._incidents.runs_since(pk.removeprefix("RUNS#"), far)]

    @property
    def locks(self) -> dict[str, tuple[str, datetime]]:
        """Return the holder of each lock, and the end of its lease."""
        items = [self._table.get(*key) for key in keys(self._table) if key[1] == "LOCK"]
        return {
            item["pk"].removeprefix("LOCK#"): (item["held_by"], datetime.fromisoformat(item["lease_until"]))
            for item in items
            if item is not None
        }

    def keep_runs(self, runs: Iterable[RunbookRun]) -> None:
        """Store runs with their outcome."""
        for run in runs:
            late: dict[str, Any] = {"outcome": run.outcome, "accepted": run.accepted}
            late |= {"ended_at": None if run.ended_at is None else stamp(run.ended_at)}
            item = {"pk": f"RUNS#{run.runbook_id}", "sk": f"{stamp(run.at)}#{run.incident_id}"}
            self._table.put(item | late | {"run": run.model_dump_json(exclude={"outcome", "ended_at", "accepted"})})

    def forget(self) -> None:
        """Remove all runs, locks and leases, as if nothing had ever been remediated."""
        for pk, sk in keys(self._table):
            if pk.startswith(("RUNS#", "LOCK#", "REMEDIATION")):
                delete(self._table, pk, sk)

    def begin_elsewhere(self) -> None:
        """Raise the ledger's version, as another incident's remediation does when it begins or ends."""
        held = {incident_id: lease.model_dump_json() for incident_id, lease in self.held.items()}
        self._table.put({"pk": "REMEDIATION", "sk": "LEDGER", "version": self.version + 1, "held": held})


@dataclass
class MemoryExecutions:
    """The state machine's executions: which were started, and what the waiting ones were told.

    Attributes
    ----------
    starts
        Every start that was asked for, by name with its input: starting again changes nothing.
    told
        Signals with who gave them.
    waiting
        Whether anything still waits on a task token.
    states
        How executions stand, by name; those that were started run.
    """

    starts: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    waiting: bool = True
    down: bool = False
    states: dict[str, ExecutionState] = field(default_factory=dict)

    @property
    def started(self) -> dict[str, str]:
        return dict(reversed(self.starts))

    def start(self, incident: Incident, generation: int) -> None:
        self._reach()
        name = execution_name(incident.incident_id, generation)
        self.starts.append((name, execution_input(incident, generation)))
        self.states.setdefault(name, "RUNNING")

    def signal(self, token: str, signal: str, by: str) -> bool:
        self._reach()
        self.tokens.append(token)
        self.told.append((signal, by))
        return self.waiting

    def describe(self, incident_id: str, generation: int) -> ExecutionState:
        self._reach()
        return self.states.get(execution_name(incident_id, generation), "UNKNOWN")

    def ended_badly(self, since: datetime) -> list[BadEnd]:
        self._reach()
        return []

    def incident_of(self, name: str) -> str | None:
        return name

    def _reach(self) -> None:
        if self.down:
            raise ExecutionsUnavailable("throttled")


@dataclass
class MemoryChannel:
    """A channel that keeps what it was told in `told`; before that, each call raises one of `failures`."""

    wakes: Wakes = "never"
    failures: list[ChannelFailed] = field(default_factory=list)
    silent: bool = False
    told: list[Notification] = field(default_factory=list)
    attempts: int = 0
    heard: bool = True
    said: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def tell(self, notification: Notification) -> bool:
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        if self.silent:
            return False
        self.told.append(notification)
        return True

    def has_subscriber(self) -> bool:
        return self.heard


def passing() -> ChannelFailed:
    """Return a channel's failure that another try may mend."""
    return ChannelFailed("503 for a moment", retryable=True)


def lasting() -> ChannelFailed:
    """Return a channel's failure that no other try mends."""
    return ChannelFailed("invalid_auth", retryable=False)


class MemoryDocuments:
    """Systems Manager after a deployment of runbooks. All scripts are the same text; None makes each unreadable."""

    def __init__(
        self, runbooks: Iterable[Runbook] = (), prefix: str = "firstline", *, script: str | None = SCRIPT
    ) -> None:
        self.text = script
        self.deployed = {
            documents.document_name(prefix, runbook, step_id, command): Document(
                version="3", content=documents.content(runbook, step_id, command), hash=HASH
            )
            for runbook in runbooks
            for step_id, command in runbook.commands()
        }

    def read(self, name: str, version: str | None = None) -> Document | None:
        document = self.deployed.get(name)
        return document if document and version in (None, document.version) else None

    def script(self, step: PlannedStep) -> str:
        if self.text is None:
            raise DocumentUnreadable(f"document {step.document}: AccessDenied")
        return self.text


@dataclass
class MemoryReleases:
    """The histories of releases by place. A place without one cannot be read."""

    places: dict[str, ReleaseHistory] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def of_group(self, application: str, deployment_group: str) -> ReleaseHistory:
        return self._of(f"{application}/{deployment_group}")

    def of_configuration(self, application: str, environment: str, profile: str) -> ReleaseHistory:
        return self._of(f"{application}/{environment}/{profile}")

    def _of(self, place: str) -> ReleaseHistory:
        self.asked.append(place)
        if place not in self.places:
            raise ReleasesUnreadable(f"AccessDenied on {place}")
        return self.places[place]


@dataclass
class MemoryTargets:
    """The hosts of a fleet by name."""

    hosts: dict[str, Target]
    fleet: int = 100
    windows: set[str] = field(default_factory=set)
    started: dict[str, datetime] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)

    def resolve(self, locations: Sequence[Location], here: OwnAccount) -> Resolution:
        hints = [location.hosts[0] for location in locations]
        self.asked.append(hints)
        unknown = [hint for hint in hints if hint not in self.hosts]
        if unknown:
            return Resolution(targets=[], problem=f"{unknown[0]} is nobody's name")
        windows = [self.hosts[hint].name for hint in hints if hint in self.windows]
        targets = [self.hosts[hint] for hint in hints]
        return Resolution(targets=targets, problem=None, windows=windows, started=self.started)

    def fleet_size(self) -> int:
        return self.fleet
