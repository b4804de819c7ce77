"""The live half of an incident, and its alerts: counts and marks that several writers may change at the same time.

A group of alerts has one `Live`, which is the live half of the group's newest incident. The other half is the
`IncidentRecord` that people read (the verdict, the outcome); an alert that joins never writes it.

The fields of `Live` that decide what happens next. Written by: methods of the port `Incidents`, states of the machine,
and ingest with each alert. Read by: `incidents/what_now.py` (the next state), `pages.py` (is a page due?) and
`waking.py` (does an alert end the execution's wait?), also through properties such as `joined`, `rank` and `answered`.

| field | written by | read by |
|---|---|---|
| `own`, `shards` | ingest | `what_now`, `pages`, `waking` |
| `last_alert_at` | ingest | `what_now`, `pages` |
| `last_end_at` | ingest | `what_now` |
| `generation` | `begin_generation` | `what_now` |
| `judged` | `judge` | `what_now` |
| `judged_loud` | `judge` | `what_now`, `pages`, `waking` |
| `decided` | `judge`, `escalate` | `what_now`, `pages` |
| `held_until` | `judge`, ingest at the opening | `what_now`, `pages` |
| `hold_ended_at` | `end_hold`, `judge` | `pages` |
| `acted_at` | `Claim Step` | `what_now` |
| `verified_at` | `mark_verified` | `what_now`, `pages` |
| `loud_since` (set) | ingest, `judge`, `take_back`, `escalate`, `withdraw_resolve` | `pages` |
| `loud_since` (removed) | `judge`, `finish_page`, `acknowledge`, `begin_quiet`, `await_quiet` | `pages` |
| `loud_since` (removed) | `Record Page` | `pages` |
| `paged_seq` | `claim_page`, `finish_page`, `Record Page` | `what_now`, `pages` |
| `page_level`, `page_round`, `paged_loud` | `claim_page`, `finish_page` | `pages` |
| `paged_rank` | `claim_page`, `finish_page`, `Record Page` | `pages` |
| `page_lease` | `claim_page`, `release_page` | `pages` |
| `page_done`, `last_paged_at` | `finish_page`, `Record Page` | `what_now`, `pages` |
| `page_again_at` | `finish_page`, `take_back`, `escalate`, `Record Page` | `pages` |
| `voided_seq` | `begin_quiet`, `await_quiet`, `withdraw_resolve` | `pages` |
| `escalated_at` | `escalate` | `pages` |
| `acked_seq` | `acknowledge`, `save_answer`, `withdraw_resolve` | `what_now`, `pages` |
| `acked_at` | `acknowledge`, `save_answer`, `take_back`, `escalate`, `withdraw_resolve` | `what_now`, `pages` |
| `acked_rank` | `acknowledge`, `save_answer`, `take_back`, `escalate`, `withdraw_resolve` | `pages` |
| `resolved_by`, `resolved_seen` | `resolve`, `withdraw_resolve` | `what_now` |
| `shown` | `mark_shown`, `finish_page` | `what_now` |
| `task_token` | each wait, `await_quiet`, `begin_generation` | `waking` |
| `awaiting` | each wait, `await_quiet`, `begin_generation` | `pages`, `waking` |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, Field

from firstline.models.alert import NormalizedAlert
from firstline.models.frozen import Frozen, Name
from firstline.models.severity import PAGING_RANK, SEVERITY_RANK

LAYOUT = 1
"""The version of the table's layout, stored on every item of an incident for later releases to read first."""

STORM_PREFIX = "storm:"
"""The prefix of a storm incident's group key; the source follows."""


class Counts(Frozen):
    """The numbers of alerts that joined an incident and that still fire. Writers only add (also negative numbers).

    An alert that got worse, or fires again after its end, counts in `joined`, `ranks`, `loud_high` and `loud_critical`
    as if it had joined once more. `again` counts these repeats, so that people read how many alerts there are.
    `ranks` counts the alerts that joined by rank (`SEVERITY_RANK`, 0 to 4). `loud_high` and `loud_critical` count the
    high and critical alerts that no hold kept back. `changes` counts everything that a waiting execution must see.
    `lost` counts the alerts that ended without data, so that nobody saw them recover; `lost_loud` counts the loud ones
    among them.
    """

    joined: int = 0
    firing: int = 0
    changes: int = 0
    ranks: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    loud_high: int = 0
    loud_critical: int = 0
    lost: int = 0
    lost_loud: int = 0
    again: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        first, second = self.ranks, other.ranks
        return Counts(
            joined=self.joined + other.joined,
            firing=self.firing + other.firing,
            changes=self.changes + other.changes,
            ranks=(
                first[0] + second[0],
                first[1] + second[1],
                first[2] + second[2],
                first[3] + second[3],
                first[4] + second[4],
            ),
            loud_high=self.loud_high + other.loud_high,
            loud_critical=self.loud_critical + other.loud_critical,
            lost=self.lost + other.lost,
            lost_loud=self.lost_loud + other.lost_loud,
            again=self.again + other.again,
        )


