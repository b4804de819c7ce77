"""Units and processes that no runbook may stop, restart or signal, and the shell functions that say so on the host.

The lists are data, in shell patterns. An act's document carries the functions, and `firstline runbooks check` refuses
an act that interrupts something without asking one of them. An owner narrows further: if a host has the file
`/etc/firstline/units`, only units that one of its patterns (one a line) fits may be started or interrupted.

Facts that this rests on (systemd.service(5), systemctl(1), cgroups(7)):

- `systemctl is-enabled` exits with 0 for static units too, such as systemd-exit.service; `UnitFileState` does not.
- A process's unit is the first `*.service` or `*.scope` of its cgroup's path, with nothing but slices above it.
  Template instances have a slice of their own (`/system.slice/system-shop.slice/shop@1.service`). A container that
  runs its own systemd has units by the names of the host's (`/system.slice/docker-1f.scope/system.slice/shop.service`).
- Stopping or restarting a unit does the same to those that require it, are bound to it or are a part of it, and
  starting one stops those that it conflicts with (systemd.unit(5)).
- The kernel keeps 15 characters of a process's name.
"""

import re
from dataclasses import dataclass

FUNCTIONS = ("firstline_may_start", "firstline_may_interrupt", "firstline_may_signal")
"""The functions that an act must ask: before it starts a unit, stops or restarts one, or signals a process.

Each takes the unit's name or the process's number, says on standard error why not, and then returns 1.
"""


@dataclass(frozen=True)
class Protected:
    """Units (without `.service`) and processes of one kind, as shell patterns, and why they are left alone.

    `may_start` says whether a unit of this kind may be started after it has failed; none may be interrupted.
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
"""All that is protected; the first group that fits gives the reason."""

_PATTERN = re.compile(r"[A-Za-z0-9._@*()-]+")


def shell_functions(script: str) -> str:
    """Return the functions that a script asks before it interrupts something; empty if it asks none."""
    return _FUNCTIONS if any(name in script for name in (*FUNCTIONS, "firstline_unit")) else ""


def _case(patterns: str) -> str:
    """Return shell patterns as the head of a case: `a | b-* | c`, with the parentheses of `(sd-pam)` escaped."""
    words = patterns.split()
    assert all(_PATTERN.fullmatch(word) for word in words), patterns  # noqa: S101
    return " | ".join(word.replace("(", r"\(").replace(")", r"\)") for word in words)


def _cases(kind: str, *, but_startable: bool = False) -> str:
    """Return the branches that name the reason of each group; `kind` is units or processes."""
    groups = [group for group in GROUPS if not (but_startable and group.may_start)]
    return "\n".join(f"    {_case(getattr(group, kind))}) echo '{group.reason}' ;;" for group in groups)


_FUNCTIONS = (
    r"""
