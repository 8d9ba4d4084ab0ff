"""Figures of a two-class classifier, with intervals, from arrays."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, Callable

import numpy as np
from sklearn.metrics import cohen_kappa_score, confusion_matrix, roc_auc_score

CONFIDENCE = 0.95


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


def auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the ROC curve; None if only one class is there."""
    if len(np.unique(labels)) < 2:
        return None
    return float(roc_auc_score(labels, scores))


def accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Share of images whose most probable class is the label; [N] and [N, C]."""
    return float(np.mean(np.argmax(probabilities, axis=1) == labels))


def binary_figures(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """All figures of a two-class evaluation; class 1 is the positive one.

    Args:
        labels: int [N], 0 or 1.
        probabilities: [N, 2], rows sum to 1; the predicted class is the more probable one.

    Returns:
        Shares in [0, 1]; None where a figure is not defined (a division by zero images). ``confusion_matrix`` has
        one row per true class and one column per predicted class.
    """
    predicted = np.argmax(probabilities, axis=1)
    matrix = confusion_matrix(labels, predicted, labels=[0, 1])
    (true_negative, false_positive), (false_negative, true_positive) = matrix.tolist()
    count = len(labels)
    correct = true_negative + true_positive
    return {
        "images": count,
        "accuracy": correct / count,
        "accuracy_interval": list(wilson_interval(correct, count)),
        "auc": auc(labels, probabilities[:, 1]),
        "auc_interval": _listed(bootstrap_interval(auc, labels, probabilities[:, 1])),
        "sensitivity": _share(true_positive, true_positive + false_negative),
        "specificity": _share(true_negative, true_negative + false_positive),
        "precision": _share(true_positive, true_positive + false_positive),
        "f1": _share(2 * true_positive, 2 * true_positive + false_positive + false_negative),
        "kappa": float(cohen_kappa_score(labels, predicted)) if len({*labels, *predicted}) > 1 else None,
        "confusion_matrix": matrix.tolist(),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
