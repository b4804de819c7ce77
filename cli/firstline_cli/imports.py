"""The commands `firstline import` and `firstline words`: draft, load and list severities that people give alerts."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table as Grid

from firstline.adapters.dynamodb.incidents import TableIncidents
from firstline.errors import ConfigurationError, HistoryUnavailable
from firstline.models import Word
from firstline.policy.files import KeyTwice, documents
from firstline.sources import SOURCES
from firstline.text import count, one_line
from firstline_cli import drafts, words_file
from firstline_cli.console import AWS_FAILED, LOGIN, WRONG, PersonOption, console_of, refusal
from firstline_cli.drafts import LeftOut
from firstline_cli.spreadsheet import ListOutputOption, for_scripts
from firstline_cli.stacks import CHOSEN, StackOption, table_of
from firstline_cli.words_file import Draft

imports = typer.Typer(help="Draft a severity for each alert that your tools can send.", no_args_is_help=True)
lasting = typer.Typer(help="Say how bad alerts are whose source states no severity.", no_args_is_help=True)

FilesArgument = Annotated[list[Path], typer.Argument(help="The files to read.")]
ConfirmOption = Annotated[bool, typer.Option(help="Store the suggested words at once, in your name.")]


@imports.command("alarms")
def import_alarms(
    prefix: Annotated[str, typer.Option(help="Only alarms whose name begins so.")] = "",
    confirm: ConfirmOption = False,
    by: PersonOption = LOGIN,
    stack: StackOption = CHOSEN,
) -> None:
    """Suggest a severity for each CloudWatch alarm of this account and region, by its tags, actions and words."""
    left_out: LeftOut = Counter()
    try:
        found = list(drafts.of_alarms(_alarms(boto3.client("cloudwatch"), prefix), left_out))
    except (BotoCoreError, ClientError) as error:
        raise refusal(
            f"CloudWatch's alarms cannot be read ({error}): check AWS_REGION, AWS_PROFILE and the permissions "
            "cloudwatch:DescribeAlarms and cloudwatch:ListTagsForResource."
        ) from None
    _hand_out(found, left_out, confirm, by, stack)


@imports.command("rules")
def import_rules(
    files: FilesArgument,
    source: Annotated[
        str, typer.Option(help="The source that sends these alerts: prometheus or grafana.")
    ] = "prometheus",
    confirm: ConfirmOption = False,
    by: PersonOption = LOGIN,
    stack: StackOption = CHOSEN,
) -> None:
    """Suggest a severity for each alerting rule without one in rule files of Prometheus or PrometheusRule manifests."""
    left_out: LeftOut = Counter()

    def read(documents: list[Any]) -> Iterator[Draft]:
        # Of a manifest with several documents, some are empty, or another kind of object.
        for document in [each for each in documents if drafts.holds_rules(each)] or [None]:
            yield from drafts.of_rules(document, source, left_out)

    found = [draft for file in files for draft in _of_file(file, read)]
    _hand_out(found, left_out, confirm, by, stack)


@imports.command("monitors")
def import_monitors(
    files: FilesArgument, confirm: ConfirmOption = False, by: PersonOption = LOGIN, stack: StackOption = CHOSEN
) -> None:
    """Suggest a severity for each of Datadog's monitors, from the JSON of `GET /api/v1/monitor`."""
    left_out: LeftOut = Counter()

    def read(documents: list[Any]) -> Iterator[Draft]:
        for document in documents:
            yield from drafts.of_monitors(document, left_out)

    _hand_out([draft for file in files for draft in _of_file(file, read)], left_out, confirm, by, stack)


@imports.command("incidents")
def import_incidents(
    days: Annotated[float, typer.Option(help="How far to look back.", min=0.01)] = 30,
    confirm: ConfirmOption = False,
    by: PersonOption = LOGIN,
    stack: StackOption = CHOSEN,
) -> None:
    """Suggest a severity for each alert without one in past incidents, the most frequent first."""
    closed = TableIncidents(table_of(stack)).closed_since(datetime.now(UTC) - timedelta(days=days))
    _hand_out(drafts.of_incidents(closed), Counter(), confirm, by, stack)


@lasting.command()
def load(
    file: Annotated[Path, typer.Argument(help="The lines of `firstline import`, corrected; - reads stdin.")],
    by: PersonOption = LOGIN,
    stack: StackOption = CHOSEN,
) -> None:
    """Store the severities in a file, in your name. A line whose column `word` is empty is skipped.

    A file that a spreadsheet saved is read as well. Lines that are not clear are refused with their number, and the
    others are stored; the command then ends with code 1.
    """
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        lines = words_file.read_lines(words_file.decoded(data), SOURCES)
    except OSError as error:
        raise refusal(f"{file}: cannot be read ({error})") from None
    except ConfigurationError as error:
        raise refusal(f"{file}: {error}") from None
    for refused in lines.refused:
        print(f"{file}: {refused}", file=sys.stderr)
    if lines.without_word:
        print(f"Skipped {count(lines.without_word, 'line')} without a word.", file=sys.stderr)
    if lines.refused and not lines.clear:
        raise refusal(f"{file}: no line could be read, so nothing was stored: correct the lines named above.")
    _store(lines.clear, by, stack)
    if lines.refused:
        raise refusal(f"{count(len(lines.refused), 'line')} of {file} not stored: correct and load it again.", WRONG)


