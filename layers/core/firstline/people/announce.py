"""Announcements of what Firstline does by itself, of what needs a person but no page, and of the end of an incident."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from firstline.channels.delivery import Channel, Told, tell_all
from firstline.contracts import (
    AnnounceQuietInput,
    AnnounceRemediationInput,
    AwaitQuietInput,
    CloseIncidentInput,
    EndInput,
    NotifyInput,
    NotifyOpsInput,
    NotifyOutput,
    Observed,
    RecordSuppressionInput,
    WhatNowInput,
    WhatNowOutput,
)
from firstline.errors import ChannelFailed, HistoryUnavailable, StaysOpen, WaitRefused
from firstline.incidents.hold_at_end import waited_for
from firstline.incidents.lifecycle import SHOWN
from firstline.incidents.message_facts import ended_at
from firstline.incidents.pages import GROUPING_WINDOW, is_over
from firstline.incidents.reasons import sentence
from firstline.incidents.store import Incidents
from firstline.incidents.what_now import WITH_PEOPLE, Times, quiet_left, stale_resolve, what_now
from firstline.models import Hold, Incident, IncidentRecord, Live, Notification, NotificationKind, Outcome
from firstline.observability import logger, metrics
from firstline.people.endings import end_in_words, outcome_of
from firstline.people.members import joined_since, names, stored_members, with_members, without_data
from firstline.people.message_updates import mark_shown, show_again, was_told
from firstline.people.recovery import Look, no_look
from firstline.text import in_words

SLACK_DOWN_KEY = "slack-is-down"
SLACK_DOWN_FOR = timedelta(hours=1)
"""The time for which the page of one incident stands for all the incidents that no channel could announce."""

METRICS: dict[Outcome, str] = {
    "suppressed": "Suppressed",
    "self_cleared": "SelfCleared",
    "auto_resolved": "AutoResolved",
    "resolved": "ResolvedByHuman",
    "expired": "Expired",
    "no_data": "EndedWithoutData",
}
"""The metric that counts each outcome."""


class Announced(NamedTuple):
    """The output of a state that the notify function serves, and the incident's record after it, if that was read."""

    output: NotifyOutput
    record: IncidentRecord | None = None


def announce(
    event: NotifyInput,
    *,
    channels: Mapping[str, Channel],
    incidents: Incidents,
    now: datetime,
    end_silence: Callable[[str, datetime], None],
    times: Times,
    look: Look = no_look,
) -> Announced:
    """Tell people about an incident, and close the incident, as the state in `event` asks.

    Suppressed noise is stored and counted, but no channel is told. A close is stored before the channels are told, so
    a channel that fails then is only logged. If no channel took the message, the output's `told` is False, and
    reconcile (the periodic repair) shows the incident again.

    Parameters
    ----------
    end_silence
        Ends the silence with this id, which was to last until its incident resolves.
    times
        The times for which an incident stays open after all its alerts ended, or while nobody resolves it.
    look
        Says in an edited message whether the metric of the incident's alarm is back in its range.

    Raises
    ------
    ChannelFailed
        No channel took the message of `Notify Ops`, so the incident pages. For an hour, other incidents of the stack
        do not raise it: one page stands for all.
    HistoryUnavailable
        The table could not be reached.
    StaysOpen
        `Announce Quiet` or `Await Quiet` was asked for, but the incident's record calls for another state.
    WaitRefused
        The wait of `Await Quiet` could not begin, because the incident changed since its record was read.
    """
    record = incidents.record(event.incident.incident_id) or unwritten(event.incident)
    return _Announcer(record, channels, incidents, now, end_silence, times, look).serve(event)


def ensure_ended(event: NotifyInput, output: NotifyOutput) -> None:
    """Raise StaysOpen if the execution would end with this state although its incident was not closed.

    The state machine catches the error, and decides again.
    """
    if isinstance(event, EndInput) and event.ends and not output.closed:
        raise StaysOpen(f"incident {event.incident.incident_id} is not closed: an alert joined after the decision")


def unwritten(incident: Incident) -> IncidentRecord:
    """Build the record of an incident that the table does not hold: open, with the alerts that opened it."""
    return IncidentRecord(
        incident=incident, status="OPEN", alert_count=incident.alert_count, last_alert_at=incident.opened_at
    )


