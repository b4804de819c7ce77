"""A stand-in for `sam` that deploys nothing, keeps how it was called, and leaves what a build leaves."""

import os
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PROGRAM = """#!/usr/bin/env bash
printf '%s\\0' "$@" >> "$FAKE_SAM/calls"
printf '\\n\\0' >> "$FAKE_SAM/calls"
[ "$1" != build ] || mkdir -p .aws-sam/build/{CoreLayer,LlmLayer}/python
[ ! -e "$FAKE_SAM/fails-to-$1" ]
"""


class FakeSam:
    """A checkout to deploy from whose `sam` is a stand-in that keeps its calls."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checkout = folder / "checkout"
        self._bin = folder / "bin"
        self._bin.mkdir(parents=True)
        (self._bin / "sam").write_text(_PROGRAM)
        (self._bin / "sam").chmod(0o755)
        self.checkout.mkdir()
        for name in ("template.yaml", "observability.yaml", "samconfig.toml", "scripts", "layers", "functions"):
            (self.checkout / name).symlink_to(ROOT / name)
        (self.checkout / "statemachine").symlink_to(ROOT / "statemachine")
        # One runbook: it takes seconds to check them all.
        (self.checkout / "runbooks").mkdir()
        for name in ("low-disk.yaml", "policy"):
            (self.checkout / "runbooks" / name).symlink_to(ROOT / "runbooks" / name)
        monkeypatch.setenv("PATH", f"{self._bin}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setenv("FAKE_SAM", str(self._bin))

    def fails_to(self, command: str) -> None:
        """Let a command of sam fail from now on."""
        (self._bin / f"fails-to-{command}").touch()

    def mends(self, command: str) -> None:
        """Let a command of sam work again."""
        (self._bin / f"fails-to-{command}").unlink()

    @property
    def calls(self) -> list[list[str]]:
        """Return the arguments of each call so far."""
        file = self._bin / "calls"
        written = file.read_text().split("\0\n\0")[:-1] if file.exists() else []
        return [call.split("\0") for call in written]

    @property
    def words(self) -> list[str]:
        """Return the command of each call so far."""
        return [call[0] for call in self.calls]

    def parameters(self, command: str) -> dict[str, str]:
        """Return the parameters in the last call of a command, by name."""
        call = [call for call in self.calls if call[0] == command][-1]
        after = call[call.index("--parameter-overrides") + 1 :]
        given = list(takewhile(lambda word: not word.startswith("--"), after))
        return {name: value.strip('"') for name, _, value in (word.partition("=") for word in given)}
