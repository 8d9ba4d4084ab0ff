"""Which photographs a data set consists of, whatever their files are called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

_LENGTH = 16  # hexadecimal digits; enough to tell any number of photographs apart


def short(whole: str) -> str:
    """As much of a digest as is kept of each picture."""
    return whole[:_LENGTH]


def seen_pictures(description: Mapping[str, Any]) -> set[str] | None:
    """Digests of the photographs that a network was trained on, from what its weight file says; None if it does not."""
    digests = description.get("training_pictures")
    return set(map(str, digests)) if isinstance(digests, list) else None


def digest_of_pictures(digests: Sequence[str]) -> str:
    """A digest of photographs in any order, of those of their files."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def data_digest(labels: Sequence[Sequence[object]], digests: Sequence[Sequence[str]]) -> str:
    """A digest of the photographs and labels of all parts; it changes when a photograph, its label or its side does.

    Args:
        labels: of the photographs of each part: the class, or a digest of the mask.
        digests: of the files of each part, see `short`.
    """
    lines = [f"{label} {digest}" for part in zip(labels, digests) for label, digest in zip(*part)]
    counts = [str(len(part)) for part in digests]
    return hashlib.sha256("\n".join([*counts, *lines]).encode()).hexdigest()
