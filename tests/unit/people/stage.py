"""Everything that a page meets, for tests: channels, a policy, and a store."""

from datetime import datetime, timedelta
from typing import Any

from firstline.contracts import PageOnCallInput, PageOnCallOutput
from firstline.models import IncidentRecord, Live, NormalizedAlert, Page
from firstline.people.page import page_on_call
from firstline.policy.paging import Level, PagingPolicy
from tests.support.builders import NOW, a_classification, a_record, an_alert, an_incident
from tests.support.changes import joining
from tests.support.memory import MemoryChannel, MemoryStore

LEVELS = [
    {"name": "first", "channels": ["slack", "pagerduty"], "on_call": "the shop", "acknowledge_within": "5m"},
    {"name": "second", "channels": ["pagerduty", "slack"], "on_call": "the lead", "acknowledge_within": "10m"},
    {"name": "last", "channels": ["sns"], "on_call": "everybody", "acknowledge_within": "1h"},
]
POLICY = PagingPolicy.model_validate({"levels": LEVELS})


class Stage:
    """An incident of high severity that nobody was paged for, and who may be paged."""

    def __init__(self, record: IncidentRecord | None = None) -> None:
        self.pagerduty = MemoryChannel(wakes="once")
        self.slack = MemoryChannel()
        self.sns = MemoryChannel(wakes="again")
        self.sms = MemoryChannel(wakes="again")
        self.store = MemoryStore(record or a_record())
        self.missing: set[str] = set()
        self.asked: list[str] = []
        self.on_call: str | None = None
        self.policy = POLICY
        self.now = NOW

    @property
    def channels(self) -> dict[str, MemoryChannel]:
        channels = {"pagerduty": self.pagerduty, "slack": self.slack, "sns": self.sns}
        return {name: channel for name, channel in channels.items() if name not in self.missing}

    @property
    def live(self) -> Live:
        live = self.store.only.live
        assert live is not None
        return live

    @property
    def sent(self) -> list[Page]:
        return self.store.only.sent_pages

    @property
    def rung(self) -> int:
        """Return how many messages the waking channels took."""
        return len(self.pagerduty.told) + len(self.sns.told)

    def page(self, *, must_claim: bool = False, **changes: Any) -> PageOnCallOutput:
        event: dict[str, Any] = {
            "incident": an_incident(),
            "classification": a_classification(),
            "results": [],
            "reason": "No runbook fits.",
        }
        return page_on_call(
            PageOnCallInput(**event | changes),
            policy=self.policy,
            channels=self.channels,
            incidents=self.store.incidents,
            now=self.now,
            on_call=self._look_up,
            must_claim=must_claim,
            text=lambda level: self.sms,
        )

    def paged(self, **changes: Any) -> Page:
        """Page, and return the page."""
        page = self.page(**changes).page
        assert page is not None
        return page

    def joins(self, *alerts: NormalizedAlert) -> None:
        """Let alerts of the group join."""
        self.store.groups.apply(joining(self.live, *alerts, now=self.now))

    def after(self, minutes: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(minutes=minutes)
        return self.now

    def _look_up(self, level: Level) -> str | None:
        self.asked.append(level.name)
        # The pager comes first: by now it must have gone out.
        assert self.pagerduty.attempts + self.sns.attempts + self.sms.attempts > 0
        return self.on_call


def critical(number: int = 1, **changes: Any) -> NormalizedAlert:
    """Another alert of the same group: a critical one, of a database."""
    fields: dict[str, Any] = {
        "alert_name": "DbDown",
        "severity": "critical",
        "host": f"db-{number}",
        "fingerprint": f"db-{number}",
    }
    return an_alert(**fields | changes)
