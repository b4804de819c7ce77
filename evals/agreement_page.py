"""Agreement with the authors of public rules, as a page."""

from collections.abc import Sequence
from html import escape

from evals import charts
from evals.agreement import Agreement, Comparison
from evals.console import voices
from evals.html import card, cards, document, heat, table, td, th
from evals.public_rules import LEVELS


def render(found: Comparison) -> str:
    """The page. Everything in it that comes from a rule is escaped."""
    whole = found.parts[0]
    parts = [
        f"<h1>Do authors of {whole.rules} public rules agree with the lexicon?</h1>",
        "<p>Their severities are hidden from it. Its points were set with the <i>seen</i> half of the repositories; "
        "the other half was only counted. <i>always</i> says what is most common there; <i>learned</i> knows the "
        "other repositories' rules. docs/evals.md says more.</p>",
        card(_voices(found.parts)),
        _authors(found),
        "<h2>What was said for what</h2><p>Rows: what the author chose. Columns: what was said.</p>",
        cards([(f"{one.title} ({one.rules})", heat(one.confusion, LEVELS)) for one in found.parts]),
        "<h2>By level</h2>",
        cards(
            [
                (one.title, charts.bars([(c.name, c.f1, c.support) for c in one.per_class], "F1 by level"))
                for one in found.parts
            ]
        ),
        "<h2>By repository</h2>",
        card(_voices(found.repositories)),
    ]
    return document("Firstline: agreement with public rules", parts)


def _authors(found: Comparison) -> str:
    if found.authors is None:
        return ""
    return (
        f"<p>Authors among themselves: {found.authors.rules} rules have a name that other repositories use too, and "
        f"{found.authors.same:.1%} of them the severity that is most common for it there.</p>"
    )


def _voices(parts: Sequence[Agreement]) -> str:
    rows = [voices(one) for one in parts]
    headings = [th(""), *(th(heading, number=True) for heading, _, _ in max(rows, key=len))]
    body = [[td(escape(one.title)), *(_cell(*cell) for cell in cells)] for one, cells in zip(parts, rows, strict=True)]
    return table([headings, *body], "wide")


def _cell(_: str, shown: str, better: bool | None) -> str:
    if better is not None:
        shown = f'<span class="{"good" if better else "bad"}">{shown}</span>'
    return td(shown, number=True)
