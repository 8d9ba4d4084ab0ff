"""Label sheets of other people, xlsx, CSV or lists of text, to records."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from paddle_eye.data.patients import of_both_eyes, patient_of
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.sources.named_pictures import NamedPictures
from paddle_eye.data.sources.part_names import part_called
from paddle_eye.data.sources.sheet_classes import classes_of, value_of
from paddle_eye.data.sources.sheet_columns import ALL_GUESSED, Columns, with_columns
from paddle_eye.data.sources.sheet_tables import LISTS, SheetTable, lines_of
from paddle_eye.data.sources.tables import fault_of_alike, fault_of_class, patient_named
from paddle_eye.errors import InputError, brief, listed, raise_faults

_NAMES_OF_CLASSES = "labels.txt"  # beside a list


class Labelled(NamedTuple):
    """What a sheet says.

    Args:
        parts: its photographs by the part that its rows say, ``'training'``, ``'validation'`` or ``'test'``, or all of
            them under ``''``, if they say none; with the same classes.
        notes: which columns were taken, and what was passed over.
        names_patients: whether it has a column of them.
    """

    parts: dict[str, RecordSet]
    notes: list[str]
    names_patients: bool


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
    columns: Columns = ALL_GUESSED,
    names: Sequence[str] | None = None,
    known: tuple[str, ...] | None = None,
    pattern: re.Pattern | None = None,
) -> Labelled:
    """Records of the rows of a sheet.

    Pictures are found as `NamedPictures.find` says.

    Args:
        sheet: an xlsx file, a CSV file, or a list, each line of which is a path and the number of a class.
        folders: where the pictures are, also in folders inside.
        columns: which mean what.
        names: of the classes, if the labels are numbers from 0, or their order, if the labels are these; None takes
            them from ``labels.txt`` beside a list, or makes the numbers names.
        known: the classes that there are, for the sheet of a second part.
        pattern: see `patient_of`; for sheets without a column of patients.

    Raises:
        InputError: the sheet cannot be read, a column is missing, or rows are wrong; all of them in one message.
    """
    table, taken = with_columns(sheet, columns, patients_by_name=pattern is not None)
    guess = f"{table.place}: {', '.join(f'{what} is {_named(which)}' for what, which in taken.items())}"
    notes = [guess, *(f"{table.place}: {note}" for note in table.notes)]
    pictures = NamedPictures(folders)
    faults = list(table.faults)
    rows: list[_Row] = []
    place_of: dict[Path, str] = {}
    own_patients: list[str] = []
    for row in _understood(table, taken, pictures, pattern, faults, own_patients):
        if row.image in place_of:
            faults.append(f"{row.place}: {row.image} has a row already, {place_of[row.image]}")
            continue
        place_of[row.image] = row.place
        rows.append(row)
    if 2 * len(own_patients) < len(table.rows):
        faults += own_patients
    elif own_patients:
        notes.append(f"{table.place}: the names tell other patients than the rows do; each row is one patient")
    if not rows and not faults:
        faults.append("no row with a photograph")
    faults += _contradictions(rows, taken) if columns.group is None else []
    advice = "mend the rows, or say which column means what (--image-column, --label-column …)"
    raise_faults(table.place, faults, advice)
    classes, label_of = _classes(sheet, table.place, taken["label"], [row.value for row in rows], names, known)
    records: dict[str, list[Record]] = {}
    for row in rows:
        records.setdefault(row.part, []).append(Record(row.image, label_of.get(row.value, row.value), row.group))
    unnamed = [path for path in pictures.pictures if path not in place_of]
    if unnamed:
        notes.append(f"{len(unnamed)} photographs have no row in {sheet}: {listed(unnamed)}")
    if pictures.elsewhere:
        cell, path = pictures.elsewhere[0]
        count = len(pictures.elsewhere)
        notes.append(f"{count} photographs are in another folder than {sheet} says: {brief(repr(cell))} is {path}")
    parts = {part: RecordSet(tuple(classes), tuple(own)) for part, own in records.items()}
    return Labelled(parts, notes, "group" in taken)


def _classes(
    sheet: Path,
    place: str,
    columns: tuple[str, ...],
    values: Sequence[str | tuple[int, ...]],
    names: Sequence[str] | None,
    known: tuple[str, ...] | None,
) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names of the classes, and the label of each value of a single column; see `read_labels`."""
    if len(columns) > 1:
        if names is not None:
            raise InputError(
                f"--classes {','.join(names)}: the columns {_named(columns)} name the classes; leave it out"
            )
        classes, label_of = columns, {}
    else:
        if names is not None and set(values) & set(names):  # they are the labels, and only their order is said
            if others := sorted(set(values) - set(names)):
                raise InputError(f"--classes {','.join(names)}: {place} also has {brief(listed(others))}; name all")
            known, names = known or tuple(names), None
        named = dict(enumerate(names)) if names is not None else _names_beside(sheet)
        classes, label_of = classes_of(place, values, len(values), named, known)
    if known is not None and classes != known:
        raise InputError(f"{place}: the classes are {listed(classes)}, the first sheet has {listed(known)}")
    if wrong := [fault for fault in (*map(fault_of_class, classes), fault_of_alike(classes)) if fault]:
        raise InputError(f"{place}: {wrong[0]}")
    if len(set(classes)) < len(classes):
        raise InputError(f"{place}: two of the classes {', '.join(classes)} have one name")
    return classes, label_of


