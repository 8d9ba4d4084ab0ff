"""Label sheets of other people, xlsx, CSV or lists of text, to records: which column means what is said or guessed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from paddle_eye.data.images import find_pictures, is_clutter
from paddle_eye.data.patients import patient_of
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.sources.delimited import decoded, read_delimited
from paddle_eye.data.sources.tables import fault_of_class, whole_number, zeros_and_ones
from paddle_eye.data.sources.workbook import read_sheet
from paddle_eye.errors import InputError, brief, listed, raise_faults

# Names that a column usually has, as `_plain` compares them, the surest first.
_USUAL = {
    "image": (
        *("imgname", "filename", "imagename", "idcode", "imageid", "image", "imagepath", "path", "file", "img"),
        *("picture", "photo", "fundus", "图片", "图像", "图片名", "文件名", "影像", "id"),
    ),
    "label": (
        *("label", "labels", "level", "diagnosis", "class", "retinopathygrade", "adjudicateddrgrade", "drgrade"),
        *("grade", "binarylabels", "glaucoma", "diseaserisk", "category", "标签", "类别", "诊断", "分级"),
    ),
    "group": ("group", "patient", "patientid", "subject", "subjectid", "患者", "病人", "病历号", "住院号"),
    "split": ("split", "subset", "partition", "划分"),
}
_TRAINING, _TEST = ("train", "training", "trainset"), ("test", "testing", "testset")
_VALIDATION = ("val", "valid", "validation", "dev")
_LISTS = (".txt", ".lst", ".list")
_NAMES_OF_CLASSES = "labels.txt"  # beside a list
_MOST_CLASSES = 200


@dataclass(frozen=True)
class Columns:
    """Which columns of a sheet mean what; None is guessed from the usual names.

    Args:
        image: of the pictures' names; several, if a row has several photographs of one patient.
        label: of the class; several columns of 0 and 1, if a photograph may show several things or none.
        group: of the patient.
        split: of the part that a row belongs to.
        sheet: the name of the sheet of a workbook.
    """

    image: tuple[str, ...] | None = None
    label: tuple[str, ...] | None = None
    group: str | None = None
    split: str | None = None
    sheet: str | None = None


class Labelled(NamedTuple):
    """What a sheet says.

    Args:
        parts: all its photographs as one, or the two parts into which it divides them, with the same classes.
        notes: which columns were taken, and what was passed over.
    """

    parts: list[RecordSet]
    notes: list[str]


class _Table(NamedTuple):
    """A sheet as text: where its rows are and what their cells hold, by column."""

    place: str
    header: list[str]
    rows: list[tuple[str, dict[str, str]]]


class _Row(NamedTuple):
    """A row that was understood: a picture and what the sheet says of it."""

    place: str
    image: Path
    value: str | tuple[int, ...]
    group: str | None
    part: str


def read_labels(
    sheet: Path,
    folders: Sequence[Path],
    columns: Columns = Columns(),
    names: Sequence[str] | None = None,
    known: tuple[str, ...] | None = None,
    pattern: re.Pattern | None = None,
) -> Labelled:
    """Records of the rows of a sheet.

    Pictures are found by their path from a folder, by their name or by their name without its ending, in any case.

    Args:
        sheet: an xlsx file, a CSV file, or a list, each line of which is a path and the number of a class.
        folders: where the pictures are, also in folders inside.
        columns: which mean what.
        names: of the classes, if the labels are numbers from 0; None takes them from ``labels.txt`` beside a list, or
            makes the numbers names.
        known: the classes that there are, for the sheet of a second part.
        pattern: see `patient_of`; for sheets without a column of patients.

    Raises:
        InputError: the sheet cannot be read, a column is missing, or rows are wrong; all of them in one message.
    """
    table, taken = _with_columns(sheet, columns)
    notes = [f"{table.place}: {', '.join(f'{what} is {_named(which)}' for what, which in taken.items())}"]
    index = _PictureIndex(folders)
    faults: list[str] = []
    rows: list[_Row] = []
    place_of: dict[Path, str] = {}
    for row in _understood(table, taken, index, pattern, faults):
        if row.image in place_of:
            faults.append(f"{row.place}: {row.image} has a row already, {place_of[row.image]}")
            continue
        place_of[row.image] = row.place
        rows.append(row)
    if not rows and not faults:
        faults.append("no row with a photograph")
    advice = "mend the rows, or say which column means what (--image-column, --label-column …)"
    raise_faults(table.place, faults, advice)
    several = len(taken["label"]) > 1
    if names is None and sheet.suffix.lower() in _LISTS:
        names = _names_beside(sheet)
    classes, label_of = (taken["label"], {}) if several else _classes(table.place, rows, names, known)
    if several and known is not None and classes != known:
        raise InputError(f"{table.place}: the classes are {classes}, the first sheet has {known}")
    if wrong := [fault for fault in map(fault_of_class, classes) if fault]:
        raise InputError(f"{table.place}: {wrong[0]}")
    records: dict[str, list[Record]] = {"training": [], "test": []}
    for row in rows:
        label = row.value if several else label_of[row.value]
        records["test" if row.part == "test" else "training"].append(Record(row.image, label, row.group))
    unnamed = [path for path in index.pictures if path not in place_of]
    if unnamed:
        notes.append(f"{len(unnamed)} photographs have no row in {sheet}: {listed(unnamed)}")
    joined = sum(row.part == "validation" for row in rows)
    if joined:
        notes.append(
            f"{joined} rows of the validation part are joined with the training part; --holdout of train.py sets some "
            "aside again"
        )
    return Labelled([RecordSet(tuple(classes), tuple(part)) for part in records.values() if part], notes)


def _named(columns: Sequence[str]) -> str:
    return " and ".join(columns) if len(columns) < 4 else f"{', '.join(columns[:3])} … ({len(columns)} columns)"


def _read(sheet: Path, columns: Columns) -> _Table:
    """A sheet of any kind."""
    if sheet.suffix.lower() in _LISTS:
        return _read_list(sheet)
    if sheet.suffix.lower() not in (".xlsx", ".xlsm", ".xls"):
        text = read_delimited(sheet)
        rows = [(f"line {line}", {key: cell or "" for key, cell in row.items() if key}) for line, row in text.rows]
        return _Table(str(sheet), text.header, rows)
    wanted = [_lower(name) for name in (*(columns.image or ()), *(columns.label or ()))]
    found = read_sheet(sheet, wanted, columns.sheet)
    if not found.rows:
        raise InputError(f"{found.place}: the sheet is empty")
    header = ["" if cell is None else str(cell).strip() for cell in found.rows[0][1]]
    rows = [
        (f"row {number}", {name: _text(cell) for name, cell in zip(header, cells) if name})
        for number, cells in found.rows[1:]
    ]
    return _Table(found.place, [name for name in header if name], rows)


def _read_list(sheet: Path) -> _Table:
    """Lines of a path and the number of a class behind it, as PaddleX and PaddleClas have them."""
    rows = []
    for number, line in enumerate(decoded(sheet).splitlines(), start=1):
        if line.strip():
            path, _, label = line.strip().replace("\t", " ").rpartition(" ")
            rows.append((f"line {number}", {"path": path.strip(), "label": label}))
    return _Table(str(sheet), ["path", "label"], rows)


def _names_beside(sheet: Path) -> list[str] | None:
    path = sheet.with_name(_NAMES_OF_CLASSES)
    return [line.strip() for line in decoded(path).splitlines() if line.strip()] if path.is_file() else None


def _text(cell: Any) -> str:
    """A cell of a workbook as a CSV file has it; a number without a needless point."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _lower(name: str) -> str:
    return name.strip().lower()


