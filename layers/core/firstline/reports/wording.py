"""The figures of reports in words, for the terminal and the console alike."""

from collections.abc import Iterator, Mapping

from firstline.reports.ends import ENDINGS, Ending
from firstline.reports.noise import Advice, Hides
from firstline.reports.periods import Figures
from firstline.reports.spread import ENOUGH_FOR_P90, Spread
from firstline.text import count, short_duration

COLUMNS: Mapping[str, tuple[Ending, ...]] = {
    "runbook": ("verified", "acted"),
    "by itself": ("self_cleared", "unanswered"),
    "people": ("people",),
    "suppressed": ("suppressed",),
    "other": ("expired", "no_data"),
    "open": ("open",),
}
"""The columns of a narrow table or a plot, each with the ends that it counts. Together they count every end."""


def percent(share: float | None) -> str:
    """Format a share from 0 to 1 in percent, as `25%`; a dash for None."""
    return "–" if share is None else f"{share:.0%}"


def money(cost: float | None) -> str:
    """Format a cost in the currency of the configured prices; for None, say that a price is not set."""
    if cost is None:
        return "unknown: a price is not set"
    return f"{cost:.6f}" if 0 < cost < 0.01 else f"{cost:,.4f}"


def spread_in_words(spread: Spread) -> str:
    """Write `p50 / p90 (n)`, as `4 min / 1 h (12)`; a dash stands for an unknown value."""
    p50, p90 = (short_duration(value) if value is not None else "–" for value in (spread.p50, spread.p90))
    return f"{p50} / {p90} ({spread.n})" if spread.n else "–"


def side_by_side(*sides: Figures) -> Iterator[tuple[str, ...]]:
    """Yield the rows of a table of figures: the name of a figure, and its value on each side.

    A way to end (such as `cleared by itself`) gets no row if no incident of any side ended so.
    """
    yield "Incidents", *(f"{side.incidents}, of {count(side.alerts, 'alert')}" for side in sides)
    yield "Acknowledged after (MTTA), p50 / p90 (n)", *(spread_in_words(side.acknowledge) for side in sides)
    yield "Resolved after (MTTR), p50 / p90 (n)", *(spread_in_words(side.resolve) for side in sides)
    for ending, name in ENDINGS.items():
        if any(side.ends[ending] for side in sides):
            yield f"  {name}", *(f"{side.ends[ending]} ({percent(side.share(ending))})" for side in sides)
    yield "Came back within an hour", *(str(side.came_back) for side in sides)
    yield "Reopened by people", *(str(side.reopened) for side in sides)
    yield "Pages", *(pages_in_words(side) for side in sides)
    if any(side.asked for side in sides):
        yield "The model", *(_model(side) for side in sides)


def few_in_words(*sides: Figures) -> str:
    """Return a warning if a side of a comparison has fewer than ten incidents; an empty text if none has."""
    few = min(side.incidents for side in sides) < ENOUGH_FOR_P90
    return f"Fewer than {ENOUGH_FOR_P90} incidents on one side: a difference may well be chance." if few else ""


def pages_in_words(side: Figures) -> str:
    """Write how many pages went out, for how many incidents, and how many pages at night: `3 for 2 incidents, …`."""
    return f"{side.pages} for {count(side.paged, 'incident')}, {side.at_night} at night"


def cost_of(side: Figures) -> str:
    """Write the cost of the model; a dash if the model was not asked."""
    return money(side.usage.cost) if side.asked else "–"


def advice_in_words(advice: Advice) -> str:
    """Write the advice on a noisy group on one line: the rule and what it would hide, or why there is none."""
    if advice.rule is None or advice.hides is None:
        return f"No rule: {advice.why}."
    does = f"hold: {advice.rule['hold']}" if "hold" in advice.rule else "severity: noise"
    return f"{does} ({advice.why}). {_hidden_in_words(advice.hides)}."


def _hidden_in_words(hides: Hides) -> str:
    """Write what a rule would have hidden: `It would have hidden 5 and kept 2 pages back: 1 REAL, none critical`."""
    real = f"{hides.real} REAL" if hides.real else "none real"
    critical = f"{hides.critical} CRITICAL" if hides.critical else "none critical"
    text = f"It would have hidden {hides.hidden} and kept {count(hides.pages, 'page')} back: {real}, {critical}"
    text += f"; {hides.later} later" if hides.later else ""
    return text + (f"; {hides.spared} critical ones are left alone" if hides.spared else "")


def _model(side: Figures) -> str:
    usage = side.usage
    tokens = f"{usage.prompt_tokens:,} tokens in, {usage.completion_tokens:,} out"
    return f"asked about {count(side.asked, 'incident')}: {money(usage.cost)}; {tokens}"
