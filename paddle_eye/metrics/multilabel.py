"""Figures of images that show several things or none, from arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import cohen_kappa_score

from paddle_eye.metrics.intervals import bootstrap_interval, wilson_interval
from paddle_eye.metrics.ranking import average_precision, roc_area
from paddle_eye.metrics.undefined import defined_mean, share

_AREAS = {"auc": roc_area, "average_precision": average_precision}
_AT_THRESHOLD = ("sensitivity", "specificity", "precision", "f1")


def multilabel_figures(
    labels: np.ndarray, probabilities: np.ndarray, thresholds: Sequence[float], patients: np.ndarray | None = None
) -> dict[str, Any]:
    """All figures of an evaluation.

    Args:
        labels: int [N, C], 1 where an image shows a class.
        probabilities: [N, C], 0 to 1.
        thresholds: [C]; a class is found where its probability is at least its threshold.
        patients: int [N], of `patient_numbers`; None if none has several images.

    Returns:
        Shares in [0, 1]; None where a figure is not defined. ``per_class``: ``support``, ``threshold``, ``auc``,
        ``average_precision``, and, at the threshold, ``sensitivity``, ``specificity``, ``precision`` and ``f1``.
        ``macro`` are their means over the classes for which they are defined, ``micro`` those of all pairs of image and
        class together. ``auc`` and ``average_precision`` are the macro means, with 95 % bootstrap intervals over
        ``intervals_over``, ``'images'`` or ``'patients'``. ``exact_match`` is the share of images of which every class
        is right. ``odir`` is the ODIR-5K challenge's score over all pairs, at the threshold 0.5: the mean of kappa, F1
        (its micro mean, which is the share of pairs that are right) and AUC. Where patients have several images,
        ``patients`` has the number of patients and the mean AUC of the largest probability of each patient's images.
    """
    found = probabilities >= np.asarray(thresholds)
    per_class = [
        {
            "support": int(labels[:, number].sum()),
            "threshold": float(threshold),
            **_areas(labels[:, number], probabilities[:, number]),
            **_counted(labels[:, number], found[:, number]),
        }
        for number, threshold in enumerate(thresholds)
    ]
    exact = (found == labels).all(axis=1)
    macro = {name: defined_mean(per_class, name) for name in (*_AREAS, *_AT_THRESHOLD)}
    of_patients: dict[str, Any] = {}
    if patients is not None:
        shown, largest = by_patient(labels, probabilities, patients)
        area = {"auc": mean_auc(shown, largest), "auc_interval": bootstrap_interval(mean_auc, shown, largest)}
        of_patients["patients"] = {"patients": len(shown), **area}
    return {
        **of_patients,
        "images": len(labels),
        **{name: macro[name] for name in _AREAS},
        "auc_interval": bootstrap_interval(mean_auc, labels, probabilities, patients),
        "average_precision_interval": bootstrap_interval(mean_average_precision, labels, probabilities, patients),
        "exact_match": float(exact.mean()),
        "exact_match_interval": list(wilson_interval(int(exact.sum()), len(labels)))
        if patients is None
        else bootstrap_interval(lambda exact, _: float(exact.mean()), exact, exact, patients),
        "intervals_over": "images" if patients is None else "patients",
        "macro": macro,
        "micro": {**_areas(labels.ravel(), probabilities.ravel()), **_counted(labels.ravel(), found.ravel())},
        "odir": _odir_score(labels.ravel(), probabilities.ravel()),
        "per_class": per_class,
    }


def by_patient(labels: np.ndarray, probabilities: np.ndarray, patients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each patient has, and its probabilities: the largest of the patient's images; [P, C] each.

    Args:
        labels: int [N, C].
        probabilities: [N, C].
        patients: int [N], of `patient_numbers`.
    """
    order = np.argsort(patients, kind="stable")
    first = np.unique(patients[order], return_index=True)[1]
    return np.maximum.reduceat(labels[order], first), np.maximum.reduceat(probabilities[order], first)


def mean_auc(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """The mean area under the ROC curve over the classes for which it is defined; [N, C] each."""
    return _mean("auc", labels, probabilities)


def mean_average_precision(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """The mean average precision over the classes for which it is defined; [N, C] each."""
    return _mean("average_precision", labels, probabilities)


def best_thresholds(labels: np.ndarray, probabilities: np.ndarray) -> list[float]:
    """For each class the threshold with the largest sum of sensitivity and specificity (Youden, Cancer 3:32, 1950).

    It lies halfway between two probabilities that occur; 0.5 where a class has no image, or all of them.

    Args:
        labels: int [N, C].
        probabilities: [N, C].
    """
    thresholds = []
    for truth, scores in zip(labels.T, probabilities.T):
        positive = int(truth.sum())
        if positive in (0, len(truth)):
            thresholds.append(0.5)
            continue
        order = np.argsort(scores, kind="stable")
        ordered, marked = scores[order].astype(np.float64), truth[order]
        # Above cut k lie the images k, k + 1, …; a cut between equal probabilities is none.
        missed = np.concatenate([[0], np.cumsum(marked)])
        left_out = np.arange(len(truth) + 1) - missed
        gain = left_out / (len(truth) - positive) - missed / positive
        gain[1:-1][ordered[1:] == ordered[:-1]] = -np.inf
        cut = int(gain[1:-1].argmax()) + 1
        thresholds.append(float((ordered[cut - 1] + ordered[cut]) / 2))
    return thresholds


def _mean(name: str, labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    return defined_mean([{name: _AREAS[name](*each)} for each in zip(labels.T == 1, probabilities.T)], name)


def _areas(labels: np.ndarray, scores: np.ndarray) -> dict[str, float | None]:
    """Areas under the ROC curve and under the curve of precision and recall (average precision)."""
    return {name: area(labels == 1, scores) for name, area in _AREAS.items()}


def _counted(labels: np.ndarray, found: np.ndarray) -> dict[str, float | None]:
    right = int((found & (labels == 1)).sum())
    positive, claimed = int(labels.sum()), int(found.sum())
    others = len(labels) - positive
    return {
        "sensitivity": share(right, positive),
        "specificity": share(others - (claimed - right), others),
        "precision": share(right, claimed),
        "f1": share(2 * right, positive + claimed),
    }


def _odir_score(labels: np.ndarray, scores: np.ndarray) -> dict[str, float | None]:
    found = (scores > 0.5).astype(int)
    area = _areas(labels, scores)["auc"]
    kappa = float(cohen_kappa_score(labels, found)) if len({*labels, *found}) > 1 else None
    right = float((found == labels).mean())
    defined = None not in (area, kappa)
    return {"kappa": kappa, "f1": right, "auc": area, "score": (kappa + right + area) / 3 if defined else None}
