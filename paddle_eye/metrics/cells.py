"""How well cells are told apart: the scores of the ISBI 2012 challenge."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from paddle_eye.errors import InputError

THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(1, 10))


class CellScores(NamedTuple):
    """Scores of a division of an image into cells; 1 is perfect.

    Args:
        v_rand: the Rand F-score.
        v_info: the information F-score.
    """

    v_rand: float
    v_info: float


def cells(inside: np.ndarray) -> np.ndarray:
    """Each connected part of a mask, four neighbours to a pixel, as a number from 1; int [H, W], 0 outside."""
    return ndimage.label(inside)[0]


def thinned(labels: np.ndarray) -> np.ndarray:
    """Every pixel outside the cells given to the nearest cell, so that borders have no width; 0 if there is no cell."""
    if not labels.any():
        return labels
    nearest = ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    return labels[tuple(nearest)]


def cell_scores(truth: np.ndarray, predicted: np.ndarray) -> CellScores:
    """Foreground-restricted Rand and information scores after border thinning.

    After Arganda-Carreras et al., Frontiers in Neuroanatomy 9:142 (2015), with α = 0.5: pixels of the true border do
    not count, and the predicted border is thinned away, so that its width does not matter. The challenge's own program
    leaves a line of one pixel between predicted cells, whose pixels count as cells of their own.

    Args:
        truth: bool [H, W], inside the cells.
        predicted: likewise.
    """
    true_cells, predicted_cells = cells(truth), thinned(cells(predicted))
    inside = true_cells > 0
    pairs = np.stack([true_cells[inside], predicted_cells[inside]])
    _, counts = np.unique(pairs, axis=1, return_counts=True)
    joint = counts / counts.sum()
    one, other = (np.unique(each, return_counts=True)[1] / counts.sum() for each in pairs)
    rand = 2 * np.square(joint).sum() / (np.square(one).sum() + np.square(other).sum())
    entropies = _entropy(one) + _entropy(other)
    shared = entropies - _entropy(joint)
    return CellScores(float(rand), float(2 * shared / entropies) if entropies else 1.0)


def best_cell_scores(truth: list[np.ndarray], probabilities: list[np.ndarray]) -> dict[str, CellScores]:
    """`cell_scores`, means over the images, where the inside of cells has a probability above a threshold.

    Args:
        truth: bool [H, W] of each image.
        probabilities: of the inside, float [H, W] of each image.

    Returns:
        ``at_half``: for the threshold 0.5; ``best``: the highest of each score over `THRESHOLDS`, as the challenge has
        it, which chooses on the images that are measured. Images without any true cell, of which nothing can be told,
        are left out.

    Raises:
        InputError: no image has a cell.
    """
    having = [number for number, inside in enumerate(truth) if inside.any()]
    if not having:
        raise InputError("cells: no image that is measured has any; leave cells out of the table")
    truth, probabilities = ([each[number] for number in having] for each in (truth, probabilities))
    by_threshold = {
        threshold: np.mean([cell_scores(*pair) for pair in zip(truth, (p > threshold for p in probabilities))], axis=0)
        for threshold in THRESHOLDS
    }
    best = np.max(list(by_threshold.values()), axis=0)
    return {"at_half": CellScores(*map(float, by_threshold[0.5])), "best": CellScores(*map(float, best))}


def _entropy(shares: np.ndarray) -> float:
    return float(-(shares * np.log(shares)).sum())
