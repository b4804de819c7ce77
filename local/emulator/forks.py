"""Processes of functions, forked from one that has imported their libraries, which spares them most of a cold start.

Each has an environment, a working directory and files of its own; only libraries and the layers' packages were imported
before the fork, nothing of the function. Where the kernel has no pidfd (other systems than Linux), each process is
started anew.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_PIDFD = hasattr(os, "pidfd_open")
_TITLE = "-" * 400
"""A placeholder argument, which makes room for the arguments of a function in the output of `ps`."""


class Forked:
    """A forked process with the methods of `subprocess.Popen` that the emulator uses."""

    def __init__(self, stdin: BinaryIO, told: BinaryIO) -> None:
        self.stdin = stdin
        self._told = told
        self._ended = threading.Event()
        self.returncode: int | None = None
        self.pid = 0

    def follow(self) -> None:
        """Read the process id, and begin to wait for the end of the process.

        Raises
        ------
        ConnectionError
            The process that should have forked it has ended.
        """
        told = self._told.readline()
        if not told:
            self.stdin.close()
            self._told.close()
            raise ConnectionResetError(
                "The process from which functions are forked has ended: start the function again."
            )
        self.pid = int(told)
        threading.Thread(target=self._follow, daemon=True).start()

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process has ended and return its exit code; raise TimeoutExpired after `timeout` seconds."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        assert self.returncode is not None  # noqa: S101
        return self.returncode

    def kill(self) -> None:
        """Kill the process if it still runs."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _follow(self) -> None:
        with self._told:
            code = self._told.readline()
        if not code:  # the process that forked it is gone
            self.kill()
        self.returncode = int(code or -signal.SIGKILL)
        self._ended.set()


class Forks:
    """A starter of functions' processes. `environment` is that of the process which imports the libraries."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._server: tuple[subprocess.Popen[bytes], socket.socket] | None = None

    def begin(self) -> None:
        """Start the process that imports the libraries and from which functions are forked, unless it runs already."""
        with self._lock:
            if _PIDFD and self._server is None:
                ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    command = [sys.executable, str(BOOTSTRAP), _TITLE]
                    process = subprocess.Popen(command, env=self._environment, stdin=theirs.fileno())
                self._server = process, ours

    def start(
        self, arguments: list[str], *, folder: Path, environment: dict[str, str], log: BinaryIO
    ) -> "Forked | subprocess.Popen[bytes]":
        """Start a function's process and return it; `arguments` are those of bootstrap.py.

        `folder` is its working directory, and `log` the open file to which it writes its output and errors.
        """
        if not _PIDFD:
            return subprocess.Popen(
                [sys.executable, str(BOOTSTRAP), *arguments],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        request = json.dumps({"arguments": arguments, "folder": str(folder), "environment": environment}).encode()
        try:
            return self._fork(request, log)
        except ConnectionError:  # somebody killed the process from which functions are forked
            self.close()
            return self._fork(request, log)

    def close(self) -> None:
        """End the process from which functions are forked; `start` begins a new one."""
        with self._lock:
            if self._server is not None:
                process, requests = self._server
                requests.close()
                process.kill()  # it may still import
                process.wait(timeout=10)
            self._server = None

    def _fork(self, request: bytes, log: BinaryIO) -> Forked:
        self.begin()
        stdin, ours = os.pipe()
        told, teller = os.pipe()
        forked = Forked(os.fdopen(ours, "wb"), os.fdopen(told, "rb"))
        try:
            with self._lock:
                if self._server is None:
                    raise ConnectionResetError
                socket.send_fds(self._server[1], [request], [stdin, log.fileno(), teller])
        finally:
            os.close(stdin)
            os.close(teller)
            forked.follow()
        return forked
