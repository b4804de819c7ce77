"""Tests of the shell functions that protect units and processes, run in bash with unit names of three distributions."""

import os
import subprocess
from pathlib import Path

import pytest

from firstline.runbooks.protected import FUNCTIONS, shell_functions
from firstline_cli.lint.scripts import SHELLCHECK

DEBIAN = """
    apparmor chrony console-setup dbus getty@tty1 ifup@ens5 ifupdown-pre keyboard-setup kmod networking polkit
    procps rescue rsyslog serial-getty@ttyS0 ssh ssh@1-10.0.0.5:22-10.0.0.9:40022 systemd-exit systemd-fsck-root
    systemd-hibernate systemd-journald systemd-logind systemd-poweroff systemd-resolved systemd-timesyncd
    systemd-udevd user@1000 packagekit-offline-update quotaon systemd-firstboot emergency initrd-switch-root
    nfs-server rpcbind auditd
"""
UBUNTU = """
    snap.amazon-ssm-agent.amazon-ssm-agent snapd snapd.seeded cloud-init cloud-init-local cloud-config cloud-final
    multipathd networkd-dispatcher NetworkManager open-iscsi iscsid plymouth-quit ufw ssh systemd-networkd
    ec2-instance-connect
"""
AMAZON_LINUX = """
    amazon-ssm-agent amazon-cloudwatch-agent amazon-ec2-net-utils chronyd dbus-broker sshd sshd-keygen@rsa network
    policy-routes@ens5 refresh-policy-routes@ens5 hibinit-agent acpid rngd nfs-idmapd autofs rpc-statd
    systemd-networkd systemd-homed amazon-efs-mount-watchdog
"""
RUNTIMES = """
    docker containerd podman crio kubelet k3s snap.docker.dockerd snap.lxd.daemon snap.microk8s.daemon-kubelite ecs
    libvirtd virtqemud
"""
STORES = """
    postgresql postgresql@16-main mysql mysqld mariadb mongod redis-server redis redis6 valkey elasticsearch
    opensearch cassandra kafka zookeeper etcd consul vault rabbitmq-server influxdb clickhouse-server memcached
    slapd
"""
OTHERS = """
    shop nginx apache2 httpd haproxy node-exporter worker@7 php8.2-fpm tomcat cron grafana-server networker initech
"""
PROCESSES = """
    systemd systemd-journal (sd-pam) sshd dbus-daemon dbus-broker amazon-ssm-agen ssm-agent-worke ssm-session-wor
    dockerd containerd containerd-shim kubelet conmon qemu-system-x86 postgres mysqld mariadbd mongod redis-server
    beam.smp etcd NetworkManager chronyd rsyslogd multipathd iscsid agetty ora_pmon_SHOP cron crond
"""
SYSTEMCTL = """#!/bin/bash
# show -p NAMES -- UNIT: the test's UNIT:NAME=value or NAME=value, or else the value of an enabled service that runs.
for name in ${3//,/ }; do
  value=$(grep -m 1 "^$5:$name=" <<<"$PROPERTIES" || grep -m 1 "^$name=" <<<"$PROPERTIES" || true)
  case $name in
    Id) usual=$5 ;; LoadState) usual=loaded ;; ActiveState) usual=active ;; UnitFileState) usual=enabled ;;
    Type) usual=simple ;; Refuse*) usual=no ;; *) usual= ;;
  esac
  if [ -n "$value" ]; then echo "${value#"$5:"}"; else echo "$name=$usual"; fi
done
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stand-in for systemctl that prints the properties which a test gives."""
    folder = tmp_path_factory.mktemp("tools")
    (folder / "systemctl").write_text(SYSTEMCTL)
    (folder / "systemctl").chmod(0o755)
    return folder


