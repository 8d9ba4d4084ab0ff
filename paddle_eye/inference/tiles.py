"""Whole pictures of any size through a network that takes squares, without seams."""

from __future__ import annotations

from typing import Callable, List

import numpy as np


def predict_tiled(
    run: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray, size: int, overlap: int, batch_size: int = 4
) -> np.ndarray:
    """The network's values for every pixel, from squares that overlap.

    A pixel's value is the mean of those of its squares, each weighted by how far the pixel is from the square's rim, so
    that the values change over gradually. Beyond its rim the picture is mirrored.

    Args:
        run: float32 [N, C, size, size] to float32 [N, size, size].
        inputs: a preprocessed picture, float32 [C, H, W].
        size: side of the squares.
        overlap: pixels that neighbouring squares have in common at least, below ``size``.
        batch_size: squares that the network looks at together.

    Returns:
        float32 [H, W].
    """
    height, width = inputs.shape[1:]
    places = [(top, left) for top in _starts(height, size, overlap) for left in _starts(width, size, overlap)]
    whole = (max(height, size), max(width, size))
    margins = [(0, 0), (0, whole[0] - height), (0, whole[1] - width)]
    padded = np.pad(inputs, margins, mode="symmetric") if whole != (height, width) else inputs
    ramp = np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1)).astype(np.float32)
    weight = np.minimum.outer(ramp, ramp)
    total, weights = np.zeros(whole, np.float32), np.zeros(whole, np.float32)
    for start in range(0, len(places), batch_size):
        batch = places[start : start + batch_size]
        squares = np.stack([padded[:, top : top + size, left : left + size] for top, left in batch])
        for (top, left), values in zip(batch, run(squares)):
            place = (slice(top, top + size), slice(left, left + size))
            total[place] += weight * values
            weights[place] += weight
    return (total / weights)[:height, :width]


def _starts(length: int, size: int, overlap: int) -> List[int]:
    """Where squares begin, evenly spread, so that the last one ends with the picture."""
    if length <= size:
        return [0]
    count = -(-(length - overlap) // (size - overlap))
    return np.linspace(0, length - size, count).round().astype(int).tolist()
