"""The project's own tables: CSV files of photographs and their labels, to records and back.

``path,label,class`` is the table of photographs of one class each; ``path,label:NAME,label:OTHER`` … is that of
photographs that each show several things or none, with 1 or 0 in each column. Both may have a column ``group``.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import re
import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from paddle_eye.data.patients import patient_of, written_alike
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.sources.delimited import is_missing, read_delimited
from paddle_eye.data.sources.sheet_columns import is_called
from paddle_eye.errors import InputError, brief, is_plain, listed, raise_faults
from paddle_eye.files import claimed, file_digest, no_formula, read_json, write_json, write_text

COLUMNS = ("path", "label", "class")
SEVERAL = "label:"  # before the name of a class, where a photograph has a label for each
GROUP_COLUMN = "group"
TRAINING_TABLE, TEST_TABLE = "train.csv", "test.csv"
_LONGEST_CLASS = 100
_NO_PATIENT = ("none", "unknown", "无", "不详", "未知")
_MARK = ".split.json"  # beside tables that tools/split.py wrote: their digests


def read_table(path: Path, classes: tuple[str, ...] | None = None) -> RecordSet:
    """Records of the rows of a CSV file, in their order.

    ``path`` is taken from the folder of the CSV file, ``label`` counts the classes from 0, ``class`` is the name of the
    label; columns ``label:NAME`` hold 1 or 0. A column ``group`` names the patient; without it, `patient_of` does.

    Args:
        path: the CSV file.
        classes: those of the training table, for a table that need not have a row of every class.

    Raises:
        InputError: the file is no such table, or rows are wrong; all of them in one message, with line numbers.
    """
    table = read_delimited(path)
    labels = _labels(path, table.header, classes)
    patients = [name for name in table.header if is_called(name, "group")]
    if patients and GROUP_COLUMN not in patients:
        raise InputError(
            f"{path}, line 1: {listed(patients)} is called as a column of patients usually is; call it {GROUP_COLUMN}, "
            "so that no patient is on both sides, or take it out"
        )
    faults: list[str] = []
    records: list[Record] = []
    line_of: dict[Path, int] = {}
    base = _base(path)
    for line, row in table.rows:
        place = f"line {line}"
        if None in row or None in row.values():
            faults.append(f"{place}: expected a value for each column of the first line, no fewer and no more")
            continue
        picture = _picture(base, row["path"])
        if not row["path"] or not _is_file(picture):
            faults.append(f"{place}: {brief(repr(row['path']), 400)} is no file below {path.parent}")
        elif picture in line_of:
            faults.append(f"{place}: {picture} has a row already, line {line_of[picture]}")
        line_of.setdefault(picture, line)
        try:
            label = labels.of(row)
        except ValueError as error:
            faults.append(f"{place}: {error}")
            continue
        group = patient_named(row[GROUP_COLUMN]) if GROUP_COLUMN in row else patient_of(picture)
        records.append(Record(picture, label, group))
    if not records and not faults:
        faults.append("no row with a photograph")
    raise_faults(path, [*faults, *labels.faults()], "mend the rows and start again")
    return RecordSet(labels.classes, tuple(records))


def fault_of_class(name: str) -> str | None:
    """Why a text cannot be the name of a class; None if it can."""
    if not name:
        return "the class has no name"
    if len(name) > _LONGEST_CLASS or not is_plain(name):
        return f"the name of a class is a line of at most {_LONGEST_CLASS} letters, found {brief(repr(name))}"
    return None


def fault_of_alike(names: Iterable[str]) -> str | None:
    """Which two names of classes look like one, written in two ways; None if none do."""
    seen: dict[str, str] = {}
    for name in names:
        letters = (each for each in unicodedata.normalize("NFKC", name) if unicodedata.category(each) != "Cf")
        other = seen.setdefault(" ".join("".join(letters).casefold().split()), name)
        if other != name:
            return f"{other!r} and {name!r} look like one class; write them alike, or as two names"
    return None


def is_own_table(path: Path) -> bool:
    """Whether a file has the columns of a table of the project."""
    try:
        header = set(read_delimited(path).header)
    except InputError:
        return False
    return header >= set(COLUMNS) or ("path" in header and any(name.lower().startswith(SEVERAL) for name in header))


def whole_number(text: str) -> int | None:
    """A number from 0 to 999999, also as 1.0, which is how pandas writes a 1 at times; None for anything else."""
    text = re.sub(r"\.0+$", "", text)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 6 else None


def patient_named(cell: str) -> str | None:
    """The patient in a cell, as `written_alike` has it; None if it names none."""
    name = written_alike(cell)
    return None if is_missing(name) or name in _NO_PATIENT else name


def zeros_and_ones(cells: Mapping[str, str]) -> tuple[int, ...]:
    """The numbers in the cells of several columns, each 0 or 1; a ValueError names the first that is neither."""
    numbers = {name: whole_number(cell) for name, cell in cells.items()}
    for name, number in numbers.items():
        if number not in (0, 1):
            raise ValueError(f"{name} must be 0 or 1, found {brief(repr(cells[name]))}")
    return tuple(numbers.values())


class _Labels(ABC):
    """What the rows of a table say of their photographs."""

    classes: tuple[str, ...]

    @abstractmethod
    def of(self, row: Mapping[str, str]) -> int | tuple[int, ...]:
        """The label of a row; a ValueError says what is wrong with it."""

    def faults(self) -> list[str]:
        """What is wrong with the labels of all rows together."""
        return []


class _OneLabel(_Labels):
    """Columns ``label`` and ``class``."""

    def __init__(self, classes: tuple[str, ...] | None) -> None:
        self._given = classes
        self._names = dict(enumerate(classes or ()))

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self._names[label] for label in range(len(self._names)))

    def of(self, row: Mapping[str, str]) -> int:
        label, name = whole_number(row["label"]), row["class"]
        if label is None:
            raise ValueError(f"the label must be a whole number from 0, found {brief(repr(row['label']))}")
        if self._given is not None and label not in self._names:
            raise ValueError(f"label {label} is not in the training table, which has 0 to {len(self._given) - 1}")
        if fault := fault_of_class(name):
            raise ValueError(fault)
        if self._names.setdefault(label, name) != name:
            raise ValueError(f"label {label} is {self._names[label]!r}, found {name!r}")
        return label

    def faults(self) -> list[str]:
        missing = sorted(set(range(max(self._names, default=0))) - set(self._names))
        listed = ", ".join(map(str, missing[:10]))
        faults = [f"no row of label {listed}; labels count the classes from 0 on"] if missing else []
        doubles = (name for name, count in Counter(self._names.values()).items() if count > 1)
        faults += [f"{name!r} is the class of several labels" for name in doubles]
        return [*faults, *filter(None, [fault_of_alike(self._names.values())])]


class _SeveralLabels(_Labels):
    """A column ``label:NAME`` for each class."""

    def __init__(self, classes: tuple[str, ...], columns: list[str]) -> None:
        self.classes, self._columns = classes, columns

    def of(self, row: Mapping[str, str]) -> tuple[int, ...]:
        return zeros_and_ones({name: row[name] for name in self._columns})


def _labels(path: Path, header: list[str], classes: tuple[str, ...] | None) -> _Labels:
    columns = [name for name in header if name.lower().startswith(SEVERAL)]
    several = tuple(name[len(SEVERAL) :].strip() for name in columns)
    needed = {"path"} if several else set(COLUMNS)
    if not needed <= set(header) or len(header) > len(set(header)) or len(several) > len(set(several)):
        wanted = f"each of the columns {', '.join(COLUMNS)} once, separated by commas"
        cure = "if it is a label sheet of another kind, give it with --sheet"
        raise InputError(f"{path}, line 1: expected {wanted}, found {brief(header)}; {cure}")
    if not several:
        return _OneLabel(classes)
    if faults := [fault for fault in (*map(fault_of_class, several), fault_of_alike(several)) if fault]:
        raise InputError(f"{path}, line 1: {faults[0]}")
    if classes is not None and classes != several:
        raise InputError(f"{path}, line 1: the classes are {several}, the training table has {classes}")
    return _SeveralLabels(several, columns)


def _picture(base: Path, cell: str) -> Path:
    """The file that a cell names, in the way of Windows, too."""
    written = Path(os.path.normpath(base / cell))
    if "\\" not in cell or _is_file(written):
        return written
    turned = Path(os.path.normpath(base / cell.replace("\\", "/")))
    return turned if _is_file(turned) else written


def _base(table: Path) -> Path:
    """The folder that a table's paths start from; where links are on the way to it, without them."""
    folder = os.path.realpath(table.parent)
    return table.parent if folder == os.path.abspath(table.parent) else Path(folder)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def write_tables(
    splits: Mapping[Path, tuple[RecordSet, RecordSet]], overwrite: bool = False, kept: Sequence[Path] = ()
) -> None:
    """Write ``train.csv`` and ``test.csv`` to folders, all or none, and marks that they were made here.

    Args:
        splits: the training and the test part by the folder; the folds of a cross-validation have one each.
        overwrite: also replace tables without such a mark, or that were changed since.
        kept: files that are never replaced.

    Raises:
        InputError: there are tables that were not made here; they are not replaced.
    """
    paths = [(folder, path) for folder in splits for path in _tables(folder)]
    if given := [path for _, path in paths if any(path.exists() and path.samefile(sheet) for sheet in kept)]:
        raise InputError(f"{given[0]}: this is the sheet that was given, and is not replaced; give another --out")
    mine = [str(path) for folder, path in paths if path.exists() and file_digest(path) not in _made_here(folder)]
    if mine and not overwrite:
        raise InputError(
            f"{' and '.join(mine)}: not made by tools/split.py, or changed since, and not replaced; "
            "give another --out, or --overwrite"
        )
    with contextlib.ExitStack() as claims:
        for folder in splits:
            folder.mkdir(parents=True, exist_ok=True)
            claims.enter_context(claimed(folder, "writing a split here"))
            settle(folder)
        _write_tables(splits)


