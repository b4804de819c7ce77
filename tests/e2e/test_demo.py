"""`make demo`, as a newcomer runs it first."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import ROOT, environment

ENDS = {
    "noise": "it is suppressed",
    "full table": "the table is really larger",
    "no runbook": "it was acknowledged",
    "recovers": "it closed by itself",
    "pagerduty": "it is resolved",
    "not cured": "the page says what was tried",
    "asks first": "the release was put back",
    "storm": "all of them closed when the storm was over",
}
"""The words of the summary about each story where commands really run."""

PRINTED_ONLY = {"full table": "the commands were only printed, and a human was called"}


@pytest.mark.timeout(600)
def test_the_demo_tells_every_story_to_its_end(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "local", "demo"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=570,
        check=False,
    )

    assert demo.returncode == 0, demo.stdout[-6000:] + demo.stderr[-2000:]
    assert "✗" not in demo.stdout
    summary = demo.stdout.split("What happened", 1)[1]
    for story, end in (ENDS | (PRINTED_ONLY if "only printed" in demo.stdout else {})).items():
        assert story in summary
        assert f"✓ {end}" in summary, f"{story}: {end}"

    # At the end it names a page that can be opened as it is.
    saved = Path(demo.stdout.split("one of these incidents: ", 1)[1].split()[0])
    page = saved.read_text(encoding="utf-8")
    assert "HighRequestErrorRate" in page
    assert not [part for part in ("<script", "<form", "src=", "href=") if part in page]
