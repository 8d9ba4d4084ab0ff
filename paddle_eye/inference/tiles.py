"""Whole pictures of any size through a network that takes only some sizes, without seams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Callable

import numpy as np
import paddle

from paddle_eye.models.base import Segmenter
from paddle_eye.models.unet import all_outputs

SIZE, OVERLAP = 512, 128  # pixels of a tile's side
WHOLE = 1024 * 1024  # pixels of the largest picture that is looked at in one piece

Run = Callable[[np.ndarray], np.ndarray]
"""A network of pixels as a function: float32 [N, C, h, w] to logits at full size, float32 [N, K, h, w]."""

Progress = Callable[[Sequence], Iterable]
"""What goes over the parts of a long work."""


def run_of(model: Segmenter) -> Run:
    """A network of pixels in evaluation mode as a function."""

    @paddle.no_grad()
    def run(tiles: np.ndarray) -> np.ndarray:
        return all_outputs(model(paddle.to_tensor(tiles)))[-1].numpy()

    return run


def pixel_logits(model: Segmenter, inputs: np.ndarray) -> np.ndarray:
    """A preprocessed picture of any size, float32 [C, H, W], to logits of its pixels, float32 [K, H, W].

    Args:
        model: in evaluation mode.
        inputs: see `predict_tiled`.
    """
    return predict_tiled(run_of(model), inputs, model.multiple)


def predict_tiled(
    run: Run,
    inputs: np.ndarray,
    multiple: int,
    size: int = SIZE,
    overlap: int = OVERLAP,
    whole: int = WHOLE,
    batch_size: int = 4,
    progress: Progress = iter,
) -> np.ndarray:
    """The network's values for every pixel: of a large picture, from rectangles that overlap.

    A pixel's value is the mean of those of its rectangles, each weighted by how far the pixel is from the rectangle's
    rim, so that the values change over gradually. Beyond its rim the picture is mirrored.

    Args:
        run: of the network; both sides of what it is given are multiples of ``multiple``.
        inputs: a preprocessed picture, float32 [C, H, W].
        multiple: of which the sides must be for the network, a divisor of ``size``.
        size: the longest side of a rectangle.
        overlap: pixels that neighbouring rectangles have in common at least, below ``size``.
        whole: pixels of a picture, its sides made multiples, up to which it is looked at in one piece.
        batch_size: rectangles that the network looks at together.
        progress: goes over the beginnings of the batches, and may show how far it is.

    Returns:
        float32 [K, H, W].
    """
    shape = inputs.shape[1:]
    sides = [-(-length // multiple) * multiple for length in shape]
    if sides[0] * sides[1] > whole:
        sides = [min(size, side) for side in sides]
    covered = [max(length, side) for length, side in zip(shape, sides)]
    padded = np.pad(inputs, [(0, 0), *((0, to - length) for to, length in zip(covered, shape))], mode="symmetric")
    starts = [_starts(length, side, overlap) for length, side in zip(covered, sides)]
    places = [tuple(slice(start, start + side) for start, side in zip(at, sides)) for at in product(*starts)]
    weight = np.minimum.outer(*(_ramp(side) for side in sides))
    total, weights = 0, np.zeros(covered, np.float32)
    for start in progress(range(0, len(places), batch_size)):
        batch = places[start : start + batch_size]
        given = run(np.stack([padded[(slice(None), *place)] for place in batch]))
        if not start:
            total = np.zeros((given.shape[1], *covered), np.float32)
        for place, values in zip(batch, given):
            total[(slice(None), *place)] += weight * values
            weights[place] += weight
    return (total / weights)[:, : shape[0], : shape[1]]


def _ramp(length: int) -> np.ndarray:
    """How far each pixel of a side is from the nearer end, counted from 1."""
    return np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(np.float32)


def _starts(length: int, size: int, overlap: int) -> list[int]:
    """Where rectangles begin, evenly spread, so that the last one ends with the picture."""
    if length <= size:
        return [0]
    count = -(-(length - overlap) // (size - overlap))
    return np.linspace(0, length - size, count).round().astype(int).tolist()
