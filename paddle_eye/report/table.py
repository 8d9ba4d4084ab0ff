"""Data sets and evaluated networks as lines for the terminal."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from paddle_eye.data.audit import Finding
from paddle_eye.data.records import RecordSet

_SHOWN = 20
_HEADER = (
    *("model", "data", "images", "trained on", "epoch", "accuracy [95 %]", "AUC [95 %]"),
    *("sensitivity", "specificity", "f1", "kappa", "ece", "loss", "weights"),
)


def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line per network, columns aligned.

    ``trained on`` counts the images that the network was trained on. Sensitivity, specificity and F1 are those of class
    1 of two, or the means over more classes.

    Args:
        rows: of `paddle_eye.experiment.evaluate_weights`.
    """
    return aligned([_HEADER, *(_cells(row) for row in rows)])


def evaluation_line(row: Mapping[str, Any]) -> str:
    """What the documents print for a network: for more than two classes, also the figures of each."""
    line = f"[validation]:===model:{row['model']}===accuracy:{row['accuracy']:.5f}/loss:{row['loss']:.5f}"
    if len(row["per_class"]) == 2:
        return line
    return f"{line}\nclasses: {', '.join(row['classes'])}; after them the mean\n{six_class_lines(row)}"


def six_class_lines(figures: Mapping[str, Any]) -> str:
    """Accuracy, and precision and recall of each class with their mean, as the six-class document prints them.

    Args:
        figures: of `paddle_eye.metrics.classification_figures`.
    """
    lines = [f"acc-> {figures['accuracy']:.4f}"]
    for name in ("precision", "recall"):
        of_classes = [None if row[name] is None else round(row[name], 4) for row in figures["per_class"]]
        lines.append(f"{name}--> ({of_classes}, {figures['macro'][name]})")
    return "\n".join(lines)


def split_table(training: RecordSet, test: RecordSet) -> str:
    """Photographs and patients of each class on both sides of a split."""
    columns = [part.counts() for part in (training, test)] + [part.patients() for part in (training, test)]
    rows = [(name, *(str(column[name]) for column in columns)) for name in training.classes]
    total = ("all", *(str(sum(column.values())) for column in columns[:2]), "", "")
    return aligned([("class", "training", "test", "training patients", "test patients"), *rows, total])


def audit_report(findings: Sequence[Finding]) -> str:
    """Findings by kind, those that falsify a result first."""
    if not findings:
        return "no fault found"
    kinds = {finding.kind: [other for other in findings if other.kind == finding.kind] for finding in findings}
    lines = []
    for kind, found in kinds.items():
        lines.append(f"{'FAULT' if found[0].falsifies else 'note'}  {kind}: {len(found)}")
        lines += [f"  - {finding.told}" for finding in found[:_SHOWN]]
        if len(found) > _SHOWN:
            lines.append(f"  … and {len(found) - _SHOWN} more")
    return "\n".join(lines)


def aligned(cells: Sequence[Sequence[str]]) -> str:
    """Lines of cells, the first one the header, as columns."""
    widths = [max(map(len, column)) for column in zip(*cells)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    of_classes = row["per_class"][1] if len(row["per_class"]) == 2 else row["macro"]
    shares = [of_classes[name] for name in ("recall", "specificity", "f1")]
    shares += [row["kappa"], row["calibration"]["ece"], row["loss"]]
    return (
        row["model"],
        row["data"],
        str(row["images"]),
        "?" if row["trained_on"] is None else str(row["trained_on"]),
        "?" if row["epoch"] is None else str(row["epoch"]),
        share(row["accuracy"], row["accuracy_interval"]),
        share(row["auc"], row["auc_interval"]),
        *(share(value) for value in shares),
        row["weights"],
    )


def share(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A figure, with its interval if it has one; ``-`` if it is not defined."""
    if value is None:
        return "-"
    return f"{value:.4f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")
