"""The part of the oracle that watches pages: each goes out once, ends with an answer, and comes again without one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.calls import Frame
from tests.simulation.door import Key, Word
from tests.simulation.faults import HARMLESS, Fault
from tests.simulation.stored import StoredAlert, StoredLive, plain
from tests.simulation.watch import PAGING, Watch, costs_a_page, rank

if TYPE_CHECKING:
    from tests.simulation.clients import Published

PAGES = ("page", "trigger")
PAGE_AFTER = timedelta(minutes=5)
LONGEST_LEVEL = timedelta(minutes=15)
MEND = timedelta(minutes=2)
LEASE = timedelta(seconds=59)
"""The time after the begin of the function that claimed a page in which no other may send it again."""


class _Page(NamedTuple):
    """A page that went out: when, and by which invocation."""

    at: datetime
    frame: Frame | None


@dataclass
class Paged:
    """Watches how often people are woken. `Heard` fills `sends`, and the words that fired, by alert and by incident."""

    watch: Watch
    sends: Mapping[str, list["Published"]]
    fired: Mapping[Key, list[Word]]
    fired_in: Mapping[str, list[Word]]
    _pages: dict[tuple[Any, ...], list[_Page]] = field(default_factory=lambda: defaultdict(list))
    _faults: list[tuple[Frame, Fault]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch.world.faults.listeners.append(self._fault)

    def _fault(self, at: datetime, fault: Fault) -> None:
        frames = self.watch.world.calls.frames
        if frames and fault.kind not in HARMLESS:
            self._faults.append((frames[-1], fault))

    # --- each minute --------------------------------------------------------------------------------------------------

    def look(self, lives: Sequence[StoredLive], alerts: Sequence[StoredAlert]) -> None:
        """Check that nobody was forgotten after a page."""
        last, now = self.watch.world.witness.last, self.watch.world.clock.now()
        loud = {
            alert.incident_id
            for alert in alerts
            if alert.firing and alert.key in last and rank(last[alert.key]) >= PAGING and last[alert.key].said.firing
        }
        for live in lives:
            if not live.is_open or live.incident_id not in loud:
                continue
            pages = [send.at for send in self.sends[live.incident_id] if send.kind in PAGES]
            if not pages:
                continue
            presses = [press for press in self.watch.world.people.pressed if press.incident_id == live.incident_id]
            # What PagerDuty could not deliver, however often it tried, Firstline cannot know.
            unheard = self.watch.world.people.unheard
            back = (
                press.at
                for press in presses
                if press.button == "take back" and (press.incident_id, press.at) not in unheard
            )
            newest = max([pages[-1], *back])
            paged = max([newest, *self._paged_by_pagerduty(live.incident_id)])
            if now - paged <= LONGEST_LEVEL + PAGE_AFTER + MEND + self.watch.allowance(paged):
                continue
            answered = any(press.at >= newest and press.button != "take back" for press in presses)
            if not answered and not self._answered_under_way(live.incident_id, pages):
                self.watch.say("not paged again", f"{live.incident_id} since {paged:%d %H:%M:%S}, and nobody answered")

    def _paged_by_pagerduty(self, incident_id: str) -> list[datetime]:
        """Return when PagerDuty paged for its own incident, which Firstline leaves to it."""
        words = self.fired_in[incident_id]
        return [word.at for word in words if word.said.key.source == "pagerduty" and rank(word) >= PAGING]

    def _answered_under_way(self, incident_id: str, pages: Sequence[datetime]) -> bool:
        """Tell whether a person acknowledged an earlier page while the newest one was being sent: it was claimed, and
        says nothing worse than the earlier page, so that it is answered, too."""
        newest = pages[-1]
        sent = (page for key, sends in self._pages.items() if key[0] == incident_id for page in sends)
        frame = next((page.frame for page in sent if page.at == newest), None)
        mine = [alert.key for alert in self.watch.stored.alerts() if alert.incident_id == incident_id]
        words = [word for key in mine for word in self.fired[key] if word.at <= newest]
        for press in self.watch.world.people.pressed:
            taken = press.status is not None and 200 <= press.status < 300
            if not taken or (press.button, press.incident_id) != ("acknowledge", incident_id):
                continue
            earlier = max((at for at in pages if at <= press.at), default=None)
            if frame is not None and earlier is not None and frame.began <= press.at < newest:
                known = max((rank(word) for word in words if word.at <= earlier), default=0)
                if max(map(rank, words), default=0) <= known:
                    return True
        return False

    # --- at each page -------------------------------------------------------------------------------------------------

    def page(self, message: "Published", live: StoredLive) -> None:
        """Check that a page may go out: it is no repetition, and nobody has answered."""
        self._once(message, plain(live.item.get("paged_seq")), marked=plain(live.item.get("page_done")))
        self._after_answer(message, live)

    def _once(self, message: "Published", number: int, *, marked: int) -> None:
        """A page goes out once, unless a call failed of the two that sent it: its claim, its sending or its mark."""
        frames = self.watch.world.calls.frames
        pages = self._pages[message.incident_id, number, message.channel]
        pages.append(_Page(message.at, frames[-1] if frames else None))
        if len(pages) == 1:
            return
        self.watch.checks["paged again"] += 1
        first, again = pages[-2:]
        faults = [
            fault.kind
            for frame, fault in self._faults
            if (frame is first.frame or frame is again.frame) and costs_a_page(fault, message.channel)
        ]
        if first.frame is None or again.frame is None:
            return  # the machine's own page of last resort: it asks nobody
        if again.at - first.frame.began < LEASE:
            # A function that dies keeps its claim; only who got no clear answer may send at once.
            faults = [kind for kind in faults if not kind.startswith("kill") and kind != "slow"]
        elif first.frame.overran and marked < number:
            return  # others went first for so long that it was killed before its mark
        if not faults:
            text = f"{message.incident_id} by {message.channel}: number {number}, {again.at - first.at} after the last"
            self.watch.say("page twice", text)

    def _after_answer(self, message: "Published", live: StoredLive) -> None:
        """After an acknowledgement there is no further page, unless something worse joined, or it is a storm.

        A person's Resolve ends what was acknowledged. If an alert that pages fires after it, the page begins anew.
        """
        if live.group_key.startswith("storm:"):
            return
        presses = [
            press
            for press in self.watch.world.people.pressed
            if press.button == "acknowledge"
            and press.incident_id == message.incident_id
            and press.status is not None
            and 200 <= press.status < 300
            and not press.met_fault
        ]
        if not presses or self.watch.troubled(presses[-1].at):
            return
        answered = presses[-1].at
        if any(
            press.at >= answered and (press.button, press.incident_id) == ("take back", message.incident_id)
            for press in self.watch.world.people.pressed
        ):
            return
        earlier = [send for send in self.sends[message.incident_id] if send.kind in PAGES][:-1]
        if not earlier or earlier[-1].at > answered or message.at - answered < timedelta(seconds=30):
            return
        fired = self.fired_in[message.incident_id]
        over = self._resolved(message.incident_id, answered)
        if over is not None and any(word.at > over and rank(word) >= PAGING for word in fired):
            return
        known = [rank(word) for word in fired if word.at <= answered]
        newer = [rank(word) for word in fired if word.at > answered]
        if max(newer, default=0) <= max(known, default=0):
            self.watch.say("page after answer", f"{message.incident_id} at {message.at}, answered {answered}")

    def _resolved(self, incident_id: str, since: datetime) -> datetime | None:
        """Return when a person last began to resolve an incident after a time, unless the stack refused it."""
        people = self.watch.world.people
        if ("resolve", incident_id) in people.pressing:
            return people.pressing["resolve", incident_id]
        return max(
            (
                press.began
                for press in people.pressed
                if press.button == "resolve"
                and press.incident_id == incident_id
                and press.at > since
                and press.status is not None
                and 200 <= press.status < 300
            ),
            default=None,
        )
