"""Figures of classified images, from arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import cohen_kappa_score

from paddle_eye.metrics.intervals import bootstrap_interval, wilson_interval
from paddle_eye.metrics.ranking import roc_area
from paddle_eye.metrics.undefined import defined_mean, share

CALIBRATION_BINS = 10


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
    """Area under the ROC curve of each class against the rest; None where a class has no image or all of them."""
    return [roc_area(labels == label, scores) for label, scores in enumerate(probabilities.T)]


def counted_auc(counts: np.ndarray) -> float | None:
    """Area under the ROC curve of scores that were counted; None where there are none of one kind.

    Args:
        counts: int [2, L], how many of each of L scores, in their order, are not of the class (first row) and are.
    """
    without, having = counts.astype(np.float64)
    if not without.sum() or not having.sum():
        return None
    below = np.cumsum(without) - without / 2  # of equal scores, half
    return float((below * having).sum() / (without.sum() * having.sum()))


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


def classification_figures(
    labels: np.ndarray, probabilities: np.ndarray, patients: np.ndarray | None = None
) -> dict[str, Any]:
    """All figures of an evaluation.

    Args:
        labels: int [N], 0 to C - 1.
        probabilities: [N, C], rows sum to 1; the predicted class is the most probable one.
        patients: int [N], of `patient_numbers`; None if none has several images.

    Returns:
        Shares in [0, 1]; None where a figure is not defined (a division by zero images), but the precision of a class
        that has images and is never predicted is 0, as in scikit-learn. ``confusion_matrix`` has one row per true class
        and one column per predicted class. ``per_class`` has the figures of each class against the rest, in the order
        of the labels, ``macro`` their means over the classes for which they are defined, ``macro_interval`` 95 %
        bootstrap intervals of some of these means, and ``weighted`` the means weighted by the classes'
        images (``support``). For two classes, the figures of class 1 also stand beside the others, with recall called
        sensitivity. ``intervals_over`` says what they are over: ``'images'`` (Wilson's, of the accuracy), or
        ``'patients'`` (bootstrap); then ``patients`` has `patient_figures`.
    """
    predicted = np.argmax(probabilities, axis=1)
    matrix = confusion(labels, predicted, probabilities.shape[1])
    correct, count = int(np.trace(matrix)), len(labels)
    areas = class_aucs(labels, probabilities)
    per_class = [{**figures, "auc": area} for figures, area in zip(class_figures(matrix), areas)]
    figures = {
        "images": count,
        "accuracy": correct / count,
        "accuracy_interval": list(wilson_interval(correct, count))
        if patients is None
        else bootstrap_interval(accuracy, labels, probabilities, patients),
        "auc": defined_mean(per_class, "auc"),
        "auc_interval": bootstrap_interval(auc, labels, probabilities, patients),
        "intervals_over": "images" if patients is None else "patients",
        "kappa": float(cohen_kappa_score(labels, predicted)) if len({*labels, *predicted}) > 1 else None,
        "confusion_matrix": matrix.tolist(),
        "per_class": per_class,
        "macro": {name: defined_mean(per_class, name) for name in _CLASS_FIGURES},
        "macro_interval": {
            name: _macro_interval(labels, predicted, len(matrix), name, patients) for name in _WITH_INTERVAL
        },
        "weighted": {name: defined_mean(per_class, name, weighted=True) for name in _CLASS_FIGURES},
        "calibration": calibration(labels, probabilities),
    }
    if patients is not None:
        figures["patients"] = patient_figures(labels, probabilities, patients)
    if len(per_class) == 2:
        figures.update({name: per_class[1][name] for name in ("specificity", "precision", "f1")})
        figures["sensitivity"] = per_class[1]["recall"]
    return figures


def patient_figures(labels: np.ndarray, probabilities: np.ndarray, patients: np.ndarray) -> dict[str, Any]:
    """How good the answers about patients are: the mean of the probabilities of a patient's images.

    Args:
        labels: int [N].
        probabilities: [N, C].
        patients: int [N], of `patient_numbers`.

    Returns:
        ``patients``: how many are counted; ``left_out``: how many are not, because their images are of several
        classes; ``accuracy`` with a Wilson interval, ``auc`` with a bootstrap interval over patients.
    """
    numbers, first, index = np.unique(patients, return_index=True, return_inverse=True)
    counts = np.bincount(index)
    means = np.stack([np.bincount(index, column) / counts for column in probabilities.T], axis=1)
    own = labels[first]
    mixed = np.bincount(index, labels != own[index]) > 0
    kept, answers = own[~mixed], means[~mixed]
    if not len(kept):
        return {"patients": 0, "left_out": len(numbers), "accuracy": None, "auc": None}
    right = int((answers.argmax(axis=1) == kept).sum())
    return {
        "patients": len(kept),
        "left_out": int(mixed.sum()),
        "accuracy": right / len(kept),
        "accuracy_interval": list(wilson_interval(right, len(kept))),
        "auc": auc(kept, answers),
        "auc_interval": bootstrap_interval(auc, kept, answers),
    }


_CLASS_FIGURES = ("precision", "recall", "specificity", "f1", "auc")
_WITH_INTERVAL = ("precision", "recall", "f1")


def _macro_interval(
    labels: np.ndarray, predicted: np.ndarray, count: int, name: str, patients: np.ndarray | None
) -> list[float] | None:
    """95 % bootstrap interval of the mean over the classes of one of `class_figures`."""

    def mean(labels: np.ndarray, predicted: np.ndarray) -> float | None:
        return defined_mean(class_figures(confusion(labels, predicted, count)), name)

    return bootstrap_interval(mean, labels, predicted, patients)


def _one_against_rest(matrix: np.ndarray, label: int) -> dict[str, Any]:
    true_positive = int(matrix[label, label])
    support, predicted = int(matrix[label].sum()), int(matrix[:, label].sum())
    others = int(matrix.sum()) - support
    return {
        "support": support,
        "precision": share(true_positive, predicted) if predicted or not support else 0.0,
        "recall": share(true_positive, support),
        "specificity": share(others - (predicted - true_positive), others),
        "f1": share(2 * true_positive, support + predicted),
    }


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
