"""Time lapse: an incident's waits end early, and the functions that run for it afterwards see a later time.

Signals, senders and people keep the real time. Only functions that the state machine invokes for an incident see its
clock, which is ahead by the time that its waits skipped.
"""

import json
import threading
from math import ceil


class Lapse:
    """A time lapse, and how far each incident's clock is ahead of real time by the waits that were cut short.

    Parameters
    ----------
    factor
        The factor by which waits are shorter; 1 means real time.
    """

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self._ahead: dict[str, float] = {}
        self._lock = threading.Lock()

    def shortened(self, seconds: float) -> int:
        """Return the real duration, in whole seconds and at least 1, of a wait that shall seem to take `seconds`."""
        return max(1, ceil(seconds / self.factor))

    def timed_out(self, incident_id: str, seconds: float) -> None:
        """Put an incident's clock forward by the part of a wait that was skipped; call this after the wait timed out.

        `seconds` is the duration that the wait would have without a time lapse.
        """
        left_out = seconds - self.shortened(seconds)
        if left_out > 0:
            with self._lock:
                self._ahead[incident_id] = self._ahead.get(incident_id, 0.0) + left_out

    def ahead(self, payload: bytes) -> float:
        """Return the seconds by which the clock of the incident in an invocation's payload is ahead, or 0."""
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
