"""The console's page of reports, and its plots."""

import re
from datetime import timedelta
from typing import Any

import pytest
import yaml

from firstline.console.charts import Series, beside, stacked
from firstline.models import TEST
from firstline.policy.rules import Rules
from firstline.reports.ends import ENDINGS
from tests.support.builders import NOW, OPENED, a_classification, a_page, a_record, a_result, an_alert, an_incident
from tests.unit.console.reading import EVIL, ReadPage, in_order
from tests.unit.console.shelf import Shelf


def report(shelf: Shelf, query: str = "") -> ReadPage:
    answer = shelf.see(f"/console/reports{query}", shelf.session("eve"))
    assert answer["statusCode"] == 200
    return ReadPage(answer["body"])


def over(minutes: float = 4, number: int = 0, **changes: Any) -> Any:
    """An incident of medium severity that lasted so many minutes."""
    begun = OPENED - timedelta(hours=number)
    incident = an_incident(an_alert(severity="medium"), incident_id=f"Flaky-{number}", opened_at=begun)
    ended = begun + timedelta(minutes=minutes)
    fields: dict[str, Any] = {"status": "CLOSED", "closed_at": ended, "resolved_at": ended, "outcome": "self_cleared"}
    fields |= {"classification": a_classification(severity="medium")}
    return a_record(incident, **fields | changes)


# The page offers 7 and 30 days; any other number counts as 7.
@pytest.mark.parametrize(("query", "days"), [("", 7), ("?days=30", 30), ("?days=31", 7), ("?days=-1", 7)])
def test_a_report_has_its_numbers_and_each_plots_table(query: str, days: int) -> None:
    page = report(Shelf(over(outcome="auto_resolved", results=[a_result(kind="verify")])), query)
    in_order(
        page, f"The last {days} days", "1, of 1 alert; 0 still open", "4 min / – (1)", "fixed by a runbook, verified"
    )
    in_order(page, "How incidents ended, by", "1 Mar", "Acknowledged after, by", "Resolved after, by", "Pages, by week")
    in_order(page, "Pages, by week", "By week", "Before and after a change")
    assert page.elements.count("svg") == 4
    rows = {"how incidents ended": len(ENDINGS) + 1, "endings by day": days + 1, "each of four small tables": 4 * 2}
    assert page.elements.count("tr") == sum(rows.values())


def one_closed_and_one_open(name: str, on_call: str) -> ReadPage:
    """Return a report by service on two incidents that were paged at night, before and after a change."""
    alert = an_alert(alert_name=name, service=name)
    paged: dict[str, Any] = {"pages": [a_page(on_call=on_call)], "paged_at": OPENED}
    first = an_incident(alert, incident_id="First")
    closed = a_record(first, **paged, status="CLOSED", closed_at=NOW, outcome="expired")
    return report(Shelf(closed, a_record(an_incident(alert), **paged)), "?by=service&change=2026-02-27")


def test_a_report_counts_what_is_open_who_was_paged_and_how_it_was_before_a_change() -> None:
    page = one_closed_and_one_open(name="DiskFull", on_call="Ana")

    in_order(page, "1 still open", "2 for 2 incidents, 2 at night", "By service", "2 days before the change")
    in_order(page, "may well be chance", "Pages by person", "Ana", "Europe/Berlin")
    in_order(page, "The noisiest groups", "No rule: ")
    assert ("line", "class", "change") in page.attributes


def test_no_name_in_a_report_becomes_markup() -> None:
    page = one_closed_and_one_open(name=EVIL, on_call="<b>Ana</b>")

    in_order(page, "Pages by person", "<b>Ana</b>")
    assert page.text.count("alert(1)</script><img") >= 2
    assert not {"img", "style"} & set(page.elements[page.elements.index("main") :])
    assert page.elements.count("script") == 1, "the console's own"


def test_an_incident_of_firstline_test_is_not_in_the_report() -> None:
    tried = an_incident(an_alert(labels={TEST: "1a2b"}), incident_id="Tried")
    ended = a_record(tried, status="CLOSED", closed_at=NOW, outcome="self_cleared")
    assert report(Shelf(over(), ended)).text == report(Shelf(over())).text


@pytest.mark.parametrize("change", ["", "x", "2026-13-01", "2099-01-01", "0001-01-01"])
def test_a_change_that_makes_no_sense_compares_nothing(change: str) -> None:
    assert "before the change" not in report(Shelf(), f"?change={change}").text


def test_the_noisiest_group_has_a_rule_that_can_be_pasted_and_what_it_would_have_hidden() -> None:
    page = report(Shelf(*(over(minutes=3, number=number) for number in range(5))))

    in_order(
        page, "The noisiest groups", "DiskFull", "5 incidents", "hold: 5m", "hidden 5 and kept 0 pages back: none real"
    )
    (rule,) = re.findall(r"- ({.*})", page.text)
    assert Rules.model_validate({"rules": [yaml.safe_load(rule)]}).rules[0].hold == timedelta(minutes=5)


def test_a_plot_stacks_the_values_of_a_column_and_leaves_zeros_out() -> None:
    plot = stacked("ends", ["1 Mar", "2 Mar"], [Series("good", "go", [1, 2]), Series("bad", "stop", [3, 0])])
    # The highest column, four incidents, has 150 pixels.
    assert [(bar.title, round(bar.height)) for bar in plot.bars] == [
        ("1 Mar: 1 good", 38),
        ("1 Mar: 3 bad", 112),
        ("2 Mar: 2 good", 75),
    ]
    low, high = plot.bars[0], plot.bars[1]
    assert round(high.y + high.height, 6) == round(low.y, 6)
    assert plot.rows == [["1 Mar", "1", "3"], ["2 Mar", "2", "0"]]
    assert stacked("nothing", [], []).bars == []


def test_a_plot_of_durations_leaves_unknown_ones_out_and_marks_a_change() -> None:
    series = [Series("p50", "main", [60, 30]), Series("p90", "warn", [None, 120])]
    plot = beside("MTTA", ["W1", "W2"], series, words=str, change=1)
    bars = [(bar.title, round(bar.height)) for bar in plot.bars]  # the longest duration has 150 pixels
    assert bars == [("W1: p50 60", 75), ("W2: p50 30", 38), ("W2: p90 120", 150)]
    assert plot.rows == [["W1", "60", "–"], ["W2", "30", "120"]]
    assert plot.change is not None
    assert plot.bars[0].x < plot.change < plot.bars[1].x
