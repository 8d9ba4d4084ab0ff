import cv2
import numpy as np
import pytest
from sklearn.metrics import log_loss

from paddle_eye.report.worst import most_wrong, most_wrong_labels, panels


def test_the_largest_losses_come_first():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.99, 0.01], [0.4, 0.6]])
    labels = np.array([0, 0, 1, 1])
    order, losses = most_wrong(labels, probabilities)
    assert order.tolist() == [2, 1, 3, 0]
    assert losses.mean() == pytest.approx(log_loss(labels, probabilities))


def test_at_most_twelve_are_shown_and_certain_errors_have_a_finite_loss():
    order, losses = most_wrong(np.zeros(40, int), np.tile([0.0, 1.0], (40, 1)))
    assert order.tolist() == list(range(12))
    assert np.isfinite(losses).all()


def test_of_several_classes_each_answer_has_its_loss():
    labels = np.array([[1, 0], [0, 0], [1, 1]])
    probabilities = np.array([[0.9, 0.2], [0.05, 0.99], [0.3, 0.0]])
    images, classes, losses = most_wrong_labels(labels, probabilities)
    assert list(zip(images, classes))[:3] == [(2, 1), (1, 1), (2, 0)]
    by_hand = [-np.log(1e-12), -np.log(0.01), -np.log(0.3), -np.log(0.8), -np.log(0.9), -np.log(0.95)]
    assert losses == pytest.approx(by_hand)


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_each_photograph_stands_beside_its_evidence(count):
    blue, red = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)
    blue[..., 0], red[..., 2] = 255, 255
    names = [f"${number}$.png" for number in range(count)]
    png = panels(names, ["normal, taken for amd"] * count, [blue] * count, [red] * count)
    drawn = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    areas = [int((np.abs(drawn.astype(int) - colour).max(axis=2) < 40).sum()) for colour in ((255, 0, 0), (0, 0, 255))]
    assert areas[0] == pytest.approx(areas[1], rel=0.05)
    assert areas[0] > 3000 * count


def test_certainty_has_no_negative_loss():
    certain = np.array([[1 + 1e-7, 0.0]])
    for *_, found in (most_wrong(np.array([0]), certain), most_wrong_labels(np.array([[1, 0]]), certain)):
        assert not np.signbit(found).any() and (found == 0).all()
