"""Slack's errors, and what each means for the message."""

import pytest

from firstline.channels.slack_errors import REFUSALS, Meaning, refusal

MEANINGS: dict[str, Meaning] = {
    "ratelimited": "later",
    "rate_limited": "later",
    "internal_error": "later",
    "fatal_error": "later",
    "service_unavailable": "later",
    "rollup_error": "later",
    "update_failed": "later",
    "block_mismatch": "anew",
    "messages_tab_disabled": "elsewhere",
    "attachment_payload_limit_exceeded": "shorter",
    "team_not_found": "setup",
    "message_not_found": "anew",
    "cant_update_message": "anew",
    "edit_window_closed": "anew",
    "is_inactive": "anew",
    "is_archived": "elsewhere",
    "channel_is_archived": "elsewhere",
    "channel_not_found": "elsewhere",
    "not_in_channel": "elsewhere",
    "restricted_action": "elsewhere",
    "msg_too_long": "shorter",
    "msg_blocks_too_long": "shorter",
    "invalid_blocks": "shorter",
    "invalid_auth": "setup",
    "account_inactive": "setup",
    "token_revoked": "setup",
    "not_authed": "setup",
    "missing_scope": "setup",
    "no_service": "setup",
    "user_not_found": "nobody",
    "user_not_in_channel": "nobody",
    "expired_trigger_id": "lost",
    "exchanged_trigger_id": "lost",
    "org_login_required": "later",
    "ekm_access_denied": "elsewhere",
    "invalid_arguments": "shorter",
    "no_service_id": "setup",
    "something_new": "lost",
}


@pytest.mark.parametrize(("code", "meaning"), MEANINGS.items())
def test_each_documented_error_has_its_meaning(code: str, meaning: Meaning) -> None:
    assert refusal(code, 200).meaning == meaning


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        ("oops", 500, "later"),
        ("", 503, "later"),
        ("oops", 429, "later"),
        ("oops", 404, "lost"),
        ("channel_is_archived", 410, "elsewhere"),  # a known error, as a webhook tells it
    ],
)
def test_the_status_decides_what_an_unknown_error_means(code: str, status: int, meaning: Meaning) -> None:
    assert refusal(code, status).meaning == meaning


def test_each_error_that_a_person_has_to_mend_names_the_fix() -> None:
    to_mend = {code: known for code, known in REFUSALS.items() if known.meaning in ("elsewhere", "setup")}
    assert [code for code, known in to_mend.items() if not known.fix] == []
