"""Authentication of senders: closed without a secret, every scheme with wrong, missing, rotated, tampered values."""

import hmac
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from firstline.errors import Unauthenticated, UnknownSource
from firstline.sources import SOURCES, authenticate

NOW = datetime(2026, 2, 11, 8, 15, tzinfo=UTC)
BODY = b'{"alerts": []}'
TOKENS = ["old-token", "new-tøken"]
TOKEN_SOURCES = ["cloudwatch", "datadog", "generic", "grafana", "prometheus"]


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def signature(key: str, message: bytes = BODY) -> str:
    return hmac.new(key.encode(), message, "sha256").hexdigest()


@pytest.mark.parametrize("source", TOKEN_SOURCES)
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer old-token"},
        {"authorization": "bearer  new-tøken "},
        {"AUTHORIZATION": "BEARER old-token"},
        basic("anybody", "old-token"),
        basic("", "new-tøken"),
        {"X-Firstline-Token": "old-token"},
        {"x-firstline-token": "new-tøken"},
    ],
)
def test_a_token_opens(source: str, headers: dict[str, str]) -> None:
    authenticate(source, headers=headers, body=BODY, secrets=TOKENS, now=NOW)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "old-token"},
        {"Authorization": "Bearer old-token2"},
        {"Authorization": "Bearer old-toke"},
        {"Authorization": "Bearer OLD-TOKEN"},
        {"Authorization": "Digest old-token"},
        {"Authorization": "Basic old-token"},
        {"Authorization": "Basic " + b64encode(b"old-token").decode()},
        {"Authorization": "Basic \xff\xfe"},
        {"Authorization": "Basic " + b64encode(b"\xff:\xfe").decode()},
        {"Authorization": "Bearer \ud800"},
        basic("old-token", "wrong"),
        {"X-Firstline-Token": "wrong"},
        {"X-Firstline-Token": ""},
        {"X-PagerDuty-Signature": ""},
        {"X-PagerDuty-Signature": "v1="},
        {"X-Grafana-Alerting-Signature": "0" * 64},
    ],
)
def test_anything_else_does_not(source: str, headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match=source):
        authenticate(source, headers=headers, body=BODY, secrets=TOKENS, now=NOW)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("secrets", [[], [""], ["", "  "]])
def test_without_a_secret_a_source_is_closed(source: str, secrets: list[str]) -> None:
    for headers in ({}, {"Authorization": "Bearer "}, {"X-PagerDuty-Signature": f"v1={signature('')}"}):
        with pytest.raises(Unauthenticated, match="no secret configured"):
            authenticate(source, headers=headers, body=BODY, secrets=secrets, now=NOW)


def test_a_refusal_tells_no_secret() -> None:
    with pytest.raises(Unauthenticated) as refusal:
        authenticate("generic", headers={"Authorization": "Bearer guess"}, body=BODY, secrets=TOKENS, now=NOW)

    assert not any(secret in str(refusal.value) for secret in [*TOKENS, "guess"])


def test_an_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(UnknownSource, match=", ".join(SOURCES)):
        authenticate("nagios", headers={}, body=BODY, secrets=TOKENS, now=NOW)


@pytest.mark.parametrize(
    "header",
    [
        f"v1={signature('old-token')}",
        f"v1={signature('new-tøken').upper()}",
        f"v1={'0' * 64}, v1={signature('new-tøken')}",
        f"v2=whatever,v1={signature('old-token')}",
    ],
)
def test_pagerduty_signs(header: str) -> None:
    authenticate("pagerduty", headers={"X-PagerDuty-Signature": header}, body=BODY, secrets=TOKENS, now=NOW)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (f"v1={signature('other')}", BODY),
        (f"v1={signature('old-token')}", BODY + b" "),
        (f"v2={signature('old-token')}", BODY),
        (signature("old-token"), BODY),
        (f"v1={signature('old-token')[:-1]}", BODY),
        (f"v1={signature('old-token')}\u2028é", BODY),
    ],
)
def test_pagerduty_tampered(header: str, body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        authenticate("pagerduty", headers={"X-PagerDuty-Signature": header}, body=body, secrets=TOKENS, now=NOW)


def test_pagerduty_takes_no_bearer() -> None:
    with pytest.raises(Unauthenticated):
        authenticate("pagerduty", headers={"Authorization": "Bearer old-token"}, body=BODY, secrets=TOKENS, now=NOW)


def grafana(key: str, at: datetime | None, body: bytes = BODY) -> dict[str, str]:
    if at is None:
        return {"X-Grafana-Alerting-Signature": signature(key, body)}
    stamp = str(int(at.timestamp()))
    return {
        "X-Grafana-Alerting-Signature": signature(key, stamp.encode() + b":" + body),
        "X-Grafana-Alerting-Timestamp": stamp,
    }


@pytest.mark.parametrize("key", TOKENS)
@pytest.mark.parametrize("at", [None, NOW, NOW - timedelta(seconds=299), NOW + timedelta(seconds=299)])
def test_grafana_signs(key: str, at: datetime | None) -> None:
    authenticate("grafana", headers=grafana(key, at), body=BODY, secrets=TOKENS, now=NOW)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda headers: headers | {"X-Grafana-Alerting-Timestamp": str(int(NOW.timestamp()) + 1)},
        lambda headers: headers | {"X-Grafana-Alerting-Timestamp": "yesterday"},
        lambda headers: headers | {"X-Grafana-Alerting-Timestamp": "9" * 400},
        lambda headers: {k: v for k, v in headers.items() if "Timestamp" not in k},
        lambda headers: {k: v for k, v in headers.items() if "Signature" not in k},
        lambda headers: headers | grafana("other", NOW),
        lambda headers: headers | grafana("old-token", NOW, BODY + b"\n"),
        lambda headers: headers | grafana("old-token", NOW - timedelta(seconds=301)),
        lambda headers: headers | grafana("old-token", NOW + timedelta(seconds=301)),
    ],
)
def test_grafana_tampered(tamper: Callable[[dict[str, str]], dict[str, str]]) -> None:
    headers = tamper(grafana("old-token", NOW))

    with pytest.raises(Unauthenticated):
        authenticate("grafana", headers=headers, body=BODY, secrets=TOKENS, now=NOW)


def test_by_default_the_window_is_around_the_present() -> None:
    authenticate("grafana", headers=grafana("old-token", datetime.now(UTC)), body=BODY, secrets=TOKENS)

    with pytest.raises(Unauthenticated, match="older"):
        authenticate("grafana", headers=grafana("old-token", NOW), body=BODY, secrets=TOKENS)
