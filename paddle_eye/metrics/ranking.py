"""How well scores rank the images of a class above the others; fast enough for thousands of resamples."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def roc_area(positive: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the ROC curve, from ranks (Hanley and McNeil, Radiology 143:29, 1982).

    Args:
        positive: bool [N], the images of the class.
        scores: [N].

    Returns:
        0 to 1; None if all images are of the class, or none is.
    """
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return None
    return float((rankdata(scores)[positive].sum() - count * (count + 1) / 2) / (count * others))


def average_precision(positive: np.ndarray, scores: np.ndarray) -> float | None:
    """The mean of the precisions at which each image of the class is found, those of equal scores at once; see
    `roc_area`."""
    count = int(positive.sum())
    if count in (0, len(positive)):
        return None
    order = np.argsort(-scores, kind="stable")
    cuts = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = np.cumsum(positive[order])[cuts]
    return float((np.diff(found, prepend=0) * found / (cuts + 1)).sum() / count)
