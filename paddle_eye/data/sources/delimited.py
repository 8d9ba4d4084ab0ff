"""CSV files as people's programs write them: the one reader of tables of text."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from paddle_eye.errors import InputError
from paddle_eye.files import read_ordinary

_MISSING = ("", "na", "n/a", "n.a.", "n.a", "nan", "null", "?", "-", "--", ".")
_ERROR = re.compile(r"#[A-Z0/?!]+", re.IGNORECASE)  # of Excel, such as #N/A and #DIV/0!
_SEPARATORS = (",", ";", "\t")
_MOST_MEGABYTES = 64
MOST_ROWS, _MOST_CELLS = 1_000_000, 10_000_000  # some 500 bytes of memory a row
GB_2312 = "gb2312"


class Delimited(NamedTuple):
    """A table of text.

    Args:
        header: the names of the columns, without blanks around them; empty ones at the end are left out.
        rows: line number and cells by column of each row that is not blank. Cells beyond the header stand under None
            if they are not empty; a cell that the row lacks is None.
        encoding: of the file.
    """

    header: list[str]
    rows: Iterator[tuple[int, dict[Any, Any]]]
    encoding: str


class Text(NamedTuple):
    """What is in a file, and how it was encoded."""

    text: str
    encoding: str


def is_missing(cell: str) -> bool:
    """Whether a cell has what stands for nothing."""
    return cell.casefold() in _MISSING or _ERROR.fullmatch(cell) is not None


def read_delimited(path: Path) -> Delimited:
    """The rows of a CSV file, separated by commas, semicolons or tabs; its first line names the columns.

    Excel's line ``sep=;`` may stand before it, and blank lines.

    Raises:
        InputError: the file cannot be read, or is no CSV file; also while the rows are gone through.
    """
    text, encoding = decode(path)
    said = re.match(r"sep=(.)\r?\n", text)
    text = text[said.end() :] if said else text
    blank = re.match(r"(?:[ \t]*\r?\n)*", text)[0]
    text = text[len(blank) :]
    first, *_ = text.splitlines() or [""]
    unquoted = re.sub(r'"[^"]*"', "", first)
    separator = said[1] if said else max(_SEPARATORS, key=unquoted.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
    except csv.Error as error:
        raise InputError(_no_csv(path, error)) from error
    while header and not header[-1]:  # what spreadsheets leave of columns that were emptied
        del header[-1]
    reader.fieldnames = header
    return Delimited(header, _rows(path, reader, bool(said) + blank.count("\n")), encoding)


def _rows(path: Path, reader: csv.DictReader, before: int) -> Iterator[tuple[int, dict[Any, Any]]]:
    try:
        for number, row in enumerate(reader, start=1):
            if number > min(MOST_ROWS, _MOST_CELLS // max(1, len(reader.fieldnames))):
                raise InputError(f"{path}: more than {number - 1} rows are too many; leave rows or columns out")
            beyond = [cell.strip() for cell in row.pop(None, [])]  # the cells that no column is named for
            stripped = {name: cell and cell.strip() for name, cell in row.items()}
            if any(beyond):
                stripped[None] = list(filter(None, beyond))
            if any(stripped.values()):
                yield before + reader.line_num, stripped
    except csv.Error as error:
        raise InputError(_no_csv(path, error)) from error


def decode(path: Path) -> Text:
    """The text of a file as spreadsheets write it: UTF-8, UTF-16 with its mark, or the simplified Chinese of Excel.

    The last is GB 2312, not GBK, as nearly every text of Western letters with accents is a text in GBK, too.

    Raises:
        InputError: the file cannot be read, or is no text.
    """
    content = read_ordinary(path, _MOST_MEGABYTES, "a CSV file")
    encodings = ["utf-8-sig", GB_2312]
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    faults = []
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            faults.append(error)
            continue
        if "\0" in text:
            raise InputError(f"{path}: this is no CSV file, or one in UTF-16 without its mark; save it in UTF-8")
        return Text(text, encoding)
    raise InputError(_no_csv(path, faults[0])) from faults[0]


def _no_csv(path: Path, error: Exception) -> str:
    return f"{path}: this is no CSV file in UTF-8 ({error}); save it as one"
