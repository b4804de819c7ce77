"""Modules that a command at night must not load: each command runs cold, before a stack that answers with nothing."""

import json
from subprocess import CompletedProcess

import pytest

from tests.support.forked import run_forked

INCIDENT = "DiskFull-web-1-20260304T031200Z-e1fbd129"
STACK = {
    "aws": "http://127.0.0.1:1",
    "api": "http://127.0.0.1:1",
    "state_machine": "arn:aws:states:eu-west-1:123456789012:stateMachine:i",
    "table": "t",
}
PROGRAM = """
import sys
from firstline_cli import stacks
from firstline_cli.main import app
session = stacks.session_in
def answered(region):
    from botocore.client import BaseClient
    from botocore.httpsession import URLLib3Session
    answer = type("Answer", (), {"status_code": 200, "content": b'{"said": "Done."}'})
    BaseClient._make_api_call = lambda *_: {"Items": [], "Responses": {}}
    URLLib3Session.send = lambda *_: answer
    return session(region)
stacks.session_in = answered
try:
    app()
finally:
    print(*sys.modules, file=sys.stderr)
"""
NEVER = {
    *("boto3", "s3transfer", "jinja2", "openai", "urllib3.contrib.pyopenssl"),
    *("firstline.classification.classify", "firstline.sources"),
}
"""Modules that no command of a night needs: boto3's resources, a second TLS, pages, the model, the verdict, senders."""

LOADED_BY_ALL = ("firstline_cli.main", "firstline_cli.stacks", "botocore.compat")
"""The modules that all of them load. (Most of botocore imports pyOpenSSL if the command does not prevent it.)"""

NO_TABLES = {"rich", "yaml", "firstline.console.render", "firstline.channels.summary"}
NO_MODELS = {"firstline.models", "firstline.policy.oncall", "aws_lambda_powertools"}


WITHOUT: dict[str, set[str]] = {
    "incidents": NO_TABLES | {"aws_lambda_powertools", "firstline.adapters.dynamodb.incidents"},
    f"show {INCIDENT}": NO_TABLES | {"firstline.policy.oncall"},
    f"ack {INCIDENT}": NO_TABLES | NO_MODELS,
    f"escalate {INCIDENT}": NO_TABLES | NO_MODELS,
    "silence list": NO_TABLES | {"firstline.policy.rules", "firstline.adapters.dynamodb.incidents"},
    "silence add host=web-1 --reason x": {"yaml", "firstline.policy.rules"},
    "oncall who": {"rich", "firstline.policy.paging", "firstline_cli.policies"},
    "report": {"firstline.policy.rules", "firstline.policy.paging", "firstline.console.render"},
}
"""The modules that each command must not load, beside those of `NEVER`."""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CompletedProcess[str]]:
    """Run every command, after an import of what all of them load."""
    folder = tmp_path_factory.mktemp("checkout")
    policy = folder / "runbooks" / "policy"
    policy.mkdir(parents=True)
    turns = {"starts": "2026-01-01", "rotation": ["ada"], "time_zone": "Europe/Berlin"}
    (policy / "oncall.yaml").write_text(json.dumps({"schedules": {"platform": turns}}))
    (policy / "people.yaml").write_text('{"people": {"ada": {}}}')
    runs = [[*command.split(), "--stack", json.dumps(STACK)] for command in WITHOUT]
    return dict(zip(WITHOUT, run_forked(PROGRAM, runs, imports=LOADED_BY_ALL, cwd=folder), strict=True))


@pytest.mark.parametrize("command", WITHOUT)
def test_a_command_loads_nothing_that_it_does_not_need(ended: dict[str, CompletedProcess[str]], command: str) -> None:
    done = ended[command]

    assert done.returncode in (0, 3), done.stderr  # 3: there is no such incident
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "firstline_cli.stacks" in loaded
    assert loaded & (NEVER | WITHOUT[command]) == set()
