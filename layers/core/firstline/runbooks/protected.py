"""Units and processes that no runbook may stop, restart or signal, and the shell functions that check this on a host.

The functions are in protected.sh, and the lists in this module are shell patterns. The document of an act contains the
functions, and `firstline runbooks check` refuses an act that interrupts something without calling one of them. The
owner of a host can protect more: if the host has the file `/etc/firstline/units`, only units that one of its patterns
(one a line) fits may be started or interrupted.

Facts that the functions rest on (systemd.service(5), systemctl(1), cgroups(7)):

- `systemctl is-enabled` exits with 0 for static units too, such as systemd-exit.service; `UnitFileState` does not.
- A process's unit is the first `*.service` or `*.scope` in the path of its cgroup, below slices only.
  Template instances have a slice of their own (`/system.slice/system-shop.slice/shop@1.service`). A container that
  runs its own systemd may have units named like the host's (`/system.slice/docker-1f.scope/system.slice/shop.service`).
- Stopping or restarting a unit does the same to those that require it, are bound to it or are a part of it, and
  starting one stops those that it conflicts with (systemd.unit(5)).
- The kernel keeps 15 characters of a process's name.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FUNCTIONS = ("firstline_may_start", "firstline_may_interrupt", "firstline_may_signal")
"""The shell functions that an act must call before it starts a unit, stops or restarts a unit, or signals a process.

