"""Programs that each run in a fork of one new interpreter, which imports once what all of them need.

To import botocore, pydantic and typer takes half a second, a fork takes milliseconds. What a program itself imports is
as new to it as in an interpreter of its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_MOTHER = """
import importlib, json, os, sys, tempfile
given = json.load(sys.stdin)
for name in given["imports"]:
    importlib.import_module(name)
ran = []
for arguments in given["runs"]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = ["program", *arguments]
            exec(given["program"], {"__name__": "__main__"})
            sys.exit()
        _, status = os.waitpid(child, 0)
        written = []
        for file in (out, err):
            file.seek(0)
            written.append(file.read().decode())
        ran.append([arguments, os.waitstatus_to_exitcode(status), *written])
json.dump(ran, sys.stdout)
"""


def run_forked(
    program: str,
    runs: Sequence[Sequence[str]],
    *,
    imports: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str] | None = None,
) -> list[subprocess.CompletedProcess[str]]:
    """Run a program once with each of several lists of arguments, and return how each run ended.

    Parameters
    ----------
    program
        The source, which reads its arguments from `sys.argv[1:]`.
    imports
        The modules that every run imports anyway, or that cannot change what the test is about.
    cwd
        The working directory of every run.
    environment
        Variables beside those of this process.
    """
    done = subprocess.run(
        [sys.executable, "-c", _MOTHER],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
        input=json.dumps({"program": program, "runs": [list(arguments) for arguments in runs], "imports": imports}),
        capture_output=True,
        text=True,
        check=True,
    )
    return [subprocess.CompletedProcess(*ended) for ended in json.loads(done.stdout)]
