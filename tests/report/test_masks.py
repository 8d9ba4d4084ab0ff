import cv2
import numpy as np
import pytest

from paddle_eye.report import masks

TRUTH = np.array([[1, 1, 0, 0]], np.uint8)
PREDICTED = np.array([[1, 0, 1, 0]], np.uint8)


def test_every_kind_of_agreement_has_its_colour():
    found, missed, invented, left_out = masks.differences(TRUTH, PREDICTED)[0].tolist()
    assert found == [255, 255, 255]
    assert left_out == [0, 0, 0]
    assert missed[0] > 2 * missed[2]  # red
    assert invented[2] > 2 * invented[0]  # blue


def test_the_foreground_is_tinted_and_the_rest_left_alone():
    picture = np.full((40, 40, 3), 100, np.uint8)
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 1
    drawn = masks.over(picture, mask)
    np.testing.assert_array_equal(drawn[mask == 0], picture[mask == 0])
    np.testing.assert_array_equal(drawn[20, 20], [65, 154, 154])  # 0.65 · 100 + 0.35 · (0, 255, 255)
    np.testing.assert_array_equal(drawn[10, 20], [0, 255, 255])
    np.testing.assert_array_equal(picture, 100)


def test_the_worst_come_first_and_the_undefined_last():
    assert masks.worst([0.9, None, 0.5, 0.7, None]) == [2, 3, 0, 1, 4]
    assert masks.worst([number / 20 for number in range(20)]) == list(range(12))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_row_of_panels_for_each_picture(channels, monkeypatch):
    pictures = [np.full((8, 10, channels), 50, np.uint8)] * 2
    truths, predicted = [np.ones((8, 10), np.uint8)] * 2, [np.zeros((8, 10), np.uint8), np.ones((8, 10), np.uint8)]
    arguments = (["$a$.png", "b.png"], [0.0, 1.0], pictures, truths, predicted, ("membrane", "cell $interior$"))
    picture = cv2.imdecode(np.frombuffer(masks.panels(*arguments), np.uint8), cv2.IMREAD_COLOR)
    assert min(picture.shape[:2]) > 300
    monkeypatch.setattr(masks, "png", lambda figure, dpi: figure)
    figure = masks.panels(*arguments)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:4] == [r"\$a\$.png", "truth", "prediction, Dice 0.0000", "differences"]
    assert titles[6] == "prediction, Dice 1.0000"
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert shown[3][0, 0].tolist() == masks.differences(TRUTH, PREDICTED)[0, 1].tolist()
    assert shown[7][0, 0].tolist() == [255, 255, 255]
    assert r"cell \$interior\$ that was missed" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_what_the_network_says_outside_the_field_of_view_is_not_shown(monkeypatch):
    monkeypatch.setattr(masks, "png", lambda figure, dpi: figure)
    truth, predicted = np.array([[1, 0, masks.OUTSIDE]], np.uint8), np.array([[0, 1, 1]], np.uint8)
    figure = masks.panels(["a"], [0.0], [np.zeros((1, 3, 1), np.uint8)], [truth], [predicted], ("background", "vessel"))
    black, white, grey = [0, 0, 0], [255, 255, 255], masks.differences(truth, predicted)[0, 2].tolist()
    shown = [axes.images[0].get_array()[0].tolist() for axes in figure.axes]
    assert shown[1:3] == [[white, black, grey], [black, white, grey]]
    assert "outside the field of view" in [text.get_text() for text in figure.legends[0].get_texts()]
