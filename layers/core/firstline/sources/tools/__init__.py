"""The tables of the shapes in which known tools post to the generic source."""

from firstline.sources.tools import azure, monitors, responders
from firstline.sources.tools.shape import ToolShape

__all__ = ["SHAPES", "ToolShape"]

SHAPES = (*azure.SHAPES, *monitors.SHAPES, *responders.SHAPES)
"""The first that fits counts."""
