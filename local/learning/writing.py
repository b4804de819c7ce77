"""Write an incident's drafts into a folder, and say what is left for people to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.cases import read
from firstline.adapters.table import Table
from firstline.errors import FeedbackRefused
from firstline.runbooks.catalogue import Problem
from local.learning import case, postmortem, runbook
from local.learning.story import Story, tell


@dataclass(frozen=True)
class Drafts:
    """What was written, and what `runbooks check` says of the runbook, if there is one."""

    folder: Path
    case: Path
    runbook: Path | None
    problems: Sequence[Problem]


def write(table: Table, incident_id: str, folder: Path, runbooks: Path) -> Drafts:
    """Write the drafts. An eval case that would not load is an error of this module, and raised.

    Raises
    ------
    FeedbackRefused
        There is no such incident, it goes on, or the folder has something in it that somebody may have edited.
    """
    story = tell(table, incident_id)
    if folder.exists() and any(folder.iterdir()):
        raise FeedbackRefused(f"{folder} has drafts already, perhaps edited ones. Move them, or give --out.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "postmortem.md").write_text(postmortem.render(story), encoding="utf-8")
    cases = case.write(story, folder / "case")
    read(cases)
    draft = runbook.write(story, folder)
    problems = runbook.problems(draft, runbooks) if draft else []
    drafts = Drafts(folder, cases, draft, problems)
    (folder / "PULL_REQUEST.md").write_text(_pull_request(story, drafts), encoding="utf-8")
    return drafts


def _pull_request(story: Story, drafts: Drafts) -> str:
    incident = story.incident
    severity, told = story.severity()
    where = drafts.case.relative_to(drafts.folder / "case")
    lines = [
        f"# What {postmortem.plain(incident.alert.alert_name, 100)} taught",
        "",
        f"From incident `{incident.incident_id}`, which ended: {story.record.outcome}.",
        "",
        "- [ ] `postmortem.md`: the whys answered, every action item with an owner and a date",
        f"- [ ] `case/{where}` → `evals/cases/{where}`: the names of hosts, addresses, accounts, mail",
        "      addresses and links are changed; alerts, services and labels keep theirs: change what tells too much",
        f"- [ ] `truth.yaml` says {severity}, {'as people said' if told else 'which nobody has said: decide'}; then"
        " `make eval`, look at the verdict, `make eval ARGS=--accept`",
    ]
    if drafts.runbook:
        lines += [
            "- [ ] `runbook.yaml` → `runbooks/`: unreviewed, in shadow; its head lists what is to be filled in.",
            "      Then `make runbooks`, and `python -m local try <id>`",
            "",
            "What `runbooks check` says of the draft today:",
            "",
            *(f"- {postmortem.plain(str(problem))}" for problem in drafts.problems),
        ]
    return "\n".join(lines) + "\n"
