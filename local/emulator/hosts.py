"""Throw-away hosts: sandboxes with a file system, processes and services of their own, in which commands really run.

A host shares nothing with this machine but its programs, read-only (/usr, /bin, /lib). It has no network, its own
process table, and a small disk at /data that really fills up. Its state lasts until it is closed, or this process ends:
a host's first process reads from a pipe that closes with us, however we end.

Hosts use bubblewrap, or else user namespaces. If neither works on this machine, `run` runs nothing and says so.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

HOST_FILES = Path(__file__).with_name("host_files")
"""The folder of files that each host gets: stand-ins for systemctl and similar programs."""

_FIRST_PROCESS = Path(__file__).with_name("host_first_process.sh").read_text()
_NAMESPACES = Path(__file__).with_name("host_namespaces.sh").read_text()

DATA_BYTES = 48_000_000
"""The size of a host's /data: small, so that filling it takes no time."""

_PATH = "/opt/host/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_FOLDERS = ("/tmp", "/run", "/root", "/opt/host", "/var/log", "/var/tmp", "/var/lib", "/etc/systemd/system")  # noqa: S108
_LIMITS = ("--nproc=512", "--as=2147483648", "--fsize=1073741824", "--core=0")
_START_SECONDS = 10.0
_PIPES: dict[str, Any] = {**dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE), "cwd": "/"}
"""Popen's arguments for a process with three pipes."""


class Sandbox(StrEnum):
    """The kind of isolation between a host's commands and this machine."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "user namespaces"
    NONE = "none: commands are only printed"


@dataclass(frozen=True)
class ScriptResult:
    """The result of a script. `executed` is false if nothing ran, because this machine has no sandbox."""

    exit_code: int
    stdout: str
    stderr: str
    timed_out: bool = False
    executed: bool = True


@dataclass
class Host:
    """A throw-away host, made by `Hosts`, with the instance id and private address that it would have on AWS."""

    name: str
    instance_id: str
    private_ip: str
    tags: dict[str, str]
    sandbox: Sandbox
    _holder: subprocess.Popen[bytes] | None = None
    _pid: int = 0
    _uid: int | None = None
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)

    def run(
        self,
        script: str,
        *,
        environment: dict[str, str] | None = None,
        timeout_seconds: float = 60.0,
        privileged: bool = False,
        started: threading.Event | None = None,
        cancelled: threading.Event | None = None,
    ) -> ScriptResult:
        """Run a script on the host as the SSM agent does: from a file, whose first line names the shell.

        Parameters
        ----------
        privileged
            Run with every right inside the host, so that a fault can mount a small disk or a read-only one. The
            commands of runbooks never run like that.
        started
            Set once the script runs.
        cancelled
            Ends the script once it is set.
        """
        if self.sandbox is Sandbox.NONE:
            text = f"Nothing was run on {self.name}: this machine has no sandbox. The script would have been:\n{script}"
            return ScriptResult(exit_code=-1, stdout=text, stderr="", executed=False)
        launcher = 'f=/tmp/tmp.$$ && cat > "$f" && chmod 700 "$f" && sh -c "$f" < /dev/null; s=$?; rm -f "$f"; exit $s'
        process = self._enter(["sh", "-c", launcher], environment or {}, privileged=privileged)
        self._running.add(process)
        if started:
            started.set()
        try:
            return _follow(process, script.encode(), timeout_seconds, cancelled or threading.Event())
        finally:
            self._running.discard(process)

    def close(self) -> None:
        """End the host and all its processes."""
        for process in list(self._running):
            _kill_group(process)
        if self._holder is None:
            return
        if self._holder.stdin:
            self._holder.stdin.close()
        try:
            self._holder.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self._holder.kill()
            self._holder.wait()

    def _enter(
        self, command: list[str], environment: dict[str, str], *, privileged: bool = False
    ) -> subprocess.Popen[bytes]:
        """Start a command inside the host's namespaces; if `privileged`, with every right that exists there."""
        inside = {"PATH": _PATH, "HOME": "/root", "LANG": "C.UTF-8", "USER": "root", **environment}
        return subprocess.Popen(
            [
                *_as_user(self._uid),
                *("nsenter", "--target", str(self._pid), "--user", "--mount", "--pid", "--net", "--ipc", "--uts"),
                *("--preserve-credentials", "--"),
                *(() if privileged else ("setpriv", "--no-new-privs", "--bounding-set=-all", "--")),
                *("prlimit", *_LIMITS, "--", "env", "-i", *(f"{key}={value}" for key, value in inside.items())),
                *command,
            ],
            start_new_session=True,
            **_PIPES,
        )