class Loud(Frozen):
    """The numbers of loud alerts that a decision knew of: high and critical alerts that no hold kept back."""

    high: int = 0
    critical: int = 0


type Awaiting = Literal["hold", "recovery", "acknowledgement", "resolution", "quiet"]
"""The event that the execution waits for; the names of the states are `Hold`, `Await Recovery` and so on."""


class Live(Frozen):
    """The live half of an incident: the `LIVE` item of its group, with counts and marks that many writers change.

    It holds no list that grows with the incident, and never expires while the incident is open. Loud alerts are high or
    critical ones that no hold kept back.

    Parameters
    ----------
    generation
        Counts the incident's executions: one that died, or that handed over, is succeeded by the next.
    started
        The newest generation whose execution has begun. Lower than `generation` means: start it.
    own
        The counts on this item. In a storm of writes further counts lie on shards; `counts` is the sum.
    shards
        The counts of each shard; empty for most incidents.
    loud_since
        When the first loud alert came that no page covers yet; None if pages cover all of them.
    judged, decided
        How many alerts had joined at the last verdict, and the rank of its severity; 0 and None before a verdict.
    judged_loud
        The loud alerts that the last verdict knew of.
    held_until
        The end of the hold on the incident, while it lasts.
    paged_seq, page_done
        The number of the newest page that was claimed, and of the newest that went out.
    page_lease
        Until when the claim of a page that has not gone out yet is valid.
    page_again_at
        When the next level or round is due if nobody acknowledges.
    voided_seq
        Pages up to this number no longer ring, because all alerts resolved after them.
    paged_rank, acked_rank
        The worst rank that the newest page, and the newest acknowledgement, knew of.
    paged_loud
        The loud alerts that the newest page knew of.
    escalated_at, escalated_by
        When a person last asked for the next page, and who.
    acked_seq
        `paged_seq` at the newest acknowledgement, which does not answer later pages.
    resolved_seen, resolved_loud
        How many alerts, and how many loud ones, had joined when the person who pressed Resolve looked.
    verified_at
        When a runbook's verification held although the alert still fires.
    acted_at
        When the first step that changes something was claimed.
    shown
        The `version` of the incident that the newest message to people shows; 0 before the first message.
    """

    layout: int = LAYOUT
    group_key: Name
    incident_id: str
    generation: int = 1
    started: int = 0
    open: bool = True
    opened_at: AwareDatetime
    last_alert_at: AwareDatetime
    last_end_at: AwareDatetime | None = None
    own: Counts = Counts()
    shards: tuple[Counts, ...] = ()
    loud_since: AwareDatetime | None = None
    judged: int = 0
    decided: int | None = None
    judged_loud: Loud = Loud()
    held_until: AwareDatetime | None = None
    hold_ended_at: AwareDatetime | None = None
    hold_ended_because: str | None = None
    paged_seq: int = 0
    page_done: int = 0
    page_lease: AwareDatetime | None = None
    page_level: int = 0
    page_round: int = 0
    paged_at: AwareDatetime | None = None
    last_paged_at: AwareDatetime | None = None
    page_again_at: AwareDatetime | None = None
    paged_rank: int = 0
    paged_loud: Loud = Loud()
    voided_seq: int = 0
    escalated_at: AwareDatetime | None = None
    escalated_by: str | None = None
    acked_seq: int = 0
    acked_at: AwareDatetime | None = None
    acked_by: str | None = None
    acked_rank: int = 0
    resolved_at: AwareDatetime | None = None
    resolved_by: str | None = None
    resolved_seen: int | None = None
    resolved_loud: Loud = Loud()
    verified_at: AwareDatetime | None = None
    acted_at: AwareDatetime | None = None
    shown: int = 0
    awaiting: Awaiting | None = None
    task_token: str | None = Field(default=None, repr=False)
    due_at: AwareDatetime | None = None
    flapping: bool = False
    opened: tuple[AwareDatetime, ...] = ()
    closed_at: AwareDatetime | None = None

    @property
    def counts(self) -> Counts:
        """The counts of this item and of all shards together."""
        return sum(self.shards, self.own)

    @property
    def joined(self) -> int:
        """The number of times that an alert joined, got worse or fired again, the opening ones included."""
        return self.counts.joined

    @property
    def alerts(self) -> int:
        """The number of alerts that the incident has had, each counted once."""
        counts = self.counts
        return counts.joined - counts.again

    @property
    def firing(self) -> int:
        """The number of the incident's alerts that fire now."""
        return self.counts.firing

    @property
    def lost(self) -> int:
        """The number of alerts that ended without data, so that nobody saw them recover."""
        return self.counts.lost

    @property
    def lost_loud(self) -> int:
        """The number of loud alerts (high or critical, not held back) that ended without data."""
        return self.counts.lost_loud

    @property
    def loud(self) -> Loud:
        """The numbers of high and critical alerts that joined and that no hold kept back."""
        counts = self.counts
        return Loud(high=counts.loud_high, critical=counts.loud_critical)

    @property
    def worst(self) -> int:
        """The worst rank (0 to 4) among all alerts that joined, held back or not."""
        ranks = self.counts.ranks
        return max((rank for rank in range(5) if ranks[rank] > 0), default=0)

    @property
    def version(self) -> int:
        """A number that grows with every change of the incident that a message to people shows."""
        counts = self.counts
        return counts.joined + counts.changes

    @property
    def is_storm(self) -> bool:
        """True if this is a source's storm incident."""
        return self.group_key.startswith(STORM_PREFIX)

    @property
    def answered(self) -> bool:
        """True if a person acknowledged the incident after its newest page, or without any page."""
        return self.acked_at is not None and self.acked_seq >= self.paged_seq

    @property
    def rank(self) -> int:
        """The rank (0 to 4) to act on: the verdict's, or that of a worse alert that came after the verdict.

        Only high and critical alerts that are not held count as later ones. Without a verdict, it is the worst alert's
        rank.
        """
        if self.decided is None:
            return self.worst
        return max(self.decided, loudest_since(self, self.judged_loud))