def _plain(name: str) -> str:
    return re.sub(r"[\s_.-]+", "", name).lower()


def _with_columns(sheet: Path, columns: Columns) -> tuple[_Table, dict[str, tuple[str, ...]]]:
    """A sheet and its columns by what they mean.

    Raises:
        InputError: a column is missing, or cannot be guessed.
    """
    table = _read(sheet, columns)
    doubles = sorted({name for name in table.header if table.header.count(name) > 1})
    if doubles:
        raise InputError(f"{table.place}: several columns are called {listed(doubles)}; rename them")
    asked = {
        "image": columns.image,
        "label": columns.label,
        "group": columns.group and (columns.group,),
        "split": columns.split and (columns.split,),
    }
    taken: dict[str, tuple[str, ...]] = {}
    for what, wanted in asked.items():
        if wanted:
            taken[what] = tuple(_column(table, name, what) for name in wanted)
            continue
        by_name = {_plain(name): name for name in table.header}
        guessed = [by_name[name] for name in _USUAL[what] if name in by_name]
        if guessed and guessed[0] not in {name for names in taken.values() for name in names}:
            taken[what] = (guessed[0],)
        elif what in ("image", "label"):
            raise InputError(
                f"{table.place}: no column is called as the {what} usually is; say which with --{what}-column; "
                f"there are {brief(', '.join(table.header))}"
            )
    if len(set().union(*taken.values())) < sum(map(len, taken.values())):
        raise InputError(f"{table.place}: one column cannot mean two things: {taken}")
    return table, taken


def _column(table: _Table, name: str, what: str) -> str:
    found = [each for each in table.header if each == name.strip()]
    found = found or [each for each in table.header if _lower(each) == _lower(name)]
    if len(found) != 1:
        raise InputError(
            f"{table.place}: no column {name!r} for --{what}-column; there are {brief(', '.join(table.header))}"
        )
    return found[0]


