"""The page that wakes the person on call, and the check that a person was woken."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from firstline.channels.delivery import Channel, tell_all
from firstline.channels.summary import severity
from firstline.contracts import PageOnCallInput, PageOnCallOutput
from firstline.errors import ChannelFailed, HistoryUnavailable, PageUndelivered
from firstline.incidents.store import Incidents
from firstline.models import Incident, IncidentRecord, Notification, Page
from firstline.observability import logger, metrics
from firstline.people.announce import unwritten
from firstline.policy.paging import Level, PagingPolicy

FALLBACK = "sns"
"""The stack's own page topic, which every stack has, whatever its policy says."""


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
    """Page one level of the policy; beyond the last level, page the last one again.

    Channels that wake people go first. A page counts as delivered if one of those took it; if none did, the page topic
    is tried, listed or not. Only then is the name of the person on call looked up and Slack told: neither may delay
    the pager. The page also goes out if the table can't be reached.

    Parameters
    ----------
    channels
        The configured channels by the policy's names. `sns` must be there.
    on_call
        Looks up who is on call at a level; on None the page names the policy's words. Must not raise.

    Raises
    ------
    PageUndelivered
        No person was woken; the message says what each channel answered.
    """
    record = _record(event, incidents)
    level, page = _level(event, record, policy, resolve_within)
    earlier = [sent for sent in record.pages if sent.level != page.level]
    reached: list[str] = []
    failed: dict[str, ChannelFailed] = {}

    def tell(names: Iterable[str]) -> bool:
        """Send the page through these channels, and return True if it has woken a person, now or before."""
        paged = record.model_copy(update={"pages": [*earlier, page]})
        notification = Notification(kind="paged", record=paged, reason=event.reason[:4_000], at=now)
        told = tell_all(notification, {name: channels[name] for name in names})
        reached.extend(told.reached)
        failed.update(told.failed)
        return _wakes_another(reached, channels, earlier)

    present = [name for name in level.channels if name in channels]
    delivered = tell(name for name in present if channels[name].wakes != "never")
    if not delivered and FALLBACK not in level.channels:
        delivered = tell([FALLBACK])
    if delivered:
        page = page.model_copy(update={"on_call": on_call(level) or level.on_call})
    tell(name for name in present if channels[name].wakes == "never")
    if not delivered:
        raise _undelivered(level, failed)

    if not record.pages:
        metrics.add_metric(name="Escalated", unit="Count", value=1)
    page = page.model_copy(update={"delivered_to": reached})
    _save(event.incident, page, incidents, now)
    return PageOnCallOutput(page=page)


def _save(incident: Incident, page: Page, incidents: Incidents, now: datetime) -> None:
    try:
        incidents.save_page(incident.incident_id, page, now)
    except HistoryUnavailable:
        # A person is awake: to fail now would only page them again.
        logger.exception("A page went out but was not written down", extra={"level": page.level})


def _record(event: PageOnCallInput, incidents: Incidents) -> IncidentRecord:
    """Return the table's record updated from the event; if the table has none, build it from the event."""
    try:
        record = incidents.record(event.incident.incident_id)
    except HistoryUnavailable:
        logger.exception("Paging without the incident's history")
        record = None
    record = record or unwritten(event.incident)
    known = {"classification": event.classification, "plan": event.plan, "results": event.results}
    return record.model_copy(update={name: value for name, value in known.items() if value})


def _level(
    event: PageOnCallInput, record: IncidentRecord, policy: PagingPolicy, resolve_within: timedelta
) -> tuple[Level, Page]:
    """Return the level to page, and a page for it that lists no channel yet."""
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
    return level, page


def _undelivered(level: Level, failed: Mapping[str, ChannelFailed]) -> PageUndelivered:
    answers = "; ".join(f"{name}: {failure}" for name, failure in failed.items()) or "no channel is configured"
    return PageUndelivered(f"Level {level.name!r} woke nobody. {answers}")


def _wakes_another(reached: Iterable[str], channels: Mapping[str, Channel], earlier: list[Page]) -> bool:
    """Return True if the page woke another person than the earlier levels' pages.

    A channel that wakes only once wakes no person if an earlier level's page went through it.
    """
    used = {name for page in earlier for name in page.delivered_to}
    return any(
        channels[name].wakes == "again" or (channels[name].wakes == "once" and name not in used) for name in reached
    )
