"""Lists for scripts: as JSON, or as CSV of which a spreadsheet runs no cell as a formula."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import typer

type ListOutput = Literal["table", "json", "csv"]

ListOutputOption = Annotated[ListOutput, typer.Option("--output", "-o", help="How to print it.")]

_FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""The characters that begin a formula in a spreadsheet, in some languages also as full-width characters."""


def no_formula(value: Any) -> Any:
    """Return a cell of a CSV, with an apostrophe before a text that a spreadsheet would take for a formula: `'=1+1`."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULAS else value


def as_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return the rows as CSV with a heading. A cell that looks like a formula gets an apostrophe in front."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: no_formula(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def for_scripts(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], output: ListOutput) -> str:
    """Return the rows as JSON or as CSV, with a line feed at the end.

    They are CSV with these `columns`, in this order, if `output` is `csv`; otherwise JSON with all keys.
    """
    return as_csv(rows, columns) if output == "csv" else f"{json.dumps(rows, indent=2, ensure_ascii=False)}\n"
