"""Masks as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from paddle_eye.data.sources.mask_files import OUTSIDE
from paddle_eye.opencv import cv2
from paddle_eye.report.fonts import drawable_names, literal
from paddle_eye.report.plots import png

_MOST_SHOWN, _PANEL = 12, 512  # pictures, and pixels of the longer side of each that are drawn at least
_MISSED, _INVENTED, _OUTSIDE = (192, 57, 43), (41, 128, 185), (120, 120, 120)  # RGB
# RGB of the foreground classes; of more than these, they are taken again.
_COLOURS = ((255, 255, 0), (0, 158, 255), (255, 0, 200), (0, 220, 90), (255, 128, 0), (150, 80, 255))
_TINT_SHARE = 0.35


def differences(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Both masks in one picture: white and black where they agree, red what was missed, blue what was invented.

    Args:
        truth: uint8 [H, W], numbers of classes, 0 the background; `OUTSIDE` where nothing counts, which is grey.
        predicted: uint8 [H, W], likewise.

    Returns:
        uint8 [H, W, 3] in RGB order; a foreground class that was taken for another one is missed.
    """
    kinds = np.where(truth == OUTSIDE, 4, np.where(truth == predicted, truth > 0, np.where(truth > 0, 2, 3)))
    return np.array([(0, 0, 0), (255, 255, 255), _MISSED, _INVENTED, _OUTSIDE], np.uint8)[kinds]


def _colours(count: int) -> np.ndarray:
    """The colours of the background, black, and so many foreground classes, uint8 [count + 1, 3] in RGB order."""
    return np.array([(0, 0, 0), *(_COLOURS[number % len(_COLOURS)] for number in range(count))], np.uint8)


def over(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A picture with its foreground tinted, in a colour for each class and yellow for the first, and outlined.

    Args:
        picture: uint8 [H, W, 3] in BGR order.
        mask: uint8 [H, W], numbers of classes, 0 the background.

    Returns:
        uint8 [H, W, 3] in BGR order.
    """
    colours = _colours(int(mask.max()))[:, ::-1].astype(np.float32)
    tinted = np.where(mask[..., None], (1 - _TINT_SHARE) * picture + _TINT_SHARE * colours[mask], picture)
    drawn = np.ascontiguousarray(tinted.round().astype(np.uint8))
    for label, colour in enumerate(colours[1:].tolist(), start=1):
        outlines, _ = cv2.findContours((mask == label).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, outlines, -1, colour, max(1, round(max(mask.shape) / 1000)))
    return drawn


def legend(classes: Sequence[str]) -> np.ndarray:
    """The colours of the foreground classes with their names, uint8 [H, W, 3] in RGB order.

    Args:
        classes: their names, the background's first.
    """
    figure = Figure(figsize=(3, 0.5 + 0.3 * len(classes)), layout="constrained")
    figure.legend(handles=_patches(drawable_names(classes)), loc="center", frameon=False)
    return cv2.imdecode(np.frombuffer(png(figure, dpi=100), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def _patches(names: Sequence[str]) -> list[Patch]:
    """Of each class, the background's first, its colour and name."""
    colours = _colours(len(names) - 1) / 255
    return [Patch(facecolor=colour, edgecolor="black", label=name) for colour, name in zip(colours, names)]


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
        truths: uint8 [H, W], numbers of classes, 0 the background; `OUTSIDE` where nothing counts, which is grey.
        predicted: uint8 [H, W], likewise.
        classes: names of background and foreground; several foreground classes have a colour each.
    """
    order = worst(dices)
    background, *foreground = names_drawn = drawable_names(classes)
    several = len(foreground) > 1
    colours = _colours(len(foreground)) if several else np.array([(0, 0, 0), (255, 255, 255)], np.uint8)
    figure = Figure(figsize=(12, 3.3 * len(order) + 0.7), layout="constrained")
    for row, index in zip(figure.subplots(len(order), 4, squeeze=False), order):
        every = max(1, max(truths[index].shape) // _PANEL)  # which is drawn, of the pixels
        picture, truth, said = (each[index][::every, ::every] for each in (pictures, truths, predicted))
        outside = truth == OUTSIDE
        inside = (np.where(outside, 0, mask) for mask in (truth, said))
        mask_pictures = (np.where(outside[..., None], np.uint8(_OUTSIDE), colours[mask]) for mask in inside)
        shown = (np.broadcast_to(picture[..., ::-1], (*truth.shape, 3)), *mask_pictures, differences(truth, said))
        dice = "not defined" if dices[index] is None else f"{dices[index]:.4f}"
        titles = (literal(names[index]), "truth", f"prediction, Dice {dice}", "differences")
        for axes, title, content in zip(row, titles, shown):
            axes.imshow(content)
            axes.set_title(title, fontsize=10)
            axes.axis("off")
    together = " or ".join(foreground)
    handles = [
        Patch(
            facecolor=np.array(_MISSED) / 255,
            label=f"{together} {'taken for something else' if several else 'that was missed'}",
        )
    ]
    handles += [Patch(facecolor=np.array(_INVENTED) / 255, label=f"{background} taken for {together}")]
    handles += _patches(names_drawn)[1:] if several else [Patch(facecolor="white", edgecolor="black", label=together)]
    handles += [Patch(facecolor="black", label=background)]
    if any((truths[index] == OUTSIDE).any() for index in order):
        handles += [Patch(facecolor=np.array(_OUTSIDE) / 255, label="outside the field of view")]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)
    return png(figure, dpi=80)
