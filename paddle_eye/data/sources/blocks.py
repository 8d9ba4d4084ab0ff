"""Pairs of pictures and masks in parts: those that a set has, blocks of neighbours, some kept aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from paddle_eye.data.patients import patients_among
from paddle_eye.data.sources.pair_reading import Pair
from paddle_eye.data.sources.pairs import MaskRecord
from paddle_eye.errors import InputError

Each = TypeVar("Each", MaskRecord, Pair)


def own_division(pairs: Sequence[Each]) -> tuple[list[Each], list[Each], list[Each]] | None:
    """The training part, one to choose the best epoch on, if there is one, and the test part of a set that comes
    divided; None of others."""
    parts = ([pair for pair in pairs if pair.part == part] for part in ("training", "validation", "test"))
    training, validation, test = parts
    return (training, validation, test) if training and test else None


def block_split(pairs: Sequence[Each], folds: int, fold: int | None = None) -> tuple[list[Each], list[Each]]:
    """Training and test part; the test part is a block of neighbours, because neighbouring slices are alike.

    Pictures of one patient, see `patient_of`, stay together; where names tell of patients, blocks are of these.

    Args:
        pairs: in their order.
        folds: in how many blocks they are divided, the first ones larger by one if need be.
        fold: the block to test on, counted from 1; None: the last one.

    Raises:
        InputError: there are no such blocks.
    """
    patients = _patients(pairs)
    count = len(set(patients))
    if not 2 <= folds <= count:
        what = "pictures" if count == len(pairs) else "patients"
        raise InputError(f"--folds {folds}: expected 2 or more, up to the number of {what}, which is {count}")
    if fold is None:
        fold = folds
    if not 1 <= fold <= folds:
        raise InputError(f"--fold {fold}: expected 1 to {folds}, the number of folds")
    return _apart(pairs, patients, set(np.array_split(np.arange(count), folds)[fold - 1].tolist()))


def last_aside(pairs: Sequence[Each], share: float) -> tuple[list[Each], list[Each]]:
    """Keep the last ``share`` of the pairs, or of their patients, aside to choose the best epoch on; neighbours again.

    Raises:
        InputError: none would be left on one side.
    """
    patients = _patients(pairs)
    total = len(set(patients))
    count = round(share * total)
    if not 0 < count < total:
        what = "pictures" if total == len(pairs) else "patients"
        raise InputError(f"--holdout {share}: keeps {count} of {total} {what} aside, none or all of them")
    return _apart(pairs, patients, set(range(total - count, total)))


def _patients(pairs: Sequence[Each]) -> list[int]:
    """A number for each pair's patient, in the order in which they come; a pair without has one of its own."""
    numbers = patients_among(pair.image for pair in pairs)
    return list(range(len(pairs))) if numbers is None else numbers.tolist()


def _apart(pairs: Sequence[Each], patients: Sequence[int], chosen: set[int]) -> tuple[list[Each], list[Each]]:
    """The pairs of all other patients, and those of the chosen ones."""
    parts = ([], [])
    for pair, patient in zip(pairs, patients):
        parts[patient in chosen].append(pair)
    return parts