@lasting.command("list")
def list_(output: ListOutputOption = "table", stack: StackOption = CHOSEN) -> None:
    """List the severities that people gave alerts: which alert, how bad, who said so, and when.

    The severity noise, which drops an alert, counts for a limited time. After that the list marks it with "is asked
    again", because Slack then asks again.
    """
    found = sorted(
        TableIncidents(table_of(stack)).words(), key=lambda word: (word.subject.source, word.subject.alert_name)
    )
    now = datetime.now(UTC)
    if output != "table":
        sys.stdout.write(for_scripts([_plain(word, now) for word in found], _COLUMNS, output))
        return
    if not found:
        print("Nobody has said how bad an alert is yet: press a button in Slack, or run `firstline import`.")
        return
    grid = Grid("source", "alert", "environment", "is", "said by", "on", show_edge=False)
    for word in found:
        asked = "" if word.holds(now) else " (is asked again)"
        kind = word.subject
        grid.add_row(
            kind.source, kind.alert_name, kind.environment or "", word.severity, word.by, f"{word.at:%Y-%m-%d}{asked}"
        )
    console_of().print(grid)


_COLUMNS = ("source", "alert", "environment", "severity", "by", "at", "holds")


def _plain(word: Word, now: datetime) -> dict[str, Any]:
    return {
        "source": word.subject.source,
        "alert": word.subject.alert_name,
        "environment": word.subject.environment or "",
        "severity": word.severity,
        "by": word.by,
        "at": word.at.isoformat(),
        "holds": word.holds(now),
    }


def _hand_out(found: list[Draft], left_out: LeftOut, confirm: bool, by: str, stack: str) -> None:
    """Print the suggested severities for a person to correct and load; with `confirm`, store them at once instead.

    They are stored in the name of the person `by`. Say on stderr how many alerts were left out, and why.
    """
    for why, number in left_out.most_common():
        print(f"Left out {number}: {why}.", file=sys.stderr)
    found = drafts.one_for_each(found)
    if confirm:
        _store(found, by, stack)
        return
    sys.stdout.write(words_file.written(found))
    print(f"{count(len(found), 'line')}. Correct the words, then: firstline words load FILE", file=sys.stderr)


def _store(found: Iterable[Draft], by: str, stack: str) -> None:
    incidents, now = TableIncidents(table_of(stack)), datetime.now(UTC)
    said: dict[str, Any] = {"person": f"shell:{by}", "by": f"{by} (command line)", "at": now}
    stored = 0
    words = [Word(subject=draft.kind, severity=words_file.WORDS[draft.word], **said) for draft in found]
    try:
        for word in words:
            incidents.save_word(word)
            stored += 1
    except HistoryUnavailable as error:
        of = f"{stored} of {count(len(words), 'word')}"
        raise refusal(f"Only {of} were stored ({error}): run it again, which stores all.", AWS_FAILED) from None
    print(f"Stored {count(len(words), 'word')} in the name of {by}.")


def _of_file(file: Path, read: Callable[[list[Any]], Iterable[Draft]]) -> Iterator[Draft]:
    try:
        # JSON is YAML, and YAML's reader is much slower.
        text = words_file.decoded(file.read_bytes())
        text.encode()  # bytes that are no UTF-8 are refused
        is_json = file.suffix == ".json"
        yield from read([json.loads(text, object_pairs_hook=_each_key_once)] if is_json else documents(text))
    except KeyTwice as error:
        raise refusal(f"{file}: {error}") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        why = one_line(str(error), 300)
        raise refusal(f"{file}: cannot be read ({why}): give a whole file of YAML or JSON, in UTF-8") from None
    except OSError as error:
        raise refusal(f"{file}: cannot be read ({error.strerror}): name the file to read") from None
    except ConfigurationError as error:
        raise refusal(f"{file}: {error}") from None


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object's pairs as a dictionary; raise ConfigurationError if a key is there twice, as YAML's does.

    Python's reader of JSON would silently keep the last.
    """
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ConfigurationError(f"{one_line(key, 100)}: given twice; keep one")
        found[key] = value
    return found


def _alarms(client: Any, prefix: str) -> Iterator[tuple[Mapping[str, Any], Mapping[str, str]]]:
    """Yield the alarms whose name begins with `prefix`, each with its tags.

    CloudWatch limits this to about ten alarms a second.
    """
    asked: dict[str, Any] = {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    if prefix:
        asked["AlarmNamePrefix"] = prefix
    for page in client.get_paginator("describe_alarms").paginate(**asked):
        for alarm in [*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())]:
            tags = client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
            yield alarm, {tag["Key"]: tag["Value"] for tag in tags}
