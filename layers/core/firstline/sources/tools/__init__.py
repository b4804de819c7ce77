"""Tables that say how to read the messages that known tools post to the generic source (`ToolShape`)."""

from firstline.sources.tools import azure, github, monitors, responders
from firstline.sources.tools.shape import ToolShape

__all__ = ["SHAPES", "ToolShape"]

SHAPES = (*azure.SHAPES, *github.SHAPES, *monitors.SHAPES, *responders.SHAPES)
"""All known shapes; the first shape whose marks a message has is used."""
