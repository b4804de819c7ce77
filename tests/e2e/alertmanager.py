"""A real Alertmanager, set up word for word as docs/sources/prometheus.md says."""

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import yaml

from local.demo import senders
from tests.e2e.running import ROOT, until
from tests.support import needs

GUIDE = ROOT / "docs" / "sources" / "prometheus.md"
_HURRIED = {"group_wait": "200ms", "group_interval": "1s"}
"""What a test changes of the guide's configuration: nobody waits a minute here."""


class Alertmanager:
    """One that runs. `alert` does what Prometheus does."""

    def __init__(self, url: str) -> None:
        self.url = url

    def alert(self, labels: dict[str, str], summary: str, starts_at: datetime, ends_at: datetime | None = None) -> None:
        """Say that an alert fires, or until when it did."""
        alert = {
            "labels": labels,
            "annotations": {"summary": summary},
            "startsAt": starts_at.isoformat(),
            "generatorURL": "http://prometheus.example:9090/graph",
        } | ({"endsAt": ends_at.isoformat()} if ends_at else {})
        answer = senders.post(
            f"{self.url}/api/v2/alerts", json.dumps([alert]).encode(), {"Content-Type": "application/json"}
        )
        assert answer.status == 200, answer


def configuration(api: str, token: Path) -> str:
    """The guide's example, with the api's address and the token's file filled in."""
    example = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert example, f"{GUIDE} holds no YAML"
    text = example[1]
    for placeholder, value in (("https://<api>", api), ("/etc/alertmanager/firstline-token", str(token))):
        assert text.count(placeholder) == 1, f"{GUIDE} does not hold {placeholder!r} once"
        text = text.replace(placeholder, value)
    parsed = yaml.safe_load(text)
    parsed["route"] |= _HURRIED
    return yaml.safe_dump(parsed)


@contextmanager
def alertmanager(folder: Path, api: str, secret: str) -> Iterator[Alertmanager]:
    """Run one while the block runs."""
    program = needs.alertmanager_program()
    assert program
    token, config, log = folder / "token", folder / "alertmanager.yml", folder / "log"
    token.write_text(secret)
    config.write_text(configuration(api, token))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(f"Alertmanager is ready ({log})", lambda: _ready(f"http://{address}/-/ready", process))
        yield Alertmanager(f"http://{address}")
    finally:
        process.terminate()
        process.wait(timeout=20)


def _ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, f"Alertmanager ended by itself: {process.args!r}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False
