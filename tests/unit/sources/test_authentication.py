"""Tests of the authentication of senders: every scheme with right, wrong, missing, rotated and tampered values."""

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
def test_each_active_token_is_accepted_in_each_header(source: str, headers: dict[str, str]) -> None:
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
def test_a_request_without_a_valid_token_or_signature_is_refused(source: str, headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match=source):
        authenticate(source, headers=headers, body=BODY, secrets=TOKENS, now=NOW)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("secrets", [[], [""], ["", "  "]])
def test_a_source_without_a_secret_refuses_every_request(source: str, secrets: list[str]) -> None:
    for headers in ({}, {"Authorization": "Bearer "}, {"X-PagerDuty-Signature": f"v1={signature('')}"}):
        with pytest.raises(Unauthenticated, match="no secret configured"):
            authenticate(source, headers=headers, body=BODY, secrets=secrets, now=NOW)


def test_a_refusal_names_neither_the_secrets_nor_the_given_token() -> None:
    with pytest.raises(Unauthenticated) as refusal:
        authenticate("generic", headers={"Authorization": "Bearer guess"}, body=BODY, secrets=TOKENS, now=NOW)

    assert not any(secret in str(refusal.value) for secret in [*TOKENS, "guess"])


def test_the_error_for_an_unknown_source_names_the_known_ones() -> None:
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
def test_one_valid_v1_signature_of_pagerduty_is_accepted(header: str) -> None:
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
def test_a_wrong_or_truncated_signature_of_pagerduty_is_refused(header: str, body: bytes) -> None:
    with pytest.raises(Unauthenticated):
        authenticate("pagerduty", headers={"X-PagerDuty-Signature": header}, body=body, secrets=TOKENS, now=NOW)


def test_a_bearer_token_is_refused_for_pagerduty() -> None:
    with pytest.raises(Unauthenticated):
        authenticate("pagerduty", headers={"Authorization": "Bearer old-token"}, body=BODY, secrets=TOKENS, now=NOW)


def grafana(key: str, at: datetime | None, body: bytes = BODY) -> dict[str, str]:
    """Return the headers of Grafana's signature, with a time stamp unless `at` is None."""
    if at is None:
        return {"X-Grafana-Alerting-Signature": signature(key, body)}
    stamp = str(int(at.timestamp()))
    return {
        "X-Grafana-Alerting-Signature": signature(key, stamp.encode() + b":" + body),
        "X-Grafana-Alerting-Timestamp": stamp,
    }


@pytest.mark.parametrize("key", TOKENS)
@pytest.mark.parametrize("at", [None, NOW, NOW - timedelta(seconds=299), NOW + timedelta(seconds=299)])
def test_grafanas_signature_is_accepted_without_a_time_stamp_or_with_one_within_five_minutes(
    key: str, at: datetime | None
) -> None:
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
def test_a_tampered_or_old_signature_of_grafana_is_refused(tamper: Callable[[dict[str, str]], dict[str, str]]) -> None:
    headers = tamper(grafana("old-token", NOW))

    with pytest.raises(Unauthenticated):
        authenticate("grafana", headers=headers, body=BODY, secrets=TOKENS, now=NOW)


def test_a_signature_is_judged_against_the_present_by_default() -> None:
    authenticate("grafana", headers=grafana("old-token", datetime.now(UTC)), body=BODY, secrets=TOKENS)

    with pytest.raises(Unauthenticated, match="older"):
        authenticate("grafana", headers=grafana("old-token", NOW), body=BODY, secrets=TOKENS)
