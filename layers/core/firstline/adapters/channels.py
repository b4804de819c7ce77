"""Which channels this stack has: those whose secrets are set."""

from collections.abc import Callable

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from firstline.adapters.paging import PagerDuty
from firstline.adapters.secrets import Secrets
from firstline.adapters.slack import Remember, SlackBot, SlackWebhook
from firstline.channels.delivery import Channel, Unusable, Wakes
from firstline.settings import ChannelSettings


def connect(
    settings: ChannelSettings, secrets: Secrets, remember: Remember, *, timeout_seconds: int = 5
) -> dict[str, Channel]:
    """Slack and PagerDuty by name, as far as they are switched on.

    A secret that exists but can't be read makes a channel that fails, so that the others still speak.
    """
    found = {
        "slack": _or_unusable("never", lambda: _slack(settings, secrets, remember, timeout_seconds)),
        "pagerduty": _or_unusable("once", lambda: _pagerduty(settings, secrets, timeout_seconds)),
    }
    return {name: channel for name, channel in found.items() if channel}


def slack_bot(
    settings: ChannelSettings, secrets: Secrets, remember: Remember, *, timeout_seconds: int = 5
) -> SlackBot | None:
    """The bot alone, which can do more than other channels; None without its token."""
    token = secrets.get("slack/bot-token")
    if not token:
        return None
    return SlackBot(
        token,
        api_url=settings.slack_api_url,
        automated_channel=settings.slack_automated_channel,
        alerts_channel=settings.slack_alerts_channel,
        console_url=settings.console_url,
        remember=remember,
        timeout_seconds=timeout_seconds,
    )


def _slack(settings: ChannelSettings, secrets: Secrets, remember: Remember, timeout_seconds: int) -> Channel | None:
    if bot := slack_bot(settings, secrets, remember, timeout_seconds=timeout_seconds):
        return bot
    url = secrets.get("slack/webhook-url")
    return SlackWebhook(url, console_url=settings.console_url, timeout_seconds=timeout_seconds) if url else None


def _pagerduty(settings: ChannelSettings, secrets: Secrets, timeout_seconds: int) -> Channel | None:
    key = secrets.get("pagerduty/routing-key")
    if not key:
        return None
    return PagerDuty(
        key,
        events_url=settings.pagerduty_events_url,
        console_url=settings.console_url,
        timeout_seconds=timeout_seconds,
    )


def _or_unusable(wakes: Wakes, build: Callable[[], Channel | None]) -> Channel | None:
    try:
        return build()
    except GetParameterError as error:
        return Unusable(wakes, f"its secret could not be read: {error}")
