"""Bad input over real HTTP: ingest's answers, and that nothing is lost which was authenticated."""

import json
import time

import pytest

from local.demo.senders import proof
from tests.e2e.running import LocalStack

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("source", "headers"),
    [
        ("generic", {}),
        ("generic", {"Authorization": "Bearer wrong"}),
        ("generic", {"Authorization": "Bearer "}),
        ("prometheus", {"Authorization": "Basic cHJvbWV0aGV1czp3cm9uZw=="}),
        ("pagerduty", {"X-PagerDuty-Signature": f"v1={'0' * 64}"}),
        ("pagerduty", {}),
    ],
)
def test_a_sender_without_its_sources_proof_gets_401(stack: LocalStack, source: str, headers: dict[str, str]) -> None:
    answer = stack.post(f"/alerts/{source}", b'{"alert_name": "Anything"}', JSON | headers)

    assert (answer.status, answer.json()["status"]) == (401, "unauthenticated")


def test_one_sources_token_opens_no_other_source(stack: LocalStack) -> None:
    token = {"Authorization": f"Bearer {stack.line['secrets']['prometheus']}"}

    assert stack.post("/alerts/generic", b'{"alert_name": "Anything"}', JSON | token).status == 401


def test_an_unknown_source_is_told_the_known_ones(stack: LocalStack) -> None:
    answer = stack.post("/alerts/nagios", b"{}", JSON)

    assert answer.status == 404
    assert answer.json()["known_sources"] == [
        *("cloudwatch", "datadog", "generic", "grafana", "pagerduty", "prometheus"),
    ]


@pytest.mark.parametrize(
    "size", [6 * 1024 * 1024 + 1, 10 * 1024 * 1024], ids=["more than Lambda takes", "all that API Gateway takes"]
)
def test_a_body_that_is_too_large_gets_413(stack: LocalStack, size: int) -> None:
    body = b'{"alert_name": "' + b"x" * size + b'"}'

    assert stack.send("generic", body).status == 413


UNREADABLE = {
    "100,000 levels deep": (b"[" * 100_000 + b"]" * 100_000, JSON),
    "100,000 objects deep": (b'{"a":' * 60_000 + b"1" + b"}" * 60_000, JSON),
    "NaN": (b'{"alert_name": "Load", "value": NaN}', JSON),
    "infinite": (b'{"alert_name": "Load", "value": -Infinity}', JSON),
    "half a surrogate pair": (b'{"alert_name": "Load \\ud83d"}', JSON),
    "10,000 digits": (b'{"alert_name": "Load", "value": ' + b"9" * 10_000 + b"}", JSON),
    "empty": (b"", JSON),
    "an array of words": (b'["the load", "is high"]', JSON),
    "a form": (b"payload=1&colour=blue", FORM),
    "cut short": (b'{"alert_name": "Load", "mess', JSON),
    "not UTF-8": (b'{"alert_name": "\xff\xfe"}', JSON),
    "plain text": (b"the server is on fire", {"Content-Type": "text/plain"}),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_an_authenticated_body_that_cannot_be_read_is_kept(stack: LocalStack, what: str) -> None:
    body, headers = UNREADABLE[what]
    token = proof("generic", body, stack.line["secrets"]["generic"])

    answer = stack.post("/alerts/generic", body, headers | token)

    assert (answer.status, answer.json()["status"]) == (202, "quarantined"), answer
    kept = stack.quarantined(body)
    assert (kept.source, kept.reason) == ("generic", answer.json()["reason"])


def test_pagerduty_is_never_refused_for_what_it_sent(stack: LocalStack) -> None:
    """Three refusals would disable the subscription."""
    body = json.dumps({"messages": [{"event": "incident.trigger"}]}).encode()

    answer = stack.send("pagerduty", body)

    assert (answer.status, answer.json()["status"]) == (202, "quarantined"), answer
    assert stack.quarantined(body).source == "pagerduty"


def test_one_bad_alert_among_fifty_costs_only_itself(stack: LocalStack) -> None:
    alerts = [
        {
            "alert_name": "E2eBatch",
            "severity": "low",
            "host": f"web-{number}",
            "service": "batch",
            "fingerprint": str(number),
        }
        for number in range(50)
    ]
    bad = alerts[17] = {"severity": "high", "owner": "an alert that names nothing"}

    answer = stack.send("generic", {"alerts": alerts})

    assert answer.status == 202
    told = answer.json()
    assert (told["alert_count"], told["quarantined"]) == (49, 1)
    (incident,) = told["incidents"]
    assert stack.record(incident).alert_count == 49
    # It is kept as a delivery of its own, which can be read once its source can read it.
    stack.quarantined(json.dumps({"alerts": [bad]}).encode())
    stack.wait_for(incident, "resolution")
    stack.press(incident, "resolve")
    stack.wait_closed(incident)


def test_a_failing_table_is_503_soon_enough_for_the_sender_to_try_again(stack: LocalStack) -> None:
    alert = {"alert_name": "E2eTableFails", "severity": "low", "service": "ledger"}
    with stack.failing("DynamoDB"):
        began = time.monotonic()
        answer = stack.send("generic", alert)
        took = time.monotonic() - began
    assert (answer.status, answer.json()["status"]) == (503, "unavailable")
    assert took < 5, "PagerDuty does not wait for longer"

    # Then the sender tries again.
    incident = stack.open("generic", alert)
    stack.wait_for(incident, "resolution")
    assert stack.open("generic", alert | {"status": "resolved"}) == incident
    stack.wait_closed(incident)
