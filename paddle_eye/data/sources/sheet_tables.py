"""Label sheets as text, whatever kind of file they are: xlsx, CSV, or lists of a path and a label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from paddle_eye.data.sources.delimited import GB_2312, MOST_ROWS, Delimited, decode, read_delimited
from paddle_eye.data.sources.part_names import plain
from paddle_eye.data.sources.workbook import read_sheet
from paddle_eye.errors import InputError, brief, listed

LISTS = (".txt", ".lst", ".list")
_LONGEST_LINE = 8192  # letters; a path has at most half of that
_WORKBOOKS = (".xlsx", ".xlsm", ".xls")


class SheetTable(NamedTuple):
    """A sheet as text.

    Args:
        place: file and sheet, for messages.
        header: the names of the columns that have one.
        rows: where each row is, and its cells by column; what has no column's name above it is left out.
        faults: of rows with cells behind the last column that has a name, which may have pushed the others there.
        notes: what a person should know of how it was read.
    """

    place: str
    header: list[str]
    rows: list[tuple[str, dict[str, str]]]
    faults: list[str]
    notes: list[str]


def read_sheet_table(
    sheet: Path, usual: frozenset[str], wanted: Sequence[str] = (), name: str | None = None
) -> SheetTable:
    """A sheet of any kind.

    Args:
        sheet: the file.
        usual: what a column of pictures may be called, see `plain`; a list whose first line has one is a CSV file.
        wanted: headers that tell the sheet of a workbook, in small letters.
        name: of the sheet of a workbook, if it was said.

    Raises:
        InputError: it cannot be read, is empty, or has two columns of one name.
    """
    kind = sheet.suffix.lower()
    if name is not None and kind not in _WORKBOOKS:
        raise InputError(f"--sheet-name {name}: {sheet} is no workbook and has no sheets of its own; leave it out")
    if kind in _WORKBOOKS:
        table = _of_workbook(sheet, wanted, name)
    elif kind in LISTS and not usual & set(map(plain, (text := read_delimited(sheet)).header)):
        table = _of_list(sheet)
    else:
        table = _of_text(sheet, text if kind in LISTS else read_delimited(sheet))
    doubles = sorted({each for each in table.header if table.header.count(each) > 1})
    if doubles:
        raise InputError(f"{table.place}: several columns are called {listed(doubles)}; rename them")
    return table


def lines_of(path: Path) -> list[str]:
    """The lines of a file of text that are not blank, without blanks around them."""
    return [line.strip() for line in decode(path).text.splitlines() if line.strip()]


def _of_text(sheet: Path, text: Delimited) -> SheetTable:
    rows, faults = [], []
    for line, cells in text.rows:
        if beyond := cells.pop(None, None):
            faults.append(_fault_beyond(f"line {line}", beyond, "; a cell with a separator in it stands in quotes"))
        rows.append((f"line {line}", {name: cell or "" for name, cell in cells.items() if name}))
    return SheetTable(str(sheet), list(filter(None, text.header)), rows, faults, _of_encoding(text.encoding))


def _of_workbook(sheet: Path, wanted: Sequence[str], name: str | None) -> SheetTable:
    found = read_sheet(sheet, wanted, name)
    if not found.rows:
        raise InputError(f"{found.place}: the sheet is empty")
    header = list(map(_text, found.rows[0][1]))
    while header and not header[-1]:
        del header[-1]
    rows, faults, beside = [], [], 0
    for number, cells in found.rows[1:]:
        beyond = list(map(_text, cells[len(header) :]))
        if beyond and beyond[0]:  # next to the others, which may have been pushed
            faults.append(_fault_beyond(f"row {number}", list(filter(None, beyond))))
        beside += sum(map(bool, beyond))
        named = {each: _text(cell) for each, cell in zip(header, cells) if each}
        if any(named.values()):
            rows.append((f"row {number}", named))
    notes = [f"{beside} cells beside the columns that have names are passed over"] * bool(beside)
    if found.unsaved:
        notes.append(f"{found.unsaved} formulas have no value and are blank; open and save the file in Excel")
    return SheetTable(found.place, list(filter(None, header)), rows, faults, notes)


def _of_list(sheet: Path) -> SheetTable:
    """Lines of a path and a label behind it, as PaddleX and PaddleClas have them."""
    text, encoding = decode(sheet)
    rows, faults = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > _LONGEST_LINE:
            raise InputError(f"{sheet}, line {number}: {len(line)} letters are no path and label; give another file")
        if line.strip():
            path, label = _path_and_label(line.strip())
            rows.append((f"line {number}", {"path": path, "label": label}))
            if "," in label and not label.replace(",", "").isdecimal():
                found = brief(repr(line.strip()))
                faults.append(
                    f"line {number}: expected a path and a label, found {found}; call a table of columns .csv"
                )
        if len(rows) > MOST_ROWS:
            raise InputError(f"{sheet}: more than {MOST_ROWS} lines are too many; leave some out")
    return SheetTable(str(sheet), ["path", "label"], rows, faults, _of_encoding(encoding))


def _path_and_label(line: str) -> tuple[str, str]:
    """What stands before and behind the last blank, tab or semicolon of a line, or, without one, its first comma."""
    label = re.split(r"[\s;]", line)[-1]
    path = line[: len(line) - len(label)].rstrip()
    if not path:
        path, _, label = line.partition(",")
    return path.removesuffix(",").removesuffix(";").rstrip(), label


def _fault_beyond(place: str, cells: Sequence[str], how: str = "") -> str:
    return (
        f"{place}: {brief(', '.join(map(repr, cells)))} stands behind the last column that has a name; "
        f"give the column one, or take it out{how}"
    )


def _of_encoding(encoding: str) -> list[str]:
    return ["it is not in UTF-8 and was read as Chinese (GB 2312); if its names look wrong, save it as UTF-8"] * (
        encoding == GB_2312
    )


def _text(cell: Any) -> str:
    """A cell of a workbook as a CSV file has it; a number without a needless point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()
