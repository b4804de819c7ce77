"""Slack's error codes: the meaning of each for the message that was sent, and how to fix its reason.

Each row of `_TABLE` has one of these names, for the page that documents the row's codes. `any` stands for the four
methods that Firstline calls, whose pages share these codes.

| name | source |
|---|---|
| `post` | https://docs.slack.dev/reference/methods/chat.postMessage |
| `update` | https://docs.slack.dev/reference/methods/chat.update |
| `whisper` | https://docs.slack.dev/reference/methods/chat.postEphemeral |
| `form` | https://docs.slack.dev/reference/methods/views.open |
| `webhook` | https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, \
https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks |

For `Retry-After`: https://docs.slack.dev/apis/web-api/rate-limits.
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
    """The meaning of one of Slack's error codes, and how a person mends it; `fix` is empty if nobody has to."""

    meaning: Meaning
    fix: str = ""


_ARCHIVED = "the channel is archived; choose another in SlackAutomatedChannel or SlackAlertsChannel"
_UNKNOWN = "no such channel, or the bot is not in it; check SlackAutomatedChannel and SlackAlertsChannel"
_FORBIDDEN = (
    "the workspace lets nobody post there; allow the app, or choose another channel in SlackAutomatedChannel or"
    " SlackAlertsChannel"
)
_NOBODY = "that person has no account here, or is not in the channel; invite them to read the answer"
_WEBHOOK = "check the secret slack/webhook-url"
_KEPT_OUT = "an administrator of the workspace keeps the app out; ask them to allow it"

_TABLE: tuple[tuple[Meaning, str, str, str], ...] = (
    ("later", "any", "ratelimited internal_error fatal_error service_unavailable request_timeout", ""),
    # A workspace that is moved into an organisation.
    ("later", "any", "team_added_to_org org_login_required accesslimited", ""),
    ("later", "post", "rate_limited", ""),
    ("later", "update", "update_failed external_channel_migrating", ""),
    ("later", "webhook", "rollup_error", ""),
    ("anew", "update", "message_not_found cant_update_message edit_window_closed is_inactive", ""),
    ("anew", "update", "block_mismatch streaming_state_conflict", ""),
    ("elsewhere", "post", "is_archived", _ARCHIVED),
    ("elsewhere", "webhook", "channel_is_archived", _ARCHIVED),
    ("elsewhere", "post", "channel_not_found", _UNKNOWN),
    ("elsewhere", "post", "not_in_channel", "invite the bot to the channel, or give the app chat:write.public"),
    ("elsewhere", "post", "restricted_action restricted_action_read_only_channel", _FORBIDDEN),
    ("elsewhere", "post", "restricted_action_thread_only_channel restricted_action_non_threadable_channel", _FORBIDDEN),
    ("elsewhere", "post", "ekm_access_denied messages_tab_disabled", _FORBIDDEN),
    ("elsewhere", "webhook", "action_prohibited posting_to_general_channel_denied", _FORBIDDEN),
    ("shorter", "post", "msg_too_long msg_blocks_too_long too_many_attachments attachment_payload_limit_exceeded", ""),
    ("shorter", "post", "invalid_blocks invalid_blocks_format invalid_arguments", ""),
    ("shorter", "webhook", "invalid_payload", ""),
    ("setup", "any", "invalid_auth", "the secret slack/bot-token is not a valid bot token"),
    ("setup", "any", "not_authed", "the secret slack/bot-token is empty"),
    ("setup", "any", "token_revoked token_expired", "the secret slack/bot-token was revoked; install the app again"),
    ("setup", "any", "account_inactive", "the secret slack/bot-token belongs to a removed app; install it again"),
    ("setup", "any", "missing_scope no_permission", "the app lacks a scope; docs/channels/slack.md lists them"),
    ("setup", "any", "not_allowed_token_type", "the secret slack/bot-token must be a bot token, xoxb-…"),
    ("setup", "any", "access_denied team_access_not_granted enterprise_is_restricted", _KEPT_OUT),
    ("setup", "any", "two_factor_setup_required", _KEPT_OUT),
    (
        "setup",
        "post",
        "team_not_found",
        "the token is a whole organisation's; name the channels by their ids (C…) in SlackAutomatedChannel and"
        " SlackAlertsChannel",
    ),
    ("setup", "webhook", "invalid_token no_service no_service_id no_active_hooks", _WEBHOOK),
    ("setup", "webhook", "no_team team_disabled", _WEBHOOK),
    ("nobody", "whisper", "user_not_in_channel", _NOBODY),
    ("nobody", "webhook", "user_not_found", _NOBODY),
    (
        "lost",
        "form",
        "expired_trigger_id exchanged_trigger_id invalid_trigger_id",
        "it took more than three seconds; press the button again",
    ),
    ("lost", "post", "message_limit_exceeded", "the workspace has reached its limit of messages; see its plan"),
)

REFUSALS = {code: Refusal(meaning, fix) for meaning, _, codes, fix in _TABLE for code in codes.split()}
"""Slack's errors by their meaning. An error that is not here is `lost`."""


def refusal(code: str, status: int) -> Refusal:
    """Return the meaning of an answer from Slack, by its error code; for an unknown code, by its HTTP status."""
    if code not in REFUSALS and (status == 429 or status >= 500):
        return Refusal("later")
    return REFUSALS.get(code, Refusal("lost"))
