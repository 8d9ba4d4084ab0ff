"""Label sheets of other people, xlsx, CSV or lists of text, to records: which column means what is said or guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

from paddle_eye.data.images import SUFFIXES
from paddle_eye.data.patients import patient_of
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.sources.named_pictures import NamedPictures
from paddle_eye.data.sources.part_names import part_called, plain
from paddle_eye.data.sources.sheet_classes import classes_of, value_of
from paddle_eye.data.sources.sheet_tables import LISTS, SheetTable, lines_of, read_sheet_table
from paddle_eye.data.sources.tables import fault_of_alike, fault_of_class
from paddle_eye.errors import InputError, brief, listed, raise_faults

# Names that a column usually has, as `plain` compares them, the surest first.
_USUAL = {
    "image": (
        *("imgname", "filename", "imagename", "idcode", "imageid", "image", "imagepath", "path", "file", "img"),
        *("picture", "picturename", "photo", "photoname", "fundus", "图片", "图片名", "图片名称", "图像", "图像名"),
        *("图像名称", "照片", "照片名", "照片名称", "文件名", "影像", "id"),
    ),
    "label": (
        *("label", "labels", "level", "diagnosis", "class", "retinopathygrade", "adjudicateddrgrade", "drgrade"),
        *("grade", "binarylabels", "glaucoma", "diseaserisk", "category", "标签", "类别", "诊断", "分级"),
    ),
    "group": (
        *("group", "patient", "patientid", "patientno", "patientnumber", "patientname", "subject", "subjectid"),
        *("subjectno", "subjectnumber", "caseid", "mrn", "pid"),
        *("患者", "病人", "患者编号", "患者id", "病历号", "住院号", "就诊号", "登记号"),
    ),
    "split": ("split", "subset", "partition", "划分"),
}
_MOST_OF_A_PATIENT = 10  # photographs, in a column that may be of patients or of something else
_UNKNOWN = ("-", "--", "?", "na", "n/a", "nan", "null", "none", "unknown", "无", "不详", "未知")
_SIDES = {  # in the name of a column
    r"(?:^|[\s_.-])(?:od|right|r)(?:$|[\s_.-])|右": "right",
    r"(?:^|[\s_.-])(?:os|left|l)(?:$|[\s_.-])|左": "left",
}
_NAMES_OF_CLASSES = "labels.txt"  # beside a list


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
        parts: its photographs by the part that its rows say, ``'training'``, ``'validation'`` or ``'test'``, or all of
            them under ``''``, if they say none; with the same classes.
        notes: which columns were taken, and what was passed over.
    """

    parts: dict[str, RecordSet]
    notes: list[str]


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

    Pictures are found as `NamedPictures.find` says.

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
    table, taken = _with_columns(sheet, columns, patients_by_name=pattern is not None)
    guess = f"{table.place}: {', '.join(f'{what} is {_named(which)}' for what, which in taken.items())}"
    notes = [guess, *(f"{table.place}: {note}" for note in table.notes)]
    pictures = NamedPictures(folders)
    faults = list(table.faults)
    rows: list[_Row] = []
    place_of: dict[Path, str] = {}
    for row in _understood(table, taken, pictures, pattern, faults):
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
    if names is None and sheet.suffix.lower() in LISTS:
        names = _names_beside(sheet)
    values = [row.value for row in rows]
    classes, label_of = (taken["label"], {}) if several else classes_of(table.place, values, len(rows), names, known)
    if known is not None and classes != known:
        raise InputError(f"{table.place}: the classes are {listed(classes)}, the first sheet has {listed(known)}")
    if wrong := [fault for fault in (*map(fault_of_class, classes), fault_of_alike(classes)) if fault]:
        raise InputError(f"{table.place}: {wrong[0]}")
    if len(set(classes)) < len(classes):
        raise InputError(f"{table.place}: two of the classes {', '.join(classes)} have one name")
    records: dict[str, list[Record]] = {}
    for row in rows:
        label = row.value if several else label_of[row.value]
        records.setdefault(row.part, []).append(Record(row.image, label, row.group))
    unnamed = [path for path in pictures.pictures if path not in place_of]
    if unnamed:
        notes.append(f"{len(unnamed)} photographs have no row in {sheet}: {listed(unnamed)}")
    if pictures.elsewhere:
        cell, path = pictures.elsewhere[0]
        count = len(pictures.elsewhere)
        notes.append(f"{count} photographs are in another folder than {sheet} says: {brief(repr(cell))} is {path}")
    return Labelled({part: RecordSet(tuple(classes), tuple(own)) for part, own in records.items()}, notes)


def _named(columns: Sequence[str]) -> str:
    return " and ".join(columns) if len(columns) < 4 else f"{', '.join(columns[:3])} … ({len(columns)} columns)"


def _names_beside(sheet: Path) -> list[str] | None:
    """The names of the classes, one in a line of ``labels.txt``, perhaps behind its number, as PaddleClas has them."""
    path = sheet.with_name(_NAMES_OF_CLASSES)
    if not path.is_file():
        return None
    names = lines_of(path)
    numbered = dict(line.split(maxsplit=1) for line in names if re.match(r"\d+\s+\S", line))
    ordered = [numbered.get(str(number)) for number in range(len(names))]
    return names if None in ordered else ordered


