"""The same store three times: in memory, in moto's DynamoDB, and in Amazon's own DynamoDB Local."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from firstline.adapters.dynamodb.groups import TableGroups
from firstline.adapters.dynamodb.heartbeats import TableHeartbeats
from firstline.adapters.dynamodb.incidents import TableIncidents, incident_key
from firstline.adapters.dynamodb.remediations import TableRemediations
from firstline.adapters.dynamodb.table import Table, stamp
from firstline.adapters.dynamodb.trail import TableTrail
from firstline.incidents.audit_trail import Trail
from firstline.incidents.heartbeats import Heartbeats
from firstline.incidents.store import Groups, Incidents
from firstline.models import Incident
from firstline.remediation.plan import Remediations
from tests.integration.conftest import client_of, new_table
from tests.support.builders import open_for
from tests.support.memory import MemoryStore

type Change = Callable[..., object]
"""Writes fields of an incident as the state machine writes them: its task token, what it waits for."""

type Open = Callable[..., Incident]
"""Opens an incident for alerts of one group, as ingest does."""


@dataclass(frozen=True)
class Ports:
    """One store. `crowd` is how many writers at once it can serve in a test: moto is slow."""

    incidents: Incidents
    groups: Groups
    remediations: Remediations
    trail: Trail
    heartbeats: Heartbeats
    change: Change
    crowd: int


@pytest.fixture(params=["memory", "moto", "dynamodb-local"])
def ports(request: pytest.FixtureRequest) -> Iterator[Ports]:
    """Provide a store without incidents."""
    if request.param == "memory":
        store = MemoryStore()
        yield Ports(
            store.incidents, store.groups, store.remediations, store.trail, store.heartbeats, store.change, crowd=50
        )
        return
    client = client_of(request.param, request)
    table = new_table(client)
    yield ports_of(table, crowd=8 if request.param == "moto" else 50)
    client.delete_table(TableName=table.name)


@pytest.fixture
def incidents(ports: Ports) -> Incidents:
    return ports.incidents


@pytest.fixture
def groups(ports: Ports) -> Groups:
    return ports.groups


@pytest.fixture
def remediations(ports: Ports) -> Remediations:
    return ports.remediations


@pytest.fixture
def trail(ports: Ports) -> Trail:
    return ports.trail


@pytest.fixture
def heartbeats(ports: Ports) -> Heartbeats:
    return ports.heartbeats


@pytest.fixture
def change(ports: Ports) -> Change:
    return ports.change


@pytest.fixture
def opened(groups: Groups) -> Open:
    return partial(open_for, groups)


def ports_of(table: Table, crowd: int) -> Ports:
    def change(incident_id: str, **changes: Any) -> None:
        sets = ", ".join(f"#{name} = :{name}" for name in changes)
        values = {f":{name}": _plain(value) for name, value in changes.items()}
        table.update(*incident_key(incident_id), f"SET {sets}", values, names={f"#{name}": name for name in changes})

    return Ports(
        TableIncidents(table),
        TableGroups(table),
        TableRemediations(table),
        TableTrail(table),
        TableHeartbeats(table),
        change,
        crowd,
    )


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return stamp(value)
        case BaseModel():
            return json.dumps(value.model_dump(mode="json"))
    return value
