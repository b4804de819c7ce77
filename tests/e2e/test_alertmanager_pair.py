"""A pair of real Alertmanagers in front, of which one dies, and functions that die: nothing is lost or told twice."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.alertmanager import pair
from tests.e2e.running import LocalStack, until

NAMES = [f"E2ePair{letter}" for letter in "ABCDE"]
HOSTS = [f"pay-{number}" for number in range(1, 5)]
ALERTS = [
    {"alertname": name, "instance": f"{host}:9100", "service": "payments", "severity": "critical", "env": "prod"}
    for name in NAMES
    for host in HOSTS
]
FUNCTIONS = ("ingest", "classify", "remediate", "escalate", "notify")
RECOVERS_WITHIN_SECONDS = 200.0
"""The time for a recovery: longer than the lease of a page whose sender was killed, and the wait after it."""


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[LocalStack]:
    """A Firstline whose time passes as it does, so that nobody is paged again for want of an answer."""
    running = LocalStack(tmp_path, "--reconcile-seconds", "5")
    yield running
    running.stop()


@pytest.mark.needs("alertmanager")
@pytest.mark.timeout(420)
def test_a_pair_and_the_functions_die_and_every_alert_is_in_one_incident_that_was_paged_once(
    own_stack: LocalStack, tmp_path: Path
) -> None:
    began = datetime.now(UTC)
    line = own_stack.line
    with pair(tmp_path, line["api"], line["secrets"]["prometheus"]) as (first, second):

        def fire(*senders: Any) -> None:
            for sender in senders:
                sender.alerts(ALERTS, "Payments fail.", began)

        # Given twenty alerts that fire in both
        fire(first, second)
        until("the first ones arrive", lambda: _stored(own_stack))

        # When one of the pair is killed, and every function, again and again while it works
        second.kill()
        for _ in range(3):
            for function in FUNCTIONS:
                for pid in own_stack.processes(function):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            time.sleep(1.5)
        fire(first)
        second.begin()
        # and Prometheus goes on to send what fires to both
        fire(first, second)

        # Then each alert is in an open incident, one for each name,
        until("every alert is stored", lambda: len(_stored(own_stack)) == len(ALERTS), RECOVERS_WITHIN_SECONDS)
        stored = _stored(own_stack)
        assert all(alert["firing"]["BOOL"] for alert in stored)
        incidents = Counter(alert["incident_id"]["S"] for alert in stored)
        assert sorted(incidents.values()) == [len(HOSTS)] * len(NAMES), incidents
        for incident in incidents:
            own_stack.wait(
                incident,
                "was paged and awaits an answer",
                lambda record: record.live is not None and record.live.page_done == 1,
                RECOVERS_WITHIN_SECONDS,
            )
            own_stack.wait_for(incident, "acknowledgement")

        # what both of them send again changes nothing,
        time.sleep(5)
        fire(first, second)
        time.sleep(5)

    assert {alert["incident_id"]["S"] for alert in _stored(own_stack)} == set(incidents)
    for incident in incidents:
        record = own_stack.record(incident)
        assert record.live is not None
        assert (record.status, record.live.firing, record.live.joined) == ("OPEN", len(HOSTS), len(HOSTS))
        # and a person was woken once: whoever was killed while it paged sent the same page again.
        assert (record.live.paged_seq, record.live.page_done) == (1, 1)
        pages = own_stack.messages(incident, "pagerduty", "trigger")
        assert len({page["raw"]["dedup_key"] for page in pages}) == 1, pages
        assert own_stack.execution(incident)["status"] == "RUNNING"


def _stored(stack: LocalStack) -> list[dict[str, Any]]:
    """Return the alerts in the table."""
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.line["table"],
            FilterExpression="begins_with(pk, :group) AND begins_with(sk, :alert)",
            ExpressionAttributeValues={":group": {"S": "GROUP#"}, ":alert": {"S": "ALERT#"}},
        )
    )
    return [item for page in pages for item in page["Items"]]
