"""The writes for a delivery's alerts, as values: what they add to an open incident, and incidents they open. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from firstline.incidents.pages import on_hold
from firstline.ingest.fold import Arrival, fold
from firstline.models import (
    PAGING_RANK,
    SEVERITY_RANK,
    AlertWrite,
    Change,
    Counts,
    Incident,
    StoredAlert,
)
from firstline.privacy.alert_redaction import without_secrets

if TYPE_CHECKING:
    from firstline.ingest.fold import Folded
    from firstline.models import (
        Hold,
        Live,
        Location,
        NormalizedAlert,
    )

FLAP_WINDOW = timedelta(hours=1)
FLAP_OPENINGS = 3
"""The number of incidents within `FLAP_WINDOW` after which a group's next incident flaps, so it stays open longer."""

OPENINGS = 20
"""The largest number of openings that a group remembers, to tell people how often it flapped."""

HOSTS = 50
"""The largest number of hosts that an incident names: as many as one SendCommand of Systems Manager takes."""

MOST_WRITES = 90
"""The most items for alerts and inhibitions in one transaction. DynamoDB takes 100; the incident needs the others."""


MOST_BYTES = 3_000_000
"""The most bytes for alerts in one transaction. DynamoDB takes 4 MB, and one alert has up to 150 KB."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """An alert that joins an incident, with its secrets removed.

    Parameters
    ----------
    hold
        The silence, maintenance window or inhibition that holds the alert, or None.
    inhibits
        The keys of the inhibitions under which the alert counts while it fires, because it inhibits others.
    """

    folded: Folded
    arrival: Arrival
    alert: NormalizedAlert
    hold: Hold | None = None
    inhibits: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        """The rank of the alert's severity, from 0 (noise) to 4 (critical)."""
        return self.arrival.rank


