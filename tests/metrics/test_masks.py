import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from paddle_eye.metrics.classification import confusion
from paddle_eye.metrics.masks import mask_figures


@pytest.fixture
def masks():
    generator = np.random.default_rng(0)
    truths = generator.random((4, 10, 12)) < np.array([0.8, 0.7, 0.9, 0.6])[:, None, None]
    return truths, truths ^ (generator.random(truths.shape) < 0.1)


def pixel_counts(truths, predictions):
    return np.stack([confusion(t.ravel().astype(int), p.ravel().astype(int), 2) for t, p in zip(truths, predictions)])


def test_mask_figures_are_scikit_learns(masks):
    figures = mask_figures(pixel_counts(*masks))
    pairs = [(figures["overall"], *(each.ravel() for each in masks))]
    pairs += [(found, *(each.ravel() for each in pair)) for found, pair in zip(figures["per_image"], zip(*masks))]
    for found, truth, predicted in pairs:
        assert found["dice"] == pytest.approx(sklearn_metrics.f1_score(truth, predicted))
        assert found["iou"] == pytest.approx(sklearn_metrics.jaccard_score(truth, predicted))
        assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted))
        assert found["sensitivity"] == pytest.approx(sklearn_metrics.recall_score(truth, predicted))
        assert found["specificity"] == pytest.approx(sklearn_metrics.recall_score(~truth, ~predicted))
        assert found["background_dice"] == pytest.approx(sklearn_metrics.f1_score(~truth, ~predicted))
        assert found["constant_dice"] == pytest.approx(sklearn_metrics.f1_score(truth, np.ones_like(truth)))


def test_means_of_masks_are_over_images(masks):
    figures = mask_figures(pixel_counts(*masks))
    dices = [each["dice"] for each in figures["per_image"]]
    assert figures["mean"]["dice"] == pytest.approx(np.mean(dices))
    low, high = figures["interval"]["dice"]
    assert min(dices) <= low < figures["mean"]["dice"] < high <= max(dices)


def test_an_empty_mask_that_is_predicted_empty_has_no_dice():
    empty = np.array([[[9, 0], [0, 0]]])
    figures = mask_figures(empty)
    assert figures["overall"]["dice"] is None
    assert figures["overall"]["accuracy"] == 1
    assert figures["mean"]["dice"] is figures["interval"]["dice"] is None


def test_one_image_alone_has_no_interval():
    figures = mask_figures(np.array([[[3, 1], [2, 4]]]))
    assert figures["mean"]["dice"] == pytest.approx(8 / 11)
    assert set(figures["interval"].values()) == {None}
