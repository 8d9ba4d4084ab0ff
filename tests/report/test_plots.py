import cv2
import numpy as np
import pytest

from paddle_eye.report import fonts, plots

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])
SCORES = np.array([0.1, 0.2, 0.6, 0.3, 0.9, 0.8, 0.4, 0.7])
PROBABILITIES = np.stack([1 - SCORES, SCORES], axis=1)
MATRIX = [[3, 1], [1, 3]]
CLASSES = ("healthy", "ill")


@pytest.fixture
def draw(history):
    """A function that draws the plot of a name."""
    arguments = {
        "curves": (history, "accuracy", "validation"),
        "confusion_matrix": (MATRIX, CLASSES),
        "roc": (LABELS, PROBABILITIES, CLASSES),
        "calibration": ({"bins": [{"images": 8, "confidence": 0.7, "accuracy": 0.75}], "ece": 0.05},),
    }
    return lambda name, **more: getattr(plots, name)(*arguments[name], **more)


@pytest.fixture
def as_figure(monkeypatch):
    """Have the functions return matplotlib's figure in place of the PNG file."""
    monkeypatch.setattr(plots, "png", lambda figure: figure)


def decoded(png):
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("name", ["curves", "confusion_matrix", "roc", "calibration"])
def test_a_plot_is_a_png_file_with_something_in_it(name, draw):
    picture = decoded(draw(name))
    assert min(picture.shape[:2]) > 300
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


@pytest.mark.parametrize("name", ["curves", "confusion_matrix", "roc", "calibration"])
def test_a_notice_is_printed_into_the_picture(name, draw):
    """In red, at the top."""

    def red_at_the_top(picture):
        blue, _, red = np.moveaxis(picture[:25].astype(int), -1, 0)
        return np.count_nonzero(red - blue > 80)

    with_notice = decoded(draw(name, notice="demonstration set, not medical data"))
    assert red_at_the_top(with_notice) > red_at_the_top(decoded(draw(name))) + 50


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("label", [0, 1])
def test_a_roc_of_one_class_says_that_it_is_not_defined(label, as_figure):
    (axes,) = plots.roc(np.full(4, label), PROBABILITIES[:4], CLASSES).axes
    assert legend(axes)[0] == "ill: not defined, no image on one side"


def test_a_roc_of_one_class_is_a_picture():
    assert decoded(plots.roc(np.ones(4, int), PROBABILITIES[:4], CLASSES)).std() > 0


def test_the_roc_says_its_area_and_marks_the_predicted_class(as_figure):
    in_order = np.mean([ill > healthy for ill in SCORES[4:] for healthy in SCORES[:4]])
    (axes,) = plots.roc(LABELS, PROBABILITIES, CLASSES).axes
    assert legend(axes) == [f"ill: AUC {in_order:.4f}", "most probable class"]
    (mark,) = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (1 / 4, 3 / 4)


def test_of_more_classes_each_has_its_roc(as_figure):
    probabilities = np.eye(3)[[0, 1, 2, 2]] * 0.6 + 0.1
    (axes,) = plots.roc(np.array([0, 1, 2, 1]), probabilities, ("a", "b", "c")).axes
    assert legend(axes) == ["a: AUC 1.0000", "b: AUC 0.7500", "c: AUC 0.8333", "most probable class"]


def test_the_calibration_shows_every_part_and_the_error(as_figure):
    bins = [{"images": 1, "confidence": 0.55, "accuracy": 0.0}, {"images": 3, "confidence": 0.9, "accuracy": 1.0}]
    (axes,) = plots.calibration({"bins": bins, "ece": 0.2125}).axes
    (points,) = axes.collections
    assert points.get_offsets().tolist() == [[0.55, 0.0], [0.9, 1.0]]
    assert axes.get_title() == "expected calibration error 0.2125"


@pytest.mark.parametrize("name", ["loss", "accuracy"])
def test_one_curve_by_itself(name, as_figure, history):
    (axes,) = plots.curve(history, name, "validation images").axes
    assert axes.get_ylabel() == name
    assert legend(axes) == ["training", "validation images"]


def test_a_comparison_shows_accuracies_with_intervals_and_losses(as_figure):
    accuracies, intervals, losses = [0.9, 0.7], [[0.8, 0.95], [0.6, 0.8]], [0.3, 0.9]
    drawn = plots.comparison(["one", "two"], "accuracy", accuracies, intervals, "loss", losses, "last epoch")
    left, right = drawn.axes
    assert [left.get_xlabel(), right.get_xlabel()] == ["accuracy, 95 % interval", "loss"]
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["one", "two"]
    (bars,) = left.containers
    assert bars.lines[0].get_xdata().tolist() == [0.9, 0.7]
    spans = [path.vertices[:, 0].tolist() for path in bars.lines[2][0].get_paths()]
    assert spans == [pytest.approx([0.8, 0.95]), pytest.approx([0.6, 0.8])]
    assert [bar.get_width() for bar in right.patches] == [0.3, 0.9]


def test_the_curves_show_every_epoch(as_figure, history):
    for axes, name in zip(plots.curves(history, "accuracy", "validation images").axes, ("loss", "accuracy")):
        lines = {line.get_label(): line for line in axes.lines}
        assert lines["validation images"].get_xydata().tolist() == [[row["epoch"], row[name]] for row in history]
        trained = [[row["epoch"], row[f"train_{name}"]] for row in history[1:]]
        assert lines["training"].get_xydata().tolist() == trained


def test_curves_of_several_runs_are_as_high_as_what_they_have_after_the_first_epoch(as_figure):
    (axes,) = plots.curves_together({"U-Net": [0.1, 0.90, 0.95], "D_x$": [0.8, 0.92, 1.0]}, "Dice").axes
    assert axes.get_ylim() == pytest.approx((0.895, 1.005))
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0.1, 0.90, 0.95], [0.8, 0.92, 1.0]]
    (axes,) = plots.curves_together({"untrained": [0.5]}, "Dice").axes
    assert axes.get_ylim()[0] < 0.5 < axes.get_ylim()[1]


def test_of_equal_epochs_the_first_is_marked_best(as_figure, history):
    """As training keeps it."""
    _, right = plots.curves(history, "accuracy", "validation").axes
    assert "best epoch (1)" in [line.get_label() for line in right.lines]


def test_curves_of_a_run_that_was_not_trained_are_a_picture(history):
    assert decoded(plots.curves(history[:1], "accuracy", "validation")).std() > 0


def test_the_matrix_has_a_row_per_true_class_with_counts_and_shares(as_figure):
    (axes,) = plots.confusion_matrix([[6, 2], [0, 5]], CLASSES).axes
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    assert shown == {(0, 0): "6\n75.0%", (1, 0): "2\n25.0%", (0, 1): "0\n0.0%", (1, 1): "5\n100.0%"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(CLASSES)


def test_a_matrix_with_an_empty_row_is_a_picture():
    assert decoded(plots.confusion_matrix([[4, 1], [0, 0]], CLASSES)).std() > 0


@pytest.mark.parametrize("name", [r"$\frac$", "$x$", "one $"])
def test_no_part_of_a_name_is_taken_for_a_formula(name):
    """Drawn in full: what is wrong as a formula would fail, what is right would be in italics."""
    assert plots.confusion_matrix([[1, 0], [0, 1]], [name, "b"]).startswith(b"\x89PNG")
    labels, probabilities = np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]])
    assert plots.roc(labels, probabilities, ["b", name]).startswith(b"\x89PNG")
    assert fonts.literal("$x$") == r"\$x\$"