def newcomer(folded: Folded, arrival: Arrival, hold: Hold | None, inhibits: tuple[str, ...]) -> Newcomer:
    """Return an alert that is ready to join an incident: without its secrets, with its hold and its inhibitions.

    `folded` is what a delivery changes for the alert, `arrival` the message that made it fire; `hold` and `inhibits`
    are as in `Newcomer`. Secrets are removed no earlier than here, because most alerts are duplicates, which never get
    here.
    """
    return Newcomer(folded, arrival, without_secrets(arrival.alert), hold, inhibits)


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a change that one alert makes: its own item and what it adds to the incident's counts.

    A piece is written in one transaction. `held` is true if a silence, window or inhibition holds the alert.
    """

    write: AlertWrite
    adds: Counts
    new: NormalizedAlert | None = None
    held: bool = False

    @property
    def inhibits(self) -> dict[str, int]:
        """The change of the number of firing alerts that inhibit others, by the key of the inhibition."""
        return inhibits_more(self.write.before, self.write.after)

    @property
    def most_bytes(self) -> int:
        """An upper bound of the bytes that the alert takes in the table."""
        alert = self.write.after.alert
        labels = sum(len(name) + len(value) for name, value in alert.labels.items())
        return 8_192 + 4 * (len(alert.message) + labels)


def inhibits_more(before: StoredAlert | None, after: StoredAlert) -> dict[str, int]:
    """Return by how much the write of one alert changes the number of firing inhibitors, by the key of the inhibition.

    `before` is the state of the alert until now, None for a new alert; `after` is its new state.
    """
    counted = before.inhibits if before is not None and before.firing else ()
    if not after.inhibits and not counted:
        return {}
    more = Counter(after.inhibits if after.firing else ())
    more.subtract(counted)
    return {key: number for key, number in more.items() if number}


# --- pieces -----------------------------------------------------------------------------------------------------------


def join(newcomers: Iterable[Newcomer], live: Live, now: datetime) -> list[Piece]:
    """Return the writes for alerts that join an open incident or get worse in it, one `Piece` for each alert."""
    waits, quiet = on_hold(live, now), live.firing <= 0
    pieces = []
    for number, each in enumerate(newcomers, live.joined):
        held = waits and each.hold is not None
        loud = each.rank >= PAGING_RANK and not held
        # Whatever a waiting execution must see counts as a change: in the quiet window, that anything fires again.
        news = loud or quiet or (waits and not held)
        pieces.append(_entering(each, live.group_key, live.incident_id, number, held=held, changes=int(news)))
    return pieces


def open_with(newcomers: Sequence[Newcomer], incident: Incident) -> list[Piece]:
    """Return the writes for the alerts that open an incident, one `Piece` for each alert."""
    held = incident.hold is not None
    return [
        _entering(each, incident.group_key, incident.incident_id, number, held=held)
        for number, each in enumerate(newcomers)
    ]


def _entering(
    newcomer: Newcomer, live_key: str, incident_id: str, number: int, *, held: bool, changes: int = 0
) -> Piece:
    folded, rank = newcomer.folded, newcomer.rank
    before = folded.before
    counted = before is not None and before.incident_id == incident_id
    # An alert that ended without data and fires again has data again.
    lost = before.lost if before is not None and counted else Counts()
    loud = rank >= PAGING_RANK and not held
    after = stored(
        folded,
        alert=newcomer.alert.without_raw(),
        held=held,
        incident_id=incident_id,
        live_key=live_key,
        number=number,
        inhibits=newcomer.inhibits,
    )
    adds = Counts(
        joined=1,
        firing=0 if folded.fate == "worsens" else 1,
        changes=changes,
        ranks=(int(rank == 0), int(rank == 1), int(rank == 2), int(rank == 3), int(rank == 4)),
        loud_high=int(loud and rank == PAGING_RANK),
        loud_critical=int(loud and rank > PAGING_RANK),
        lost=-lost.lost,
        lost_loud=-lost.lost_loud,
        again=int(counted),
    )
    return Piece(AlertWrite(folded.before, after), adds, new=newcomer.alert, held=held)


def end(folded: Folded) -> Piece:
    """Return the write (`Piece`) for an alert that has ended, so that its open incident counts it as firing no more."""
    after = stored(folded)
    return Piece(AlertWrite(folded.before, after), Counts(firing=-1, changes=1) + after.lost)


def refresh(folded: Folded) -> Piece:
    """Return the write (`Piece`) for an alert that fires anew although its incident counts it as firing already.

    The write stores when the alert began to fire, and changes no count of the incident.
    """
    return Piece(AlertWrite(folded.before, stored(folded)), Counts())


def stored(folded: Folded, *, alert: NormalizedAlert | None = None, **counted: Any) -> StoredAlert:
    """Return an alert's item for the table, in its state after the delivery.

    Parameters
    ----------
    alert
        The alert without its secrets; by default the one that is stored already.
    counted
        The item's fields about the incident that counts the alert from now on, such as `incident_id`; those that are
        left out stay as they are stored.
    """
    word, before = folded.after, folded.before
    assert word is not None  # noqa: S101 - what is written has a new last word
    told = {name: getattr(word, name) for name in ("firing", "rank", "began_at", "ended_at", "received_at")}
    fields = {**told, "alert": alert or word.alert, **counted}
    if before is not None:
        return before.model_copy(update=fields)
    return StoredAlert(fingerprint=word.alert.fingerprint, **fields)


def changes(pieces: Sequence[Piece], group_key: str, live_key: str, incident_id: str, at: datetime) -> Iterator[Change]:
    """Yield changes that write a group's alerts (`pieces`, one for each) into one incident.

    Each change has as many of the pieces as fit into one transaction of DynamoDB. `group_key` is the alerts' own group;
    `live_key` is the group whose `Live` item counts them, which is a storm if they joined one. `at` is the present
    time.
    """
    for part in _parts(pieces):
        inhibits: Counter[str] = Counter()
        for piece in part:
            inhibits.update(piece.inhibits)
        yield Change(
            group_key=group_key,
            live_key=live_key,
            incident_id=incident_id,
            writes=tuple(piece.write for piece in part),
            adds=_total(part),
            at=at,
            new=tuple(piece.new for piece in part if piece.new is not None),
            inhibits={key: number for key, number in inhibits.items() if number},
            needs_hold=any(piece.held for piece in part),
        )


def _parts(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    part: list[Piece] = []
    writes = size = 0
    for piece in pieces:
        more, bytes_more = 1 + len(piece.inhibits), piece.most_bytes
        if part and (writes + more > MOST_WRITES or size + bytes_more > MOST_BYTES):
            yield part
            part, writes, size = [], 0, 0
        part.append(piece)
        writes += more
        size += bytes_more
    if part:
        yield part


def _total(pieces: Iterable[Piece]) -> Counts:
    return sum((piece.adds for piece in pieces), Counts())


# --- an incident that opens -------------------------------------------------------------------------------------------


def common_hold(newcomers: Sequence[Newcomer]) -> Hold | None:
    """Return the hold among the alerts' holds that ends first, or None if any alert is not held."""
    holds = [each.hold for each in newcomers if each.hold is not None]
    return min(holds, key=lambda hold: hold.until) if holds and len(holds) == len(newcomers) else None


