"""Writes on an open incident's LIVE item: verdicts, pages, marks, and the time of reconcile's next look.

Each is one update under a condition. A mark, such as "a page is due", may be removed only if nothing changed since it
was read. So the update is tried on that condition and, if that fails, again without removing the mark.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from firstline.adapters.dynamodb.edits import Edit
from firstline.adapters.dynamodb.live import LOOK_AGAIN, OPEN, PARTS_OF_DUE, live_key, read_live, read_lives
from firstline.adapters.dynamodb.records import incident_key, page_key
from firstline.adapters.dynamodb.table import TableStore, WriteRefused, stamp
from firstline.models import PAGING_RANK, SEVERITY_RANK, Loud
from firstline.models.live import LAYOUT, loudest_since

if TYPE_CHECKING:
    from firstline.adapters.dynamodb.table import Item
    from firstline.models import Classification, Hold, Incident, Live, Page


class LiveMarks(TableStore):
    """The notes on incidents' LIVE items while they are open: verdicts, pages, holds, the next look of reconcile.

    Every method raises `HistoryUnavailable` when DynamoDB fails.
    """

    def live(self, group_key: str) -> Live | None:
        """Return the LIVE item of a group's newest incident, open or closed; None if the group has none."""
        return read_live(self._table, group_key)

    # --- verdicts -----------------------------------------------------------------------------------------------------

    def judge(
        self, incident: Incident, generation: int, verdict: Classification, now: datetime, *, seen: Live | None
    ) -> None:
        """Store a verdict on an incident, and that it covers the alerts in `seen` (LIVE as it was when judged).

        LIVE takes it only if `generation`, the number of the execution that judged, is that of the execution in charge.
        A verdict of a severity that does not page cancels the page that is due, unless alerts joined after `seen`. With
        `seen` None (LIVE was not read), the verdict is on the first alert only: an earlier verdict stays, and the page
        stays due.
        """
        item = self._table.update(
            *incident_key(incident.incident_id),
            "SET classification = :verdict",
            {":verdict": verdict.to_stored()},
            condition="attribute_exists(pk)" + (" AND attribute_not_exists(classification)" if seen is None else ""),
        )
        if item is None and seen is None:
            # Whoever stored the earlier verdict may have died before LIVE had it.
            verdict = self._stored_verdict(incident.incident_id)[0] or verdict
        mine: Item = {"status": OPEN, "generation": generation}
        rank, still = SEVERITY_RANK[verdict.severity], mine | ({"decided": None} if seen is None else {})
        sets: Item = {"decided": rank, "started": generation, **_due_by_verdict(verdict, now, seen)}
        if seen is not None:
            sets |= {"judged": seen.joined, **loud_fields("judged_loud", seen.loud)}
        if verdict.hold is None:
            sets |= {"held_until": None}
        once = {"loud_since": stamp(now)} if rank >= PAGING_RANK and (seen is None or rank > _heard_rank(seen)) else {}
        edits = [plain := Edit(sets=sets, once=once, when=still)]
        if verdict.hold is not None and (seen is None or seen.hold_ended_at is None):
            # A person may have ended the hold since the verdict was formed, and then it has ended.
            held = sets | {"held_until": stamp(verdict.hold.until)}
            edits = [Edit(sets=held, once=once, when=still | {"hold_ended_at": None}), plain]
        elif verdict.hold is not None and seen is not None:
            held = sets | {"held_until": stamp(verdict.hold.until), "hold_ended_at": None, "hold_ended_because": None}
            edits = [Edit(sets=held, once=once, when=still | {"hold_ended_at": _stamp(seen.hold_ended_at)}), plain]
        if rank < PAGING_RANK and seen is not None:
            first = edits[0]
            quiet = Edit(sets={**first.sets, "loud_since": None}, when={**first.when, **_as_counted(seen)})
            edits = [quiet, *edits]
        if seen is None:
            edits.append(Edit(sets={"started": generation}, when=mine))
        self._first_possible(incident, *edits)

    # --- pages --------------------------------------------------------------------------------------------------------

    def claim_page(self, incident: Incident, page: Page, lease_until: datetime, now: datetime, *, seen: Live) -> bool:
        """Claim the right to send a page until `lease_until`, after which another caller may send it.

        Return False if another claim or an acknowledgement came after LIVE was read (`seen`), or the incident is over.
        """
        taken = seen.page_done < seen.paged_seq and seen.page_lease is not None and seen.page_lease > now
        if taken or not seen.open:
            return False
        live = Edit(
            sets={
                "paged_seq": page.seq,
                "page_level": page.level,
                "page_round": page.round,
                "page_lease": stamp(lease_until),
                "paged_rank": known_rank(seen),
                **loud_fields("paged_loud", seen.loud),
                **_due_unless_soon(seen, lease_until, now),
            },
            when={
                "incident_id": incident.incident_id,
                "status": OPEN,
                "paged_seq": seen.paged_seq,
                "page_done": seen.page_done,
                "page_lease": _stamp(seen.page_lease),
                "acked_at": _stamp(seen.acked_at),
                "resolved_at": _stamp(seen.resolved_at),
            },
        )
        try:
            self._table.transact_patiently(
                self._table.edit_request(live_key(incident.group_key), live),
                self._table.put_request(self._page_item(incident, page, now)),
            )
        except WriteRefused:
            return False
        return True

    def finish_page(
        self,
        incident: Incident,
        page: Page,
        again_at: datetime,
        now: datetime,
        *,
        seen: Live | None = None,
        shown: bool = False,
    ) -> None:
        """Store that a page went out and when the next is due (`again_at`).

        A page that was sent without a claim counts too: it told people of the alerts in `seen`, LIVE as the sender read
        it; without `seen`, of the severity with which the incident opened, so that only worse alerts are paged again at
        once. With `shown`, store also that people's messages show the alerts in `seen`.
        """
        self._table.put(self._page_item(incident, page, now))
        sets = {"page_done": page.seq, "last_paged_at": stamp(now), "page_again_at": stamp(again_at)}
        newer = "page_done < :seq AND paged_seq >= :seq"
        edit = Edit(sets=sets, once={"paged_at": stamp(now)}, where=newer, values={":seq": page.seq})
        # An alert that joined after the claim is not on the page.
        covered = "loud_high = paged_loud_high AND loud_critical = paged_loud_critical AND attribute_not_exists(shards)"
        quiet = replace(edit, sets=sets | {"loud_since": None}, where=f"{newer} AND {covered}")
        place = {"paged_seq": page.seq, "page_level": page.level, "page_round": page.round}
        unclaimed = place | {"paged_rank": SEVERITY_RANK[incident.alert.severity]}
        if seen is not None:
            unclaimed |= {"paged_rank": known_rank(seen), **loud_fields("paged_loud", seen.loud)}
        late = replace(edit, sets=sets | unclaimed, where="paged_seq < :seq")
        edits = [quiet, edit, late]
        if shown and seen is not None:
            # Refused if people were shown more meanwhile.
            edits = [*(_showing(each, seen.version) for each in edits), *edits]
        self._first_possible(incident, *edits)

    def release_page(self, incident: Incident, page: Page, now: datetime) -> None:
        """Give back the claim of a page that no channel took, so that it can be claimed again at once."""
        claimed = "page_done < :seq"
        sets: Item = {"page_lease": stamp(now), "due_sk": stamp(now)}
        edit = Edit(sets=sets, when={"paged_seq": page.seq}, where=claimed, values={":seq": page.seq})
        self._first_possible(incident, edit)

    def begin_quiet(self, incident: Incident, now: datetime) -> bool:
        """Store that an incident's pages are over because none of its alerts fires.

        If an alert fires again, paging begins anew at the first level. Return False, and store nothing, if one fires
        now, or joins at the same moment.
        """
        live = self.live(incident.group_key)
        if live is None or live.incident_id != incident.incident_id or live.firing > 0:
            return False
        void: Item = {"loud_since": None, **_due_unless_soon(live, now + LOOK_AGAIN, now)}
        as_seen = {"status": OPEN, "firing": live.own.firing, **_as_counted(live)}
        return self._first_possible(incident, Edit(sets=void, copies={"voided_seq": "paged_seq"}, when=as_seen))

    def await_quiet(
        self, incident: Incident, generation: int, token: str, now: datetime, *, seen: Live, void: bool
    ) -> bool:
        """Store the task token of an execution's wait through the grouping window, if nothing changed since `seen`.

        With `void`, also store what `begin_quiet` stores. Return False, and store nothing, if anything changed, if
        another generation has the incident, or if another attempt of the state has stored its token: an attempt that
        Step Functions gave up on may come last, and nobody waits with its token.
        """
        as_seen = {"generation": generation, "status": OPEN, "changes": seen.own.changes}
        as_seen |= {"firing": seen.own.firing, "paged_seq": seen.paged_seq, **_as_counted(seen)}
        free, values = "attribute_not_exists(task_token)", {":mine": token}
        if seen.task_token is not None:
            free, values = "task_token = :seen", values | {":seen": seen.task_token}
        wait = Edit(
            sets={"task_token": token, "awaiting": "quiet"},
            when=as_seen,
            # The client itself repeats a write whose answer is lost.
            where=f"{free} OR task_token = :mine",
            values=values,
        )
        if void:
            pages_over: Item = {"loud_since": None, **_due_unless_soon(seen, now + LOOK_AGAIN, now)}
            wait = replace(wait, sets={**wait.sets, **pages_over}, copies={"voided_seq": "paged_seq"})
        return self._first_possible(incident, wait)

    # --- marks --------------------------------------------------------------------------------------------------------

    def mark_shown(self, incident: Incident, version: int) -> None:
        """Store which `Live.version` of the incident people were shown, unless a newer one is stored."""
        newer = {":version": version}
        self._first_possible(incident, Edit(sets={"shown": version}, where="shown < :version", values=newer))

    def name_hold(self, incident_id: str, hold: Hold) -> None:
        """Store in the incident's verdict the hold that holds it now, if the verdict names another.

        Do nothing if the incident has no verdict with a hold, or if the verdict changes meanwhile. A rule's hold stays,
        and so does a silence until the incident resolves, which the close finds and ends by it. The stored hold ends
        when the old one did, if that is earlier: then Classify asks again what still holds the incident.
        """
        verdict, stored = self._stored_verdict(incident_id)
        named = verdict.hold if verdict else None
        if verdict is None or named is None or named.by == "rule" or named.until_resolved:
            return
        if (named.by, named.id) == (hold.by, hold.id):
            return
        hold = hold.model_copy(update={"until": min(hold.until, named.until)})
        reasons = [hold.reason if reason == named.reason else reason for reason in verdict.reasons]
        self._table.update(
            *incident_key(incident_id),
            "SET classification = :verdict",
            {":verdict": verdict.model_copy(update={"hold": hold, "reasons": reasons}).to_stored(), ":stored": stored},
            condition="classification = :stored",
        )

    def mark_verified(self, incident: Incident, now: datetime) -> None:
        """Store when a runbook first verified that the host recovered."""
        self._first_possible(incident, Edit(once={"verified_at": stamp(now)}))

    def withdraw_resolve(self, incident: Incident, *, seen: Live) -> None:
        """Take a person's Resolve back, because alerts joined before the incident was closed.

        If one of these alerts is bad enough to page, and neither that person nor the last page knew of it, earlier
        pages also lose their acknowledgement and paging begins anew at the first level, unless somebody was paged or
        acknowledged after LIVE was read (`seen`). PagerDuty may still count its incident as acknowledged and then rings
        nobody, so the next page uses other channels, too: LIVE's `acked_seq`, set to the number of the last page, says
        so.
        """
        words: Item = {"resolved_at": None, "resolved_by": None, "resolved_seen": None}
        edits = [Edit(sets=words, when={"status": OPEN, "resolved_at": _stamp(seen.resolved_at)})]
        told = Loud(**{name: max(getattr(seen.paged_loud, name), number) for name, number in seen.resolved_loud})
        if seen.paged_seq and loudest_since(seen, told):
            anew = replace(
                edits[0],
                sets=words | {"acked_at": None, "acked_by": None, "acked_rank": 0},
                once={"loud_since": stamp(seen.last_alert_at)},
                copies={"voided_seq": "paged_seq", "acked_seq": "paged_seq"},
                when={**edits[0].when, "paged_seq": seen.paged_seq, "acked_at": _stamp(seen.acked_at)},
            )
            edits.insert(0, anew)
        self._first_possible(incident, *edits)

    # --- reconcile ----------------------------------------------------------------------------------------------------

    def due(self, now: datetime, limit: int, *, resting: Mapping[str, datetime] | None = None) -> list[Live]:
        """Return the LIVE items of at most `limit` open incidents at which reconcile must look by now, earliest first.

        Reconcile must look at an incident at the due time on its LIVE item. `resting` maps a group's key to a due time;
        the group's LIVE item is left out as long as its due time is that one.
        """
        until = stamp(now)
        rests = {(live_key(group_key)[0], stamp(due_at)) for group_key, due_at in (resting or {}).items()}
        found = [
            item
            for part in range(PARTS_OF_DUE)
            for item in self._table.query(f"DUE#{part}", index="due", since="0", until=until, limit=limit + len(rests))
            if (item["pk"], item["due_sk"]) not in rests
        ]
        oldest = sorted(found, key=lambda item: str(item["due_sk"]))[:limit]
        items = self._table.get_all((item["pk"], item["sk"]) for item in oldest)
        # The index may be a moment behind.
        lives = [(live.due_at, live) for live in read_lives(self._table, items.values()) if live.open and live.due_at]
        return [live for due_at, live in sorted(lives, key=lambda due: due[0]) if due_at <= now]

    def postpone(self, live: Live, until: datetime) -> None:
        """Let reconcile look at an incident later, at `until`, unless its LIVE item changed since it was read.

        If further items (shards) count its alerts, the delay is at most a minute, because a write to them does not
        always change LIVE.
        """
        if live.due_at is None:
            return
        later = min(until, live.due_at + LOOK_AGAIN) if live.shards else until
        as_seen: Item = {"incident_id": live.incident_id, "status": OPEN, "due_sk": stamp(live.due_at)}
        as_seen |= {"joined": live.own.joined, "changes": live.own.changes}
        # A claim of a page need not change `due_sk`.
        as_seen |= {"paged_seq": live.paged_seq, "page_lease": _stamp(live.page_lease)}
        self._table.edit(live_key(live.group_key), Edit(sets={"due_sk": stamp(later)}, when=as_seen))

    def begin_generation(self, live: Live, now: datetime) -> Live | None:
        """Count a new execution, which takes over from a dead one, and return the new LIVE item.

        Return None if another caller counted one since `live` was read, or if the incident is over.
        """
        edit = Edit(
            sets={
                "generation": live.generation + 1,
                "task_token": None,
                "awaiting": None,
                "due_sk": stamp(now + LOOK_AGAIN),
            },
            adds={"changes": 1},
            when={"incident_id": live.incident_id, "status": OPEN, "generation": live.generation},
        )
        item = self._table.edit(live_key(live.group_key), edit)
        return read_lives(self._table, [item])[0] if item else None

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _first_possible(self, incident: Incident, *edits: Edit) -> bool:
        """Make the first of these edits whose condition holds and no other; none if the group has a newer incident.

        Return False if none was made.
        """
        mine = (replace(edit, when={"incident_id": incident.incident_id, **edit.when}) for edit in edits)
        return any(self._table.edit(live_key(incident.group_key), edit) is not None for edit in mine)

    def _stored_verdict(self, incident_id: str) -> tuple[Classification | None, str | None]:
        """Return the incident's verdict, and the same as it is stored; None for both if there is none."""
        from firstline.models import Classification  # imported late: ingest has no verdicts

        stored = (self._table.get(*incident_key(incident_id)) or {}).get("classification")
        return (None if stored is None else Classification.from_stored(json.loads(stored))), stored

    def _page_item(self, incident: Incident, page: Page, now: datetime) -> Item:
        pk, sk = page_key(incident.incident_id, page.seq)
        item = {"pk": pk, "sk": sk, "layout": LAYOUT, "page": page.model_dump_json()}
        return item | {"expires_at": self._table.late_expiry(now)}


