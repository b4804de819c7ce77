"""`firstline doctor` on a stack within moto, with Slack and PagerDuty on this machine."""

import json
from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from firstline.policy.paging import ONLY_THE_TOPIC
from firstline_cli.doctor import people, posts, reach, sources
from firstline_cli.main import app
from firstline_cli.stacks import Stack, stack_of
from tests.integration.http_stub import Answer, answering
from tests.integration.stack_on_aws import deployed_stack

NAME = "firstline-dev"


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def secret(name: str, value: str = "x") -> None:
    boto3.client("ssm").put_parameter(Name=f"/firstline/{NAME}/{name}", Value=value, Type="SecureString")


def deployed(**parameters: str) -> Stack:
    deployed_stack(NAME, **parameters)
    return stack_of(NAME)


SLACK_KNOWS = Answer(body={"ok": True, "team": "Example"})


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            [Answer(body={"ok": False, "error": "invalid_auth"})],
            ["✗ slack        Slack refuses the bot token (invalid_auth)"],
        ),
        ([Answer(status=503, body=b"")], ["✗ slack        Slack refuses the bot token (no answer that could be read)"]),
        (
            [SLACK_KNOWS, Answer(body={"ok": False, "error": "missing_scope"})],
            [
                "✓ slack        the bot token is good, for Example",
                "✗ slack        the secret slack/signing-secret is not set",
                "! slack        the channel C012",
            ],
        ),
        (
            [SLACK_KNOWS, Answer(body={"ok": True, "channel": {"name": "ops", "is_archived": True}})],
            [
                "✓ slack        the bot token is good",
                "✗ slack        the secret slack/signing-secret",
                "✗ slack        C012 is #ops, which is archived",
            ],
        ),
        (
            [SLACK_KNOWS, Answer(body={"ok": False, "error": "channel_not_found"})],
            [
                "✓ slack        the bot token is good",
                "✗ slack        the secret slack/signing-secret",
                "✗ slack        the channel C012: channel_not_found",
            ],
        ),
    ],
    ids=["wrong token", "no answer", "the bot may not look", "archived channel", "no such channel"],
)
def test_the_slack_check_says_what_slack_answers(answers: list[Answer], said: list[str]) -> None:
    secret("slack/bot-token", "xoxb-1")
    with answering(*answers) as slack:
        stack = deployed(SlackApiUrl=f"{slack.url}/api/", SlackAutomatedChannel="C012", SlackAlertsChannel="C012")
        lines = [finding.line() for finding in people.slack(stack)]
        assert [line[: len(expected)] for line, expected in zip(lines, said, strict=False)] == said
        assert slack.asked[0].headers["Authorization"] == "Bearer xoxb-1"


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        ("k" * 32, Answer(status=202, body={"status": "success"}), "✓ pagerduty    PagerDuty takes the routing key"),
        (
            "k" * 32,
            Answer(status=400, body={"errors": ["Invalid routing key"]}),
            "✗ pagerduty    PagerDuty answered 400 to the routing key: ['Invalid routing key']",
        ),
        ("short", Answer(), "✗ pagerduty    the routing key does not have 32 letters"),
    ],
    ids=["taken", "refused", "too short to be sent"],
)
def test_the_routing_key_is_tried_with_a_resolve_that_changes_nothing(key: str, answer: Answer, said: str) -> None:
    secret("pagerduty/routing-key", key)
    with answering(answer) as pagerduty:
        stack = deployed(PagerDutyEventsUrl=pagerduty.url)
        (finding,) = people.pagerduty(stack)
        assert finding.line().startswith(said)
        assert key not in finding.line()
        assert [asked.json["event_action"] for asked in pagerduty.asked] == (["resolve"] if len(key) == 32 else [])


KEY = "whsec_" + "a" * 40


