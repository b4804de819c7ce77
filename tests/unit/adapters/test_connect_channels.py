"""Channels of a stack, which follow from its secrets."""

from typing import Any

import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from firstline.adapters.channels.connect import ADDRESS, connect, on_call_now
from firstline.adapters.channels.paging import PagerDuty
from firstline.adapters.channels.slack import SlackBot, SlackWebhook
from firstline.adapters.channels.teams import TeamsWorkflow
from firstline.adapters.channels.webhook import SignedWebhook
from firstline.channels.delivery import Later, Unusable
from firstline.policy.paging import Level
from firstline.settings import EscalateSettings
from firstline_cli.doctor.command import checks
from firstline_cli.secret_store import known

SETTINGS = EscalateSettings(
    stack_name="firstline",
    table_name="table",
    history_days=90,
    secrets_prefix="/firstline/firstline",
    slack_api_url="https://slack.example/api/",
    slack_automated_channel="#ops-automated",
    slack_alerts_channel="#ops-alerts",
    pagerduty_events_url="https://events.example",
    pagerduty_api_url="ftp://nowhere.example",
    page_after_seconds=300,
    flap_quiet_seconds=1_200,
    resolve_within_seconds=600,
    execution_url="https://console.example",
    time_zone="Europe/Berlin",
    runbooks_dir="runbooks",
    page_topic_arn="arn:aws:sns:eu-west-1:1:page",
)


class FakeSecrets:
    """Secrets by name; the value None stands for a secret that can't be read, which makes its channel `Unusable`."""

    def __init__(self, **secrets: str | None) -> None:
        self._secrets = {name.replace("__", "/").replace("_", "-"): value for name, value in secrets.items()}

    def lines(self, name: str) -> tuple[str, ...]:
        return tuple((self.get(name) or "").split())

    def get(self, name: str) -> str | None:
        if name not in self._secrets:
            return None
        value = self._secrets[name]
        if value is None:
            raise GetParameterError("AccessDeniedException")
        return value


def connected(secrets: FakeSecrets, **changes: Any) -> dict[str, type]:
    nothing = lambda *_: None  # noqa: E731
    channels = connect(SETTINGS, secrets, nothing, nothing, **changes)  # type: ignore[arg-type]
    return {name: type(channel) for name, channel in channels.items()}


@pytest.mark.parametrize(
    ("secrets", "interactive", "expected"),
    [
        ({}, False, {}),
        ({"slack__bot_token": "xoxb"}, False, {"slack": SlackBot}),
        ({"slack__webhook_url": "https://hooks.example"}, False, {"slack": SlackWebhook}),
        ({"slack__webhook_url": "https://hooks.example"}, True, {}),
        ({"slack__bot_token": "xoxb", "slack__webhook_url": "https://hooks.example"}, True, {"slack": SlackBot}),
        ({"pagerduty__routing_key": "R"}, False, {"pagerduty": PagerDuty}),
        ({"slack__bot_token": None, "pagerduty__routing_key": "R"}, False, {"slack": Unusable, "pagerduty": PagerDuty}),
        ({"teams__workflow_url": "https://teams.example"}, False, {"teams": TeamsWorkflow}),
        ({"teams__workflow_url": "https://teams.example"}, True, {"teams": Later}),
        ({"webhook__url": "https://hook.example"}, False, {"webhook": SignedWebhook}),
        ({"webhook__url": "https://hook.example", "webhook__signing_key": None}, False, {"webhook": Unusable}),
        ({"webhook__signing_key": "whsec_"}, False, {}),
        (
            {"slack__bot_token": "xoxb", "pagerduty__routing_key": None},
            True,
            {"slack": SlackBot, "pagerduty": Unusable},
        ),
    ],
)
def test_a_secret_switches_its_channel_on(
    secrets: dict[str, str | None], interactive: bool, expected: dict[str, type]
) -> None:
    assert connected(FakeSecrets(**secrets), interactive=interactive) == expected


class NotedSecrets(FakeSecrets):
    """Secrets that are all set or all missing; `asked` has each name that was asked for."""

    def __init__(self, *, there: bool) -> None:
        super().__init__()
        self.there = there
        self.asked: set[str] = set()

    def get(self, name: str) -> str | None:
        self.asked.add(name)
        return "https://somewhere.example" if self.there else None


def test_every_channel_is_checked_by_the_doctor_and_every_secret_of_it_can_be_set() -> None:
    asked: set[str] = set()
    for there in (True, False):
        secrets = NotedSecrets(there=there)
        channels = connected(secrets)
        asked |= secrets.asked
        assert set(channels) <= set(checks()), "firstline doctor checks every channel"

    assert asked - {ADDRESS} <= set(known()), "firstline secret set takes it"


@pytest.mark.parametrize(
    ("policy", "secrets"),
    [
        (None, {"pagerduty__api_token": "t"}),
        ("PABC123", {}),
        ("PABC123", {"pagerduty__api_token": None}),
        ("PABC123", {"pagerduty__api_token": "t"}),
    ],
    ids=["no policy", "no token", "an unreadable token", "an address that leads nowhere"],
)
def test_who_is_on_call_is_unknown_rather_than_an_error(policy: str | None, secrets: dict[str, str | None]) -> None:
    level = Level.model_validate(
        {
            "name": "first",
            "channels": ["pagerduty"],
            "on_call": "Ana",
            "acknowledge_within": "5m",
            "pagerduty_escalation_policy": policy,
        }
    )
    assert on_call_now(level, SETTINGS, FakeSecrets(**secrets)) is None  # type: ignore[arg-type]
