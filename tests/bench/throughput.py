"""The speed of ingest's pure part, against the least that any ingest has to do: parsing and one HMAC.

The first number of a source is for alerts that were never seen, so that no cache helps; the second for one that is sent
again and again, as most senders do.
"""

import gc
import hmac
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from firstline import sources
from firstline.ingest.fold import Arrival, fold
from firstline.models import SEVERITY_RANK, NormalizedAlert
from firstline.sources.body import parse_body
from local.demo.senders import proof

EVENTS = Path(__file__).parents[1] / "events"
SECRET = "a-secret-of-a-usual-length-0123456789"
NOW = datetime(2026, 2, 11, 9, 0, tzinfo=UTC)
BODIES = 200
ROUNDS = 9

type Number = Callable[[int], str]
ALARM: dict[str, Number] = {"checkout-cpu-high": "checkout-cpu-{}".format, "i-0a1b2c3d4e5f60718": "i-{:017x}".format}
MONITOR: dict[str, Number] = {"web-7": "web-{}".format, "7031415926535897": "{:016}".format, "48151623": "{:08}".format}
PAGE: dict[str, Number] = {"Q1W2E3R4T5Y6U7": "Q{:013}".format, "7f3a9c5e1b2d4086a7c8e9f001122334": "{:032x}".format}
TARGET: dict[str, Number] = {"10-0-3-17": lambda n: f"10-0-{n // 250}-{n % 250}", "26066cf10f12a354": "{:016x}".format}
SAMPLES: dict[str, tuple[str, str, dict[str, Number]]] = {
    "cloudwatch, SNS": ("cloudwatch", "cloudwatch/sns-alarm.json", ALARM),
    "cloudwatch, EventBridge": ("cloudwatch", "cloudwatch/eventbridge-alarm.json", ALARM),
    "datadog": ("datadog", "datadog/recommended-triggered.json", MONITOR),
    "generic": ("generic", "generic/firing.json", {"edge-1": "edge-{}".format, "cert-shop": "cert-{}".format}),
    "grafana": ("grafana", "grafana/firing.json", {"web-7": "web-{}".format, "5d2f0c9a7b3e1846": "{:016x}".format}),
    "pagerduty": ("pagerduty", "pagerduty/triggered.json", PAGE),
    "prometheus": ("prometheus", "prometheus/firing.json", TARGET),
}
"""The samples by sender: the source, one of its events, and the texts that differ from one alert to the next."""

_numbers = itertools.count(1)


def rows() -> list[tuple[str, str, str]]:
    """Measure ingest's speed over the baseline's for each source, for new alerts and for one sent again."""
    found = []
    for name, (source, event, differs) in SAMPLES.items():
        fresh = ratio(source, partial(_fresh, event, differs))
        again = ratio(source, partial(_again, event, differs))
        found.append((name, f"{fresh:.2f}, sent again {again:.2f}", "≥ 0.50"))
    batch = ratio("prometheus", lambda: [_batch(20) for _ in range(BODIES // 10)])
    found.append(("prometheus, 20 alerts in one", f"{batch:.2f}", "≥ 0.50"))
    return found


def ratio(source: str, bodies: Callable[[], list[bytes]]) -> float:
    """Return the baseline's least time over ingest's for the same bodies: 1 is as fast as the baseline."""
    least_ours = least_baseline = float("inf")
    for _ in range(ROUNDS):
        sent = [(body, {n.lower(): value for n, value in proof(source, body, SECRET).items()}) for body in bodies()]
        least_baseline = min(least_baseline, _seconds(partial(_baseline, sent)))
        least_ours = min(least_ours, _seconds(partial(_ours, source, sent)))
    return least_baseline / least_ours


def _ours(source: str, sent: list[tuple[bytes, dict[str, str]]]) -> None:
    for body, headers in sent:
        sources.authenticate(source, headers=headers, body=body, secrets=(SECRET,), now=NOW)
        batch = sources.normalize_batch(source, parse_body(body, "application/json"), headers=headers, received_at=NOW)
        groups: defaultdict[str, list[NormalizedAlert]] = defaultdict(list)
        for alert in batch.alerts:
            groups[alert.group_key].append(alert)
        for alerts in groups.values():
            for alert in alerts:
                arrival = Arrival(alert, NOW, SEVERITY_RANK[alert.severity])
                if fold(None, [arrival], {}, NOW).fate != "enters":
                    raise RuntimeError(f"source {source}: the firing alert of its sample did not open an incident")
        if not groups:
            raise RuntimeError(f"source {source}: no alert was read from its sample")


def _fresh(event: str, differs: dict[str, Number]) -> list[bytes]:
    return [_body(event, differs) for _ in range(BODIES)]


def _again(event: str, differs: dict[str, Number]) -> list[bytes]:
    return [_body(event, differs)] * BODIES


def _baseline(sent: list[tuple[bytes, dict[str, str]]]) -> None:
    key = SECRET.encode()
    for body, _ in sent:
        hmac.digest(key, body, "sha256").hex()
        json.loads(body)


def _seconds(work: Callable[[], None]) -> float:
    # As timeit does: a collection would walk through everything that the other measurements have loaded.
    gc.collect()
    gc.disable()
    start = time.process_time()
    work()
    spent = time.process_time() - start
    gc.enable()
    return spent


def _body(event: str, differs: dict[str, Number]) -> bytes:
    text, number = _sample(event), next(_numbers)
    for old, new in differs.items():
        text = text.replace(old, new(number))
    return text.encode()


def _batch(size: int) -> bytes:
    _, event, differs = SAMPLES["prometheus"]
    bodies = [json.loads(_body(event, differs)) for _ in range(size)]
    return json.dumps(bodies[0] | {"alerts": [body["alerts"][0] for body in bodies]}).encode()


@cache
def _sample(event: str) -> str:
    """Return an event as its sender sends it, without the indentation for readers."""
    return json.dumps(json.loads((EVENTS / event).read_text()), separators=(",", ":"))
