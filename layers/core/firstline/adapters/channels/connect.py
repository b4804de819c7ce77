"""Channels of this stack: those whose secrets are set."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from firstline.adapters.aws.secrets import Secrets
from firstline.adapters.channels.paging import PagerDuty, on_call_name
from firstline.adapters.channels.posting import SavePost
from firstline.adapters.channels.slack import Remember, SlackBot, SlackWebhook
from firstline.channels.delivery import Channel, Later, Unusable, Wakes
from firstline.channels.summary import StackInfo
from firstline.observability import logger
from firstline.policy.paging import Level
from firstline.settings import ChannelSettings, EscalateSettings, PageTopicSettings

ADDRESS = "console/url"
"""The SSM parameter with the address of the stack's console; without it, messages do not link to the console."""


def connect(
    settings: ChannelSettings, secrets: Secrets, remember: Remember, save_post: SavePost, *, interactive: bool = False
) -> dict[str, Channel]:
    """Return the channels whose secrets are set, by name.

    A channel whose secret cannot be read fails each message, so that the other channels still work.

    Parameters
    ----------
    remember
        Stores where an incident's Slack message is.
    save_post
        Stores the digest of a channel's newest post, so that it is not posted again.
    interactive
        True if a person waits for the answer: then time-outs are short, and a channel that is slow or cannot edit sends
        nothing, because the incident's execution posts there later.
    """
    stack = stack_info(settings, secrets)
    found = {
        "slack": _or_unusable("never", lambda: _slack(settings, secrets, stack, remember, save_post, interactive)),
        "pagerduty": _or_unusable("once", lambda: _pagerduty(settings, secrets, stack, interactive)),
        "teams": _or_unusable("never", lambda: _teams(secrets, stack, save_post, interactive)),
        "webhook": _or_unusable("never", lambda: _webhook(settings, secrets, stack, save_post, interactive)),
    }
    return {name: channel for name, channel in found.items() if channel}


def stack_info(settings: ChannelSettings | PageTopicSettings, secrets: Secrets) -> StackInfo:
    """Return the facts about the stack that messages show: its time zone, and the links to executions and the console.

    The console's address is filled in only for the SNS topic's pages (`PageTopicSettings`), and empty if it cannot be
    read. All other messages go without it: in Slack, a button makes each person a link of their own.
    """
    try:
        address = (secrets.get(ADDRESS) or "") if isinstance(settings, PageTopicSettings) else ""
    except GetParameterError as error:
        logger.warning("Messages go out without a link to the console", extra={"why": str(error)})
        address = ""
    zone = ZoneInfo(settings.time_zone)
    return StackInfo(zone=zone, execution_url=settings.execution_url, address=address.rstrip("/"))


def on_call_now(level: Level, settings: EscalateSettings, secrets: Secrets) -> str | None:
    """Return who PagerDuty says is on call at an escalation level; None if that is unknown.

    It is unknown if the level names no escalation policy of PagerDuty's, if there is no API token, or if PagerDuty
    fails.
    """
    policy = level.pagerduty_escalation_policy
    try:
        token = secrets.get("pagerduty/api-token") if policy else None
    except GetParameterError as error:
        logger.warning("Messages do not say who is on call: cannot read pagerduty/api-token", extra={"why": str(error)})
        return None
    return on_call_name(policy, api_url=settings.pagerduty_api_url, api_token=token) if policy and token else None


def _slack(
    settings: ChannelSettings,
    secrets: Secrets,
    stack: StackInfo,
    remember: Remember,
    save: SavePost,
    interactive: bool,
) -> Channel | None:
    if token := secrets.get("slack/bot-token"):
        return SlackBot(
            token,
            api_url=settings.slack_api_url,
            automated_channel=settings.slack_automated_channel,
            alerts_channel=settings.slack_alerts_channel,
            stack=stack,
            remember=remember,
            interactive=interactive,
        )
    url = secrets.get("slack/webhook-url")
    return SlackWebhook(url, save, stack=stack) if url and not interactive else None


def _pagerduty(settings: ChannelSettings, secrets: Secrets, stack: StackInfo, interactive: bool) -> Channel | None:
    key, url, seconds = secrets.get("pagerduty/routing-key"), settings.pagerduty_events_url, 1 if interactive else 4
    return PagerDuty(key, events_url=url, stack=stack, timeout_seconds=seconds) if key else None


def _teams(secrets: Secrets, stack: StackInfo, save: SavePost, interactive: bool) -> Channel | None:
    url = secrets.get("teams/workflow-url")
    if not url:
        return None
    if interactive:
        return Later()
    from firstline.adapters.channels.teams import TeamsWorkflow

    return TeamsWorkflow(url, save, stack=stack)


def _webhook(
    settings: ChannelSettings, secrets: Secrets, stack: StackInfo, save: SavePost, interactive: bool
) -> Channel | None:
    url = secrets.get("webhook/url")
    if not url:
        return None
    if interactive:
        return Later()
    from firstline.adapters.channels.webhook import SignedWebhook

    keys = secrets.lines("webhook/signing-key")
    return SignedWebhook(url, keys, save, stack=settings.stack_name, execution_url=stack.execution_url)


def _or_unusable(wakes: Wakes, build: Callable[[], Channel | None]) -> Channel | None:
    try:
        return build()
    except GetParameterError as error:
        return Unusable(wakes, f"its secret could not be read: {error}")
