"""Modules that a command at night must not load: each command runs cold, before a stack that answers with nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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

NO_TABLES = {"rich", "yaml", "firstline.console.render", "firstline.channels.summary"}
NO_MODELS = {"firstline.models", "firstline.policy.oncall", "aws_lambda_powertools"}


@pytest.mark.parametrize(
    ("command", "without"),
    [
        (["incidents"], NO_TABLES | {"aws_lambda_powertools", "firstline.adapters.dynamodb.incidents"}),
        (["show", INCIDENT], NO_TABLES | {"firstline.policy.oncall"}),
        (["ack", INCIDENT], NO_TABLES | NO_MODELS),
        (["escalate", INCIDENT], NO_TABLES | NO_MODELS),
        (["silence", "list"], NO_TABLES | {"firstline.policy.rules", "firstline.adapters.dynamodb.incidents"}),
        (["silence", "add", "host=web-1", "--reason", "x"], {"yaml", "firstline.policy.rules"}),
        (["oncall", "who"], {"rich", "firstline.policy.paging", "firstline_cli.policies"}),
        (["report"], {"firstline.policy.rules", "firstline.policy.paging", "firstline.console.render"}),
    ],
    ids=lambda given: " ".join(given[:2]) if isinstance(given, list) else "",
)
def test_a_command_loads_nothing_that_it_does_not_need(command: list[str], without: set[str], tmp_path: Path) -> None:
    policy = tmp_path / "runbooks" / "policy"
    policy.mkdir(parents=True)
    turns = {"starts": "2026-01-01", "rotation": ["ada"], "time_zone": "Europe/Berlin"}
    (policy / "oncall.yaml").write_text(json.dumps({"schedules": {"platform": turns}}))
    (policy / "people.yaml").write_text('{"people": {"ada": {}}}')

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command, "--stack", json.dumps(STACK)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode in (0, 3), done.stderr  # 3: there is no such incident
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "firstline_cli.stacks" in loaded
    assert loaded & (NEVER | without) == set()
