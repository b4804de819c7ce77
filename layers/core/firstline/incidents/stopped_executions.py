"""Executions that were ended from outside: somebody stopped them, or they reached Step Functions' longest time.

Their incidents stay open, and reconcile starts a successor of each. Operators are told which incidents these are, and
how an incident is ended. Step Functions' list is read each minute, so neither an event that got lost nor a table or
topic out of order loses the message.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firstline.incidents.lifecycle import BadEnd, Executions
from firstline.incidents.status import status_of
from firstline.incidents.store import Incidents
from firstline.incidents.tell_once import Once
from firstline.observability import logger
from firstline.privacy.redact import redact
from firstline.text import bullets, count, one_line

TOLD_WITHIN = timedelta(days=1)
"""The age of the stopped executions that operators are told of: the longest time for which the message may fail."""

MOST_LISTED = 5
"""The most incidents that a message lists, those first whose execution ended last; the others are counted."""

STOPPED = ("ABORTED", "TIMED_OUT")
"""The statuses of executions that were ended from outside. Of those that failed an alarm tells."""


@dataclass
class StoppedWatch:
    """The message to operators, once for each execution, that executions were stopped: one message for all of a minute.

    Parameters
    ----------
    say
        Sends operators a message with a subject and a text.
    """

    incidents: Incidents
    executions: Executions
    once: Once
    say: Callable[[str, str], object]
    stack: str
    _told: frozenset[str] = field(default=frozenset(), init=False)
    """The executions of `TOLD_WITHIN` that operators were told of, as far as this process knows."""

    def look(self, ended: Sequence[BadEnd], now: datetime) -> None:
        """Tell operators of the stopped executions among `ended`, newest first, that they were not told of.

        If a call raises, or its process dies, the next one tells of the same executions.
        """
        stopped = {end.name: end for end in ended if end.status in STOPPED}
        self._told &= stopped.keys()
        # Leased before it is read who was told: another process may be about to tell of the same executions.
        if stopped.keys() == self._told or not self.once.lease("stopped", now):
            return
        keys = {f"stopped {name}": name for name in stopped if name not in self._told}
        self._told |= {keys[key] for key in self.incidents.claimed(keys, now)}
        new = [end for end in stopped.values() if end.name not in self._told]
        if not new:
            return
        self.say(f"{self.stack}: {_were_stopped(new)}", self._text(new))
        self._told |= {end.name for end in new}
        told = [f"stopped {end.name}" for end in new]
        self.incidents.claim_all(told, self.once.holder, until=now + 2 * TOLD_WITHIN)

    def _text(self, new: Sequence[BadEnd]) -> str:
        out_of_time = sum(end.status == "TIMED_OUT" for end in new)
        late = f", {out_of_time} of them by Step Functions itself after its longest time" if out_of_time else ""
        lines = [self._line_or_name(end) for end in new[:MOST_LISTED]]
        if len(new) > MOST_LISTED:
            lines.append(f"and {len(new) - MOST_LISTED} more: `firstline incidents` lists what is open")
        return (
            f"{self.stack}: {_were_stopped(new)}{late}. This ends no incident: reconcile starts a successor of each "
            f"execution whose incident is open.\n{bullets(lines)}\n"
            "To end an incident, press Resolve in its message, or type `firstline resolve ID`. CloudTrail has who "
            "called StopExecution."
        )

    def _line_or_name(self, end: BadEnd) -> str:
        """Return the line on a stopped execution; only its name if its incident cannot be read."""
        try:
            return self._line(end)
        except Exception:  # noqa: BLE001 - whatever it is, operators must still hear of the other executions
            logger.exception("the incident of a stopped execution could not be read", extra={"execution": end.name})
            return f"{end.name}: its incident could not be read; reconcile's log says why"

    def _line(self, end: BadEnd) -> str:
        incident_id = self.executions.incident_of(end.name)
        record = None if incident_id is None else self.incidents.record(incident_id)
        if incident_id is None or record is None:
            return f"{end.name}: the table has no such incident, so nothing goes on"
        title = redact(one_line(status_of(record, end.at).title, 100))
        if record.live is None or not record.live.open:
            return f"{title} ({incident_id}): over, nothing to do"
        runs = self.executions.describe(incident_id, record.live.generation) == "RUNNING"
        return f"{title} ({incident_id}): open, {'its successor runs' if runs else 'its successor starts soon'}"


def _were_stopped(ended: Sequence[BadEnd]) -> str:
    return f"{count(len(ended), 'execution')} {'was' if len(ended) == 1 else 'were'} stopped"
