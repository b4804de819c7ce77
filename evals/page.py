"""The numbers as one HTML page that needs nothing else: no script, no font, no address."""

from collections.abc import Sequence
from html import escape

from evals import charts
from evals.baseline import Baseline
from evals.console import COUNTS, FREE, NUMBERS, change, ratio, spent
from evals.html import card, cards, document, heat, table, td, th
from evals.scoring import SEVERITIES, Result, Score
from firstline.classification.model import Price


def render(scores: Sequence[Score], before: Baseline, *, since: str = "the baseline", price: Price = FREE) -> str:
    """The page. Everything in it that comes from a case is escaped."""
    parts = [
        f"<h1>Firstline's verdicts on {len(scores[0].results)} cases</h1>",
        f"<p>In brackets: the change since {escape(since)}. docs/evals.md says what each number means.</p>",
        card(_headline(scores, before, price)),
        "<h2>By severity</h2>",
        cards([(one.classifier, charts.bars([(c.name, c.f1, c.support) for c in one.per_class])) for one in scores]),
        "<h2>What was said for what</h2><p>Rows: the truth. Columns: what was said.</p>",
        cards([(one.classifier, _confusion(one)) for one in scores]),
        "<h2>Is it as sure as it is right?</h2>",
        "<p>Each dot is a group of verdicts of like confidence, larger for more of them. On the line, confidence is "
        "the share that is right; below it, the classifier is too sure.</p>",
        cards(
            [(f"{one.classifier} (error {one.calibration_error:.3f})", charts.reliability(one.bins)) for one in scores]
        ),
        "<h2>By kind of case</h2>",
        card(_by_kind(scores)),
        "<h2>Cases</h2>",
        *(_cases(one, before, price) for one in scores),
    ]
    return document("Firstline: evals", parts)


def _headline(scores: Sequence[Score], before: Baseline, price: Price) -> str:
    rows = [[th(""), *(th(one.classifier, number=True) for one in scores)]]
    for key, words, more_is_better in NUMBERS:
        rows.append([td(escape(words)), *(_number(one, key, before, more_is_better) for one in scores)])
    rows.append([td("tokens"), *(td(f"{one.usage.tokens:,}", number=True) for one in scores)])
    rows.append(
        [
            td("model asked / no verdict"),
            *(td(f"{one.model_calls} / {one.no_verdicts}", number=True) for one in scores),
        ]
    )
    if price.is_known:
        rows.append([td("cost"), *(td(f"{price.of(one.usage).cost:.4f}", number=True) for one in scores)])
    return table(rows)


def _number(score: Score, key: str, before: Baseline, more_is_better: bool) -> str:
    value = score.headline()[key]
    shown = "–" if value is None else str(int(value)) if key in COUNTS else f"{value:.3f}"
    if key in COUNTS and value:
        shown = f'<b class="bad">{shown}</b>'
    moved = change(score, key, before)
    if moved is not None:
        shown += f' <span class="{"good" if (moved > 0) == more_is_better else "bad"}">({moved:+.3g})</span>'
    return td(shown, number=True)


def _confusion(score: Score) -> str:
    rows = [[th(""), th("precision", number=True), th("recall", number=True), th("F1", number=True)]]
    rows += [
        [
            td(one.name),
            td(ratio(one.precision), number=True),
            td(ratio(one.recall), number=True),
            td(ratio(one.f1), number=True),
        ]
        for one in score.per_class
    ]
    more = f"<details><summary>precision and recall</summary>{table(rows)}</details>"
    return heat(score.confusion, SEVERITIES) + more


def _by_kind(scores: Sequence[Score]) -> str:
    rows = [[th(""), th("cases", number=True), *(th(one.classifier, number=True) for one in scores)]]
    for kind, (_, count) in scores[0].by_kind.items():
        shares = (one.by_kind[kind][0] / count for one in scores)
        rows.append([td(escape(kind)), td(str(count), number=True), *(td(f"{one:.0%}", number=True) for one in shares)])
    return table(rows)


def _cases(score: Score, before: Baseline, price: Price) -> str:
    known = before[score.classifier].severities if score.classifier in before else {}
    wrong = sum(not one.right for one in score.results)
    rows = [[th(name) for name in ("case", "truth", "said", "cause", "runbook", "sure", "tokens", "why")]]
    rows += [_case(one, known.get(one.case.name), price) for one in score.results]
    return (
        f'<details class="card"><summary>{escape(score.classifier)}: {wrong} of {len(score.results)} wrong</summary>'
        f"{table(rows)}</details>"
    )


def _case(result: Result, old: str | None, price: Price) -> list[str]:
    said, truth = result.verdict.classification, result.case.truth
    severity = escape(result.answer)
    if old is not None and old != said.severity:
        severity += f' <span class="soft">(was {escape(old)})</span>'
    broken = "".join(
        f'<div class="bad">{escape(one)}</div>' for one in (*result.broken_actions, result.broken_floor) if one
    )
    reasons = "".join(f"<div>{escape(one)}</div>" for one in said.reasons)
    more = f"<details><summary>the verdict's reasons</summary>{reasons}</details>"
    return [
        td(escape(result.case.name)),
        td(escape(truth.severity)),
        f'<td class="{"good" if result.right else "bad"}">{severity}</td>',
        td(
            escape(result.cause)
            + ("" if result.cause == truth.cause else f' <span class="soft">({truth.cause})</span>')
        ),
        td(escape(said.runbook_id or "–")),
        td(f"{said.confidence:.2f}", number=True),
        td(spent(said.usage, price), number=True),
        td(f"{broken}<div>{escape(truth.why)}</div>{more}"),
    ]
