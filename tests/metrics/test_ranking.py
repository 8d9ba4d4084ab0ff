import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from paddle_eye.metrics.ranking import average_precision, roc_area


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_areas_are_scikit_learns_also_of_equal_scores(levels):
    generator = np.random.default_rng(levels)
    positive = generator.random(200) < 0.3
    scores = np.round((0.3 * positive + generator.random(200)) * levels) / levels
    assert len(np.unique(scores)) < len(scores)
    assert roc_area(positive, scores) == pytest.approx(roc_auc_score(positive, scores))
    assert average_precision(positive, scores) == pytest.approx(average_precision_score(positive, scores))


@pytest.mark.parametrize("value", [False, True])
def test_images_of_one_kind_have_no_areas(value):
    positive = np.full(5, value)
    assert roc_area(positive, np.arange(5.0)) is average_precision(positive, np.arange(5.0)) is None
