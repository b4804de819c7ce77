"""Acts that a host must not carry out: each refuses in words and does nothing."""

import pytest

from firstline.runbooks.documents import render_document_script
from local.emulator.commands import LIST_OUTPUT_CHARACTERS
from local.emulator.hosts import ScriptResult
from tests.runbooks.conftest import SHIPPED, StartHost

REBOOTS = ["systemd-poweroff", "systemd-soft-reboot", "rescue", "kexec-load", "packagekit-offline-update"]


def act(start_host: StartHost, runbook_id: str, step_id: str, prepare: str, **values: str) -> ScriptResult:
    """Run one act on a fresh host, as its document runs it, and return what it printed."""
    runbook = SHIPPED[runbook_id]
    command = dict(runbook.commands())[step_id]
    defaults = {name: parameter.default or "" for name, parameter in runbook.parameters.items()}
    host = start_host()
    script = render_document_script(runbook, command)
    host.run(f"{prepare}\ncat >/opt/step <<'END_OF_STEP'\n{script}END_OF_STEP\nchmod 755 /opt/step\n")
    return host.run(
        'status=0; /opt/step || status=$?; ls /run/started* 2>/dev/null || true; exit "$status"',
        environment={f"SSM_{name}": value for name, value in (defaults | values).items()},
    )


@pytest.mark.parametrize(("runbook_id", "step_id"), [("low-disk", "free-space"), ("low-inodes", "free-inodes")])
@pytest.mark.parametrize("mountpoint", ["/nowhere", "/var/log", "/etc/passwd"])
def test_a_path_at_which_nothing_is_mounted_is_left_alone(
    start_host: StartHost, runbook_id: str, step_id: str, mountpoint: str
) -> None:
    # Used to more than nothing: the verification does not hold, so the act is tried.
    ran = act(start_host, runbook_id, step_id, "", mountpoint=mountpoint, maxUsedPercent="00")

    assert ran.exit_code == 2, ran
    assert "is not a mount point on this host: nothing was touched" in ran.stderr


@pytest.mark.parametrize("unit", REBOOTS)
def test_a_unit_whose_start_turns_the_host_off_is_not_started(start_host: StartHost, unit: str) -> None:
    prepare = f"printf '[Service]\\nExecStart=/bin/touch /run/started\\n' >/etc/systemd/system/{unit}.service"

    ran = act(start_host, "dead-service", "restart", prepare, service=unit)

    assert ran.exit_code == 4, ran
    assert "holds the host together: left alone" in ran.stderr
    assert "/run/started" not in ran.stdout


def test_a_unit_that_failed_and_is_the_owners_is_started(start_host: StartHost) -> None:
    prepare = "printf '[Service]\\nExecStart=/bin/sleep 60\\n' >/etc/systemd/system/shop.service"

    assert "started shop.service" in act(start_host, "dead-service", "restart", prepare, service="shop").stdout


@pytest.mark.parametrize("process", ["s.eep", "sle+p", "sl.+"])
def test_a_process_name_is_no_regular_expression(start_host: StartHost, process: str) -> None:
    unit = "/etc/systemd/system/shop.service"
    prepare = f"printf '[Service]\\nExecStart=/bin/sleep 60\\n' >{unit}; systemctl start shop.service"

    ran = act(start_host, "hung-process", "restart-service", prepare, process=process)

    assert (ran.exit_code, f"no process is called {process}: nothing to end" in ran.stderr) == (4, True), ran


def journal(kind: str, *, begins_days_ago: int, ends_days_ago: int) -> str:
    """Return the commands that plant an archived journal file of three megabytes."""
    stream = f"{kind}@0123456789abcdef0123456789abcdef-0000000000000001"
    file = f"/var/log/journal/host/{stream}-$(printf '%016x' $begin).journal"
    return (
        f"mkdir -p /var/log/journal/host; begin=$((($(date +%s) - {begins_days_ago} * 86400) * 1000000))\n"
        f'head -c 3M /dev/zero >"{file}"; touch -d "{ends_days_ago} days ago" "{file}"\n'
    )


def test_entries_within_the_days_to_keep_stay_although_their_file_begins_early(start_host: StartHost) -> None:
    could_go = journal("system", begins_days_ago=20, ends_days_ago=9)
    to_keep = journal("user-1000", begins_days_ago=30, ends_days_ago=1)

    ran = act(start_host, "journal-size", "vacuum", could_go + to_keep, maxMegabytes="4", keepDays="7")

    assert ran.exit_code == 4, ran
    assert "begins before older ones, and would go first: nothing was removed" in ran.stderr


