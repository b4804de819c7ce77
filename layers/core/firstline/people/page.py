"""Pages to the person on call. Each is claimed before it goes out, and recorded after.

The state machine and reconcile (the periodic repair) both page through `page_on_call`. The claim is a conditional write
with a lease: if both page at the same moment, only one page goes out, and a retry after a page finds the record and
sends none.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from firstline.channels.delivery import Channel, tell_all
from firstline.channels.pagerduty import rings_by_itself
from firstline.contracts import PageOnCallInput, PageOnCallOutput
from firstline.errors import ChannelFailed, HistoryUnavailable, NobodySubscribed, PageUndelivered, PageUnheard
from firstline.incidents.message_facts import severity
from firstline.incidents.pages import LEASE, Due, next_page, page_due
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, Live, Notification, Page
from firstline.observability import logger, metrics
from firstline.people.announce import unwritten
from firstline.people.members import member, stored_members
from firstline.people.page_reason import page_reason
from firstline.policy.paging import Level, PagingPolicy

FALLBACK = "sns"
"""The stack's own page topic, which is tried if no other channel woke anybody: every stack has it."""

ALREADY_PAGED = "whoever PagerDuty has paged for its own incident"
"""The words for who was paged when PagerDuty sent the alert, and the level has no other channel that wakes people."""


def page_on_call(
    event: PageOnCallInput,
    *,
    policy: PagingPolicy,
    channels: Mapping[str, Channel],
    incidents: Incidents,
    now: datetime,
    on_call: Callable[[Level], str | None],
    must_claim: bool = False,
    text: Callable[[Level], Channel] | None = None,
) -> PageOnCallOutput:
    """Page the next escalation level, if a page is due; after the last level comes the first one again.

    Channels that wake people go first. A page counts as delivered if one of those took it; if none did, the page topic
    `sns` is tried, even if the level does not list it. For an alert that PagerDuty sent, PagerDuty's own page counts.
    After these channels, the name of the person on call is looked up and Slack is told, so that neither delays the
    pager. If the table cannot be reached, the page goes out unclaimed, unless `must_claim` is true.

    Parameters
    ----------
    channels
        The configured channels by the policy's names. `sns` must be there.
    on_call
        Returns the person on call at a level; with None, the page has the level's text `on_call`. Must not raise.
    must_claim
        True for reconcile, the repair that runs each minute: without the table it pages nobody.
    text
        Returns the channel `sms` for a level, which sends a text message to the person on call. With None, a level's
        `sms` is left out unless `channels` has it.

    Returns
    -------
    PageOnCallOutput
        The page that went out; if none is due, or another function sends it, the newest page on record.

    Raises
    ------
    PageUndelivered
        No person was woken; the message says what each channel answered. The page may be claimed again at once. The
        error is `PageUnheard` if, besides, nobody is subscribed to the page topic.
    HistoryUnavailable
        The table could not be reached, and the page must be claimed.
    """
    pager = _Pager(policy, channels, incidents, now, on_call, text)
    try:
        record = incidents.record(event.incident.incident_id)
    except HistoryUnavailable:
        if must_claim:
            raise
        logger.exception("The table could not be read: paging without the incident's history")
        record = None
    known = _with_news(record or unwritten(event.incident), event)
    live = known.live
    if known.status == "CLOSED":
        return PageOnCallOutput(page=_newest(known))
    if live is None:
        if must_claim:
            raise HistoryUnavailable(
                f"incident {known.incident.incident_id} has no LIVE item, so its page cannot be claimed"
            )
        return PageOnCallOutput(page=pager.send(_Job(known, event.reason, "first", seq=1, level=0, round=0)))
    due = page_due(live, now) if live.incident_id == event.incident.incident_id else None
    if due is None:
        return PageOnCallOutput(page=_newest(known))
    job = _Job(known, event.reason, due, *next_page(live, due, len(pager.levels(known))))
    if not pager.claim(job, live, must_claim=must_claim):
        return PageOnCallOutput(page=_newest(incidents.record(event.incident.incident_id) or known))
    return PageOnCallOutput(page=pager.send(job))


def overdue(record: IncidentRecord, reason: str) -> PageOnCallInput:
    """Return the input with which reconcile (the periodic repair) pages if the execution has not paged in time.

    `reason` says in words why reconcile pages.
    """
    return PageOnCallInput(
        incident=record.incident,
        generation=record.live.generation if record.live else 1,
        classification=record.classification,
        plan=record.plan,
        results=record.results,
        reason=reason,
    )


class _Job(NamedTuple):
    """A page that is due: its incident, its reason, and its place among the incident's pages."""

    record: IncidentRecord
    reason: str
    due: Due
    seq: int
    level: int
    round: int


