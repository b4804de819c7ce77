"""The front door: takes deliveries over HTTP, from EventBridge, from SNS and from Firstline's queues, and answers them.

| delivery | answer |
|---|---|
| accepted, or understood and ignored | 202 |
| too much to write while its sender waits | 202: the alerts that are `queued` are written a moment later |
| authenticated, but unreadable | 202 `quarantined`: kept, and an incident opens; on a 4xx PagerDuty would unsubscribe |
| wrong or no credentials, or a source without a secret | 401 |
| an unknown source or path | 404, with the known ones |
| a write failed | 503: the sender tries again |

API Gateway itself answers 413 to what Lambda cannot take: bodies of more than about 6 MB, or 4.5 MB if they are not
text. AWS authenticates events that come without HTTP; an error on them is raised, so that Lambda tries again.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from firstline import sources
from firstline.errors import (
    CertificateUnavailable,
    ConfirmationFailed,
    FirstlineError,
    HistoryUnavailable,
    QuarantineUnavailable,
    Unauthenticated,
    UnknownSource,
    UnreadablePayload,
)
from firstline.incidents.store import Incidents
from firstline.ingest.accept import WRITE_WITHIN, AcceptedDelivery, Ingestion
from firstline.ingest.quarantine import Backlog, Quarantined, unpack, unpack_backlog
from firstline.ingest.signals import SignalHandler
from firstline.models import NormalizedAlert
from firstline.observability import logger, metrics
from firstline.sources.body import parse_body

if TYPE_CHECKING:
    from firstline.incidents.heartbeats import Heartbeats

type Response = dict[str, Any]


@dataclass(frozen=True)
class FrontDoor:
    """The handler of deliveries, with the parts that process them.

    Parameters
    ----------
    signals
        Acts on the messages of a payload that are no alerts.
    secrets
        Returns the active values of a secret by its name; an empty tuple if the secret is not set.
    quarantine
        Stores a delivery that cannot be read.
    backlog
        Stores alerts for which there was no time, so that they are written a moment later.
    certificates
        Returns a signing certificate of SNS as PEM text, by its address.
    is_heartbeat
        Returns True if an alert is a declared heartbeat: its arrival opens no incident, but its absence does.
    """

    ingestion: Ingestion
    incidents: Incidents
    signals: SignalHandler
    secrets: Callable[[str], tuple[str, ...]]
    quarantine: Callable[[Quarantined], None]
    backlog: Callable[[Backlog], None]
    certificates: Callable[[str], str]
    heartbeats: "Heartbeats"
    is_heartbeat: Callable[[NormalizedAlert], bool]

    def handle(self, event: Mapping[str, Any], now: datetime) -> Response | None:
        """Handle one Lambda event; return the response to an HTTP request, and None for any other event."""
        if "rawPath" in event:
            return self._answer(event, now)
        if "Records" not in event:
            self._record_deployment(event, now)
            self._accept_from_aws(event, now)
        else:
            self._take_records(event["Records"], now)
        return None

    # --- over HTTP --------------------------------------------------------------------------------------------------

    def _answer(self, event: Mapping[str, Any], now: datetime) -> Response:
        try:
            return self._route(event, now)
        except UnknownSource:
            known = list(sources.SOURCES)
            return _response(404, status="unknown source", known_sources=known, path="POST /alerts/<source>")
        except Unauthenticated as error:
            metrics.add_metric("Unauthenticated", "Count", 1)
            # The answer says it, and a stranger must not be able to fill the log.
            logger.debug("refused: %s", error)
            return _response(401, status="unauthenticated", reason=str(error))
        except (HistoryUnavailable, QuarantineUnavailable, CertificateUnavailable, ConfirmationFailed) as error:
            logger.exception("the delivery to %s was answered with 503: its sender has to try again", event["rawPath"])
            return _response(503, status="unavailable", reason=type(error).__name__)

    def _route(self, event: Mapping[str, Any], now: datetime) -> Response:
        method, path = event["requestContext"]["http"]["method"], event["rawPath"].rstrip("/")
        headers, body = event.get("headers") or {}, _body(event)
        match (method, path.split("/")[1:]):
            case ("POST" | "PUT", [*_, "alerts", source]):
                return self._take_alerts(source, headers, body, now)
            case ("POST", [*_, "deployments"]):
                return self._take_deployment(headers, body, now)
        return _response(404, status="unknown path", known=["POST /alerts/<source>", "POST /deployments"])

    def _take_alerts(self, source: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Response:
        if source not in sources.READERS:
            raise UnknownSource(source)
        secrets = self.secrets(f"sources/{source}")
        content_type = headers.get("content-type", "")
        try:
            sources.authenticate(
                source, headers=headers, body=body, secrets=secrets, now=now, certificate=self.certificates
            )
            return self._accept(source, parse_body(body, content_type), headers, now, secrets, within=WRITE_WITHIN)
        except UnreadablePayload as error:
            return self._quarantine(Quarantined(source, str(error), body, content_type, now), now)

    def _accept(
        self,
        source: str,
        payload: Any,
        headers: Mapping[str, str],
        now: datetime,
        secrets: tuple[str, ...] = (),
        *,
        received_at: datetime | None = None,
        within: float | None = None,
    ) -> Response:
        for signal in sources.signals(source, payload, secrets):
            self.signals.take(signal, now)
        received = received_at or now
        batch = sources.normalize_batch(source, payload, headers=headers, received_at=received)
        if batch.unknown_severities:
            metrics.add_metric("UnknownSeverity", "Count", len(batch.unknown_severities))
        alerts: list[NormalizedAlert] = []
        heartbeats = list(filter(self.is_heartbeat, batch.heartbeats))
        for alert in batch.alerts:
            (heartbeats if self.is_heartbeat(alert) else alerts).append(alert)
        # Each part of the delivery is taken in, whatever becomes of the others.
        failures: list[FirstlineError] = []
        all_of_them = [*alerts, *batch.ends_elsewhere]
        accepted = _attempt(lambda: self._write(all_of_them, now, received, within), failures) or AcceptedDelivery()
        _attempt(lambda: self._beat(heartbeats, received), failures)
        _attempt(lambda: self._keep_rejected(source, batch, received, now), failures)
        if failures:
            raise failures[0]
        _count(batch, accepted)
        return _response(
            202,
            status="accepted" if batch.alerts else "ignored",
            alert_count=len(batch.alerts),
            incidents=accepted.incident_ids,
            queued=len(accepted.left),
            quarantined=len(batch.rejected),
            ignored=batch.ignored,
        )

    def _write(
        self, alerts: Sequence[NormalizedAlert], now: datetime, received_at: datetime, within: float | None
    ) -> AcceptedDelivery:
        accepted = self.ingestion.accept(alerts, now, received_at=received_at, within=within)
        if accepted.left:
            self.backlog(Backlog(received_at, accepted.left))
            metrics.add_metric("AlertsQueued", "Count", len(accepted.left))
        return accepted

    def _keep_rejected(self, source: str, batch: sources.Batch, received_at: datetime, now: datetime) -> None:
        if batch.rejected:
            reasons = "; ".join(dict.fromkeys(part.reason for part in batch.rejected))[:1_000]
            kept = json.dumps(batch.unread, default=str).encode(errors="replace")
            self._quarantine(Quarantined(source, reasons, kept, "application/json", received_at), now)

    def _beat(self, heartbeats: Sequence[NormalizedAlert], received_at: datetime) -> None:
        refused = [heartbeat for heartbeat in heartbeats if not self.heartbeats.beat(heartbeat, received_at)]
        if heartbeats:
            metrics.add_metric("HeartbeatsTaken", "Count", len(heartbeats) - len(refused))
        if refused:
            from firstline.policy.heartbeats import too_many

            metrics.add_metric("HeartbeatsRefused", "Count", len(refused))
            logger.error(too_many(refused), extra={"first": refused[0].fingerprint})

    def _take_deployment(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Response:
        from firstline.sources.deployments import read_deployments

        secrets = self.secrets("sources/deployments")
        sources.authenticate("deployments", headers=headers, body=body, secrets=secrets, now=now)
        content_type = headers.get("content-type", "")
        try:
            report = read_deployments(parse_body(body, content_type), headers=headers, received_at=now)
        except UnreadablePayload as error:
            return _response(422, status="unreadable", reason=str(error))
        for deployment in report.deployments:
            self.incidents.save_deployment(deployment)
        if not report.deployments:
            return _response(202, status="ignored", ignored=report.ignored)
        last = report.deployments[-1]
        return _response(202, status="recorded", service=last.service, version=last.version, state=last.state)

    def _quarantine(self, delivery: Quarantined, now: datetime) -> Response:
        from firstline.ingest.unreadable import group_of, unreadable

        self.quarantine(delivery)
        metrics.add_metric("Quarantined", "Count", 1)
        logger.error("a message of %s is unreadable and in the quarantine: %s", delivery.source, delivery.reason)
        alert = unreadable(delivery, now, self.incidents.live(group_of(delivery.source)))
        told = self.ingestion.accept([alert], now).incident_ids
        return _response(202, status="quarantined", alert_count=0, incidents=told, reason=delivery.reason)

    # --- from AWS itself --------------------------------------------------------------------------------------------

    def _record_deployment(self, event: Mapping[str, Any], now: datetime) -> None:
        """Record the deployment that an EventBridge event reports, if any."""
        from firstline.sources.deployments import deployment_from_event

        try:
            deployment = deployment_from_event(event, received_at=now)
        except UnreadablePayload as error:
            logger.warning("an EventBridge event about a deployment is not recorded: %s", error)
        else:
            if deployment is not None:
                self.incidents.save_deployment(deployment)

    def _take_records(self, records: Sequence[Mapping[str, Any]], now: datetime) -> None:
        """Accept the records that Lambda read from SNS or from one of Firstline's own queues.

        The backlog queue holds alerts that are not written yet. The quarantine queue holds unreadable deliveries and
        failed events, and a person has sent them to ingest again.
        """
        messages = []
        for record in records:
            if record.get("EventSource") == "aws:sns":
                self._accept_from_aws(record["Sns"], now)
            else:
                messages.append(json.loads(record["body"]))
        deliveries, others = unpack(messages)
        for kept in deliveries:
            payload = parse_body(kept.body, kept.content_type)
            self._accept(kept.source, payload, {}, now, received_at=kept.received_at)
        for message in others:
            backlog = unpack_backlog(message)
            if backlog is not None:
                self.ingestion.accept(backlog.alerts, now, received_at=backlog.received_at)
            else:
                # An event that Lambda gave up on (wrapped in its report), or that EventBridge could not deliver.
                self.handle(message.get("requestPayload", message), now)

    def _accept_from_aws(self, message: Mapping[str, Any], now: datetime) -> None:
        """Accept a message that AWS delivered, as the source cloudwatch; put it into quarantine if it is unreadable."""
        body, content_type = json.dumps(message).encode(), "application/json"
        try:
            self._accept("cloudwatch", parse_body(body, content_type), {}, now)
        except UnreadablePayload as error:
            self._quarantine(Quarantined("cloudwatch", str(error), body, content_type, now), now)


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(text).encode(errors="surrogatepass")
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


def _attempt[Result](take: Callable[[], Result], failures: list[FirstlineError]) -> Result | None:
    """Return the result of `take`; if the table or queue is unavailable, add the error to `failures`, return None."""
    try:
        return take()
    except (HistoryUnavailable, QuarantineUnavailable) as error:
        failures.append(error)
        return None


def _count(batch: sources.Batch, accepted: AcceptedDelivery) -> None:
    metrics.add_metric("AlertsAccepted", "Count", len(batch.alerts))
    # An end that is not of an incident is no duplicate of anything there.
    duplicates = sum(group.duplicates for group in accepted.groups) - len(batch.ends_elsewhere)
    metrics.add_metric("AlertsDuplicate", "Count", max(0, duplicates))
    metrics.add_metric("AlertsInStorm", "Count", sum(group.in_storm for group in accepted.groups))


def _response(status_code: int, **answer: Any) -> Response:
    headers = {"content-type": "application/json"}
    return {"statusCode": status_code, "headers": headers, "body": json.dumps(answer)}