@pytest.mark.parametrize(
    ("check", "secrets", "said"),
    [
        ("teams", {}, []),
        (
            "teams",
            {"teams/workflow-url": "https://x.webhook.office.com/"},
            ["✗ teams        the address is that of"],
        ),
        (
            "teams",
            {"teams/workflow-url": "ftp://x/secret"},
            ["✗ teams        the address does not begin with https://"],
        ),
        ("teams", {"teams/workflow-url": "{url}/secret"}, ["✓ teams        127.0.0.1 answers; `firstline test"]),
        ("teams", {"teams/workflow-url": "http://127.0.0.1:9/secret"}, ["! teams        127.0.0.1 cannot be reached"]),
        ("webhook", {"webhook/url": "{url}/secret", "webhook/signing-key": KEY}, ["✓ webhook      127.0.0.1 answers"]),
        (
            "webhook",
            {"webhook/url": "{url}/secret"},
            ["✓ webhook", "✗ webhook      the webhook has an address"],
        ),
        (
            "webhook",
            {"webhook/url": "{url}/secret", "webhook/signing-key": f"{KEY}\nsecret"},
            ["✓ webhook", "✗ webhook      a key of the webhook is not base64"],
        ),
    ],
    ids=[
        *("not connected", "a retired address", "no https", "answers", "out of reach"),
        *("answers, with a key", "no key", "a broken key"),
    ],
)
def test_a_channels_address_and_keys_are_checked_without_a_post(
    check: str, secrets: dict[str, str], said: list[str]
) -> None:
    with answering(Answer(status=404)) as receiver:
        for name, value in secrets.items():
            secret(name, value.format(url=receiver.url))
        lines = [finding.line() for finding in getattr(posts, check)(deployed())]
        assert [line[: len(expected)] for line, expected in zip(lines, said, strict=True)] == said
        assert "secret" not in "".join(line.partition(" → ")[0] for line in lines)
        assert not [asked for asked in receiver.asked if "secret" in asked.path or asked.method != "HEAD"]


@pytest.mark.parametrize("channel", ["teams", "webhook"])
def test_a_channel_that_a_level_pages_through_has_to_be_connected(
    channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = ONLY_THE_TOPIC.levels[0].model_copy(update={"name": "first", "channels": [channel]})
    monkeypatch.setattr(posts, "levels_with", lambda name: [level] if name == channel else [])
    (finding,) = getattr(posts, channel)(deployed())
    assert finding.line().startswith(
        f"✗ {channel:<12} {channel} is not connected, and paging.yaml pages through it (levels: first) → firstline"
    )


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "✓ console      the console answers, and asks to sign in"),
        (200, "✗ console      the console answers 200 without a session, and should answer 401"),
        (502, "✗ console      the console answers 502 without a session, and should answer 401"),
    ],
)
def test_a_console_is_well_if_it_asks_to_sign_in(status: int, said: str) -> None:
    with answering(Answer(status=status)) as console:
        stack = replace(deployed(), api_url=console.url)
        (finding,) = reach.console(stack)
    assert finding.line().startswith(said)


def test_a_console_that_does_not_answer_is_wrong() -> None:
    (finding,) = reach.console(replace(deployed(), api_url="http://127.0.0.1:9"))
    assert finding.line().startswith("✗ console      the console cannot be reached from here (")


def test_sources_without_a_secret_are_closed() -> None:
    stack = deployed(EventBridgeEvents="none")
    assert next(sources.sources(stack)).line().startswith("✗ sources      no source is open")
    secret("sources/prometheus")
    lines = [finding.line() for finding in sources.sources(stack)]
    assert lines[0] == "✓ sources      prometheus is open; no incident from it in 7 days"
    assert lines[1].startswith("! sources      closed, because they have no secret: cloudwatch, ")


def test_the_command_ends_with_1_if_something_is_wrong_and_names_every_check() -> None:
    nowhere = "http://127.0.0.1:9"
    deployed_stack(NAME, api=nowhere, SlackApiUrl=f"{nowhere}/", PagerDutyEventsUrl=nowhere)
    done = CliRunner().invoke(app, ["doctor", "--stack", NAME, "-o", "json"])
    found = json.loads(done.stdout)

    assert done.exit_code == 1
    assert {"state": "wrong", "check": "pages"}.items() <= found[0].items()
    seen = {finding["check"] for finding in found}
    assert {"pages", "slack", "pagerduty", "sources", "hosts", "remediation", "neighbours", "quotas"} <= seen
    assert {"console", "canary"} <= seen
