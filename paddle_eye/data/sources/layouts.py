"""The layouts a data set for classifiers can have, and its two parts as records."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, NamedTuple

from paddle_eye.data.records import RecordSet
from paddle_eye.data.sources import folders, palm
from paddle_eye.data.sources.pair_names import pair_folders
from paddle_eye.data.sources.palm import LABEL_FILE, TRAINING_FOLDER, VALIDATION_FOLDER, read_palm
from paddle_eye.data.sources.tables import TEST_TABLE, TRAINING_TABLE, read_table, settle
from paddle_eye.errors import InputError, listed


class Parts(NamedTuple):
    """What a network learns from and what it is measured on, with the same classes."""

    training: RecordSet
    validation: RecordSet


class TestPart(NamedTuple):
    """Photographs that a finished network can be measured on.

    Args:
        records: they.
        notes: what a person should know of them.
        whole: whether they are everything that is there, and not the validation part of a data set that is divided.
    """

    __test__ = False  # no test, whatever pytest takes its name for

    records: RecordSet
    notes: list[str]
    whole: bool


class Layout(NamedTuple):
    """What a data set's folder can look like.

    Args:
        described: its two parts in words.
        matches: whether a folder looks like it.
        read: a folder's two parts; raises an InputError if it has faults, or has not been split into two parts.
        passed_over: what a person should know of what is not read.
        whole: what is measured on in place of the validation part; None where that is it.
    """

    described: str
    matches: Callable[[Path], bool]
    read: Callable[[Path], Parts]
    passed_over: Callable[[Path], list[str]] = lambda root: []
    whole: Callable[[Path], RecordSet | None] = lambda root: None


def layout(root: Path) -> str:
    """The name of the first of `LAYOUTS` that a data set's folder looks like."""
    return next(name for name, each in LAYOUTS.items() if each.matches(root))


def read(root: Path) -> Parts:
    """The two parts of a data set.

    Raises:
        InputError: faults of the data, or it has not been split into two parts.
    """
    return LAYOUTS[layout(root)].read(root)


def read_test(root: Path) -> TestPart:
    """What a finished network can be measured on: everything in folders of classes, in a lone ``test.csv``, or in
    ``test`` beside ``train`` and ``val``; else the validation part.

    Raises:
        InputError: faults of the data.
    """
    each = LAYOUTS[layout(root)]
    if (whole := each.whole(root)) is not None:
        return TestPart(whole, each.passed_over(root), True)
    parts = each.read(root)
    return TestPart(parts.validation, notes(root, parts), False)


def notes(root: Path, parts: Parts) -> list[str]:
    """What a person should know of a data set's parts, and of what `read` passes over."""
    return [*LAYOUTS[layout(root)].passed_over(root), *patients_in_one(parts)]


def patients_in_one(parts: Parts) -> list[str]:
    """That one of both parts alone names patients, if so."""
    named = [any(record.group is not None for record in part.records) for part in parts]
    if named[0] == named[1]:
        return []
    naming, without = ("training", "test") if named[0] else ("test", "training")
    return [f"the {naming} part names patients, the {without} part does not: one in both may not be seen as one"]


def refuse_masks(root: Path) -> None:
    """Raise an InputError if a data set has masks in place of classes."""
    if layout(root) == "masks":
        _no_classes(root)


def _read_tables(root: Path) -> Parts:
    settle(root)
    training = read_table(root / TRAINING_TABLE)
    if len(training.classes) < 2:
        raise InputError(f"{root / TRAINING_TABLE}: expected rows of at least two classes, found one")
    return Parts(training, read_table(root / TEST_TABLE, training.classes))


def _lone_test_table(root: Path) -> RecordSet | None:
    settle(root)
    return None if (root / TRAINING_TABLE).exists() else read_table(root / TEST_TABLE)


def _no_classes(root: Path) -> Parts:
    raise InputError(
        f"{root}: these are pictures and masks; train a network that draws masks, such as --model unet, which "
        "looks for faults of the pairs itself"
    )


def _not_split(root: Path) -> Parts:
    raise InputError(
        f"{root}: found neither {TRAINING_TABLE} and {TEST_TABLE} (python tools/split.py --data {root} makes them from "
        "folders of classes, or with --sheet FILE from a sheet of labels), nor train and val with folders of classes, "
        "nor a PALM folder (python tools/prepare_data.py --archives DIR makes one)"
    )


def _without_label(files: list[Path]) -> list[str]:
    return [f"{len(files)} validation photographs have no row in the sheet: {listed(files)}"] if files else []


def in_no_class(*places: Path | None) -> list[str]:
    """That pictures lie beside the folders of classes, if some do."""
    files = [path for place in places if place is not None for path in folders.beside_classes(place)]
    return [f"{len(files)} pictures beside the folders of classes are in no class: {listed(files)}"] if files else []


def _labelled_test(root: Path) -> Path | None:
    test = folders.test_folder(root)
    return test if test is not None and folders.has_folders(test) else None


def _unlabelled_test(root: Path) -> list[str]:
    unlabelled = folders.test_folder(root) if _labelled_test(root) is None else None
    return [f"{unlabelled} has no folders of classes and is passed over"] if unlabelled is not None else []


def _any_exists(*names: object) -> Callable[[Path], bool]:
    return lambda root: any((root / name).exists() for name in names)


LAYOUTS = {
    "tables": Layout(
        "train.csv and test.csv",
        _any_exists(TRAINING_TABLE, TEST_TABLE),
        _read_tables,
        whole=_lone_test_table,
    ),
    "palm": Layout(
        "PALM's two parts",
        _any_exists(TRAINING_FOLDER, VALIDATION_FOLDER, LABEL_FILE),
        lambda root: Parts(*read_palm(root)),
        lambda root: _without_label(palm.without_label(root)),
    ),
    "masks": Layout("pictures and masks", lambda root: bool(pair_folders(root).parts), _no_classes),
    "train and val": Layout(
        "train and val",
        lambda root: len(folders.train_val_folders(root)) == 2,
        lambda root: Parts(*folders.read_train_val(root)),
        lambda root: [*in_no_class(*folders.train_val_folders(root), _labelled_test(root)), *_unlabelled_test(root)],
        lambda root: folders.read_folders(folder, least=1) if (folder := _labelled_test(root)) else None,
    ),
    "folders": Layout(
        "folders of classes",
        lambda root: True,
        _not_split,
        in_no_class,
        lambda root: folders.read_folders(root, least=1),
    ),
}
