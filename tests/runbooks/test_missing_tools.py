"""A step whose tool is missing on the host fails in words and does nothing."""

import pytest

from firstline.runbooks.documents import render_script
from tests.runbooks.conftest import SHIPPED, StartHost

STEPS = [
    ("certificate-renewal", "look", "openssl is not on this host"),
    ("certificate-renewal", "renew", "neither certbot nor acme.sh is on this host: nothing was renewed"),
    ("clock-drift", "set-clock", "neither chrony nor systemd-timesyncd keeps this host's time: nothing was done"),
    ("conntrack-full", "look", "sysctl is not on this host"),
    ("conntrack-full", "raise", "sysctl is not on this host: nothing was done"),
    ("container-images", "measure", "neither docker, podman nor containerd"),
    ("container-images", "prune", "answers on this host: nothing was removed"),
    ("crash-loop", "look", "systemctl is not on this host"),
    ("crash-loop", "settle", "systemctl is not on this host: nothing was done"),
    ("dead-service", "restart", "systemctl is not on this host: nothing was done"),
    ("file-descriptors", "raise", "prlimit is not on this host: nothing was done"),
    ("high-memory", "restart-service", "systemctl is not on this host: nothing was restarted"),
    ("high-swap", "refill", "swapoff is not on this host: nothing was done"),
    ("hung-process", "look", "pgrep is not on this host"),
    ("hung-process", "restart-service", "pgrep is not on this host: nothing was ended"),
    ("journal-size", "measure", "journalctl is not on this host"),
    ("journal-size", "vacuum", "journalctl is not on this host: nothing was removed"),
    ("log-flood", "restart", "systemctl is not on this host: nothing was restarted"),
    ("oom-victims", "restart", "systemctl is not on this host: nothing was started"),
    ("package-cache", "clean", "neither apt-get, dnf nor yum is on this host: nothing was done"),
]


def test_a_missing_tool_is_a_failure_in_words(start_host: StartHost) -> None:
    host = start_host()
    # A host with a shell, what a script reads with, and none of the tools that it looks for.
    host.run(
        "mkdir /opt/bare; for tool in bash sed grep cat awk cut date env rm sort tail head; do\n"
        '  ln -s "$(command -v $tool)" /opt/bare/$tool\ndone; cp /opt/host/bin/runuser /opt/bare/'
    )
    for runbook_id, step_id, words in STEPS:
        command = dict(SHIPPED[runbook_id].commands())[step_id]
        settings = {f"SSM_{name}": "/var/log" if name == "folder" else "shop" for name in command.variables}

        saved = f"cat >/opt/step <<'END_OF_STEP'\n{render_script(command)}END_OF_STEP\nchmod 755 /opt/step\n"
        ran = host.run(f"{saved}PATH=/opt/bare /opt/step", environment=settings)

        assert words in ran.stdout + ran.stderr, f"{runbook_id} {step_id}: {ran}"
        assert ran.exit_code == 3, f"{runbook_id} {step_id}: {ran}"
    host.close()


@pytest.mark.parametrize("runbook_id", sorted({runbook_id for runbook_id, _, _ in STEPS}))
def test_every_step_of_the_table_exists_in_its_runbook(runbook_id: str) -> None:
    assert {step for known, step, _ in STEPS if known == runbook_id} <= dict(SHIPPED[runbook_id].commands()).keys()
