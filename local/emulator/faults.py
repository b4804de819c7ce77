"""Faults of hosts, to be planted by a demo or a test before it sends the alert."""

from dataclasses import dataclass

from local.emulator.hosts import Host

_FILE_BYTES = 11_000_000
_FILES = 4


@dataclass(frozen=True)
class Disk:
    """A host's /data: how full, and the files on it."""

    used_percent: int
    files: list[str]


def disk(host: Host) -> Disk:
    """Return the present state of a host's /data, which is empty on a host that runs nothing."""
    ran = host.run("df -P /data | tail -n 1\nfind /data -type f | sort")
    if not ran.executed:
        return Disk(0, [])
    usage, *files = ran.stdout.splitlines()
    return Disk(int(usage.split()[4].rstrip("%")), files)


def fill_disk_with_old_logs(host: Host) -> Disk:
    """Fill /data with rotated logs of last week, which a runbook may remove."""
    return _fill(host, "/data/log/app.log.", age="9 days ago")


def fill_disk_with_data(host: Host) -> Disk:
    """Fill /data with a database's files, which no runbook may remove."""
    return _fill(host, "/data/orders/table-", age="1 hour ago")


def plant_service(host: Host, name: str, command: str, *, running: bool) -> None:
    """Plant a systemd unit, up or dead."""
    host.run(
        f"cat > /etc/systemd/system/{name}.service <<'END'\n[Service]\nExecStart={command}\nEND\n"
        + (f"systemctl start {name}" if running else ":")
    )


def _fill(host: Host, prefix: str, *, age: str) -> Disk:
    host.run(
        f"mkdir -p $(dirname {prefix}x)\n"
        f"for number in $(seq {_FILES}); do\n"
        f"  head -c {_FILE_BYTES} /dev/zero > {prefix}$number && touch -d '{age}' {prefix}$number\n"
        f"done"
    )
    return disk(host)
