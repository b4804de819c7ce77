"""The file in which a person corrects drafted severities, as spreadsheets and editors leave it."""

import pytest

from firstline.errors import ConfigurationError
from firstline.models import AlertKind
from firstline_cli import words_file
from firstline_cli.words_file import Draft

HEADING = "source\tname\tenvironment\tword\twhy\ttext\n"
GIVEN = [
    Draft("prometheus", 'Disk "Data"; full', "*", "tell", "its words, mostly", "C:\\data is full"),
    Draft("cloudwatch", "=Überlauf", "prod", "page", ""),
]


def test_a_draft_that_is_written_and_read_names_the_same_alert() -> None:
    given = Draft("prometheus", "Data Loss", "*", "page", 'a "tab"\there', "replica \\ lost")
    (back,) = words_file.read(words_file.written([given]))

    assert back.kind.key == AlertKind(source="prometheus", alert_name="data loss", environment="*").key
    assert (back.word, back.text) == ("page", "replica \\ lost")
    assert "lost" in back.kind.template


def test_a_line_without_a_word_is_left_out() -> None:
    assert words_file.read(words_file.written([Draft("prometheus", "A", "*", "", "")])) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("source\tname\tword\n", "line 1: the column environment is missing"),
        ("source\tname\tword\tenvironment\tWord\n", "line 1: the column word is there twice"),
        ("source\tname\tword\tenvironment\tgr\udcf6\n", "line 1: it is no UTF-8 text"),
        ("source\tname\tenvironment\tword\np\tA\t*\tloud\n", "line 2: the word 'loud' is unknown"),
        ("source\tname\tenvironment\tword\np\t\t*\tpage\n", "line 2: source or name is empty"),
    ],
)
def test_a_mistake_in_a_drafts_file_is_named_with_its_line(text: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        words_file.read(text)


def as_excel(separator: str, end: str = "\r\n") -> str:
    """Return the lines of `written(GIVEN)` as Excel saves them: quotes around what has a separator or a quote."""
    lines = [line.split("\t") for line in words_file.written(GIVEN).splitlines()]
    rows = ([_quoted(cell) for cell in line] for line in lines)
    return end.join(separator.join(row) for row in rows) + end


def _quoted(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if set(cell) & set(';,"') else cell


@pytest.mark.parametrize("separator", ["\t", ";", ","])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_that_a_spreadsheet_saved_says_the_same(separator: str, end: str, encoding: str) -> None:
    text = words_file.decoded(as_excel(separator, end).encode(encoding))
    assert words_file.read(text) == GIVEN


def test_a_spreadsheet_takes_no_name_for_a_formula() -> None:
    written = words_file.written([Draft("cloudwatch", "=Überlauf", "prod", "page", "")])
    assert "\n" + "cloudwatch\t'=Überlauf\t" in written


@pytest.mark.parametrize("word", ["Tell", "TELL ", " tell\u00a0", "medium"])
def test_a_word_is_read_in_any_case_and_with_spaces(word: str) -> None:
    (found,) = words_file.read(HEADING + f"Prometheus\tA\t*\t{word}\n")
    assert (found.source, words_file.WORDS[found.word]) == ("prometheus", "medium")


def test_the_columns_may_stand_in_another_order_behind_the_separators_own_line() -> None:
    (found,) = words_file.read("sep=;\nWord;Name;Note;Source;Environment\npage;A;mine;prometheus;\n;;;;\n\n")
    assert found == Draft("prometheus", "A", "", "page", "")


def test_two_imports_may_stand_one_after_the_other() -> None:
    text = words_file.written(GIVEN[:1]) + words_file.written(GIVEN[1:])
    assert words_file.read(text) == GIVEN


def test_a_cell_may_have_several_lines_and_later_lines_keep_their_numbers() -> None:
    lines = words_file.read_lines(HEADING + 'prometheus\tA\t*\tpage\t"so\nlong"\nprometheus\tB\t*\tloud\n')
    assert [draft.why for draft in lines.clear] == ["so long"]
    assert lines.refused[0].startswith("line 4: the word 'loud' is unknown")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"prometheus\tB\t*\tloud", "the word 'loud' is unknown; write one of critical, high"),
        (b"prometheus\t\t*\tpage", "source or name is empty"),
        (b"promethues\tB\t*\tpage", "the source 'promethues' is unknown; write one of prometheus, cloudwatch"),
        (b"prometheus B * page", "it has not the columns of line 1"),
        (b"prometheus\tB\t*\tpage\t\t\tfurther", "it has not the columns of line 1"),
        (b'prometheus\t"B\t*\tpage', "a quote is not closed"),
        (b'prometheus\t"B" x\t*\tpage', "a quote is not closed, or text follows it"),
        ("prometheus\tÜ\t*\tpage".encode("cp1252"), "it is no UTF-8 text: save it as UTF-8 (in Excel: CSV UTF-8)"),
        (b"prometheus\t" + b"B" * 257 + b"\t*\tpage", "the name has more than 256 characters"),
    ],
)
def test_a_line_that_is_not_clear_is_refused_and_the_others_are_read(line: bytes, why: str) -> None:
    data = HEADING.encode() + b"prometheus\tA\t*\tpage\n" + line + b"\nprometheus\tC\t*\tdrop\n"
    lines = words_file.read_lines(words_file.decoded(data), ("prometheus", "cloudwatch"))

    assert [draft.name for draft in lines.clear] == ["A", "C"]
    (refused,) = lines.refused
    assert refused.startswith(f"line 3: {why}")


def test_an_alert_with_different_words_is_refused_and_the_same_said_twice_is_not() -> None:
    said = [("A", "prod", "page"), ("B", "*", "tell"), (" a", "Production", "drop"), ("B", "*", "medium")]
    lines = words_file.read_lines(HEADING + "".join(f"prometheus\t{'\t'.join(cells)}\n" for cells in said))

    assert [draft.name for draft in lines.clear] == ["B"]
    assert lines.refused == ["line 4: 'a' has different words (page in line 2, drop in line 4): keep one of them"]


@pytest.mark.parametrize(
    "data", [HEADING.encode("utf-16-le"), b"\xff\xfea"], ids=["UTF-16 without its mark", "half a character"]
)
def test_a_file_that_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigurationError, match="save it as UTF-8"):
        words_file.decoded(data)
