"""`firstline init`, with a `sam` that deploys nothing: what is kept where, what is printed, and how it goes on."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import yaml
from moto import mock_aws
from typer.testing import CliRunner, Result

from firstline.policy.people import load_people
from firstline_cli import deployment, environments, stacks
from firstline_cli.init import command, questions
from firstline_cli.main import app
from tests.integration.stack_on_aws import deployed_stack
from tests.support.fake_sam import FakeSam

NAME = "firstline-dev"
SECRETS = {"SLACK": "xoxb-1234-s3cret", "SIGNING": "0123456789abcdef" * 2, "PAGERDUTY": "R0utingKey" * 3 + "ab"}
ALL = (
    *("--environment", "dev", "--page-email", "ops@example.com"),
    *("--slack-token", "env:SLACK", "--slack-signing-secret", "env:SIGNING", "--pagerduty-key", "env:PAGERDUTY"),
    *("--approvers", "ada=U01ABCDEF bob=U02GHIJ,arn:aws:iam::123456789012:user/bob"),
    *("--sources", "cloudwatch, prometheus", "--yes"),
)


@pytest.fixture
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSam]:
    """A checkout of its own, and the stack that sam would have deployed from it."""
    fake = FakeSam(tmp_path, monkeypatch)
    for module in (deployment, command):
        monkeypatch.setattr(module, "CHECKOUT", fake.checkout)
    for name, value in (SECRETS | {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}).items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        deployed_stack(NAME)
        yield fake


def init(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["init", *arguments], input=typed)


def stored() -> dict[str, str]:
    """The secrets of the stack by name; all must be SecureStrings."""
    pages = boto3.client("ssm").get_paginator("get_parameters_by_path")
    found = [
        parameter
        for page in pages.paginate(Path=f"/firstline/{NAME}", Recursive=True, WithDecryption=True)
        for parameter in page["Parameters"]
    ]
    assert {parameter["Type"] for parameter in found} <= {"SecureString"}
    return {parameter["Name"].removeprefix(f"/firstline/{NAME}/"): parameter["Value"] for parameter in found}


def written(sam: FakeSam) -> str:
    """All that was written into the checkout or given to sam."""
    own = [file for folder in ("mine", ".cache", ".aws-sam") for file in (sam.checkout / folder).rglob("*")]
    return "".join(file.read_text() for file in own if file.is_file()) + str(sam.calls)


def test_six_answers_make_a_stack_and_say_what_to_tell_each_sender(sam: FakeSam) -> None:
    done = init(*ALL)

    assert done.exit_code == 0, done.output
    assert sam.words == ["build", "deploy"]
    given = sam.parameters("deploy")
    chosen = {key: given[key] for key in ("PageEmail", "EventBridgeEvents")}
    assert chosen == {"PageEmail": "ops@example.com", "EventBridgeEvents": "alarms"}
    people = load_people(sam.checkout / command.PEOPLE)
    assert set(people.approvers) == {"ada", "bob"}
    secrets = stored()
    assert [secrets[name] for name in ("slack/bot-token", "slack/signing-secret", "pagerduty/routing-key")] == list(
        SECRETS.values()
    )
    assert {"approvals/signing-key", "console/link-key", "console/calendar-key"} <= secrets.keys()
    receiver = yaml.safe_load(done.stdout.split("docs/sources/prometheus.md):")[1].split("The token is shown")[0])
    (webhook,) = receiver["receivers"][0]["webhook_configs"]
    assert webhook["url"] == "https://api.example.com/alerts/prometheus"
    assert webhook["http_config"]["authorization"]["credentials"] == secrets["sources/prometheus"]
    assert "✗ pages        nobody is subscribed to the page topic" in done.stdout


def test_run_again_it_keeps_what_is_set_and_no_secret_is_written_given_to_sam_or_shown_twice(sam: FakeSam) -> None:
    first = init(*ALL)
    before = stored()
    again = init("--environment", "dev", "--yes")

    assert again.exit_code == 0, again.output
    assert stored() == before
    for value in (*SECRETS.values(), *before.values()):
        assert value not in written(sam)
    hidden = before.keys() - {"sources/prometheus"}
    assert not [name for name in hidden if before[name] in first.output + again.output]
    assert before["sources/prometheus"] not in again.output
    assert "Its token is in use. For a new one beside it: firstline secret set sources/prometheus" in again.stdout
    assert sam.parameters("deploy")["PageEmail"] == "ops@example.com"
    assert sam.parameters("deploy")["EventBridgeEvents"] == "alarms"


def test_a_run_goes_on_where_an_earlier_one_was_interrupted(sam: FakeSam) -> None:
    sam.fails_to("deploy")
    failed = init(*ALL)
    assert failed.exit_code == 1
    assert "sources/prometheus" not in stored(), "a token is made when it can be shown"
    sam.mends("deploy")
    done = init("--sources", "cloudwatch prometheus", "--yes")

    assert done.exit_code == 0, done.output
    assert stored()["slack/bot-token"] == SECRETS["SLACK"]
    assert stored()["sources/prometheus"] in done.stdout
    assert sam.parameters("deploy")["PageEmail"] == "ops@example.com"


def test_without_slack_its_manifest_is_printed_with_the_stacks_address(sam: FakeSam) -> None:
    done = init("--sources", "none", "--no-deploy")
    manifest = yaml.safe_load(done.stdout.split("install it ---\n")[1].split("Then: firstline init")[0])
    assert manifest["settings"]["interactivity"]["request_url"] == "https://api.example.com/respond/slack"
    assert sam.words == []


def test_at_a_terminal_it_asks_and_a_wrong_answer_is_asked_again(sam: FakeSam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "is_terminal", lambda: True)
    token, key = SECRETS["SLACK"], SECRETS["PAGERDUTY"]
    typed = [
        *("production", "dev"),
        *("nobody", "ops@example.com"),
        *("xoxp-wrong", token),
        *("", key),  # no signing secret; the key of PagerDuty
        *("ada", "none"),
        *("kafka", "generic"),
    ]
    done = init("--yes", typed="\n".join(typed) + "\n")

    assert done.exit_code == 0, done.output
    for wrong in ("'production' is no environment", "'nobody' is no mail", "begins with xoxb-", "'ada' is no approver"):
        assert wrong in done.stderr
    assert token not in done.output
    assert stored().items() >= {"slack/bot-token": token, "pagerduty/routing-key": key}.items()
    assert "'kafka' is no source" in done.stderr
    assert f"Bearer {stored()['sources/generic']}" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--slack-token", "xoxb-1234"], "a secret on the command line stays in the shell's history"),
        (["--slack-token", "env:NOWHERE"], "the environment variable NOWHERE"),
        (["--pagerduty-key", "file:/nowhere"], "/nowhere cannot be read: No such file"),
        (["--pagerduty-key", "env:SLACK"], "an integration key has 32 letters and digits"),
        (["--page-email", "ops"], "'ops' is no mail address"),
        (["--approvers", "Ada=U01"], "String should match pattern"),
        (["--page-email", "ops@example"], "'ops@example' is no mail address"),
        (["--approvers", "ada=U01ABCDEF ada=U02ABCDEF"], "ada stands there twice"),
        (["--approvers", "ada=U01ABC bob=U01ABC"], "U01ABC belongs to ada, too"),
        (["--sources", "kafka"], "'kafka' is no source; known are cloudwatch"),
        (["--environment", "production"], "'production' is no environment"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(sam: FakeSam, arguments: list[str], said: str) -> None:
    refused = init(*arguments)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert "xoxb-1234" not in refused.stderr
    assert (stored(), sam.words) == ({}, [])


@pytest.mark.parametrize(
    ("answer", "events"),
    [("CloudWatch,", "alarms"), ("None", "none"), ("Deployments; cloudwatch", "alarms-and-deployments")],
)
def test_an_answer_is_taken_however_it_is_written(sam: FakeSam, answer: str, events: str) -> None:
    done = init("--environment", "Dev", "--page-email", "NONE", "--sources", answer, "--no-deploy")
    assert done.exit_code == 0, done.output
    kept = environments.load(sam.checkout)["dev"].own
    assert kept == {"PageEmail": "", "EventBridgeEvents": events}


@pytest.fixture
def settings(sam: FakeSam, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the owner's file of settings, which is not there yet."""
    monkeypatch.setattr(stacks, "CHECKOUT", sam.checkout)
    file = sam.checkout / environments.FILE
    file.parent.mkdir()
    return file


