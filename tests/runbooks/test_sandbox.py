"""The sandbox of rehearsals: no script can touch this machine's kernel, and stand-ins answer as real tools do."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator import hosts as local_hosts
from local.emulator.hosts import Host, Hosts, Sandbox
from tests.runbooks.conftest import StartHost
from tests.support import needs

SWAPPINESS = Path("/proc/sys/vm/swappiness")


def identities() -> list[str]:
    return ["somebody", "root"] if os.geteuid() == 0 else ["somebody"]


@pytest.fixture(params=[(kind, who) for kind in (Sandbox.BUBBLEWRAP, Sandbox.NAMESPACES) for who in identities()])
def any_host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Yield a host of each kind; where this test is root, also one whose scripts are real root."""
    kind, who = request.param
    needs.require(f"host in {kind}")
    if who == "root":
        monkeypatch.setattr(local_hosts, "_users", lambda: [None])
    hosts = Hosts(kind)
    try:
        yield hosts.start("web-1")
    finally:
        hosts.close()


def test_the_switches_of_this_machines_kernel_can_be_read_and_not_turned(any_host: Host) -> None:
    before = SWAPPINESS.read_text()

    ran = any_host.run(
        "cat /proc/sys/vm/swappiness\n"
        "echo 1 > /proc/sys/vm/swappiness && echo turned\n"
        "echo 3 > /proc/sys/vm/drop_caches && echo dropped\n"
        "echo h > /proc/sysrq-trigger && echo triggered\n"
        "mount -o remount,rw /proc/sys && echo remounted"
    )

    assert ran.stdout == before
    assert "/proc/sys/vm/drop_caches: Read-only file system" in ran.stderr
    assert SWAPPINESS.read_text() == before


def test_what_a_fault_mounts_stays_on_its_host_and_a_runbook_mounts_nothing(any_host: Host) -> None:
    mounted = any_host.run("mount -t tmpfs -o size=1m,nr_inodes=10 tmpfs /data && df -i /data", privileged=True)

    assert mounted.exit_code == 0, mounted.stderr
    assert any_host.run("df --output=itotal /data | tail -n 1").stdout.strip() == "10"
    assert any_host.run("mount -t tmpfs tmpfs /data").exit_code != 0
    assert "nr_inodes=10" not in Path("/proc/mounts").read_text()


def test_a_process_whose_parent_has_ended_is_reaped(any_host: Host) -> None:
    any_host.run(
        "setsid bash -c 'for _ in 1 2 3; do sleep 0.1 & done; exec sleep 600' >/dev/null 2>&1 & echo $! > /run/p"
    )
    # Three end under a parent that never asks for them; then the parent is ended.
    seen = any_host.run(
        "dead() { ps -eo stat= | grep -c Z; }\n"
        "until [ $(dead) = 3 ]; do sleep 0.05; done; dead; kill $(cat /run/p)\n"
        "until [ $(dead) = 0 ]; do sleep 0.05; done; dead"
    )

    assert seen.stdout.split() == ["3", "0"], seen


UNIT = "[Service]\\nExecStart=/bin/sleep 600\\n"


@pytest.mark.parametrize(
    ("unit", "prepare", "answer", "code"),
    [
        (UNIT + "[Install]\\nWantedBy=multi-user.target\\n", "", "disabled", 1),
        (UNIT + "[Install]\\nWantedBy=multi-user.target\\n", "systemctl enable shop", "enabled", 0),
        (UNIT + "[Install]\\n", "systemctl enable shop; systemctl disable shop", "disabled", 1),
        (UNIT, "", "static", 0),
        ("", "rm /etc/systemd/system/shop.service", "not-found", 1),
    ],
    ids=["not enabled yet", "enabled", "enabled and disabled", "nothing to enable", "no such unit"],
)
def test_systemctl_knows_what_is_enabled(
    start_host: StartHost, unit: str, prepare: str, answer: str, code: int
) -> None:
    host = start_host()
    host.run(f"printf '{unit}' > /etc/systemd/system/shop.service; {prepare}")

    ran = host.run("systemctl is-enabled shop.service")

    assert (ran.stdout, ran.exit_code) == (f"{answer}\n", code)
    assert host.run("systemctl is-enabled --quiet -- shop.service").stdout == ""
    host.close()


def test_systemctl_brings_a_service_back_as_often_as_it_crashes(start_host: StartHost) -> None:
    host = start_host()
    host.run(
        "printf '[Service]\\nExecStart=/bin/false\\nRestart=always\\n' > /etc/systemd/system/shop.service\n"
        "systemctl start shop"
    )

    restarted = "[ $(systemctl show --property=NRestarts --value -- shop.service) -ge 2 ]"
    restarts = host.run(f"until {restarted}; do sleep 0.1; done")
    listed = host.run("systemctl list-units --type=service --state=failed --plain --no-legend").stdout
    host.run("systemctl stop shop")

    assert restarts.exit_code == 0, restarts
    assert listed == "", "it is being brought back, so it has not failed"
    assert host.run("systemctl is-active shop").stdout == "inactive\n"
    host.close()


def test_a_unit_can_be_reloaded_although_the_emulator_itself_ignores_hangups(start_host: StartHost) -> None:
    """Under nohup a hangup is ignored, and a shell that begins so could not trap it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ran = start_host().run(
            "cd /etc/systemd/system\n"
            "printf '[Service]\\nExecStart=/opt/traps\\nExecReload=kill -HUP $MAINPID\\n' >traps.service\n"
            "printf '#!/bin/bash\\ntrap \"touch /tmp/reloaded\" HUP\\ntouch /tmp/traps\\n' >/opt/traps\n"
            "echo 'while :; do sleep 0.05; done' >>/opt/traps\n"
            "chmod 755 /opt/traps && systemctl start traps.service\n"
            "until [ -e /tmp/traps ]; do sleep 0.05; done; systemctl reload traps.service\n"
            "until [ -e /tmp/reloaded ]; do sleep 0.05; done; ls /tmp/reloaded",
            privileged=True,
        )
    finally:
        signal.signal(signal.SIGHUP, before)

    assert ran.stdout.strip() == "/tmp/reloaded", ran.stderr
