"""The one reader of xlsx files, within bounds of time and memory."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl

from paddle_eye.errors import InputError
from paddle_eye.files import require_ordinary

MOST_MEGABYTES, MOST_UNPACKED_MEGABYTES = 64, 256
MOST_SHEETS, MOST_MEGABYTES_OF_TEXTS = 100, 32
_WORKBOOK, _TEXTS = "xl/workbook.xml", "sharedStrings.xml"
MOST_ROWS, MOST_COLUMNS, LAST_ROW = 200_000, 200, 1_048_576  # the last row is Excel's


class Sheet(NamedTuple):
    """One sheet of a workbook.

    Args:
        name: of the sheet.
        place: file and sheet, for messages.
        rows: number (from 1) and cells of every row that is not blank.
    """

    name: str
    place: str
    rows: list[tuple[int, tuple[Any, ...]]]

    def has_columns(self, columns: Sequence[str]) -> bool:
        """Whether its first row has all of these headers, in whatever case."""
        return bool(self.rows) and set(columns) <= set(self.header)

    @property
    def header(self) -> list[str]:
        """The cells of the first row as headers are compared: without blanks around them, in small letters."""
        return ["" if cell is None else str(cell).strip().lower() for cell in self.rows[0][1]] if self.rows else []


def read_sheet(path: Path, columns: Sequence[str], name: str | None = None) -> Sheet:
    """The sheet of an xlsx file that has these columns; of a single one, whatever it has.

    It does not matter which sheet was shown last.

    Args:
        path: the file.
        columns: headers, in small letters.
        name: of the sheet, if it was said.

    Raises:
        InputError: the file is no xlsx file, is too large, or has several sheets, none or some of which have the
            columns.
    """
    sheets = _sheets(path)
    if name is not None:
        named = [sheet for sheet in sheets if sheet.name == name]
        if not named:
            raise InputError(f"{path}: no sheet {name!r}; there are {', '.join(repr(sheet.name) for sheet in sheets)}")
        return named[0]
    having = [sheet for sheet in sheets if sheet.has_columns(columns)]
    filled = [sheet for sheet in sheets if sheet.rows]
    if len(having) == 1:
        return having[0]
    if not having and len(filled) == 1:
        return filled[0]
    if not filled:
        return Sheet("", str(path), [])
    names = ", ".join(sheet.place for sheet in having or filled)
    what = "several sheets have" if having else "no sheet has"
    wanted = f"the columns {', '.join(columns)}" if columns else "rows"
    raise InputError(f"{names}: {what} {wanted}; leave one sheet that has them, or say which (--sheet-name)")


def _sheets(path: Path) -> list[Sheet]:
    try:
        _require_small(path)
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            sheets, left = [], MOST_ROWS
            for sheet in workbook.worksheets:
                sheets.append(Sheet(sheet.title, f"{path}, sheet {sheet.title!r}", _rows(path, sheet, left)))
                left -= len(sheets[-1].rows)
            return sheets
        finally:
            workbook.close()
    except InputError:
        raise
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # openpyxl fails in many ways on what is no xlsx file, or a damaged one
        raise InputError(f"{path}: this is no readable xlsx file ({error}); {_cure(path)}") from error


def _cure(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(8)
    if start == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":  # of Excel's former files
        return "save it as .xlsx"
    if start.startswith(b"PK") or not start:
        return "download it again"
    return "if it is a table of text, call it .csv; if it is a page or another kind of file, save it as .xlsx"


def _require_small(path: Path) -> None:
    require_ordinary(path, MOST_MEGABYTES, "an xlsx file")
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MOST_UNPACKED_MEGABYTES * 2**20:
            raise InputError(f"{path}: it unpacks to {unpacked / 2**20:.0f} MB, too many for a sheet of labels")
        texts = sum(entry.file_size for entry in archive.infolist() if entry.filename.endswith(_TEXTS))
        count = archive.read(_WORKBOOK).count(b"<sheet ") if _WORKBOOK in archive.namelist() else 0
    if count > MOST_SHEETS:
        raise InputError(f"{path}: {count} sheets are too many; save the one with the labels by itself")
    if texts > MOST_MEGABYTES_OF_TEXTS * 2**20:
        raise InputError(f"{path}: its cells have {texts / 2**20:.0f} MB of text, too many for a sheet of labels")


def _rows(path: Path, sheet: Any, most: int) -> list[tuple[int, tuple[Any, ...]]]:
    rows: list[tuple[int, tuple[Any, ...]]] = []
    for number, cells in enumerate(sheet.iter_rows(max_row=LAST_ROW, max_col=MOST_COLUMNS, values_only=True), start=1):
        if cells.count(None) < len(cells):
            rows.append((number, cells))
        if len(rows) > most:
            raise InputError(f"{path}: more than {MOST_ROWS} rows are too many for a sheet of labels")
    return rows
