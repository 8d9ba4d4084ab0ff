import numpy as np
import pytest
from scipy import ndimage
from skimage.metrics import adapted_rand_error
from skimage.segmentation import watershed
from sklearn.metrics import normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from paddle_eye.errors import InputError
from paddle_eye.metrics.cells import best_cell_scores, cell_scores, cells, thinned

WALL = np.ones((6, 9), bool)
WALL[:, 4] = False  # two cells of 24 pixels each


def test_a_perfect_division_has_1():
    assert cell_scores(WALL, WALL) == (1, pytest.approx(1))


def test_the_width_of_a_border_does_not_matter():
    thick = WALL.copy()
    thick[:, 3:6] = False
    assert cell_scores(WALL, thick) == (1, pytest.approx(1))


def test_two_cells_taken_for_one_by_hand():
    """Two cells of half the pixels: Σp² = 1/2, Σs² = 1/2, Σt² = 1; the one predicted says nothing of them."""
    hole = WALL.copy()
    hole[3, 4] = True
    assert cell_scores(WALL, hole) == (pytest.approx(2 * 0.5 / 1.5), pytest.approx(0))


def test_a_cell_taken_for_two_by_hand():
    """Σp² = Σt² = 1/2, Σs² = 1; the entropy of the truth is 0, and so is what both share."""
    whole = np.ones((6, 8), bool)
    halves = whole.copy()
    halves[:, [3, 4]] = False
    assert cell_scores(whole, halves) == (pytest.approx(2 * 0.5 / 1.5), pytest.approx(0))


def test_no_cell_found():
    assert cell_scores(WALL, np.zeros_like(WALL)) == (pytest.approx(2 * 0.5 / 1.5), 0)


def test_cells_touch_by_their_sides_alone():
    diagonal = np.eye(3, dtype=bool)
    assert cells(diagonal).max() == 3
    assert set(np.unique(thinned(cells(diagonal)))) == {1, 2, 3}


@pytest.fixture
def blobs():
    """A true and a predicted division into some ten cells each."""
    fields = [ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(160, 200)), 9) for seed in (0, 1)]
    truth = fields[0] > 0
    predicted = fields[0] + 0.3 * fields[1] > 0.001
    return truth, predicted


def scikit_learns_scores(truth, divided):
    """V_rand and V_info of two divisions of a true inside, whose pixels are numbered by the cell that they are in."""
    joint = contingency_matrix(cells(truth)[truth], divided) / truth.sum()
    squares = [np.square(joint.sum(axis=axis)).sum() for axis in (0, 1)]
    information = normalized_mutual_info_score(cells(truth)[truth], divided)  # of the arithmetic mean
    return np.square(joint).sum() / (0.5 * sum(squares)), information


def test_scores_are_those_of_scikit_learns_counts(blobs):
    truth, predicted = blobs
    found = cell_scores(truth, predicted)
    v_rand, v_info = scikit_learns_scores(truth, thinned(cells(predicted))[truth])
    assert found.v_rand == pytest.approx(v_rand)
    assert found.v_info == pytest.approx(v_info)


def test_the_rand_score_is_near_scikit_images(blobs):
    """It counts pairs of different pixels, the paper also each with itself, which is little of large cells."""
    error, _, _ = adapted_rand_error(cells(blobs[0]), thinned(cells(blobs[1])), ignore_labels=(0,))
    assert cell_scores(*blobs).v_rand == pytest.approx(1 - error, rel=1e-3)


def test_a_line_of_one_pixel_as_in_the_challenges_program_changes_little():
    """What the docstring says of it: borders are flooded up to a line, whose pixels are cells of their own."""
    field = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(256, 256)), 6)
    truth, predicted = (np.abs(field) > share * field.std() for share in (0.12, 0.2))
    divided = watershed(~predicted, cells(predicted), connectivity=1, watershed_line=True)[truth]
    on_line = divided == 0
    assert 0 < on_line.mean() < 0.02
    divided[on_line] = divided.max() + 1 + np.arange(on_line.sum())
    found = cell_scores(truth, predicted)
    v_rand, v_info = scikit_learns_scores(truth, divided)
    assert found.v_rand == pytest.approx(v_rand, abs=0.01)
    assert v_info < found.v_info < v_info + 0.02


def test_the_best_threshold_is_taken():
    probabilities = np.where(WALL, 0.9, 0.62)
    found = best_cell_scores([WALL], [probabilities])
    assert found["at_half"].v_rand == pytest.approx(2 * 0.5 / 1.5)
    assert found["best"] == (1, pytest.approx(1))


def test_images_without_cells_are_left_out():
    empty, probabilities = np.zeros_like(WALL), np.where(WALL, 0.9, 0.1)
    assert best_cell_scores([WALL, empty], [probabilities] * 2) == best_cell_scores([WALL], [probabilities])
    with pytest.raises(InputError, match="cells: no image that is measured has any"):
        best_cell_scores([empty], [probabilities])
