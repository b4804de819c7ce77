"""Signatures of the Standard Webhooks: GitLab's signing token, and Svix, which signs for incident.io."""

import hmac
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firstline.errors import Unauthenticated
from firstline.sources import authenticate

NOW = datetime(2026, 4, 2, 6, 7, 8, tzinfo=UTC)
KEY = b"\x00\xfe 32 bytes that are no text \xff.."
SECRET = f"whsec_{b64encode(KEY).decode()}"
BODY = b'{"object_kind": "deployment"}'


def headers(key: bytes = KEY, at: datetime = NOW, body: bytes = BODY, prefix: str = "Webhook") -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signature = b64encode(hmac.digest(key, f"msg_7.{stamp}.".encode() + body, "sha256")).decode()
    return {f"{prefix}-Id": "msg_7", f"{prefix}-Timestamp": stamp, f"{prefix}-Signature": f"v1,{signature}"}


def check(sent: dict[str, str], *secrets: str, source: str = "deployments") -> None:
    authenticate(source, headers=sent, body=BODY, secrets=secrets or (SECRET,), now=NOW)


@pytest.mark.parametrize("source", ["deployments", "generic"])
def test_a_right_signature_is_accepted_with_each_prefix_key_and_allowed_age(source: str) -> None:
    check(headers(), "an older secret", SECRET, source=source)
    check(headers(prefix="svix"), source=source)
    check(headers(key=b"a plain text"), "a plain text", source=source)
    check(headers(at=NOW - timedelta(minutes=5)), source=source)
    several = headers()
    check(several | {"Webhook-Signature": f"v1a,x v1,AAAA {several['Webhook-Signature']}"}, source=source)


@pytest.mark.parametrize(
    "wrong",
    [
        headers(key=b"another"),
        headers(body=BODY + b" "),
        headers(at=NOW - timedelta(seconds=301)),
        headers(at=NOW + timedelta(seconds=301)),
        headers() | {"Webhook-Id": "msg_8"},
        headers() | {"Webhook-Timestamp": "soon"},
        headers() | {"Webhook-Signature": ""},
        headers() | {"Webhook-Signature": headers()["Webhook-Signature"].replace("v1,", "v2,")},
        {},
    ],
)
@pytest.mark.parametrize("source", ["deployments", "generic"])
def test_a_wrong_old_or_missing_signature_is_refused(wrong: dict[str, Any], source: str) -> None:
    with pytest.raises(Unauthenticated):
        check(wrong, source=source)


def test_a_key_that_is_no_base64_is_taken_as_it_is() -> None:
    check(headers(key=b"whsec_not base64!"), "whsec_not base64!")


def test_gitlabs_secret_token_counts_beside_a_signature_whose_key_is_not_known() -> None:
    check(headers(key=b"unknown") | {"X-Gitlab-Token": "s3cret"}, "s3cret")
    with pytest.raises(Unauthenticated, match="x-gitlab-token"):
        check(headers(key=b"unknown") | {"X-Gitlab-Token": "wrong"}, "s3cret")
