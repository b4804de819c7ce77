"""A small graph of causes as a draft for people to correct: causes, effects, the evidence, and how sure each link is.

The graph finds no cause; it only shows what is on record. Deployments and the verdict's cause are guesses until people
say otherwise; a runbook's act and a person's note are on record.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

from firstline.classification.evidence import suspects
from firstline.classification.feedback import last_words, said_wrong_cause
from firstline.privacy.safe_text import safe_line
from firstline.reports.periods import resolved_after
from firstline.text import count, in_words
from firstline_cli.learn.story import Story
from firstline_cli.learn.templates import Verbatim

type Sure = Literal["guess", "observed", "on record", "said", "open"]
"""The certainty of a link. `observed`: seen at the time, which does not prove a cause; `said`: a person wrote it;
`open`: people have to fill it in."""

MOST_CHARS = 90
MOST_OBSERVED = 3
BLANK = "…"

_CODES = str.maketrans({character: f"#{ord(character)};" for character in '"#<>|`%&;{}[]\\:'})
"""The escapes of Mermaid, with which no text becomes a part of the graph, a link or a directive."""


class Link(NamedTuple):
    """One arrow of the graph, from a cause to its effect, with the evidence and how sure it is."""

    cause: str
    effect: str
    evidence: str
    sure: Sure


def links(story: Story) -> list[Link]:
    """Return the arrows of an incident's graph: from causes to the problem, on to its impact, from fixes to its end."""
    return [*_to_the_problem(story), *_from_the_problem(story), *_to_the_end(story)]


def mermaid(found: Sequence[Link]) -> Verbatim:
    """Return the graph in Mermaid's language; an arrow is solid if it is on record or a person said so, else dotted."""
    names = {
        text: f"n{number}" for number, text in enumerate(dict.fromkeys(text for link in found for text in link[:2]))
    }
    lines = ["flowchart LR"]
    lines += [f'  {name}["{_label(text)}"]' for text, name in names.items()]
    for link in found:
        arrow = "-.->" if link.sure in ("guess", "observed", "open") else "-->"
        lines.append(f'  {names[link.cause]} {arrow}|"{_label(f"{link.sure}: {link.evidence}")}"| {names[link.effect]}')
    return Verbatim("\n".join(lines))


def _to_the_problem(story: Story) -> Iterator[Link]:
    record, incident, problem = story.record, story.incident, _problem(story)
    wrong = said_wrong_cause(last_words(record.feedback))
    for deployment in suspects(incident, story.evidence):
        before = f"{in_words(incident.opened_at - deployment.deployed_at)} before, of the same service"
        doubt = f", but {wrong[-1].by} called the verdict's cause wrong" if wrong else ""
        yield Link(f"{deployment.service} {deployment.version} was deployed", problem, f"{before}{doubt}", "guess")
    verdict = record.classification
    if verdict is not None and verdict.cause.strip() and not verdict.cause.startswith("Unknown"):
        yield Link(verdict.cause, problem, f"the verdict, by {verdict.decided_by}", "guess")
    for line in (verdict.evidence if verdict else [])[:MOST_OBSERVED]:
        yield Link(line, problem, "read when it was judged", "observed")


def _from_the_problem(story: Story) -> Iterator[Link]:
    record, problem = story.record, _problem(story)
    yield Link(problem, f"Impact: {BLANK}", BLANK, "open")
    if record.pages and record.acknowledged_at is None:
        lasted = f"It lasted {in_words(resolved_after(record))}"
        yield Link("Nobody answered a page", lasted, count(len(record.pages), "page"), "on record")


def _to_the_end(story: Story) -> Iterator[Link]:
    record = story.record
    over = "It is over"
    if record.plan is not None and any(result.kind == "act" and result.changed for result in record.results):
        held = any(result.kind == "verify" and result.status == "Success" for result in record.results)
        how = "its verification held" if held else "no verification held"
        yield Link(f"Runbook {record.plan.runbook_id} acted", over, how, "on record" if held else "guess")
    for note in record.notes:
        text = next((line.strip() for line in note.text.splitlines() if line.strip()), "")
        yield Link(text, over, f"{note.by} wrote it", "said")


def _problem(story: Story) -> str:
    place = ", ".join(story.incident.hosts) or story.incident.alert.service
    late = story.incident.opened_at - story.incident.alert.timestamp
    since = f", {in_words(late)} before it was detected" if late > timedelta(minutes=1) else ""
    return f"{story.incident.alert.alert_name}{f' on {place}' if place else ''}{since}"


def _label(text: str) -> str:
    return safe_line(text, MOST_CHARS).translate(_CODES).replace("@", "@\u2060")
