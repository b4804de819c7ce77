"""Of every kind of secret nothing is left, however it got into an alert; and harmless alerts stay as they are."""

import pytest

from evals.redaction import measure
from evals.redaction.benign import alerts
from evals.redaction.kinds import KINDS, PERSONAL, Seeded, personal, seeded
from firstline.privacy import redact, redact_label, redact_payload, redact_secrets
from tests.support.needs import PUBLISHED


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_is_gone_in_whatever_way_it_came(kind: str) -> None:
    for seed in range(5):
        (secret,) = (found for found in seeded(seed) if found.kind == kind)
        for write in measure.WAYS.values():
            left = redact_secrets(write(secret))
            assert "[redacted" in left
            assert not secret.leaks_into(left)


@pytest.mark.parametrize("kind", PERSONAL)
def test_personal_data_is_gone_for_outsiders_and_stays_inside(kind: str) -> None:
    for seed in range(5):
        (person,) = (found for found in personal(seed) if found.kind == kind)
        text = f"customer {person.text} cannot pay"
        assert not person.leaks_into(redact(text))
        assert redact_secrets(text) == text


def test_forty_kinds_and_more_are_tried() -> None:
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
def test_what_is_left(text: str, left: str) -> None:
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
def test_a_labels_name_tells_of_its_value(name: str, value: str, shown: bool) -> None:
    assert (redact_label(name, value) == value) is shown


def test_a_payload_is_searched_to_its_leaves_and_within_bounds() -> None:
    payload = {
        "labels": {"password": "abc", "n": 3, "none": None},
        "list": ["ok", {"token": "a1b2c3d4e5f6a7b8"}],
        "AKIA" + "IOSFODNN7EXAMPLE": "a key as a key",
        "deep": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {"j": {"k": "deep"}}}}}}}}}}},
    }
    clean = redact_payload(payload)
    assert clean["labels"] == {"password": "[redacted secret]", "n": 3, "none": None}
    assert clean["list"] == ["ok", {"token": "[redacted secret]"}]
    assert clean["[redacted AWS access key]"] == "a key as a key"
    assert "deep" not in str(clean["deep"]).replace("'deep'", "")
    assert len(str(redact_payload(["x" * 1_000] * 1_000))) < 200_000


def test_seeded_secrets_are_really_in_their_texts() -> None:
    """Else every test above would pass with nothing redacted."""
    assert all(datum.leaks_into(datum.text) for datum in [*seeded(3), *personal(3)])
    assert not Seeded("none", "text", "secret-of-mine").leaks_into("text")