def loudest_since(live: Live, known: Loud) -> int:
    """Return the rank of the worst high or critical alert that joined after `known` was counted; 0 if none did.

    Alerts that are held do not count.
    """
    loud = live.loud
    if loud.critical > known.critical:
        return SEVERITY_RANK["critical"]
    return PAGING_RANK if loud.high > known.high else 0


class StoredAlert(Frozen):
    """One alert of a group as the table stores it: its newest state, and the incident whose counts include it.

    Parameters
    ----------
    rank
        The rank of the severity that a rule gave the alert, or else its sender.
    began_at, ended_at
        When the alert last began to fire, and when it ended, by the sender's clock; never later than received.
    received_at
        When the message that gave the alert this state was received. A message received earlier comes too late.
    live_key
        The group key of the `Live` that counts the alert: its own group's, or a storm's.
    number
        About how many alerts had joined the incident before: only for sorting.
    inhibits
        The keys of the inhibitions that count the alert while it fires, by the rules as they were when it joined.
    """

    layout: int = LAYOUT
    fingerprint: Name
    firing: bool
    rank: int
    held: bool = False
    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    received_at: AwareDatetime
    incident_id: str | None = None
    live_key: Name | None = None
    number: int = 0
    inhibits: tuple[str, ...] = ()
    alert: NormalizedAlert
    """The alert without the sender's body."""

    @property
    def lost(self) -> Counts:
        """The counts `lost` and `lost_loud` of this alert; all zero unless it ended without data."""
        if self.firing or self.alert.nothing_known is None:
            return Counts()
        return Counts(lost=1, lost_loud=int(self.rank >= PAGING_RANK and not self.held))


def covered(alert: StoredAlert, live: Live | None, now: datetime, *, reopen_after: timedelta) -> bool:
    """Return True if the incident of a firing alert is open, or was closed less than `reopen_after` ago.

    Whoever closed the incident knew of the alert, because a close is refused if an alert joined unnoticed. So for that
    time, a repeat of the alert opens no new incident. `live` is the `Live` item that counts the alert; if it is None,
    or is about another incident by now, the answer is False.
    """
    if live is None or live.incident_id != alert.incident_id:
        return False
    return live.open or (live.closed_at is not None and now - live.closed_at < reopen_after)


@dataclass(frozen=True, slots=True)
class AlertWrite:
    """One alert's new state (`after`), written only if the table still holds `before` (None for a new alert)."""

    before: StoredAlert | None
    after: StoredAlert


@dataclass(frozen=True, slots=True)
class Change:
    """The effect of one group's alerts on their group and on one incident: one write, all or nothing.

    Parameters
    ----------
    live_key, incident_id
        The `Live` that counts the alerts, and the incident that this `Live` must still be about.
    adds
        The numbers to add to the incident's counts; `firing` is negative when alerts end.
    new
        The alerts that joined, with their senders' bodies, to be kept as evidence.
    inhibits
        For each inhibition's key, how many more (or, negative, fewer) of its inhibiting alerts fire.
    needs_hold
        True if the write is valid only while the incident's hold lasts, because the hold kept an alert back.
    """

    group_key: str
    live_key: str
    incident_id: str
    writes: tuple[AlertWrite, ...]
    adds: Counts
    at: datetime
    new: tuple[NormalizedAlert, ...] = ()
    inhibits: Mapping[str, int] = field(default_factory=dict)
    needs_hold: bool = False
