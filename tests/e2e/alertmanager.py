"""Real Alertmanagers, set up word for word as docs/sources/prometheus.md says; each can be killed and begun again."""

import json
import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import yaml

from local.demo import senders
from tests.e2e.running import ROOT, until
from tests.support import needs

GUIDE = ROOT / "docs" / "sources" / "prometheus.md"
_HURRIED = {"group_wait": "200ms", "group_interval": "1s"}
"""The changes of a test to the guide's configuration: nobody waits a minute here."""

_HURRIED_CLUSTER = ("--cluster.peer-timeout=1s", "--cluster.settle-timeout=2s", "--cluster.reconnect-interval=1s")


class Alertmanager:
    """One on ports of its own. `cluster` are its options for a cluster, none if it is alone."""

    def __init__(self, folder: Path, api: str, secret: str, cluster: tuple[str, ...] = ()) -> None:
        folder.mkdir(exist_ok=True)
        token, self._config = folder / "token", folder / "alertmanager.yml"
        token.write_text(secret)
        self._config.write_text(configuration(api, token))
        self._folder, self._address = folder, free_address()
        self._cluster = cluster or ("--cluster.listen-address=",)
        self.url = f"http://{self._address}"

    def begin(self) -> None:
        """Start it and wait until it is ready. It finds what it stored before it was killed."""
        program, log = needs.alertmanager_program(), self._folder / "log"
        assert program
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={self._config}",
                    f"--storage.path={self._folder / 'data'}",
                    f"--web.listen-address={self._address}",
                    *self._cluster,
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until(f"Alertmanager is ready ({log})", self._is_ready)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()
        self._process.wait(timeout=20)

    def end(self) -> None:
        """End it in order, if it runs."""
        self._process.terminate()
        self._process.wait(timeout=20)

    def alert(self, labels: dict[str, str], summary: str, starts_at: datetime, ends_at: datetime | None = None) -> None:
        """Say that an alert fires, or until when it did, as Prometheus does."""
        self.alerts([labels], summary, starts_at, ends_at)

    def alerts(
        self, all_labels: list[dict[str, str]], summary: str, starts_at: datetime, ends_at: datetime | None = None
    ) -> None:
        """Say so of several alerts."""
        alerts = [
            {
                "labels": labels,
                "annotations": {"summary": summary},
                "startsAt": starts_at.isoformat(),
                "generatorURL": "http://prometheus.example:9090/graph",
            }
            | ({"endsAt": ends_at.isoformat()} if ends_at else {})
            for labels in all_labels
        ]
        answer = senders.post(
            f"{self.url}/api/v2/alerts", json.dumps(alerts).encode(), {"Content-Type": "application/json"}
        )
        assert answer.status == 200, answer

    def peers(self) -> int:
        """Return how many members its cluster has, itself included."""
        with urllib.request.urlopen(f"{self.url}/api/v2/status", timeout=5) as answer:
            return len(json.load(answer)["cluster"].get("peers", []))

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, f"Alertmanager ended by itself: {self._process.args!r}"
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.URLError:
            return False


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
    alone = Alertmanager(folder, api, secret)
    alone.begin()
    try:
        yield alone
    finally:
        alone.end()


@contextmanager
def pair(folder: Path, api: str, secret: str) -> Iterator[tuple[Alertmanager, Alertmanager]]:
    """Run two that tell each other what they have sent, while the block runs."""
    addresses = free_address(), free_address()
    with ExitStack() as running:
        members = []
        for name, own, other in (("a", *addresses), ("b", *reversed(addresses))):
            where = (f"--cluster.listen-address={own}", f"--cluster.advertise-address={own}", f"--cluster.peer={other}")
            members.append(Alertmanager(folder / name, api, secret, (*where, *_HURRIED_CLUSTER)))
            members[-1].begin()
            running.callback(members[-1].end)
        first, second = members
        until("the two know each other", lambda: first.peers() == second.peers() == 2)
        yield first, second


def free_address() -> str:
    """Return a loopback address with a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
