"""A fake of everything behind the front door, and helpers that send deliveries to the front door."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from firstline.errors import HistoryUnavailable, QuarantineUnavailable
from firstline.ingest.accept import AcceptedDelivery
from firstline.ingest.front_door import FrontDoor
from firstline.ingest.group_writer import AcceptedGroup
from firstline.ingest.quarantine import Backlog, Quarantined
from firstline.ingest.signals import SignalHandler
from firstline.models import Deployment, NormalizedAlert, Note
from tests.support.builders import NOON, OPENED, a_page, a_record, an_incident
from tests.support.memory import MemoryExecutions, MemoryStore

TOKEN = "s3cret-token"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"


class World:
    """A fake of ingestion, queues, secrets and certificates, which records what the front door hands over.

    `time_for` is the number of alerts of a delivery for which there is time; `secrets` holds the active secrets.
    """

    def __init__(self) -> None:
        self.alerts: list[NormalizedAlert] = []
        self.kept: list[Quarantined] = []
        self.queued: list[Backlog] = []
        self.time_for = 1_000_000
        self.received: list[datetime] = []
        self.within: list[float | None] = []
        self.store = MemoryStore(a_record(an_incident(incident_id="inc-1"), pages=[a_page()], paged_at=OPENED))
        self.confirmed: list[tuple[str, str]] = []
        self.table_is_down = False
        self.queue_is_down = False
        self.certificate: str | None = None
        self.secrets = {
            "sources/generic": (TOKEN,),
            "sources/prometheus": ("old", TOKEN),
            "sources/pagerduty": (TOKEN,),
            "sources/datadog": (TOKEN,),
            "sources/cloudwatch": (TOKEN, TOPIC),
            "sources/deployments": (TOKEN,),
        }

    def accept(
        self,
        alerts: Sequence[NormalizedAlert],
        now: datetime,
        *,
        received_at: datetime | None = None,
        within: float | None = None,
    ) -> AcceptedDelivery:
        if self.table_is_down:
            raise HistoryUnavailable("down")
        self.received.append(received_at or now)
        self.within.append(within)
        taken = alerts[: self.time_for]
        self.alerts.extend(taken)
        groups = [AcceptedGroup("incident-1", new=len(taken))] if taken else []
        return AcceptedDelivery(groups, list(alerts[self.time_for :]))

    def lines(self, name: str) -> tuple[str, ...]:
        return self.secrets.get(name, ())

    def keep(self, delivery: Quarantined) -> None:
        if self.queue_is_down:
            raise QuarantineUnavailable("down")
        self.kept.append(delivery)

    def queue(self, backlog: Backlog) -> None:
        if self.queue_is_down:
            raise QuarantineUnavailable("down")
        self.queued.append(backlog)

    def get(self, url: str) -> str:
        assert self.certificate is not None, f"nothing should fetch {url}"
        return self.certificate

    def confirm(self, topic_arn: str, token: str) -> None:
        self.confirmed.append((topic_arn, token))

    @property
    def deployments(self) -> list[Deployment]:
        return self.store.incidents.deployments_since(NOON - timedelta(days=1))

    @property
    def saved(self) -> list[Deployment]:
        """The recorded deployments of the last year; `deployments` has those of the last day."""
        return self.store.incidents.deployments_since(NOON - timedelta(days=365))

    @property
    def notes(self) -> list[Note]:
        return self.store.only.notes


def handle(world: World, event: dict[str, Any]) -> dict[str, Any] | None:
    """Hand a Lambda event to the front door at `NOON`; return its response."""
    fake: Any = world
    front_door = FrontDoor(
        ingestion=fake,
        incidents=world.store.incidents,
        signals=SignalHandler(world.store.incidents, MemoryExecutions(), world.confirm),
        secrets=world.lines,
        quarantine=world.keep,
        backlog=world.queue,
        certificates=world.get,
        heartbeats=world.store.heartbeats,
        is_heartbeat=lambda alert: alert.alert_name in ("Watchdog", "BackupAlive"),
    )
    return front_door.handle(event, NOON)


def post(
    world: World,
    path: str,
    body: bytes | str | object,
    *,
    token: str | None = TOKEN,
    method: str = "POST",
    **headers: str,
) -> tuple[int, dict[str, Any]]:
    """Send an HTTP request as API Gateway hands it to Lambda (format 2.0); return the status and the parsed body."""
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    sent = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    event = {
        "version": "2.0",
        "rawPath": path,
        "headers": sent,
        "requestContext": {"http": {"method": method, "path": path}},
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
    }
    response = handle(world, event)
    assert response is not None
    return response["statusCode"], json.loads(response["body"])


def firing(name: str = "DiskFull", **labels: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": name, "severity": "warning"} | labels,
        "annotations": {"summary": "it burns"},
        "startsAt": "2026-03-02T11:59:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
    }


def alertmanager(*alerts: Any) -> dict[str, Any]:
    return {"version": "4", "status": "firing", "receiver": "firstline", "groupLabels": {}, "alerts": list(alerts)}
