"""Probabilities that tell something."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def probabilities_of():
    """A function from scores of class 1 to probabilities of both classes."""

    def both(scores):
        scores = np.asarray(scores, dtype=np.float64)
        return np.stack([1 - scores, scores], axis=1)

    return both


@pytest.fixture(scope="module")
def example():
    """40 labels and scores that tell something, some of them equal."""
    generator = np.random.default_rng(5)
    labels = np.arange(40) % 2
    scores = np.clip(np.round(0.35 + 0.3 * labels + generator.normal(0, 0.2, 40), 1), 0.01, 0.99)
    return labels, np.where(scores == 0.5, 0.51, scores)
