"""Results as pictures: each function returns the bytes of a PNG file."""

from __future__ import annotations

import io
from typing import Any, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import roc_auc_score, roc_curve

_TRAINING, _EVALUATION, _MARK = "#7f7f7f", "#c0392b", "#1f4e79"


def curves(history: Sequence[dict[str, Any]], evaluated_on: str, notice: str | None = None) -> bytes:
    """Loss (logarithmic) and accuracy over the epochs, the best epoch marked.

    Args:
        history: the rows of a run, row 0 from before training.
        evaluated_on: what the accuracy was measured on, for the legend.
        notice: printed into the picture, so that it cannot be taken for something else.
    """
    figure, (left, right) = _figure(10, 4, notice, columns=2)
    trained = history[1:]
    epochs, trained_epochs = [row["epoch"] for row in history], [row["epoch"] for row in trained]
    for axes, name in ((left, "loss"), (right, "accuracy")):
        axes.plot(
            trained_epochs, [row[f"train_{name}"] for row in trained], color=_TRAINING, marker=".", label="training"
        )
        axes.plot(epochs, [row[name] for row in history], color=_EVALUATION, marker=".", label=evaluated_on)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    left.set_yscale("log")
    best = max(history, key=lambda row: row["accuracy"])
    right.axvline(best["epoch"], color=_MARK, linewidth=1, linestyle="--", label=f"best epoch ({best['epoch']})")
    left.legend(loc="upper right")
    right.legend(loc="lower right")
    return _png(figure)


def confusion_matrix(matrix: Sequence[Sequence[int]], classes: Sequence[str], notice: str | None = None) -> bytes:
    """Counts per true class (rows) and predicted class (columns), shaded by the share of the row."""
    figure, axes = _figure(5, 4.4, notice)
    counts = np.array(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        colour = "white" if share > 0.5 else "black"
        axes.text(column, row, f"{count}\n{share:.1%}", ha="center", va="center", color=colour, fontsize=13)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes, rotation=90, va="center")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return _png(figure)


def roc(labels: np.ndarray, scores: np.ndarray, notice: str | None = None) -> bytes:
    """The receiver operating characteristic of a two-class network.

    Args:
        labels: [N], 0 or 1.
        scores: [N], the probability of class 1.
        notice: printed into the picture.
    """
    figure, axes = _figure(5, 4.4, notice)
    axes.plot([0, 1], [0, 1], color=_TRAINING, linewidth=1, linestyle="--")
    if len(np.unique(labels)) == 2:
        false_positive_rate, sensitivity, _ = roc_curve(labels, scores)
        axes.plot(false_positive_rate, sensitivity, color=_EVALUATION)
        axes.plot(
            np.mean(scores[labels == 0] > 0.5),
            np.mean(scores[labels == 1] > 0.5),
            marker="o",
            linestyle="",
            color=_MARK,
            label="at probability 0.5",
        )
        axes.set_title(f"AUC {roc_auc_score(labels, scores):.4f}")
        axes.legend(loc="lower right")
    else:
        axes.set_title("not defined: only one class was evaluated")
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel("sensitivity")
    axes.grid(alpha=0.3)
    return _png(figure)


def _figure(width: float, height: float, notice: str | None, columns: int = 1) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    if notice:
        figure.suptitle(notice, fontsize=9, color=_EVALUATION)
    return figure, figure.subplots(1, columns)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
