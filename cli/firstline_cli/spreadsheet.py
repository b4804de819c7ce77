"""The protection of a CSV's cells, so that a spreadsheet runs none of them as a formula."""

from typing import Any

_FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""The characters that begin a formula in a spreadsheet, in some languages also as full-width characters."""


def no_formula(value: Any) -> Any:
    """Return a cell of a CSV, with an apostrophe before a text that a spreadsheet would take for a formula: `'=1+1`."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULAS else value
