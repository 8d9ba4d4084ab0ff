"""Which column of a label sheet means what: said by a person, or guessed from the names that columns usually have."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from paddle_eye.data.images import SUFFIXES
from paddle_eye.data.sources.part_names import part_called, part_named, plain
from paddle_eye.data.sources.sheet_tables import SheetTable, read_sheet_table
from paddle_eye.errors import InputError, brief, listed

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
        *("patient", "patientid", "patientno", "patientnumber", "patientname", "subject", "subjectid"),
        *("subjectno", "subjectnumber", "caseid", "mrn", "pid"),
        *("患者", "病人", "患者编号", "病人编号", "患者id", "病人id", "病历号", "病案号", "住院号", "就诊号", "登记号"),
        *("姓名", "患者姓名", "病人姓名", "group"),
    ),
    "split": ("split", "subset", "partition", "划分"),
}
_MOST_OF_A_PATIENT = 10  # photographs, in a column that may be of patients or of something else
_MOST_NAMES_OF_PARTS = 50  # and ways to write them, in a column
_MOSTLY, _MOST_CALLED_SO = 0.9, 3  # of the cells that are filled; values of a column called as a part
_SIDES = {  # in the name of a column
    r"(?:^|[\s_.-])(?:od|right|r)(?:$|[\s_.-])|右": "right",
    r"(?:^|[\s_.-])(?:os|left|l)(?:$|[\s_.-])|左": "left",
}


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


ALL_GUESSED = Columns()


def is_called(name: str, what: str) -> bool:
    """Whether a column is called as that of ``'image'``, ``'label'``, ``'group'`` or ``'split'`` usually is."""
    return plain(name) in _USUAL[what]


def with_columns(
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
        spoken_for = {name for names in taken.values() for name in names}
        others = [name for name in table.header if name not in spoken_for]
        guessed = _dividing(table, others) if what == "split" else _guessed(table, what)
        if guessed in others:
            taken[what] = (guessed,)
        elif what in ("image", "label"):
            raise InputError(
                f"{table.place}: no column is called as the {what} usually is; say which with --{what}-column; "
                f"in the first row, which must name the columns, there are {brief(', '.join(table.header))}"
            )
    _require_one_eye(table.place, taken["image"], taken["label"])
    if len(set().union(*taken.values())) < sum(map(len, taken.values())):
        raise InputError(f"{table.place}: one column cannot mean two things: {taken}")
    if "group" in taken and not any(cells.get(taken["group"][0]) for _, cells in table.rows):
        if columns.group:
            raise InputError(f"{table.place}: no row names a patient in the column {columns.group}; leave it out")
        table.notes.append(f"no row names a patient in the column {taken.pop('group')[0]}; it is passed over")
    return table, taken


def _guessed(table: SheetTable, what: str) -> str | None:
    """The column whose name usually means something; None if there is none."""
    by_name: Mapping[str, list[str]] = defaultdict(list)
    for name in table.header:
        by_name[plain(name)].append(name)
    called = [by_name[name] for name in _USUAL[what] if name in by_name]
    if called and len(called[0]) > 1:
        alike = " and ".join(called[0])
        raise InputError(f"{table.place}: {alike} are called as the {what} usually is; say which with --{what}-column")
    guessed = [name for (name, *_) in called]
    if guessed and what == "image":
        _require_names_of_pictures(table, guessed[0])
    if guessed and plain(guessed[0]) == "group" and not _may_be_patients(table, guessed[0]):
        del guessed[0]
    return guessed[0] if guessed else None


def _dividing(table: SheetTable, columns: Sequence[str]) -> str | None:
    """The column that says which part a row belongs to: called so, or with nothing but the names of several parts."""
    cells_of = {name: Counter(cells.get(name, "") for _, cells in table.rows) for name in columns}
    guessed = _guessed(table, "split")
    if guessed in cells_of:
        if any(map(part_called, cells_of[guessed])):
            return guessed
        table.notes.append(f"no row of the column {guessed} names a part, such as train or test; it is passed over")
    dividing = [name for name, cells in cells_of.items() if _divides(cells)]
    if len(dividing) > 1:
        raise InputError(f"{table.place}: {listed(dividing)} divide the rows; say which with --split-column")
    if dividing:
        return dividing[0]
    for name, cells in cells_of.items():
        if 1 < len(cells) <= _MOST_CALLED_SO and (part_named(name) or plain(name) == "usage"):
            table.notes.append(
                f"the column {name} may say which part a row is of, and is passed over; write train, val or test in it"
            )
    return None


def _divides(cells: Counter[str]) -> bool:
    """Whether a column names several parts, and has little else in it; what it has is a fault of its rows."""
    if len(cells) > _MOST_NAMES_OF_PARTS:
        return False
    part_of = {cell: part for cell in cells if (part := part_called(cell))}
    known, rows = sum(cells[cell] for cell in part_of), sum(cells.values())
    return len(set(part_of.values())) > 1 and known >= max(_MOSTLY * (rows - cells[""]), rows / 2)


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
    """Raise an InputError if each eye has a photograph of its own in the rows of a sheet, and a label is of one eye."""
    words = [name for name in labels if len(name) > 1]  # a letter alone is a disease, in ODIR
    sides = {side for name in words for word, side in _SIDES.items() if re.search(word, name, re.IGNORECASE)}
    if len(images) > 1 and sides:
        raise InputError(
            f"{place}: {brief(' and '.join(labels))}: labels of one eye, and rows have photographs of both; make a row "
            "for each eye, with its label"
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
