"""Setting examples aside."""

from __future__ import annotations

import numpy as np

from paddle_eye.data.records import RecordSet
from paddle_eye.errors import InputError


def hold_out(record_set: RecordSet, share: float, seed: int) -> tuple[RecordSet, RecordSet]:
    """Split off ``share`` of each class, the same records for the same seed.

    Returns:
        What is left and what was set aside, both in the order of the records.

    Raises:
        InputError: a class is too small to have a record on both sides.
    """
    generator = np.random.default_rng(seed)
    labels = np.array([record.label for record in record_set.records])
    aside = np.zeros(len(labels), dtype=bool)
    for label, name in enumerate(record_set.classes):
        members = np.flatnonzero(labels == label)
        count = round(share * len(members))
        if not 0 < count < len(members):
            raise InputError(
                f"--holdout {share}: sets {count} of {len(members)} photographs of class {name!r} aside; "
                "give a share that leaves photographs of every class on both sides"
            )
        aside[generator.permutation(members)[:count]] = True
    return record_set.subset(np.flatnonzero(~aside)), record_set.subset(np.flatnonzero(aside))
