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


def test_images_without_foreground_are_counted_apart_and_drag_no_mean_down():
    """The first and the last have none; in the last one a pixel is invented."""
    counts = np.array([[[9, 0], [0, 0]], [[4, 1], [1, 3]], [[8, 1], [0, 0]]])
    figures = mask_figures(counts)
    assert [each["dice"] for each in figures["per_image"]] == [None, 6 / 8, None]
    assert [each["iou"] for each in figures["per_image"]] == [None, 3 / 5, None]
    assert figures["mean"]["dice"] == 6 / 8
    assert figures["mean"]["specificity"] == pytest.approx((1 + 4 / 5 + 8 / 9) / 3)
    assert figures["overall"]["dice"] == pytest.approx(6 / 9)
    assert figures["empty"] == [2, 1]


def test_images_without_background_are_left_out_of_its_mean():
    figures = mask_figures(np.array([[[0, 0], [1, 8]], [[4, 1], [1, 3]]]))
    assert [each["background_dice"] for each in figures["per_image"]] == [None, 8 / 10]


def test_one_image_alone_has_no_interval():
    figures = mask_figures(np.array([[[3, 1], [2, 4]]]))
    assert figures["mean"]["dice"] == pytest.approx(8 / 11)
    assert set(figures["interval"].values()) == {None}


def test_intervals_are_over_patients_who_have_several_images(masks):
    """Every image twice, as both eyes alike: over patients the interval is that of the images alone."""
    counts = pixel_counts(*masks)
    once, twice = mask_figures(counts), mask_figures(counts.repeat(2, axis=0), np.arange(4).repeat(2))
    assert (once["intervals_over"], twice["intervals_over"]) == ("images", "patients")
    for name, interval in once["interval"].items():
        assert twice["interval"][name] == pytest.approx(interval)
    narrow = mask_figures(counts.repeat(2, axis=0))["interval"]["dice"]
    assert narrow[1] - narrow[0] < twice["interval"]["dice"][1] - twice["interval"]["dice"][0]
    assert set(mask_figures(counts[:2], np.zeros(2, int))["interval"].values()) == {None}
