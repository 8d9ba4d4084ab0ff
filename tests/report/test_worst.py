import cv2
import numpy as np
import pytest
from sklearn.metrics import log_loss

from paddle_eye.report.worst import most_wrong, panels


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


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_each_photograph_stands_beside_its_evidence(count):
    blue, red = np.zeros((32, 32, 3), np.uint8), np.zeros((32, 32, 3), np.uint8)
    blue[..., 0], red[..., 2] = 255, 255
    said = ([f"{number}.png" for number in range(count)], [0] * count, [1] * count, [0.9] * count, [2.3] * count)
    png = panels(*said, [blue] * count, [red] * count, ["normal", "$amd$"])
    drawn = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    areas = [int((np.abs(drawn.astype(int) - colour).max(axis=2) < 40).sum()) for colour in ((255, 0, 0), (0, 0, 255))]
    assert areas[0] == pytest.approx(areas[1], rel=0.05)
    assert areas[0] > 3000 * count
