"""Figures of classified images and of masks, with intervals, from arrays."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, Callable, Mapping, Sequence

import numpy as np
from scipy.stats import binomtest, rankdata, wilcoxon
from sklearn.metrics import cohen_kappa_score

CONFIDENCE = 0.95
CALIBRATION_BINS = 10


def wilson_interval(successes: int, count: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, JASA 22:209, 1927).

    Args:
        successes: how many of ``count`` independent trials succeeded.
        count: number of trials, at least 1.

    Returns:
        Lower and upper bound in [0, 1].
    """
    z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
    share = successes / count
    centre = share + z * z / (2 * count)
    half_width = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return max(0.0, (centre - half_width) / scale), min(1.0, (centre + half_width) / scale)


def bootstrap_interval(
    statistic: Callable[[np.ndarray, np.ndarray], float | None],
    labels: np.ndarray,
    scores: np.ndarray,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """95 % percentile interval of a statistic over resampled images (Efron, 1979).

    Args:
        statistic: of (labels, scores); None where it is undefined, such resamples are left out.
        labels: [N].
        scores: [N, …].
        resamples: how many samples of N images are drawn with replacement.
        seed: of the drawing.

    Returns:
        Lower and upper bound, or None if the statistic is defined on no resample.
    """
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        drawn = generator.integers(0, len(labels), len(labels))
        values.append(statistic(labels[drawn], scores[drawn]))
    defined = [value for value in values if value is not None]
    if not defined:
        return None
    low, high = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def auc(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Area under the ROC curve; None if it is not defined.

    Args:
        labels: int [N].
        probabilities: [N, C]. For two classes, the area is that of class 1; for more, the mean of each class against
            the rest, over the classes that have images.
    """
    defined = [area for area in class_aucs(labels, probabilities) if area is not None]
    return sum(defined) / len(defined) if defined else None


def class_aucs(labels: np.ndarray, probabilities: np.ndarray) -> list[float | None]:
    """Area under the ROC curve of each class against the rest, from ranks (Hanley and McNeil, Radiology 143:29, 1982).

    None where a class has no image or all of them.
    """
    areas = []
    for label in range(probabilities.shape[1]):
        positive = labels == label
        count, others = int(positive.sum()), int((~positive).sum())
        rank_sum = rankdata(probabilities[:, label])[positive].sum()
        areas.append(float((rank_sum - count * (count + 1) / 2) / (count * others)) if count and others else None)
    return areas


def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of images whose most probable class is the label; [N] and [N, C]."""
    return float(np.mean(np.argmax(probabilities, axis=1) == labels))


def confusion(labels: np.ndarray, predicted: np.ndarray, class_count: int) -> np.ndarray:
    """How many images of each class (rows) are taken for each class (columns).

    Args:
        labels: int [N], 0 to C - 1.
        predicted: int [N], likewise.
        class_count: C.

    Returns:
        int [C, C].
    """
    cells = np.bincount(labels * class_count + predicted, minlength=class_count**2)
    return cells.reshape(class_count, class_count)


def class_figures(matrix: np.ndarray) -> list[dict[str, Any]]:
    """``support``, ``precision``, ``recall``, ``specificity`` and ``f1`` of each class of a confusion matrix [C, C].

    None where a figure is not defined; see `classification_figures`.
    """
    return [_one_against_rest(matrix, label) for label in range(len(matrix))]


def classification_figures(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """All figures of an evaluation.

    Args:
        labels: int [N], 0 to C - 1.
        probabilities: [N, C], rows sum to 1; the predicted class is the most probable one.

    Returns:
        Shares in [0, 1]; None where a figure is not defined (a division by zero images), but the precision of a class
        that has images and is never predicted is 0, as in scikit-learn. ``confusion_matrix`` has one
        row per true class and one column per predicted class. ``per_class`` has the figures of each class against the
        rest, in the order of the labels, ``macro`` their means over the classes for which they are defined and
        ``weighted`` those weighted by the classes' images (``support``). For two classes, the figures of class 1 also
        stand beside the others, with recall called sensitivity.
    """
    predicted = np.argmax(probabilities, axis=1)
    matrix = confusion(labels, predicted, probabilities.shape[1])
    correct, count = int(np.trace(matrix)), len(labels)
    areas = class_aucs(labels, probabilities)
    per_class = [{**figures, "auc": area} for figures, area in zip(class_figures(matrix), areas)]
    figures = {
        "images": count,
        "accuracy": correct / count,
        "accuracy_interval": list(wilson_interval(correct, count)),
        "auc": class_mean(per_class, "auc"),
        "auc_interval": _listed(bootstrap_interval(auc, labels, probabilities)),
        "kappa": float(cohen_kappa_score(labels, predicted)) if len({*labels, *predicted}) > 1 else None,
        "confusion_matrix": matrix.tolist(),
        "per_class": per_class,
        "macro": {name: class_mean(per_class, name) for name in _CLASS_FIGURES},
        "weighted": {name: class_mean(per_class, name, weighted=True) for name in _CLASS_FIGURES},
        "calibration": calibration(labels, probabilities),
    }
    if len(per_class) == 2:
        figures.update({name: per_class[1][name] for name in ("specificity", "precision", "f1")})
        figures["sensitivity"] = per_class[1]["recall"]
    return figures


_CLASS_FIGURES = ("precision", "recall", "specificity", "f1", "auc")


def _one_against_rest(matrix: np.ndarray, label: int) -> dict[str, Any]:
    true_positive = int(matrix[label, label])
    support, predicted = int(matrix[label].sum()), int(matrix[:, label].sum())
    others = int(matrix.sum()) - support
    return {
        "support": support,
        "precision": _share(true_positive, predicted) if predicted or not support else 0.0,
        "recall": _share(true_positive, support),
        "specificity": _share(others - (predicted - true_positive), others),
        "f1": _share(2 * true_positive, support + predicted),
    }


def class_mean(per_class: Sequence[Mapping[str, Any]], name: str, weighted: bool = False) -> float | None:
    """The mean of a figure over the classes for which it is defined, each class or each image counting the same."""
    defined = [(row[name], row["support"] if weighted else 1) for row in per_class if row[name] is not None]
    total = sum(weight for _, weight in defined)
    return sum(value * weight for value, weight in defined) / total if total else None


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """How far the probability of the predicted class is from how often it is right (Guo et al., ICML 2017).

    Returns:
        ``bins``: of 10 equal parts of [0, 1], those with images, each with ``images``, mean ``confidence`` and
        ``accuracy``; ``ece``: the expected calibration error, the mean of |accuracy - confidence| over the images.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    numbers = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    bins = [
        {
            "images": int((numbers == number).sum()),
            "confidence": float(confidence[numbers == number].mean()),
            "accuracy": float(right[numbers == number].mean()),
        }
        for number in np.unique(numbers)
    ]
    error = sum(part["images"] * abs(part["accuracy"] - part["confidence"]) for part in bins) / len(labels)
    return {"bins": bins, "ece": float(error)}


def mask_figures(counts: np.ndarray) -> dict[str, Any]:
    """All figures of predicted masks.

    Args:
        counts: int [N, 2, 2], of each image its pixels by truth (rows) and prediction (columns), background before
            foreground.

    Returns:
        ``overall``: over the pixels of all images, ``dice`` and ``iou`` of the foreground, ``accuracy``,
        ``sensitivity`` and ``specificity`` (shares in [0, 1], None where not defined), and two figures to read them
        by: ``background_dice``, and ``constant_dice``, what a prediction of nothing but foreground would have.
        ``per_image``: the same of each image. ``mean`` and ``interval``: of the images' values, with a 95 % bootstrap
        interval over images.
    """
    per_image = [pixel_figures(matrix) for matrix in counts]
    overall = pixel_figures(counts.sum(axis=0))
    return {"images": len(counts), "overall": overall, **mask_summary(per_image), "per_image": per_image}


def mask_summary(per_image: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    """``mean`` and ``interval`` of each of `pixel_figures`; see `mask_figures`. One image alone has no interval."""
    intervals = {}
    for name in per_image[0]:
        values = np.array([figures[name] for figures in per_image if figures[name] is not None], dtype=float)
        several = len(values) > 1
        interval = bootstrap_interval(lambda drawn, _: float(drawn.mean()), values, values) if several else None
        intervals[name] = _listed(interval)
    return {"mean": mask_means(per_image), "interval": intervals}


def mask_means(per_image: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """The mean of each of `pixel_figures` over the images for which it is defined; None where it is for none."""
    return {name: class_mean(per_image, name) for name in per_image[0]}


def pixel_figures(matrix: np.ndarray) -> dict[str, float | None]:
    """Figures of pixels of two classes; see `mask_figures`.

    Args:
        matrix: int [2, 2], pixels by truth (rows) and prediction (columns), background before foreground.
    """
    (background, invented), (missed, found) = ((int(value) for value in row) for row in matrix)
    pixels = background + invented + missed + found
    return {
        "dice": _share(2 * found, 2 * found + missed + invented),
        "iou": _share(found, found + missed + invented),
        "accuracy": _share(background + found, pixels),
        "sensitivity": _share(found, found + missed),
        "specificity": _share(background, background + invented),
        "background_dice": _share(2 * background, 2 * background + missed + invented),
        "constant_dice": _share(2 * (found + missed), found + missed + pixels),
    }


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> dict[str, Any]:
    """Whether two classifiers differ on the same images: McNemar's test in its exact form (Psychometrika 12:153, 1947).

    Args:
        first_right: bool [N], where the first one is right.
        second_right: bool [N], likewise.

    Returns:
        ``only_first`` and ``only_second``, the images that one alone gets right, and ``p``, the two-sided probability
        of so unequal a pair if both are equally good.
    """
    only_first, only_second = int((first_right & ~second_right).sum()), int((~first_right & second_right).sum())
    p = binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1.0
    return {"only_first": only_first, "only_second": only_second, "p": float(p)}


def signed_rank(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    """Whether a figure differs between two networks on the same images: Wilcoxon's signed-rank test (1945).

    Args:
        first: [N], the figure of each image.
        second: [N], likewise.

    Returns:
        ``first_higher`` and ``second_higher``, numbers of images, ``difference``, the mean of second - first, and
        ``p``, the two-sided probability of such ranks if both are equally good, and ``least_p``, the lowest that N
        images can have.
    """
    difference = second - first
    p = wilcoxon(difference).pvalue if difference.any() else 1.0
    return {
        "first_higher": int((difference < 0).sum()),
        "second_higher": int((difference > 0).sum()),
        "difference": float(difference.mean()),
        "p": float(p),
        "least_p": 2.0 ** (1 - len(difference)),
    }


def holm(p_values: Sequence[float]) -> list[float]:
    """Probabilities of several tests, corrected so that all of them together err as rarely as one (Holm, 1979)."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
