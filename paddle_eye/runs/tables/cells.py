"""The scores of the ISBI challenge for a trained network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paddle_eye.data.locate import find
from paddle_eye.data.preparation.test_sets import Place
from paddle_eye.inference.tiles import pixel_logits
from paddle_eye.metrics.cells import best_cell_scores
from paddle_eye.tasks.registry import described_task
from paddle_eye.weights.opened import open_weights


def measure_cells(weights: Path) -> dict[str, float]:
    """V_rand and V_info on the images that a network of one foreground was not trained on: the inside of the cells.

    Args:
        weights: the file; it says which data and which block.

    Returns:
        ``v_rand`` and ``v_info`` where the foreground is more probable than not, and ``v_rand_best`` and
        ``v_info_best`` at the best of nine thresholds, which are chosen on the same images.
    """
    opened = open_weights(weights)
    location = find(opened.description["data"]["path"])
    measured = described_task(weights, opened.description).measured(weights, opened, Place(location.path))
    truths, probabilities = [], []
    for picture, mask in (measured.dataset[number] for number in range(len(measured.dataset))):
        truths.append(mask[0] == 1)
        probabilities.append(1 / (1 + np.exp(-pixel_logits(opened.model, picture)[0].astype(np.float64))))
    scores = best_cell_scores(truths, probabilities)
    return {
        "v_rand": scores["at_half"].v_rand,
        "v_info": scores["at_half"].v_info,
        "v_rand_best": scores["best"].v_rand,
        "v_info_best": scores["best"].v_info,
    }
