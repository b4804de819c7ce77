"""Printer of what happens on a local stack: alerts, states of executions, commands, messages to people."""

import threading
import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.text import Text

from local.emulator.commands import CommandEnded
from local.emulator.engine import Execution
from local.emulator.inbox import Message

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red", "bright_cyan", "bright_magenta")
_OUTPUT_LINES = 6
_QUIET_STATES = {
    *("What Now?", "Go", "Pause", "Was Anyone Paged?"),
    *("Switched Off?", "Next Move", "Await Step", "Wait", "Read Step"),
}
"""States that are not printed: questions whose answer is the next state, and polls."""


class Story:
    """A printer of one line for each event, in order. Any thread may call it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._labels: dict[str, str] = {}
        self._colours: dict[str, str] = {}
        self._states: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None

    def name(self, incident_id: str, label: str) -> None:
        """Set the short name that is printed for an incident; a later call for the same incident changes nothing."""
        with self._lock:
            self._labels.setdefault(incident_id, label)

    def say(self, label: str, text: str, *, style: str = "") -> None:
        """Print a line that begins with the time and a label, such as the scenario's name."""
        with self._lock:
            self._line(label, text, style)

    def command(self, ended: CommandEnded) -> None:
        """Print that a command ended on a host, with the first lines of its output."""
        with self._lock:
            label, style = self._label(ended.comment), "" if ended.status == "Success" else "bold red"
            self._line(label, f"{ended.host} ran {ended.document}: {ended.status}", style)
            lines = ended.output.strip().splitlines()
            for line in lines[:_OUTPUT_LINES]:
                self._line(label, f"    {line}", "dim")
            if len(lines) > _OUTPUT_LINES:
                self._line(label, f"    … {len(lines) - _OUTPUT_LINES} more lines", "dim")

    def message(self, message: Message) -> None:
        """Print that a message was sent or edited, with its first line; print nothing for one in a thread."""
        if message.thread:
            return  # only details are in threads
        lines = [line for line in message.text.splitlines() if line.strip()]
        # In Slack the second line says who has it.
        headline = "  ".join(lines[: 2 if message.channel == "slack" else 1])
        edited = "  (edited)" if message.edits else ""
        with self._lock:
            label = self._label(message.incident or "")
            who = f"{message.channel} {message.to}" + (f" ({message.kind})" if message.kind != "message" else "")
            self._line(label, f"{who}{edited}: {headline}", "bold")

    def states(self, incident_id: str) -> list[str]:
        """Return the states that an incident's execution went through, as far as they were seen."""
        with self._lock:
            return list(self._states.get(incident_id, []))

    def watch(self, executions: Callable[[], Iterable[Execution]], every_seconds: float = 0.4) -> None:
        """Print each new state of the executions, from another thread, until `close`.

        `executions` returns all executions as they are when it is called, which is done every `every_seconds`.
        """

        def follow() -> None:
            finished: set[str] = set()
            while not self._stop.wait(every_seconds):
                for execution in executions():
                    if execution.name not in finished:
                        self._follow_up(execution)
                        if execution.status != "RUNNING":
                            finished.add(execution.name)

        self._watcher = threading.Thread(target=follow, daemon=True)
        self._watcher.start()

    def close(self) -> None:
        """Stop following executions."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join(timeout=5)

    def _follow_up(self, execution: Execution) -> None:
        with self._lock:
            label = self._label(execution.name)
            told = len(self._states.get(execution.name, ()))
            self._states[execution.name] = list(execution.states)
            for state in execution.states[told:]:
                if state not in _QUIET_STATES:
                    self._line(label, f"state: {state}", "italic")
            if execution.status != "RUNNING":
                style = "green" if execution.status == "SUCCEEDED" else "bold red"
                self._line(label, f"execution {execution.status}", style)

    def _label(self, incident_id: str) -> str:
        first = incident_id.rpartition("-")[0]  # an execution that succeeds another has the incident's id and a number
        return self._labels.get(incident_id) or self._labels.get(first) or incident_id[:24]

    def _line(self, label: str, text: str, style: str) -> None:
        colour = self._colours.setdefault(label, _COLOURS[len(self._colours) % len(_COLOURS)])
        line = Text()
        line.append(time.strftime("%H:%M:%S "), "dim")
        line.append(f"{_printable(label):<11.24} ", colour)
        line.append(_printable(text), style)
        self._console.print(line, overflow="ellipsis", no_wrap=True)


def path(states: Iterable[str]) -> str:
    """Join states into one line with arrows; leave out repetitions and states that only ask or poll (`What Now?`)."""
    shown: list[str] = []
    for state in states:
        if state not in _QUIET_STATES and (not shown or shown[-1] != state):
            shown.append(state)
    return " → ".join(shown)


def _printable(text: str) -> str:
    """Return a text with spaces for the characters that a terminal might obey, such as those of an escape sequence."""
    return "".join(character if character.isprintable() else " " for character in text)
