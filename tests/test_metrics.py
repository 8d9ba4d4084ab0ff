import math
from functools import partial

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from paddle_eye import metrics
from paddle_eye.metrics import (
    accuracy,
    auc,
    bootstrap_interval,
    calibration,
    class_aucs,
    classification_figures,
    mcnemar,
    wilson_interval,
)

Z = 1.959963984540054  # 97.5 % point of the normal distribution, from tables


def probabilities_of(scores):
    scores = np.asarray(scores, dtype=np.float64)
    return np.stack([1 - scores, scores], axis=1)


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch):
    """1000 of them take seconds in every call of `classification_figures`."""
    monkeypatch.setattr(metrics, "bootstrap_interval", partial(bootstrap_interval, resamples=50))


@pytest.fixture(scope="module")
def example():
    """40 labels and scores that tell something, some of them equal."""
    generator = np.random.default_rng(5)
    labels = np.arange(40) % 2
    scores = np.clip(np.round(0.35 + 0.3 * labels + generator.normal(0, 0.2, 40), 1), 0.01, 0.99)
    return labels, np.where(scores == 0.5, 0.51, scores)


@pytest.mark.parametrize(("successes", "count"), [(81, 263), (15, 148), (1, 29), (387, 400), (1, 2)])
def test_wilson_bounds_solve_the_equation_of_the_interval(successes, count):
    """The bounds are the two p at which the share is just z standard errors of p away."""
    low, high = wilson_interval(successes, count)
    share = successes / count
    assert low < share < high
    for bound in (low, high):
        assert (share - bound) ** 2 == pytest.approx(Z**2 * bound * (1 - bound) / count, rel=1e-9)


def test_wilson_by_hand():
    """Half of 4: the centre is 1/2, the half width z sqrt(1/16 + z²/64) / (1 + z²/4)."""
    half_width = Z * math.sqrt(1 / 16 + Z**2 / 64) / (1 + Z**2 / 4)
    assert wilson_interval(2, 4) == pytest.approx((0.5 - half_width, 0.5 + half_width))


@pytest.mark.parametrize("count", [1, 3, 7, 400])
def test_wilson_at_none_and_all(count):
    """The equation's roots are then 0 and z²/(n + z²), and their mirror images."""
    width = Z**2 / (count + Z**2)
    assert wilson_interval(0, count) == pytest.approx((0, width), abs=1e-12)
    assert wilson_interval(count, count) == pytest.approx((1 - width, 1), abs=1e-12)
    assert wilson_interval(0, count)[0] >= 0
    assert wilson_interval(count, count)[1] <= 1


def test_auc_is_the_share_of_pairs_in_order(example):
    labels, scores = example
    pairs = [(p, n) for p in scores[labels == 1] for n in scores[labels == 0]]
    assert any(p == n for p, n in pairs)
    share = np.mean([(p > n) + 0.5 * (p == n) for p, n in pairs])
    assert auc(labels, probabilities_of(scores)) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("label", [0, 1])
def test_auc_of_one_class_is_not_defined(label):
    assert auc(np.full(3, label), probabilities_of([0.1, 0.2, 0.3])) is None


def test_accuracy_counts_the_most_probable_class():
    probabilities = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]])
    assert accuracy(np.array([1, 0, 2, 1]), probabilities) == 0.75


