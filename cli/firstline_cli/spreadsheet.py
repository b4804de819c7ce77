"""Cells of a CSV that a spreadsheet must not run."""

from typing import Any

_FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""The characters that begin a formula in a spreadsheet; in some languages also in full width."""


def no_formula(value: Any) -> Any:
    """Return a cell of a CSV, quoted if a spreadsheet would take it for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULAS else value