def known_rank(live: Live) -> int:
    """Return the severity rank that a message sent now would show, from 0 (`noise`) to 4 (`critical`).

    It is the verdict's or, if that is higher, the rank of the worst loud alert (high or critical, not held).
    """
    return max(live.rank, loudest_since(live, Loud()))


def told_rank(live: Live) -> int:
    """Return the worst severity rank, from 0 to 4, that a page or message has told people of.

    Alerts that joined since do not count. If no page and no message is on record, all alerts count: a person answers,
    so a message went out, and only its record was lost.
    """
    if live.shown >= live.version or (live.shown == 0 and live.paged_seq == 0):
        return known_rank(live)
    return max(live.paged_rank, live.decided or 0)


def _showing(edit: Edit, version: int) -> Edit:
    """Return the edit so that it also stores the `Live.version` that people were shown; it fails if a newer one is."""
    older, values = f"({edit.where}) AND shown <= :version", {**edit.values, ":version": version}
    return replace(edit, sets={**edit.sets, "shown": version}, where=older, values=values)


def _heard_rank(live: Live) -> int:
    """Return the worst severity rank that people know of by the newest page (if it went out) or acknowledgement."""
    return max(live.paged_rank if live.page_done == live.paged_seq else 0, live.acked_rank)


def loud_fields(name: str, loud: Loud) -> Item:
    return {f"{name}_{part}": number for part, number in loud.model_dump().items()}


