"""Overdue pages: no order of writes lets reconcile forget a page that is due, or count its time from zero again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from firstline.incidents.pages import LEASE, next_page, page_due, page_overdue
from firstline.incidents.what_now import stale_resolve
from firstline.models import PAGING_RANK, Live
from tests.support.builders import NOON, a_classification, a_page, alert
from tests.unit.ingest.door import Door

PAGE_AFTER = timedelta(minutes=5)

WORDS = (
    *("low joins", "high joins", "critical joins", "one ends", "all end", "quiet"),
    *("page", "page is lost", "page wakes nobody", "judged high", "judged low"),
    *("acknowledged", "taken back", "resolved", "resolved unseen", "closed"),
)
"""The events in an incident's life; each is the name of a method of `Story`."""

WITHDRAWN = [("low joins", 2), ("closed", 2), *[("low joins", 150)] * 3]
STEPS = st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from((2, 30, 150))), max_size=14)


@dataclass
class Story:
    """An incident through a series of events, and since when a page has been due without interruption."""

    door: Door = field(default_factory=Door)
    now: datetime = NOON
    firing: dict[str, str] = field(default_factory=dict)
    alerts: int = 0
    due_since: datetime | None = None

    @property
    def live(self) -> Live:
        return self.door.live()

    def happens(self, what: str, after_seconds: int) -> None:
        self.now += timedelta(seconds=after_seconds)
        getattr(self, "_" + what.replace(" ", "_"))()
        self.look()

    def look(self) -> None:
        """Check that a page which is due becomes overdue in time, counted from when it was due first.

        The time may begin again while no firing alert itself has a paging severity.
        """
        live = self.live
        if live.rank < PAGING_RANK or page_due(live, self.now) is None:
            self.due_since = None
            return
        pages = any(severity != "low" for severity in self.firing.values())
        self.due_since = (self.due_since if pages else None) or self.now
        assert page_overdue(live, max(self.now, self.due_since + PAGE_AFTER + LEASE), PAGE_AFTER)

    # --- the events ---------------------------------------------------------------------------------------------------

    def _joins(self, severity: str) -> None:
        self.alerts += 1
        self.firing[f"fp-{self.alerts}"] = severity
        self.door.accept(self.now, alert(fingerprint=f"fp-{self.alerts}", severity=severity, timestamp=self.now))

    def _low_joins(self) -> None:
        self._joins("low")

    def _high_joins(self) -> None:
        self._joins("high")

    def _critical_joins(self) -> None:
        self._joins("critical")

    def _one_ends(self) -> None:
        for name in list(self.firing)[:1]:
            over = alert(fingerprint=name, status="resolved", ends_at=self.now, timestamp=self.now)
            self.door.accept(self.now, over)
            del self.firing[name]

    def _all_end(self) -> None:
        while self.firing:
            self._one_ends()

    def _quiet(self) -> None:
        self.incidents.begin_quiet(self.incident, self.now)

    def _page(self, finish: str = "finish_page") -> None:
        live = self.live
        due = page_due(live, self.now)
        if due is None:
            return
        seq, level, round_ = next_page(live, due, levels=2)
        page = a_page(seq=seq, level=level, round=round_)
        if not self.incidents.claim_page(self.incident, page, self.now + LEASE, self.now, seen=live):
            return
        if finish == "finish_page":
            self.incidents.finish_page(self.incident, page, self.now + timedelta(minutes=5), self.now, seen=live)
        elif finish == "release_page":
            self.incidents.release_page(self.incident, page, self.now)

    def _page_is_lost(self) -> None:
        self._page("")

    def _page_wakes_nobody(self) -> None:
        self._page("release_page")

    def _judged(self, severity: str) -> None:
        verdict = a_classification(severity=severity)
        self.incidents.judge(self.incident, 1, verdict, self.now, seen=self.live)

    def _judged_high(self) -> None:
        self._judged("high")

    def _judged_low(self) -> None:
        self._judged("low")

    def _acknowledged(self) -> None:
        self.incidents.acknowledge(self.incident.incident_id, "ada", self.now)

    def _taken_back(self) -> None:
        self.incidents.take_back(self.incident.incident_id, self.now)

    def _resolved(self) -> None:
        self.incidents.resolve(self.incident.incident_id, "ada", self.now, seen=self.live.joined)

    def _resolved_unseen(self) -> None:
        """Resolve as PagerDuty does, which does not say what was seen, and let a high alert join before the close."""
        self.incidents.resolve(self.incident.incident_id, "pagerduty", self.now)
        self._high_joins()

    def _closed(self) -> None:
        """Close the incident if a person resolved it, or take the Resolve back if alerts joined."""
        live = self.live
        if live.resolved_by is None:
            return
        closed = self.incidents.close(
            self.incident, None, "resolved", "ada resolved it", [], self.now, joined=live.resolved_seen
        )
        assert (closed is None) == stale_resolve(live), "a Resolve must close only alerts that the person had seen"
        if closed is None:
            self.incidents.withdraw_resolve(self.incident, seen=live)
            assert self.live.resolved_by is None

    @property
    def incidents(self):  # type: ignore[no-untyped-def]
        return self.door.store.incidents

    @property
    def incident(self):  # type: ignore[no-untyped-def]
        record = self.incidents.record(self.live.incident_id)
        assert record is not None
        return record.incident


@settings(max_examples=40)
@given(steps=STEPS)
@example(steps=[("page", 2), ("low joins", 150), ("low joins", 150), ("page wakes nobody", 150)])
@example(steps=[("acknowledged", 2), ("taken back", 2)])
@example(steps=[("page wakes nobody", 2), ("judged low", 2), ("judged high", 2), ("page wakes nobody", 150)])
@example(steps=[("one ends", 2), ("quiet", 2), ("low joins", 2)])
@example(steps=[("page", 2), ("critical joins", 2), ("acknowledged", 2), ("resolved", 2), *WITHDRAWN])
def test_a_page_that_is_due_is_sent_in_time_whatever_happened_before(steps: list[tuple[str, int]]) -> None:
    story = Story()
    story.happens("critical joins", 0)
    for what, after in steps:
        story.happens(what, after)  # asserts that a page which is due becomes overdue in time
        if not story.live.open:
            return
