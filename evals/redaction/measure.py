"""Measurement of redaction: the share of secrets that it removes, and the share of harmless alerts that it changes."""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table

from evals.redaction import benign, issuers
from evals.redaction.kinds import Seeded, personal, seeded
from firstline.privacy import redact, redact_label, redact_secrets

SEEDS = range(20)
MOST_FALSE = 0.02
"""The largest allowed share of harmless alerts that redaction changes; a found e-mail address is no change."""

LEAST_PUBLIC = 0.95
"""The least allowed share of the public rules' own examples that redaction finds."""

SHORTEST_GONE = 8

WAYS: dict[str, Callable[[Seeded], str]] = {
    "alone": lambda hidden: hidden.text,
    "within a sentence": lambda hidden: f"login failed for app: {hidden.text} (attempt 3)",
    "with lines around it": lambda hidden: f"dump follows\n{hidden.text}\nend of dump",
    "with zero-width characters in it": lambda hidden: hidden.text.replace(hidden.secret, _split(hidden.secret)),
    "percent-encoded": lambda hidden: "GET /callback?state=" + quote(hidden.text, safe=""),
    "in base64": lambda hidden: f"payload {base64.b64encode(hidden.text.encode()).decode()} rejected",
    "in JSON within JSON": lambda hidden: json.dumps({"log": json.dumps({"line": hidden.text})}),
}
"""The ways in which a secret may be written in an alert, by name; each returns the alert's text."""


@dataclass
class Measured:
    """The counts of one measurement.

    `missed` has for each secret that was not removed its kind, the way in which it was written, and the redacted text.
    `changed` has the harmless texts that redaction changed.
    """

    tried: int = 0
    kinds: int = 0
    missed: list[tuple[str, str, str]] = field(default_factory=list)
    harmless: int = 0
    changed: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The share of the secrets of which redaction left nothing."""
        return 1 - len(self.missed) / self.tried

    @property
    def false_share(self) -> float:
        """The share of the harmless alerts that redaction changed."""
        return len(self.changed) / self.harmless if self.harmless else 0.0


def secrets() -> Measured:
    """Measure the redaction of each kind of secret, written in each of the `WAYS`, with twenty random values."""
    return _recall([hidden for seed in SEEDS for hidden in seeded(seed)], WAYS, redact_secrets)


def public_examples() -> Measured:
    """Measure the redaction of the examples of Kingfisher's rules, which have far more issuers than our own kinds."""
    measured = Measured()
    examples = issuers.examples()
    for name, text, secret in examples:
        measured.tried += 1
        left = redact_secrets(text)
        if left == text or (len(secret) >= SHORTEST_GONE and secret in left):
            measured.missed.append((name, "public example", left))
    measured.kinds = len({name for name, _, _ in examples})
    return measured


def personal_data() -> Measured:
    """Measure the redaction of each kind of personal data, in the ways in which people write it."""
    ways = {name: WAYS[name] for name in ("alone", "within a sentence", "with lines around it", "in JSON within JSON")}
    return _recall([hidden for seed in SEEDS for hidden in personal(seed)], ways, redact)


def false_redactions(bodies: Path | None = None, *, own: bool = True) -> Measured:
    """Measure how many harmless alerts redaction changes: our own texts, and the bodies in a folder of JSON files.

    Our texts are left out if `own` is False. The JSON files are in the folders of `bodies`.
    """
    measured = Measured()
    alerts: list[list[tuple[str, str]]] = [[("message", text)] for text in benign.alerts()] if own else []
    if bodies is not None:
        alerts += [list(_texts(json.loads(path.read_text("utf-8")))) for path in sorted(bodies.glob("*/*.json"))]
    for texts in alerts:
        measured.harmless += 1
        # A person's address is found rightly.
        lost = [
            text
            for name, text in texts
            if redact_label(name, text) != text or redact(text) not in (text, "[redacted e-mail address]")
        ]
        measured.changed += lost[:1]
    return measured


def show(out: Console, measured: dict[str, Measured]) -> None:
    """Print the numbers, then each missed secret and each changed harmless text.

    `measured` has each measurement by its name, which is printed in its row.
    """
    table = Table("what", "tried", "kinds", "found", "false", title="Redaction", title_justify="left")
    for name, result in measured.items():
        found = f"{result.recall:.2%}" if result.tried else "-"
        false = f"{len(result.changed)} of {result.harmless} ({result.false_share:.2%})" if result.harmless else "-"
        table.add_row(name, str(result.tried or result.harmless), str(result.kinds or "-"), found, false)
    out.print(table)
    for result in measured.values():
        for kind, way, _ in result.missed:
            out.print(f"missed: {kind}, {way}", markup=False)
        for text in result.changed:
            out.print(f"changed: {text[:160]!r} -> {redact(text)[:160]!r}", markup=False)


def _recall(seeds: list[Seeded], ways: dict[str, Callable[[Seeded], str]], hide: Callable[[str], str]) -> Measured:
    measured = Measured(kinds=len({hidden.kind for hidden in seeds}))
    for hidden in seeds:
        for way, write in ways.items():
            measured.tried += 1
            left = hide(write(hidden))
            if hidden.leaks_into(left) or _encoded(hidden) in left:
                measured.missed.append((hidden.kind, way, left))
    return measured


def _encoded(hidden: Seeded) -> str:
    return base64.b64encode(hidden.text.encode()).decode()


def _split(secret: str) -> str:
    return "\u200b".join(secret[at : at + 3] for at in range(0, len(secret), 3))


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield name, value
        case dict():
            for key, item in value.items():
                yield from _texts(item, key)
        case list():
            for item in value:
                yield from _texts(item, name)