class Hosts:
    """The hosts of a stack or a test.

    Parameters
    ----------
    sandbox
        The kind of isolation; None means the best kind that works on this machine.
    """

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        self._wanted = list(Sandbox) if sandbox is None else [sandbox]
        self._hosts: list[Host] = []
        self.problems: list[str] = []
        """The reasons why better kinds of isolation do not work on this machine."""

    @property
    def sandbox(self) -> Sandbox:
        """The kind of isolation in use, which is known once the first host has been started."""
        return self._wanted[0]

    def start(self, name: str, tags: dict[str, str] | None = None) -> Host:
        """Start a new host with an empty disk at /data."""
        number = len(self._hosts) + 11
        instance_id = f"i-0f1e57{number:011x}"
        while True:
            kind = self._wanted[0]
            host = Host(name, instance_id, f"10.0.0.{number}", tags or {}, kind)
            problem = None if kind is Sandbox.NONE else _start(host, kind)
            if problem is None:
                break
            self.problems.append(f"{kind}: {problem}")
            self._wanted = self._wanted[1:] or [Sandbox.NONE]
        self._hosts.append(host)
        return host

    def close(self) -> None:
        """End every host."""
        for host in self._hosts:
            host.close()


def _follow(
    process: subprocess.Popen[bytes], stdin: bytes, timeout_seconds: float, cancelled: threading.Event
) -> ScriptResult:
    """Wait for a script's end and return its result; kill it when its time is over or it is cancelled.

    `process` is the shell on the host, and `stdin` the script, which it reads from its standard input.
    """
    deadline = time.monotonic() + timeout_seconds
    data: bytes | None = stdin
    while True:
        try:
            out, err = process.communicate(data, timeout=min(0.5, max(0.01, deadline - time.monotonic())))
            return ScriptResult(process.returncode, _text(out), _text(err))
        except subprocess.TimeoutExpired:
            data = None
            if cancelled.is_set() or time.monotonic() >= deadline:
                break
    _kill_group(process)
    out, err = process.communicate()
    return ScriptResult(-1, _text(out), _text(err), timed_out=not cancelled.is_set())


def _start(host: Host, kind: Sandbox) -> str | None:
    """Start a host's first process; return None, or the problem if it does not start."""
    tools = ["nsenter", "setpriv", "prlimit", "bwrap" if kind is Sandbox.BUBBLEWRAP else "unshare"]
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        return f"{', '.join(missing)} is not installed"
    problem: str | None = None
    for uid in _users():
        problem = _start_as(uid, host, kind)
        if problem is None:
            break
    return problem


