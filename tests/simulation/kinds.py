"""Kinds of weather and events that a scenario may have besides what `scenario.drawn` draws.

Each kind has a share of the seeds. Whether a seed has it, and what happens then, come from a random stream that is made
of the kind's name and the seed, and of nothing else. A kind only adds happenings to those that are drawn already, a
condition of the whole run is a happening in its first second, and the senders and people that a kind brings have
streams of their own. So another kind, or another share of one, changes the seeds that have it and leaves all others as
they were; and a happening of a kind is left out, when a seed shrinks, as any other is.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from random import Random
from typing import NamedTuple

from tests.simulation.happenings import Happening

type Drawn = Sequence[Happening]


class _Kind(NamedTuple):
    share: float
    draw: Callable[[Random, Drawn], Iterator[Happening]]


def added(seed: int, drawn: Drawn, forced: Collection[str] = ()) -> Iterator[Happening]:
    """Yield what the kinds of a seed add to what is drawn already.

    Parameters
    ----------
    forced
        Kinds that the scenario has whatever the seed says.
    """
    for name, kind in KINDS.items():
        random = Random(f"{name} {seed}")
        if random.random() < kind.share or name in forced:
            yield from kind.draw(random, drawn)


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


KINDS = {
    "lag": _Kind(0.1, _lag),
    "unconfigured": _Kind(0.08, _unconfigured),
}
