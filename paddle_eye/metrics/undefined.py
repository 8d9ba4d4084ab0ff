"""What figures of all kinds share: shares and means that may be undefined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def share(part: int, whole: int) -> float | None:
    """``part / whole``; None where that is not defined."""
    return part / whole if whole else None


def defined_mean(rows: Sequence[Mapping[str, Any]], name: str, weighted: bool = False) -> float | None:
    """The mean of a figure over the classes, or images, that it is defined for; None where it is for none.

    Args:
        rows: the figures of each class or image.
        name: of the figure.
        weighted: a class counts as much as it has images (``support``); otherwise all count the same.
    """
    defined = [(row[name], row["support"] if weighted else 1) for row in rows if row[name] is not None]
    total = sum(weight for _, weight in defined)
    return sum(value * weight for value, weight in defined) / total if total else None
