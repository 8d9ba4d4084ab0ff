"""Folders of classes to records: every subfolder is a class, every file in it a photograph."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from paddle_eye.data.images import SUFFIXES, is_clutter, looks_like_picture
from paddle_eye.data.patients import is_side, patient_of
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.sources.part_names import (
    TEST,
    TRAINING,
    VALIDATION,
    is_kind_of_files,
    is_no_class,
    part_called,
    plain,
)
from paddle_eye.data.sources.tables import fault_of_alike, is_own_table
from paddle_eye.errors import InputError, fault_of_name, no_folder, raise_faults

_SHEETS = (".csv", ".tsv", ".xlsx", ".xls", ".ods")
_COUNTED = {1: "one", 2: "two"}
_MOST_NUMBERED = 20  # classes


def read_folders(
    root: Path, pattern: re.Pattern | None = None, classes: Sequence[str] | None = None, least: int = 2
) -> RecordSet:
    """Records of the files below ``root``; classes and files in the order of their names.

    An archive may have packed the classes into one more folder; it is entered. Files beside the class folders, see
    `beside_classes`, and hidden ones are passed over. What is in the files is not looked at.

    Args:
        root: the folder of the class folders.
        pattern: see `patient_of`.
        classes: the folders that are classes, in the order of the labels; None takes all, unless their names say
            something else.
        least: how many classes there must be.

    Raises:
        InputError: there are too few classes, a class is empty, a folder is inside a class, a sheet beside the folders
            or their names say that they are no classes; all faults in one message.
    """
    folders = _class_folders(root, least)
    if classes is None:
        _require_classes(root, folders)
        if least > 1:  # what is only measured has the classes of a network
            require_no_eyes(root, [folder.name for folder in folders])
    else:
        by_name = {folder.name: folder for folder in folders}
        missing = [name for name in classes if name not in by_name]
        if missing or len(classes) < 2 or len(set(classes)) < len(classes):
            raise InputError(
                f"--classes {','.join(classes)}: expected two or more folders of {root}, each once, missing {missing}"
            )
        folders = [by_name[name] for name in classes]
    records, faults = _records(folders, pattern)
    raise_faults(root, faults, "give the folder whose subfolders are the classes, only photographs in them")
    return RecordSet(tuple(folder.name for folder in folders), records)


def train_val_folders(root: Path) -> list[Path]:
    """``train`` and ``val`` below a folder, or what people call them, in any case; fewer if one is not there.

    Raises:
        InputError: two folders are called as one part.
    """
    require_one_of_each_part(root)
    found = (named_folder(root, names) for names in (TRAINING, (*VALIDATION, *TEST)))
    return [path for path in found if path is not None]


def require_one_of_each_part(root: Path) -> None:
    """Raise an `InputError` if two folders below another are called as one part, such as ``Train`` and ``training``."""
    called: dict[str | None, Path] = {}
    for folder in _folders(root) if root.is_dir() else []:
        part = part_called(folder.name)
        if part is not None and part in called:
            raise InputError(f"{called[part]} and {folder} are both called as the {part} part; join or rename them")
        called[part] = folder


def named_folder(root: Path, names: Sequence[str]) -> Path | None:
    """The folder below another that has the first of some names, see `plain`; None if there is none."""
    inside = {plain(path.name): path for path in _folders(root)} if root.is_dir() else {}
    return next((inside[name] for name in names if name in inside), None)


def test_folder(root: Path) -> Path | None:
    """``test`` beside ``train`` and another folder to validate on, in any case; None if there is none."""
    parts = train_val_folders(root)
    if len(parts) == 2 and plain(parts[1].name) not in TEST:
        return named_folder(root, TEST)
    return None


def read_train_val(root: Path) -> tuple[RecordSet, RecordSet]:
    """Records of the class folders below the `train_val_folders`, which must have the same classes.

    Raises:
        InputError: see `read_folders`; also a class that one side lacks and files that are no pictures; all faults of
            both sides in one message.
    """
    places = train_val_folders(root)
    sides = [sorted(_class_folders(place), key=_composed) for place in places]
    for place, folders in zip(places, sides):
        named = [folder.name for folder in folders if is_kind_of_files(folder.name)]
        _refuse(place, named, "give it a folder for each class, or rename what is one")
    names = [list(map(_composed, folders)) for folders in sides]
    faults = [
        f"{places[there]}: no class {name!r}, which {places[here]} has"
        for here, there in ((0, 1), (1, 0))
        for name in names[here]
        if name not in names[there]
    ]
    parts = []
    for folders in sides:
        records, found = _records(folders)
        files = [record.image for record in records if record.image.is_file()]
        faults += found + [f"{path}: this is no picture" for path in files if not looks_like_picture(path)]
        parts.append(records)
    raise_faults(root, faults, f"{places[0].name} and {places[1].name} need the same classes of photographs")
    training, validation = (RecordSet(tuple(names[0]), records) for records in parts)
    return training, validation


def _composed(folder: Path) -> str:
    """The name of a folder, with letters and accents together, which a Mac writes apart."""
    return unicodedata.normalize("NFC", folder.name)


def has_folders(folder: Path) -> bool:
    """Whether there is a folder in another, which may be a class."""
    return bool(_folders(folder))


def beside_classes(root: Path) -> list[Path]:
    """The pictures that lie beside the class folders of a folder, and are in no class."""
    folders = _unpacked(root)
    places = {root, *(folder.parent for folder in folders)}
    files = sorted(path for place in places for path in _visible(place) if path.is_file())
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def _require_classes(root: Path, folders: list[Path]) -> None:
    """Raise an InputError if folders are parts or kinds of files rather than classes, by their names or a sheet."""
    sheets = sorted(
        path.name
        for place in {root, folders[0].parent}
        for path in place.iterdir()
        if path.suffix.lower() in _SHEETS and not is_clutter(path) and not is_own_table(path)
    )
    names = ",".join(folder.name for folder in folders)
    cure = f"put the photographs into one folder for each class, or have tools/split.py insist with --classes {names}"
    inner = folders[0].parent
    named = [folder.name for folder in folders if is_no_class(folder.name)]
    _refuse(root, named, cure if inner == root else f"did you mean {inner}? Otherwise {cure}")
    if sheets:
        raise InputError(
            f"{root}: {', '.join(sheets)} beside the folders may hold the labels; give it with --sheet {sheets[0]} "
            f"(tools/split.py or eval.py), or {cure}"
        )


def require_no_eyes(root: Path, names: Sequence[str]) -> None:
    """Raise an InputError if folders are called as the sides of eyes, or as patients."""
    found = None
    if all(map(is_side, names)):
        found = f"{', '.join(names)} look like the sides of eyes"
    elif len(names) > _MOST_NUMBERED and len({re.sub(r"\d+", "0", name) for name in names}) == 1:
        found = f"{len(names)} folders whose names differ by a number, such as {names[0]}, look like patients"
    if found is not None:
        raise InputError(
            f"{root}: {found}, not like classes; put the photographs into one folder for each class, give a sheet of "
            "their labels (--sheet), or have tools/split.py insist with --classes and all names, separated by commas"
        )


def _refuse(root: Path, named: Sequence[str], cure: str) -> None:
    if named:
        raise InputError(f"{root}: {', '.join(named)} look like parts of a data set, not like classes; {cure}")


def has_class_folders(root: Path) -> bool:
    """Whether a folder has subfolders that `read_folders` would take for classes."""
    return len(_unpacked(root)) > 1


def _unpacked(root: Path) -> list[Path]:
    """The subfolders, or those of the only one: an archive may have packed the classes into one more folder."""
    folders = _folders(root)
    if len(folders) == 1 and _folders(folders[0]):
        return _folders(folders[0])
    return folders


def _class_folders(root: Path, least: int = 2) -> list[Path]:
    if not root.is_dir():
        raise InputError(f"{root}: {no_folder(root)}; give a folder with one subfolder per class")
    folders = _unpacked(root)
    if len(folders) < least:
        raise InputError(f"{root}: expected one subfolder per class, at least {_COUNTED[least]}, found {len(folders)}")
    return folders


def _records(folders: list[Path], pattern: re.Pattern | None = None) -> tuple[tuple[Record, ...], list[str]]:
    """The records of class folders, and what is wrong with the folders."""
    records, faults = [], list(filter(None, [fault_of_alike([folder.name for folder in folders])]))
    for label, folder in enumerate(folders):
        paths = _visible(folder)
        faults += [f"{path}: a folder inside the folder of a class" for path in paths if path.is_dir()]
        if not paths:
            faults.append(f"{folder}: no photograph of this class")
        faults += filter(None, map(fault_of_name, (folder, *paths)))
        records += [Record(path, label, patient_of(path, pattern)) for path in paths]
    return tuple(records), faults


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not is_clutter(path))


def _folders(folder: Path) -> list[Path]:
    return [path for path in _visible(folder) if path.is_dir()]
