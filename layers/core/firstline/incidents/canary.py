"""The canary: a test alert that Firstline sends through its own public address, timed until it is paged."""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firstline.errors import CanaryLost, HistoryUnavailable
from firstline.models import IncidentRecord

LONGEST = 60.0
"""The seconds within which a canary's alert must have been paged."""

PAUSE = 1.0
"""The seconds between two looks at whether the alert was paged."""


@dataclass(frozen=True)
class Canary:
    """A sender of test alerts that waits for their pages.

    Parameters
    ----------
    post
        Posts a body with headers to ingest's address for the canary, and returns the answer; raises CanaryLost if the
        status is not 2xx.
    record
        Reads an incident.
    secret
        Returns the secret that signs the canary's alerts; None if none was set.
    clock
        Returns the time in seconds, by which the time until the page is measured.
    """

    post: Callable[[bytes, Mapping[str, str]], Mapping[str, Any]]
    record: Callable[[str], IncidentRecord | None]
    secret: Callable[[], str | None]
    clock: Callable[[], float]
    sleep: Callable[[float], object]

    def fly(self, now: datetime) -> float:
        """Send an alert, wait until its page is on record, and resolve it. Return the seconds until the page.

        Raises
        ------
        CanaryLost
            There is no secret, ingest did not take the alert, or it was not paged within `LONGEST` seconds. An
            alert that was taken is resolved all the same.
        """
        secret = self.secret()
        if not secret:
            raise CanaryLost("there is no secret sources/canary: put one below the stack's path (docs/canary.md)")
        flight, began = f"{now:%Y%m%dT%H%M%SZ}", self.clock()
        answer = self.post(*signed(secret, flight, "firing", began_at=now, at=now))
        try:
            return self._paged_after(answer, began)
        finally:
            ended = now + timedelta(seconds=self.clock() - began)
            self.post(*signed(secret, flight, "resolved", began_at=now, at=ended))

    def _paged_after(self, answer: Mapping[str, Any], began: float) -> float:
        incident_id = next(iter(answer.get("incidents", ())), None)
        if incident_id is None:
            raise CanaryLost(
                f"ingest took the canary's alert and opened no incident: look at its log; it answered "
                f"{json.dumps(answer)[:300]}"
            )
        while (taken := self.clock() - began) < LONGEST:
            if self._is_paged(incident_id):
                return taken
            self.sleep(PAUSE)
        raise CanaryLost(
            f"the canary's incident {incident_id} was not paged within {LONGEST:g} s: look at its execution in Step "
            "Functions"
        )

    def _is_paged(self, incident_id: str) -> bool:
        try:
            record = self.record(incident_id)
        except HistoryUnavailable:
            return False  # the next look may succeed
        return record is not None and record.paged_at is not None


def signed(secret: str, flight: str, status: str, *, began_at: datetime, at: datetime) -> tuple[bytes, dict[str, str]]:
    """Return the JSON body of a canary's alert, and its headers with the signature, for `firstline.sources.canary`.

    `flight` names the alert, `status` is `firing` or `resolved`, `began_at` is when the alert began to fire, and `at`
    is the time of sending.
    """
    said = {"flight": flight, "status": status, "began_at": began_at.isoformat(), "at": at.isoformat()}
    body, stamp = json.dumps(said).encode(), str(int(at.timestamp()))
    message = f"{flight}-{status}.{stamp}.".encode() + body
    signature = b64encode(hmac.digest(secret.encode(), message, "sha256")).decode()
    headers = {"webhook-id": f"{flight}-{status}", "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}
    return body, headers | {"content-type": "application/json"}
