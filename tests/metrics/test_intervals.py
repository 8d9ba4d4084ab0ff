import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score

from paddle_eye.metrics.classification import accuracy, auc
from paddle_eye.metrics.intervals import (
    bootstrap_difference,
    bootstrap_interval,
    delong,
    holm,
    mcnemar,
    patient_numbers,
    signed_rank,
    wilson_interval,
)

Z = 1.959963984540054  # 97.5 % point of the normal distribution, from tables


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


def test_bootstrap_is_the_same_for_the_same_seed(example, probabilities_of):
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
    def mean(labels, scores):
        assert np.array_equal(labels, scores)
        return float(labels.mean())

    low, high = bootstrap_interval(mean, np.arange(50), np.arange(50), resamples=200)
    assert low < 24.5 < high


def test_bootstrap_leaves_undefined_resamples_out():
    """A share of labels is undefined in this test where all are alike, which an eighth of the resamples are."""

    def share(labels, _):
        return float(labels.mean()) if len(set(labels)) > 1 else None

    assert bootstrap_interval(share, np.array([0, 0, 1, 1]), np.arange(4), resamples=200) == [0.25, 0.75]


def test_an_interval_of_no_width_is_none(probabilities_of):
    """Two images that are right, or all images of one patient, tell nothing of others."""
    assert bootstrap_interval(auc, np.array([0, 1]), probabilities_of([0.1, 0.9]), resamples=50) is None
    labels, scores = np.array([0, 1, 1, 0]), probabilities_of([0.1, 0.9, 0.4, 0.6])
    assert bootstrap_interval(auc, labels, scores, np.zeros(4, int), resamples=50) is None
    right = (np.array([0, 1, 0, 1]), probabilities_of([0.1, 0.9, 0.1, 0.9]), None)
    assert bootstrap_difference(accuracy, right, right, resamples=50) is None


def test_bootstrap_of_what_is_never_defined_is_none(probabilities_of):
    assert bootstrap_interval(auc, np.array([1, 1]), probabilities_of([0.1, 0.9]), resamples=5) is None


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
    found = mcnemar(first, second)
    assert (found["only_first"], found["only_second"]) == (only_first, only_second)
    assert found["p"] == pytest.approx(p)
    assert found["least_p"] == pytest.approx(binomtest(0, len(first)).pvalue)


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
    assert holm(given) == pytest.approx(expected)


def test_signed_ranks_by_hand():
    """Differences +1, +2, -3, +4: of the 16 sets of the ranks 1 to 4, 5 have a sum of 3 or less: 2 · 5/16 = 0.625."""
    found = signed_rank(np.array([5.0, 5, 5, 5]), np.array([6.0, 7, 2, 9]))
    assert (found["first_higher"], found["second_higher"], found["difference"]) == (1, 3, 1.0)
    assert found["p"] == pytest.approx(0.625)
    assert signed_rank(np.ones(3), np.ones(3))["p"] == 1


def test_delong_by_hand():
    """Three of each class. The first scores rank one pair of nine wrongly, the second none: won per positive image
    1, 1, 2/3 against 1, 1, 1 and per negative image 1, 1, 2/3 against 1, 1, 1; the variances are (1/27) / 3 each."""
    labels = np.array([1, 1, 1, 0, 0, 0])
    found = delong(labels, np.array([0.9, 0.8, 0.3, 0.1, 0.2, 0.4]), np.array([0.9, 0.8, 0.7, 0.1, 0.2, 0.4]))
    assert found["difference"] == pytest.approx(1 / 9)
    assert found["p"] == pytest.approx(2 * norm.sf((1 / 9) / (2 / 81) ** 0.5))
    assert delong(labels, labels, labels) == {"difference": 0, "p": 1, "least_p": 0}
    assert delong(labels, np.full(6, 0.5), labels) == {"difference": 0.5, "p": 0, "least_p": 0}


def test_delong_agrees_with_the_bootstrap():
    generator = np.random.default_rng(0)
    labels = np.arange(400) % 2
    truth = labels + generator.normal(0, 1, 400)
    first, second = truth + generator.normal(0, 1.2, 400), truth + generator.normal(0, 0.4, 400)
    differences = []
    for _ in range(600):
        drawn = generator.integers(0, 400, 400)
        areas = [roc_auc_score(labels[drawn], scores[drawn]) for scores in (first, second)]
        differences.append(areas[1] - areas[0])
    found = delong(labels, first, second)
    assert found["difference"] == pytest.approx(roc_auc_score(labels, second) - roc_auc_score(labels, first))
    z = found["difference"] / np.std(differences)
    assert norm.isf(found["p"] / 2) == pytest.approx(z, rel=0.15)