@dataclass
class _Pager:
    """The sender of one page. `reached` lists the channels that took it, `failed` the error of each that did not."""

    policy: PagingPolicy
    channels: Mapping[str, Channel]
    incidents: Incidents
    now: datetime
    on_call: Callable[[Level], str | None]
    text: Callable[[Level], Channel] | None = None
    reached: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    failed: dict[str, ChannelFailed] = field(default_factory=dict)

    def levels(self, record: IncidentRecord) -> list[Level]:
        route = record.classification.route if record.classification else None
        return list(self.policy.levels_for(record.incident, severity(record), route))

    def claim(self, job: _Job, live: Live, *, must_claim: bool) -> bool:
        """Claim the page. Return False if another function sends it, or no page is needed any more.

        If the table cannot be reached, raise HistoryUnavailable with `must_claim`, and else return True.
        """
        try:
            return self.incidents.claim_page(
                job.record.incident, self._page(job), self.now + LEASE, self.now, seen=live
            )
        except HistoryUnavailable:
            if must_claim:
                raise
            logger.exception("The page could not be claimed in the table: paging without a claim")
            return True

    def send(self, job: _Job) -> Page:
        """Send the page through the channels of its level, and store that the page went out."""
        level, page, record = self._level(job), self._page(job), job.record
        if "sms" in level.channels and self.text is not None:
            self.channels = {**self.channels, "sms": self.text(level)}
        alerts = stored_members(record, self.incidents)
        reason = page_reason(job.due, record, alerts, job.reason, self.now)
        record = record.model_copy(update={"members": [member(alert) for alert in alerts]})
        rung = _still_rung(record)

        def tell(names: Iterable[str]) -> bool:
            """Send the page through the channels `names`. Return True if this or an earlier call woke a person."""
            pages = [*(sent for sent in record.pages if sent.seq != page.seq), page]
            paged = record.model_copy(update={"pages": pages})
            notification = Notification(kind="paged", record=paged, reason=reason, at=self.now)
            told = tell_all(notification, {name: self.channels[name] for name in names})
            self.reached.extend(told.reached)
            self.behind.extend(told.behind)
            self.failed.update(told.failed)
            return self._wakes_another(rung)

        # Whom PagerDuty woke with its own incident, Firstline need not wake; other channels are the policy's choice.
        rings = rings_by_itself(record.incident)
        wake, only_tell = self._present(level, without="pagerduty" if rings else None)
        delivered = tell(wake)
        if rings and not delivered:
            page, delivered = page.model_copy(update={"on_call": ALREADY_PAGED}), True
        elif not delivered and FALLBACK not in level.channels:
            delivered = tell([FALLBACK])
        if delivered and page.on_call != ALREADY_PAGED:
            page = page.model_copy(update={"on_call": self.on_call(level) or level.on_call})
        tell(only_tell)
        if not delivered:
            self._release(job)
            raise self._undelivered(level)
        if page.seq == 1:
            metrics.add_metric(name="Escalated", unit="Count", value=1)
        page = page.model_copy(update={"delivered_to": self.reached, "at": self.now})
        self._finish(job, page, level)
        return page

    def _present(self, level: Level, *, without: str | None) -> tuple[list[str], list[str]]:
        """Return the level's configured channels: those that wake people, and those that only tell.

        The channel `without` is left out; with None, none is.
        """
        present: list[str] = [name for name in level.channels if name in self.channels and name != without]
        only_tell = [name for name in present if self.channels[name].wakes == "never"]
        return [name for name in present if name not in only_tell], only_tell

    def _level(self, job: _Job) -> Level:
        levels = self.levels(job.record)
        return levels[min(job.level, len(levels) - 1)]

    def _page(self, job: _Job) -> Page:
        """Return the page as the claim stores it, before it goes out: with no channel in `delivered_to`."""
        level = self._level(job)
        return Page(
            seq=job.seq,
            level=job.level,
            round=job.round,
            on_call=level.on_call,
            delivered_to=[],
            acknowledge_within_seconds=int(level.acknowledge_within.total_seconds()),
        )

    def _finish(self, job: _Job, page: Page, level: Level) -> None:
        again_at, seen = self.now + level.acknowledge_within, job.record.live
        shown = any(self.channels[name].wakes == "never" for name in self.reached) and not self.behind
        try:
            self.incidents.finish_page(job.record.incident, page, again_at, self.now, seen=seen, shown=shown)
        except HistoryUnavailable:
            # A person is awake: to fail now would only page them again.
            logger.exception("A page went out but could not be stored", extra={"level": page.level})

    def _release(self, job: _Job) -> None:
        if job.record.live is None:
            return
        try:
            self.incidents.release_page(job.record.incident, self._page(job), self.now)
        except HistoryUnavailable:
            logger.exception("The claim of a page that woke nobody could not be released; it ends within a minute")

    def _wakes_another(self, rung: set[str]) -> bool:
        """Return True if the page woke a person.

        A channel that rings for each page always counts. A channel that rings only for an incident's first page
        counts if no earlier page reached it (`rung`).
        """
        wakes = {name: self.channels[name].wakes for name in self.reached}
        return any(wake == "again" or (wake == "once" and name not in rung) for name, wake in wakes.items())

    def _undelivered(self, level: Level) -> PageUndelivered:
        answers = "; ".join(f"{name}: {failure}" for name, failure in self.failed.items())
        unheard = isinstance(self.failed.get(FALLBACK), NobodySubscribed)
        kind = PageUnheard if unheard else PageUndelivered
        fix = "Run `firstline doctor`."
        return kind(f"Level {level.name!r} woke nobody. {answers or 'no channel is configured'}. {fix}")


def _with_news(record: IncidentRecord, event: PageOnCallInput) -> IncidentRecord:
    """Return the record, with the values from the event where the state machine knows newer ones."""
    known = {"classification": event.classification, "plan": event.plan, "results": event.results}
    return record.model_copy(update={name: value for name, value in known.items() if value})


def _newest(record: IncidentRecord) -> Page | None:
    return record.pages[-1] if record.pages else None


def _still_rung(record: IncidentRecord) -> set[str]:
    """Return the names of the channels that earlier pages of the incident reached, acknowledged or not.

    Pages that nobody acknowledged before all alerts ended do not count: PagerDuty's incident was resolved then, so the
    next page rings there again.
    """
    live = record.live
    voided, answered = (live.voided_seq, live.acked_seq) if live else (0, 0)
    standing = [page for page in record.sent_pages if page.seq > voided or page.seq <= answered]
    return {name for page in standing for name in page.delivered_to}