def _due_unless_soon(live: Live, until: datetime, now: datetime) -> Item:
    """Return the attribute `due_sk` that lets reconcile look at `until`; nothing if it looks before that anyway.

    A changed `due_sk` also costs a write to the index `due`.
    """
    return {} if live.due_at is not None and now < live.due_at <= until else {"due_sk": stamp(until)}


def _due_by_verdict(verdict: Classification, now: datetime, seen: Live | None) -> Item:
    """Return the attribute `due_sk` that lets reconcile look soon at what a verdict makes due: a page, or a hold's end.

    Reconcile may have found, while the verdict was formed, that nothing is due for a while, unless LIVE said so before.
    """
    if SEVERITY_RANK[verdict.severity] < PAGING_RANK and verdict.hold is None:
        return {}
    if seen is None or seen.loud_since is None or (verdict.hold and verdict.hold.until != seen.held_until):
        return {"due_sk": stamp(now + LOOK_AGAIN)}
    return _due_unless_soon(seen, now + LOOK_AGAIN, now)


def _as_counted(live: Live) -> Item:
    """Return the condition that no alert joined since LIVE was read.

    If shards count the alerts, LIVE's `changes` is compared, too: it grows with each alert that the execution must see.
    """
    if live.shards:
        return {"joined": live.own.joined, "changes": live.own.changes}
    return {"joined": live.own.joined}


def _stamp(at: datetime | None) -> Any:
    return None if at is None else stamp(at)
