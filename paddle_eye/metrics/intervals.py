"""Intervals of figures, and tests of whether two networks differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Callable

import numpy as np
from scipy.stats import binomtest, norm, rankdata, wilcoxon

CONFIDENCE = 0.95
Statistic = Callable[[np.ndarray, np.ndarray], "float | None"]


def wilson_interval(successes: int, count: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson, JASA 22:209, 1927).

    Args:
        successes: how many of ``count`` independent trials succeeded.
        count: number of trials, at least 1.

    Returns:
        Lower and upper bound in [0, 1].
    """
    interval = binomtest(successes, count).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def patient_numbers(groups: Sequence[object | None]) -> np.ndarray | None:
    """A number for each image's patient, int [N]; None if no patient has several images.

    Args:
        groups: of each image its patient; None is a patient of its own.
    """
    numbers: dict[object, int] = {}
    keys = [(index,) if group is None else group for index, group in enumerate(groups)]
    found = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
    return None if len(numbers) == len(found) else found


def bootstrap_interval(
    statistic: Statistic,
    labels: np.ndarray,
    scores: np.ndarray,
    patients: np.ndarray | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> list[float] | None:
    """95 % percentile interval of a statistic over resampled images, or over resampled patients (Efron, 1979).

    The images of a patient are alike, so that intervals over images are too narrow where patients have several.

    Args:
        statistic: of (labels, scores); None where it is undefined, such resamples are left out.
        labels: [N].
        scores: [N, …].
        patients: int [N], of each image, see `patient_numbers`; all images of a patient are drawn together. None draws
            images.
        resamples: how many samples of as many images, or patients, as there are, are drawn with replacement.
        seed: of the drawing.

    Returns:
        Lower and upper bound, or None if the statistic is defined on no resample, or is the same on all of them, as
        where nothing is wrong, or where there is one image, or patient, only: that tells nothing of others.
    """
    defined = [value for value in _resampled(statistic, labels, scores, patients, resamples, seed) if value is not None]
    return _percentiles(defined)


def bootstrap_difference(
    statistic: Statistic,
    first: tuple[np.ndarray, np.ndarray, np.ndarray | None],
    second: tuple[np.ndarray, np.ndarray, np.ndarray | None],
    resamples: int = 1000,
    seed: int = 0,
) -> list[float] | None:
    """95 % percentile interval of the difference of a statistic between two sets of different images, second - first.

    Args:
        statistic: see `bootstrap_interval`.
        first: labels, scores and patients of one set, see `bootstrap_interval`.
        second: of the other.
        resamples: see `bootstrap_interval`.
        seed: of the drawing.

    Returns:
        Lower and upper bound, or None if the statistic is defined on no resample, or is the same on all of them, or a
        set has one image, or patient, only, which tells nothing of others.
    """
    if any(len(np.unique(_numbers(patients, len(labels)))) < 2 for labels, _, patients in (first, second)):
        return None
    values = [_resampled(statistic, *each, resamples, [seed, number]) for number, each in enumerate((first, second))]
    return _percentiles([after - before for before, after in zip(*values) if None not in (before, after)])


def _resampled(
    statistic: Statistic,
    labels: np.ndarray,
    scores: np.ndarray,
    patients: np.ndarray | None,
    resamples: int,
    seed: int | list[int],
) -> list[float | None]:
    """The statistic of each resample."""
    generator = np.random.default_rng(seed)
    values = []
    own = _numbers(patients, len(labels))
    sizes, images = np.bincount(own), np.argsort(own, kind="stable")
    first = np.cumsum(sizes) - sizes  # place in the images of the first of each patient
    for _ in range(resamples):
        drawn = generator.integers(0, len(sizes), len(sizes))
        ends = np.cumsum(sizes[drawn])
        places = np.repeat(first[drawn] - ends + sizes[drawn], sizes[drawn]) + np.arange(ends[-1])
        values.append(statistic(labels[images[places]], scores[images[places]]))
    return values


def _percentiles(values: list[float]) -> list[float] | None:
    if len(set(values)) < 2:
        return None
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return [float(low), float(high)]


def mcnemar(first_right: np.ndarray, second_right: np.ndarray, patients: np.ndarray | None = None) -> dict[str, Any]:
    """Whether two classifiers differ on the same images: McNemar's test in its exact form (Psychometrika 12:153, 1947).

    Over patients it is Fisher's randomisation test (The Design of Experiments, 1935): if both are equally good, they
    could change places on all images of any patient. With one image each that is McNemar's.

    Args:
        first_right: bool [N], where the first one is right.
        second_right: bool [N], likewise.
        patients: int [N], of each image, see `patient_numbers`; None: the images are independent.

    Returns:
        ``only_first`` and ``only_second``, the images that one alone gets right, ``p``, the two-sided probability of so
        unequal a pair if both are equally good, and ``least_p``, the lowest that so many images, or patients, can have.
    """
    only_first, only_second = int((first_right & ~second_right).sum()), int((~first_right & second_right).sum())
    own = _numbers(patients, len(first_right))
    of_patient = np.bincount(own, weights=first_right.astype(int) - second_right.astype(int)).astype(int)
    chances = np.ones(1)  # of each sum of the patients' differences, from the lowest to the highest
    for difference in np.abs(of_patient[of_patient != 0]):
        signs = np.zeros(2 * difference + 1)
        signs[[0, -1]] = 0.5
        chances = np.convolve(chances, signs)
    sums = np.arange(len(chances)) - len(chances) // 2
    p = chances[np.abs(sums) >= abs(of_patient.sum())].sum()
    return {
        "only_first": only_first,
        "only_second": only_second,
        "p": min(1.0, float(p)),
        "least_p": 2.0 ** (1 - len(of_patient)),
    }


def signed_rank(first: np.ndarray, second: np.ndarray, patients: np.ndarray | None = None) -> dict[str, Any]:
    """Whether a figure differs between two networks on the same images: Wilcoxon's signed-rank test (1945).

    Args:
        first: [N], the figure of each image.
        second: [N], likewise.
        patients: int [N], of each image, see `patient_numbers`; the ranks are then those of the means of each patient's
            differences. None: the images are independent.

    Returns:
        ``first_higher`` and ``second_higher``, numbers of images, ``difference``, the mean of second - first, ``p``,
        the two-sided probability of such ranks if both are equally good, and ``least_p``, the lowest that so many
        images, or patients, can have.
    """
    difference = second - first
    own = _numbers(patients, len(difference))
    of_patient = np.bincount(own, weights=difference) / np.bincount(own)
    p = wilcoxon(of_patient).pvalue if of_patient.any() else 1.0
    return {
        "first_higher": int((difference < 0).sum()),
        "second_higher": int((difference > 0).sum()),
        "difference": float(difference.mean()),
        "p": float(p),
        "least_p": 2.0 ** (1 - len(of_patient)),
    }


def delong(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, patients: np.ndarray | None = None
) -> dict[str, Any]:
    """Whether two areas under the ROC curve differ on the same images (DeLong et al., Biometrics 44:837, 1988).

    Over patients the variance is that of clustered data (Obuchowski, Biometrics 53:567, 1997), which with one image
    each is DeLong's.

    Args:
        labels: int [N], 0 or 1, some of each.
        first: [N], the probability of class 1.
        second: [N], likewise.
        patients: int [N], of each image, see `patient_numbers`; None: the images are independent.

    Returns:
        ``difference``, the second area less the first, ``p``, the two-sided probability of such a difference if both
        areas are equal, from the normal distribution, and ``least_p``, the lowest that there can be: 1 if only one
        image, or patient, has a class, as nothing is then known of its variance.
    """
    own, count = _numbers(patients, len(labels)), len(labels)
    members = labels == 1, labels != 1
    won = []  # of each classifier, how far each image is ranked above those of the other class, 0 to 1
    for scores in (first, second):
        ranks, own_ranks = rankdata(scores), [rankdata(scores[of_class]) for of_class in members]
        lower = [ranks[of_class] - inside for of_class, inside in zip(members, own_ranks)]  # of the other class
        ones, zeros = map(len, own_ranks)
        won.append((lower[0] / zeros, 1 - lower[1] / ones))
    differences = [after - before for before, after in zip(*won)]
    difference = float(differences[0].mean())
    # Each patient's part of the difference through its images of either class
    parts = [
        np.bincount(own[of_class], weights=each - difference, minlength=count) / of_class.sum()
        for of_class, each in zip(members, differences)
    ]
    having = [len(np.unique(own[of_class])) for of_class in (*members, slice(None))]
    if min(having) < 2:
        return {"difference": difference, "p": 1.0, "least_p": 1.0}
    products = (parts[0] @ parts[0], parts[1] @ parts[1], 2 * parts[0] @ parts[1])
    variance = sum(clusters / (clusters - 1) * product for clusters, product in zip(having, products))
    if variance > 0:
        p = 2 * norm.sf(abs(difference) / math.sqrt(variance))
    else:  # 0 of two areas that are certain, so that any difference is one; below 0 it is no variance
        p = 1.0 if variance < 0 or difference == 0 else 0.0
    return {"difference": difference, "p": float(p), "least_p": 0.0}


def _numbers(patients: np.ndarray | None, images: int) -> np.ndarray:
    """Numbers from 0 of the images' patients; without patients each image has its own."""
    return np.arange(images) if patients is None else np.unique(patients, return_inverse=True)[1].reshape(-1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Probabilities of several tests, corrected so that all of them together err as rarely as one (Holm, 1979)."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = largest
    return corrected
