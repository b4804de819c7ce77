"""Kinds of weather and events that a scenario may have besides what `drawing.drawn` draws.

Each kind has a share of the seeds. Whether a seed has it, and what happens then, come from a random stream that is made
of the kind's name and the seed, and of nothing else. A kind only adds happenings to those that are drawn already, a
condition of the whole run is a happening in its first second, and the senders and people that a kind brings have
streams of their own. So another kind, or another share of one, changes the seeds that have it and leaves all others as
they were; and a happening of a kind is left out, when a seed shrinks, as any other is.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta
from random import Random
from typing import NamedTuple

from tests.simulation.clock import START
from tests.simulation.happenings import Happening
from tests.simulation.hosts import HOSTS

type Drawn = Sequence[Happening]


class _Kind(NamedTuple):
    share: float
    draw: Callable[[Random, Drawn], Iterator[Happening]]


def of(seed: int, forced: Collection[str] = ()) -> list[str]:
    """Return the names of a seed's kinds; those that are forced it has in any case."""
    return [name for name, kind in KINDS.items() if name in forced or _stream(name, seed).random() < kind.share]


def added(seed: int, drawn: Drawn, forced: Collection[str] = ()) -> Iterator[Happening]:
    """Yield what the kinds of a seed add to what is drawn already."""
    for name in of(seed, forced):
        random = _stream(name, seed)
        random.random()  # by which the seed has the kind
        yield from KINDS[name].draw(random, drawn)


def _stream(name: str, seed: int) -> Random:
    return Random(f"{name} {seed}")


def _last(drawn: Drawn) -> float:
    return max(happening.after for happening in drawn)


