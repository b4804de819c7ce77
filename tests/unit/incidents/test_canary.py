"""The canary: the time from its alert to its page, and the failures if the alert is lost or the page late."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from firstline.errors import CanaryLost, HistoryUnavailable, Unauthenticated, UnreadablePayload
from firstline.incidents.canary import LONGEST, Canary, signed
from firstline.models import IncidentRecord
from firstline.sources import authenticate, normalize
from tests.support.builders import a_record, at

SECRET = "a-secret-of-the-canary"


@dataclass
class Sky:
    """The surroundings of a canary: an ingest that records what it took, and a clock that only sleeping moves.

    The incident is paged after `paged_after` seconds; the first `down` reads of its record fail.
    """

    paged_after: float = 3.0
    answer: Mapping[str, Any] = field(default_factory=lambda: {"incidents": ["FirstlineCanary-1"]})
    down: int = 0
    seconds: float = 0.0
    taken: list[str] = field(default_factory=list)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
        authenticate("canary", headers=headers, body=body, secrets=[SECRET], now=at(0))
        (alert,) = normalize("canary", json.loads(body))
        self.taken.append(alert.status)
        return self.answer

    def record(self, incident_id: str) -> IncidentRecord | None:
        assert incident_id == "FirstlineCanary-1"
        if self.down:
            self.down -= 1
            raise HistoryUnavailable("the table is slow")
        return a_record(paged_at=at(1)) if self.seconds >= self.paged_after else a_record()

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def canary(self, secret: str | None = SECRET) -> Canary:
        return Canary(self.post, self.record, lambda: secret, lambda: self.seconds, self.sleep)


@pytest.mark.parametrize("failed_reads", [0, 2])
def test_the_canary_returns_the_seconds_until_its_page_is_on_record(failed_reads: int) -> None:
    sky = Sky(paged_after=3.0, down=failed_reads)

    assert sky.canary().fly(at(0)) == 3.0
    assert sky.taken == ["firing", "resolved"]


@pytest.mark.parametrize(
    ("sky", "words"),
    [
        (Sky(paged_after=LONGEST + 1), "FirstlineCanary-1 was not paged within 60 s: look at its execution"),
        (Sky(answer={"status": "quarantined", "incidents": []}), "opened no incident: look at its log"),
    ],
    ids=["late", "lost"],
)
def test_a_canary_that_is_not_paged_in_time_fails_and_resolves_its_alert(sky: Sky, words: str) -> None:
    with pytest.raises(CanaryLost, match=words):
        sky.canary().fly(at(0))

    assert sky.taken == ["firing", "resolved"]


def test_without_a_secret_the_canary_sends_no_alert() -> None:
    sky = Sky()

    with pytest.raises(CanaryLost, match="put one below"):
        sky.canary(secret=None).fly(at(0))
    assert sky.taken == []


def test_a_canarys_firing_and_resolved_are_one_alert_and_two_flights_two_incidents() -> None:
    def sent(flight: str, status: str) -> Any:
        body, _ = signed(SECRET, flight, status, began_at=at(0), at=at(1))
        return normalize("canary", json.loads(body))[0]

    begun, ended, other = sent("one", "firing"), sent("one", "resolved"), sent("two", "firing")

    assert (begun.fingerprint, begun.group_key) == (ended.fingerprint, ended.group_key)
    assert begun.group_key != other.group_key
    assert begun.severity == "critical"


def _forged(headers: dict[str, str]) -> dict[str, str]:
    return headers | {"webhook-signature": "v1,AAAA"}


@pytest.mark.parametrize("change", [_forged, lambda _: {"authorization": f"Bearer {SECRET}"}])
def test_a_canary_without_a_valid_signature_is_refused(change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    body, headers = signed(SECRET, "one", "firing", began_at=at(0), at=at(0))

    with pytest.raises(Unauthenticated):
        authenticate("canary", headers=change(headers), body=body, secrets=[SECRET], now=at(0))


@pytest.mark.parametrize(
    "payload", [[], {}, {"flight": "one"}, {"flight": {}, "status": "firing"}, {"flight": "one", "status": "up"}]
)
def test_a_canary_without_its_fields_is_unreadable(payload: Any) -> None:
    with pytest.raises(UnreadablePayload):
        normalize("canary", payload)