def test_a_journal_file_that_ends_before_the_days_to_keep_is_deleted(start_host: StartHost) -> None:
    to_go = journal("system", begins_days_ago=20, ends_days_ago=9)
    to_keep = journal("system", begins_days_ago=8, ends_days_ago=1)

    ran = act(start_host, "journal-size", "vacuum", to_go + to_keep, maxMegabytes="4", keepDays="7")

    assert ran.exit_code == 0, ran
    assert ran.stdout.count("Deleted archived journal") == 1


LOG = """
mkdir -p /data/log /etc/logrotate.d /var/lib/logrotate
printf 'rotate 2\\ninclude /etc/logrotate.d\\n' >/etc/logrotate.conf
printf '/data/log/app.log {\\n}\\n' >/etc/logrotate.d/app
printf '"/data/log/app.log" 2026-11-28-0:0:0\\n' >/var/lib/logrotate/status
head -c 30M /dev/urandom >/data/log/app.log
"""


def test_a_log_that_goes_on_growing_is_rotated_ahead_of_its_time_once_a_day(start_host: StartHost) -> None:
    host, runbook = start_host(), SHIPPED["low-disk"]
    script = render_document_script(runbook, dict(runbook.commands())["free-space"])
    host.run(f"{LOG}cat >/opt/step <<'END_OF_STEP'\n{script}END_OF_STEP\nchmod 755 /opt/step\n")
    values = {"mountpoint": "/data", "maxUsedPercent": "10", "folders": "none", "minAgeDays": "7"}
    environment = {f"SSM_{name}": value for name, value in values.items()}

    first = host.run("/opt/step", environment=environment)
    host.run("head -c 12M /dev/urandom >/data/log/app.log")
    second = host.run("/opt/step; ls /data/log; stat -c %s /data/log/app.log", environment=environment)

    assert "rotated the logs of /etc/logrotate.d/app" in first.stdout
    assert "were rotated ahead of their time within a day: left alone" in second.stdout
    assert "app.log.2.gz" not in second.stdout, "and so no copy was dropped"
    assert second.stdout.splitlines()[-1] == str(12 * 1_048_576)


SWAPS = """
mkdir -p /data/dumps/theirs /etc/keep
for number in $(seq 2000); do echo precious >"/etc/keep/file-$number"; echo old >"/data/dumps/theirs/file-$number"; done
touch -d '99 days ago' /etc/keep/* /data/dumps/theirs/*
cat >/opt/swap <<'END'
cd /data/dumps
while [ ! -e /opt/over ]; do mv -T theirs aside; ln -sT /etc/keep theirs; rm theirs; mv -T aside theirs; done
END
bash /opt/swap >/dev/null 2>&1 &
for try in 1 2 3 4 5; do /opt/step >/dev/null 2>&1 || true; done
touch /opt/over
wait
echo "$(find /etc/keep -type f | wc -l) $(find /data/dumps -type f | wc -l)"
"""


def test_no_file_elsewhere_is_deleted_if_a_folder_is_swapped_for_a_link_while_it_is_cleaned(
    start_host: StartHost,
) -> None:
    host, runbook = start_host(), SHIPPED["low-disk"]
    script = render_document_script(runbook, dict(runbook.commands())["free-space"])
    host.run(f"cat >/opt/step <<'END_OF_STEP'\n{script}END_OF_STEP\nchmod 755 /opt/step\n")
    values = {"mountpoint": "/data", "maxUsedPercent": "01", "folders": "/data/dumps", "minAgeDays": "1"}

    played = host.run(SWAPS, environment={f"SSM_{name}": value for name, value in values.items()})

    precious, old = map(int, played.stdout.split())
    assert precious == 2_000, played
    assert old < 2_000, "nothing was cleaned, so nothing was tried"


def test_however_much_is_deleted_the_output_ends_with_what_came_of_it(start_host: StartHost) -> None:
    prepare = """
mkdir -p /data/dumps
for number in $(seq 300); do echo old >"/data/dumps/a-file-with-a-rather-long-name-$number"; done
touch -d '99 days ago' /data/dumps/*
"""
    values = {"mountpoint": "/data", "maxUsedPercent": "01", "folders": "/data/dumps", "minAgeDays": "1"}

    ran = act(start_host, "low-disk", "free-space", prepare, **values)

    assert len(ran.stdout + ran.stderr) < LIST_OUTPUT_CHARACTERS
    assert "deleted 300 files in /data/dumps" in ran.stdout
    assert "used before" in ran.stdout.splitlines()[-1]