READ_SETTINGS = pytest.mark.parametrize(
    "arguments", [["init", "--no-deploy"], ["deploy", "dev"], ["incidents"]], ids=" ".join
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe[\x00d\x00", "mine/firstline.toml: is not stored as UTF-8, store it so: "),
        (b"[dev\n", "mine/firstline.toml: this is no TOML: "),
    ],
    ids=["UTF-16", "no TOML"],
)
@READ_SETTINGS
def test_a_file_of_settings_that_is_damaged_is_refused_in_one_line_and_left_as_it_is(
    settings: Path, content: bytes, said: str, arguments: list[str]
) -> None:
    settings.write_bytes(content)
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 1, refused.output
    assert refused.stderr.startswith(said)
    assert settings.read_bytes() == content


@READ_SETTINGS
def test_a_file_of_settings_as_windows_stores_it_is_read_and_keeps_its_comments(
    settings: Path, arguments: list[str]
) -> None:
    byte_order_mark, line_end = b"\xef\xbb\xbf", b"\r\n"
    settings.write_bytes(byte_order_mark + b"[dev]" + line_end + b"region = 'eu-central-1' # ours" + line_end)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert b"# ours" in settings.read_bytes()


def test_the_owners_list_of_people_is_never_changed(sam: FakeSam) -> None:
    file = sam.checkout / command.PEOPLE
    file.parent.mkdir(parents=True)
    file.write_text("people: {} # ours\n")
    done = init("--approvers", "ada=U01ABCDEF", "--no-deploy")
    assert "is left as it is" in done.stderr
    assert file.read_text() == "people: {} # ours\n"


def test_without_credentials_nothing_is_written(sam: FakeSam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda session: None)
    refused = init("--page-email", "ops@example.com")
    assert (refused.exit_code, refused.stderr) == (5, "No AWS credentials were found: log in, or set AWS_PROFILE.\n")
    assert not (sam.checkout / environments.FILE).exists()
