"""The photographs that a classifier is most wrong about, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from paddle_eye.report.fonts import literal
from paddle_eye.report.plots import png

_MOST, _ACROSS = 12, 3
_LEAST = 1e-12  # below it a probability has no finite loss in float32


def most_wrong(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The up to 12 images with the largest losses, and these: the negative logarithm of the true class's probability.

    Args:
        labels: int [N].
        probabilities: [N, C].

    Returns:
        Indices, the largest loss first, and their losses.
    """
    losses = _loss(probabilities[np.arange(len(labels)), labels])
    order = np.argsort(-losses, kind="stable")[:_MOST]
    return order, losses[order]


def most_wrong_labels(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The up to 12 answers with the largest losses, where an image may show several classes or none.

    Args:
        labels: 0 or 1, [N, C].
        probabilities: [N, C].

    Returns:
        Indices of the images, the largest loss first, the classes, and their losses, the binary cross-entropy.
    """
    losses = _loss(np.where(labels == 1, probabilities, 1 - probabilities))
    order = np.argsort(-losses, axis=None, kind="stable")[:_MOST]
    images, classes = np.unravel_index(order, losses.shape)
    return images, classes, losses[images, classes]


def _loss(probabilities: np.ndarray) -> np.ndarray:
    """The negative logarithm, which rounding does not bring below 0."""
    return np.log(1 / np.clip(probabilities, _LEAST, 1))


def panels(
    names: Sequence[str], told: Sequence[str], pictures: Sequence[np.ndarray], evidence: Sequence[np.ndarray]
) -> bytes:
    """A PNG file with each photograph, the evidence beside it, and over both what is to be told of it.

    Args:
        names: of the photographs.
        told: of each; names of classes as `paddle_eye.report.fonts.drawable_names` gives them.
        pictures: uint8 [S, S, 3] in BGR order, as the network sees them.
        evidence: likewise, with a heat map over them.
    """
    across = min(_ACROSS, len(names))
    rows = -(-len(names) // across)
    figure = Figure(figsize=(4.2 * across, 2.7 * rows), layout="constrained")
    places = figure.subplots(rows, across, squeeze=False).ravel()
    for axes, name, line, picture, heat in zip(places, names, told, pictures, evidence):
        axes.imshow(np.concatenate([picture, heat], axis=1)[..., ::-1])
        axes.set_title(f"{literal(name)}\n{line}", fontsize=8)
    for axes in places:
        axes.axis("off")
    return png(figure, dpi=80)
