"""The check of a folder of runbooks as a set, before anything is deployed: `make runbooks-check`."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from firstline.errors import ConfigurationError
from firstline.policy.remediation import load_remediation_policy
from firstline.remediation.plan import parameter_values
from firstline.runbooks import catalogue, documents
from firstline.runbooks.catalogue import Catalogue, Problem
from firstline.runbooks.match import offered
from firstline.runbooks.model import Runbook
from firstline_cli.lint.scripts import danger_problems, problem_at, shellcheck_problems
from firstline_cli.policies import FIRING_SOURCES, unknown_source

TEMPLATE = Path("documents/template.yaml")
SCHEMA = Path("schema.json")
POLICY = Path("policy/remediation.yaml")
SHORTEST_DESCRIPTION = 60
_RENDER = "is out of date; run `make runbooks` and commit the result"


def check(folder: Path) -> list[Problem]:
    """Return the problems of a folder's runbooks and policy.

    If there are none, return a problem for each generated file in the folder that is missing or outdated.
    """
    runbooks, problems = read_checked(folder)
    return problems or _outdated(folder, Catalogue(runbooks))


def _outdated(folder: Path, runbooks: Catalogue) -> list[Problem]:
    return [
        Problem(str(path), _RENDER)
        for path, text in rendered(runbooks).items()
        if not (folder / path).is_file() or (folder / path).read_text(encoding="utf-8") != text
    ]


def read_checked(folder: Path) -> tuple[list[Runbook], list[Problem]]:
    """Return the runbooks of a folder whose YAML is valid, and the problems found in the folder.

    Problems are wrong keys and examples, shellcheck's findings, dangerous commands, a broken remediation.yaml, and more
    SSM documents than fit into a CloudFormation template.
    """
    runbooks, problems = catalogue.read(folder)
    for runbook in runbooks:
        problems += problems_of(runbook, folder, runbooks)
    count = sum(1 for runbook in runbooks if not runbook.is_off for _ in runbook.commands())
    if count > documents.MAX_DOCUMENTS:
        message = f"{count} documents, and a template takes {documents.MAX_DOCUMENTS}; give some runbooks the mode off"
        problems.append(Problem(str(TEMPLATE), message))
    try:
        if (folder / POLICY).parent.is_dir():
            load_remediation_policy(folder / POLICY)
    except ConfigurationError as error:
        problems.append(Problem(str(POLICY), str(error)))
    return runbooks, problems


def problems_of(runbook: Runbook, folder: Path, runbooks: list[Runbook]) -> Iterator[Problem]:
    """Report the problems of one runbook of a folder beside all `runbooks` of the folder."""
    text = (folder / f"{runbook.id}.yaml").read_text(encoding="utf-8")
    yield from _description_problems(runbook, text)
    yield from example_problems(runbook, text, runbooks)
    yield from source_problems(runbook, text)
    yield from shellcheck_problems(runbook, text)
    yield from danger_problems(runbook, text)


def rendered(runbooks: Catalogue) -> dict[Path, str]:
    """Return the text of each file that is generated from runbooks, by its path in the runbooks folder."""
    return {TEMPLATE: documents.render_template(runbooks), SCHEMA: catalogue.schema()}


def _description_problems(runbook: Runbook, text: str) -> Iterator[Problem]:
    """Report a runbook whose description is too short for approvers, at the line of its YAML (`text`)."""
    if len(runbook.description) < SHORTEST_DESCRIPTION:
        message = "say in a few sentences what it does, what it never touches, and when it gives up"
        yield problem_at(runbook, text, ("description",), message)


def source_problems(runbook: Runbook, text: str) -> Iterator[Problem]:
    """Report each name under a runbook's `match.sources` that is no source of alerts, such as a misspelled one.

    `text` is the runbook's YAML, in which the names' lines are found.
    """
    for number, source in enumerate(runbook.match.sources):
        if source not in FIRING_SOURCES:
            yield problem_at(runbook, text, ("match", "sources", number), unknown_source(source))


def example_problems(runbook: Runbook, text: str, runbooks: list[Runbook]) -> Iterator[Problem]:
    """Report the examples that a runbook does not fulfil, at the lines of its YAML (`text`).

    For an alert that must match, this runbook must come first among all `runbooks`, and its parameters must accept the
    alert's values. An alert that must not match must not be offered this runbook.
    """
    problem = partial(problem_at, runbook, text)
    if not runbook.examples.match:
        yield problem(("examples", "match"), "no alert that must match; add one, as in {alert: SpoolFull}")
    if not runbook.examples.no_match:
        message = "no alert that must not match; add the most similar one that this runbook would not help"
        yield problem(("examples", "no_match"), message)
    # A runbook that is off is checked as if it were on, because people may switch it on later.
    awake = runbook.model_copy(update={"mode": "shadow"})
    catalogue_with_it = Catalogue([awake if other is runbook else other for other in runbooks])
    for location, example, must_match in runbook.examples.located():
        alert = example.as_alert()
        ids = [fitting.id for fitting in offered(catalogue_with_it, alert)]
        if not must_match:
            if runbook.id in ids:
                yield problem(location, f"{example.alert!r} matches; narrow match until it does not")
        elif runbook.id not in ids:
            yield problem(location, f"{example.alert!r} does not match; add it to match, or correct the example")
        elif ids[0] != runbook.id:
            message = (
                f"{example.alert!r} goes to the runbook {ids[0]} first; make match more exact here, or less exact there"
            )
            yield problem(location, message)
        elif wrong := parameter_values(runbook, alert)[1]:
            yield problem(location, f"{example.alert!r} matches, but no plan could be made: {wrong}")
