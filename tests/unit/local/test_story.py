"""The printer of what happens on a local stack: its lines are short, and no text of an alert controls the terminal."""

from io import StringIO

from rich.console import Console

from local.demo.story import Story, path
from local.emulator.commands import CommandEnded
from local.emulator.inbox import Message


def tell() -> tuple[Story, StringIO]:
    out = StringIO()
    return Story(Console(file=out, width=200, force_terminal=False)), out


def test_a_command_shows_where_it_ran_and_the_first_six_lines_of_its_output() -> None:
    story, out = tell()
    story.name("incident-1", "full disk")

    story.command(CommandEnded("fl-low-disk-free-space", "incident-1", "web-1", "Success", "freed 42 MB\n" * 9))

    text = out.getvalue()
    assert "full disk" in text
    assert "web-1 ran fl-low-disk-free-space: Success" in text
    assert text.count("freed 42 MB") == 6
    assert "… 3 more lines" in text


def test_a_message_shows_who_got_it_and_its_headline_once() -> None:
    story, out = tell()
    message = Message("slack", "#ops-alerts", "\nDisk full\nNobody has it.\nmuch more", "incident-1", edits=1)

    story.message(message)
    story.message(Message("slack", "#ops-alerts", "details in the thread", thread="1.0"))

    assert "slack #ops-alerts  (edited): Disk full  Nobody has it." in out.getvalue()
    assert "much more" not in out.getvalue()
    assert "thread" not in out.getvalue()


def test_text_of_an_alert_is_never_obeyed_by_terminal_or_markup() -> None:
    story, out = tell()
    story.message(Message("slack", "#a", "\x1b[2J\x1b]0;pwned\x07 [bold red]hi[/] \u202egnp"))
    assert "\x1b" not in out.getvalue()
    assert "\x07" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert "[bold red]hi[/]" in out.getvalue()


def test_a_path_leaves_out_polls_and_questions() -> None:
    states = ["Classify", "What Now?", "Go", "Run Step", "Wait", "Read Step", "Run Step", "Close Incident"]
    assert path(states) == "Classify → Run Step → Close Incident"
