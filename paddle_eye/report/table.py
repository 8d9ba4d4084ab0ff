"""Evaluated networks as lines for the terminal."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

_FIGURES = ("sensitivity", "specificity", "f1", "kappa", "loss")
_HEADER = ("model", "data", "images", "epoch", "accuracy [95 %]", "AUC [95 %]", *_FIGURES, "weights")


def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line per network, columns aligned.

    Args:
        rows: of `paddle_eye.experiment.evaluate_weights`.
    """
    cells = [_HEADER, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)


def evaluation_line(row: Mapping[str, Any]) -> str:
    """The line the document prints for a network."""
    return f"[validation]:===model:{row['model']}===accuracy:{row['accuracy']:.5f}/loss:{row['loss']:.5f}"


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["model"],
        row["data"],
        str(row["images"]),
        "?" if row["epoch"] is None else str(row["epoch"]),
        _share(row["accuracy"], row["accuracy_interval"]),
        _share(row["auc"], row["auc_interval"]),
        *(_share(row[name]) for name in _FIGURES),
        row["weights"],
    )


def _share(value: float | None, interval: Sequence[float] | None = None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")
