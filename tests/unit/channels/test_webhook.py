"""Signed webhooks: what they say, their id, and a signature that a receiver can check with what the guide shows."""

import re
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from firstline.channels.webhook import digest_of, headers, keys_of, render
from firstline.errors import ConfigurationError
from firstline.models import Notification
from firstline.models.event import WebhookMessage
from tests.support.builders import (
    CONSOLE,
    INCIDENT_ID,
    NOW,
    a_notification,
    a_page,
    a_record,
    a_waiting_record,
    hostile_notification,
)

GUIDE = Path(__file__).parents[3] / "docs" / "channels" / "webhook.md"
SECRET, OLD_SECRET = (f"whsec_{b64encode(bytes([byte]) * 32).decode()}" for byte in (7, 8))
BODY = b'{"type": "incident.paged"}'


def message(notification: Notification | None = None) -> WebhookMessage:
    return render(notification or a_notification(), stack="firstline", execution_url=CONSOLE)


def receiver() -> Any:
    """The function that the guide tells receivers to use."""
    (code,) = re.findall(r"```python\n(.+?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # the guide's own code
    return names["verified"]


def test_the_message_of_a_page_has_the_page_the_plan_and_the_incidents_facts() -> None:
    said = message(a_notification("paged", a_waiting_record(pages=[a_page(seq=2, level=1)]), "Nobody answered."))
    assert (said.type, said.kind, said.reason) == ("incident.paged", "paged", "Nobody answered.")
    assert said.page is not None
    assert said.plan is not None
    assert (said.page.number, said.page.level, said.plan.decision) == (2, 1, "approve")
    assert (said.incident.id, said.incident.title) == (INCIDENT_ID, "DiskFull on web-1")
    assert said.incident.link == f"{CONSOLE}:{INCIDENT_ID}"


@pytest.mark.parametrize("kind", ["paged", "closed", "changed"])
def test_hostile_text_fits_the_schema_and_adds_no_link(kind: str) -> None:
    said = message(hostile_notification(kind))
    assert len(said.model_dump_json()) < 40_000
    assert said.incident.alert_url is None


def test_the_id_is_the_same_for_the_same_message_and_another_for_the_next() -> None:
    first = a_notification()
    again = first.model_copy(update={"at": NOW + timedelta(minutes=5)})
    closed = a_notification("closed", a_record(status="CLOSED", outcome="resolved", closed_at=NOW))
    assert digest_of(message(first)) == digest_of(message(again)) != digest_of(message(closed))


def test_the_code_in_the_guide_accepts_a_signed_message() -> None:
    signed = headers("msg_1", BODY, keys_of([SECRET]), NOW)
    assert receiver()(BODY, signed, SECRET, NOW.timestamp()) == {"type": "incident.paged"}


def test_while_a_secret_is_rotated_a_receiver_with_either_accepts_a_message() -> None:
    signed = headers("msg_1", BODY, keys_of([SECRET, OLD_SECRET]), NOW)
    for secret in (SECRET, OLD_SECRET):
        assert receiver()(BODY, signed, secret, NOW.timestamp())


@pytest.mark.parametrize(
    ("body", "changes", "secret", "later"),
    [
        pytest.param(BODY + b" ", {}, SECRET, 0, id="another body"),
        pytest.param(BODY, {"webhook-id": "msg_2"}, SECRET, 0, id="another id"),
        pytest.param(BODY, {"webhook-timestamp": str(int(NOW.timestamp()) + 1)}, SECRET, 0, id="another time"),
        pytest.param(BODY, {"webhook-signature": "v1,"}, SECRET, 0, id="no signature"),
        pytest.param(BODY, {}, OLD_SECRET, 0, id="another secret"),
        pytest.param(BODY, {}, SECRET, 301, id="more than five minutes old"),
        pytest.param(BODY, {}, SECRET, -301, id="from the future"),
    ],
)
def test_the_code_in_the_guide_refuses_a_changed_old_or_unsigned_message(
    body: bytes, changes: dict[str, str], secret: str, later: int
) -> None:
    signed = headers("msg_1", BODY, keys_of([SECRET]), NOW) | changes
    with pytest.raises(ValueError, match="webhook"):
        receiver()(body, signed, secret, NOW.timestamp() + later)


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        pytest.param((), "no key", id="no secret"),
        pytest.param(("hunter2",), "24 bytes", id="no prefix"),
        pytest.param(("whsec_!!!",), "24 bytes", id="no base64"),
        pytest.param(("whsec_c2hvcnQ=",), "24 bytes", id="too short"),
    ],
)
def test_a_bad_signing_key_is_refused_without_quoting_it(secrets: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        keys_of(secrets)
    assert not any(secret in str(caught.value) for secret in secrets if secret != "whsec_")