def test_bootstrap_is_the_same_for_the_same_seed(example):
    labels, scores = example[0], probabilities_of(example[1])
    first, again, other = (bootstrap_interval(auc, labels, scores, resamples=30, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_bootstrap_of_a_mean_is_about_that_of_the_normal_distribution():
    values = np.random.default_rng(0).normal(3, 2, 400)
    low, high = bootstrap_interval(lambda labels, scores: scores.mean(), np.zeros(400), values, resamples=2000)
    error = values.std() / math.sqrt(400)
    assert (low, high) == pytest.approx((values.mean() - Z * error, values.mean() + Z * error), abs=0.3 * error)


def test_bootstrap_draws_labels_and_scores_together():
    def none_is_torn_apart(labels, scores):
        return float(np.array_equal(labels, scores))

    assert bootstrap_interval(none_is_torn_apart, np.arange(50), np.arange(50), resamples=20) == (1, 1)


def test_bootstrap_leaves_undefined_resamples_out():
    """Of two images of different classes half of the resamples have one class; the others are in order."""
    assert bootstrap_interval(auc, np.array([0, 1]), probabilities_of([0.1, 0.9]), resamples=50) == (1, 1)


def test_bootstrap_of_what_is_never_defined_is_none():
    assert bootstrap_interval(auc, np.array([1, 1]), probabilities_of([0.1, 0.9]), resamples=5) is None


def test_figures_by_hand():
    """3 true negatives, 1 false positive, 2 false negatives, 4 true positives."""
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    figures = classification_figures(labels, probabilities_of([0.1, 0.2, 0.3, 0.7, 0.4, 0.45, 0.6, 0.8, 0.9, 0.95]))
    assert figures["confusion_matrix"] == [[3, 1], [2, 4]]
    assert figures["images"] == 10
    assert figures["accuracy"] == pytest.approx(7 / 10)
    assert figures["sensitivity"] == pytest.approx(4 / 6)
    assert figures["specificity"] == pytest.approx(3 / 4)
    assert figures["precision"] == pytest.approx(4 / 5)
    assert figures["f1"] == pytest.approx(2 * (4 / 5) * (4 / 6) / (4 / 5 + 4 / 6))
    by_chance = 0.5 * 0.4 + 0.5 * 0.6  # 5 of 10 are predicted to be of class 0, 4 are of it
    assert figures["kappa"] == pytest.approx((0.7 - by_chance) / (1 - by_chance))
    assert figures["auc"] == pytest.approx(21 / 24)  # 0.7 stands above 0.4, 0.45 and 0.6


def test_figures_are_those_of_scikit_learn(example):
    labels, scores = example
    figures = classification_figures(labels, probabilities_of(scores))
    predicted = (scores > 0.5).astype(int)
    assert figures["confusion_matrix"] == sklearn_metrics.confusion_matrix(labels, predicted).tolist()
    assert {name: figures[name] for name in ("accuracy", "sensitivity", "specificity", "precision", "f1", "kappa")} == (
        pytest.approx(
            {
                "accuracy": sklearn_metrics.accuracy_score(labels, predicted),
                "sensitivity": sklearn_metrics.recall_score(labels, predicted),
                "specificity": sklearn_metrics.recall_score(labels, predicted, pos_label=0),
                "precision": sklearn_metrics.precision_score(labels, predicted),
                "f1": sklearn_metrics.f1_score(labels, predicted),
                "kappa": sklearn_metrics.cohen_kappa_score(labels, predicted),
            }
        )
    )


def test_intervals_hold_their_figures(example):
    labels, scores = example
    figures = classification_figures(labels, probabilities_of(scores))
    for name in ("accuracy", "auc"):
        low, high = figures[f"{name}_interval"]
        assert 0 <= low < figures[name] < high <= 1


@pytest.mark.filterwarnings("ignore:.*only one label.*")
@pytest.mark.parametrize(
    ("labels", "scores", "undefined"),
    [
        ([1, 1], [0.9, 0.8], {"auc", "auc_interval", "specificity", "kappa"}),
        ([0, 0], [0.1, 0.2], {"auc", "auc_interval", "sensitivity", "precision", "f1", "kappa"}),
        ([0, 0], [0.1, 0.8], {"auc", "auc_interval", "sensitivity"}),
        ([0, 1], [0.1, 0.2], set()),
    ],
)
def test_what_is_not_defined_is_none(labels, scores, undefined):
    figures = classification_figures(np.array(labels), probabilities_of(scores))
    assert {name for name, value in figures.items() if value is None} == undefined


@pytest.mark.filterwarnings("error")
def test_a_single_class_makes_no_warning():
    classification_figures(np.array([1, 1]), probabilities_of([0.9, 0.8]))


@pytest.fixture(scope="module")
def six_classes():
    """90 labels of six classes, the last one rare and never predicted, and probabilities that tell something."""
    generator = np.random.default_rng(2)
    labels = np.concatenate([np.arange(85) % 5, np.full(5, 5)])
    scores = generator.normal(size=(90, 6)) + 1.5 * np.eye(6)[labels]
    scores[:, 5] -= 9
    return labels, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def test_figures_of_six_classes_are_those_of_scikit_learn(six_classes):
    labels, probabilities = six_classes
    predicted = probabilities.argmax(axis=1)
    figures = classification_figures(labels, probabilities)
    columns = {name: [row[name] for row in figures["per_class"]] for name in figures["per_class"][0]}
    assert columns["precision"][5] == 0  # never predicted
    by_class = {"average": None, "labels": range(6), "zero_division": 0}
    assert columns["precision"] == pytest.approx(
        sklearn_metrics.precision_score(labels, predicted, **by_class).tolist()
    )
    assert columns["recall"] == pytest.approx(sklearn_metrics.recall_score(labels, predicted, **by_class).tolist())
    assert columns["f1"] == pytest.approx(sklearn_metrics.f1_score(labels, predicted, **by_class).tolist())
    assert columns["support"] == np.bincount(labels).tolist()
    for label in range(6):
        others = sklearn_metrics.recall_score(labels == label, predicted == label, pos_label=False)
        assert columns["specificity"][label] == pytest.approx(others)
        assert columns["auc"][label] == pytest.approx(
            sklearn_metrics.roc_auc_score(labels == label, probabilities[:, label])
        )
    assert figures["auc"] == pytest.approx(
        sklearn_metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    )
    assert figures["kappa"] == pytest.approx(sklearn_metrics.cohen_kappa_score(labels, predicted))
    assert figures["confusion_matrix"] == sklearn_metrics.confusion_matrix(labels, predicted).tolist()
    for mean in ("macro", "weighted"):
        assert figures[mean]["f1"] == pytest.approx(sklearn_metrics.f1_score(labels, predicted, average=mean))
        assert figures[mean]["recall"] == pytest.approx(sklearn_metrics.recall_score(labels, predicted, average=mean))
    assert figures["macro"]["precision"] == pytest.approx(np.mean(columns["precision"]))
    assert "sensitivity" not in figures


def test_class_aucs_leave_out_a_class_without_images(six_classes):
    labels, probabilities = six_classes
    few = labels < 5
    areas = class_aucs(labels[few], probabilities[few])
    assert areas[5] is None
    assert auc(labels[few], probabilities[few]) == pytest.approx(np.mean(areas[:5]))


def test_calibration_by_hand():
    """Two images at 0.95, one of them right; two at 0.65, both right; one at 1, right."""
    probabilities = probabilities_of([0.95, 0.95, 0.35, 0.65, 1.0])
    figures = calibration(np.array([1, 0, 0, 1, 1]), probabilities)
    assert figures["bins"] == [
        {"images": 2, "confidence": pytest.approx(0.65), "accuracy": 1.0},
        {"images": 3, "confidence": pytest.approx(2.9 / 3), "accuracy": pytest.approx(2 / 3)},
    ]
    assert figures["ece"] == pytest.approx((2 * 0.35 + 3 * 0.3) / 5)


def test_a_classifier_whose_probabilities_come_true_is_calibrated():
    generator = np.random.default_rng(0)
    scores = generator.uniform(size=20000)
    labels = (generator.uniform(size=20000) < scores).astype(int)
    assert calibration(labels, probabilities_of(scores))["ece"] < 0.02


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        (0, 0, 1.0),
        (3, 3, 1.0),
        (0, 5, 2 / 2**5),
        (1, 5, 2 * (1 + 6) / 2**6),
        (8, 2, 2 * (1 + 10 + 45) / 2**10),
    ],
)
def test_mcnemar_counts_the_coin_throws(only_first, only_second, p):
    first = np.array([True] * only_first + [False] * only_second + [True, False, True])
    second = np.array([False] * only_first + [True] * only_second + [True, False, True])
    expected = {"only_first": only_first, "only_second": only_second, "p": pytest.approx(p)}
    assert mcnemar(first, second) == expected


