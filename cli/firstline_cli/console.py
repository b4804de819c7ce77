"""The terminal that commands write to."""

from rich.console import Console

_LOG_WIDTH = 150


def console_of() -> Console:
    """Return a console that is wide where its output goes to a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=_LOG_WIDTH)
