from functools import partial

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from paddle_eye.metrics import classification
from paddle_eye.metrics.classification import accuracy, auc, calibration, class_aucs, classification_figures
from paddle_eye.metrics.intervals import bootstrap_interval


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch):
    """1000 of them take seconds in every call of `classification_figures`."""
    monkeypatch.setattr(classification, "bootstrap_interval", partial(bootstrap_interval, resamples=50))


def test_auc_is_the_share_of_pairs_in_order(example, probabilities_of):
    labels, scores = example
    pairs = [(p, n) for p in scores[labels == 1] for n in scores[labels == 0]]
    assert any(p == n for p, n in pairs)
    share = np.mean([(p > n) + 0.5 * (p == n) for p, n in pairs])
    assert auc(labels, probabilities_of(scores)) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("label", [0, 1])
def test_auc_of_one_class_is_not_defined(label, probabilities_of):
    assert auc(np.full(3, label), probabilities_of([0.1, 0.2, 0.3])) is None


def test_accuracy_counts_the_most_probable_class():
    probabilities = np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]])
    assert accuracy(np.array([1, 0, 2, 1]), probabilities) == 0.75


def test_figures_by_hand(probabilities_of):
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


def test_figures_are_those_of_scikit_learn(example, probabilities_of):
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


def test_intervals_hold_their_figures(example, probabilities_of):
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
        ([0, 1], [0.1, 0.2], {"auc_interval"}),
    ],
)
def test_what_is_not_defined_is_none(labels, scores, undefined, probabilities_of):
    figures = classification_figures(np.array(labels), probabilities_of(scores))
    assert {name for name, value in figures.items() if value is None} == undefined


@pytest.mark.filterwarnings("error")
def test_a_single_class_makes_no_warning(probabilities_of):
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


def test_calibration_by_hand(probabilities_of):
    """Two images at 0.95, one of them right; two at 0.65, both right; one at 1, right."""
    probabilities = probabilities_of([0.95, 0.95, 0.35, 0.65, 1.0])
    figures = calibration(np.array([1, 0, 0, 1, 1]), probabilities)
    assert figures["bins"] == [
        {"images": 2, "confidence": pytest.approx(0.65), "accuracy": 1.0},
        {"images": 3, "confidence": pytest.approx(2.9 / 3), "accuracy": pytest.approx(2 / 3)},
    ]
    assert figures["ece"] == pytest.approx((2 * 0.35 + 3 * 0.3) / 5)


def test_a_classifier_whose_probabilities_come_true_is_calibrated(probabilities_of):
    generator = np.random.default_rng(0)
    scores = generator.uniform(size=20000)
    labels = (generator.uniform(size=20000) < scores).astype(int)
    assert calibration(labels, probabilities_of(scores))["ece"] < 0.02
