"""The pieces of a page that needs nothing else: no script, no font, no address."""

from collections.abc import Mapping, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5c677d; --line: #d9dee8; --card: #ffffff; --page: #f5f7fb;
  --good: #1a7f4b; --bad: #c0362c; --bar: #3867d6; --right: 26,127,75; --wrong: 192,54,44; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9f0; --soft: #9aa5ba; --line: #333c4d; --card: #1b2230;
  --page: #12161f; --good: #4cc38a; --bad: #ff7a6e; --bar: #7ea2ff; --right: 76,195,138; --wrong: 255,122,110; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 32px 24px 64px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 12px; }
h3 { font-size: 15px; margin: 0 0 8px; overflow-wrap: anywhere; }
p { color: var(--soft); margin: 0 0 12px; max-width: 80ch; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(350px, 100%), 1fr)); gap: 16px; }
.cards.pairs { grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px;
  overflow-x: auto; } .card + p { margin-top: 12px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; } td.n, th.n { text-align: right; }
td.n { white-space: nowrap; } th.n { overflow-wrap: anywhere; min-width: 5.5em; } td:first-child { min-width: 9em; }
tr:last-child td { border-bottom: 0; } .good { color: var(--good); } .bad { color: var(--bad); }
.soft { color: var(--soft); }
.wide { font-size: 14px; } .wide td:first-child { white-space: nowrap; } .wide th, .wide td { padding: 5px 6px; }
.heat td:first-child { min-width: 0; } .heat { table-layout: fixed; font-size: 13px; }
.heat th, .heat td { text-align: center; vertical-align: middle; }
.heat th { padding: 4px 2px; border: 0; }
.heat td { border: 2px solid var(--card); padding: 6px 2px; border-radius: 6px; }
.heat td.right { background: rgba(var(--right), var(--share)); }
.heat td.wrong { background: rgba(var(--wrong), var(--share)); }
details { margin: 8px 0; } summary { cursor: pointer; color: var(--soft); }
svg { display: block; width: 100%; max-width: 440px; height: auto; margin: 0 auto; }
svg text { fill: var(--ink); font: 11px system-ui, sans-serif; }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); } svg .bar { fill: var(--bar); }
@media (max-width: 600px) { body { padding: 20px 12px 40px; font-size: 14px; } .card { padding: 12px; }
  th, td { padding: 4px 6px; } }
"""


def document(title: str, parts: Sequence[str]) -> str:
    """The whole page."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body>{'\n'.join(parts)}</body></html>\n"
    )


def cards(bodies: Sequence[tuple[str, str]]) -> str:
    """Titles and bodies beside each other, as many as the width holds."""
    kind = "cards pairs" if len(bodies) % 3 == 1 else "cards"
    return f'<div class="{kind}">{"".join(card(body, title) for title, body in bodies)}</div>'


def card(body: str, title: str = "") -> str:
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    return f'<div class="card">{heading}{body}</div>'


def table(rows: Sequence[Sequence[str]], name: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    return f"<table{kind}>{''.join(f'<tr>{"".join(cells)}</tr>' for cells in rows)}</table>"


def th(text: str, *, number: bool = False) -> str:
    return f"<th{' class=n' if number else ''}>{escape(text)}</th>"


def td(markup: str, *, number: bool = False) -> str:
    """A cell. What comes from a case or a rule must be escaped already."""
    return f"<td{' class=n' if number else ''}>{markup}</td>"


def heat[C: str](confusion: Mapping[tuple[C, C], int], names: Sequence[C]) -> str:
    """A confusion matrix: a row for each truth, shaded by the share of that truth."""
    rows = [[th(""), *(th(name) for name in names)]]
    for truth in names:
        in_all = max(1, sum(confusion.get((truth, said), 0) for said in names))
        cells = [th(truth)]
        for said in names:
            count = confusion.get((truth, said), 0)
            share = 0.12 + 0.6 * count / in_all
            shade = f' class="{"right" if truth == said else "wrong"}" style="--share: {share:.2f}"' if count else ""
            cells.append(f"<td{shade}>{count or ''}</td>")
        rows.append(cells)
    return table(rows, "heat")
