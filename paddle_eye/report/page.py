"""Results as one self-contained HTML page."""

from __future__ import annotations

import base64
from typing import Any, Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from paddle_eye.report import masks


def render(results: Mapping[str, Any], history: Sequence[Mapping[str, Any]], pictures: Mapping[str, bytes]) -> str:
    """The report of a run.

    Args:
        results: what ``metrics.json`` holds.
        history: one row per evaluation.
        pictures: PNG files by name, which are put into the page: ``curves``; of a classifier ``confusion_matrix``,
            ``roc`` and ``calibration``; of masks ``masks``.
    """
    environment = Environment(
        loader=PackageLoader("paddle_eye.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = _figure
    encoded = {name: base64.b64encode(data).decode("ascii") for name, data in pictures.items()}
    shown = _OF_TASK[results["task"]](results)
    template = environment.get_template(f"{results['task']}.html")
    return template.render(results=results, history=history, pictures=encoded, **shown)


def _classification(results: Mapping[str, Any]) -> dict[str, Any]:
    return {"criterion": "accuracy", "figures": _classification_rows(results)}


def _segmentation(results: Mapping[str, Any]) -> dict[str, Any]:
    worst = masks.worst([figures["dice"] for figures in results["best"]["per_image"]])
    return {"criterion": "Dice", "figures": _segmentation_rows(results), "worst": worst}


_OF_TASK = {"classification": _classification, "segmentation": _segmentation}


def _classification_rows(results: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Title and cells of each figure, for the best and the last epoch."""
    evaluations = (results["best"], results["last"])
    table = [
        (title, [_figure(each[key], each[f"{key}_interval"]) for each in evaluations])
        for key, title in (("accuracy", "Accuracy"), ("auc", "AUC"))
    ]
    if len(results["classes"]) == 2:
        names = {"sensitivity": "Sensitivity (recall of class 1)", "specificity": "Specificity"}
        names.update({"precision": "Precision", "f1": "F1"})
        table += [(title, [_figure(each[key]) for each in evaluations]) for key, title in names.items()]
    else:
        names = {"precision": "Precision", "recall": "Recall", "specificity": "Specificity", "f1": "F1"}
        table += [
            (f"{title}, {mean} mean", [_figure(each[mean][key]) for each in evaluations])
            for mean in ("macro", "weighted")
            for key, title in names.items()
        ]
    table.append(("Cohen's kappa", [_figure(each["kappa"]) for each in evaluations]))
    table.append(("Expected calibration error", [_figure(each["calibration"]["ece"]) for each in evaluations]))
    table.append(("Loss (cross-entropy)", [_figure(each["loss"]) for each in evaluations]))
    return table


def _segmentation_rows(results: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    evaluations = (results["best"], results["last"])
    background, foreground = results["classes"]
    names = {
        "dice": f"Dice of {foreground}",
        "iou": f"IoU of {foreground}",
        "accuracy": "Pixel accuracy",
        "sensitivity": f"Sensitivity (share of {foreground} that is found)",
        "specificity": f"Specificity (share of {background} that is left out)",
        "background_dice": f"Dice of {background}",
        "constant_dice": f"Dice of a mask that is {foreground} everywhere",
    }
    table = [(title, [_mean_and_overall(each, key) for each in evaluations]) for key, title in names.items()]
    loss = f"Loss ({results['settings']['train.loss']})"
    table.append((loss, [_figure(each["loss"]) for each in evaluations]))
    return table


def _mean_and_overall(figures: Mapping[str, Any], key: str) -> str:
    return f"{_figure(figures['mean'][key], figures['interval'][key])} · {_figure(figures['overall'][key])}"


def _figure(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A figure with four decimals and its 95 % interval, or a dash where it is not defined."""
    if value is None:
        return "–"
    return f"{value:.4f}" + (f" [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "")