@dataclass(frozen=True)
class _Announcer:
    """One announcement about one incident."""

    record: IncidentRecord
    channels: Mapping[str, Channel]
    incidents: Incidents
    now: datetime
    end_silence: Callable[[str, datetime], None]
    times: Times
    look: Look

    def serve(self, event: NotifyInput) -> Announced:
        match event:
            case RecordSuppressionInput():
                return self._suppress(event)
            case AnnounceRemediationInput():
                told = self._tell("remediating", self._known(plan=event.plan), event.plan.decision_reason)
                return Announced(NotifyOutput(told=bool(told.reached)))
            case NotifyOpsInput():
                return Announced(self._notify_ops(event))
            case AnnounceQuietInput():
                return self._announce_quiet(event)
            case AwaitQuietInput():
                return self._await_quiet(event)
            case CloseIncidentInput():
                return self._close(event)

    def _suppress(self, event: RecordSuppressionInput) -> Announced:
        reason = "; ".join(event.classification.reasons)
        closed = self.incidents.close(
            event.incident, event.generation, "suppressed", reason, [], self.now, joined=event.joined, seen=self.record
        )
        if closed is None:
            return Announced(NotifyOutput(told=False, closed=False))
        self._count(closed)
        return Announced(NotifyOutput(told=False, outcome="suppressed"), closed)

    def _notify_ops(self, event: NotifyOpsInput) -> NotifyOutput:
        record = self._known(plan=event.plan, results=event.results)
        if (change := _change(event.happened, record)) is not None:
            return NotifyOutput(told=self._show_again(record, change))
        told = self._tell("approval" if record.waits_for_approval else "needs_human", record, event.reason)
        if told.failed and not told.reached and self._pages_for_all(event.incident):
            failure = next(iter(told.failed.values()))
            # The state machine knows an error by the name of its class.
            raise ChannelFailed(str(failure), retryable=failure.retryable) from failure
        return NotifyOutput(told=bool(told.reached))

    def _pages_for_all(self, incident: Incident) -> bool:
        """Claim the page that stands for all incidents while no channel takes messages.

        Return False if another incident has that claim.
        """
        return self.incidents.claim_once(
            SLACK_DOWN_KEY, incident.incident_id, self.now, until=self.now + SLACK_DOWN_FOR
        )

    def _await_quiet(self, event: AwaitQuietInput) -> Announced:
        """Tell people that nothing fires, then begin the wait through the grouping window by storing the token.

        In this order: a signal may end the wait as soon as the token is stored. If the execution then paged, a message
        that is only going out would call the page off.
        """
        live = self._require_quiet(event)
        missing = without_data(self.record, self.incidents)
        rings = live.paged_seq > live.voided_seq and not live.answered
        # What is told calls pages off, so that they are void is written before. Else the wait's own write says it.
        if rings and missing is None and not self.incidents.begin_quiet(event.incident, self.now):
            raise self._refused(event)
        told = self._tell_quiet(missing) if (rings and missing is None) or not event.announced else False
        if not self.incidents.await_quiet(
            event.incident, event.generation, event.token, self.now, seen=live, void=missing is None
        ):
            raise self._refused(event)
        return Announced(NotifyOutput(told=told), self.record)

    def _refused(self, event: AwaitQuietInput) -> WaitRefused:
        return WaitRefused(f"incident {event.incident.incident_id} changed since its record was read: nothing waits")

    def _announce_quiet(self, event: AnnounceQuietInput) -> Announced:
        self._require_quiet(event)
        missing = without_data(self.record, self.incidents)
        if missing is None:
            self.incidents.begin_quiet(event.incident, self.now)
        told = self._tell_quiet(missing)
        try:
            after = self.incidents.record(event.incident.incident_id)
        except HistoryUnavailable:
            logger.warning("The table could not be read, so the state machine has to ask for the next state")
            after = None
        return Announced(NotifyOutput(told=told, next=self._quiet(event, after)), after)

    def _require_quiet(self, event: AnnounceQuietInput | AwaitQuietInput) -> Live:
        """Return the live half of the incident; raise StaysOpen unless its record calls for the wait for quiet."""
        if self._quiet(event, self.record) is None or self.record.live is None:
            raise StaysOpen(f"incident {event.incident.incident_id} is not quiet: its record calls for another state")
        return self.record.live

    def _quiet(
        self, event: AnnounceQuietInput | AwaitQuietInput, record: IncidentRecord | None
    ) -> WhatNowOutput | None:
        """Return the state `Await Quiet` and how long to wait in it; None if the record calls for another state."""
        if record is None or record.live is None or stale_resolve(record.live):
            return None
        asked = WhatNowInput(
            state="What Now?",
            incident=event.incident,
            generation=event.generation,
            happened=Observed(state="Await Quiet"),
        )
        found = what_now(asked, record, self.now, self.times)
        return found.model_copy(update={"plan": None}) if found.go == "Await Quiet" else None

    def _tell_quiet(self, missing: str | None) -> bool:
        """Announce that all alerts ended, if people know of the incident. Return True if a channel took the message.

        `missing` says which of them ended without data. Then pages that went out go on ringing: nobody saw it recover.
        """
        if not was_told(self.record):
            return False
        if missing is not None:
            return bool(self._tell("changed", self.record, missing).reached)
        reason = f"All its alerts ended. It stays open for {in_words(GROUPING_WINDOW)}, in case one fires again."
        return bool(self._tell("quiet", self.record, reason).reached)

    def _close(self, event: CloseIncidentInput) -> Announced:
        record, live = self._known(results=event.results), self.record.live
        if live is not None and live.open and not self._is_ended(event, live):
            return Announced(NotifyOutput(told=False, closed=False))
        hold = waited_for(record)
        missing = without_data(record, self.incidents) if event.ended_by == "resolved" else None
        reason = missing or end_in_words(event, record)
        closed = self.incidents.close(
            event.incident,
            event.generation,
            outcome_of(record, event.ended_by, record.results, without_data=missing is not None),
            (reason if hold is None else f"{hold.reason} {reason}")[:4_000],
            record.results,
            self.now,
            # What has resolved needs no look at who joined: the end of all alerts is the condition.
            joined=None if event.ended_by == "resolved" else event.joined,
            seen=self.record,
        )
        if closed is None:
            return Announced(self._stays_open(event))
        self._count(closed)
        told: Told | None = None
        if hold is None:
            shown = closed.model_copy(update={"results": closed.results or record.results})
            told = self._tell("closed", with_members(shown, self.incidents), reason)
        elif hold.until_resolved:  # no channel was told of its begin, so none is told of its end
            self._end(hold)
        return Announced(NotifyOutput(told=bool(told and told.reached), outcome=closed.outcome), closed)

    def _is_ended(self, event: CloseIncidentInput, live: Live) -> bool:
        """Return True if the record confirms that the incident has ended in the way that the event says (`ended_by`).

        The event may be out of date or wrong.
        """
        match event.ended_by:
            case "resolved":
                return is_over(live) and quiet_left(live, self.now, self.times) <= timedelta(0)
            case "person":
                return live.resolved_by is not None
            case "verified":
                return live.verified_at is not None
            case "expired":
                return self.now >= live.last_alert_at + self.times.resolve_within

    def _stays_open(self, event: CloseIncidentInput) -> NotifyOutput:
        """Return the output for an incident that stays open, although the event asks to close it.

        If a person resolved it without having seen the newest alerts, withdraw that Resolve, and tell people which
        joined.
        """
        record = self.incidents.record(event.incident.incident_id)
        live = record.live if record else None
        told = False
        if record is not None and live is not None and live.open and live.resolved_by is not None:
            seen = live.resolved_seen
            if seen is not None and seen < live.joined:
                self.incidents.withdraw_resolve(event.incident, seen=live)
                new = names(joined_since(stored_members(record, self.incidents), live.resolved_at)) or "another alert"
                reason = f"{live.resolved_by} resolved the incident, but then {new} joined, so it stays open."
                told = self._show_again(record, reason)
        return NotifyOutput(told=told, closed=False)

    def _end(self, hold: Hold) -> None:
        try:
            self.end_silence(hold.id, self.now)
        except HistoryUnavailable:
            # The incident is closed; the silence runs out by itself in the end.
            logger.exception("A silence could not be ended and lasts until it expires", extra={"silence": hold.id})

    def _count(self, closed: IncidentRecord) -> None:
        """Emit the metrics for the incident's outcome and for its duration, unless it was closed before."""
        if self.record.status == "CLOSED" or closed.outcome is None:
            return
        metrics.add_metric(name=METRICS[closed.outcome], unit="Count", value=1)
        if closed.outcome not in ("suppressed", "expired", "no_data"):
            seconds = max(0.0, (ended_at(closed, self.now) - closed.incident.opened_at).total_seconds())
            metrics.add_metric(name="TimeToResolve", unit="Seconds", value=seconds)

    def _tell(self, kind: NotificationKind, record: IncidentRecord, reason: str) -> Told:
        """Send people a message of this kind on every channel, and store which version of the record they were shown.

        `reason` is the message's text on why people get it. Return the channels that took the message, and the failures
        of the others.
        """
        shown = record if record.members else with_members(record, self.incidents)
        told = tell_all(Notification(kind=kind, record=shown, reason=reason[:4_000], at=self.now), self.channels)
        if told.shown and record.status != "CLOSED":
            mark_shown(record, self.incidents)
        return told

    def _show_again(self, record: IncidentRecord, reason: str) -> bool:
        return show_again(
            record, channels=self.channels, incidents=self.incidents, now=self.now, reason=reason, look=self.look
        )

    def _known(self, **known: object) -> IncidentRecord:
        """Return the record with the values `known`, which the event brings and which are newer (a plan, results).

        A value that is empty is ignored.
        """
        return self.record.model_copy(update={name: value for name, value in known.items() if value})


def _change(happened: Observed | None, record: IncidentRecord) -> str | None:
    """Return the news with which to edit the incident's message; None if people need a new message instead.

    Editing is enough if the last state (`happened`) was a page or a wait for people, and ended without an error. The
    news says who acknowledged, or took that back; it is an empty text if neither happened.
    """
    if happened is None or happened.error is not None or happened.state not in (*WITH_PEOPLE, "Page On-Call"):
        return None
    signal = happened.result.get("signal") if isinstance(happened.result, dict) else None
    if signal == "taken back":
        return sentence(happened)
    answered = signal in ("acknowledged", SHOWN) or happened.state == "Page On-Call"
    return f"Acknowledged by {record.acknowledged_by}." if answered and record.acknowledged_by else ""