def _write_tables(splits: Mapping[Path, tuple[RecordSet, RecordSet]]) -> None:
    before = {folder: _made_here(folder) for folder in splits}
    coming: dict[Path, list[str]] = {}
    try:
        for folder, parts in splits.items():
            grouped = any(record.group != patient_of(record.image) for part in parts for record in part.records)
            texts = [_text(path, part, grouped) for path, part in zip(_tables(folder), parts)]
            coming[folder] = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
            for path, text in zip(_tables(folder), texts):
                write_text(_coming(path), text)
        division = hashlib.sha256(json.dumps(list(coming.values())).encode()).hexdigest()
        for folder, made in coming.items():
            others = [other.name for other in coming if other != folder]
            mark = {"made_here": sorted({*made, *before[folder]}), "coming": made, "division": division}
            write_json(folder / _MARK, {**mark, "others": others})
    except BaseException:
        for folder in coming:
            for path in _tables(folder):
                _coming(path).unlink(missing_ok=True)
            if "coming" in _mark(folder):
                write_json(folder / _MARK, {"made_here": sorted(before[folder])})
        raise
    for folder in splits:
        settle(folder)


def _tables(folder: Path) -> list[Path]:
    return [folder / TRAINING_TABLE, folder / TEST_TABLE]


def settle(folder: Path) -> None:
    """Finish what `write_tables` was stopped in, so that all its tables are the former ones or all the new ones."""
    mark, paths = _mark(folder), _tables(folder)
    coming, division, others = mark.get("coming"), mark.get("division"), mark.get("others", [])
    if not isinstance(coming, list) or len(coming) != len(paths) or not isinstance(others, list):
        return  # nothing was begun
    beside = [place for name in others if (place := folder.parent / str(name)).is_dir()]
    begun = not all(_coming(path).exists() for path in paths)  # one is in its place
    if not begun and any(_mark(place).get("division") != division for place in beside):
        return  # it has not got so far that it counts
    for path, digest in zip(paths, coming):
        with contextlib.suppress(FileNotFoundError):  # it is in its place, perhaps put there by another process
            if file_digest(_coming(path)) == digest:
                os.replace(_coming(path), path)
        _coming(path).unlink(missing_ok=True)
    write_json(folder / _MARK, {"made_here": coming, "division": division})