class _PictureIndex:
    """The pictures in folders, by what a sheet may call them."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.pictures = sorted({path for folder in folders for path in find_pictures(folder).pictures})
        self._known = set(self.pictures)
        self._by_name: Mapping[str, list[Path]] = defaultdict(list)
        for path in self.pictures:
            for name in {path.name.casefold(), path.stem.casefold()}:
                self._by_name[name].append(path)

    def find(self, cell: str) -> Path:
        """The picture that a cell names; a ValueError says why there is none."""
        written = cell.replace("\\", "/")
        for folder in self.folders:
            path = folder / written
            if not written.startswith("/") and not is_clutter(path) and path in self._known:
                return path
        name = written.rstrip("/").rpartition("/")[2].casefold()
        found = self._by_name.get(name) or []
        parents = written.split("/")[:-1]
        while len(found) > 1 and parents:  # the folders in the cell tell which of several
            closer = [path for path in found if path.parts[-1 - len(parents) : -1] == tuple(parents)]
            found, parents = closer or found, parents[1:]
        if len(found) == 1:
            return found[0]
        if found:
            raise ValueError(f"{brief(repr(cell))} is {listed(found)}; say which with --image-folder")
        raise ValueError(f"{brief(repr(cell))} is no picture in {listed(self.folders)}")


def _understood(
    table: _Table,
    taken: Mapping[str, tuple[str, ...]],
    index: _PictureIndex,
    pattern: re.Pattern | None,
    faults: list[str],
) -> Iterator[_Row]:
    """The photographs of every row; what is wrong with a row is added to the faults."""
    for place, cells in table.rows:
        try:
            value = _value(cells, taken["label"])
            part = _part(cells.get(taken["split"][0], "")) if "split" in taken else "training"
            group = cells.get(taken["group"][0], "") or None if "group" in taken else None
            pictures = [index.find(name) for column in taken["image"] if (name := cells.get(column, ""))]
            if not pictures:
                raise ValueError(f"no name in the column {_named(taken['image'])}")
        except ValueError as error:
            faults.append(f"{place}: {error}")
            continue
        if len(taken["image"]) > 1 and group is None:
            group = f"{table.place} {place}"
        for picture in pictures:
            patient = group if "group" in taken or group else patient_of(picture, pattern)
            yield _Row(place, picture, value, patient, part)


def _value(cells: Mapping[str, str], columns: tuple[str, ...]) -> str | tuple[int, ...]:
    """The label of a row, or 0 and 1 of several columns; a ValueError says what is wrong with it."""
    if len(columns) == 1:
        value = cells.get(columns[0], "")
        if not value:
            raise ValueError(f"no label in the column {columns[0]}; fill it in, or take the row out")
        only = re.fullmatch(r"\[\s*['\"]([^'\"]+)['\"]\s*\]", value)  # a list of one, as Python prints it
        number = whole_number(value)
        return only[1] if only else value if number is None else str(number)
    return zeros_and_ones({name: cells.get(name, "") for name in columns})


def _part(cell: str) -> str:
    """The part that a cell names: ``'training'``, ``'validation'`` or ``'test'``."""
    name = _plain(cell)
    for part, names in (("training", _TRAINING), ("validation", _VALIDATION), ("test", _TEST)):
        if name in names:
            return part
    raise ValueError(f"the part must be train, val or test, found {brief(repr(cell))}")


def _classes(
    place: str, rows: Sequence[_Row], names: Sequence[str] | None, known: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names of the classes, and the label of each value that rows have.

    Raises:
        InputError: there are too many values for classes, or values that are none of the classes.
    """
    values = {row.value for row in rows}
    numbers = {value: whole_number(value) for value in values}
    if names is not None:
        wrong = sorted(value for value, number in numbers.items() if number is None or number >= len(names))
        if wrong:
            raise InputError(
                f"{place}: {len(names)} names for labels from 0 to {len(names) - 1}, found {brief(listed(wrong))}"
            )
        return tuple(names), {value: number for value, number in numbers.items() if number is not None}
    if known is not None:
        unknown = sorted(values - set(known))
        if unknown:
            raise InputError(f"{place}: {brief(listed(unknown))} is no class of the first sheet, {', '.join(known)}")
        return known, {name: label for label, name in enumerate(known)}
    if len(values) > min(_MOST_CLASSES, max(2, len(rows) // 2)):
        raise InputError(
            f"{place}: {len(values)} labels in {len(rows)} rows, such as {brief(listed(sorted(values)))}; are these "
            "classes? Say which column has them with --label-column"
        )
    numeric = all(number is not None for number in numbers.values())
    ordered = sorted(values, key=numbers.__getitem__) if numeric else sorted(values)
    return tuple(ordered), {name: label for label, name in enumerate(ordered)}
