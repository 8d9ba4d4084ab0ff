"""Results as one self-contained HTML page."""

from __future__ import annotations

import base64
from typing import Any, Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(results: Mapping[str, Any], history: Sequence[Mapping[str, Any]], pictures: Mapping[str, bytes]) -> str:
    """The report of a run.

    Args:
        results: what ``metrics.json`` holds.
        history: one row per evaluation.
        pictures: PNG files by name: ``curves``, ``confusion_matrix``, ``roc``, ``calibration``; they are put into the
            page.
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
    template = environment.get_template("page.html")
    return template.render(results=results, history=history, pictures=encoded, figures=_rows(results))


def _rows(results: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
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


def _figure(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A figure with four decimals and its 95 % interval, or a dash where it is not defined."""
    if value is None:
        return "–"
    return f"{value:.4f}" + (f" [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "")
