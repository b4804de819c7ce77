"""The page with the silences: which alerts are silenced, by whom, why and until when, and which silences ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firstline.console.frame import Frame
from firstline.console.render import render
from firstline.policy.holds import Silence, matched
from firstline.text import one_line, short_duration

MOST_OVER = 20


@dataclass(frozen=True)
class _SilenceLine:
    id: str
    what: str
    reason: str
    owner: str
    created_at: datetime
    until: datetime
    over: bool
    left: str
    until_resolved: bool
    even_critical: bool
    ended_by: str


def silences_page(silences: Sequence[Silence], frame: Frame) -> str:
    """Render the page: active silences, the first to end on top, then those that are over, the last to end on top."""
    by_end = sorted(silences, key=_end)
    active = [silence for silence in by_end if silence.active(frame.now)]
    over = [silence for silence in reversed(by_end) if not silence.active(frame.now)][:MOST_OVER]
    groups = [
        ("Active", [_line(silence, frame.now) for silence in active]),
        ("Over, of the last day", [_line(silence, frame.now) for silence in over]),
    ]
    return render("silences.html", **frame.values("Silences", "silences"), groups=groups)


def _end(silence: Silence) -> datetime:
    return silence.ended_at or silence.expires_at


def _line(silence: Silence, now: datetime) -> _SilenceLine:
    return _SilenceLine(
        id=silence.id,
        what=matched(silence),
        reason=one_line(silence.reason, 300),
        owner=one_line(silence.owner, 80),
        created_at=silence.created_at,
        until=_end(silence),
        over=not silence.active(now),
        left=short_duration(silence.expires_at - now),
        until_resolved=silence.until_resolved,
        even_critical=silence.even_critical,
        ended_by=one_line(silence.ended_by or "", 80),
    )
