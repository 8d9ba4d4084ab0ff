"""Whole pictures of any size through a network that takes only some sizes, without seams."""

from __future__ import annotations

from itertools import product
from typing import Callable

import numpy as np
import paddle

from paddle_eye.models.base import Segmenter
from paddle_eye.models.unet import all_outputs

SIZE, OVERLAP = 512, 128  # pixels


@paddle.no_grad()
def foreground_logits(model: Segmenter, inputs: np.ndarray) -> np.ndarray:
    """A preprocessed picture of any size, float32 [C, H, W], to logits of the foreground, float32 [H, W].

    Args:
        model: in evaluation mode.
        inputs: looked at by tiles if it is large, and mirrored beyond its rim to a size that can be halved.
    """

    def run(tiles: np.ndarray) -> np.ndarray:
        return all_outputs(model(paddle.to_tensor(tiles)))[-1].numpy()[:, 0]

    return predict_tiled(run, inputs, model.multiple)


def predict_tiled(
    run: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    multiple: int,
    size: int = SIZE,
    overlap: int = OVERLAP,
    batch_size: int = 4,
) -> np.ndarray:
    """The network's values for every pixel, from rectangles that overlap.

    A pixel's value is the mean of those of its rectangles, each weighted by how far the pixel is from the rectangle's
    rim, so that the values change over gradually. Beyond its rim the picture is mirrored.

    Args:
        run: float32 [N, C, h, w] to float32 [N, h, w]; both sides are multiples of ``multiple``, and ``size`` at most.
        inputs: a preprocessed picture, float32 [C, H, W].
        multiple: of which the sides must be for the network, a divisor of ``size``.
        size: the longest side of a rectangle; a picture that is no larger is looked at in one piece.
        overlap: pixels that neighbouring rectangles have in common at least, below ``size``.
        batch_size: rectangles that the network looks at together.

    Returns:
        float32 [H, W].
    """
    shape = inputs.shape[1:]
    sides = [min(size, -(-length // multiple) * multiple) for length in shape]
    whole = [max(length, side) for length, side in zip(shape, sides)]
    padded = np.pad(inputs, [(0, 0), *((0, to - length) for to, length in zip(whole, shape))], mode="symmetric")
    starts = [_starts(length, side, overlap) for length, side in zip(whole, sides)]
    places = [tuple(slice(start, start + side) for start, side in zip(at, sides)) for at in product(*starts)]
    weight = np.minimum.outer(*(_ramp(side) for side in sides))
    total, weights = np.zeros(whole, np.float32), np.zeros(whole, np.float32)
    for start in range(0, len(places), batch_size):
        batch = places[start : start + batch_size]
        for place, values in zip(batch, run(np.stack([padded[(slice(None), *place)] for place in batch]))):
            total[place] += weight * values
            weights[place] += weight
    return (total / weights)[: shape[0], : shape[1]]


def _ramp(length: int) -> np.ndarray:
    """How far each pixel of a side is from the nearer end, counted from 1."""
    return np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(np.float32)


def _starts(length: int, size: int, overlap: int) -> list[int]:
    """Where rectangles begin, evenly spread, so that the last one ends with the picture."""
    if length <= size:
        return [0]
    count = -(-(length - overlap) // (size - overlap))
    return np.linspace(0, length - size, count).round().astype(int).tolist()
