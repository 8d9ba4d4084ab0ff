"""Everything that a finished run leaves to be read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Sequence

import numpy as np
import pandas as pd

from paddle_eye.files import RunFolder, write_bytes, write_json, write_text
from paddle_eye.metrics import mask_summary
from paddle_eye.report import masks, page, plots
from paddle_eye.report.training_log import scalars


def write_report(
    run: RunFolder,
    results: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    pictures: Mapping[Path, bytes],
) -> None:
    """Write figures, pictures and the page that holds both.

    Args:
        run: where to.
        results: what ``metrics.json`` is to hold.
        history: one row per evaluation.
        pictures: PNG files by where they belong, of `classification_pictures` or `mask_pictures`.
    """
    write_json(run.metrics, results)
    for path, picture in pictures.items():
        write_bytes(path, picture)
    named = {path.stem: picture for path, picture in pictures.items()}
    write_text(run.report, page.render(results, scalars(history), named))


def classification_pictures(
    run: RunFolder,
    results: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    targets: np.ndarray,
    outputs: np.ndarray,
) -> Dict[Path, bytes]:
    """What a run of a classifier shows.

    Args:
        run: where the pictures belong.
        results: see `write_report`.
        history: one row per evaluation.
        targets: [N], the labels of the validation images.
        outputs: [N, C], their probabilities in the best epoch.
    """
    classes, figures, notice = results["classes"], results["best"], _notice(results)
    return {
        run.curves: plots.curves(history, "accuracy", results["data"]["best_epoch_chosen_on"], notice),
        run.confusion_matrix: plots.confusion_matrix(figures["confusion_matrix"], classes, notice, "validation images"),
        **_training_pictures(run, history[-1], classes, notice),
        run.roc: plots.roc(targets, outputs, classes, notice),
        run.calibration: plots.calibration(figures["calibration"], notice),
    }


def mask_pictures(
    run: RunFolder,
    results: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    pictures: Sequence[np.ndarray],
    truths: Sequence[np.ndarray],
    predicted: Sequence[np.ndarray],
) -> Dict[Path, bytes]:
    """What a run on masks shows.

    Args:
        run: where the pictures belong.
        results: see `write_report`.
        history: one row per evaluation.
        pictures: of the validation part, uint8 [H, W, C] in grey or BGR.
        truths: their masks, uint8 [H, W] of 0 and 1.
        predicted: the masks of the best epoch, likewise.
    """
    dices = [figures["dice"] for figures in results["best"]["per_image"]]
    return {
        run.curves: plots.curves(history, "dice", results["data"]["best_epoch_chosen_on"], _notice(results)),
        run.masks: masks.panels(results["validation_images"], dices, pictures, truths, predicted, results["classes"]),
    }


def _notice(results: Mapping[str, Any]) -> Optional[str]:
    return "demonstration set, not medical data" if results["data"]["demonstration"] else None


def _training_pictures(
    run: RunFolder, row: Mapping[str, Any], classes: Sequence[str], notice: Optional[str]
) -> Dict[Path, bytes]:
    """The confusion matrix of the training images in an epoch; none before training."""
    matrix = row.get("train_confusion_matrix")
    if matrix is None:
        return {}
    title = f"training images during epoch {row['epoch']}"
    return {run.training_confusion_matrix: plots.confusion_matrix(matrix, classes, notice, title)}


def write_predictions(
    path: Path, images: Sequence[str], targets: np.ndarray, outputs: np.ndarray, classes: Sequence[str]
) -> None:
    """Write a CSV file with one row per image: its file, label, predicted class, and the probability of each class."""
    frame = pd.DataFrame(outputs, columns=[f"p_{name}" for name in classes])
    frame.insert(0, "predicted", outputs.argmax(axis=1))
    frame.insert(0, "label", targets)
    frame.insert(0, "image", images)
    write_text(path, frame.to_csv(index=False))


def write_mask_figures(path: Path, images: Sequence[str], figures: Mapping[str, Any]) -> None:
    """Write a CSV file with one row per image: its file and its figures, see `paddle_eye.metrics.mask_figures`."""
    frame = pd.DataFrame(figures["per_image"])
    frame.insert(0, "image", images)
    write_text(path, frame.to_csv(index=False))


def cross_validation(runs: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """The figures of masks over the images of all folds, each of which was measured on once.

    Args:
        runs: what the ``metrics.json`` of each fold's run holds.

    Returns:
        ``runs``, their names, ``classes``, and of the ``best`` and the ``last`` epochs ``images``, their number, and
        `paddle_eye.metrics.mask_summary`.
    """
    results: Dict[str, Any] = {"runs": [each["run"] for each in runs], "classes": runs[0]["classes"]}
    for which in ("best", "last"):
        per_image = [figures for each in runs for figures in each[which]["per_image"]]
        results[which] = {"images": len(per_image), **mask_summary(per_image)}
    return results


def seen_from(folder: Path, file: Path) -> str:
    """A file's path from a folder, the same on whatever links they were reached."""
    inner = os.path.relpath(os.path.realpath(file.parent), os.path.realpath(folder))
    return (Path(inner) / file.name).as_posix()
