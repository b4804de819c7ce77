"""Tests that a secret in any field of any source's payload reaches no execution, table, model, message or log."""

import copy
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from evals.redaction.kinds import Seeded, personal, seeded
from firstline.channels import pagerduty, slack, sns
from firstline.channels.delivery import tell_all
from firstline.classification import prompt
from firstline.classification.classify import classify
from firstline.errors import UnreadablePayload
from firstline.models import (
    Evidence,
    Incident,
    IncidentRecord,
    NormalizedAlert,
    Notification,
    NotificationKind,
    StepResult,
)
from firstline.observability import logger
from firstline.policy.rules import NO_RULES
from firstline.sources import normalize_batch
from firstline.sources.deployments import deployment_from_request
from tests.support.depth import some
from tests.support.memory import MemoryChannel
from tests.unit.ingest.door import Door
from tests.unit.sources.events import event

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EVENTS = (
    "prometheus/firing",
    "grafana/firing",
    "grafana/legacy-alerting",
    "datadog/recommended-triggered",
    "datadog/foreign-nested",
    "pagerduty/triggered",
    "cloudwatch/sns-alarm",
    "cloudwatch/eventbridge-alarm",
    "generic/firing",
    "generic/foreign-trigger",
)
SECRETS = seeded(1)
OTHERS = [secret for secret in seeded(2) if "\n" not in secret.text]
# In pieces: a traceback quotes the line of code, too.
PASSWORD, TOKEN, ADDRESS = "hunter" + "22x", "a1b2c3d4" + "e5f6g7h8", "ada.l@" + "example.com"
KINDS_OF_MOMENTS: tuple[NotificationKind, ...] = ("paged", "needs_human", "closed")


