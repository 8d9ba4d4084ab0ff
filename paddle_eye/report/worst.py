"""The photographs that a classifier is most wrong about, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from paddle_eye.report.fonts import drawable_names, literal
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
    losses = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], _LEAST))
    order = np.argsort(-losses, kind="stable")[:_MOST]
    return order, losses[order]


def panels(
    names: Sequence[str],
    labels: Sequence[int],
    predicted: Sequence[int],
    shares: Sequence[float],
    losses: Sequence[float],
    pictures: Sequence[np.ndarray],
    evidence: Sequence[np.ndarray],
    classes: Sequence[str],
) -> bytes:
    """A PNG file with each photograph, the evidence beside it, and over both what is true, what was said and the loss.

    Args:
        names: of the photographs.
        labels: the true class of each.
        predicted: the class that was said.
        shares: its probability.
        losses: of each.
        pictures: uint8 [S, S, 3] in BGR order, as the network sees them.
        evidence: likewise, with the heat map of the class that was said.
        classes: C names.
    """
    across = min(_ACROSS, len(names))
    rows = -(-len(names) // across)
    figure = Figure(figsize=(4.2 * across, 2.7 * rows), layout="constrained")
    places = figure.subplots(rows, across, squeeze=False).ravel()
    known = drawable_names(classes)
    shown = zip(places, names, labels, predicted, shares, losses, pictures, evidence)
    for axes, name, label, said, share, loss, picture, heat in shown:
        axes.imshow(np.concatenate([picture, heat], axis=1)[..., ::-1])
        axes.set_title(
            f"{literal(name)}\n{known[label]}, taken for {known[said]} {share:.3f}, loss {loss:.2f}", fontsize=8
        )
    for axes in places:
        axes.axis("off")
    return png(figure, dpi=80)