def _named(columns: Sequence[str]) -> str:
    return " and ".join(columns) if len(columns) < 4 else f"{', '.join(columns[:3])} … ({len(columns)} columns)"


def _names_beside(sheet: Path) -> dict[int, str] | None:
    """The names of the classes by their labels, one in a line of ``labels.txt`` beside a list.

    Lines that all begin with numbers say whose name they are, as PaddleClas has them; others count from 0.

    Raises:
        InputError: some lines begin with numbers, or two with the same one.
    """
    path = sheet.with_name(_NAMES_OF_CLASSES)
    if sheet.suffix.lower() not in LISTS or not path.is_file() or path.samefile(sheet):
        return None
    names = lines_of(path)
    numbered = [(int(found[1]), found[2]) for line in names if (found := re.fullmatch(r"(\d{1,6})\s+(\S.*)", line))]
    if not numbered:
        return dict(enumerate(names))
    if len(dict(numbered)) < len(names):
        raise InputError(f"{path}: expected a name in each line, either with numbers before all, each once, or none")
    return dict(sorted(numbered))


def _understood(
    table: SheetTable,
    taken: Mapping[str, tuple[str, ...]],
    pictures: NamedPictures,
    pattern: re.Pattern | None,
    faults: list[str],
    own_patients: list[str],
) -> Iterator[_Row]:
    """The photographs of every row; what is wrong with a row is added to the faults, and to ``own_patients`` that its
    photographs are of several patients by their names.
    """
    for place, cells in table.rows:
        try:
            value = value_of(cells, taken["label"])
            part = _part(cells.get(taken["split"][0], "")) if "split" in taken else ""
            group = _patient(cells, taken["group"][0]) if "group" in taken else None
            images = [pictures.find(name, part) for column in taken["image"] if (name := cells.get(column, ""))]
            if not images:
                raise ValueError(f"no name in the column {_named(taken['image'])}")
        except ValueError as error:
            faults.append(f"{place}: {error}")
            continue
        patients = sorted({patient_of(image, pattern) for image in images} - {None}) if group is None else [group]
        if len(patients) > 1:
            told = f"its photographs are of several patients by their names, {listed(patients)}"
            own_patients.append(f"{place}: {told}; mend the row, or say who they are with --group-column or --group")
        group = patients[0] if len(patients) == 1 else f"{table.place} {place}" if len(taken["image"]) > 1 else None
        for image in images:
            yield _Row(place, image, value, group, part)


def _contradictions(rows: Sequence[_Row], taken: Mapping[str, tuple[str, ...]]) -> list[str]:
    """That photographs in one folder are of one patient by their names, and of several by a column that was guessed."""
    if "group" not in taken:
        return []
    by_name: dict[tuple[Path, str], dict[str, _Row]] = defaultdict(dict)
    eyes = of_both_eyes(row.group for row in rows)
    for row in rows:
        if patient := patient_of(row.image):
            by_name[row.image.parent, patient].setdefault(eyes.get(row.group, row.group), row)
    for several in by_name.values():
        if len(several) > 1:
            first, second, *_ = several.values()
            column = taken["group"][0]
            return [
                f"{second.place}: {first.image.name} and {second.image.name} are of one patient by their names, and of "
                f"two in the column {column}; say which is right: --group-column {column}, or --group REGEX"
            ]
    return []


def _patient(cells: Mapping[str, str], column: str) -> str:
    """The patient of a row; a ValueError if it names none."""
    name = patient_named(cells.get(column, ""))
    if name is None:
        raise ValueError(
            f"no patient in the column {column}; fill it in (of merged cells only the first has a value), name another "
            "column with --group-column, or tell patients by the names of files with --group"
        )
    return name


def _part(cell: str) -> str:
    """The part that a cell names; a ValueError if it names none."""
    if (part := part_called(cell)) is None:
        raise ValueError(f"the part must be train, val or test, found {brief(repr(cell))}")
    return part