def _with_columns(
    sheet: Path, columns: Columns, patients_by_name: bool
) -> tuple[SheetTable, dict[str, tuple[str, ...]]]:
    """A sheet and its columns by what they mean; where names tell the patients, no column of them is guessed.

    Raises:
        InputError: a column is missing, or cannot be guessed.
    """
    wanted = [_lower(name) for name in (*(columns.image or ()), *(columns.label or ()))]
    table = read_sheet_table(sheet, frozenset(_USUAL["image"]), wanted, columns.sheet)
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
        if what == "group" and patients_by_name:
            continue
        by_name = {plain(name): name for name in table.header}
        guessed = [by_name[name] for name in _USUAL[what] if name in by_name]
        if guessed and what == "image":
            _require_names_of_pictures(table, guessed[0])
        if guessed and plain(guessed[0]) == "group" and not _may_be_patients(table, guessed[0]):
            guessed = guessed[1:]
        if guessed and guessed[0] not in {name for names in taken.values() for name in names}:
            taken[what] = (guessed[0],)
        elif what in ("image", "label"):
            raise InputError(
                f"{table.place}: no column is called as the {what} usually is; say which with --{what}-column; "
                f"there are {brief(', '.join(table.header))}"
            )
    _require_one_eye(table.place, taken["image"], taken["label"])
    if len(set().union(*taken.values())) < sum(map(len, taken.values())):
        raise InputError(f"{table.place}: one column cannot mean two things: {taken}")
    if "group" in taken and not any(cells.get(taken["group"][0]) for _, cells in table.rows):
        if columns.group:
            raise InputError(f"{table.place}: no row names a patient in the column {columns.group}; leave it out")
        del taken["group"]
    return table, taken


def _require_names_of_pictures(table: SheetTable, column: str) -> None:
    """Raise an InputError if not the column that was guessed has the names of pictures, but another."""
    naming = {
        name: sum(PurePath(cells.get(name, "")).suffix.lower() in SUFFIXES for _, cells in table.rows)
        for name in table.header
    }
    others = [name for name, count in naming.items() if 2 * count > len(table.rows)]
    if others and not naming[column]:
        raise InputError(
            f"{table.place}: the column {column} is called as that of the pictures usually is, and {listed(others)} "
            "has names of pictures; say which with --image-column"
        )


def _may_be_patients(table: SheetTable, column: str) -> bool:
    """Whether a column called group has as many values as there may be patients, and not those of arms of a study."""
    values = {cells.get(column, "") for _, cells in table.rows}
    return len(values) * _MOST_OF_A_PATIENT >= len(table.rows)


def _require_one_eye(place: str, images: Sequence[str], labels: Sequence[str]) -> None:
    """Raise an InputError if each eye has a photograph and a label of its own in the rows of a sheet."""
    sides = {side for name in labels for word, side in _SIDES.items() if re.search(word, name, re.IGNORECASE)}
    if len(images) > 1 and len(sides) > 1:
        raise InputError(
            f"{place}: {' and '.join(labels)} are of one eye each; make a row for each eye, with its label"
        )


def _lower(name: str) -> str:
    return name.strip().lower()


def _column(table: SheetTable, name: str, what: str) -> str:
    found = [each for each in table.header if each == name.strip()]
    found = found or [each for each in table.header if _lower(each) == _lower(name)]
    if len(found) != 1:
        raise InputError(
            f"{table.place}: no column {name!r} for --{what}-column; there are {brief(', '.join(table.header))}"
        )
    return found[0]


def _understood(
    table: SheetTable,
    taken: Mapping[str, tuple[str, ...]],
    pictures: NamedPictures,
    pattern: re.Pattern | None,
    faults: list[str],
) -> Iterator[_Row]:
    """The photographs of every row; what is wrong with a row is added to the faults."""
    for place, cells in table.rows:
        try:
            value = value_of(cells, taken["label"])
            part = _part(cells.get(taken["split"][0], "")) if "split" in taken else ""
            group = _patient(cells, taken["group"][0]) if "group" in taken else None
            images = [pictures.find(name) for column in taken["image"] if (name := cells.get(column, ""))]
            if not images:
                raise ValueError(f"no name in the column {_named(taken['image'])}")
        except ValueError as error:
            faults.append(f"{place}: {error}")
            continue
        group = group or next(filter(None, (patient_of(image, pattern) for image in images)), None)
        if len(taken["image"]) > 1 and group is None:
            group = f"{table.place} {place}"
        for image in images:
            yield _Row(place, image, value, group, part)


def _patient(cells: Mapping[str, str], column: str) -> str:
    """The patient of a row, also one who is written in several ways; a ValueError if it names none."""
    written = " ".join(unicodedata.normalize("NFKC", cells.get(column, "")).casefold().split())
    name = re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"\.0+$", "", written))
    if not name or name in _UNKNOWN:
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
