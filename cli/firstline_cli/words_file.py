"""The file in which a person corrects drafted severities: a line for each alert, as `firstline import` writes it.

People open the file with a spreadsheet, which writes it in its own way: with a byte order mark, in UTF-16, with
semicolons, quotes and Windows' ends of lines. All of that is read. A line whose meaning is not clear is refused, and
the others are not.
"""

import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import get_args

from firstline.classification.severity_words import kind_named
from firstline.errors import ConfigurationError
from firstline.models import AlertKind, Severity
from firstline.text import one_line
from firstline_cli.spreadsheet import no_formula

WORDS: dict[str, Severity] = {
    **{word: word for word in get_args(Severity.__value__)},
    "page": "high",
    "tell": "medium",
    "drop": "noise",
}
"""The words that a line may have in its column `word`, and the severity of each."""

_NEEDED = ("source", "name", "environment", "word")
_SEPARATORS = "\t;,"
_MOST_LINES_OF_A_CELL = 50
_SAVE = "save it as UTF-8 (in Excel: CSV UTF-8)"
_MOST_CHARACTERS = 10_000
_MOST_OF_A_NAME = 256
_BAD_QUOTES, _NOT_UTF8 = "\0quotes", "\0utf-8"
_UNREADABLE = {
    _BAD_QUOTES: "a quote is not closed, or text follows it: remove the quotes, or double each within a cell in quotes",
    _NOT_UTF8: f"it is no UTF-8 text: {_SAVE}",
}
"""The single cell that stands for a record that cannot be read, and why it cannot."""

_UNDECODED = re.compile("[\udc80-\udcff]")
_ESCAPED = re.compile(r"\\([\\\"])")


@dataclass(frozen=True, slots=True)
class Draft:
    """One line of a draft: an alert, the word suggested for its severity, and why.

    `word` is a severity, `page`, `tell` or `drop`. `environment` is the alert's; `*` stands for all environments.
    """

    source: str
    name: str
    environment: str
    word: str
    why: str
    text: str = ""

    @property
    def kind(self) -> AlertKind:
        """The kind of alert that the line is about: all alerts of its source and name in its environment."""
        return kind_named(self.source, self.name, self.environment or None, self.text)


COLUMNS = tuple(column.name for column in fields(Draft))


@dataclass(slots=True)
class Lines:
    """The lines of a file: what the clear ones say, and why others are refused, each with its number.

    `without_word` is the number of lines whose column `word` is empty.
    """

    clear: list[Draft] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    without_word: int = 0


