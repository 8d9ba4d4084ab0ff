"""What people call the parts of a data set, and folders that are no classes."""

from __future__ import annotations

import re
import unicodedata

TRAINING = ("train", "training", "trainset", "trainingset", "训练", "训练集")
VALIDATION = ("val", "valid", "validation", "dev", "valset", "validset", "validationset", "验证", "验证集")
TEST = ("test", "testing", "testset", "testingset", "测试", "测试集")
_PARTS = {"training": TRAINING, "validation": VALIDATION, "test": TEST}

# Names of parts of a data set or of kinds of files: train_images, ODIR-5K_Training_Images, masks, val …
_PART = rf"{'|'.join((*TRAINING, *VALIDATION, *TEST))}|(?:train|training|val|validation|test|testing)[_ .-]*set"
_KIND = (
    "images?|imgs?|pictures?|photos?|photographs?|originals?|jpegimages|masks?|labels?|annotations?|gts?"
    "|ground[_ .-]?truths?|data|files?"
)
_NO_CLASS = re.compile(
    rf"(?:.*[_ .-])?(?:{_PART}|fold ?\d+|split ?\d+)(?:[_ .-]*(?:{_KIND}))?|(?:.*[_ .-])?(?:{_KIND})", re.IGNORECASE
)


def key(name: str) -> str:
    """A name as names of files and classes are compared: in any case, with letters and accents together or apart."""
    return unicodedata.normalize("NFC", name).casefold()


def plain(name: str) -> str:
    """A name as names of columns and parts are compared: without blanks, lines, points and capitals."""
    return re.sub(r"[\s_.-]+", "", name).casefold()


def part_called(name: str) -> str | None:
    """The part, ``'training'``, ``'validation'`` or ``'test'``, that a name means; None if it means none."""
    return next((part for part, names in _PARTS.items() if plain(name) in names), None)


def part_named(name: str) -> str | None:
    """The part that a name has in it, such as ``a. Training Set``; None if it has none, or several."""
    parts = {part_called(word) for word in re.split(r"[\s_.-]+", name)} - {None}
    return parts.pop() if len(parts) == 1 else None


def is_kind_of_files(name: str) -> bool:
    """Whether a folder is called like a kind of files, and nothing else."""
    return re.fullmatch(_KIND, name, re.IGNORECASE) is not None


def is_no_class(name: str) -> bool:
    """Whether a folder is called like a part of a data set or like a kind of files rather than like a class."""
    return _NO_CLASS.fullmatch(name) is not None
