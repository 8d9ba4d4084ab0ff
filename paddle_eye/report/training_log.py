"""The history of a run as JSON, in the structure of the ShuffleNetV2 document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paddle_eye.metrics.classification import class_figures
from paddle_eye.metrics.undefined import defined_mean

_NAMES = {"precision": "Precision", "recall": "Recall", "specificity": "Specificity", "f1": "F1 score"}


def training_log(
    settings: Mapping[str, Any],
    counts: Mapping[str, int],
    size: Mapping[str, int],
    history: Sequence[Mapping[str, Any]],
    classes: Sequence[str],
) -> dict[str, Any]:
    """What was trained how, then accuracy and figures of each class for every epoch and both parts of the data.

    Args:
        settings: under their dotted keys.
        counts: ``training`` and ``validation``, numbers of images.
        size: ``parameters``, ``trainable_parameters`` and ``multiply_adds`` of the network.
        history: one row per evaluation, row 0 from before training, with ``confusion_matrix`` and, of the training
            images as they were when their batch came up, ``train_confusion_matrix``; runs begun with an earlier version
            lack them.
        classes: their names.

    Returns:
        Shares in [0, 1]; None where a figure is not defined.
    """
    log = {
        "train parameters": dict(settings),
        "dataset": {
            "trainset number": counts["training"],
            "valset number": counts["validation"],
            "number classes": len(classes),
        },
        "model": {
            "total parameters": size["parameters"],
            "train parameters": size["trainable_parameters"],
            "flops": size["multiply_adds"],
            "flops counted": "multiplications with their additions in convolutions and linear layers, one picture",
        },
    }
    for row in history:
        log[f"epoch:{row['epoch']}"] = {
            "train info": _information(row.get("train_confusion_matrix"), classes),
            "valid info": _information(row.get("confusion_matrix"), classes),
        }
    return log


def scalars(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a history without their confusion matrices, for tables: all with the columns of the last one."""
    names = [name for name in history[-1] if not name.endswith("confusion_matrix")]
    return [{name: row.get(name) for name in names} for row in history]


def _information(confusion_matrix: Sequence[Sequence[int]] | None, classes: Sequence[str]) -> dict[str, Any] | None:
    if confusion_matrix is None:
        return None
    matrix = np.array(confusion_matrix)
    figures = class_figures(matrix)
    return {
        "accuracy": float(matrix.trace() / matrix.sum()),
        **{name: {title: row[key] for key, title in _NAMES.items()} for name, row in zip(classes, figures)},
        **{f"mean {title.lower()}": defined_mean(figures, key) for key, title in _NAMES.items()},
    }
