"""The tables of the shapes in which known tools post to the generic source."""

from firstline.sources.tools import monitors, responders
from firstline.sources.tools.shape import ToolShape

__all__ = ["SHAPES", "ToolShape"]

SHAPES = (*monitors.SHAPES, *responders.SHAPES)
"""The first that fits counts."""
