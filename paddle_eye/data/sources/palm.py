"""iChallenge-PM (PALM): file names and an xlsx sheet to records.

The layout is the one the document unpacks the archives to::

    train_data/PALM-Training400/H0001.jpg, N0001.jpg, P0001.jpg …
    PALM-Validation400/V0001.jpg …
    PALM-Validation-GT/PM_Label_and_Fovea_Location.xlsx
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from paddle_eye.data.images import is_clutter, looks_like_picture
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.sources.workbook import Sheet, read_sheet
from paddle_eye.errors import InputError, fault_of_name, raise_faults

CLASSES = ("not pathologic", "pathologic myopia")
LABEL_OF_LETTER = {"H": 0, "N": 0, "P": 1}  # high myopia, normal, pathologic myopia
UNLABELLED_LETTER = "V"

TRAINING_FOLDER = Path("train_data/PALM-Training400")
VALIDATION_FOLDER = Path("PALM-Validation400")
LABEL_FILE = Path("PALM-Validation-GT/PM_Label_and_Fovea_Location.xlsx")

_HEADERS = ("imgname", "label")
_ADVICE = "mend or remove them and start again"


class Palm(NamedTuple):
    """The two labelled parts of PALM."""

    training: RecordSet
    validation: RecordSet


def read_palm(root: Path) -> Palm:
    """Read both parts under ``root``.

    Raises:
        InputError: parts of the layout are missing, or the files have faults; all of them in one message.
    """
    missing = [str(part) for part in (TRAINING_FOLDER, VALIDATION_FOLDER, LABEL_FILE) if not (root / part).exists()]
    if missing:
        raise_faults(
            root,
            [f"missing: {part}" for part in missing],
            "a PALM folder is made by: python tools/prepare_data.py --archives DIR",
        )
    faults: list[str] = []
    training = _training_records(root / TRAINING_FOLDER, faults)
    for label, name in enumerate(CLASSES):
        if all(record.label != label for record in training):
            faults.append(f"{root / TRAINING_FOLDER}: no photograph of class {label}, {name!r}")
    validation = _validation_records(root / VALIDATION_FOLDER, root / LABEL_FILE, faults)
    raise_faults(root, faults, _ADVICE)
    return Palm(RecordSet(CLASSES, tuple(training)), RecordSet(CLASSES, tuple(validation)))


def without_label(root: Path) -> list[Path]:
    """The validation photographs that the sheet has no row for, as `read_palm` passes over them."""
    named = {name for _, name, _ in _label_rows(read_sheet(root / LABEL_FILE, _HEADERS))}
    found = sorted(path for path in (root / VALIDATION_FOLDER).iterdir() if path.is_file() and not is_clutter(path))
    return [path for path in found if path.name not in named]


def read_training(folder: Path) -> RecordSet:
    """Records from file names: H and N are class 0, P is class 1, V has no label and is left out.

    Raises:
        InputError: a file with another first letter, or one that is no picture; all of them in one message.
    """
    faults: list[str] = []
    records = _training_records(folder, faults)
    raise_faults(folder, faults, _ADVICE)
    return RecordSet(CLASSES, tuple(records))


def read_validation(folder: Path, label_file: Path) -> RecordSet:
    """Records from the rows of the sheet, in its order.

    The columns are found by their headers ``imgName`` and ``Label``; without such headers they are the second
    and the third, as in the document.

    Raises:
        InputError: faults of the sheet or the pictures it names; all of them in one message.
    """
    faults: list[str] = []
    records = _validation_records(folder, label_file, faults)
    raise_faults(label_file, faults, _ADVICE)
    return RecordSet(CLASSES, tuple(records))


def _training_records(folder: Path, faults: list[str]) -> list[Record]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder with the photographs H0001.jpg, N0001.jpg …")
    records = []
    for path in sorted(folder.iterdir()):
        if is_clutter(path):
            continue
        letter = path.name[0]
        if unnameable := fault_of_name(path):
            faults.append(unnameable)
        elif not path.is_file() or not looks_like_picture(path):
            faults.append(f"{path}: this is no picture; only photographs may stand here")
        elif letter in LABEL_OF_LETTER:
            records.append(Record(path, LABEL_OF_LETTER[letter]))
        elif letter != UNLABELLED_LETTER:
            faults.append(f"{path}: the class is the first letter, expected H, N or P, found {letter!r}")
    if not records and not faults:
        faults.append(f"{folder}: no photograph with a label (H…, N…, P…) in this folder")
    return records


def _validation_records(folder: Path, label_file: Path, faults: list[str]) -> list[Record]:
    records: list[Record] = []
    first_row_of: dict[str, int] = {}
    sheet = read_sheet(label_file, _HEADERS)
    for row, name, value in _label_rows(sheet):
        place = f"{sheet.place}, row {row}"
        if name is None and value is None:
            faults.append(f"{place}: no name and no label; if they are formulas, open and save the file in Excel")
            continue
        if not isinstance(name, str) or not name or Path(name).name != name:
            faults.append(f"{place}: expected the name of a photograph, found {name!r}")
            continue
        if name in first_row_of:
            faults.append(f"{place}: {name} has a row already, row {first_row_of[name]}")
            continue
        first_row_of[name] = row
        path = folder / name
        label = _label(value)
        if label is None:
            faults.append(f"{place}: the label of {name} must be 0 or 1, found {value!r}")
        if not path.is_file():
            faults.append(f"{place}: {_shown(name)} is not in {folder}{_meant(folder, name)}")
        elif not looks_like_picture(path):
            faults.append(f"{place}: {path} is no picture")
        elif label is not None:
            records.append(Record(path, label))
    if not first_row_of:
        faults.append(f"{sheet.place}: the sheet has no row with a photograph and its label")
    return records


def _label_rows(sheet: Sheet) -> Iterator[tuple[int, Any, Any]]:
    """Row number, name and label of each row but the header."""
    header = sheet.header
    named = sheet.has_columns(_HEADERS)
    name_column, label_column = map(header.index, _HEADERS) if named else (1, 2)
    for number, cells in sheet.rows:
        padded = (*cells, *[None] * (3 + len(header)))
        name, label = padded[name_column], padded[label_column]
        is_header = number == sheet.rows[0][0] and (named or not (isinstance(name, str) and Path(name).suffix))
        if not is_header or _label(label) is not None:
            yield number, name, label


def _shown(name: str) -> str:
    """A name, in quotes if it has blanks, which are hard to see."""
    return repr(name) if any(letter.isspace() for letter in name) else name


def _meant(folder: Path, name: str) -> str:
    """The file that a name may mean, when it lacks its ending, or has blanks or other letters."""
    if not folder.is_dir():
        return ""
    wanted = name.strip().lower()
    close = [path.name for path in sorted(folder.iterdir()) if wanted in (path.name.lower(), path.stem.lower())]
    return f"; {close[0]} is there, write its name like that" if close else ""


def _label(value: Any) -> int | None:
    """0 or 1 from a cell (1, 1.0 or '1'), None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if number in (0.0, 1.0) else None