def _start_as(uid: int | None, host: Host, kind: Sandbox) -> str | None:
    read_end, write_end = os.pipe()
    is_bubblewrap = kind is Sandbox.BUBBLEWRAP
    command = _bubblewrap(host.name, write_end) if is_bubblewrap else _namespaces(host.name)
    holder = subprocess.Popen([*_as_user(uid), *command], pass_fds=[write_end], **_PIPES)
    os.close(write_end)
    watchdog = threading.Timer(_START_SECONDS, holder.kill)
    watchdog.start()
    try:
        with os.fdopen(read_end, "rb") as info:
            told = info.read() if is_bubblewrap else b""
        ready = holder.stdout.readline() if holder.stdout else b""
    finally:
        watchdog.cancel()
    if ready.strip() != b"ready":
        holder.kill()
        _, error = holder.communicate()
        return _text(error).strip() or "it ended at once"
    for pipe in (holder.stdout, holder.stderr):
        if pipe:
            pipe.close()
    host._holder, host._uid = holder, uid
    host._pid = json.loads(told)["child-pid"] if told else _only_child(holder.pid)
    return _furnish(host)


def _furnish(host: Host) -> str | None:
    """Copy `HOST_FILES` into a host and write its users and name; return None, or the problem if that fails."""
    accounts = "echo root:x:0:0:root:/root:/bin/sh > /etc/passwd && echo root:x:0: > /etc/group"
    script = (
        f"mkdir -p {' '.join(_FOLDERS)} && chmod 1777 /tmp && tar -xf - -C /opt/host --no-same-owner"
        f" && chmod 755 /opt/host/bin/* && {accounts} && echo {host.name} > /etc/hostname"
    )
    process = host._enter(["sh", "-c", script], {})
    _, error = process.communicate(_host_files(), timeout=_START_SECONDS)
    return None if process.returncode == 0 else _text(error)


@cache
def _host_files() -> bytes:
    """Return `HOST_FILES` as an archive (tar)."""
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(HOST_FILES, arcname=".")
    return archive.getvalue()


def _bubblewrap(name: str, info_fd: int) -> list[str]:
    programs: list[str] = []
    for folder in _PROGRAMS:
        path = Path("/") / folder
        if path.is_symlink():
            programs += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            programs += ["--ro-bind", str(path), str(path)]
    # The kernel's switches are this machine's, and a host's real root could turn them.
    switches = [f"/proc/{part}" for part in ("sys", "irq", "bus", "fs", "sysrq-trigger")]
    read_only = [argument for part in switches for argument in ("--ro-bind-try", part, part)]
    # The command is the host's first process (--as-pid-1): when it ends, the kernel ends all others with it.
    return [
        *("bwrap", "--unshare-all", "--unshare-user", "--uid", "0", "--gid", "0", "--hostname", name),
        *("--new-session", "--as-pid-1", "--clearenv", "--ro-bind", "/usr", "/usr", *programs),
        *("--ro-bind-try", "/etc/alternatives", "/etc/alternatives"),
        *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"),
        *("--proc", "/proc", *read_only, "--dev", "/dev", "--size", str(DATA_BYTES), "--tmpfs", "/data"),
        *("--info-fd", str(info_fd), "--", "/bin/sh", "-c", _FIRST_PROCESS),
    ]


def _namespaces(name: str) -> list[str]:
    script = _NAMESPACES + _FIRST_PROCESS
    # Every user can reach this empty folder. Each host mounts its own root over it, in its own namespace.
    mount_point = Path(tempfile.gettempdir()) / f"firstline-host-{os.getuid()}"
    mount_point.mkdir(mode=0o755, exist_ok=True)
    return [
        *("unshare", "--user", "--map-root-user", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork"),
        *("--kill-child=KILL", "sh", "-c", script, "sh", str(mount_point), str(DATA_BYTES), name),
    ]


def _users() -> list[int | None]:
    """Return the user ids to try for a host's processes, in order: that of `nobody` if we are root, then None (us)."""
    with suppress(KeyError):
        if os.geteuid() == 0:
            return [pwd.getpwnam("nobody").pw_uid, None]
    return [None]


def _as_user(uid: int | None) -> tuple[str, ...]:
    """Return the words before a command that run it as a user; None means our own user.

    Popen could do it, too, but would then copy this process for each command (fork) instead of sharing it (vfork).
    """
    return () if uid is None else ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--")


def _only_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")
