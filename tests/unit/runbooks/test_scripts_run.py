"""The shipped scripts, really run: on a throw-away root of their own, as root of nothing, without a network."""

import os
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from firstline.runbooks import catalogue
from firstline.runbooks.catalogue import Catalogue
from firstline.runbooks.documents import render_script
from tests.support.optional import missing

type Play = Callable[..., str]

SANDBOX = shutil.which("bwrap")

SYSTEMCTL = """\
#!/bin/bash
# Units are files in /run/units that hold their state.
verb=$1; unit=${!#}
case $verb in
  is-active)
    state=$(cat "/run/units/$unit" 2>/dev/null || echo inactive)
    [ "$2" = --quiet ] || echo "$state"
    [ "$state" = active ] ;;
  is-failed) [ "$(cat "/run/units/$unit" 2>/dev/null)" = failed ] ;;
  is-enabled) [ -e "/run/units/$unit" ] ;;
  restart) [ -e "/run/units/$unit" ] || exit 5; echo active >"/run/units/$unit"; echo "$unit" >>/run/restarted ;;
  *) echo "$unit: $(cat "/run/units/$unit" 2>/dev/null)" ;;
esac
"""

CHRONYC = """\
#!/bin/bash
case $1 in
  makestep) echo 0.000012000 >/run/offset; echo "200 OK" ;;
  tracking) printf 'System time     : %s seconds fast of NTP time\\nLeap status     : Normal\\n' "$(cat /run/offset)" ;;
esac
"""

RUNUSER = '#!/bin/bash\nshift 3\nexec "$@"\n'


