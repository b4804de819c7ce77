"""Incidents in the table: what people and functions write on them, and reads of more than one record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from firstline import models
from firstline.adapters.dynamodb.claims import Claims
from firstline.adapters.dynamodb.closing import Closing
from firstline.adapters.dynamodb.edits import Edit
from firstline.adapters.dynamodb.live import CLOSED, LOOK_AGAIN, OPEN, alert_of, live_key, read_lives
from firstline.adapters.dynamodb.live_writes import LiveMarks, known_rank, loud_fields, told_rank
from firstline.adapters.dynamodb.pagerduty_ids import PagerDutyIds
from firstline.adapters.dynamodb.records import (
    decision_key,
    incident_key,
    plan_key,
    posted_attribute,
    read_pages,
    read_records,
    resolved_by_hand,
    with_live,
)
from firstline.adapters.dynamodb.table import ATTEMPTS, WriteRefused, stamp
from firstline.errors import HistoryUnavailable, JoinedSince
from firstline.incidents.pages import may_escalate
from firstline.models import PAGING_RANK
from firstline.text import count

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.table import Item
    from firstline.classification.earned_say import Disagreement
    from firstline.models import (
        Approval,
        Decision,
        Feedback,
        IncidentRecord,
        Live,
        Note,
        RunbookRun,
        StoredAlert,
    )
    from firstline.remediation.store import Beginning


class TableIncidents(LiveMarks, Claims, PagerDutyIds, Closing):
    """The incidents and their evidence in the table. Every method raises `HistoryUnavailable` when DynamoDB fails.

    If the reply to a write is lost, boto3 repeats the write, which is then refused. So after a refusal the item is read
    again: if it already is as it was to be written, the write counts as done.
    """

    # --- reading ------------------------------------------------------------------------------------------------------

    def members(self, incident_id: str, limit: int = 50) -> list[StoredAlert]:
        """Return at most `limit` alerts of the incident, worst first; alerts of the last second may be missing."""
        return [alert_of(item) for item in self._table.query_whole(incident_id, "by_incident", limit=limit)]

    def open_records(self) -> Iterator[IncidentRecord]:
        """Return the incidents that are not closed, oldest first, without their pages."""
        return read_records(self._table, self._table.query_whole(OPEN, "by_status"))

    def closed_since(self, since: datetime) -> Iterator[IncidentRecord]:
        """Return the incidents that closed since a time, oldest first, without their pages."""
        return read_records(self._table, self._table.query_whole(CLOSED, "by_status", since=stamp(since)))

    def with_pages(self, records: Iterable[IncidentRecord]) -> Iterator[IncidentRecord]:
        """Return these incidents, each with its newest 20 pages, oldest page first."""
        return read_pages(self._table, records)

    def runs_since(self, runbook_id: str, since: datetime) -> list[RunbookRun]:
        """Return a runbook's runs that were planned since a time, also those in shadow (only planned), oldest first."""
        items = self._table.query(f"RUNS#{runbook_id}", since=stamp(since), consistent=True)
        late = ("outcome", "ended_at", "accepted")
        return [
            models.RunbookRun.from_stored(json.loads(item["run"]) | {name: item[name] for name in late if name in item})
            for item in items
        ]

    def disagreements(self) -> list[Disagreement]:
        """Return each disagreement of a model with the verdict by rules, with who was right, oldest first."""
        return self._disagreements.read()

    def save_disagreement(self, record: IncidentRecord, found: Disagreement) -> None:
        """Store a model's disagreement on a closed incident in place of the same model's earlier one."""
        self._disagreements.put(record, found)

    # --- writing ------------------------------------------------------------------------------------------------------

    def save_slack_message(self, incident_id: str, channel: str, ts: str) -> None:
        """Store where the incident's Slack message is, to edit it: `<feed>:<channel id>` and the timestamp (`ts`)."""
        change, values = "SET slack_channel = :channel, slack_ts = :ts", {":channel": channel, ":ts": ts}
        self._table.update(*incident_key(incident_id), change, values)

    def save_post(self, incident_id: str, channel: str, digest: str) -> None:
        """Store the digest of a channel's newest post about the incident, so that it is not posted again."""
        change, names = "SET #posted = :digest", {"#posted": posted_attribute(channel)}
        self._table.update(*incident_key(incident_id), change, {":digest": digest}, names=names)

    # --- lifecycle ----------------------------------------------------------------------------------------------------

    def acknowledge(self, incident_id: str, by: str, now: datetime) -> IncidentRecord | None:
        """Acknowledge every page so far, up to the severity that people were told of, and return the new record.

        Return None if the newest page is acknowledged already, or if the incident is over or unknown.
        """
        record = self.record(incident_id)
        live = _going_on(record)
        if record is None or live is None:
            return None
        edit = replace(
            _refusing_stale_waits(_acknowledgement(live, by, now), live, now),
            where="attribute_not_exists(acked_at) OR acked_seq < paged_seq",
        )
        # An alert that joined meanwhile still waits for its page.
        if told_rank(live) >= known_rank(live):
            known = {"loud_high": live.own.loud_high, "loud_critical": live.own.loud_critical}
            covering = replace(edit, sets={**edit.sets, "loud_since": None}, when={**edit.when, **known})
            if changed := self._changed(record, covering):
                return changed
        changed = self._changed(record, edit)
        return changed or self._if_written(incident_id, lambda live: (live.acked_by, live.acked_at) == (by, now))

    def take_back(self, incident_id: str, now: datetime) -> IncidentRecord | None:
        """Take the acknowledgement of the newest page back. That page's time to acknowledge it begins anew.

        Return None if there is no acknowledgement, or if the incident is over or unknown.
        """
        record = self.record(incident_id)
        live = _going_on(record)
        if record is None or live is None or live.acked_at is None or not live.answered:
            return None
        patience = record.pages[-1].acknowledge_within_seconds if record.pages else 0
        sets = {"acked_at": None, "acked_by": None, "acked_rank": 0}
        again_at = stamp(now + timedelta(seconds=patience))
        edit = Edit(
            sets={**sets, "page_again_at": again_at},
            once={"loud_since": stamp(now)} if live.rank >= PAGING_RANK else {},
            when={"acked_at": stamp(live.acked_at)},
        )
        return self._changed(record, _refusing_stale_waits(edit, live, now))

    def escalate(self, incident_id: str, by: str, now: datetime, *, seen: int | None = None) -> IncidentRecord | None:
        """Make the next page due now: at the next level, or at the first level if nobody was paged yet.

        An acknowledgement is taken back, and a severity that pages nobody becomes `high`. Return None if the incident
        is over or unknown, or if `may_escalate` forbids it, as it does if people were paged since the page number
        `seen`, the newest that the person saw (None: unknown).
        """
        record = self.record(incident_id)
        live = _going_on(record)
        if record is None or live is None or not may_escalate(live, now, seen):
            return None
        sets: Item = {"escalated_at": stamp(now), "escalated_by": by}
        sets |= {"acked_at": None, "acked_by": None, "acked_rank": 0, "page_again_at": stamp(now)}
        if live.rank < PAGING_RANK:
            sets |= {"decided": PAGING_RANK, "loud_since": stamp(now)}
        known = {
            name: None if (at := getattr(live, name)) is None else stamp(at) for name in ("acked_at", "escalated_at")
        }
        edit = Edit(sets=sets, when={**known, "paged_seq": live.paged_seq})
        changed = self._changed(record, _refusing_stale_waits(edit, live, now))
        return changed or self._if_written(
            incident_id, lambda live: (live.escalated_by, live.escalated_at) == (by, now)
        )

    def resolve(self, incident_id: str, by: str, now: datetime, *, seen: int | None = None) -> IncidentRecord | None:
        """Record that a person resolved the incident, and return the new record; None if it is over or unknown.

        Parameters
        ----------
        seen
            The number of alerts (`Live.joined`) that the person saw. None counts as all, for people in PagerDuty, who
            cannot see it.

        Raises
        ------
        JoinedSince
            Alerts joined that the person had not seen. The incident stays open.
        """
        for _ in range(ATTEMPTS):
            record = self.record(incident_id)
            live = _going_on(record)
            if record is None or live is None:
                return self._if_written(incident_id, lambda live: (live.resolved_by, live.resolved_at) == (by, now))
            if seen is not None and live.joined > seen:
                more = count(live.joined - seen, "more alert")
                unseen = f"{more} joined {incident_id} since you looked: look again, then resolve it"
                raise JoinedSince(unseen, seen=seen, joined=live.joined)
            sets = {
                "resolved_at": stamp(now),
                "resolved_by": by,
                "resolved_seen": live.joined if seen is None else seen,
                **loud_fields("resolved_loud", live.loud),
            }
            # What joins a shard after this shows by `resolved_seen` when the incident is to be closed.
            as_read: Item = {"resolved_at": None if live.resolved_at is None else stamp(live.resolved_at)}
            as_read |= {} if seen is None else {"joined": live.own.joined}
            edit = _refusing_stale_waits(Edit(sets=sets, when=as_read), live, now)
            if changed := self._changed(record, edit):
                return changed
        raise HistoryUnavailable(f"incident {incident_id} has too many writers to be resolved now; try again")

    def end_hold(self, incident_id: str, because: str, now: datetime) -> IncidentRecord | None:
        """Record that and why (`because`) the incident's hold ended, and return the new record.

        Return None if the hold had ended before, or if the incident is over or unknown.
        """
        record = self.record(incident_id)
        live = _going_on(record)
        if record is None or live is None:
            return None
        sets = {"hold_ended_at": stamp(now), "hold_ended_because": because}
        edit = _refusing_stale_waits(Edit(sets=sets, when={"hold_ended_at": None}), live, now)
        mine = because, now
        return self._changed(record, edit) or self._if_written(
            incident_id, lambda live: (live.hold_ended_because, live.hold_ended_at) == mine
        )

    def save_answer(
        self,
        incident_id: str,
        word: Approval,
        decision: Decision | None,
        *,
        seen: IncidentRecord,
        begins: Beginning | None = None,
    ) -> IncidentRecord | None:
        """Record one person's answer to the plan (`word`), if nobody has decided it and no answer is newer than `seen`.

        An approval also acknowledges the incident's pages.

        Parameters
        ----------
        decision
            The decision that follows from this answer; None if the plan needs another person's approval too.
        seen
            The incident's record on which the person answered.
        begins
            The run and its locks, which the deciding approval stores in the same transaction.

        Returns
        -------
        IncidentRecord | None
            The new record. None if the incident is over, another answer came first, or another remediation began or
            ended at the same moment.
        """
        from firstline.adapters.dynamodb.reservations import begin_requests

        record = self.record(incident_id)
        live = _going_on(record)
        if record is None or live is None or seen.plan_digest is None:
            return None
        answers = self._answers(word, decision, seen)
        agrees = decision != "refused" and not live.answered
        marks = _acknowledgement(live, word.by, word.at) if agrees else Edit()
        # A yes acknowledges, too: one change more, so that it does not pass for no more than that.
        changes = 1 if decision == "refused" else 2
        try:
            self._table.transact_patiently(
                self._table.edit_request(decision_key(incident_id), answers),
                self._table.edit_request(
                    live_key(live.group_key), _refusing_stale_waits(marks, live, word.at, changes)
                ),
                self._table.check_request(plan_key(incident_id), Edit(when={"digest": seen.plan_digest})),
                *(begin_requests(self._table, begins, word.at) if begins else []),
            )
        except WriteRefused:
            return None
        written = self.record(incident_id)
        if written is None or decision is not None:
            return written
        # Another approver may have decided since: that is theirs to tell.
        undecided = {"approvals": [*seen.approvals, word], "decision": None, "decided_by": None, "decided_at": None}
        return written.model_copy(update=undecided)

    def _answers(self, word: Approval, decision: Decision | None, seen: IncidentRecord) -> Edit:
        """Return the edit that adds an answer (`word`) and the decision that it brings, if any, to the plan `seen`."""
        approvals = seen.approvals if decision == "refused" else [*seen.approvals, word]
        sets: Item = {"plan_digest": seen.plan_digest, "expires_at": self._table.late_expiry(word.at)}
        if approvals:
            sets |= {"approvals": [approval.model_dump_json() for approval in approvals]}
        if decision is not None:
            by = word.by if decision == "refused" else " and ".join(approval.by for approval in approvals)
            sets |= {"decision": decision, "decided_by": by, "decided_at": stamp(word.at)}
        if decision == "approved" and seen.plan is not None:
            sets["covers"] = seen.plan.covers  # the state machine sends nothing else
        if not seen.approvals:
            return Edit(sets=sets, when={"decision": None, "approvals": None})
        size = {":before": len(seen.approvals)}
        return Edit(sets=sets, when={"decision": None}, where="size(approvals) = :before", values=size)

    # --- what people say ----------------------------------------------------------------------------------------------

    def append_feedback(self, incident_id: str, word: Feedback, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add a person's feedback and return the new record, or None if other feedback came after the record `seen`."""
        return self._append(incident_id, "feedback", word.model_dump_json(), len(seen.feedback))

    def append_note(self, incident_id: str, note: Note, *, seen: IncidentRecord) -> IncidentRecord | None:
        """Add a note and return the new record, or None if another note came after the record `seen`."""
        return self._append(incident_id, "notes", note.model_dump_json(), len(seen.notes))

    # --- pieces of writes -------------------------------------------------------------------------------------------

    def _changed(self, record: IncidentRecord, edit: Edit) -> IncidentRecord | None:
        """Edit the incident's LIVE item and return the changed record, or None if the edit's condition fails."""
        item = self._table.edit(live_key(record.incident.group_key), edit)
        return None if item is None else with_live(record, read_lives(self._table, [item])[0])

    def _if_written(self, incident_id: str, is_mine: Callable[[Live], bool]) -> IncidentRecord | None:
        """Return the incident's record if a write that was just refused is on LIVE all the same, else None.

        That happens if an earlier try made the write and its reply was lost. `is_mine` recognizes the write.
        """
        record = self.record(incident_id)
        return record if record is not None and record.live is not None and is_mine(record.live) else None

    def _append(self, incident_id: str, name: str, entry: str, before: int) -> IncidentRecord | None:
        """Append an entry, as JSON, to a list (`notes`, `feedback`) of an INCIDENT item, and return the new record.

        Return None, and append nothing, if the length of the list is no longer `before`.
        """
        values: Item = {":none": [], ":entry": [entry]}
        unchanged = f"attribute_not_exists({name})"
        if before:
            unchanged, values = f"size({name}) = :before", values | {":before": before}
        change = f"SET {name} = list_append(if_not_exists({name}, :none), :entry)"
        condition = f"attribute_exists(pk) AND {unchanged}"
        if self._table.update(*incident_key(incident_id), change, values, condition=condition) is None:
            return None
        return self.record(incident_id)


def _going_on(record: IncidentRecord | None) -> Live | None:
    """Return the record's `Live` if the incident is open and no person resolved it, else None."""
    if record is None or record.status == CLOSED or record.live is None or not record.live.open:
        return None
    return None if resolved_by_hand(record.live) else record.live


def _acknowledgement(live: Live, by: str, now: datetime) -> Edit:
    sets = {"acked_at": stamp(now), "acked_by": by, "acked_rank": told_rank(live)}
    return Edit(sets=sets, copies={"acked_seq": "paged_seq"})


def _refusing_stale_waits(edit: Edit, live: Live, now: datetime, changes: int = 1) -> Edit:
    """Return the edit of LIVE, extended to add `changes` to LIVE's `changes` and to let reconcile look a minute later.

    An execution that has read an older number cannot begin to wait, so it sees what the edit did. The edit then also
    fails if the incident is not open.
    """
    return replace(
        edit,
        sets={**edit.sets, "due_sk": stamp(now + LOOK_AGAIN)},
        adds={**edit.adds, "changes": changes},
        when={"incident_id": live.incident_id, "status": OPEN, **edit.when},
    )
