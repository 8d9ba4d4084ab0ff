"""Figures of masks, from counts of pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paddle_eye.metrics.classification import counted_auc
from paddle_eye.metrics.intervals import Statistic, bootstrap_interval
from paddle_eye.metrics.undefined import defined_mean, share


def mask_figures(counts: np.ndarray, patients: np.ndarray | None = None) -> dict[str, Any]:
    """All figures of predicted masks.

    Args:
        counts: int [N, 2, 2], of each image its pixels by truth (rows) and prediction (columns), background before
            foreground.
        patients: int [N], of `patient_numbers`; None if none has several images.

    Returns:
        ``overall``: over the pixels of all images, ``dice`` and ``iou`` of the foreground, ``accuracy``,
        ``sensitivity`` and ``specificity`` (shares in [0, 1], None where not defined), and two figures to read them
        by: ``background_dice``, and ``constant_dice``, what a prediction of nothing but foreground would have. Where
        there is no foreground, a Dice would be 0 for a single wrong pixel: it is not defined, and ``empty`` counts the
        images without, and those of them that were predicted to have none.
        ``per_image``: the same of each image. ``mean`` and ``interval``: of the images' values, with a 95 % bootstrap
        interval over images or, as ``intervals_over`` says, over patients.
    """
    per_image = [pixel_figures(matrix) for matrix in counts]
    overall = pixel_figures(counts.sum(axis=0))
    return {"images": len(counts), "overall": overall, **mask_summary(per_image, patients), "per_image": per_image}


def class_mask_figures(counts: np.ndarray, names: Sequence[str], patients: np.ndarray | None = None) -> dict[str, Any]:
    """All figures of predicted masks of several classes.

    Args:
        counts: int [N, K, K], of each image its pixels by truth (rows) and prediction (columns), background first.
        names: of the K - 1 foreground classes.
        patients: see `mask_figures`.

    Returns:
        What `mask_figures` gives, of `class_pixel_figures`, and ``per_class``: for each foreground class its name as
        ``class`` and the `mask_figures` of its pixels against all others.
    """
    per_image = [class_pixel_figures(matrix) for matrix in counts]
    per_class = [
        {"class": name, **mask_figures(np.stack([_against_others(matrix, label) for matrix in counts]), patients)}
        for label, name in enumerate(names, start=1)
    ]
    summary = {"overall": class_pixel_figures(counts.sum(axis=0)), **mask_summary(per_image, patients)}
    return {"images": len(counts), **summary, "per_image": per_image, "per_class": per_class}


def class_pixel_figures(matrix: np.ndarray) -> dict[str, float | None]:
    """The names of `pixel_figures` for several classes: means over the foreground classes that a figure is defined for.

    ``accuracy`` is the share of all pixels that are given their class, ``background_dice`` that of the first class.

    Args:
        matrix: int [K, K], pixels by truth (rows) and prediction (columns), background first.
    """
    background, *foreground = (pixel_figures(_against_others(matrix, label)) for label in range(len(matrix)))
    means = {name: defined_mean(foreground, name) for name in background}
    accuracy = share(int(matrix.trace()), int(matrix.sum()))
    return {**means, "accuracy": accuracy, "background_dice": background["dice"]}


def _against_others(matrix: np.ndarray, label: int) -> np.ndarray:
    """The pixels of a class (second row and column) and of all others; int [2, 2]."""
    found, truth, claimed = matrix[label, label], matrix[label].sum(), matrix[:, label].sum()
    others = matrix.sum() - truth - claimed + found
    return np.array([[others, claimed - found], [truth - found, found]])


def mask_summary(per_image: Sequence[Mapping[str, float | None]], patients: np.ndarray | None = None) -> dict[str, Any]:
    """``mean`` and ``interval`` of each of `pixel_figures`, and ``empty``; see `mask_figures`.

    One image, or one patient, alone has no interval.
    """
    intervals = {}
    for name in per_image[0]:
        values = np.array([figures[name] for figures in per_image], dtype=float)  # None becomes nan
        defined = np.isfinite(values)
        of_patients = None if patients is None else patients[defined]
        several = len(np.unique(np.flatnonzero(defined) if patients is None else of_patients)) > 1
        intervals[name] = bootstrap_interval(_mean, values[defined], values[defined], of_patients) if several else None
    return {
        "mean": mask_means(per_image),
        "interval": intervals,
        "intervals_over": "images" if patients is None else "patients",
        "empty": _empty_masks(per_image),
    }


def _mean(values: np.ndarray, _: np.ndarray) -> float:
    return float(values.mean())


def mean_of_figure(place: int) -> Statistic:
    """The mean of one of F figures of the images, [N, F], over those for which it is defined (not nan)."""

    def mean(values: np.ndarray, _: np.ndarray) -> float | None:
        defined = values[np.isfinite(values[:, place]), place]
        return float(defined.mean()) if len(defined) else None

    return mean


def _empty_masks(per_image: Sequence[Mapping[str, float | None]]) -> list[int]:
    empty = [figures for figures in per_image if figures["sensitivity"] is None]
    return [len(empty), sum(figures["specificity"] == 1 for figures in empty)]


def pixel_areas(counts: np.ndarray) -> dict[str, float | None]:
    """How well probabilities rank the pixels of all images: areas under the curves, and the correlation at one half.

    Args:
        counts: int [2, L], how many pixels of background (first row) and foreground have each of L probabilities, in
            their order; L is even, and the upper half is taken for foreground.

    Returns:
        ``auc``, under the ROC curve; ``average_precision``; ``mcc``, Matthews' correlation (1975) of truth and
        prediction. None where there are pixels of one kind alone.
    """
    background, foreground = (row.astype(np.float64) for row in counts)
    if not background.sum() or not foreground.sum():
        return {"auc": None, "average_precision": None, "mcc": None}
    found = np.cumsum(foreground[::-1])
    claimed = found + np.cumsum(background[::-1])
    precision = np.divide(found, claimed, out=np.zeros_like(found), where=claimed > 0)
    half = counts.shape[1] // 2
    (left_out, invented), (missed, right) = ((row[:half].sum(), row[half:].sum()) for row in (background, foreground))
    product = (right + invented) * (right + missed) * (left_out + invented) * (left_out + missed)
    return {
        "auc": counted_auc(counts),
        "average_precision": float((precision * foreground[::-1]).sum() / foreground.sum()),
        "mcc": float((right * left_out - invented * missed) / np.sqrt(product)) if product else None,
    }


def mask_means(per_image: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """The mean of each of `pixel_figures` over the images for which it is defined; None where it is for none."""
    return {name: defined_mean(per_image, name) for name in per_image[0]}


def pixel_figures(matrix: np.ndarray) -> dict[str, float | None]:
    """Figures of pixels of two classes; see `mask_figures`.

    Args:
        matrix: int [2, 2], pixels by truth (rows) and prediction (columns), background before foreground.
    """
    (background, invented), (missed, found) = ((int(value) for value in row) for row in matrix)
    pixels = background + invented + missed + found
    foreground, rest = missed + found, background + invented
    return {
        "dice": share(2 * found, foreground and foreground + found + invented),
        "iou": share(found, foreground and foreground + invented),
        "accuracy": share(background + found, pixels),
        "sensitivity": share(found, foreground),
        "specificity": share(background, rest),
        "background_dice": share(2 * background, rest and rest + background + missed),
        "constant_dice": share(2 * foreground, foreground and foreground + pixels),
    }
