"""Tests that every kind of secret is removed in whatever way it is written, and that harmless alerts stay unchanged."""

import pytest

from evals.redaction import measure
from evals.redaction.benign import alerts
from evals.redaction.kinds import KINDS, PERSONAL, Seeded, personal, seeded
from firstline.privacy import redact, redact_label, redact_payload, redact_secrets
from tests.support.needs import PUBLISHED


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_secret_is_removed_in_every_way_of_writing_it(kind: str) -> None:
    for seed in range(5):
        (secret,) = (found for found in seeded(seed) if found.kind == kind)
        for write in measure.WAYS.values():
            left = redact_secrets(write(secret))
            assert "[redacted" in left
            assert not secret.leaks_into(left)


@pytest.mark.parametrize("kind", PERSONAL)
def test_redact_removes_personal_data_and_redact_secrets_keeps_it(kind: str) -> None:
    for seed in range(5):
        (person,) = (found for found in personal(seed) if found.kind == kind)
        text = f"customer {person.text} cannot pay"
        assert not person.leaks_into(redact(text))
        assert redact_secrets(text) == text


@pytest.mark.parametrize(
    "text", ["pw=hunter22x", "user=ada pw='hunter22x'", "DB_PW=hunter22x", "db.pw: hunter22x", '{"pw": "hunter22x"}']
)
def test_the_short_name_of_a_password_is_a_name_of_a_password(text: str) -> None:
    assert "hunter22x" not in redact_secrets(text)


@pytest.mark.parametrize("text", ["pw: the pump's power", "rpw=42", "pw2=on", "upwards=yes"])
def test_a_name_that_only_holds_the_short_name_of_a_password_stays(text: str) -> None:
    assert redact_secrets(text) == text


def test_at_least_forty_kinds_of_secrets_are_tried() -> None:
    assert len(KINDS) >= 40
    assert len({secret.secret for secret in seeded(1)}) == len(KINDS)


@pytest.mark.parametrize("text", alerts())
def test_a_harmless_alert_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.needs("published")
def test_at_most_two_of_a_hundred_published_bodies_lose_anything() -> None:
    measured = measure.false_redactions(PUBLISHED, own=False)
    assert measured.harmless > 100
    assert measured.false_share <= measure.MOST_FALSE


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "ghp_" + "a1B2" * 5 + "\n" + "a1B2" * 4 + " was refused",
            "[redacted GitHub Personal Access Token] was refused",
        ),
        ("key AKIAIOSF\n  ODNN7EXAMPLE is in the log", "key [redacted AWS access key] is in the log"),
        ("0a1B\n" * 3 + "-----END RSA PRIVATE " + "KEY-----\nnext", "[redacted private key]\nnext"),
        ("-----BEGIN RSA PRIVATE " + "KEY-----\nMIIE", "[redacted private key]"),
        ("Grüße, password=hunter22\u200b und mehr", "Grüße, password=[redacted secret] und mehr"),
        ("token=[redacted JWT] password=[redacted secret]", "token=[redacted JWT] password=[redacted secret]"),
        ("https://a:b" + "@example.com/x", "https://[redacted password in a URL]@example.com/x"),
        ("می\u200cخواهم دیسک پر است", "می\u200cخواهم دیسک پر است"),
        ("pw", "pw"),
        ("", ""),
    ],
)
def test_a_secret_is_replaced_by_its_kind_and_a_redacted_text_stays_unchanged(text: str, left: str) -> None:
    assert redact_secrets(text) == left
    assert redact_secrets(left) == left


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("db_password", "abc", False),
        ("DB_PASSWORD", "correct horse", False),
        ("dbPassword", "correct", False),
        ("spring.datasource.password", "x1y2", False),
        ("api-key", "plain", False),
        ("token", "a1b2c3d4e5f6a7b8", False),
        ("x_auth_token", "opaque", False),
        ("secret", "payments-db-tls", True),
        ("exported_secret", "db-credentials", True),
        ("token", "kube-dns", True),
        ("signal", "SIGKILL", True),
        ("design", "a1b2c3d4e5f6a7b8", True),
        ("password_expires", "2026-12-01", True),
        ("tokens", "4096", True),
        ("key", "a1b2c3d4e5f6a7b8", True),
        ("team", "payments", True),
        ("password", "********", True),
        ("password", "expired", True),
    ],
)
def test_a_labels_value_is_hidden_if_its_name_says_that_it_is_a_secret(name: str, value: str, shown: bool) -> None:
    assert (redact_label(name, value) == value) is shown


def test_secrets_are_found_in_the_keys_and_values_of_a_payload() -> None:
    payload = {
        "labels": {"password": "abc", "n": 3, "none": None},
        "list": ["ok", {"token": "a1b2c3d4e5f6a7b8"}],
        "AKIA" + "IOSFODNN7EXAMPLE": "a key as a key",
    }
    clean = redact_payload(payload)
    assert clean["labels"] == {"password": "[redacted secret]", "n": 3, "none": None}
    assert clean["list"] == ["ok", {"token": "[redacted secret]"}]
    assert clean["[redacted AWS access key]"] == "a key as a key"


def test_a_payload_is_limited_in_depth_and_size() -> None:
    deep: object = "at the bottom"
    for _ in range(11):
        deep = {"a": deep}

    assert "at the bottom" not in str(redact_payload({"deep": deep}))
    assert len(str(redact_payload(["x" * 1_000] * 1_000))) < 200_000


def test_seeded_secrets_are_really_in_their_texts() -> None:
    """If they were not, every other test here would pass without any redaction."""
    assert all(datum.leaks_into(datum.text) for datum in [*seeded(3), *personal(3)])
    assert not Seeded("none", "text", "secret-of-mine").leaks_into("text")
