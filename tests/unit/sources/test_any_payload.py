"""Tests with payloads of any kind: every source returns alerts, ignores the payload, or raises UnreadablePayload."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.errors import UnreadablePayload
from firstline.models import NormalizedAlert
from firstline.sources import SOURCES, normalize_batch, signals
from firstline.sources.body import parse_body
from firstline.sources.deployments import deployment_from_event, read_deployments
from firstline.sources.sns import subscription_confirmation
from tests.support.depth import some, tries
from tests.support.needs import PUBLISHED
from tests.unit.sources.events import EVENTS, RECEIVED_AT

REAL = sorted(PUBLISHED.glob("*/*.json"))

# Scalars of any kind, among them texts on which careless code relies.
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["firing", "resolved", "ALARM", "OK", "", "i-", "[", "{", "://", "::", "[Triggered on {", "$X"])
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


def reason(call: Callable[[], Any]) -> str | None:
    """Return the message of the call's UnreadablePayload, or None if the call raises nothing."""
    try:
        call()
    except UnreadablePayload as error:
        return str(error)
    return None


def outcome(source: str, payload: Any) -> str:
    """Return `alerts`, `ignored` or `unreadable` for a payload, after a check that its alerts are valid."""
    try:
        batch = normalize_batch(source, payload, received_at=RECEIVED_AT)
    except UnreadablePayload:
        return "unreadable"
    for alert in batch.alerts:
        assert NormalizedAlert.model_validate(alert.model_dump()) == alert
        alert.model_dump_json()
        said = f"{alert.alert_name} {alert.message}"
        assert not re.search(r"\bNone\b", said) or "None" in json.dumps(payload), said
    return "alerts" if batch.alerts else "ignored"


def read_by_all(payload: Any) -> None:
    """Read a payload with every source and every reader of deployments and signals."""
    for source in SOURCES:
        outcome(source, payload)
    for call in (
        lambda: deployment_from_event(payload, received_at=RECEIVED_AT),
        lambda: read_deployments(payload, headers={}, received_at=RECEIVED_AT),
        lambda: signals("pagerduty", payload),
    ):
        assert reason(call) != ""
    subscription_confirmation(payload)


@given(anything)
@settings(max_examples=tries(300))
def test_any_json_is_read_ignored_or_refused_by_every_reader(payload: Any) -> None:
    read_by_all(payload)


FIXTURES = {
    f"{f.parent.name}/{f.stem}": json.loads(f.read_text())
    for f in sorted(EVENTS.glob("*/*.json"))
    if f.parent.name != "contracts"
}


def paths(data: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in the data, from the root down."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [here, *(path for key, value in inner for path in paths(value, (*here, key)))]


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of the data with another value at the path."""
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = replaced(data[path[0]], path[1:], value)
    return copy


@given(st.data())
@settings(max_examples=tries(600), suppress_health_check=[HealthCheck.too_slow])
def test_an_example_payload_with_any_value_replaced_is_read_ignored_or_refused(data: st.DataObject) -> None:
    payload = FIXTURES[data.draw(st.sampled_from(sorted(FIXTURES)))]
    wrong = replaced(payload, data.draw(st.sampled_from(paths(payload))), data.draw(anything))

    read_by_all(wrong)


@pytest.mark.parametrize(
    "wrong",
    [None, True, 0, -1.5, 10**399, "", "\x00", "x" * 20_000, [], {}, [None], {"": None}],
    ids=lambda wrong: repr(wrong)[:12],
)
def test_every_value_of_every_example_payload_may_be_wrong_in_this_way(wrong: Any) -> None:
    for name, payload in FIXTURES.items():
        source = name.split("/")[0].replace("deployments", "cloudwatch")
        for path in some(paths(payload), begin=len(name)):
            outcome(source, replaced(payload, path, wrong))


@pytest.mark.needs("published")
@pytest.mark.parametrize("path", REAL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_captured_payload_is_read_ignored_or_refused(path: Path) -> None:
    assert outcome(path.parent.name, parse_body(path.read_bytes())) in ("alerts", "ignored", "unreadable")


@pytest.mark.needs("published")
@pytest.mark.parametrize("source", sorted({path.parent.name for path in REAL} - {"pagerduty"}))
def test_at_most_35_percent_of_the_captured_payloads_of_a_source_are_refused(source: str) -> None:
    # Unfilled templates (Datadog) and bodies of retired versions (PagerDuty) are rightly refused.
    outcomes = [outcome(source, parse_body(path.read_bytes())) for path in REAL if path.parent.name == source]

    assert outcomes.count("unreadable") / len(outcomes) <= 0.35
