"""The same store over a DynamoDB in memory, and in the one of `databases`: DynamoDB Local, or moto where that lacks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.adapters.dynamodb.live import live_key
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.errors import GroupChanged
from firstline.incidents.audit_trail import Trail
from firstline.incidents.groups import Groups
from firstline.incidents.heartbeats import Heartbeats
from firstline.incidents.store import Incidents
from firstline.models import Incident, IncidentRecord, Live, Outcome
from firstline.remediation.store import Remediations
from tests.integration.conftest import client_of, databases, new_table
from tests.support.builders import alert, at, open_for
from tests.support.changes import joining
from tests.support.memory import MemoryStore

CROWD = 20
"""The number of writers at once. Nearly all of them meet another one, and more would only wait longer."""

type Wait = Callable[..., None]
"""Lets an incident's execution wait, as the state machine writes it: for what, and with which task token."""

type Open = Callable[..., Incident]
"""Opens an incident for alerts of one group, as ingest does."""


@dataclass(frozen=True)
class Ports:
    """One store. `crowd` is how many writers at once it can serve in a test: moto is slow."""

    table: Table
    crowd: int

    @property
    def contended(self) -> TableGroups:
        """The groups of a table whose every transaction on a live half collides until it has shards."""
        return TableGroups(Table(cast("Any", Contended(self.table._client)), self.table.name, sleep=lambda _: None))

    def interrupted(self, operation: str, happens: Callable[[], object]) -> Table:
        """Return a table to which something happens just before the next call of an operation."""
        return Table(cast("Any", Interrupted(self.table._client, operation, happens)), self.table.name)


class Contended:
    """A client for which another transaction always has the live half of a group."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        """Collide if LIVE is in the transaction together with an alert."""
        keys = written_keys(request)
        alerts = any(sk.startswith("ALERT#") and pk.startswith("GROUP#") for pk, sk in keys)
        if not alerts or all(sk != "LIVE" for _, sk in keys):
            return self._client.transact_write_items(**request)
        raise conflict([sk == "LIVE" for _, sk in keys])


class Interrupted:
    """A client in which something happens once, just before the next call of an operation."""

    def __init__(self, client: Any, operation: str, happens: Callable[[], object]) -> None:
        self._client = client
        self._operation = operation
        self._happens: list[Callable[[], object]] = [happens]

    def __getattr__(self, name: str) -> Any:
        if name == self._operation and self._happens:
            self._happens.pop()()
        return getattr(self._client, name)


def at_once[T](count: int, work: Callable[[int], T]) -> list[T]:
    """Do so much of a work at the same moment."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def close_while_others_join(groups: Groups, incidents: Incidents, incident: Incident, crowd: int) -> int:
    """Let one in five close the incident and the others join it with one alert each; return how many joined."""

    def join_or_close(number: int) -> bool:
        if number % 5 == 4:
            known = live_of(incidents, incident).joined
            incidents.close(incident, 1, "resolved", "", [], at(3), joined=known)
            return False
        try:
            groups.apply(joining(incident, alert(fingerprint=f"new-{number}"), now=at(2)))
        except GroupChanged:
            return False
        return True

    return sum(at_once(crowd, join_or_close))


def assert_holds_all(incidents: Incidents, incident: Incident, joined: int) -> None:
    """Assert that both halves of an incident count every alert that joined, and are both open or both closed."""
    live, record = live_of(incidents, incident), record_of(incidents, incident)
    assert (record.alert_count, live.joined, live.firing) == (joined, joined, joined)
    assert record.status == ("OPEN" if live.open else "CLOSED")


def written_keys(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the keys of the items in a transaction."""
    writes = [next(iter(write.values())) for write in request["TransactItems"]]
    keys = [write.get("Key") or write["Item"] for write in writes]
    return [(key["pk"]["S"], key["sk"]["S"]) for key in keys]


def conflict(taken: Sequence[bool]) -> ClientError:
    """Return the error of a transaction, some of whose items another one has."""
    reasons = [{"Code": "TransactionConflict" if is_taken else "None"} for is_taken in taken]
    error = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
    return ClientError(cast("Any", error), "TransactWriteItems")


@pytest.fixture(params=["memory", *databases()])
def ports(request: pytest.FixtureRequest) -> Iterator[Ports]:
    """Provide a store without incidents."""
    if request.param == "memory":
        yield Ports(MemoryStore().table, crowd=CROWD)
        return
    client = client_of(request.param, request)
    table = new_table(client)
    yield Ports(table, crowd=8 if request.param == "moto" else CROWD)
    client.delete_table(TableName=table.name)


@pytest.fixture
def crowd(ports: Ports) -> int:
    return ports.crowd


@pytest.fixture
def incidents(ports: Ports) -> Incidents:
    return TableIncidents(ports.table)


@pytest.fixture
def groups(ports: Ports) -> Groups:
    return TableGroups(ports.table)


@pytest.fixture
def remediations(ports: Ports) -> Remediations:
    return TableRemediations(ports.table)


@pytest.fixture
def trail(ports: Ports) -> Trail:
    return TableTrail(ports.table)


@pytest.fixture
def heartbeats(ports: Ports) -> Heartbeats:
    return TableHeartbeats(ports.table)


@pytest.fixture
def opened(groups: Groups) -> Open:
    return partial(open_for, groups)


@pytest.fixture
def wait(ports: Ports) -> Wait:
    """Let an incident's execution wait, as the state machine writes it."""

    def write(incident: Incident, awaiting: str, token: str = "t-1") -> None:
        change, values = "SET task_token = :token, awaiting = :awaiting", {":token": token, ":awaiting": awaiting}
        ports.table.update(*live_key(incident.group_key), change, values)

    return write


def live_of(incidents: Incidents, incident: Incident) -> Live:
    """Return the live half of an incident's group as it stands now."""
    live = incidents.live(incident.group_key)
    assert live is not None
    return live


def record_of(incidents: Incidents, incident: Incident) -> IncidentRecord:
    """Return an incident as it stands now."""
    record = incidents.record(incident.incident_id)
    assert record is not None
    return record


def close(
    incidents: Incidents, incident: Incident, minutes: float, outcome: Outcome = "resolved", reason: str = "because"
) -> IncidentRecord:
    """Close an incident at a minute after noon, whatever it knew of."""
    record = record_of(incidents, incident)
    joined = record.live.joined if record.live else None
    closed = incidents.close(incident, None, outcome, reason, [], at(minutes), joined=joined)
    assert closed is not None
    return closed
