"""A local host whose disk is full of what a runbook may remove."""

from local.demo import alerts
from tests.e2e.running import LocalStack

LOGS = [f"/data/log/app.log.{number}" for number in range(1, 5)]


def fill_disk(stack: LocalStack, host: str) -> None:
    """Fill /data with rotated logs of last week, and with nothing else."""
    stack.on_host(
        host,
        "rm -rf /data/*; mkdir -p /data/log\n"
        + "\n".join(f"head -c 11000000 /dev/zero > {log}; touch -d '9 days ago' {log}" for log in LOGS),
    )
    assert used_percent(stack, host) > 90


def used_percent(stack: LocalStack, host: str) -> int:
    """Return the percentage of the host's /data that is used."""
    return int(stack.on_host(host, "df --output=pcent /data | tail -n 1").strip().rstrip("%"))


def files(stack: LocalStack, host: str) -> list[str]:
    """The files on the host's /data."""
    return stack.on_host(host, "find /data -type f | sort").split()


def full_disk_alert(host: str, status: alerts.Status = "firing") -> dict[str, object]:
    """Return Alertmanager's alert about the host's full /data."""
    labels = {
        "alertname": "ScratchDiskFull",
        "instance": f"{host}:9100",
        "mountpoint": "/data",
        "severity": "critical",
        "env": "prod",
        "service": host,
    }
    summary = "Filesystem on /data has less than 10 % left."
    return alerts.alertmanager(alerts.prometheus_alert(labels, summary, status=status))
