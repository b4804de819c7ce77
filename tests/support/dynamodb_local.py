"""Amazon's own DynamoDB Local, started for tests and measurements. It keeps its tables in memory."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from tests.support.needs import DYNAMODB_LOCAL


@contextmanager
def dynamodb_local(memory: str = "256m", *options: str) -> Iterator[str]:
    """Start DynamoDB Local with so much memory and further options of Java, and yield its address.

    Raises
    ------
    RuntimeError
        It ended, or does not listen within a minute; the message holds the end of what it printed.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [
        *("java", f"-Xmx{memory}", *options),
        f"-Djava.library.path={DYNAMODB_LOCAL / 'DynamoDBLocal_lib'}",
        *("-jar", "DynamoDBLocal.jar", "-inMemory", "-disableTelemetry", "-port", str(port)),
    ]
    with TemporaryFile() as output:
        process = subprocess.Popen(program, cwd=Path(DYNAMODB_LOCAL), stdout=output, stderr=subprocess.STDOUT)
        try:
            if not _listens(port, process):
                output.seek(0)
                printed = output.read()[-2000:].decode(errors="replace")
                ended = process.poll()
                state = "does not listen" if ended is None else f"ended with {ended}"
                raise RuntimeError(f"DynamoDB Local (port {port}) {state}; it printed:\n{printed}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    for _ in range(600):
        if process.poll() is not None:
            return False
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False
