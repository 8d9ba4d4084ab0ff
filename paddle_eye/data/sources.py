"""The layouts a data set can have, and its two parts as records."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from paddle_eye.data.palm import LABEL_FILE, TRAINING_FOLDER, VALIDATION_FOLDER, read_palm
from paddle_eye.data.records import RecordSet
from paddle_eye.data.tables import TEST_TABLE, TRAINING_TABLE, read_table
from paddle_eye.errors import InputError


class Parts(NamedTuple):
    """What a network learns from and what it is measured on, with the same classes."""

    training: RecordSet
    validation: RecordSet


def layout(root: Path) -> Literal["palm", "tables", "folders"]:
    """What a data set's folder looks like: PALM, ``train.csv`` and ``test.csv``, or else folders of classes."""
    if any((root / table).exists() for table in (TRAINING_TABLE, TEST_TABLE)):
        return "tables"
    if any((root / part).exists() for part in (TRAINING_FOLDER, VALIDATION_FOLDER, LABEL_FILE)):
        return "palm"
    return "folders"


def read(root: Path) -> Parts:
    """The two parts of a data set.

    Raises:
        InputError: faults of the data, or it has not been split into two parts.
    """
    found = layout(root)
    if found == "palm":
        return Parts(*read_palm(root))
    if found == "tables":
        training = read_table(root / TRAINING_TABLE)
        if len(training.classes) < 2:
            raise InputError(f"{root / TRAINING_TABLE}: expected rows of at least two classes, found one")
        return Parts(training, read_table(root / TEST_TABLE, training.classes))
    raise InputError(
        f"{root}: found neither {TRAINING_TABLE} and {TEST_TABLE}, which python tools/split.py --data {root} makes "
        "from folders of classes, nor a PALM folder, which python tools/prepare_data.py --archives DIR makes"
    )