class Table:
    """A store that collects what ingest writes and the executions that it starts."""

    def __init__(self) -> None:
        self.door = Door()
        self.store = self.door.store

    @property
    def incidents(self) -> list[Incident]:
        return [record.incident for record in self.store.records.values()]

    @property
    def alerts(self) -> list[NormalizedAlert]:
        return self.store.groups.written

    @property
    def stored(self) -> list[str]:
        return [json.dumps(item, default=str) for item in self.store.client.items()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Record the lines of Firstline's logger, and of the sources' logger, whose lines Lambda writes unchanged."""
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    plain = logging.StreamHandler(stream)
    logging.getLogger("firstline.sources").addHandler(plain)
    yield stream
    logging.getLogger("firstline.sources").removeHandler(plain)


def places(payload: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each text in a body."""
    match payload:
        case dict():
            for key, item in payload.items():
                yield from places(item, (*path, key))
        case list():
            for number, item in enumerate(payload):
                yield from places(item, (*path, number))
        case str():
            yield path


def put(payload: Any, path: tuple[Any, ...], text: str, *, after: bool) -> Any:
    """Return a copy of the body with the text at a path, after the text that is there or instead of it."""
    changed = copy.deepcopy(payload)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = f"{inner[path[-1]]} {text}" if after else text
    return changed


def body_of(name: str) -> Any:
    """Return an example body of a source; the JSON in an SNS `Message` is parsed, so that its fields can change."""
    body = event(name)
    if isinstance(body.get("Message"), str):
        body["Message"] = json.loads(body["Message"])
    return body


def sent(body: Any) -> Any:
    if isinstance(body.get("Message"), dict):
        return body | {"Message": json.dumps(body["Message"])}
    return body


def taken_in(source: str, body: Any) -> Table:
    """Return a table after ingest has accepted a body from an authenticated sender."""
    table = Table()
    try:
        batch = normalize_batch(source, sent(body), received_at=NOW)
    except UnreadablePayload as error:
        logger.error("quarantined from %s: %s", source, error)
        return table
    for part in batch.rejected:
        logger.error("quarantined from %s: %s", source, part.reason)
    table.door.accept(NOW, *batch.alerts)
    return table


def kept(table: Table) -> str:
    """Return everything that executions and the table receive, as text."""
    logs = [json.dumps(alert.raw_payload) for alert in table.alerts]
    states = [alert.model_dump_json() for alert in table.alerts]
    inputs = [incident.model_dump_json() for incident in table.incidents]
    return "\n".join([*inputs, *table.stored, *states, *logs])


def told(incident: Incident) -> str:
    """Return everything that a model is asked and that channels send, as text."""
    nothing = Evidence(same_name_last_hour=0, earlier=[], deployments=[], local_time=NOW, business_hours=True)
    verdict = classify(incident, evidence=nothing, rules=NO_RULES, offered=[], model=None, now=NOW)
    question = prompt.build(incident, evidence=nothing, offered=[], now=NOW)
    record = IncidentRecord(incident=incident, status="OPEN", alert_count=1, last_alert_at=NOW, classification=verdict)
    said: list[Any] = [question.data]
    for kind in KINDS_OF_MOMENTS:
        channel = MemoryChannel()
        tell_all(Notification(kind=kind, record=record, reason=verdict.summary, at=NOW), {"channel": channel})
        (heard,) = channel.told
        said += [slack.render(heard), slack.render_details(heard), pagerduty.render(heard), sns.render(heard)]
    return json.dumps(said, ensure_ascii=False)


EVERY_13TH = 13
"""The step between the kinds of secrets that one field gets: all kinds in all fields would take minutes."""


@pytest.mark.parametrize("name", EVENTS)
def test_no_field_of_any_source_lets_a_secret_through(name: str, lines: io.StringIO) -> None:
    source, body = name.split("/")[0], body_of(name)
    tried = opened = 0
    for number, path in some(enumerate(places(body)), begin=len(name)):
        # Each field gets every 13th kind, and its neighbour others; one after its text, the next instead of it.
        first_is_after = EVENTS.index(name) + number // EVERY_13TH
        for secret in SECRETS[number % EVERY_13TH :: EVERY_13TH]:
            table = taken_in(source, put(body, path, secret.text, after=(first_is_after + tried) % 2 == 0))
            tried += 1
            incidents = table.incidents
            opened += bool(incidents)
            assert not secret.leaks_into(kept(table)), (secret.kind, path)
            if tried % 7 == 0 and incidents:  # rendering all messages is slow, so only for some
                assert not secret.leaks_into(told(incidents[0])), (secret.kind, path)
            assert not secret.leaks_into(lines.getvalue()), (secret.kind, path)
            lines.seek(0)
            lines.truncate()
    assert opened > tried / 2, "most payloads must still open an incident, or nothing is tested"


@pytest.mark.parametrize("secret", [*SECRETS, *some(OTHERS)], ids=lambda secret: secret.kind)
def test_no_kind_of_secret_reaches_a_model_or_people(secret: Seeded) -> None:
    body = event("generic/firing") | {
        "alert_name": f"Login failed {secret.text}",
        "message": f"The log says:\n{secret.text}",
        "labels": {"note": secret.text, secret.text[:120]: "as a name", "password": secret.secret},
        "host": secret.text,
        "service": secret.text,
        "environment": secret.text,
        "url": f"https://logs.example.com/search?q={quote(secret.text)}",
    }
    table = taken_in("generic", body)
    (incident,) = table.incidents
    assert not secret.leaks_into(incident.incident_id)
    assert not secret.leaks_into(kept(table))
    assert not secret.leaks_into(told(incident))


@pytest.mark.parametrize("datum", personal(1), ids=lambda datum: datum.kind)
def test_personal_data_reaches_no_model_and_no_channel(datum: Seeded) -> None:
    body = event("generic/firing") | {
        "alert_name": f"Payment of {datum.text} failed",
        "message": f"customer {datum.text} cannot pay",
        "labels": {"customer": datum.text},
        "url": f"https://shop.example.com/?who={quote(datum.text)}",
    }
    (incident,) = taken_in("generic", body).incidents
    assert not datum.leaks_into(told(incident))


def test_an_alert_and_its_resolve_have_one_identity_although_their_secret_is_removed() -> None:
    body = event("generic/firing") | {"alert_name": "Login failed password=hunter22x", "fingerprint": None}
    (fired,) = normalize_batch("generic", body, received_at=NOW).alerts
    (resolved,) = normalize_batch("generic", body | {"status": "resolved"}, received_at=NOW).alerts
    (other,) = normalize_batch("generic", body | {"alert_name": "Login failed password=hunter33x"}).alerts
    assert (fired.fingerprint, fired.group_key) == (resolved.fingerprint, resolved.group_key)
    assert fired.group_key != other.group_key
    assert "hunter" not in fired.fingerprint + fired.group_key


def test_a_secret_in_place_of_a_pagerduty_id_is_in_no_key() -> None:
    body = event("pagerduty/triggered")
    body["event"]["data"]["id"] = "ghp_" + "a1B2" * 9
    (alert,) = normalize_batch("pagerduty", body, received_at=NOW).alerts
    assert "a1B2" not in alert.group_key + alert.fingerprint


def test_a_link_keeps_its_path_and_loses_its_secrets() -> None:
    body = event("generic/firing")
    for url, shown in (
        ("https://grafana.example.com/d/abc?orgId=1", "https://grafana.example.com/d/abc?orgId=1"),
        ("https://ada:hunter22x" + "@grafana.example.com/d/abc", "https://grafana.example.com/d/abc"),
        ("https://example.com/x?api_key=a1b2c3d4e5f6&y=1", "https://example.com/x"),
        ("https://hooks.slack.com/" + "services/T01/B01/abcdefgh", None),
    ):
        (incident,) = taken_in("generic", body | {"url": url}).incidents
        assert incident.alert.url == shown


def test_the_output_of_a_command_is_stored_without_its_secrets() -> None:
    result = StepResult(
        step_id="look",
        kind="diagnose",
        instance_id="i-1",
        command_id="c",
        status="Success",
        output="root 12 mysqld --password=hunter22x",
    )
    assert "hunter22x" not in result.model_dump_json()


def test_a_validation_error_does_not_quote_the_value() -> None:
    with pytest.raises(ValueError, match="incident_id") as raised:
        Incident.model_validate({"incident_id": "password=hunter22x !"})
    assert "hunter22x" not in str(raised.value)


def test_a_log_line_holds_no_secret_in_its_message_extras_or_traceback(lines: io.StringIO) -> None:
    text = f"redis://app:{PASSWORD}@cache:6379 refused {ADDRESS}"
    try:
        raise RuntimeError(text)
    except RuntimeError:
        logger.exception(
            "failed for password=hunter22x", extra={"token": "a1b2c3d4e5f6g7h8", "list": ["pwd=hunter22x"]}
        )
    line = json.loads(lines.getvalue().splitlines()[-1])
    assert line["level"] == "ERROR"
    assert "RuntimeError" in line["exception"]
    for secret in (PASSWORD, TOKEN, ADDRESS):
        assert secret not in lines.getvalue()


def test_a_deployment_is_stored_without_secrets() -> None:
    deployment = deployment_from_request(
        {
            "service": "shop password=hunter22x",
            "version": "ghp_" + "a1B2" * 9,
            "environment": "prod",
            "url": "https://ci.example.com/job?token=a1b2c3d4e5f6",
        },
        received_at=NOW,
    )
    assert deployment.url == "https://ci.example.com/job"
    assert "hunter22x" not in deployment.model_dump_json()
    assert "a1B2" not in deployment.model_dump_json()
