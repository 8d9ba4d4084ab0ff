"""Which photographs are of one patient, as their names say."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from paddle_eye.errors import InputError
from paddle_eye.metrics.intervals import patient_numbers

_LATIN, _CHINESE = "(?:left|right)(?:[ _-]?eye)?|od|os", "左眼|右眼|左|右"
_WORDS, _SIGNS = f"{_LATIN}|{_CHINESE}", " _.,;()（）[]【】–-"
_BETWEEN = f"[{re.escape(_SIGNS)}]"
_EYE = f"(?:{_WORDS}|l|r|le|re)"
# The patient, with a digit in it, and the side of the eye: 12_left, p7-OD, 12L, 12左; perhaps a suffix: 12_left_2.
# Behind RE and LE it is one digit or none: study2_re_12 may be a patient.
_SIDE_BEHIND = re.compile(
    rf"(.*\d|.*\d.*?{_BETWEEN})(?:(?:{_WORDS}|l|r)(?:{_BETWEEN}.*)?|(?:le|re)(?:{_BETWEEN}\d?\D*)?)", re.IGNORECASE
)
# The same with the number of a photograph: p7_OD2, and 12_l1; site1_R1 may be a patient.
_NUMBERED_SIDE = re.compile(
    rf"(?:(.*\d.*?{_BETWEEN})(?:{_WORDS})\d{{1,2}}|(\d+{_BETWEEN})(?:l|r|le|re)[1-9])(?:{_BETWEEN}.*)?", re.IGNORECASE
)
# The side before the patient: left_12, OD12, IMG_OD_12; words begin no longer ones, letters must be set apart, as R0001
# is a number.
_SIDE_BEFORE = re.compile(
    rf"((?:\D*{_BETWEEN})?)(?:(?:(?:{_LATIN})(?![a-z]{{2}})|{_CHINESE}){_BETWEEN}*|(?:l|r|le|re){_BETWEEN}+)(.*\d.*)",
    re.IGNORECASE,
)
_SIDE_AT_THE_END = re.compile(rf"(.*\d|.*\d.*?{_BETWEEN}){_EYE}{_BETWEEN}*", re.IGNORECASE)
# The side alone, in the folder of a patient, perhaps with what is in the middle of the picture.
_SIDE_ALONE = re.compile(rf"{_EYE}(?:{_BETWEEN}(?:macula|disc|fundus))?", re.IGNORECASE)
GENERATED = re.compile(r"_(\d+)_\d+")  # Keras' ImageDataGenerator: _<number of the original>_<random number>


def patient_of(path: Path, pattern: re.Pattern | None = None) -> str | None:
    """The patient of a photograph, or None if the name does not tell.

    ``<number>_left`` and ``<number>_right`` are two eyes of one patient, in whatever folder they are; so are names with
    OD and OS, L and R, RE and LE, 左 and 右, in any case, behind or before the patient, set apart by a blank, ``_``,
    ``-``, ``.`` … or by nothing, but for L, R, LE and RE before it; where the side is all there is, as in ``p12/left``,
    the folder with a number is the patient. Pictures that an augmentation program made are named
    ``_<number>_<number>``; the first number counts the originals of a folder. A name is written as `written_alike` has
    it.

    Args:
        path: the picture file.
        pattern: its first group, found anywhere in the file name, names the patient instead; one with a ``/`` is
            looked for in ``<folder>/<name>`` if it is not found there.
    """
    if pattern is not None:
        found = pattern.search(path.name)
        if found is None and "/" in pattern.pattern:
            found = pattern.search(f"{path.parent.name}/{path.name}")
        return written_alike(found[1]) if found and found[1] else None
    if copy := GENERATED.fullmatch(path.stem):
        return written_alike(f"{path.parent.name}/_{copy[1]}")
    if eye := _SIDE_BEHIND.fullmatch(path.stem) or _NUMBERED_SIDE.fullmatch(path.stem):
        return written_alike((eye[1] or eye[2]).strip(_SIGNS))
    if eye := _SIDE_BEFORE.fullmatch(path.stem):
        return written_alike(f"{eye[1]}{eye[2].strip(_SIGNS)}".strip(_SIGNS))
    if _SIDE_ALONE.fullmatch(path.stem) and re.search(r"\d", path.parent.name):
        return written_alike(path.parent.name)
    return None


def named_by_files(patients: Iterable[tuple[Path, str | None]]) -> dict[Path, str]:
    """Of photographs and their patients those whose names tell the patient."""
    return {path: patient for path, patient in patients if patient and patient == patient_of(path)}


def told_by_names(named: Mapping[Path, str]) -> str | None:
    """Which patients the names of photographs tell, in a sentence with an example; None if they tell of none.

    Args:
        named: of `named_by_files`.
    """
    told = {path: patient for path, patient in named.items() if not GENERATED.fullmatch(path.stem)}
    if not told:
        return None
    example = max(told, key=numbers_in)  # where most may be wrong
    return (
        f"by the names {example.name} is of patient {told[example]}, of {len(set(told.values()))} in all; if that is "
        "wrong, say with --group of tools/split.py which part of a name is the patient"
    )


def numbers_in(path: Path) -> int:
    """How many numbers a name has; beside that of the patient there may be others."""
    return len(re.findall(r"\d+", path.stem))


def is_side(name: str) -> bool:
    """Whether a name is that of the side of an eye, and nothing else."""
    return re.fullmatch(_EYE, name, re.IGNORECASE) is not None


def of_both_eyes(patients: Iterable[str]) -> dict[str, str]:
    """The patient of names that differ in the side at their end alone, such as ``p7 od`` and ``p7 os``."""
    sides: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(patients):
        if eye := _SIDE_AT_THE_END.fullmatch(name):
            sides[eye[1].strip(_SIGNS)].append(name)
    return {name: patient for patient, names in sides.items() if len(names) > 1 for name in names}


def written_alike(patient: str) -> str:
    """A patient's name in one of the ways to write it: ``12``, ``12.0``, ``012`` and ``１２`` are one, so are ``Ann``
    and ``ann``.
    """
    name = " ".join(unicodedata.normalize("NFKC", patient).casefold().split())
    return without_zeros(re.sub(r"\.0+$", "", name))


def without_zeros(name: str) -> str:
    """A name without the zeros before its numbers."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", name)


def patients_among(images: Iterable[str | Path]) -> np.ndarray | None:
    """A number for each picture's patient, as `patient_of` knows them; None if no patient has several."""
    return patient_numbers([patient_of(Path(image)) for image in images])


def look_like_pairs(paths: Iterable[Path]) -> tuple[str, str] | None:
    """Two names that differ in one part that has but two values in most of the names, such as p7_a and p7_b.

    Such names may be two eyes of one patient, which `patient_of` does not know.
    """
    paths = list(paths)
    for position in (-1, 0):
        names_of: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
        for path in paths:
            parts = re.split(_BETWEEN, path.stem.casefold())
            if len(parts) > 1:
                rest = (str(path.parent), *parts[:position], *parts[position:][1:])
                names_of[rest][parts[position]] = path.name
        pairs = [names for names in names_of.values() if len(names) == 2]
        values = {value for names in names_of.values() for value in names}
        if len(values) == 2 and 4 * len(pairs) >= len(paths) > 0:
            first, second = sorted(pairs[0].values())
            return first, second
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