@pytest.fixture
def masks():
    generator = np.random.default_rng(0)
    truths = generator.random((4, 10, 12)) < np.array([0.8, 0.7, 0.9, 0.6])[:, None, None]
    return truths, truths ^ (generator.random(truths.shape) < 0.1)


def pixel_counts(truths, predictions):
    return np.stack(
        [metrics.confusion(t.ravel().astype(int), p.ravel().astype(int), 2) for t, p in zip(truths, predictions)]
    )


def test_mask_figures_are_scikit_learns(masks):
    figures = metrics.mask_figures(pixel_counts(*masks))
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
    figures = metrics.mask_figures(pixel_counts(*masks))
    dices = [each["dice"] for each in figures["per_image"]]
    assert figures["mean"]["dice"] == pytest.approx(np.mean(dices))
    low, high = figures["interval"]["dice"]
    assert min(dices) <= low < figures["mean"]["dice"] < high <= max(dices)


def test_an_empty_mask_that_is_predicted_empty_has_no_dice():
    empty = np.array([[[9, 0], [0, 0]]])
    figures = metrics.mask_figures(empty)
    assert figures["overall"]["dice"] is None
    assert figures["overall"]["accuracy"] == 1
    assert figures["mean"]["dice"] is figures["interval"]["dice"] is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),  # by hand: 4·.005, 3·.01, 2·.03, .04
        ([0.4, 0.9], [0.8, 0.9]),
        ([0.7, 0.8], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([], []),
    ],
)
def test_holm(given, expected):
    assert metrics.holm(given) == pytest.approx(expected)


def test_signed_ranks_by_hand():
    """Differences +1, +2, -3, +4: of the 16 sets of the ranks 1 to 4, 5 have a sum of 3 or less: 2 · 5/16 = 0.625."""
    found = metrics.signed_rank(np.array([5.0, 5, 5, 5]), np.array([6.0, 7, 2, 9]))
    assert (found["first_higher"], found["second_higher"], found["difference"]) == (1, 3, 1.0)
    assert found["p"] == pytest.approx(0.625)
    assert metrics.signed_rank(np.ones(3), np.ones(3))["p"] == 1


def test_one_image_alone_has_no_interval():
    figures = metrics.mask_figures(np.array([[[3, 1], [2, 4]]]))
    assert figures["mean"]["dice"] == pytest.approx(8 / 11)
    assert set(figures["interval"].values()) == {None}
