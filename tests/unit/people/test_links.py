"""Approval links: a link that was changed in any way is refused."""

import hmac
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.errors import ConfigurationError, NotEntitled, TooLate
from firstline.people import links
from firstline.people.links import MAX_TOKEN_LENGTH, Link, checked, read, sign
from tests.support.builders import DEADLINE, INCIDENT_ID, NOW

KEY, OLD_KEY, FOREIGN_KEY = "k" * 32, "o" * 32, "f" * 32
LINK = Link(incident_id=INCIDENT_ID, approver="U1", name="ada", plan_digest="a" * 64, expires_at=DEADLINE)
TOKEN = sign(LINK, [KEY])


def reads(token: str, keys: tuple[str, ...] = (KEY,), incident_id: str = INCIDENT_ID, at: Any = NOW) -> Link:
    return read(token, keys, incident_id=incident_id, now=at)


def test_a_link_reads_back_as_what_was_signed() -> None:
    assert reads(TOKEN) == LINK


@pytest.mark.parametrize("keys", [(KEY, OLD_KEY), (OLD_KEY, KEY)])
def test_a_link_is_good_under_any_of_the_keys_and_the_first_key_signs(keys: tuple[str, ...]) -> None:
    assert reads(TOKEN, keys) == LINK
    assert sign(LINK, keys) == sign(LINK, keys[:1])


def test_a_link_works_until_its_deadline() -> None:
    assert reads(TOKEN, at=DEADLINE - timedelta(microseconds=1)) == LINK
    with pytest.raises(TooLate, match="expired 0 s ago"):
        reads(TOKEN, at=DEADLINE)


PAYLOAD, SIGNATURE = TOKEN.split(".")


def swapped(**changes: Any) -> str:
    """Another payload under the signature of the real one."""
    return f"{sign(LINK.model_copy(update=changes), [FOREIGN_KEY]).split('.')[0]}.{SIGNATURE}"


@pytest.mark.parametrize(
    ("case", "token"),
    [
        ("nothing", ""),
        ("only a dot", "."),
        ("no signature", PAYLOAD),
        ("an empty signature", f"{PAYLOAD}."),
        ("no payload", f".{SIGNATURE}"),
        ("the halves swapped", f"{SIGNATURE}.{PAYLOAD}"),
        ("another key", sign(LINK, [FOREIGN_KEY])),
        ("another incident", swapped(incident_id="Other-20260301-0312-a1b2c3")),
        ("another approver", swapped(approver="U2")),
        ("another name", swapped(name="grace")),
        ("another plan", swapped(plan_digest="b" * 64)),
        ("another time", swapped(expires_at=DEADLINE + timedelta(days=365))),
        ("padding", TOKEN + "="),
        ("a space", TOKEN + " "),
        ("something behind it", TOKEN + ".x"),
        ("twice", TOKEN + "," + TOKEN),
        ("not ASCII", TOKEN[:-1] + "é"),
        ("a lone surrogate", TOKEN[:-1] + "\ud800"),
        ("NUL", TOKEN + "\0"),
        ("endless", "A" * 5_000_000 + "." + SIGNATURE),
        ("endless behind it", TOKEN + "A" * 5_000_000),
    ],
)
def test_a_forged_link_is_refused(case: str, token: str) -> None:
    with pytest.raises(NotEntitled, match="not made by Firstline"):
        reads(token)


def test_a_link_with_any_changed_character_is_refused() -> None:
    for position, character in enumerate(TOKEN):
        for other in ("A", "B", "_", ".", "9"):
            if other != character:
                with pytest.raises(NotEntitled):
                    reads(TOKEN[:position] + other + TOKEN[position + 1 :])


def test_every_truncation_is_refused() -> None:
    for length in range(len(TOKEN)):
        with pytest.raises(NotEntitled):
            reads(TOKEN[:length])


@given(st.text(max_size=400))
def test_any_other_text_is_refused_as_a_link(text: str) -> None:
    with pytest.raises(NotEntitled):
        reads(text)


def test_a_link_is_refused_for_another_incident() -> None:
    with pytest.raises(NotEntitled, match="another incident"):
        reads(TOKEN, incident_id="Other-20260301-0312-a1b2c3")


def test_a_signature_made_for_another_purpose_is_refused() -> None:
    bare = urlsafe_b64encode(hmac.digest(KEY.encode(), PAYLOAD.encode(), "sha256")).rstrip(b"=").decode()
    with pytest.raises(NotEntitled):
        reads(f"{PAYLOAD}.{bare}")


def test_a_link_of_another_version_of_firstline_is_refused_with_the_reason() -> None:
    class Newer(Link):
        colour: str = "red"

    with pytest.raises(NotEntitled, match="another version"):
        reads(sign(Newer(**LINK.model_dump()), [KEY]))


def test_without_a_key_no_link_is_read_or_signed() -> None:
    with pytest.raises(NotEntitled, match="no secret approvals/signing-key"):
        reads(TOKEN, ())
    with pytest.raises(NotEntitled, match="no secret approvals/signing-key"):
        links.address(LINK, "https://api.example", ())


@pytest.mark.parametrize("keys", [("short",), (KEY, "short")])
def test_a_key_that_can_be_guessed_is_refused(keys: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match=rf"approvals/signing-key, line {len(keys)}: 5 characters"):
        checked(keys)


def test_an_address_holds_the_longest_link() -> None:
    longest = Link(incident_id="i" * 80, approver="U" * 256, name="n" * 60, plan_digest="a" * 64, expires_at=DEADLINE)
    address = links.address(longest, "https://api.example", (KEY,))
    assert address.startswith(f"https://api.example/approvals/{'i' * 80}?token=")
    assert len(address) < MAX_TOKEN_LENGTH
    assert reads(address.split("token=")[1], incident_id="i" * 80) == longest
