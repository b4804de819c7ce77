"""Acts that a host answers with a refusal in words, and with nothing done."""

import pytest

from firstline.runbooks.documents import render_document_script
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
