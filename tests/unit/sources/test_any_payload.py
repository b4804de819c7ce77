"""Payloads of any kind: the answer is alerts, a reason to ignore it, or UnreadablePayload; nothing else escapes."""

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

# A scalar of any kind, with the shapes among them that code likes to trust.
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
    """Return why the call found the payload unreadable; None if it didn't."""
    try:
        call()
    except UnreadablePayload as error:
        return str(error)
    return None


def outcome(source: str, payload: Any) -> str:
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
def test_any_json(payload: Any) -> None:
    read_by_all(payload)


FIXTURES = {
    f"{f.parent.name}/{f.stem}": json.loads(f.read_text())
    for f in sorted(EVENTS.glob("*/*.json"))
    if f.parent.name != "contracts"
}


def paths(data: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the data, from the root down."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [here, *(path for key, value in inner for path in paths(value, (*here, key)))]


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value in one place."""
    if not path:
        return value
    copy = data.copy()
    copy[path[0]] = replaced(data[path[0]], path[1:], value)
    return copy


@given(st.data())
@settings(max_examples=tries(600), suppress_health_check=[HealthCheck.too_slow])
def test_a_real_shape_with_one_thing_wrong(data: st.DataObject) -> None:
    payload = FIXTURES[data.draw(st.sampled_from(sorted(FIXTURES)))]
    wrong = replaced(payload, data.draw(st.sampled_from(paths(payload))), data.draw(anything))

    read_by_all(wrong)


@pytest.mark.parametrize("wrong", [None, True, 0, -1.5, 10**399, "", "\x00", "x" * 20_000, [], {}, [None], {"": None}])
def test_every_place_of_every_shape_with_something_wrong(wrong: Any) -> None:
    for name, payload in FIXTURES.items():
        source = name.split("/")[0].replace("deployments", "cloudwatch")
        for path in some(paths(payload), begin=len(name)):
            outcome(source, replaced(payload, path, wrong))


@pytest.mark.needs("published")
@pytest.mark.parametrize("path", REAL, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_captured_payloads(path: Path) -> None:
    assert outcome(path.parent.name, parse_body(path.read_bytes())) in ("alerts", "ignored", "unreadable")


@pytest.mark.needs("published")
@pytest.mark.parametrize("source", sorted({path.parent.name for path in REAL} - {"pagerduty"}))
def test_most_captured_payloads_are_understood(source: str) -> None:
    # Templates with their variables in place (Datadog) and bodies of older versions (PagerDuty) rightly are not.
    outcomes = [outcome(source, parse_body(path.read_bytes())) for path in REAL if path.parent.name == source]

    assert outcomes.count("unreadable") / len(outcomes) <= 0.35
