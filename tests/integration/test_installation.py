"""The command `firstline` as `pip install .` leaves it: with all its modules and files, and without the checkout's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firstline.runbooks.catalogue import Catalogue, read
from firstline_cli.lint import check
from tests.integration.conftest import ROOT

SOURCES = ("pyproject.toml", "LICENSE", "cli", "layers/core", "local", "evals")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that it is installed into."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "cases"))
        else:
            shutil.copy(ROOT / name, source / name)
    install = ("-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--no-build-isolation")
    where = ("--python", sys.executable, "--target", str(target))
    done = subprocess.run(
        [sys.executable, *install, *where, str(source)], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return target


def firstline(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [installed / "bin" / "firstline", *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one runbook: it takes seconds to check them all."""
    folder = tmp_path / "checkout"
    (folder / "docs").mkdir(parents=True)
    (folder / "runbooks").mkdir()
    for name in ("samconfig.toml", "runbooks/low-disk.yaml", "runbooks/policy"):
        (folder / name).symlink_to(ROOT / name)
    for path, text in check.rendered(Catalogue(read(folder / "runbooks")[0])).items():
        (folder / "runbooks" / path).parent.mkdir(exist_ok=True)
        (folder / "runbooks" / path).write_text(text)
    return folder


def test_in_a_checkout_the_installed_command_reads_its_runbooks_and_rules(installed: Path, checkout: Path) -> None:
    runbooks = firstline(installed, checkout / "docs", "runbooks", "check")
    assert (runbooks.returncode, runbooks.stderr) == (0, "")
    assert runbooks.stdout.endswith("The runbooks are sound, and their documents are up to date.\n")
    rules = firstline(installed, checkout / "docs", "rules", "check")
    assert (rules.returncode, rules.stderr) == (0, "")


def test_elsewhere_the_installed_command_says_that_it_needs_a_checkout(installed: Path, tmp_path: Path) -> None:
    found = firstline(installed, tmp_path, "runbooks", "check")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == f"There are no runbooks in {tmp_path}: run this command in a checkout of Firstline.\n"


def test_all_that_the_command_imports_is_installed(installed: Path, tmp_path: Path) -> None:
    program = (
        "import sys, firstline_cli.main, firstline_cli.learn.writing, firstline_cli.lint.check\n"
        "ours = ('firstline', 'firstline_cli', 'local', 'evals')\n"
        "print(*{module.__file__ for name, module in sys.modules.items() if name.split('.')[0] in ours}, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files = done.stdout.splitlines()
    assert len(files) > 50
    assert [file for file in files if not file.startswith(f"{installed}/")] == []


def test_every_file_of_the_package_that_is_no_module_is_installed(installed: Path) -> None:
    core = ROOT / "layers" / "core" / "firstline"
    files = [
        path.relative_to(core.parent)
        for path in core.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts
    ]
    assert files
    assert [str(file) for file in files if not (installed / file).exists()] == []


def test_nobody_waits_for_the_imports_of_another_command() -> None:
    program = (
        "import sys, firstline_cli.main, firstline_cli.incidents\n"
        "rooms = [name for name in sys.modules if name.startswith('firstline.')]\n"
        "print(*{'boto3', 'rich', 'pydantic', 'yaml'} & set(sys.modules), *rooms)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT / "cli"
    )
    assert (done.stdout.strip(), done.stderr) == ("", "")