def test_a_patient_s_images_are_drawn_together():
    """Twice the same image of every patient say no more than one."""
    generator = np.random.default_rng(1)
    values = generator.random(40)
    twice, patients = np.repeat(values, 2), np.repeat(np.arange(40), 2)

    def mean(drawn, _):
        return float(drawn.mean())

    alone = bootstrap_interval(mean, values, values)
    together = bootstrap_interval(mean, twice, twice, patients)
    apart = bootstrap_interval(mean, twice, twice)
    assert together == pytest.approx(alone)
    assert apart[1] - apart[0] < 0.8 * (together[1] - together[0])


def test_tests_over_patients_learn_nothing_from_a_second_photograph_of_the_same():
    generator = np.random.default_rng(2)
    labels, patients = np.arange(40) % 2, np.tile(np.arange(40), 2)
    first, second = (labels + generator.normal(0, noise, 40) for noise in (1.0, 0.6))
    right = [scores.round() == labels for scores in (first, second)]
    for test, given in (
        (mcnemar, right),
        (signed_rank, (first, second)),
        (delong, (labels, first, second)),
    ):
        alone, twice = test(*given), [np.tile(each, 2) for each in given]
        assert test(*twice, patients)["p"] == pytest.approx(alone["p"])
        assert test(*twice)["p"] < alone["p"] < 1
        assert test(*twice, patients).get("least_p") == alone.get("least_p")


def test_the_signs_of_patients_by_hand():
    """Patients whose images differ by 2, -1 and 1: of the eight signs of 2, 1 and 1, six give a sum of 2 or more."""
    first = np.array([True, True, False, True, True])
    second = np.array([False, False, True, False, True])
    found = mcnemar(first, second, np.array([7, 7, 0, 3, 3]))
    assert (found["only_first"], found["only_second"], found["least_p"]) == (3, 1, 1 / 4)
    assert found["p"] == pytest.approx(6 / 8)


def test_the_ranks_of_patients_by_hand():
    """Means of the patients' differences +1, +2, -3, +4: as of four images, see above."""
    second = np.array([0.5, 1.5, 2, -3, 5, 3])
    found = signed_rank(np.zeros(6), second, np.array([0, 0, 1, 2, 3, 3]))
    assert found["p"] == pytest.approx(0.625)
    assert (found["first_higher"], found["second_higher"], found["difference"]) == (1, 5, 1.5)


def test_delong_over_patients_agrees_with_the_bootstrap():
    """Of two eyes of a patient, alike and perhaps of different classes."""
    generator = np.random.default_rng(0)
    labels, patients = np.repeat(np.arange(150) % 2, 2), np.repeat(np.arange(150), 2)
    labels[::6] = 1 - labels[::6]
    truth = labels + np.repeat(generator.normal(0, 1, 150), 2)
    first, second = (truth + np.repeat(generator.normal(0, noise, 150), 2) for noise in (1.2, 0.4))
    differences = []
    for _ in range(600):
        drawn = np.concatenate([np.flatnonzero(patients == number) for number in generator.integers(0, 150, 150)])
        areas = [roc_auc_score(labels[drawn], scores[drawn]) for scores in (first, second)]
        differences.append(areas[1] - areas[0])
    found = delong(labels, first, second, patients)
    assert norm.isf(found["p"] / 2) == pytest.approx(found["difference"] / np.std(differences), rel=0.15)
    assert norm.isf(delong(labels, first, second)["p"] / 2) > 1.1 * norm.isf(found["p"] / 2)


@pytest.mark.parametrize(
    ("labels", "patients"), [([1, 0, 0, 0], None), ([1, 1, 0, 0], [0, 0, 1, 2]), ([1, 0, 1, 0], [0, 0, 0, 0])]
)
def test_of_one_image_or_patient_of_a_class_no_difference_can_be_told(labels, patients):
    scores = np.array([0.9, 0.2, 0.3, 0.4]), np.array([0.1, 0.2, 0.3, 0.4])
    found = delong(np.array(labels), *scores, None if patients is None else np.array(patients))
    assert (found["p"], found["least_p"]) == (1, 1)


def test_patients_are_numbered_where_some_have_several_images():
    assert patient_numbers(["a", None, "b", "a", None]).tolist() == [0, 1, 2, 0, 3]
    assert patient_numbers(["a", None, "b", None]) is None
