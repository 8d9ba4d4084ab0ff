"""The layouts a data set can have, and its two parts as records."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from paddle_eye.data import folders
from paddle_eye.data.masks import IMAGE_FOLDER, MASK_FOLDER
from paddle_eye.data.palm import LABEL_FILE, TRAINING_FOLDER, VALIDATION_FOLDER, read_palm
from paddle_eye.data.records import RecordSet
from paddle_eye.data.tables import TEST_TABLE, TRAINING_TABLE, read_table
from paddle_eye.errors import InputError


class Parts(NamedTuple):
    """What a network learns from and what it is measured on, with the same classes."""

    training: RecordSet
    validation: RecordSet


def layout(root: Path) -> Literal["palm", "tables", "train and val", "masks", "folders"]:
    """What a data set's folder looks like.

    ``train.csv`` and ``test.csv``, PALM, ``train`` and ``val`` with folders of classes, ``image`` and ``label`` with
    pictures and masks, or else folders of classes.
    """
    if any((root / table).exists() for table in (TRAINING_TABLE, TEST_TABLE)):
        return "tables"
    if any((root / part).exists() for part in (TRAINING_FOLDER, VALIDATION_FOLDER, LABEL_FILE)):
        return "palm"
    if all((root / part).is_dir() for part in (folders.TRAINING_FOLDER, folders.VALIDATION_FOLDER)):
        return "train and val"
    if all((root / part).is_dir() for part in (IMAGE_FOLDER, MASK_FOLDER)):
        return "masks"
    return "folders"


def refuse_masks(root: Path) -> None:
    """Raise an InputError if a data set has masks in place of classes."""
    if layout(root) == "masks":
        raise InputError(
            f"{root}: these are pictures and masks; train a network that draws masks, such as --model unet, which "
            "looks for faults of the pairs itself"
        )


def read(root: Path) -> Parts:
    """The two parts of a data set.

    Raises:
        InputError: faults of the data, or it has not been split into two parts.
    """
    refuse_masks(root)
    found = layout(root)
    if found == "palm":
        return Parts(*read_palm(root))
    if found == "tables":
        training = read_table(root / TRAINING_TABLE)
        if len(training.classes) < 2:
            raise InputError(f"{root / TRAINING_TABLE}: expected rows of at least two classes, found one")
        return Parts(training, read_table(root / TEST_TABLE, training.classes))
    if found == "train and val":
        return Parts(*folders.read_train_val(root))
    raise InputError(
        f"{root}: found neither {TRAINING_TABLE} and {TEST_TABLE} (python tools/split.py --data {root} makes them from "
        "folders of classes), nor train and val with folders of classes, nor a PALM folder "
        "(python tools/prepare_data.py --archives DIR makes one)"
    )
