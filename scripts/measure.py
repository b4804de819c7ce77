"""Print how large the source is: lines, states, JSONata, complexity, handlers, Protocols, parameters.

Source lines are radon's SLOC of Python plus YAML lines that are neither blank nor a comment, without docstrings, eval
cases and generated documents.
"""

import re
import sys
from ast import ClassDef, Name, Subscript, parse, walk
from collections import Counter
from pathlib import Path

import yaml
from radon.complexity import cc_visit
from radon.raw import analyze

ROOT = Path(__file__).parents[1]
FOLDERS = ("functions", "layers", "cli", "local", "evals", "statemachine")
TEMPLATES = ("template.yaml", "observability.yaml")


def main() -> None:
    python = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    definitions = [
        *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.yaml")) if "cases" not in path.parts),
        *(ROOT / name for name in TEMPLATES if (ROOT / name).exists()),
    ]
    python_lines = sum(analyze(path.read_text()).sloc for path in python)
    yaml_lines = sum(_yaml_lines(path.read_text()) for path in definitions)
    print(f"source lines            {python_lines + yaml_lines:6} (Python {python_lines}, YAML {yaml_lines})")
    for machine in sorted((ROOT / "statemachine").glob("*.asl.yaml")):
        text = machine.read_text()
        jsonata = sum(len(found) for found in re.findall(r"\{%.*?%\}", text, re.DOTALL))
        print(f"{machine.name:23} {len(yaml.safe_load(text)['States']):6} states, {jsonata} characters of JSONata")
    blocks = [
        (block.complexity, f"{path.relative_to(ROOT)}:{block.lineno} {block.name}")
        for path in python
        for block in cc_visit(path.read_text())
    ]
    for complexity, where in sorted(blocks, reverse=True)[:5]:
        print(f"complexity              {complexity:6} {where}")
    handlers = sorted(
        (len(path.read_text().splitlines()), path.parent.name) for path in (ROOT / "functions").rglob("app.py")
    )
    print(f"longest handler         {handlers[-1][0]:6} {handlers[-1][1]}")
    package = [path for path in python if (ROOT / "layers") in path.parents]
    classes = [
        (node.name, any(_named(base) == "Protocol" for base in node.bases))
        for path in package
        for node in walk(parse(path.read_text()))
        if isinstance(node, ClassDef)
    ]
    print(f"Protocols               {sum(is_protocol for _, is_protocol in classes):6}")
    twice = sorted(name for name, count in Counter(name for name, _ in classes).items() if count > 1)
    print(f"class names used twice  {len(twice):6} {', '.join(twice)}")
    print(f"template parameters     {len(_parameters()):6}")


def _named(base: object) -> str | None:
    if isinstance(base, Subscript):
        base = base.value
    return base.id if isinstance(base, Name) else None


def _yaml_lines(text: str) -> int:
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines())


def _parameters() -> set[str]:
    text = (ROOT / "template.yaml").read_text()
    section = re.search(r"^Parameters:\n(.*?)^\S", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^  (\w+):", section.group(1), re.MULTILINE)) if section else set()


if __name__ == "__main__":
    sys.exit(main())
