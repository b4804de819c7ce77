"""Hosts are apart from this machine, and hold their state."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from local.emulator import faults
from local.emulator.hosts import Host, Hosts, Sandbox
from tests.support import needs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def host_in() -> Iterator[Callable[[Sandbox], Host]]:
    """Start a host in a sandbox, the same for all tests: each uses files and services of its own there."""
    with ExitStack() as started:

        @cache
        def start(sandbox: Sandbox) -> Host:
            hosts = Hosts(sandbox)
            started.callback(hosts.close)
            return hosts.start("web-1", {"Firstline": "managed"})

        yield start


@pytest.fixture(params=[Sandbox.BUBBLEWRAP, Sandbox.NAMESPACES])
def host(request: pytest.FixtureRequest, host_in: Callable[[Sandbox], Host]) -> Host:
    needs.require(f"host in {request.param}")
    return host_in(request.param)


def test_a_script_runs_with_its_own_shell_and_environment(host: Host) -> None:
    ran = host.run(
        '#!/usr/bin/env bash\necho "$SSM_mount ${BASH_VERSION:+bash} $(hostname)"; echo no >&2; exit 3',
        environment={"SSM_mount": 'a "b" $(id) ;'},
    )
    assert ran.executed
    assert (ran.exit_code, ran.stdout, ran.stderr) == (3, 'a "b" $(id) ; bash web-1\n', "no\n")


def test_state_lasts_from_one_command_to_the_next(host: Host) -> None:
    host.run("echo kept > /data/file; echo kept > /etc/file; sleep 60 > /dev/null 2>&1 & echo $! > /run/pid")
    assert host.run("cat /data/file /etc/file; kill -0 $(cat /run/pid) && echo alive").stdout == "kept\nkept\nalive\n"


def test_nothing_of_this_machine_is_there(host: Host, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of this machine")
    secret.chmod(0o644)

    seen = host.run(f"cat {secret}; ls {ROOT} /home /root /sys; cat /etc/shadow; ls -A . /proc/1/root/work; pwd")

    assert "of this machine" not in seen.stdout
    assert seen.stdout.splitlines()[-1] == "/"
    assert "No such file" in seen.stderr
    assert "template.yaml" not in seen.stdout


def test_programs_cannot_be_changed(host: Host) -> None:
    assert "Read-only file system" in host.run("touch /usr/bin/x").stderr
    assert host.run("mount -t tmpfs none /usr || umount /usr").exit_code != 0  # and no privilege helps


def test_processes_of_this_machine_are_out_of_reach(host: Host) -> None:
    sleeper = subprocess.Popen(["sleep", "30"])
    try:
        listed = host.run("for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f; echo; done").stdout
        assert "sleep 30" not in listed
        assert host.run(f"kill -9 {sleeper.pid}").exit_code != 0
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_there_is_no_network(host: Host) -> None:
    ran = host.run("#!/bin/bash\ncat /proc/net/dev | grep -c -v -e lo: -e Inter -e face; exec 3<>/dev/tcp/127.0.0.1/22")
    assert ran.stdout.strip() == "0"
    assert ran.exit_code != 0


def test_a_disk_really_fills_up_and_can_be_freed(host: Host) -> None:
    used = "df --output=pcent /data | tail -n 1 | tr -dc 0-9"
    host.run("mkdir /data/log; for n in 1 2 3 4; do head -c 11000000 /dev/zero > /data/log/app.log.$n; done")
    assert int(host.run(used).stdout) >= 90
    assert host.run("head -c 9000000 /dev/zero > /data/more").exit_code != 0  # no space left
    host.run("rm /data/log/app.log.* /data/more")
    assert int(host.run(used).stdout) < 5


def test_a_script_that_takes_too_long_is_ended_with_all_its_children(host: Host) -> None:
    began = time.monotonic()
    ran = host.run("sh -c 'sleep 61' & sleep 61", timeout_seconds=0.5)
    assert ran.timed_out
    assert time.monotonic() - began < 40
    assert "sleep 61" not in host.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout


def test_a_script_can_be_cancelled(host: Host) -> None:
    cancelled = threading.Event()
    threading.Timer(0.3, cancelled.set).start()
    ran = host.run("sleep 60", cancelled=cancelled)
    assert not ran.timed_out
    assert ran.exit_code == -1


def test_services_live_and_die_under_systemctl(host: Host) -> None:
    # Given a service that is down
    faults.plant_service(host, "shop", "sleep 600", running=False)
    assert host.run("systemctl is-active shop.service").stdout == "failed\n"
    assert host.run("systemctl is-failed --quiet -- shop.service").exit_code == 0

    # When it is restarted
    assert host.run("systemctl reset-failed shop && systemctl restart -- shop.service").exit_code == 0

    # Then it runs, until it is killed
    assert host.run("systemctl is-active -- shop").stdout == "active\n"
    assert "ActiveState=active" in host.run("systemctl show shop").stdout
    host.run("kill -9 $(systemctl show -p MainPID --value shop)")
    host.run("for _ in $(seq 50); do systemctl is-active --quiet shop || break; sleep 0.1; done")
    assert host.run("systemctl is-active shop").exit_code == 3


def test_a_service_that_cannot_start_says_so_and_logs_why(host: Host) -> None:
    faults.plant_service(host, "broken", "sh -c 'echo no configuration; exit 1'", running=False)
    ran = host.run("systemctl restart broken.service")
    assert ran.exit_code == 1
    assert "failed" in ran.stderr
    assert "no configuration" in host.run("journalctl --unit=broken.service --no-pager --lines=20").stdout


def test_a_service_that_is_not_there_cannot_be_started(host: Host) -> None:
    assert host.run("systemctl start nothing").exit_code == 5


def test_a_clock_that_is_off_is_shown_and_can_be_set(host: Host) -> None:
    host.run("echo 12.5 > /run/chrony.offset")
    assert "12.5 seconds slow" in host.run("chronyc tracking").stdout
    host.run("chronyc makestep")
    assert "12.5" not in host.run("chronyc tracking").stdout


def test_a_host_ends_with_its_owner(host: Host) -> None:
    """Also when the owner is killed: only a pipe holds the host alive."""
    script = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from local.emulator.hosts import Hosts, Sandbox\n"
        f"host = Hosts(Sandbox({str(host.sandbox)!r})).start('doomed')\n"
        "host.run('sleep 600 > /dev/null 2>&1 &')\n"
        "print(host._pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, str(ROOT)], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    assert is_running(pid)

    owner.kill()
    owner.communicate()

    for _ in range(100):
        if not is_running(pid):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} of the host is still there")


def is_running(pid: int) -> bool:
    """A process that ended but that nobody waited for does not count."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_without_a_sandbox_nothing_runs_and_it_says_so(tmp_path: Path) -> None:
    hosts = Hosts(Sandbox.NONE)
    ran = hosts.start("web-1").run(f"touch {tmp_path}/ran")
    hosts.close()
    assert not ran.executed
    assert ran.exit_code != 0
    assert "Nothing was run on web-1" in ran.stdout
    assert f"touch {tmp_path}/ran" in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_sandbox_that_does_not_work_is_passed_over_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    hosts = Hosts()
    host = hosts.start("web-1")
    hosts.close()
    assert host.sandbox is Sandbox.NONE
    assert len(hosts.problems) == len([kind for kind in Sandbox if kind is not Sandbox.NONE])
    assert all("is not installed" in problem for problem in hosts.problems)
