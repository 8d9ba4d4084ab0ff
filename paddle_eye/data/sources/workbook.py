"""The one reader of xlsx files, within bounds of time and memory."""

from __future__ import annotations

import re
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
MOST_ROWS, MOST_COLUMNS, MOST_CELLS, LAST_ROW = 200_000, 200, 5_000_000, 1_048_576  # the last row is Excel's
_MOST_WALKED_ROWS, _MOST_WALKED_CELLS = 10 * LAST_ROW, 1_000_000_000  # blank ones among them
_LONGEST_TAG = 1000  # of a row
_LONGEST_TEXT, _MOST_LETTERS = 32_767, 32 * 2**20  # the first is Excel's
# openpyxl holds a row at a time, and any other part of a workbook whole: some 500 bytes for each tag and attribute.
_PIECE, _MOST_TOGETHER, _MOST_TAGS, _MOST_TAGS_OF_TEXTS = 2**20, 1_000_000, 10_000_000, 4_000_000
_ROW_END = re.compile(rb"</(?:\w+:)?row>|<(?:\w+:)?row\b[^<>]*/>")
_ROW_NUMBER = re.compile(rb"""<(?:\w+:)?row\b[^<>]*?\sr=["'](\d{1,9})["']""")
_SHEET = re.compile(rb"<(?:\w+:)?sheet\b")
_UNSAVED = re.compile(  # a formula that has been saved as an empty text is of the type str
    rb'<c\b(?![^<>]*\st="str")[^<>]*>\s*<f\b[^<>]*(?:/>|>[^<>]*</f>)\s*(?:<v>\s*</v>|<v\s*/>)?\s*</c>'
)
_STRICT = b"purl.oclc.org/ooxml"


class Sheet(NamedTuple):
    """One sheet of a workbook.

    Args:
        name: of the sheet.
        place: file and sheet, for messages.
        rows: number (from 1) of every row that is not blank, and its cells up to the last that is not.
        unsaved: how many formulas without a value the workbook has; they are blank.
    """

    name: str
    place: str
    rows: list[tuple[int, tuple[Any, ...]]]
    unsaved: int = 0

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
            columns; or the sheet has more columns than are read.
    """
    sheet = _chosen(path, _sheets(path), columns, name)
    if sheet.rows and len(sheet.rows[0][1]) > MOST_COLUMNS:
        count = len(sheet.rows[0][1])
        raise InputError(
            f"{sheet.place}: {count} columns are more than the {MOST_COLUMNS} that are read; take some out"
        )
    return sheet


def _chosen(path: Path, sheets: list[Sheet], columns: Sequence[str], name: str | None) -> Sheet:
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
        unsaved = _scanned(path)
        _require_order(path)
        workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            rows = _Rows(path)
            places = [(sheet, f"{path}, sheet {sheet.title!r}") for sheet in workbook.worksheets]
            return [Sheet(sheet.title, place, rows.read(sheet), unsaved) for sheet, place in places]
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
        workbook = archive.read(_WORKBOOK) if _WORKBOOK in archive.namelist() else b""
    if _STRICT in workbook:
        raise InputError(
            f"{path}: this is a workbook in Strict Open XML; save it as an ordinary Excel workbook (.xlsx)"
        )
    count = len(_SHEET.findall(workbook))
    if count > MOST_SHEETS:
        raise InputError(f"{path}: {count} sheets are too many; save the one with the labels by itself")
    if texts > MOST_MEGABYTES_OF_TEXTS * 2**20:
        raise InputError(f"{path}: its cells have {texts / 2**20:.0f} MB of text, too many for a sheet of labels")


def _scanned(path: Path) -> int:
    """Look through the parts of a workbook, and count the formulas without a value, which no program has saved.

    Raises:
        InputError: a part of it is too much for memory, or all of it for the time.
    """
    unsaved = tags = 0
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            together, before = 0, tags
            with archive.open(entry) as part:
                while piece := part.read(_PIECE):
                    unsaved += len(_UNSAVED.findall(piece))
                    tags += piece.count(b"<")
                    *_, rest = [0, *(found.end() for found in _ROW_END.finditer(piece))]
                    together = (0 if rest else together) + piece.count(b"<", rest) + piece.count(b"=", rest)
                    texts = entry.filename.endswith(_TEXTS)
                    most = _MOST_TAGS_OF_TEXTS if texts else _MOST_TAGS
                    if tags - before > most or tags > _MOST_TAGS or (together > _MOST_TOGETHER and not texts):
                        raise InputError(
                            f"{path}: its part {entry.filename} is too much for a sheet of labels; "
                            "save the labels by themselves"
                        )
    return unsaved


def _require_order(path: Path) -> None:
    """Refuse sheets whose rows are not in the order of their numbers, of which openpyxl would leave some out."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            before, kept = 0, b""
            with archive.open(name) as part:
                while piece := part.read(_PIECE):
                    piece = kept + piece
                    whole = max(0, piece.rfind(b"<"))  # what begins there may go on in the next piece
                    for number in map(int, _ROW_NUMBER.findall(piece, 0, whole)):
                        if not before < number <= LAST_ROW:
                            raise InputError(
                                f"{path}: its part {name} has row {number} behind row {before}; expected rows in order "
                                f"and up to {LAST_ROW}; open it in a spreadsheet program and save it"
                            )
                        before = number
                    kept = piece[whole : whole + _LONGEST_TAG]


class _Rows:
    """The rows of the sheets of a workbook, as many as may be read in all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = self._cells = self._walked_rows = self._walked_cells = self._letters = 0

    def read(self, sheet: Any) -> list[tuple[int, tuple[Any, ...]]]:
        """Those that are not blank, with their numbers.

        Raises:
            InputError: they are too many, or too long.
        """
        rows: list[tuple[int, tuple[Any, ...]]] = []
        sheet.reset_dimensions()  # what a file says of them need not be so
        for number, cells in enumerate(sheet.iter_rows(max_row=LAST_ROW, values_only=True), start=1):
            self._walked_rows, self._walked_cells = self._walked_rows + 1, self._walked_cells + len(cells)
            if filled := _filled(cells):
                rows.append((number, filled))
                self._count(filled)
            if self._walked_rows > _MOST_WALKED_ROWS or self._walked_cells > _MOST_WALKED_CELLS:
                raise InputError(f"{self._path}: too many blank rows and columns; save the labels by themselves")
        return rows

    def _count(self, cells: tuple[Any, ...]) -> None:
        texts = [len(cell) for cell in cells if isinstance(cell, str)]
        self._rows, self._cells, self._letters = self._rows + 1, self._cells + len(cells), self._letters + sum(texts)
        for count, most, what in (
            (self._rows, MOST_ROWS, "rows"),
            (self._cells, MOST_CELLS, "cells"),
            (self._letters, _MOST_LETTERS, "letters"),
            (max(texts, default=0), _LONGEST_TEXT, "letters in a cell"),
        ):
            if count > most:
                raise InputError(f"{self._path}: more than {most} {what} are too many for a sheet of labels")


def _filled(cells: tuple[Any, ...]) -> tuple[Any, ...]:
    """The cells up to the last that is not blank."""
    few = cells[: MOST_COLUMNS + 1]
    if cells.count(None) - few.count(None) == len(cells) - len(few):
        cells = few  # not to walk over thousands that are formatted
    return cells[: next((place for place in range(len(cells), 0, -1) if cells[place - 1] is not None), 0)]
