import numpy as np
import pytest
from sklearn import metrics

from paddle_eye.metrics.multilabel import best_thresholds, multilabel_figures

THRESHOLDS = [0.4, 0.5, 0.6]


@pytest.fixture
def evaluated():
    generator = np.random.default_rng(0)
    labels = (generator.random((60, 3)) < [0.3, 0.5, 0.2]).astype(int)
    return labels, np.clip(0.25 * labels + generator.random((60, 3)) * 0.75, 0, 1)


def test_figures_are_scikit_learns(evaluated):
    labels, probabilities = evaluated
    figures = multilabel_figures(labels, probabilities, THRESHOLDS)
    found = (probabilities >= THRESHOLDS).astype(int)
    for number, row in enumerate(figures["per_class"]):
        truth, said, scores = labels[:, number], found[:, number], probabilities[:, number]
        assert row["support"] == truth.sum()
        assert row["threshold"] == THRESHOLDS[number]
        assert row["auc"] == pytest.approx(metrics.roc_auc_score(truth, scores))
        assert row["average_precision"] == pytest.approx(metrics.average_precision_score(truth, scores))
        assert row["sensitivity"] == pytest.approx(metrics.recall_score(truth, said))
        assert row["specificity"] == pytest.approx(metrics.recall_score(1 - truth, 1 - said))
        assert row["precision"] == pytest.approx(metrics.precision_score(truth, said))
        assert row["f1"] == pytest.approx(metrics.f1_score(truth, said))
    for mean in ("macro", "micro"):
        assert figures[mean]["auc"] == pytest.approx(metrics.roc_auc_score(labels, probabilities, average=mean))
        expected = metrics.average_precision_score(labels, probabilities, average=mean)
        assert figures[mean]["average_precision"] == pytest.approx(expected)
        assert figures[mean]["sensitivity"] == pytest.approx(metrics.recall_score(labels, found, average=mean))
        assert figures[mean]["f1"] == pytest.approx(metrics.f1_score(labels, found, average=mean))
    assert figures["exact_match"] == pytest.approx(metrics.accuracy_score(labels, found))
    assert figures["auc"] == figures["macro"]["auc"]
    for name in ("auc", "average_precision", "exact_match"):
        low, high = figures[f"{name}_interval"]
        assert low < figures[name] < high


def test_the_score_of_odir_is_its_evaluation_programs(evaluated):
    """It takes kappa, the micro mean of F1 and AUC of all pairs as one list, at 0.5."""
    labels, probabilities = (each.ravel() for each in evaluated)
    found = probabilities > 0.5
    kappa, area = metrics.cohen_kappa_score(labels, found), metrics.roc_auc_score(labels, probabilities)
    f1 = metrics.f1_score(labels, found, average="micro")
    score = multilabel_figures(*evaluated, THRESHOLDS)["odir"]
    assert score == pytest.approx({"kappa": kappa, "f1": f1, "auc": area, "score": (kappa + f1 + area) / 3})


def test_a_class_without_images_has_no_areas_and_drags_no_mean(evaluated):
    labels, probabilities = evaluated
    labels = labels.copy()
    labels[:, 1] = 0
    figures = multilabel_figures(labels, probabilities, THRESHOLDS)
    assert figures["per_class"][1]["auc"] is figures["per_class"][1]["sensitivity"] is None
    areas = [figures["per_class"][number]["auc"] for number in (0, 2)]
    assert figures["auc"] == pytest.approx(np.mean(areas))


def test_thresholds_have_the_largest_sum_of_sensitivity_and_specificity(evaluated):
    labels, probabilities = evaluated
    for number, threshold in enumerate(best_thresholds(labels, probabilities)):
        truth, scores = labels[:, number], probabilities[:, number]
        false_positive_rate, sensitivity, _ = metrics.roc_curve(truth, scores)
        found = scores >= threshold
        gained = found[truth == 1].mean() - found[truth == 0].mean()
        assert gained == pytest.approx((sensitivity - false_positive_rate).max())


def test_thresholds_lie_between_probabilities():
    labels = np.array([[0], [0], [1], [1]])
    assert best_thresholds(labels, np.array([[0.1], [0.3], [0.5], [0.9]])) == pytest.approx([0.4])
    assert best_thresholds(np.zeros((4, 1), int), np.zeros((4, 1))) == [0.5]
    assert 0 <= best_thresholds(labels, np.full((4, 1), 0.5))[0] <= 1
