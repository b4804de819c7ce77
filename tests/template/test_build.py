"""The output of `sam build`, run on its own: `make build-both` builds it, into .cache/build.

boto3 comes with Lambda's runtime, so it stands apart here too.
"""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from tests.support import needs

FUNCTIONS = ["Ingest", "Classify", "Remediate", "Escalate", "Notify", "Respond", "Console", "Reconcile", "Publish"]
LAMBDA_BRINGS = ("boto3", "botocore", "s3transfer", "dateutil", "jmespath", "urllib3", "six")
LIMIT_BYTES = 250 * 1024**2
"""The unpacked size that Lambda allows a function with its layers."""

# Neither the site nor the environment of this Python: only what is given, and its standard library.
IMPORT = """
import sys
sys.path[:0] = sys.argv[1:]
import app
assert callable(app.handler)
allowed = (sys.prefix, sys.base_prefix, *sys.argv[1:])
files = [getattr(m, "__file__", None) for m in sys.modules.values()]
assert not [f for f in files if f and not f.startswith(allowed)], files
assert not [f for f in files if f and "site-packages" in f], files
"""

RENDER = """
import sys
sys.path[:0] = sys.argv[1:]
from firstline.console import approval_page
print(approval_page.refusal("reason", "incident", "<title>"))
"""


def folder(architecture: str) -> Path:
    """Return the folder of what was built for an architecture; skip the test if there is none."""
    needs.require(f"built for {architecture}")
    return needs.built(architecture)


def template(built: Path) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml_parse((built / "template.yaml").read_text())
    return parsed


def layer_folders(built: Path, noun: str) -> Iterator[Path]:
    """Return the folders in which a function's layers were built, the shared one last."""
    parsed = template(built)
    shared = parsed["Globals"]["Function"]["Layers"]
    own = parsed["Resources"][f"{noun}Function"]["Properties"].get("Layers", [])
    for layer in [*own, *shared]:
        yield (built / parsed["Resources"][layer["Ref"]]["Properties"]["ContentUri"]).resolve()


@pytest.fixture(scope="session")
def lambdas_own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with copies of the packages of Lambda's Python runtime alone."""
    brought = tmp_path_factory.mktemp("runtime")
    for name in LAMBDA_BRINGS:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        whole = origin.parent if origin.name == "__init__.py" else origin
        (brought / whole.name).symlink_to(whole)
    return brought


@pytest.mark.parametrize("noun", FUNCTIONS)
def test_a_handler_imports_from_what_was_built_alone(noun: str, lambdas_own: Path) -> None:
    run_in_what_was_built(IMPORT, noun, lambdas_own)


def test_the_approval_page_is_rendered_from_what_was_built_alone(lambdas_own: Path) -> None:
    page = run_in_what_was_built(RENDER, "Respond", lambdas_own)

    assert "<h1>&lt;title&gt;</h1>" in page


def run_in_what_was_built(program: str, noun: str, lambdas_own: Path) -> str:
    """Return what a program prints that finds a function, its layers and Lambda's own packages, and nothing else."""
    built = folder({"AMD64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()))
    packages = [str(layer / "python") for layer in layer_folders(built, noun) if (layer / "python").exists()]
    paths = [str(built / f"{noun}Function"), *packages, str(lambdas_own), str(lambdas_own.resolve())]
    names = {"POWERTOOLS_SERVICE_NAME": "any", "POWERTOOLS_METRICS_NAMESPACE": "any", "AWS_DEFAULT_REGION": "eu-west-1"}

    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, *paths],
        env={"PATH": os.environ["PATH"], **names},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize(("architecture", "machine"), [("arm64", 0xB7), ("x86_64", 0x3E)])
def test_compiled_modules_are_built_for_their_architecture(architecture: str, machine: int) -> None:
    built = folder(architecture)

    binaries = list(built.rglob("*.so"))

    assert binaries
    # e_machine of the ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
    assert {int.from_bytes(binary.read_bytes()[18:20], "little") for binary in binaries} == {machine}


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
@pytest.mark.parametrize("noun", FUNCTIONS)
def test_a_function_with_its_layers_fits_into_lambdas_limit(architecture: str, noun: str) -> None:
    built = folder(architecture)
    folders = [built / f"{noun}Function", *layer_folders(built, noun)]

    size = sum(file.stat().st_size for root in folders for file in root.rglob("*") if file.is_file())

    assert size < LIMIT_BYTES / 2, "half of what Lambda takes is enough"


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_every_module_of_a_layer_has_its_bytecode(architecture: str) -> None:
    for layer in layer_folders(folder(architecture), "Classify"):
        sources = [source for source in (layer / "python").rglob("*.py") if "cpython" not in source.name]
        for source in sources:
            assert (source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc").exists(), source


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_what_is_deployed_has_no_aliases_and_finds_the_documents(architecture: str) -> None:
    built = folder(architecture)

    kinds = {type(token).__name__ for token in yaml.scan((built / "template.yaml").read_text())}

    # CloudFormation refuses aliases: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
    assert not {"AliasToken", "AnchorToken"} & kinds
    documents = template(built)["Resources"]["Documents"]["Properties"]["TemplateURL"]
    assert (built / documents).read_text().count("AWS::SSM::Document") > 5
