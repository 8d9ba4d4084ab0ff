"""Results as one self-contained HTML page."""

from __future__ import annotations

import base64
from typing import Any, Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

_FIGURES = (
    ("accuracy", "Accuracy"),
    ("auc", "AUC"),
    ("sensitivity", "Sensitivity (recall of class 1)"),
    ("specificity", "Specificity"),
    ("precision", "Precision"),
    ("f1", "F1"),
    ("kappa", "Cohen's kappa"),
    ("loss", "Loss (cross-entropy)"),
)


def render(results: Mapping[str, Any], history: Sequence[Mapping[str, Any]], pictures: Mapping[str, bytes]) -> str:
    """The report of a run.

    Args:
        results: what ``metrics.json`` holds.
        history: one row per evaluation.
        pictures: PNG files by name: ``curves``, ``confusion_matrix``, ``roc``; they are put into the page.
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
    return template.render(results=results, history=history, pictures=encoded, figures=_FIGURES)


def _figure(value: float | None, interval: Sequence[float] | None = None) -> str:
    """A figure with four decimals and its 95 % interval, or a dash where it is not defined."""
    if value is None:
        return "–"
    return f"{value:.4f}" + (f" [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "")