def _lag(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let the indexes show a change only after a time, which is mostly less than a second."""
    yield Happening(0, "lag", (random.choice((0.3, 0.3, 1.0, 5.0)),))


def _unconfigured(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let the stack have no Slack, no PagerDuty or neither; sometimes its owner sets the secrets later."""
    slack, pagerduty = ("slack/bot-token", "slack/signing-secret"), ("pagerduty/routing-key",)
    missing = random.choice((slack, pagerduty, slack + pagerduty))
    yield Happening(0, "unset", missing)
    if random.random() < 0.3:
        yield Happening(random.uniform(60, _last(drawn)), "set", missing)


def _fires(drawn: Drawn) -> list[Happening]:
    return [happening for happening in drawn if happening.what == "fire"]


def _holds(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let windows and silences begin and end around alerts that fire; sometimes the owner takes a window back."""
    windows = []
    for number in range(random.choice((1, 1, 2, 3))):
        fire = random.choice(_fires(drawn))
        on = START + timedelta(seconds=max(0.0, fire.after + random.uniform(-900, 300)))
        hours = f"{on:%H:%M}-{on + timedelta(minutes=random.choice((2, 10, 40))):%H:%M}"
        windows.append(
            {
                "id": f"window-{number}",
                "reason": "A test.",
                "owner": "ada",
                "when": [{"dates": f"{on:%Y-%m-%d}", "hours": hours}],
                "match": {"alert_name": [fire.arguments[1]]},
                "suppress": True,
                "even_critical": random.random() < 0.6,
            }
        )
    yield Happening(0, "declare", ("maintenance", json.dumps(windows)))
    if random.random() < 0.3:
        yield Happening(random.uniform(60, _last(drawn)), "declare", ("maintenance", json.dumps(windows[1:])))
    for _ in range(random.choice((0, 1, 2))):
        fire = random.choice(_fires(drawn))
        begins = max(1.0, fire.after + random.choice((-200, -5, 2, 30, 290)))
        yield Happening(begins, "silence", (fire.arguments[1], random.choice((60, 400, 1_800, 3_600)), True, True))
        if random.random() < 0.5:  # what is worse joins what nothing holds
            place = "generic", fire.arguments[1], random.choice(HOSTS)
            joins = begins + random.choice((5, 40))
            yield Happening(joins, "fire", (*place, "critical", fire.arguments[4]))
            yield Happening(joins + random.choice((500, 900)), "end", place)
        if random.random() < 0.4:
            yield Happening(begins + random.choice((20, 90, 300)), "end_silence", ())


def _inhibition(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let a rack go down, which inhibits some of the alerts that fire meanwhile: of its host, or everywhere."""
    names = sorted({fire.arguments[1] for fire in _fires(drawn)})
    targets = random.sample(names, min(len(names), random.choice((1, 2))))
    rule = {
        "id": "rack",
        "source": {"alert_name": ["RackDown"]},
        "target": {"alert_name": targets},
        "equal": random.choice(([], ["host"])),
        "reason": "It hangs on the rack.",
    }
    yield Happening(0, "declare", ("inhibit", json.dumps([rule])))
    if random.random() < 0.2:
        yield Happening(random.uniform(60, _last(drawn)), "declare", ("inhibit", "[]"))
    sender, severity = random.choice(("prometheus", "datadog", "generic")), random.choice(("high", "critical", "low"))
    for _ in range(random.choice((1, 2, 3))):
        fire = random.choice([fire for fire in _fires(drawn) if fire.arguments[1] in targets])
        place = sender, "RackDown", fire.arguments[2] or "web-1"
        begins = max(2.0, fire.after + random.choice((-300, -60, -1, 0, 1, 60)))
        yield Happening(begins, "fire", (*place, severity))
        if random.random() < 0.4:  # it flaps
            yield Happening(begins + random.uniform(30, 200), "end", place)
            yield Happening(begins + random.uniform(200, 400), "fire", (*place, severity))
        yield Happening(begins + random.choice((400, 430, 900, 3_000)), "end", place)


def _heartbeats(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let a heartbeat stop and come back, once or twice."""
    every = random.choice((60, 120, 300))
    rule = {
        "id": "alerting",
        "match": {"alert_name": ["Watchdog"]},
        "every": f"{every // 60}m",
        "severity": random.choice(("critical", "high")),
        "reason": "Without it no alert arrives.",
    }
    yield Happening(0, "declare", ("heartbeats", json.dumps([rule])))
    now = random.uniform(1, 600)
    yield Happening(now, "heartbeats", (float(every),))
    for _ in range(random.choice((1, 1, 2))):
        now += random.uniform(120, 1_200)
        yield Happening(now, "beats", (False,))
        now += random.choice((1.5 * every, 2 * every, random.uniform(2 * every, 3_000)))
        yield Happening(now, "beats", (True,))


def _quarantine(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let a release be unable to read what a source sends; an operator mends it, and redrives the quarantine."""
    source = random.choice(("generic", "prometheus", "datadog", "pagerduty"))
    begins = max(2.0, random.choice(_fires(drawn)).after - random.choice((1, 30)))
    ends = begins + random.choice((20, 120, 900))
    yield Happening(begins, "unreadable", (source,))
    if random.random() < 0.2:
        yield Happening(random.uniform(begins, ends), "redrive", ())
    yield Happening(ends, "readable", (source,))
    for _ in range(random.choice((1, 1, 2))):
        yield Happening(ends + random.uniform(1, 600), "redrive", ())
    yield Happening(max(ends, _last(drawn)) + 700, "redrive", ())


def _expiry(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let the table forget after a day what is over; then some of it fires again."""
    yield Happening(0, "forget_after", (1,))
    now = _last(drawn) + random.uniform(26, 30) * 3_600
    again = [random.choice(_fires(drawn)) for _ in range(random.choice((2, 4)))]
    for fire in again:
        yield Happening(now := now + random.choice((0.1, 20, 60)), "fire", fire.arguments)
    for fire in again:
        yield Happening(now := now + random.choice((1, 60, 400)), "end", fire.arguments[:3])


def _by_itself(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let PagerDuty's timers, and what is integrated with it, change Firstline's incidents there."""
    for fire in random.sample(_fires(drawn), min(len(_fires(drawn)), 6)):
        kind = random.choice(("acknowledged", "acknowledged", "resolved"))
        after = fire.after + random.choice((5, 40, 200, 320))
        yield Happening(after, "by_itself", (kind, random.random() < 0.5, random.random()))


def _by_hand(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let a person snooze, give away, merge or resolve incidents in PagerDuty."""
    for fire in random.sample(_fires(drawn), min(len(_fires(drawn)), 6)):
        after = fire.after + random.choice((15, 60, 250, 400))
        if random.random() < 0.2:
            yield Happening(after, "press", ("resolve", random.random()))
            continue
        what = random.choice(("snooze", "snooze", "reassign", "delegate", "merge"))
        yield Happening(after, "by_hand", (what, random.choice((30, 300, 1_200)), random.random()))


def _worse_at_once(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let something worse join within the seconds in which an execution comes to its first wait."""
    fires = [fire for fire in _fires(drawn) if fire.arguments[0].startswith(("generic", "datadog"))]
    for fire in random.sample(fires, min(len(fires), 6)):
        sender, name, _, _, environment = fire.arguments
        place = sender, name, random.choice(HOSTS)
        joins = fire.after + random.uniform(0.2, 3.5)
        yield Happening(joins, "fire", (*place, random.choice(("high", "critical")), environment))
        yield Happening(joins + random.choice((60, 400, 1_000)), "end", place)


def _noise(random: Random, drawn: Drawn) -> Iterator[Happening]:
    """Let something critical join noise within the second in which it is judged and suppressed."""
    now = random.uniform(5, 600)
    for number in range(3):
        noise, loud = (("generic", "OddNoise", f"{host}-{number}") for host in ("noise", "loud"))
        joins = now + random.uniform(0, 1.5)
        yield Happening(now, "fire", (*noise, random.choice(("low", "high")), "prod"))
        yield Happening(joins, "fire", (*loud, "critical", "prod"))
        yield Happening(now + 200, "end", noise)
        yield Happening(joins + 240, "end", loud)
        now += random.uniform(700, 900)


KINDS = {
    "lag": _Kind(0.1, _lag),
    "unconfigured": _Kind(0.08, _unconfigured),
    "holds": _Kind(0.12, _holds),
    "inhibition": _Kind(0.12, _inhibition),
    "worse at once": _Kind(0.12, _worse_at_once),
    "heartbeats": _Kind(0.1, _heartbeats),
    "quarantine": _Kind(0.1, _quarantine),
    "expiry": _Kind(0.005, _expiry),
    "by itself": _Kind(0.1, _by_itself),
    "by hand": _Kind(0.1, _by_hand),
    "noise": _Kind(0.1, _noise),
}
