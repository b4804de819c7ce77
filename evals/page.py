"""The numbers as one HTML page that needs nothing else: no script, no font, no address."""

from collections.abc import Sequence
from html import escape

from evals import charts
from evals.baseline import Baseline
from evals.console import COUNTS, NUMBERS, change, cost, ratio
from evals.scoring import SEVERITIES, Result, Score

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5c677d; --line: #d9dee8; --card: #ffffff; --page: #f5f7fb;
  --good: #1a7f4b; --bad: #c0362c; --bar: #3867d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9f0; --soft: #9aa5ba; --line: #333c4d; --card: #1b2230;
  --page: #12161f; --good: #4cc38a; --bad: #ff7a6e; --bar: #7ea2ff; } }
body { margin: 0 auto; max-width: 1240px; padding: 32px 24px 64px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 12px; }
h3 { font-size: 15px; margin: 0 0 8px; }
p { color: var(--soft); margin: 0 0 12px; max-width: 80ch; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(350px, 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td.n, th.n { text-align: right; white-space: nowrap; }
tr:last-child td { border-bottom: 0; } .good { color: var(--good); } .bad { color: var(--bad); }
.soft { color: var(--soft); }
.heat { table-layout: fixed; font-size: 13px; } .heat th { padding: 4px 2px; border: 0; text-align: center; }
.heat td { text-align: center; border: 2px solid var(--card); padding: 6px 2px; }
details { margin: 8px 0; } summary { cursor: pointer; color: var(--soft); }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--ink); font: 11px system-ui, sans-serif; }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); } svg .bar { fill: var(--bar); }
"""


def render(scores: Sequence[Score], before: Baseline, *, price: float = 0) -> str:
    """The page. Everything in it that comes from a case is escaped."""
    parts = [
        f"<h1>Firstline's verdicts on {len(scores[0].results)} cases</h1>",
        "<p>Change since the baseline in brackets. docs/evals.md says what each number means.</p>",
        f'<div class="card">{_headline(scores, before, price)}</div>',
        "<h2>By severity</h2>",
        '<div class="cards">',
        *(_card(one.classifier, charts.bars([(c.name, c.f1, c.support) for c in one.per_class])) for one in scores),
        "</div>",
        "<h2>What was said for what</h2><p>Rows: the truth. Columns: what was said.</p>",
        '<div class="cards">',
        *(_card(one.classifier, _confusion(one)) for one in scores),
        "</div>",
        "<h2>Is it as sure as it is right?</h2>",
        "<p>Each dot is a group of verdicts of like confidence, larger for more of them. On the line, confidence is "
        "the share that is right; below it, the classifier is too sure.</p>",
        '<div class="cards">',
        *(
            _card(f"{one.classifier} (error {one.calibration_error:.3f})", charts.reliability(one.bins))
            for one in scores
        ),
        "</div>",
        "<h2>By kind of case</h2>",
        f'<div class="card">{_by_kind(scores)}</div>',
        "<h2>Cases</h2>",
        *(_cases(one, before) for one in scores),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Firstline: evals</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body>{'\n'.join(parts)}</body></html>\n"
    )


def _card(title: str, body: str) -> str:
    return f'<div class="card"><h3>{escape(title)}</h3>{body}</div>'


def _headline(scores: Sequence[Score], before: Baseline, price: float) -> str:
    rows = [[_th(""), *(_th(one.classifier, number=True) for one in scores)]]
    for key, words, more_is_better in NUMBERS:
        rows.append([_td(escape(words)), *(_number(one, key, before, more_is_better) for one in scores)])
    rows.append([_td("tokens"), *(_td(f"{one.tokens:,}", number=True) for one in scores)])
    rows.append(
        [
            _td("model asked / no verdict"),
            *(_td(f"{one.model_calls} / {one.no_verdicts}", number=True) for one in scores),
        ]
    )
    if price:
        rows.append([_td("cost"), *(_td(f"{cost(one, price):.4f}", number=True) for one in scores)])
    return _table(rows)


def _number(score: Score, key: str, before: Baseline, more_is_better: bool) -> str:
    value = score.headline()[key]
    shown = "–" if value is None else str(int(value)) if key in COUNTS else f"{value:.3f}"
    if key in COUNTS and value:
        shown = f'<b class="bad">{shown}</b>'
    moved = change(score, key, before)
    if moved is not None:
        shown += f' <span class="{"good" if (moved > 0) == more_is_better else "bad"}">({moved:+.3g})</span>'
    return _td(shown, number=True)


def _confusion(score: Score) -> str:
    rows = [[_th(""), *(_th(name) for name in SEVERITIES)]]
    for truth in SEVERITIES:
        in_all = max(1, score.of_class(truth).support)
        cells = [_th(truth)]
        for said in SEVERITIES:
            count = score.confusion.get((truth, said), 0)
            colour = "26,127,75" if truth == said else "192,54,44"
            shade = f' style="background: rgba({colour},{0.12 + 0.68 * count / in_all:.2f})"' if count else ""
            cells.append(f"<td{shade}>{count or ''}</td>")
        rows.append(cells)
    ratios = "".join(
        f"<tr><td>{one.name}</td><td class=n>{ratio(one.precision)}</td><td class=n>{ratio(one.recall)}</td></tr>"
        for one in score.per_class
    )
    return (
        f"{_table(rows, 'heat')}<details><summary>precision and recall</summary><table><tr>{_th('')}"
        f"{_th('precision', number=True)}{_th('recall', number=True)}</tr>{ratios}</table></details>"
    )


def _by_kind(scores: Sequence[Score]) -> str:
    rows = [[_th(""), _th("cases", number=True), *(_th(one.classifier, number=True) for one in scores)]]
    for kind, (_, count) in scores[0].by_kind.items():
        shares = (one.by_kind[kind][0] / count for one in scores)
        rows.append(
            [_td(escape(kind)), _td(str(count), number=True), *(_td(f"{one:.0%}", number=True) for one in shares)]
        )
    return _table(rows)


def _cases(score: Score, before: Baseline) -> str:
    known = before[score.classifier].severities if score.classifier in before else {}
    wrong = sum(not one.right for one in score.results)
    rows = [[_th(name) for name in ("case", "truth", "said", "cause", "runbook", "sure", "why")]]
    rows += [_case(one, known.get(one.case.name)) for one in score.results]
    return (
        f'<details class="card"><summary>{escape(score.classifier)}: {wrong} of {len(score.results)} wrong</summary>'
        f"{_table(rows)}</details>"
    )


def _case(result: Result, old: str | None) -> list[str]:
    said, truth = result.verdict.classification, result.case.truth
    severity = escape(said.severity)
    if old is not None and old != said.severity:
        severity += f' <span class="soft">(was {escape(old)})</span>'
    broken = "".join(
        f'<div class="bad">{escape(one)}</div>' for one in (*result.broken_actions, result.broken_floor) if one
    )
    reasons = "".join(f"<div>{escape(one)}</div>" for one in said.reasons)
    more = f"<details><summary>the verdict's reasons</summary>{reasons}</details>"
    return [
        _td(escape(result.case.name)),
        _td(escape(truth.severity)),
        f'<td class="{"good" if result.right else "bad"}">{severity}</td>',
        _td(
            escape(result.cause)
            + ("" if result.cause == truth.cause else f' <span class="soft">({truth.cause})</span>')
        ),
        _td(escape(said.runbook_id or "–")),
        _td(f"{said.confidence:.2f}", number=True),
        _td(f"{broken}<div>{escape(truth.why)}</div>{more}"),
    ]


def _table(rows: Sequence[Sequence[str]], name: str = "") -> str:
    return f'<table class="{name}">{"".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)}</table>'


def _th(text: str, *, number: bool = False) -> str:
    return f"<th{' class=n' if number else ''}>{escape(text)}</th>"


def _td(markup: str, *, number: bool = False) -> str:
    return f"<td{' class=n' if number else ''}>{markup}</td>"
