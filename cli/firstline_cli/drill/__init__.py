"""`firstline test`: an alert of one's own through the real path, with the time of each leg."""

from firstline_cli.drill.command import test

__all__ = ["test"]
