"""A local host whose disk is full of what a runbook may remove."""

from local import alerts
from tests.e2e.running import LocalStack, until
from tests.support.optional import missing

LOGS = [f"/data/log/app.log.{number}" for number in range(1, 5)]


def require_sandbox(stack: LocalStack) -> None:
    """Without one, commands are printed and not run: there is nothing to see then."""
    assert stack.line
    said = until("it says which sandbox it uses", lambda: [s for s in stack.stderr().splitlines() if "sandbox" in s])
    if "only printed" in said[0]:
        missing("no sandbox for hosts works here: install Debian's bubblewrap")


def fill_disk(stack: LocalStack, host: str) -> None:
    """Rotated logs of last week fill /data."""
    stack.on_host(
        host,
        "mkdir -p /data/log\n"
        + "\n".join(f"head -c 11000000 /dev/zero > {log}; touch -d '9 days ago' {log}" for log in LOGS),
    )
    assert used_percent(stack, host) > 90


def used_percent(stack: LocalStack, host: str) -> int:
    """How full the host's /data is."""
    return int(stack.on_host(host, "df --output=pcent /data | tail -n 1").strip().rstrip("%"))


def files(stack: LocalStack, host: str) -> list[str]:
    """The files on the host's /data."""
    return stack.on_host(host, "find /data -type f | sort").split()


def full_disk_alert(host: str) -> dict[str, object]:
    """What Alertmanager says about it."""
    labels = {
        "alertname": "NodeFilesystemAlmostOutOfSpace",
        "instance": f"{host}:9100",
        "mountpoint": "/data",
        "severity": "critical",
        "env": "prod",
        "service": host,
    }
    return alerts.alertmanager(alerts.prometheus_alert(labels, "Filesystem on /data has less than 10 % left."))