def lead(newcomers: Sequence[Newcomer]) -> Newcomer:
    """Return the alert that an incident is named after: the worst, and of equally bad ones the earliest.

    The result does not depend on the order of the alerts.
    """
    return max(
        newcomers,
        key=lambda newcomer: (
            newcomer.rank,
            SEVERITY_RANK[newcomer.alert.severity],
            -newcomer.alert.timestamp.timestamp(),
            newcomer.alert.fingerprint,
        ),
    )


def incident(
    newcomers: Sequence[Newcomer],
    group_key: str,
    before: Live | None,
    now: datetime,
    *,
    hold: Hold | None = None,
    storm: NormalizedAlert | None = None,
    levels: Sequence[str] = (),
) -> tuple[Incident, tuple[datetime, ...]]:
    """Return the incident that alerts open, and the times of the group's openings within the last hour, including it.

    Parameters
    ----------
    group_key
        The group that gets the incident: the alerts' own, or a storm.
    before
        The `Live` item of the group's previous incident; None if there was none.
    hold
        The hold that the incident begins with, because all its alerts are held; None otherwise.
    storm
        The alert that a storm incident is about; None for any other incident.
    levels
        The escalation levels that the storm pages, if they differ from those of its source.
    """
    alert = storm or lead(newcomers).alert
    recent = (*(at for at in (before.opened if before is not None else ()) if now - at < FLAP_WINDOW), now)
    opened = Incident(
        incident_id=_incident_id(alert, group_key, previous=before.incident_id if before is not None else None),
        group_key=group_key,
        opened_at=now,
        alert=alert.without_raw(),
        alert_count=len(newcomers),
        hosts=sorted({each.alert.host for each in newcomers if each.alert.host})[:HOSTS],
        storm=storm is not None,
        levels=list(levels),
        flapping=storm is None and len(recent) > FLAP_OPENINGS,
        opened_last_hour=len(recent),
        hold=hold,
        locations=_locations(newcomers) if len(newcomers) > 1 else [],
    )
    return opened, recent[-OPENINGS:]


def _locations(newcomers: Sequence[Newcomer]) -> list[Location]:
    """Return the different locations that the alerts name, at most one more than a plan may have hosts.

    That one more makes planning refuse the incident.
    """
    said = {location.model_dump_json(): location for each in newcomers if (location := each.alert.whereabouts).named}
    # With one more than a plan may have, planning refuses, instead of planning for a part of the hosts.
    return [said[text] for text in sorted(said)][: HOSTS + 1]


def incident_of(alert: NormalizedAlert, now: datetime, *, hold: Hold | None = None) -> Incident:
    """Return the incident that the alert would open alone, in a group without earlier incidents.

    `hold` is the hold on the alert, with which the incident then begins; None if nothing holds it.
    """
    arrival = Arrival(alert, now, SEVERITY_RANK[alert.severity])
    alone = newcomer(fold(None, [arrival], {}, now), arrival, hold, ())
    return incident([alone], alert.group_key, None, now, hold=hold)[0]


def _incident_id(alert: NormalizedAlert, group_key: str, *, previous: str | None) -> str:
    """Return an id such as `DiskFull-web-1-20261130T031500Z-1a2b3c4d`, which is a valid execution name, too.

    The id is the same for the same group, alert, time of the alert, and id of the group's last incident (`previous`;
    None if there was none).
    """
    began = f"{alert.timestamp.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    digest = hashlib.sha256(f"{group_key}\n{alert.timestamp.isoformat()}\n{previous}".encode()).hexdigest()[:8]
    where = _slug(alert.host or alert.service or "", 20)
    return "-".join(part for part in (_slug(alert.alert_name, 32), where, began, digest) if part)


def _slug(text: str, length: int) -> str:
    # `Überlast` is `Uberlast`; a letter without a Latin form is left out.
    latin = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return re.sub(r"[^A-Za-z0-9]+", "-", latin)[:length].strip("-")
