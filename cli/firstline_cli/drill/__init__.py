"""`firstline test`: a test alert through the real path, with the time of each leg of its way."""

from firstline_cli.drill.command import test

__all__ = ["test"]
