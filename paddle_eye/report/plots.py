"""Results as pictures: each function returns the bytes of a PNG file."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import roc_auc_score, roc_curve

from paddle_eye.report.fonts import drawable_names, families, literal

_TRAINING, _EVALUATION, _MARK = "#7f7f7f", "#c0392b", "#1f4e79"
_MANY, _LEGEND_ROWS = 8, 24  # classes beyond which pictures get another layout, and rows of a legend


def curves(
    history: Sequence[dict[str, Any]],
    criterion: str,
    evaluated_on: str,
    notice: str | None = None,
    higher_is_better: bool = True,
) -> bytes:
    """Loss (logarithmic) and the figure that chooses over the epochs, the best epoch marked.

    Args:
        history: the rows of a run, row 0 from before training.
        criterion: the figure, ``'accuracy'`` or ``'dice'``.
        evaluated_on: what it was measured on, for the legend.
        notice: printed into the picture, so that it cannot be taken for something else.
        higher_is_better: whether the figure is to rise.
    """
    figure, (left, right) = _figure(10, 4, notice, columns=2)
    _draw_curve(left, history, "loss", evaluated_on)
    _draw_curve(right, history, criterion, evaluated_on)
    best = (max if higher_is_better else min)(history, key=lambda row: row[criterion])
    right.axvline(best["epoch"], color=_MARK, linewidth=1, linestyle="--", label=f"best epoch ({best['epoch']})")
    right.legend(loc="lower right")
    return png(figure)


def curve(history: Sequence[dict[str, Any]], name: str, evaluated_on: str) -> bytes:
    """One of the two pictures of `curves` by itself: ``'loss'``, ``'accuracy'`` or ``'dice'``."""
    figure, axes = _figure(6, 4.4, None)
    _draw_curve(axes, history, name, evaluated_on)
    return png(figure)


def _draw_curve(axes: Axes, history: Sequence[dict[str, Any]], name: str, evaluated_on: str) -> None:
    trained = history[1:]
    values = [row[f"train_{name}"] for row in trained]
    axes.plot([row["epoch"] for row in trained], values, color=_TRAINING, marker=".", label="training")
    values = [row[name] for row in history]
    axes.plot([row["epoch"] for row in history], values, color=_EVALUATION, marker=".", label=evaluated_on)
    axes.set_xlabel("epoch")
    axes.set_ylabel(name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    if name == "loss":
        axes.set_yscale("log")
    axes.legend(loc="upper right" if name == "loss" else "lower right")


def confusion_matrix(
    matrix: Sequence[Sequence[int]], classes: Sequence[str], notice: str | None = None, title: str | None = None
) -> bytes:
    """Counts per true class (rows) and predicted class (columns), shaded by the share of the row."""
    crowded, many = len(classes) > 2, len(classes) > _MANY
    side = max(4.4, (0.42 if many else 0.9) * len(classes))
    figure, axes = _figure(side + (1.6 if crowded else 0.6), side + (0.8 if crowded else 0), notice)
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        colour = "white" if share > 0.5 else "black"
        text = f"{count or ''}" if many else f"{count}\n{share:.1%}"
        size = 9 if many else 11 if crowded else 13
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    classes = drawable_names(classes)
    axes.set_xticks(range(len(classes)), classes, rotation=30 if crowded else 0, ha="right" if crowded else "center")
    axes.set_yticks(range(len(classes)), classes, rotation=0 if crowded else 90, va="center")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if title is not None:
        axes.set_title(title)
    return png(figure)


def roc(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], notice: str | None = None) -> bytes:
    """The receiver operating characteristic: of class 1 for two classes, else of each class against the rest.

    Args:
        labels: int [N].
        probabilities: [N, C].
        classes: C names.
        notice: printed into the picture.
    """
    numbers = np.arange(len(classes))
    found = probabilities.argmax(axis=1)[:, None] == numbers
    shown = None if len(classes) > 2 else [1]
    return roc_of_classes(
        labels[:, None] == numbers, probabilities, found, classes, notice, "most probable class", shown
    )


def roc_of_classes(
    positive: np.ndarray,
    probabilities: np.ndarray,
    found: np.ndarray,
    classes: Sequence[str],
    notice: str | None,
    operating_point: str,
    shown: Sequence[int] | None = None,
) -> bytes:
    """The receiver operating characteristic of each class, and where on it the network is used.

    Args:
        positive: bool [N, C], which images are of a class.
        probabilities: [N, C].
        found: bool [N, C], which are taken for it.
        classes: C names.
        notice: printed into the picture.
        operating_point: what ``found`` is, for the legend.
        shown: the classes; None draws all.
    """
    crowded = len(classes) > _MANY
    columns = math.ceil(len(classes) / _LEGEND_ROWS)
    figure, axes = _figure(5 + 3 * columns * crowded, 4.4, notice)
    axes.plot([0, 1], [0, 1], color=_TRAINING, linewidth=1, linestyle="--")
    classes = drawable_names(classes)
    colours = colormaps["turbo"](np.linspace(0, 1, len(classes))) if crowded else None
    for label in range(len(classes)) if shown is None else shown:
        truth, scores = positive[:, label], probabilities[:, label]
        if not 0 < truth.sum() < len(truth):
            axes.plot([], [], label=f"{classes[label]}: not defined, no image on one side", linestyle="")
            continue
        false_positive_rate, sensitivity, _ = roc_curve(truth, scores)
        named = f"{classes[label]}: AUC {roc_auc_score(truth, scores):.4f}"
        colour = None if colours is None else colours[label]
        (line,) = axes.plot(false_positive_rate, sensitivity, color=colour, label=named)
        point = found[~truth, label].mean(), found[truth, label].mean()
        axes.plot(*point, marker="o", linestyle="", color=line.get_color())
    axes.plot([], [], marker="o", linestyle="", color=_TRAINING, label=operating_point)
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel("sensitivity")
    if crowded:
        figure.legend(loc="outside right upper", fontsize=7, ncols=columns)
    else:
        axes.legend(loc="lower right", fontsize=8)
    axes.grid(alpha=0.3)
    return png(figure)


def curves_together(histories: Mapping[str, Sequence[float]], name: str) -> bytes:
    """One figure of several runs over their epochs; it is as high as what they have after the first one.

    Args:
        histories: the values of each run, by its name.
        name: of the figure.
    """
    figure, axes = _figure(8, 4.8, None)
    for run, values in histories.items():
        axes.plot(range(len(values)), values, marker=".", label=literal(run))
    trained = [value for values in histories.values() for value in values[1:]]
    if np.ptp(trained or [0]) > 0:  # what networks say before training would press the rest together
        margin = 0.05 * np.ptp(trained)
        axes.set_ylim(min(trained) - margin, max(trained) + margin)
    axes.set_xlabel("epoch")
    axes.set_ylabel(name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    return png(figure)


def rocs_together(scores: Mapping[str, tuple[np.ndarray, np.ndarray]], positive: str) -> bytes:
    """The receiver operating characteristics of several classifiers for one class.

    Args:
        scores: of each run, by its name, the labels of the images (1 is the class) and its probabilities, both [N].
        positive: the class.
    """
    figure, axes = _figure(5.6, 5, None)
    axes.plot([0, 1], [0, 1], color=_TRAINING, linewidth=1, linestyle="--")
    for run, (labels, probabilities) in scores.items():
        false_positive_rate, sensitivity, _ = roc_curve(labels, probabilities)
        area = roc_auc_score(labels, probabilities)
        axes.plot(false_positive_rate, sensitivity, label=f"{literal(run)}: AUC {area:.4f}")
    axes.set_xlabel(f"1 - specificity ({literal(positive)})")
    axes.set_ylabel("sensitivity")
    axes.legend(loc="lower right", fontsize=8)
    axes.grid(alpha=0.3)
    return png(figure)


def calibration(figures: Mapping[str, Any], notice: str | None = None) -> bytes:
    """How often the predicted class is right against its probability; the size of a point is its share of the images.

    Args:
        figures: of `paddle_eye.metrics.classification.calibration`.
        notice: printed into the picture.
    """
    figure, axes = _figure(5, 4.4, notice)
    axes.plot([0, 1], [0, 1], color=_TRAINING, linewidth=1, linestyle="--", label="perfectly calibrated")
    columns = {name: [part[name] for part in figures["bins"]] for name in ("confidence", "accuracy", "images")}
    axes.plot(columns["confidence"], columns["accuracy"], color=_EVALUATION, linewidth=1)
    sizes = 20 + 400 * np.array(columns["images"]) / sum(columns["images"])
    axes.scatter(columns["confidence"], columns["accuracy"], s=sizes, color=_EVALUATION, alpha=0.6)
    axes.set_xlim(0, 1.05)
    axes.set_ylim(0, 1.05)
    axes.set_title(f"expected calibration error {figures['ece']:.4f}")
    axes.set_xlabel("probability of the predicted class")
    axes.set_ylabel("share that is right")
    axes.legend(loc="upper left")
    axes.grid(alpha=0.3)
    return png(figure)


def comparison(
    names: Sequence[str],
    main: str,
    mains: Sequence[float],
    intervals: Sequence[Sequence[float] | None],
    other: str,
    others: Sequence[float],
    evaluated: str,
) -> bytes:
    """One figure of several runs with its 95 % interval, and another one beside it.

    Args:
        names: of the runs.
        main: the name of the first figure.
        mains: of each run.
        intervals: of each run, lower and upper bound; None where there is none.
        other: the name of the second figure.
        others: of each run.
        evaluated: what was evaluated, for the title.
    """
    figure, (left, right) = _figure(10, 1.6 + 0.5 * len(names), None, columns=2)
    rows = range(len(names))
    low, high = np.array([interval or (value, value) for value, interval in zip(mains, intervals)]).T
    left.errorbar(mains, rows, xerr=[mains - low, high - mains], fmt="o", color=_EVALUATION, capsize=4)
    left.set_xlabel(f"{main}, 95 % interval")
    left.xaxis.set_major_locator(MaxNLocator(5))
    right.barh(rows, others, color=_MARK, height=0.5)
    right.set_xlabel(other)
    left.set_yticks(rows, [literal(name) for name in names])
    right.set_yticks(rows, [""] * len(names))
    for axes in (left, right):
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(alpha=0.3, axis="x")
    left.set_title(evaluated, fontsize=10)
    return png(figure)


def _figure(width: float, height: float, notice: str | None, columns: int = 1) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    if notice:
        figure.suptitle(notice, fontsize=9, color=_EVALUATION)
    return figure, figure.subplots(1, columns)


def png(figure: Figure, dpi: int = 110) -> bytes:
    """A figure as a PNG file, with fonts that have the names of classes."""
    texts = figure.findobj(Text)
    letters = "".join(text.get_text() for text in texts)
    for text in texts:
        text.set_fontfamily(families(letters))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()