def _coming(path: Path) -> Path:
    return path.with_name(f".{path.name}.coming")


def _mark(folder: Path) -> dict[str, Any]:
    """What `write_tables` left in a folder; nothing if it did not, or what it left is damaged."""
    try:
        content = read_json(folder / _MARK, "the mark of a split")
    except InputError:
        return {}
    return content if isinstance(content, dict) else {}


def _made_here(folder: Path) -> set[str]:
    digests = _mark(folder).get("made_here")
    return set(map(str, digests)) if isinstance(digests, list) else set()


def _text(path: Path, record_set: RecordSet, grouped: bool) -> str:
    """What `read_table` reads; with the column ``group`` where the names do not tell the patients.

    Other letters than English ones get the mark of UTF-8 before them, without which Excel reads them wrong.
    """
    records, several = record_set.records, record_set.several_labels
    header = ("path", *(f"{SEVERAL}{name}" for name in record_set.classes)) if several else COLUMNS
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    quoting = csv.QUOTE_ALL if ";" in "".join(header) else csv.QUOTE_MINIMAL  # which may be taken for the separator
    csv.writer(text, lineterminator="\n", quoting=quoting).writerow((*header, GROUP_COLUMN) if grouped else header)
    for record in records:
        image = Path(os.path.realpath(record.image.parent), record.image.name)
        picture = Path(os.path.relpath(image, os.path.realpath(path.parent))).as_posix()
        labels = record.label if several else (record.label, record_set.classes[record.label])
        row = (no_formula(picture), *labels)
        writer.writerow((*row, record.group or "") if grouped else row)
    return text.getvalue() if text.getvalue().isascii() else f"\ufeff{text.getvalue()}"
