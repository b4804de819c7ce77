"""Faults of hosts, to be planted by a demo or a test before it sends the alert."""

from dataclasses import dataclass

from local.emulator.hosts import Host

_FOLDER = "/run/host/sysctl"
_SIZE = 32_768


@dataclass(frozen=True)
class ConnectionTable:
    """A host's connection tracking table: its entries, and how many it takes."""

    entries: int
    size: int

    @property
    def used_percent(self) -> int:
        return 100 * self.entries // self.size if self.size else 0


def connection_table(host: Host) -> ConnectionTable:
    """Return the present state of a host's connection tracking table."""
    ran = host.run("sysctl -n net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max")
    if not ran.executed:
        return ConnectionTable(0, 0)
    entries, size = map(int, ran.stdout.split())
    return ConnectionTable(entries, size)


def fill_connection_table(host: Host, *, flooded: bool = False) -> ConnectionTable:
    """Fill a table of factory size, or flood it with more connections than twice the size takes."""
    entries = 2 * _SIZE - 1_000 if flooded else _SIZE - 1_000
    host.run(
        f"mkdir -p {_FOLDER}\n"
        f"echo {_SIZE} > {_FOLDER}/net.netfilter.nf_conntrack_max\n"
        f"echo {entries} > {_FOLDER}/net.netfilter.nf_conntrack_count\n"
    )
    return connection_table(host)


def plant_service(host: Host, name: str, command: str, *, running: bool) -> None:
    """Plant a systemd unit, up or dead."""
    unit = f"[Service]\nExecStart={command}\n[Install]\nWantedBy=multi-user.target\n"
    host.run(
        f"cat > /etc/systemd/system/{name}.service <<'END'\n{unit}END\nsystemctl enable {name}\n"
        + (f"systemctl start {name}" if running else ":")
    )
