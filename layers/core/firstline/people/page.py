"""Wake the person on call, and make sure that somebody was."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from firstline.channels.delivery import Channel, Told, tell_all
from firstline.channels.summary import severity
from firstline.contracts import PageOnCallInput, PageOnCallOutput
from firstline.errors import HistoryUnavailable, PageUndelivered
from firstline.incidents.store import Incidents
from firstline.models import IncidentRecord, Notification, Page
from firstline.observability import logger, metrics
from firstline.policy.paging import Level, PagingPolicy

FALLBACK = "sns"
"""The stack's own page topic: it is always there, whatever the policy says."""


def page_on_call(
    event: PageOnCallInput,
    *,
    policy: PagingPolicy,
    channels: Mapping[str, Channel],
    incidents: Incidents,
    now: datetime,
    resolve_within: timedelta,
    on_call: Callable[[Level], str | None],
) -> PageOnCallOutput:
    """Page one level of the policy; beyond the last level, the last one again.

    Channels that wake people go first. A page counts as delivered when one of those took it; when none did, the page
    topic is tried, listed or not. Only then is the name of the person on call looked up and Slack told: neither may
    delay the pager. A table that can't be reached keeps nobody asleep either.

    Parameters
    ----------
    channels
        By the policy's names; one that is not configured is absent. `sns` must be there.
    on_call
        Looks up who is on call at a level; None leaves it at the policy's words. Must not raise.

    Raises
    ------
    PageUndelivered
        Nobody was woken; the message says what each channel answered.
    """
    record = _record(event, incidents, now)
    route = record.classification.route if record.classification else None
    levels = policy.levels_for(event.incident, severity(record), route)
    number = min(event.level, len(levels) - 1)
    level = levels[number]
    page = Page(
        level=number,
        on_call=level.on_call,
        delivered_to=[],
        acknowledge_within_seconds=int(level.acknowledge_within.total_seconds()),
        has_next_level=number < len(levels) - 1,
        resolve_within_seconds=int(resolve_within.total_seconds()),
    )
    earlier = [sent for sent in record.pages if sent.level != number]
    present: dict[str, Channel] = {name: channels[name] for name in level.channels if name in channels}

    told = tell_all(_notification(event, record, earlier, page, now), _waking(present))
    if not _woken(told, channels, earlier) and FALLBACK not in level.channels:
        told = _both(told, tell_all(_notification(event, record, earlier, page, now), {FALLBACK: channels[FALLBACK]}))
    delivered = _woken(told, channels, earlier)
    if delivered:
        page = page.model_copy(update={"on_call": on_call(level) or level.on_call})
    quiet = {name: channel for name, channel in present.items() if channel.wakes == "never"}
    told = _both(told, tell_all(_notification(event, record, earlier, page, now), quiet))
    if not delivered:
        answers = "; ".join(f"{name}: {failure}" for name, failure in told.failed.items()) or "no channel is configured"
        raise PageUndelivered(f"Level {level.name!r} woke nobody. {answers}")

    page = page.model_copy(update={"delivered_to": list(told.reached)})
    if not record.pages:
        metrics.add_metric(name="Escalated", unit="Count", value=1)
    try:
        incidents.save_page(event.incident.incident_id, page, now)
    except HistoryUnavailable:
        # Somebody is awake: to fail now would only page them again.
        logger.exception("A page went out but was not written down", extra={"level": level.name})
    return PageOnCallOutput(page=page)


def _record(event: PageOnCallInput, incidents: Incidents, now: datetime) -> IncidentRecord:
    """The table's record with what the state machine knows better; without a table, what the event says."""
    try:
        record = incidents.record(event.incident.incident_id)
    except HistoryUnavailable:
        logger.exception("Paging without the incident's history")
        record = None
    if record is None:
        record = IncidentRecord(
            incident=event.incident, status="STARTED", alert_count=event.incident.alert_count, last_alert_at=now
        )
    return record.model_copy(
        update={
            "classification": event.classification or record.classification,
            "plan": event.plan or record.plan,
            "results": event.results or record.results,
        }
    )


def _notification(
    event: PageOnCallInput, record: IncidentRecord, earlier: list[Page], page: Page, now: datetime
) -> Notification:
    return Notification(
        kind="paged",
        record=record.model_copy(update={"pages": [*earlier, page]}),
        reason=event.reason[:4_000],
        at=now,
    )


def _waking(channels: Mapping[str, Channel]) -> dict[str, Channel]:
    return {name: channel for name, channel in channels.items() if channel.wakes != "never"}


def _woken(told: Told, channels: Mapping[str, Channel], earlier: list[Page]) -> bool:
    """Whether somebody new hears of it: what wakes once has done so if an earlier level went through it."""
    used = {name for page in earlier for name in page.delivered_to}
    return any(
        channels[name].wakes == "again" or (channels[name].wakes == "once" and name not in used)
        for name in told.reached
    )


def _both(first: Told, second: Told) -> Told:
    return Told(reached=(*first.reached, *second.reached), failed={**first.failed, **second.failed})
