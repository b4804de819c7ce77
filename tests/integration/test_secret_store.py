"""`firstline secret`: values go from stdin to SSM, and nothing else sees them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import typer
from moto import mock_aws
from typer.testing import CliRunner, Result

from firstline.channels.webhook import keys_of
from firstline_cli.init.secrets import read
from firstline_cli.main import app
from firstline_cli.secret_store import OTHERS, known
from tests.integration.stack_on_aws import deployed_stack

NAME = "firstline-dev"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def stack() -> Iterator[None]:
    with mock_aws():
        deployed_stack(NAME)
        yield


def secret(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["secret", *arguments, "--stack", NAME], input=typed)


def stored(name: str) -> str:
    found = boto3.client("ssm").get_parameter(Name=f"/firstline/{NAME}/{name}", WithDecryption=True)["Parameter"]
    assert found["Type"] == "SecureString"
    return found["Value"]


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(typer.Exit):
        read("--slack-token", f"file:{tmp_path}/key")
    assert capsys.readouterr().err == f"--slack-token: {tmp_path}/key is no text in UTF-8.\n"


def test_a_value_is_read_from_stdin_and_not_shown() -> None:
    done = secret("set", "llm/api-key", typed="sk-1234\n")
    assert (done.exit_code, stored("llm/api-key"), done.stdout) == (0, "sk-1234", "")
    assert "sk-1234" not in done.stderr


def test_a_token_is_made_shown_once_and_rotated_beside_the_old_one() -> None:
    first = secret("set", "sources/datadog", "--make").stdout.strip()
    assert stored("sources/datadog") == first
    second = secret("set", "sources/datadog", "--make", "--add").stdout.strip()
    assert stored("sources/datadog").splitlines() == [second, first]
    secret("set", "sources/datadog", typed=second)
    assert stored("sources/datadog") == second


def test_a_made_key_of_the_webhook_has_the_form_that_its_sender_demands() -> None:
    secret("set", "webhook/signing-key", "--make")
    assert len(keys_of(stored("webhook/signing-key").splitlines())) == 1


def test_the_secret_that_a_policy_file_names_is_stored() -> None:
    assert secret("set", "oncall/ada", typed="+4915112345678\n").exit_code == 0
    assert stored("oncall/ada") == "+4915112345678"


def test_every_secret_that_the_functions_read_can_be_set() -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "layers" / "core" / "firstline").rglob("*.py")
    )
    read = set(re.findall(r'(?:secrets(?:\.get|\.lines)?\(|SECRET = )"([a-z]+/[a-z-]+)"', code))
    assert {"teams/workflow-url", "console/calendar-key", "sources/deployments"} <= read
    assert read - set(known()) == set()


def test_the_list_says_which_secrets_are_set_and_shows_no_value() -> None:
    secret("set", "sources/datadog", typed="t0ken")
    listed = secret("list").stdout
    assert "t0ken" not in listed
    lines = {line.split()[0]: line.split()[1] for line in listed.splitlines()}
    assert (lines["sources/datadog"], lines["sources/grafana"], lines["llm/api-key"]) == ("set", "-", "-")
    plain = {row["name"]: row["set_at"] for row in json.loads(secret("list", "-o", "json").stdout)}
    assert (plain["sources/datadog"] is None, plain["sources/grafana"]) == (False, None)


@pytest.mark.parametrize(
    ("arguments", "typed", "code", "said"),
    [
        (["set", "sources/kafka"], "x", 3, "There is no secret 'sources/kafka'; known are sources/cloudwatch"),
        (["set", "slack/bot-token", "--add"], "x", 2, "slack/bot-token has only one value at a time"),
        (["set", "slack/bot-token"], "xoxp-1", 2, "a bot token begins with xoxb-"),
        (["set", "oncall/../x"], "x", 3, "There is no secret"),
        (["set", "webhook/url"], "http://example.com", 2, "an address begins with https://"),
        (["set", "webhook/signing-key"], "secret", 2, "a signing key is whsec_"),
        (["set", "sources/generic"], "\n", 2, "it must not be empty"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], typed: str, code: int, said: str) -> None:
    refused = secret(*arguments, typed=typed)
    assert refused.exit_code == code
    assert said in refused.stderr


def test_the_operations_guide_says_how_to_rotate_every_secret() -> None:
    section = (ROOT / "docs" / "operations.md").read_text().split("## Rotate a secret", 1)[1].split("\n## ", 1)[0]
    assert [name for name in OTHERS if f"`{name}`" not in section] == []
