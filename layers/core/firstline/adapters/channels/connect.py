"""Which channels this stack has: those whose secrets are set."""

from collections.abc import Callable

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from firstline.adapters.aws.secrets import Secrets
from firstline.adapters.channels.paging import PagerDuty, on_call_name
from firstline.adapters.channels.slack import Remember, SlackBot, SlackWebhook
from firstline.channels.delivery import Channel, Unusable, Wakes
from firstline.observability import logger
from firstline.policy.paging import Level
from firstline.settings import ChannelSettings, EscalateSettings


def connect(
    settings: ChannelSettings, secrets: Secrets, remember: Remember, *, hurried: bool = False
) -> dict[str, Channel]:
    """Slack and PagerDuty by name, as far as they are switched on.

    A secret that exists but can't be read makes a channel that fails, so that the others still speak. `hurried` is for
    when a person waits for the answer: short time-outs, and no channel that can't edit.
    """
    found = {
        "slack": _or_unusable("never", lambda: _slack(settings, secrets, remember, hurried)),
        "pagerduty": _or_unusable("once", lambda: _pagerduty(settings, secrets, hurried)),
    }
    return {name: channel for name, channel in found.items() if channel}


def on_call_now(level: Level, settings: EscalateSettings, secrets: Secrets) -> str | None:
    """Who is on call at a level, by PagerDuty; None when the policy or the secrets don't say where to ask."""
    if not level.pagerduty_escalation_policy:
        return None
    try:
        token = secrets.get("pagerduty/api-token")
    except GetParameterError as error:
        logger.warning("Could not read pagerduty/api-token", extra={"why": str(error)})
        return None
    if not token:
        return None
    return on_call_name(level.pagerduty_escalation_policy, api_url=settings.pagerduty_api_url, api_token=token)


def _slack(settings: ChannelSettings, secrets: Secrets, remember: Remember, hurried: bool) -> Channel | None:
    if token := secrets.get("slack/bot-token"):
        return SlackBot(
            token,
            api_url=settings.slack_api_url,
            automated_channel=settings.slack_automated_channel,
            alerts_channel=settings.slack_alerts_channel,
            console_url=settings.console_url,
            remember=remember,
            hurried=hurried,
        )
    url = secrets.get("slack/webhook-url")
    return SlackWebhook(url, console_url=settings.console_url) if url and not hurried else None


def _pagerduty(settings: ChannelSettings, secrets: Secrets, hurried: bool) -> Channel | None:
    key = secrets.get("pagerduty/routing-key")
    if not key:
        return None
    return PagerDuty(
        key,
        events_url=settings.pagerduty_events_url,
        console_url=settings.console_url,
        timeout_seconds=1 if hurried else 4,
    )


def _or_unusable(wakes: Wakes, build: Callable[[], Channel | None]) -> Channel | None:
    try:
        return build()
    except GetParameterError as error:
        return Unusable(wakes, f"its secret could not be read: {error}")
