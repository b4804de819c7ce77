"""Sources are registered by name, and imported when they are first used."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import firstline.sources
from firstline.errors import UnknownSource
from firstline.sources import READERS, SOURCES, normalize
from firstline_cli.init import questions, senders

FOLDER = Path(firstline.sources.__file__).parent
LAYER = FOLDER.parents[1]


def test_every_module_with_a_read_function_is_registered() -> None:
    readers = {file.stem for file in FOLDER.glob("*.py") if "\ndef read(" in file.read_text()}

    assert readers == set(READERS)


@pytest.mark.parametrize("source", READERS)
def test_every_source_module_has_read_and_authenticate(source: str) -> None:
    module = import_module(f"firstline.sources.{source}")

    assert callable(module.read)
    assert callable(module.authenticate)


@pytest.mark.parametrize("source", ["nagios", "", "body", "../generic", "x" * 10_000])
def test_an_unknown_source_is_refused_with_the_known_ones_in_a_short_message(source: str) -> None:
    with pytest.raises(UnknownSource, match=f"known are {SOURCES[0]}") as error:
        normalize(source, {})

    assert len(str(error.value)) < 200


def test_importing_the_package_imports_no_source_module() -> None:
    code = (
        "import sys; import firstline.sources; "
        "print(*sorted(m for m in sys.modules if m.startswith(('firstline.', 'cryptography', 'boto3', 'aws_'))))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(LAYER)}
    )

    assert [name for name in answer.stdout.split() if not name.startswith("firstline.models.")] == [
        "firstline.errors",
        "firstline.models",
        "firstline.sources",
        "firstline.sources.authentication",
        "firstline.sources.links",
        "firstline.sources.reading",
        "firstline.sources.severity",
        "firstline.sources.values",
        "firstline.text",
    ]


def test_the_command_line_offers_and_explains_every_source() -> None:
    assert set(questions.SOURCES) == {*SOURCES, "deployments"}
    assert all(senders.instructions(source, "https://api.example", "t0ken") for source in SOURCES)
