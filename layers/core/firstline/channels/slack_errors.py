"""Slack's errors: what each means for the message, and what mends it.

Sources, each with its list of errors: https://docs.slack.dev/reference/methods/chat.postMessage, …/chat.update,
…/chat.postEphemeral and …/views.open; for incoming webhooks
https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks; for `Retry-After`
https://docs.slack.dev/apis/web-api/rate-limits.
"""

from dataclasses import dataclass
from typing import Literal

type Meaning = Literal["later", "anew", "elsewhere", "shorter", "setup", "nobody", "lost"]
"""The meaning of an error for the message.

`later`: it passes; reconcile shows the message again. `anew`: this message can't be edited any more; a new one is
posted. `elsewhere`: the channel takes no messages; the other one does. `shorter`: the text or its blocks are too much;
less of it is sent. `setup`: until somebody mends the app or its secret, Slack counts as not connected. `nobody`: the
person has no account here or is not in the channel; the message stays text with a name. `lost`: the request is wrong;
trying again changes nothing.
"""


@dataclass(frozen=True)
class Refusal:
    """The meaning of an error, and what mends it."""

    meaning: Meaning
    fix: str = ""


_TABLE: tuple[tuple[Meaning, str, str], ...] = (
    ("later", "ratelimited rate_limited", ""),
    ("later", "internal_error fatal_error service_unavailable request_timeout rollup_error update_failed", ""),
    ("later", "team_added_to_org external_channel_migrating accesslimited", ""),
    ("anew", "message_not_found cant_update_message edit_window_closed is_inactive message_not_owned_by_app", ""),
    ("anew", "block_mismatch streaming_state_conflict", ""),
    (
        "elsewhere",
        "is_archived channel_is_archived",
        "the channel is archived; choose another in SlackAutomatedChannel or SlackAlertsChannel",
    ),
    (
        "elsewhere",
        "channel_not_found",
        "no such channel, or the bot is not in it; check SlackAutomatedChannel and SlackAlertsChannel",
    ),
    ("elsewhere", "not_in_channel", "invite the bot to the channel, or give the app chat:write.public"),
    (
        "elsewhere",
        "restricted_action restricted_action_read_only_channel restricted_action_thread_only_channel"
        " restricted_action_non_threadable_channel posting_to_general_channel_denied action_prohibited"
        " channel_type_not_supported messages_tab_disabled",
        "the workspace lets nobody post there; allow the app, or choose another channel in SlackAutomatedChannel or"
        " SlackAlertsChannel",
    ),
    ("shorter", "msg_too_long msg_blocks_too_long too_many_attachments attachment_payload_limit_exceeded", ""),
    ("shorter", "invalid_blocks invalid_blocks_format invalid_payload", ""),
    ("setup", "invalid_auth", "the secret slack/bot-token is not a valid bot token"),
    ("setup", "not_authed", "the secret slack/bot-token is empty"),
    ("setup", "token_revoked token_expired", "the secret slack/bot-token was revoked; install the app again"),
    ("setup", "account_inactive", "the secret slack/bot-token belongs to a removed app; install it again"),
    ("setup", "missing_scope no_permission", "the app lacks a scope; docs/channels/slack.md lists them"),
    ("setup", "not_allowed_token_type", "the secret slack/bot-token must be a bot token, xoxb-…"),
    (
        "setup",
        "access_denied ekm_access_denied team_access_not_granted enterprise_is_restricted org_login_required"
        " two_factor_setup_required team_not_found",
        "an administrator of the workspace keeps the app out; ask them to allow it",
    ),
    ("setup", "invalid_token no_service no_active_hooks no_team team_disabled", "check the secret slack/webhook-url"),
    (
        "nobody",
        "user_not_found users_not_found user_not_visible user_not_in_channel user_disabled",
        "that person has no account here, or is not in the channel; invite them to read the answer",
    ),
    ("lost", "expired_trigger_id", "it took more than three seconds; press the button again"),
    ("lost", "message_limit_exceeded", "the workspace has reached its limit of messages; see its plan"),
)

REFUSALS = {code: Refusal(meaning, fix) for meaning, codes, fix in _TABLE for code in codes.split()}
"""Slack's errors by their meaning. An error that is not here is `lost`."""


def refusal(code: str, status: int) -> Refusal:
    """Return what an answer of Slack's means, by its error and its HTTP status."""
    if code not in REFUSALS and (status == 429 or status >= 500):
        return Refusal("later")
    return REFUSALS.get(code, Refusal("lost"))