# Which units and processes are never touched: firstline/runbooks/protected.py.
firstline_kept_unit() {
  case ${1%.service} in
@UNITS@
  esac
}
firstline_kept_unit_at_start() {
  case ${1%.service} in
@STARTS@
  esac
}
firstline_kept_process() {
  case $1 in
@PROCESSES@
  esac
}
firstline_property() { systemctl show -p "$2" -- "$1" | sed -n "1s/^$2=//p"; }
# The unit of a process: the first service or scope of its cgroup. A user's own unit has `user/` before its name. Below
# something that is no slice, such as a container's folder, units are not this host's.
firstline_unit() {
  { sed -n -e 's/^0:://p' -e 's/^[0-9]*:name=systemd://p' "/proc/$1/cgroup" 2>/dev/null || true; } | sed -nE \
    -e 's#^(/[^/]+\.slice)*/user@[^/]+\.service(/[^/]+\.slice)*/([^/]+\.(service|scope))(/.*)?$#user/\3#p' -e t \
    -e 's#^(/[^/]+\.slice)*/([^/]+\.(service|scope))(/.*)?$#\2#p' | head -n 1
}
# All that systemd stops together with a unit, the unit itself left out.
firstline_stopped_with() {
  local seen=" $1 " queue=$1 wave unit other
  while [ -n "$queue" ]; do
    wave=$queue queue=
    for unit in $wave; do
      for other in $(systemctl show -p RequiredBy,RequisiteOf,BoundBy,ConsistsOf,PropagatesStopTo -- "$unit" |
        sed 's/^[^=]*=//'); do
        case $seen in *" $other "*) ;; *) seen="$seen$other " queue="$queue $other" ;; esac
      done
    done
  done
  echo "${seen# "$1" }"
}
firstline_sound_unit() {
  local unit=$1 kept=$2 reason
  command -v systemctl >/dev/null || { echo "systemctl is not on this host: nothing was done" >&2; exit 3; }
  # An alias is another name of the same unit.
  for name in "$unit" $(firstline_property "$unit" Id) $(firstline_property "$unit" Names); do
    case $name in *.service) ;; *) echo "$name is not a service: left alone" >&2; return 1 ;; esac
    reason=$("$kept" "$name")
    if [ -n "$reason" ]; then echo "$name $reason: left alone" >&2; return 1; fi
  done
  if [ "$(firstline_property "$unit" LoadState)" != loaded ]; then
    echo "$unit is no unit of this host: nothing was done" >&2
    return 1
  fi
  if [ "$(firstline_property "$unit" Type)" = oneshot ]; then
    echo "$unit is a job that runs once, not a service: left alone" >&2
    return 1
  fi
  case $(firstline_property "$unit" TriggeredBy) in
    *.timer*) echo "$unit is a job of a timer, which runs it when it is due: left alone" >&2; return 1 ;;
  esac
  if [ -f /etc/firstline/units ]; then
    while read -r pattern; do
      # shellcheck disable=SC2053
      [[ -z $pattern || ($unit != $pattern && ${unit%.service} != $pattern) ]] || return 0
    done </etc/firstline/units
    echo "/etc/firstline/units of this host does not list $unit: left alone" >&2
    return 1
  fi
}
firstline_may_start() {
  firstline_sound_unit "$1" firstline_kept_unit_at_start || return 1
  local state
  state=$(firstline_property "$1" ActiveState)
  if [ "$state" != failed ]; then
    echo "$1 is $state and has not failed; somebody may have stopped it: nothing was started" >&2
    return 1
  fi
  if [ "$(firstline_property "$1" RefuseManualStart)" = yes ]; then
    echo "$1 refuses to be started by hand: nothing was started" >&2
    return 1
  fi
  local other
  for other in $(firstline_property "$1" Conflicts) $(firstline_property "$1" ConflictedBy); do
    case $other in *.service) ;; *) continue ;; esac
    case $(firstline_property "$other" ActiveState) in
      active | activating | reloading)
        echo "starting $1 would stop $other, which it conflicts with: nothing was started" >&2
        return 1
        ;;
    esac
  done
  for other in $(firstline_property "$1" Requires) $(firstline_property "$1" BindsTo); do
    case $other in *.service) ;; *) continue ;; esac
    # A static unit or a job that runs once is there for whoever needs it.
    case $(firstline_property "$other" UnitFileState),$(firstline_property "$other" Type) in
      static,* | *,oneshot) continue ;;
    esac
    case $(firstline_property "$other" ActiveState) in
      inactive)
        echo "$1 needs $other, which is inactive; somebody may have stopped it: nothing was started" >&2
        return 1
        ;;
    esac
  done
}
firstline_may_interrupt() {
  firstline_sound_unit "$1" firstline_kept_unit || return 1
  local refuse
  for refuse in RefuseManualStart RefuseManualStop; do
    if [ "$(firstline_property "$1" "$refuse")" = yes ]; then
      echo "$1 refuses to be started or stopped by hand: left alone" >&2
      return 1
    fi
  done
  local other reason
  for other in $(firstline_stopped_with "$1"); do
    case $other in
      *.service) reason=$(firstline_kept_unit "$other") ;;
      *.mount | *.automount | *.swap) reason="is in use" ;;
      *) reason= ;;
    esac
    if [ -n "$reason" ]; then
      echo "stopping $1 would stop $other too, which $reason: left alone" >&2
      return 1
    fi
  done
  case $(firstline_property "$1" UnitFileState),$(firstline_property "$1" ActiveState) in
    enabled,active | enabled-runtime,active | generated,active | *,failed | *,activating) ;;
    *)
      echo "$1 is not an enabled service that runs, and has not failed: left alone" >&2
      return 1
      ;;
  esac
}
firstline_may_signal() {
  local name unit reason parent=$$
  name=$(cat "/proc/$1/comm" 2>/dev/null) || { echo "there is no process $1 any more" >&2; return 1; }
  if [ "$1" -le 1 ] || ! readlink "/proc/$1/exe" >/dev/null; then
    echo "$1 ($name) is the kernel's or the first process: left alone" >&2
    return 1
  fi
  while [ "${parent:-0}" -gt 1 ]; do
    if [ "$parent" = "$1" ]; then echo "$1 ($name) runs this command: left alone" >&2; return 1; fi
    parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$parent/status" 2>/dev/null) || break
  done
  unit=$(firstline_unit "$1")
  reason=$(firstline_kept_process "$name")
  # A login and a job of cron or at are nobody's service, though systemd keeps a scope for them.
  case $unit in session-*.scope | cron.service | crond.service | atd.service) ;;
    *) reason=${reason:-$(firstline_kept_unit "${unit#user/}")} ;;
  esac
  case $unit in
    "") reason=${reason:-belongs to no unit that is known} ;;
    session-*.scope) ;;
    *.scope) reason=${reason:-belongs to ${unit#user/}, which may be a container or a virtual machine} ;;
  esac
  if [ -n "$reason" ]; then
    echo "$1 ($name${unit:+ of $unit}) $reason: left alone" >&2
    return 1
  fi
}
""".strip()
    .replace("@UNITS@", _cases("units"))
    .replace("@STARTS@", _cases("units", but_startable=True))
    .replace("@PROCESSES@", _cases("processes"))
    + "\n"
)