Each takes the name of the unit or the id of the process. If the act may not go on, the function writes the reason to
standard error and returns 1.
"""


@dataclass(frozen=True)
class Protected:
    """A group of units (without `.service`) and processes, as shell patterns, that no runbook may interrupt, and why.

    `may_start` is True if a runbook may start a unit of the group after the unit has failed.
    """

    reason: str
    units: str
    processes: str
    may_start: bool = False


HOST = Protected(
    reason="holds the host together",
    units="""
        systemd systemd-* init init.scope initrd-* emergency rescue kexec* *poweroff* *reboot* *halt halt-*
        *suspend* *hibernat* hibinit* quotaon* quotacheck* packagekit* plymouth* debug-shell
        user@* user-runtime-dir@* session-* getty@* serial-getty@* console-getty container-getty@*
        autovt@* console-setup keyboard-setup
        dbus* polkit* ssh ssh@* sshd sshd@* sshd-* ssh-*
        amazon-ssm-agent* snap.amazon-ssm-agent* snapd* snap-* amazon-cloudwatch-agent* amazon-ec2-* ec2-* ec2net*
        cloud-init* cloud-config* cloud-final* google-guest* google-osconfig* walinuxagent* waagent*
        open-vm-tools* vmtoolsd* hv-* hypervkvpd* display-manager gdm* lightdm* sddm* xrdp*
        acpid* rngd* udev* kmod* procps*
        network network-* networking networkd-* NetworkManager* wpa_supplicant* dhclient* dhcpcd* ifup@* ifupdown*
        netplan* wicked* policy-routes@* refresh-policy-routes@* resolvconf* nscd* sssd* winbind*
        nftables* iptables* ip6tables* firewalld* ufw* fail2ban* apparmor* selinux* auditd* audit-*
        wg-quick@* openvpn* strongswan* ipsec* tailscaled* teleport* cloudflared* zerotier* netbird* nebula* dropbear*
        frr* bird* openvswitch* ovs-* ovn-* cilium* calico* teamd* connman* iwd named* bind9* unbound* dnsmasq*
        chrony* ntp* openntpd*
        iscsi* open-iscsi* multipath* lvm2-* dm-event* blk-availability* mdadm* mdmonitor* mdcheck* zfs-* nfs-* nfs
        nfsdcld* rpcbind* rpc-* autofs* amazon-efs-* cryptsetup* blockdev@*
        rsyslog* syslog* metalog*
    """,
    processes="""
        systemd* (sd-pam) init sshd* dbus* polkitd amazon-ssm-* ssm-* snapd amazon-cloudwat* agetty login su sudo
        runuser NetworkManager networkd-dispat dhclient dhcpcd wpa_supplicant chronyd ntpd rsyslogd syslog-ng
        auditd udevd multipathd iscsid rpcbind rpc.* nfsd* mdadm dmeventd lvmetad firewalld sssd* cloud-init*
        cron crond atd
    """,
)

RUNTIMES = Protected(
    reason="runs containers or virtual machines, which may end with it",
    units="""
        docker* containerd* podman* crio* cri-* kubelet* kube-* k3s* k0s* rke2* snap.microk8s* snap.docker*
        snap.kubelet* snap.lxd* nomad* ecs ecs-* lxc* lxd* incus* libvirt* virt*d qemu* xen*
    """,
    processes="""
        containerd* dockerd docker-proxy docker-init kubelet kube-* crio conmon* runc crun podman k3s* nomad tini
        catatonit lxd lxc* incusd libvirtd virt* qemu* kvm firecracker
    """,
    may_start=True,
)

STORES = Protected(
    reason="keeps data",
    units="""
        postgres* patroni* mysql* mariadb* percona* mongo* redis* valkey* keydb* memcached* elasticsearch* opensearch*
        cassandra* scylla* kafka* confluent-* zookeeper* etcd* consul* vault* rabbitmq* activemq* artemis* nats* pulsar*
        influx* clickhouse* neo4j* couch* oracle* db2* mssql* cockroach* tidb* tikv* minio* ceph* gluster* drbd*
        pacemaker* corosync* keepalived* slapd* dirsrv* ipa* krb5* solr* tarantool* foundationdb* firebird* aerospike*
        victoria* yugabyte* redpanda* hadoop-* hbase-* greenplum* arangodb* seaweedfs* garage beanstalkd* qdrant*
        weaviate* milvus* smb* nmb* vsftpd* exim* postfix* dovecot* cyrus*
    """,
    processes="""
        postgres* mysqld* mariadbd* mongod* mongos redis-server* redis-sentinel valkey-* keydb* memcached etcd consul
        vault influxd clickhouse* beam.smp couch* scylla* cockroach minio ceph* gluster* ora_* oracle* tnslsnr
        sqlservr db2* slapd ns-slapd nats-server corosync pacemaker* keepalived neo4j* fdbserver aerospike* smbd dovecot
    """,
    may_start=True,
)

GROUPS = (HOST, RUNTIMES, STORES)
"""All groups of protected units and processes; the reason of the first group that fits is reported."""

_PATTERN = re.compile(r"[A-Za-z0-9._@*()-]+")


def shell_functions(script: str) -> str:
    """Return the text of the protecting shell functions if a script calls one of them, or else an empty text."""
    return _functions() if any(name in script for name in (*FUNCTIONS, "firstline_unit")) else ""


@cache
def _functions() -> str:
    """Return the shell functions of protected.sh, with the lists of this module filled in."""
    lists = {
        "@UNITS@": _cases("units"),
        "@STARTS@": _cases("units", but_startable=True),
        "@PROCESSES@": _cases("processes"),
    }
    text = Path(__file__).with_suffix(".sh").read_text(encoding="utf-8")
    for name, cases in lists.items():
        text = text.replace(name, cases)
    return text


def _case(patterns: str) -> str:
    """Return patterns that blanks separate (`a b-* c`) as the pattern of a `case` branch: `a | b-* | c`.

    Parentheses are escaped.
    """
    words = patterns.split()
    assert all(_PATTERN.fullmatch(word) for word in words), patterns  # noqa: S101
    return " | ".join(word.replace("(", r"\(").replace(")", r"\)") for word in words)


def _cases(kind: str, *, but_startable: bool = False) -> str:
    """Return the branches of a shell `case` that print the reason why a unit or process is protected.

    `kind` is units or processes. `but_startable` leaves out the groups of units that a runbook may start.
    """
    groups = [group for group in GROUPS if not (but_startable and group.may_start)]
    return "\n".join(f"    {_case(getattr(group, kind))}) echo '{group.reason}' ;;" for group in groups)
