"""Which photographs a data set consists of, whatever their files are called."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

from paddle_eye.data.images import file_digest

_LENGTH = 16  # hexadecimal digits; enough to tell any number of photographs apart


def picture_digests(files: Iterable[Path]) -> list[str]:
    """One short digest of each file's bytes, in order."""
    return [file_digest(file)[:_LENGTH] for file in files]


def seen_pictures(description: Mapping[str, Any]) -> set[str] | None:
    """Digests of the photographs that a network was trained on, from what its weight file says; None if it does not."""
    told = description.get("training_pictures")
    return set(map(str, told)) if isinstance(told, list) else None


def data_digest(labels: Sequence[Sequence[object]], digests: Sequence[Sequence[str]]) -> str:
    """A digest of the photographs and labels of all parts; it changes when a photograph, its label or its side does.

    Args:
        labels: of the photographs of each part: the class, or a digest of the mask.
        digests: the `picture_digests` of each part.
    """
    told = [f"{label} {digest}" for part in zip(labels, digests) for label, digest in zip(*part)]
    counts = [str(len(part)) for part in digests]
    return hashlib.sha256("\n".join([*counts, *told]).encode()).hexdigest()
