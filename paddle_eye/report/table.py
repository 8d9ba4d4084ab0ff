"""Data sets and evaluated networks as lines for the terminal."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from paddle_eye.data.audit import Finding
from paddle_eye.data.records import RecordSet

_SHOWN = 20
_ORIGIN = ("model", "data", "images", "trained on", "epoch")
_MASK_HEADER = (
    *(*_ORIGIN, "foreground", "Dice [95 %]", "all foreground", "Dice of background"),
    *("IoU", "pixel accuracy", "sensitivity", "specificity", "Tversky loss", "weights"),
)
_HEADER = (
    *(*_ORIGIN, "accuracy [95 %]", "AUC [95 %]"),
    *("sensitivity", "specificity", "f1", "kappa", "ece", "loss", "weights"),
)


def result_lines(results: Mapping[str, Any]) -> list[str]:
    """The main figures of a finished run, of its best and its last epoch.

    Args:
        results: what its ``metrics.json`` holds.
    """
    lines = []
    for which in ("best", "last"):
        figures = results[which]
        of_classes = results["task"] == "classification"
        main = f"accuracy {figures['accuracy']:.5f}" if of_classes else dice_told(results, figures)
        chosen = f", chosen on the {results['data']['best_epoch_chosen_on']}" if which == "best" else ""
        epoch = f"{which} epoch {figures['epoch']} on the validation images"
        lines.append(f"{epoch}: {main}, loss {figures['loss']:.5f}{chosen}")
    return lines


def cross_validation_lines(results: Mapping[str, Any]) -> list[str]:
    """The Dice of a cross-validation's best and last epochs.

    Args:
        results: of `paddle_eye.report.finished.cross_validation`.
    """
    return [
        f"{len(results['runs'])} folds, {results[which]['images']} images, {told}: {dice_told(results, results[which])}"
        for which, told in (("best", "best epochs, each chosen on its own fold"), ("last", "last epochs"))
    ]


def dice_told(results: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """The Dice of the foreground, which is named, and the two figures to read it by.

    Args:
        results: with ``classes``.
        figures: of `paddle_eye.metrics.mask_figures` or `mask_summary`.
    """
    background, foreground = results["classes"]
    means = figures["mean"]
    return (
        f"Dice of {foreground} {share(means['dice'], figures['interval']['dice'])} (all {foreground}: "
        f"{share(means['constant_dice'])}), Dice of {background} {share(means['background_dice'])}"
    )


def evaluation_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of the classifiers and one of the networks of pixels, warnings, and `evaluation_line` of each.

    Args:
        rows: of `paddle_eye.evaluation.evaluate_weights`.
    """
    lines = []
    for task, table in (("classification", evaluation_table), ("segmentation", mask_table)):
        of_task = [row for row in rows if row["task"] == task]
        if of_task:
            lines.append(table(of_task))
    for row in rows:
        if row["trained_on"]:
            lines.append(
                f"WARNING: {row['weights']} was trained on {row['trained_on']} of these {row['images']} images"
            )
    if any(len(row.get("per_class", ())) > 2 for row in rows):
        lines.append("of more than two classes: AUC, sensitivity, specificity and F1 are means over the classes")
    return [*lines, *map(evaluation_line, rows)]


def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line per network, columns aligned.

    ``trained on`` counts the images that the network was trained on. Sensitivity, specificity and F1 are those of class
    1 of two, or the means over more classes.

    Args:
        rows: of `paddle_eye.evaluation.evaluate_weights`.
    """
    return aligned([_HEADER, *(_cells(row) for row in rows)])


def mask_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line per network of pixels, columns aligned; the figures are means over the images.

    ``all foreground`` is the Dice of a mask that has nothing else, to read the others by.

    Args:
        rows: of `paddle_eye.evaluation.evaluate_weights`.
    """
    return aligned([_MASK_HEADER, *(_mask_cells(row) for row in rows)])


def evaluation_line(row: Mapping[str, Any]) -> str:
    """What the documents print for a network: of more than two classes, the figures of each too; of masks, the Dice."""
    if row["task"] == "segmentation":
        return f"[validation]:===model:{row['model']}==={dice_told(row, row)}"
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


def _origin(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What was measured on what."""
    unknown = ["?" if row[name] is None else str(row[name]) for name in ("trained_on", "epoch")]
    return (row["model"], row["data"], str(row["images"]), *unknown)


def _mask_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    means = row["mean"]
    names = ("constant_dice", "background_dice", "iou", "accuracy", "sensitivity", "specificity")
    dice = share(means["dice"], row["interval"]["dice"])
    return (
        *_origin(row),
        row["classes"][1],
        dice,
        *(share(means[name]) for name in names),
        share(row["loss"]),
        row["weights"],
    )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    of_classes = row["per_class"][1] if len(row["per_class"]) == 2 else row["macro"]
    shares = [of_classes[name] for name in ("recall", "specificity", "f1")]
    shares += [row["kappa"], row["calibration"]["ece"], row["loss"]]
    return (
        *_origin(row),
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