@pytest.fixture
def play(shipped: Catalogue, tmp_path: Path) -> Play:
    """Play a scene on a fresh host: shell lines, in which `runbook step` runs that step's script. Gives its output."""
    if (
        SANDBOX is None
        or subprocess.run([SANDBOX, "--unshare-all", "--ro-bind", "/", "/", "true"], check=False).returncode
    ):
        missing("bubblewrap is not installed, or may not make a sandbox here")

    def play(scene: str, **variables: str) -> str:
        root = tmp_path / f"host-{len(list(tmp_path.iterdir()))}"
        for folder in ("opt/bin", "opt/scripts", "run/units", "var/log", "tmp", "data"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name, text in {"systemctl": SYSTEMCTL, "chronyc": CHRONYC, "runuser": RUNUSER}.items():
            (root / "opt/bin" / name).write_text(text)
            (root / "opt/bin" / name).chmod(0o755)
        for runbook in shipped.values():
            for step_id, command in runbook.commands():
                script = root / "opt/scripts" / f"{runbook.id}-{step_id}"
                script.write_text(render_script(command))
                script.chmod(0o755)
        (root / "opt/bin/runbook").write_text('#!/bin/bash\nexec "/opt/scripts/$1-$2" 2>&1\n')
        (root / "opt/bin/runbook").chmod(0o755)
        lines = "set -e\n" + textwrap.dedent(scene)
        links = [arg for name in ("bin", "sbin", "lib", "lib64") for arg in ("--symlink", f"usr/{name}", f"/{name}")]
        own = ["--unshare-all", "--uid", "0", "--gid", "0", "--die-with-parent", "--bind", str(root), "/"]
        own += ["--ro-bind", "/usr", "/usr", *links, "--dev", "/dev", "--proc", "/proc"]
        # Where the test is root, so is the sandbox: the kernel's switches stay as they are.
        own += ["--ro-bind", "/proc/sys", "/proc/sys"]
        own += ["--size", str(20 << 20), "--tmpfs", "/data", "--clearenv"]
        settings = {"PATH": "/opt/bin:/usr/bin:/usr/sbin"} | {f"SSM_{name}": value for name, value in variables.items()}
        own += [arg for name, value in settings.items() for arg in ("--setenv", name, value)]
        done = subprocess.run(
            [SANDBOX, *own, "bash", "-c", lines],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    return play


ALL_PARAMETERS = {
    name for runbook in catalogue.load(Path(__file__).parents[3] / "runbooks").values() for name in runbook.parameters
}

DISK = {"mountpoint": "/data", "maxUsedPercent": "60", "minAgeDays": "2", "bigLogMegabytes": "3"}


def test_low_disk_frees_space_oldest_first_and_leaves_everything_else(play: Play) -> None:
    output = play(
        """
        mkdir -p /data/app/log /data/db /data/usr/share
        head -c 7M /dev/urandom >/data/app/log/app.log.1
        head -c 2M /dev/urandom >/data/app/log/old.gz
        head -c 2M /dev/urandom >/data/app/log/app.log.2
        head -c 1M /dev/urandom >/data/db/table.gz
        head -c 1M /dev/urandom >/data/db/00000042.log
        head -c 1M /dev/urandom >/data/usr/share/manual.log.1
        touch -d '9 days ago' /data/app/log/app.log.1 /data/app/log/old.gz /data/db/* /data/usr/share/*
        runbook low-disk verify && exit 1
        runbook low-disk find-biggest
        runbook low-disk free-space
        runbook low-disk verify
        find /data -type f | sort
        """,
        **DISK,
    )

    assert "7.0MiB  /data/app/log/app.log.1" in output
    assert "deleted 7340032 bytes  /data/app/log/app.log.1" in output
    assert "/data: 70 % used before, 25 % now" in output
    assert output.splitlines()[-4:] == [
        "/data/app/log/app.log.2",
        "/data/db/00000042.log",
        "/data/db/table.gz",
        "/data/usr/share/manual.log.1",
    ]


def test_low_disk_keeps_what_is_in_a_big_log_and_the_file_that_its_writer_holds(play: Play) -> None:
    output = play(
        """
        mkdir -p /data/logs /data/kafka/logs
        yes 'a line that is logged again and again' | head -c 14M >/data/logs/app.log
        head -c 2M /dev/zero >/data/kafka/logs/00000000000000000042.log
        exec 9>>/data/logs/app.log
        runbook low-disk free-space
        echo 'the writer goes on' >&9
        runbook low-disk verify
        cat /data/logs/app.log
        zcat /data/logs/app.log.*.gz | wc -c
        stat -c %s /data/kafka/logs/*.log
        """,
        **DISK,
    )

    assert "compressed and cut  /data/logs/app.log" in output
    assert output.splitlines()[-3:] == ["the writer goes on", str(14 << 20), str(2 << 20)]


def test_low_disk_that_finds_nothing_safe_says_so_and_is_not_a_recovery(play: Play) -> None:
    output = play(
        """
        head -c 15M /dev/urandom >/data/customers.db
        runbook low-disk free-space
        runbook low-disk verify || echo "not recovered"
        ls /data
        """,
        **DISK,
    )

    assert "There is nothing more that is safe to remove." in output
    assert output.endswith("not recovered\ncustomers.db\n")


@pytest.mark.parametrize("mountpoint", ["/var/log", "/nowhere"])
def test_low_disk_touches_nothing_where_no_filesystem_is_mounted(play: Play, mountpoint: str) -> None:
    output = play(
        """
        echo old >/var/log/app.log.1
        touch -d '9 days ago' /var/log/app.log.1
        runbook low-disk free-space || echo "exit $?"
        ls /var/log
        """,
        **(DISK | {"mountpoint": mountpoint}),
    )

    assert "exit" in output
    assert output.endswith("app.log.1\n")


def test_dead_service_starts_what_failed_and_sees_that_it_stays(play: Play) -> None:
    output = play(
        """
        echo failed >/run/units/web.service
        runbook dead-service verify && exit 1
        runbook dead-service look
        runbook dead-service restart
        ln -s /usr/bin/true /opt/bin/sleep
        runbook dead-service verify
        cat /run/restarted
        """,
        service="web",
    )

    assert "web.service: failed" in output
    assert output.endswith("web.service is active\nweb.service\n")


@pytest.mark.parametrize("unit", ["systemd-poweroff", "systemd-soft-reboot", "rescue", "never-heard-of"])
def test_dead_service_starts_nothing_that_turns_off_or_never_ran(play: Play, unit: str) -> None:
    output = play(
        """
        [ "$SSM_service" = never-heard-of ] || echo failed >"/run/units/$SSM_service.service"
        runbook dead-service restart || echo "exit $?"
        [ ! -e /run/restarted ]
        """,
        service=unit,
    )

    assert output.endswith("exit 4\n")


def test_high_memory_names_the_biggest_and_restarts_only_a_named_running_service(play: Play) -> None:
    scene = """
        echo active >/run/units/shop.service
        echo active >/run/units/sshd.service
        echo active >/run/units/node-exporter.service
        runbook high-memory restart-service || echo "exit $?"
        cat /run/restarted 2>/dev/null || echo "nothing restarted"
        """

    # This machine's memory is in use to more than nothing and to less than all: the limit decides.
    def restarted(service: str, limit: str = "0") -> str:
        return play(scene, service=service, maxUsedPercent=limit).splitlines()[-1]

    assert "Biggest processes" in play("runbook high-memory top-consumers")
    assert restarted("sshd") == "nothing restarted"
    assert restarted("node-exporter") == "nothing restarted"
    assert restarted("unknown") == "nothing restarted"
    assert restarted("none") == "nothing restarted"
    assert restarted("shop", limit="100") == "nothing restarted"
    assert restarted("shop") == "shop.service"


def test_clear_caches_says_when_the_kernel_does_not_let_it(play: Play) -> None:
    output = play('runbook high-memory clear-caches || echo "exit $?"')

    assert output == "/proc/sys/vm/drop_caches cannot be written here: the caches stay\nexit 3\n"


def test_hung_process_ends_the_stubborn_one_and_brings_its_service_back(play: Play) -> None:
    output = play(
        """
        cp /usr/bin/bash /tmp/stubborn
        /tmp/stubborn -c 'trap "" TERM; while :; do sleep 1; done' & victim=$!
        sleep 0.5
        runbook hung-process look
        kill -STOP $victim
        runbook hung-process verify && exit 1
        kill -CONT $victim
        echo failed >/run/units/stubborn.service
        runbook hung-process terminate
        wait $victim || echo "ended with $?"
        runbook hung-process restart-service
        runbook hung-process verify || echo "verify saw that"
        """,
        process="stubborn",
        graceSeconds="1",
        service="stubborn",
    )

    assert "did not end by itself: killed" in output
    assert "ended with 137" in output
    assert "restarted stubborn.service" in output
    assert output.endswith("stubborn does not run\nverify saw that\n")


def test_hung_process_never_ends_what_holds_the_host_together(play: Play) -> None:
    output = play('runbook hung-process terminate || echo "exit $?"', process="bash", graceSeconds="1")

    assert output == "bash holds the host together: it is not ended\nexit 4\n"


def test_clock_drift_steps_the_clock_until_the_offset_is_small(play: Play) -> None:
    output = play(
        """
        echo 0.731 >/run/offset
        runbook clock-drift verify || echo "not recovered"
        runbook clock-drift step-clock
        runbook clock-drift verify
        """,
        maxOffsetMilliseconds="50",
    )

    assert "the clock is off by 731 ms, below 50 ms is wanted\nnot recovered" in output
    assert output.endswith("the clock is off by 0 ms, below 50 ms is wanted\n")


@pytest.mark.parametrize(
    ("step", "missing"),
    [
        ("container-images prune", "neither docker nor containerd (through crictl) answers on this host"),
        ("container-images measure", "neither docker nor containerd (through crictl) answers on this host"),
        ("package-cache clean", "neither apt-get, dnf nor yum is on this host"),
        ("certificate-renewal look", "openssl is not on this host"),
        ("certificate-renewal renew", "neither certbot nor acme.sh is on this host: nothing was renewed"),
        ("clock-drift step-clock", "neither chrony nor systemd-timesyncd keeps this host's time"),
        ("conntrack-full look", "sysctl is not on this host"),
        ("conntrack-full raise", "sysctl is not on this host: nothing was done"),
        ("crash-loop look", "systemctl is not on this host"),
        ("crash-loop settle", "systemctl is not on this host: nothing was done"),
        ("dead-service restart", "systemctl is not on this host: nothing was started"),
        ("file-descriptors raise", "prlimit is not on this host: nothing was done"),
        ("high-swap refill", "swapoff is not on this host: nothing was done"),
        ("hung-process look", "pgrep is not on this host"),
        ("hung-process terminate", "pgrep is not on this host: nothing was ended"),
        ("journal-size measure", "journalctl is not on this host"),
        ("journal-size vacuum", "journalctl is not on this host: nothing was removed"),
        ("log-flood restart", "systemctl is not on this host: nothing was restarted"),
        ("oom-victims restart", "systemctl is not on this host: nothing was started"),
    ],
)
def test_a_missing_tool_is_a_failure_in_words(play: Play, step: str, missing: str) -> None:
    output = play(
        f"""
        ln -s /usr/bin/bash /opt/bin/bash
        rm -f /opt/bin/systemctl /opt/bin/chronyc
        export PATH=/opt/bin
        runbook {step} || echo "exit $?"
        """,
        **(dict.fromkeys(ALL_PARAMETERS, "7") | {"service": "shop", "process": "shop"}),
    )

    assert missing in output
    assert output.endswith("exit 3\n")
