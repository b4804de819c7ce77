"""`python -m local` and `firstline` at the terminal."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local.demo import alerts
from tests.e2e.running import ROOT, LocalStack, descendants, environment, lives, until

SOURCES = ("cloudwatch", "datadog", "generic", "grafana", "pagerduty", "prometheus")


def test_up_says_where_it_is_send_and_report_find_it_and_sigterm_ends_it(tmp_path: Path) -> None:
    port = _free_port()
    stack = LocalStack(tmp_path, "--port", str(port), "--time-lapse", "60")
    try:
        # One JSON line says where everything is.
        line = stack.line
        assert line["api"] == f"http://127.0.0.1:{port}"
        assert set(line) == {
            *("api", "aws", "console", "inbox", "state_machine", "table", "secrets", "stack", "outputs", "parameters"),
        }
        assert set(SOURCES) <= set(line["secrets"])
        assert len(set(line["secrets"].values())) == len(line["secrets"])

        # A second one is started on the same port, by mistake.
        second = _begin(tmp_path, "local", "up", "--port", str(port))

        # send and report find the stack by themselves.
        firing, resolved = tmp_path / "firing.json", tmp_path / "resolved.json"
        labels = {"alertname": "E2eTerminal", "severity": "info", "service": "mailer"}
        firing.write_text(json.dumps(alerts.alertmanager(alerts.prometheus_alert(labels, "Mails are late."))))
        resolved.write_text(
            json.dumps(alerts.alertmanager(alerts.prometheus_alert(labels, "Mails are late.", status="resolved")))
        )
        sent = _run(tmp_path, "local", "send", "prometheus", str(firing))
        assert sent.returncode == 0, sent.stderr
        status, answer = sent.stdout.split(" ", 1)
        (incident,) = json.loads(answer)["incidents"]
        assert status == "202"
        stack.wait_for(incident, "resolution")
        assert _run(tmp_path, "local", "send", "prometheus", str(resolved)).returncode == 0
        assert stack.wait_closed(incident).outcome == "self_cleared"
        report = _run(tmp_path, "firstline_cli", "report")
        assert report.returncode == 0, report.stderr
        numbers = dict(row.strip(" │").split("│") for row in report.stdout.splitlines() if row.count("│") == 3)
        numbers = {name.strip(): value.strip() for name, value in numbers.items()}
        assert (numbers["Incidents"], numbers["cleared by itself"]) == ("1, of 1 alert", "1 (100%)"), report.stdout

        # The second one said what is wrong, and left the first one alone.
        said, complained = second.communicate(timeout=60)
        assert (second.returncode, said) == (1, "")
        assert f"Port {port} is in use" in complained
        assert "Traceback" not in complained

        # What happened was told meanwhile, and not on stdout.
        assert "Notify Ops" in stack.stderr()
        assert stack.stdout().count("\n") == 1

        # SIGTERM ends it, its functions and its hosts.
        below = descendants(stack.process.pid)
        assert len(below) > len(stack.processes("ingest")) > 0
        assert stack.stop() == 0
        until("its processes are gone", lambda: not [pid for pid in below if lives(pid)])
        with pytest.raises(OSError, match="refused"):
            stack.send("generic", {"alert_name": "TooLate"})
    finally:
        stack.stop()


def _begin(folder: Path, module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=environment(folder / "stacks"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    process = _begin(folder, *arguments)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
