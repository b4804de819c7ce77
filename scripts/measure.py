"""Printer of the source's size: lines, states, JSONata, complexity, handlers, Protocols, parameters.

Source lines are radon's SLOC of Python plus YAML lines that are neither blank nor a comment. Eval cases and generated
documents do not count.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml
from radon.complexity import cc_visit
from radon.raw import analyze

ROOT = Path(__file__).parents[1]
FOLDERS = ("functions", "layers", "cli", "local", "evals", "statemachine")
TEMPLATES = ("template.yaml", "observability.yaml")
WORST = 5


def main() -> None:
    """Measure the source and print one line for each number."""
    python = {path: path.read_text() for path in _files("*.py")}
    definitions = [*(path for path in _files("*.yaml") if "cases" not in path.parts), *map(ROOT.joinpath, TEMPLATES)]
    python_lines = sum(analyze(text).sloc for text in python.values())
    yaml_lines = sum(map(_yaml_lines, definitions))
    _print("source lines", python_lines + yaml_lines, f"(Python {python_lines}, YAML {yaml_lines})")
    for machine in sorted((ROOT / "statemachine").glob("*.asl.yaml")):
        text = machine.read_text()
        jsonata = sum(map(len, re.findall(r"\{%.*?%\}", text, re.DOTALL)))
        _print(machine.name, len(yaml.safe_load(text)["States"]), f"states, {jsonata} characters of JSONata")
    for complexity, where in sorted(_complexities(python), reverse=True)[:WORST]:
        _print("complexity", complexity, where)
    handlers = [path for path in python if path.name == "app.py"]
    _print("longest handler", *max((len(python[path].splitlines()), path.parent.name) for path in handlers))
    _print_classes(text for path, text in python.items() if ROOT / "layers" in path.parents)
    section = re.search(r"^Parameters:\n(.*?)^\S", (ROOT / "template.yaml").read_text(), re.MULTILINE | re.DOTALL)
    _print("template parameters", len(re.findall(r"^  \w+:", section[1], re.MULTILINE)) if section else 0)


def _print_classes(sources: Iterable[str]) -> None:
    nodes = [node for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
    _print("Protocols", sum(ast.unparse(base).startswith("Protocol") for node in nodes for base in node.bases))
    twice = sorted(name for name, count in Counter(node.name for node in nodes).items() if count > 1)
    _print("class names used twice", len(twice), ", ".join(twice))


def _print(name: str, number: int, rest: str = "") -> None:
    print(f"{name:23} {number:6} {rest}".rstrip())


def _files(pattern: str) -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob(pattern))]


def _yaml_lines(path: Path) -> int:
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in path.read_text().splitlines())


def _complexities(python: dict[Path, str]) -> list[tuple[int, str]]:
    return [
        (block.complexity, f"{path.relative_to(ROOT)}:{block.lineno} {block.name}")
        for path, text in python.items()
        for block in cc_visit(text)
    ]


if __name__ == "__main__":
    main()
