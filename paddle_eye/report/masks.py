"""Masks as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from paddle_eye.opencv import cv2
from paddle_eye.report.fonts import drawable_names, literal
from paddle_eye.report.plots import png

_MOST_SHOWN = 12
_MISSED, _INVENTED, _OUTSIDE = (192, 57, 43), (41, 128, 185), (120, 120, 120)  # RGB
_TINT = np.array((0, 255, 255), np.float32)  # BGR: yellow
_TINT_SHARE = 0.35


def differences(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Both masks in one picture: white and black where they agree, red what was missed, blue what was invented.

    Args:
        truth: uint8 [H, W], 1 in the foreground, more where nothing counts, which is grey.
        predicted: uint8 [H, W], 1 in the foreground.

    Returns:
        uint8 [H, W, 3] in RGB order.
    """
    colours = np.array([[(0, 0, 0), _INVENTED], [_MISSED, (255, 255, 255)], [_OUTSIDE, _OUTSIDE]], np.uint8)
    return colours[np.minimum(truth, 2), predicted]


def over(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A picture with its foreground tinted yellow, and outlined.

    Args:
        picture: uint8 [H, W, 3] in BGR order.
        mask: uint8 [H, W], 1 in the foreground.

    Returns:
        uint8 [H, W, 3] in BGR order.
    """
    tinted = np.where(mask[..., None], (1 - _TINT_SHARE) * picture + _TINT_SHARE * _TINT, picture)
    drawn = np.ascontiguousarray(tinted.round().astype(np.uint8))
    outlines, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, outlines, -1, _TINT.tolist(), max(1, round(max(mask.shape) / 1000)))
    return drawn


def as_png(picture: np.ndarray) -> bytes:
    """A mask, uint8 [H, W], or a picture, uint8 [H, W, 3] in BGR order, as a PNG file of the same pixels."""
    return cv2.imencode(".png", picture)[1].tobytes()


def worst(dices: Sequence[float | None]) -> list[int]:
    """Up to 12 indices, the lowest Dice first; where it is not defined (None), last."""
    return sorted(range(len(dices)), key=lambda index: (dices[index] is None, dices[index] or 0))[:_MOST_SHOWN]


def panels(
    names: Sequence[str],
    dices: Sequence[float | None],
    pictures: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    predicted: Sequence[np.ndarray],
    classes: Sequence[str],
) -> bytes:
    """A PNG file with a row per picture: itself, truth, prediction and their `differences`, for each of the `worst`.

    Args:
        names: of the pictures.
        dices: of each; None where it is not defined.
        pictures: uint8 [H, W, C] in grey or BGR.
        truths: uint8 [H, W], 1 in the foreground.
        predicted: likewise.
        classes: names of background and foreground.
    """
    order = worst(dices)
    background, foreground = drawable_names(classes)
    figure = Figure(figsize=(12, 3.3 * len(order) + 0.7), layout="constrained")
    for row, index in zip(figure.subplots(len(order), 4, squeeze=False), order):
        picture = np.broadcast_to(pictures[index][..., ::-1], (*truths[index].shape, 3))
        both = ((mask == 1).astype(np.uint8) for mask in (truths[index], predicted[index]))
        mask_pictures = (255 * np.repeat(mask[..., None], 3, axis=2) for mask in both)
        shown = (picture, *mask_pictures, differences(truths[index], predicted[index]))
        dice = "not defined" if dices[index] is None else f"{dices[index]:.4f}"
        titles = (literal(names[index]), "truth", f"prediction, Dice {dice}", "differences")
        for axes, title, content in zip(row, titles, shown):
            axes.imshow(content)
            axes.set_title(title, fontsize=10)
            axes.axis("off")
    handles = [Patch(facecolor=np.array(_MISSED) / 255, label=f"{foreground} that was missed")]
    handles += [Patch(facecolor=np.array(_INVENTED) / 255, label=f"{background} taken for {foreground}")]
    handles += [Patch(facecolor="white", edgecolor="black", label=foreground)]
    handles += [Patch(facecolor="black", label=background)]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)
    return png(figure, dpi=80)
