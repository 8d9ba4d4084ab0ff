import cv2
import numpy as np
import pytest

from paddle_eye.report import plots

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
SCORES = np.array([0.1, 0.2, 0.6, 0.3, 0.9, 0.8, 0.4, 0.7])
MATRIX = [[3, 1], [1, 3]]
CLASSES = ("healthy", "ill")


@pytest.fixture
def draw(history):
    """A function that draws the plot of a name."""
    arguments = {"curves": (history, "validation"), "confusion_matrix": (MATRIX, CLASSES), "roc": (LABELS, SCORES)}
    return lambda name, **more: getattr(plots, name)(*arguments[name], **more)


@pytest.fixture
def as_figure(monkeypatch):
    """Have the functions return matplotlib's figure in place of the PNG file."""
    monkeypatch.setattr(plots, "_png", lambda figure: figure)


def decoded(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("name", ["curves", "confusion_matrix", "roc"])
def test_a_plot_is_a_png_file_with_something_in_it(name, draw):
    picture = decoded(draw(name))
    assert min(picture.shape[:2]) > 300
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize("name", ["curves", "confusion_matrix", "roc"])
def test_a_notice_is_printed_into_the_picture(name, draw):
    """In red, at the top."""

    def red_at_the_top(picture):
        blue, _, red = np.moveaxis(picture[:25].astype(int), -1, 0)
        return np.count_nonzero(red - blue > 80)

    with_notice = decoded(draw(name, notice="demonstration set, not medical data"))
    assert red_at_the_top(with_notice) > red_at_the_top(decoded(draw(name))) + 50


@pytest.mark.parametrize("label", [0, 1])
def test_a_roc_of_one_class_says_that_it_is_not_defined(label, as_figure):
    (axes,) = plots.roc(np.full(4, label), SCORES[:4]).axes
    assert axes.get_title() == "not defined: only one class was evaluated"


def test_a_roc_of_one_class_is_a_picture():
    assert decoded(plots.roc(np.ones(4, int), SCORES[:4])).std() > 0


def test_the_roc_says_its_area_and_marks_probability_one_half(as_figure):
    in_order = np.mean([ill > healthy for ill in SCORES[4:] for healthy in SCORES[:4]])
    (axes,) = plots.roc(LABELS, SCORES).axes
    assert axes.get_title() == f"AUC {in_order:.4f}"
    (mark,) = [line for line in axes.lines if line.get_label() == "at probability 0.5"]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (1 / 4, 3 / 4)


def test_the_curves_show_every_epoch(as_figure, history):
    for axes, name in zip(plots.curves(history, "validation images").axes, ("loss", "accuracy")):
        lines = {line.get_label(): line for line in axes.lines}
        assert lines["validation images"].get_xydata().tolist() == [[row["epoch"], row[name]] for row in history]
        trained = [[row["epoch"], row[f"train_{name}"]] for row in history[1:]]
        assert lines["training"].get_xydata().tolist() == trained


def test_of_equal_epochs_the_first_is_marked_best(as_figure, history):
    """As training keeps it."""
    _, right = plots.curves(history, "validation").axes
    assert "best epoch (1)" in [line.get_label() for line in right.lines]


def test_curves_of_a_run_that_was_not_trained_are_a_picture(history):
    assert decoded(plots.curves(history[:1], "validation")).std() > 0


def test_the_matrix_has_a_row_per_true_class_with_counts_and_shares(as_figure):
    (axes,) = plots.confusion_matrix([[6, 2], [0, 5]], CLASSES).axes
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    assert shown == {(0, 0): "6\n75.0%", (1, 0): "2\n25.0%", (0, 1): "0\n0.0%", (1, 1): "5\n100.0%"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(CLASSES)


def test_a_matrix_with_an_empty_row_is_a_picture():
    assert decoded(plots.confusion_matrix([[4, 1], [0, 0]], CLASSES)).std() > 0
