"""A storm as data: ten thousand alerts of fifty causes in five minutes, five of them critical."""

from random import Random
from typing import NamedTuple

CAUSES = 50
CRITICAL = 5
ALERTS = 10_000
SECONDS = 300
TOGETHER = 8
"""The most alerts of a cause that its sender puts into one delivery."""

SEVERITIES = ("medium", "low", "low", "info")
"""The severities of causes that are not critical."""


class Cause(NamedTuple):
    """Something that went wrong, on as many hosts as alerts come of it."""

    name: str
    severity: str


class Delivery(NamedTuple):
    """Alerts of one cause, one for each host, so many seconds after the begin."""

    after: float
    cause: Cause
    hosts: tuple[str, ...]


def causes() -> list[Cause]:
    """Return the causes, the critical ones last."""
    others = [Cause(f"Noise{number:02}", SEVERITIES[number % len(SEVERITIES)]) for number in range(CAUSES - CRITICAL)]
    return [*others, *(Cause(f"Cause{number}", "critical") for number in range(CRITICAL))]


def storm(seed: int) -> list[Delivery]:
    """Draw the deliveries of a storm in their order. No alert comes twice.

    What is not critical begins within a minute, as if a network failed; a critical cause begins at any time.
    """
    random = Random(f"storm {seed}")
    deliveries = []
    for cause in causes():
        begins = random.uniform(0, SECONDS * 0.8 if cause.severity == "critical" else 50)
        left = list(range(ALERTS // CAUSES))
        while left:
            together, left = left[: (size := random.randint(1, TOGETHER))], left[size:]
            hosts = tuple(f"{cause.name.lower()}-{number:03}" for number in together)
            deliveries.append(Delivery(random.uniform(begins, SECONDS), cause, hosts))
    return sorted(deliveries)
