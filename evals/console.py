"""Printer of the evals' tables on a terminal."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from rich.console import Console
from rich.table import Table

from evals import baseline, earned
from evals.agreement import Agreement, Comparison
from evals.asking import Order, Worth
from evals.baseline import Baseline
from evals.costs import Costs
from evals.own_rules import Learned
from evals.public_rules import LEVELS
from evals.scoring import PerClass, Result, Score
from firstline.models import SEVERITIES, Severity, Usage
from firstline.policy.model import Price

NUMBERS: tuple[tuple[str, str, bool], ...] = (
    ("macro_f1", "macro-F1 over severities", True),
    ("accuracy", "severity right", True),
    ("critical_recall", "recall on critical", True),
    ("page_recall", "woke somebody when needed", True),
    ("page_precision", "needed when woke somebody", True),
    ("noise_precision", "precision on noise", True),
    ("noise_recall", "recall on noise", True),
    ("deployment_f1", "deployment blamed rightly, F1", True),
    ("runbook_precision", "runbook right when named", True),
    ("runbook_recall", "runbook named when there is one", True),
    ("unknown_rate", "says 'unknown'", False),
    ("unknown_precision", "… and nobody could know", True),
    ("unknown_recall", "… of what nobody could know", True),
    ("calibration_error", "calibration error (ECE)", False),
    ("unsafe_actions", "unsafe actions", False),
    ("below_floor", "severities below the floor", False),
)
"""The headline numbers in order: each a key, its words, and True if more is better."""

COUNTS = ("unsafe_actions", "below_floor")


def show(
    out: Console, scores: Sequence[Score], before: Baseline, since: str, *, price: Price, every_case: bool = False
) -> None:
    """Print all tables of the scores, headline numbers last, with changes since the run `before` (named `since`).

    `price` is that of the tokens. With `every_case`, all cases are listed, else only those judged wrong, unsafely, or
    otherwise than before.
    """
    for score in scores:
        _show_cases(out, score, before, price, every_case)
    out.print(_by_kind(scores))
    for score in scores:
        out.print(_per_class(f"{score.classifier}: by severity", score.per_class, score.confusion, SEVERITIES))
    out.print(_headline(scores, before, since, price))


def show_moved(out: Console, scores: Sequence[Score], accepted: Baseline) -> None:
    """Print each number that CI watches and that is below or above the accepted baseline."""
    for score in scores:
        fell, rose = baseline.moved(score, accepted)
        for side, colour, numbers in (("Below", "red", fell), ("Above", "green", rose)):
            for number in numbers:
                out.print(f"{side} the baseline: {number}", style=colour, markup=False, highlight=False)


def _headline(scores: Sequence[Score], before: Baseline, since: str, price: Price) -> Table:
    title = f"{len(scores[0].results)} cases (in brackets: change since {since})"
    table = _table(title, [score.classifier for score in scores])
    for key, words, more_is_better in NUMBERS:
        table.add_row(words, *(number(score, key, before, more_is_better) for score in scores))
    table.add_row("tokens", *(f"{score.usage.tokens:,}" for score in scores))
    table.add_row("model asked / no verdict", *(f"{score.model_calls} / {score.no_verdicts}" for score in scores))
    if price.is_known:
        table.add_row("cost", *(f"{price.of(score.usage).cost:.4f}" for score in scores))
    return table


def number(score: Score, key: str, before: Baseline, more_is_better: bool) -> str:
    """Return the headline number `key` of a score and its change since the run `before`, in rich's markup.

    The change is green if it is for the better, red if for the worse.
    """
    value = score.numbers[key]
    shown = "–" if value is None else str(int(value)) if key in COUNTS else f"{value:.3f}"
    if key in COUNTS and value:
        shown = f"[bold red]{shown}[/]"
    moved = change(score, key, before)
    return shown if moved is None else f"{shown} {_coloured(f'({moved:+.3g})', (moved > 0) == more_is_better)}"


def change(score: Score, key: str, before: Baseline) -> float | None:
    """Return the change of the headline number `key` since the run `before`; None if unknown or less than 0.0005."""
    if score.classifier not in before:
        return None
    value, old = score.numbers[key], before[score.classifier].numbers.get(key)
    if value is None or old is None or abs(value - old) < 0.0005:
        return None
    return value - old


def _show_cases(out: Console, score: Score, before: Baseline, price: Price, every_case: bool) -> None:
    known = before[score.classifier].severities if score.classifier in before else {}
    what = "every case" if every_case else "wrong, unsafe or changed"
    table = Table(title=f"{score.classifier}: {what}", title_justify="left")
    tokens = ["tokens"] if score.usage.tokens else []
    for name in ("case", "truth", "said", "cause", "runbook", "sure", "by", *tokens, ""):
        table.add_column(name, overflow="fold")
    for result in score.results:
        notes = _notes(result, known.get(result.case.name))
        if every_case or notes or not result.right:
            spending = [spent(result.said.usage, price)] if tokens else []
            table.add_row(*_case(result), *spending, ", ".join(notes))
    if table.row_count:
        out.print(table)


def _notes(result: Result, old: Severity | None) -> list[str]:
    notes = [f"[bold red]{broken}[/]" for broken in (*result.broken_actions, result.broken_floor) if broken]
    return [*notes, f"was {old}"] if old and old != result.severity else notes


def _case(result: Result) -> tuple[str, ...]:
    said, truth = result.said, result.case.truth
    return (
        result.case.name,
        truth.severity,
        result.answer if result.right else f"[red]{result.answer}[/]",
        truth.cause if result.cause == truth.cause else f"{result.cause} ({truth.cause})",
        said.runbook_id or "–",
        f"{said.confidence:.2f}",
        said.decided_by,
    )


def _by_kind(scores: Sequence[Score]) -> Table:
    table = _table("severity right, by kind of case", [score.classifier for score in scores])
    for kind in scores[0].by_kind:
        table.add_row(kind, *("{} of {}".format(*score.by_kind[kind]) for score in scores))
    return table


def _per_class[C: str](
    title: str, classes: Sequence[PerClass], confusion: dict[tuple[C, C], int], names: Sequence[C]
) -> Table:
    title = f"{title} (rows: the truth; columns: what was said)"
    table = _table(title, ["precision", "recall", "F1", *names, "in all"])
    for measured, truth in zip(classes, names, strict=True):
        ratios = map(ratio, (measured.precision, measured.recall, measured.f1))
        counts = (str(confusion.get((truth, said), 0)) for said in names)
        table.add_row(measured.name, *ratios, *counts, str(measured.support))
    return table


def _table(title: str, headings: Sequence[str], right_padding: int = 1) -> Table:
    """Return an empty table: a first column for the rows' names, then a right-aligned column for each heading."""
    table = Table(title=title, title_justify="left", padding=(0, right_padding, 0, 1))
    table.add_column("", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def ratio(value: float | None) -> str:
    """Return a ratio with three digits, or a dash if it is None."""
    return "–" if value is None else f"{value:.3f}"


def spent(usage: Usage, price: Price) -> str:
    """Return the number of tokens as text, with their cost if the price is known; a dash for none."""
    if not usage.tokens:
        return "–"
    return f"{usage.tokens:,}" + (f" ({price.of(usage).cost:.5f})" if price.is_known else "")


def show_clicks(out: Console, found: Mapping[Order, Sequence[Worth]]) -> None:
    """Print how well alerts are judged after people's clicks on how bad some of them are.

    The table has a row for each order in which people answer, and each number of clicks.
    """
    title = "Alerts after so many clicks, by volume (± between organisations)"
    table = Table("answered", "clicks", "right", "pages found", title=title, title_justify="left")
    for order, worths in found.items():
        for worth in worths:
            right = f"{ratio(worth.right)} ± {ratio(worth.right_spread)}"
            table.add_row(order, str(worth.clicks), right, f"{ratio(worth.pages_found)} ± {ratio(worth.found_spread)}")
    out.print(table)


def show_costs(out: Console, found: Sequence[tuple[str, str, Costs]], missed_page: float) -> None:
    """Print the cost of each classifier's severities on each set of cases; `found` has (set, classifier, costs).

    Costs are in needless pages; a missed page costs as much as `missed_page` of them.
    """
    names = ("cases", "classifier", "cost per 100", "missed pages", "needless pages", "wrongly dropped", "asked")
    table = Table(*names, title=f"Cost in needless pages; a missed page costs {missed_page:g}", title_justify="left")
    for cases, classifier, costs in found:
        counts = map(str, (costs.missed, costs.needless, costs.dropped, costs.asked))
        table.add_row(cases, classifier, f"{costs.per_100:.1f}", *counts)
    out.print(table)


def show_earned(out: Console, found: Sequence[earned.Worth], of: str) -> None:
    """Print a table of the cost of verdicts, in needless pages, with and without each simulated model.

    `of` names the cases in the title, such as `the cases`.
    """
    costs = ("model", "without", "with", "if all counted")
    table = Table(*costs, "verdicts worse", "runbooks, blames lost", "runs worse", "gain kept", title_justify="left")
    table.title = (
        f"Earned say on {of}: the cost of {earned.REPLAYED} incidents, after a replay of as many; means of the runs"
    )
    for worth in found:
        means = (fmean(getattr(run, name) for run in worth.runs) for name in ("plain", "settled", "full"))
        worse = fmean(run.worse for run in worth.runs)
        lost = fmean(run.runbooks_lost + run.blames_lost for run in worth.runs)
        figures = (*(f"{mean:.1f}" for mean in means), f"{worse:.1f}", f"{lost:.1f}", f"{worth.runs_worse:.0%}")
        table.add_row(worth.model, *figures, "–" if worth.kept is None else f"{worth.kept:.0%}")
    out.print(table)


def show_own_rules(out: Console, found: Sequence[Learned]) -> None:
    """Print how well an organisation's severities of its other alert rules predict those of the rules of one file.

    `found` has the result for each number of rules whose severity is known.
    """
    table = Table(
        "own words", "rules judged", "macro-F1", "pages found", "… without", "… without", title_justify="left"
    )
    table.title = "New rules by the nearest own words, their file left out"
    for learned in found:
        figures = (learned.macro_f1, learned.pages_found, learned.macro_f1_without, learned.pages_found_without)
        table.add_row(str(learned.labels), str(learned.rules), *map(ratio, figures))
    out.print(table)


def show_agreement(out: Console, found: Comparison) -> None:
    """Print how well the classifier finds the levels that rules' authors chose: by level, by repository, by part."""
    for part in found.parts:
        if part.title.startswith(("all", "unseen repositories")):
            title = f"{part.title}: {part.rules} of {part.repositories} repositories"
            out.print(_per_class(title, part.per_class, part.confusion, LEVELS))
    out.print(_voices("by repository", found.repositories))
    out.print(_voices("agreement with hidden severities, by words alone", found.parts))
    if found.authors is not None:
        out.print(
            f"Authors among themselves: {found.authors.rules} rules have a name that other repositories use too, and "
            f"{found.authors.same:.3f} of them the severity that is most common for it there.",
            highlight=False,
        )


def _voices(title: str, parts: Sequence[Agreement]) -> Table:
    rows = [_voice(part) for part in parts]
    widest = max(rows, key=len)
    table = _table(title, list(widest), right_padding=0)
    for part, row in zip(parts, rows, strict=True):
        table.add_row(part.title, *row.values())
    return table


def _voice(part: Agreement) -> dict[str, str]:
    """Return the classifier's numbers on some of the rules, by the heading of their column in the table.

    Green ones are better than always answering the most common level.
    """
    always, said = part.always, part.said
    columns = {
        "count": str(part.rules),
        "always": f"{part.most_common} {ratio(always.accuracy)}",
        "lexicon": _coloured(ratio(said.accuracy), said.accuracy > always.accuracy),
        "F1 always": ratio(always.macro_f1),
        "F1 lexicon": _coloured(ratio(said.macro_f1), said.macro_f1 > always.macro_f1),
        "balanced": ratio(said.balanced_accuracy),
    }
    if part.repositories > 1:
        gain, mean = "{:+.3f}…{:+.3f}".format(*part.better_by), (always.by_repository, said.by_repository)
        columns["gain, 95 %"] = _coloured(gain, part.better_by[0] > 0)
        columns["per repo"] = _coloured("→".join(map(ratio, mean)), mean[1] > mean[0])
    return columns


def _coloured(shown: str, better: bool) -> str:
    return f"[{'green' if better else 'red'}]{shown}[/]"
