"""Which photographs a data set consists of, whatever their files are called."""

from __future__ import annotations

import hashlib
from typing import Any, Mapping, Sequence

from paddle_eye.data.images import file_digest
from paddle_eye.data.records import RecordSet

_LENGTH = 16  # hexadecimal digits; enough to tell any number of photographs apart


def picture_digests(record_set: RecordSet) -> list[str]:
    """One short digest of the file's bytes per record, in order."""
    return [file_digest(record.image)[:_LENGTH] for record in record_set.records]


def seen_pictures(description: Mapping[str, Any]) -> set[str] | None:
    """Digests of the photographs that a network was trained on, from what its weight file says; None if it does not."""
    told = description.get("training_pictures")
    return set(map(str, told)) if isinstance(told, list) else None


def data_digest(parts: Sequence[RecordSet], digests: Sequence[Sequence[str]]) -> str:
    """A digest of the photographs and labels of all parts; it changes when a photograph, its label or its side does.

    Args:
        parts: of the data set.
        digests: the `picture_digests` of each part.
    """
    told = [
        f"{record.label} {digest}"
        for part, of_part in zip(parts, digests)
        for record, digest in zip(part.records, of_part)
    ]
    counts = [str(len(part)) for part in parts]
    return hashlib.sha256("\n".join([*counts, *told]).encode()).hexdigest()