def run(lines: str, tools: Path | None = None, **properties: str) -> subprocess.CompletedProcess[str]:
    script = f"set -euo pipefail\n{shell_functions(lines)}{lines}\n"
    path = f"{tools}:{os.environ['PATH']}" if tools else os.environ["PATH"]
    given = "\n".join(f"{name}={value}" for name, value in properties.items())
    return subprocess.run(
        ["bash", "-c", script],
        env={"PATH": path, "PROPERTIES": given},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def kept(function: str, names: str) -> set[str]:
    """Return those of the names that a shell function protects."""
    loop = f"# firstline_may_start\nfor name in {' '.join(map(repr, names.split()))}; do\n"
    return set(run(f'{loop}  if [ -n "$({function} "$name")" ]; then echo "$name"; fi\ndone').stdout.split())


@pytest.mark.parametrize(
    "names", [DEBIAN, UBUNTU, AMAZON_LINUX, RUNTIMES, STORES], ids=["Debian", "Ubuntu", "Amazon", "runtimes", "stores"]
)
def test_units_that_a_host_needs_are_never_interrupted(names: str) -> None:
    assert kept("firstline_kept_unit", names) == set(names.split())


def test_services_of_the_owner_may_be_interrupted() -> None:
    assert kept("firstline_kept_unit", OTHERS) == set()


def test_data_stores_and_container_runtimes_may_be_started_but_units_of_the_host_may_not() -> None:
    assert kept("firstline_kept_unit_at_start", f"{RUNTIMES} {STORES}") == set()
    assert kept("firstline_kept_unit_at_start", DEBIAN) == set(DEBIAN.split())


def test_processes_that_a_host_needs_are_never_signalled() -> None:
    assert kept("firstline_kept_process", PROCESSES) == set(PROCESSES.split())
    assert kept("firstline_kept_process", "nginx java python3 node shop-worker perl") == set()


@pytest.mark.parametrize(
    ("function", "properties", "says"),
    # Each row changes properties of shop.service, which otherwise is an enabled service that runs.
    [
        ("interrupt", {}, ""),
        ("interrupt", {"UnitFileState": "generated"}, ""),
        ("interrupt", {"UnitFileState": "static", "ActiveState": "failed"}, ""),
        ("interrupt", {"UnitFileState": "static"}, "is not an enabled service that runs"),
        ("interrupt", {"ActiveState": "inactive"}, "is not an enabled service that runs"),
        ("interrupt", {"RefuseManualStop": "yes"}, "refuses to be started or stopped by hand"),
        ("interrupt", {"Type": "oneshot"}, "is a job that runs once"),
        ("interrupt", {"LoadState": "not-found"}, "is no unit of this host"),
        ("interrupt", {"Id": "systemd-resolved.service"}, "systemd-resolved.service holds the host together"),
        ("interrupt", {"Names": "shop.service postgresql.service"}, "postgresql.service keeps data"),
        ("interrupt", {"TriggeredBy": "shop.timer"}, "is a job of a timer"),
        ("interrupt", {"TriggeredBy": "shop.socket"}, ""),
        ("interrupt", {"shop.service:RequiredBy": "multi-user.target worker.service"}, ""),
        (
            "interrupt",
            {"shop.service:RequiredBy": "postgresql@16-main.service"},
            "would stop postgresql@16-main.service",
        ),
        (
            "interrupt",
            {"shop.service:ConsistsOf": "worker.service", "worker.service:BoundBy": "redis-server.service"},
            "would stop redis-server.service too, which keeps data",
        ),
        (
            "interrupt",
            {"shop.service:BoundBy": "shop.service data.mount"},
            "would stop data.mount too, which is in use",
        ),
        ("start", {"ActiveState": "failed"}, ""),
        ("start", {"ActiveState": "failed", "TriggeredBy": "shop.timer"}, "is a job of a timer"),
        (
            "start",
            {"shop.service:ActiveState": "failed", "Conflicts": "shutdown.target mysql.service"},
            "starting shop.service would stop mysql.service",
        ),
        ("start", {"ActiveState": "failed", "ConflictedBy": "mysql.service"}, ""),
        (
            "start",
            {"shop.service:ActiveState": "failed", "Requires": "basic.target db.service", "ActiveState": "inactive"},
            "needs db.service, which is inactive",
        ),
        (
            "start",
            {"ActiveState": "inactive", "shop.service:ActiveState": "failed", "Requires": "a.service", "Type": "simple"}
            | {"a.service:UnitFileState": "static"},
            "",
        ),
        ("start", {"ActiveState": "failed", "UnitFileState": "static"}, ""),
        ("start", {"ActiveState": "inactive"}, "is inactive and has not failed; somebody may have stopped it"),
        ("start", {"ActiveState": "failed", "RefuseManualStart": "yes"}, "refuses to be started by hand"),
        ("start", {"ActiveState": "failed", "Type": "oneshot"}, "is a job that runs once"),
    ],
)
def test_a_service_is_started_or_interrupted_only_in_a_state_that_allows_it(
    tools: Path, function: str, properties: dict[str, str], says: str
) -> None:
    done = run(f"firstline_may_{function} shop.service", tools, **properties)

    assert done.returncode == (1 if says else 0), done.stderr
    assert says in done.stderr


def test_a_unit_that_is_not_a_service_is_left_alone(tools: Path) -> None:
    for unit in ("shop.socket", "multi-user.target", "data.mount", "session-3.scope"):
        assert "is not a service: left alone" in run(f"firstline_may_interrupt {unit}", tools).stderr


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/system-postgresql.slice/postgresql@16-main.service", "postgresql@16-main.service"),
        ("/shop.slice/shop.service/workers.slice/1", "shop.service"),
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service", "user/shop.service"),
        ("/user.slice/user-1000.slice/user@1000.service/session-3.scope", "user/session-3.scope"),
        ("/system.slice/docker-1f.scope/system.slice/nginx.service", "docker-1f.scope"),
        ("/system.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service", "systemd-nspawn@web.service"),
        ("/lxc.payload.web/system.slice/nginx.service", ""),
        ("/docker/1f/system.slice/nginx.service", ""),
        ("/../nginx.service", ""),
        ("/", ""),
    ],
)
def test_a_process_belongs_to_the_hosts_own_unit_and_never_to_that_of_a_container(path: str, unit: str) -> None:
    # The function `sed` answers for the file of the process in /proc, and is the real one otherwise.
    done = run(f'sed() {{ if [ -e "${{!#}}" ]; then echo \'{path}\'; else command sed "$@"; fi; }}\nfirstline_unit $$')

    assert done.stdout == (f"{unit}\n" if unit else ""), done.stderr


def test_this_shell_its_parents_and_the_first_process_are_never_signalled() -> None:
    for pid in ("1", "$$", "$PPID"):
        done = run(f'firstline_may_signal "{pid}"')
        assert done.returncode == 1
        assert "left alone" in done.stderr


def test_only_a_script_that_calls_a_protecting_function_contains_the_functions() -> None:
    assert shell_functions("df -h") == ""
    assert all(name in shell_functions(name) for name in FUNCTIONS)


def test_shellcheck_finds_nothing_in_the_functions() -> None:
    text = f"#!/bin/bash\nset -euo pipefail\n{shell_functions('firstline_may_start')}"
    done = subprocess.run([SHELLCHECK, "--shell=bash", "-"], input=text, capture_output=True, text=True, check=False)

    assert done.stdout == ""