def written(drafts: Iterable[Draft]) -> str:
    """Return drafts as tab-separated lines, below a heading with the names of the columns.

    A spreadsheet takes none of their cells for a formula.
    """
    out = io.StringIO()
    lines = csv.DictWriter(out, COLUMNS, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\")
    lines.writeheader()
    for draft in drafts:
        lines.writerow({name: no_formula(value.replace("\t", " ")) for name, value in asdict(draft).items()})
    return out.getvalue()


def decoded(data: bytes) -> str:
    """Return the text of a file in UTF-8 or UTF-16. Bytes that are no UTF-8 stay, as lone surrogates.

    Raises
    ------
    ConfigurationError
        The file is no text: it is in UTF-16 without a byte order mark, or breaks off in the middle of a character.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError:
            raise ConfigurationError(f"it is no whole UTF-16 text: {_SAVE}") from None
    if (before := data.partition(b"\0")[0]) != data:
        raise ConfigurationError(f"line {before.count(b'\n') + 1}: it is no UTF-8 text: {_SAVE}")
    return data.decode("utf-8-sig", "surrogateescape")


def read(text: str) -> list[Draft]:
    """Read the lines that a person corrected; leave out those whose column `word` is empty.

    Raises
    ------
    ConfigurationError
        A column is missing, or a line is not clear; the message names the line.
    """
    lines = read_lines(text)
    if lines.refused:
        raise ConfigurationError(lines.refused[0])
    return lines.clear


def read_lines(text: str, sources: Collection[str] = ()) -> Lines:
    """Read the lines that a person corrected, and say which are not clear.

    Several lines on one alert are refused if they say different severities, because nobody knows which one is meant. If
    `sources` are given, a line on an alert of any other source is refused.

    Raises
    ------
    ConfigurationError
        The first line lacks a column, or has it twice.
    """
    rows = re.split("\r\n|\r|\n", text.removeprefix("\ufeff"))
    start = 1 if rows[0].strip().lower().startswith("sep=") else 0
    heading = rows[start] if len(rows) > start else ""
    records = _records(rows, start, max(_SEPARATORS, key=heading.count))
    names = [name.lower() for name in next(records, (0, [""]))[1]]
    if why := _why_no_heading(names):
        raise ConfigurationError(f"line {start + 1}: {why}; keep the first line that `firstline import` wrote")
    lines, unclear, said = Lines(), dict[int, str](), dict[str, list[tuple[int, Draft]]]()
    for number, cells in records:
        given = dict(zip(names, cells, strict=False))
        if not any(cells) or [cell.lower() for cell in cells] == names:
            continue  # a blank line, or the heading of another import that was appended
        if why := _why_unclear(given, cells[len(names) :], sources):
            unclear[number] = why
        elif not given["word"]:
            lines.without_word += 1
        else:
            draft = _draft(given)
            said.setdefault(draft.kind.key, []).append((number, draft))
    for same in said.values():
        number, draft = same[-1]
        if len({WORDS[other.word] for _, other in same}) == 1:
            lines.clear.append(draft)
        else:
            different = ", ".join(f"{other.word} in line {at}" for at, other in same)
            unclear[number] = f"{draft.name!r} has different words ({different}): keep one of them"
    lines.refused = [f"line {number}: {why}" for number, why in sorted(unclear.items())]
    return lines


def _why_no_heading(names: Sequence[str]) -> str | None:
    """Return why the first line does not name each column once; None if it does."""
    if names[0] in _UNREADABLE:
        return _UNREADABLE[names[0]]
    if missing := sorted(set(_NEEDED) - set(names)):
        return f"the column {', '.join(missing)} is missing"
    twice = [name for name in COLUMNS if names.count(name) > 1]
    return f"the column {', '.join(twice)} is there twice" if twice else None


def _records(rows: list[str], start: int, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record of a file from the line with the index `start` on: the number of its first line, and its cells.

    A record has several lines if a cell in quotes has. A record that cannot be read has as its only cell the key of
    `_UNREADABLE` that says why.
    """
    at = start
    while at < len(rows):
        some = (f"{row}\n" for row in rows[at : at + _MOST_LINES_OF_A_CELL])
        reader = csv.reader(some, delimiter=separator, strict=True)
        try:
            cells = [_cell(cell) for cell in next(reader)]
            read = reader.line_num
        except csv.Error:
            cells, read = [_BAD_QUOTES], 1
        if any(_UNDECODED.search(row) for row in rows[at : at + read]):
            cells = [_NOT_UTF8]
        yield at + 1, cells
        at += read


def _cell(text: str) -> str:
    """Return the text of a cell without what `written` put in so that it stays one cell and no formula."""
    plain = one_line(_ESCAPED.sub(r"\1", text), _MOST_CHARACTERS)
    return plain[1:] if plain[:1] == "'" and no_formula(plain[1:]) == plain else plain


def _why_unclear(given: Mapping[str, str], further: Iterable[str], sources: Collection[str]) -> str | None:
    """Return why a line is not clear, and what to do; None if it is clear or its column `word` is empty.

    `given` has the line's cells by column, `further` its cells beyond the columns, `sources` the known sources (if
    empty, any source is taken).
    """
    if (first := next(iter(given.values()))) in _UNREADABLE:
        return _UNREADABLE[first]
    if not given.keys() >= set(_NEEDED) or any(further):
        return "it has not the columns of line 1: separate them as there, and put a cell with a separator in quotes"
    word, source = given["word"].lower(), given["source"].lower()
    if not word:
        return None
    if word not in WORDS:
        return f"the word {given['word']!r} is unknown; write one of {', '.join(WORDS)}"
    if not source or not given["name"]:
        return "source or name is empty; write both, as `firstline import` does"
    if sources and source not in sources:
        return f"the source {given['source']!r} is unknown; write one of {', '.join(sources)}"
    for column in ("source", "name", "environment"):
        if len(given[column]) > _MOST_OF_A_NAME:
            return f"the {column} has more than {_MOST_OF_A_NAME} characters; write it as the alert has it"
    return None


def _draft(given: Mapping[str, str]) -> Draft:
    cells = {name: given.get(name, "") for name in COLUMNS}
    return Draft(**cells | {"source": cells["source"].lower(), "word": cells["word"].lower()})
