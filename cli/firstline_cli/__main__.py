"""Entry point of `python -m firstline_cli`, the command `firstline` without an installation."""

from firstline_cli.main import app

app()
