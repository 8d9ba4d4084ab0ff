"""Which photographs are of one patient, as their names say."""

from __future__ import annotations

import re
from pathlib import Path

from paddle_eye.errors import InputError

EYES = re.compile(r"(\d+)_(?:left|right)")
GENERATED = re.compile(r"_(\d+)_\d+")  # Keras' ImageDataGenerator: _<number of the original>_<random number>


def patient_of(path: Path, pattern: re.Pattern | None = None) -> str | None:
    """The patient of a photograph, or None if the name does not tell.

    ``<number>_left`` and ``<number>_right`` are two eyes of one patient, in whatever folder they are. Pictures that an
    augmentation program made are named ``_<number>_<number>``; the first number counts the originals of a folder.

    Args:
        path: the picture file.
        pattern: its first group, found anywhere in the file name, names the patient instead.
    """
    if pattern is not None:
        found = pattern.search(path.name)
        return (found[1] or None) if found else None
    if eye := EYES.fullmatch(path.stem):
        return eye[1]
    if copy := GENERATED.fullmatch(path.stem):
        return f"{path.parent.name}/_{copy[1]}"
    return None


def compile_pattern(text: str) -> re.Pattern:
    """A regular expression with exactly one group.

    Raises:
        InputError: it is none.
    """
    try:
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(f"--group {text}: this is no regular expression ({error})") from error
    if pattern.groups != 1:
        raise InputError(
            f"--group {text}: the patient is what stands in the one pair of brackets, "
            rf"for example '^(\d+)_'; found {pattern.groups} pairs"
        )
    return pattern
