"""Senders of test alerts. Each sends as the real sender does: to the same address, with the same token."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from firstline.models import TEST
from firstline.text import one_line
from firstline_cli.console import AWS_FAILED, REFUSED, UNKNOWN, USAGE, refusal
from firstline_cli.doctor.findings import client, secret
from firstline_cli.environments import comes_by_event

if TYPE_CHECKING:
    from firstline_cli.stacks import Stack

TIMEOUT_SECONDS = 35
type Status = Literal["firing", "resolved"]


@dataclass(frozen=True)
class TestAlert:
    """An alert that is marked as a test. It has a service of its own, so it joins no real incident."""

    __test__ = False

    key: str
    severity: str
    message: str
    name: str = ""
    host: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The alert's name; by default `Firstline test <key>`, with the key that only this test has."""
        return self.name or f"Firstline test {self.key}"

    @property
    def service(self) -> str:
        """The service that the alert names, which no other alert has: so it joins no other incident."""
        return f"firstline-test-{self.key}"

    def all_labels(self) -> dict[str, str]:
        """Return the alert's labels, with the one that marks it as a test."""
        return {**self.labels, TEST: self.key}


class Sender(Protocol):
    """A way to send a test alert to Firstline."""

    place: str

    def send(self, alert: TestAlert, status: Status) -> str | None:
        """Send the alert as firing or resolved; return the id of its incident, or None if it does not become known."""

    def forget(self, alert: TestAlert) -> None:
        """Remove everything that `send` created."""


class Webhook:
    """A sender that posts JSON to Firstline's API, as Prometheus or a script does, with the source's token."""

    def __init__(self, source: str, url: str, token: str) -> None:
        self.place = url
        self._body = BODIES[source]
        self._token = token

    def send(self, alert: TestAlert, status: Status) -> str | None:
        """Post the alert; return the id of its incident or None if the answer has none; end the command if refused."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        body = json.dumps(self._body(alert, status)).encode()
        request = urllib.request.Request(self.place, data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                said = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                why = one_line(error.read(500).decode(errors="replace"), 300)
            raise refusal(f"{self.place} answered {error.code}: {why}", REFUSED) from None
        except (OSError, ValueError) as error:
            raise refusal(f"{self.place} does not answer ({error}).", AWS_FAILED) from None
        incidents: list[str] = said.get("incidents") or []
        return incidents[0] if incidents else None

    def forget(self, alert: TestAlert) -> None:
        """Do nothing, because a webhook creates nothing."""


class CloudWatch:
    """A sender that creates an alarm in CloudWatch and sets its state; EventBridge brings it to Firstline."""

    place = "CloudWatch"

    def __init__(self, cloudwatch: Any) -> None:
        self._client = cloudwatch

    def send(self, alert: TestAlert, status: Status) -> str | None:
        """Set the alarm's state, and create the alarm first if it is to fire; return None, for no id is known."""
        if status == "firing":
            self._client.put_metric_alarm(
                AlarmName=alert.title,
                AlarmDescription=f"Severity: {alert.severity}. {alert.message}",
                Namespace="FirstlineTest",
                MetricName="Test",
                Dimensions=[{"Name": name, "Value": value} for name, value in alert.all_labels().items()],
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="ignore",
                ActionsEnabled=False,
            )
        state = {"firing": "ALARM", "resolved": "OK"}[status]
        self._client.set_alarm_state(AlarmName=alert.title, StateValue=state, StateReason="firstline test")
        return None

    def forget(self, alert: TestAlert) -> None:
        """Delete the alarm."""
        self._client.delete_alarms(AlarmNames=[alert.title])


def sender_of(stack: "Stack", source: str) -> Sender:
    """Return the test sender for a source, or for the first open one if `source` is empty.

    End the command if this source cannot be tested or is not open, or if none is open.
    """
    if source and source not in (*BODIES, "cloudwatch"):
        raise refusal(f"The source {source!r} cannot be tested; write {', '.join(BODIES)} or cloudwatch.", USAGE)
    for name in [source] if source else [*BODIES, "cloudwatch"]:
        if name == "cloudwatch":
            if comes_by_event(stack.parameters, "cloudwatch") and not stack.is_local:
                return CloudWatch(client(stack, "cloudwatch"))
        elif token := secret(stack, f"sources/{name}"):
            # A source may have two tokens while one of them is rotated.
            return Webhook(name, f"{stack.api_url}/alerts/{name}", token.splitlines()[0].strip())
    closed = f"The source {source} is closed" if source else f"None of {', '.join(BODIES)} and cloudwatch is open"
    raise refusal(f"{closed}; to open it: firstline init --sources {source or 'generic'}", UNKNOWN)


def _generic(alert: TestAlert, status: Status) -> dict[str, Any]:
    return {
        "alert_name": alert.title,
        "status": status,
        "severity": alert.severity,
        "message": alert.message,
        "host": alert.host,
        "service": alert.service,
        "labels": alert.all_labels(),
        "fingerprint": f"firstline-test-{alert.key}",
    }


def _prometheus(alert: TestAlert, status: Status) -> dict[str, Any]:
    labels = {
        "alertname": alert.title,
        "severity": alert.severity,
        "service": alert.service,
        **({"instance": alert.host} if alert.host else {}),
        **alert.all_labels(),
    }
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sent = {"status": status, "labels": labels, "annotations": {"summary": alert.message}, "startsAt": now}
    sent |= {"endsAt": now if status == "resolved" else "0001-01-01T00:00:00Z", "fingerprint": f"test{alert.key}"}
    return {"version": "4", "status": status, "receiver": "firstline", "alerts": [sent]}


BODIES: dict[str, Callable[[TestAlert, Status], dict[str, Any]]] = {"prometheus": _prometheus, "generic": _generic}
"""The functions that make the body of a request, by source."""
