"""Faults of hosts, which the demo or a test plants before it sends an alert about them."""

from dataclasses import dataclass

from local.emulator.hosts import Host

_FOLDER = "/run/host/sysctl"
_SIZE = 32_768


@dataclass(frozen=True)
class ConnectionTable:
    """A host's connection tracking table: the number of its entries, and the most entries that it takes."""

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
    """Fill nearly all of a host's connection tracking table, or with `flooded` nearly twice as much as it takes."""
    entries = 2 * _SIZE - 1_000 if flooded else _SIZE - 1_000
    host.run(
        f"mkdir -p {_FOLDER}\n"
        f"echo {_SIZE} > {_FOLDER}/net.netfilter.nf_conntrack_max\n"
        f"echo {entries} > {_FOLDER}/net.netfilter.nf_conntrack_count\n"
    )
    return connection_table(host)


def plant_service(host: Host, name: str, command: str, *, running: bool) -> None:
    """Write and enable a systemd unit on a host, and start it if it shall be `running`.

    `name` is the unit's name without `.service`, and `command` is what it runs (`ExecStart`).
    """
    unit = f"[Service]\nExecStart={command}\n[Install]\nWantedBy=multi-user.target\n"
    host.run(
        f"cat > /etc/systemd/system/{name}.service <<'END'\n{unit}END\nsystemctl enable {name}\n"
        + (f"systemctl start {name}" if running else ":")
    )
