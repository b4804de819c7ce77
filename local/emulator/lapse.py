"""Time that passes faster: an incident's waits end early, and then its functions see a later time.

Signals, senders and people keep the real time. Only what the state machine invokes for an incident sees the incident's
clock, which is ahead by what that incident's waits left out.
"""

import json
import threading
from math import ceil


class Lapse:
    """A time lapse, and the clock of each incident.

    Parameters
    ----------
    factor
        How many times faster a wait passes.
    """

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self._ahead: dict[str, float] = {}
        self._lock = threading.Lock()

    def shortened(self, seconds: float) -> int:
        """Return how long a wait of `seconds` really takes."""
        return max(1, ceil(seconds / self.factor))

    def timed_out(self, incident_id: str, seconds: float) -> None:
        """Put an incident's clock forward by what a wait left out that nobody ended."""
        left_out = seconds - self.shortened(seconds)
        if left_out > 0:
            with self._lock:
                self._ahead[incident_id] = self._ahead.get(incident_id, 0.0) + left_out

    def ahead(self, payload: bytes) -> float:
        """Return by how many seconds the clock of an invocation's incident is ahead; 0 if it is about none."""
        with self._lock:
            if not self._ahead:
                return 0.0
        event = json.loads(payload)
        if not isinstance(event, dict):
            return 0.0
        incident = event.get("incident")
        incident_id = incident.get("incident_id") if isinstance(incident, dict) else event.get("incident_id")
        with self._lock:
            return self._ahead.get(incident_id, 0.0) if isinstance(incident_id, str) else 0.0
