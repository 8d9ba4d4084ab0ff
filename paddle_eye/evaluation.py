"""Figures of a trained network on the validation part of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from paddle_eye.data import locate, sources
from paddle_eye.data.identity import picture_digests, seen_pictures
from paddle_eye.data.loading import PictureDataset, evaluation_loader
from paddle_eye.data.records import RecordSet
from paddle_eye.engine.loop import evaluate
from paddle_eye.engine.task import Classification
from paddle_eye.errors import InputError
from paddle_eye.inference.opened import open_weights
from paddle_eye.models.registry import family


def evaluate_weights(
    path: Path, data: Optional[str] = None, layers: Optional[int] = None, version: Optional[str] = None
) -> Dict[str, Any]:
    """All figures of a weight file on the validation part of a data set.

    Args:
        path: the weight file.
        data: the data set; None takes the one the network was trained on, or, where the file does not say, what
            `locate.find` finds.
        layers: see `open_weights`.
        version: see `open_weights`.

    Returns:
        ``weights`` (the path), ``model`` (such as ``ResNet50-D``), ``data`` (its name), ``demonstration``, ``epoch``
        (None if the file does not say), ``trained_on`` (how many of the photographs the network was trained on, None if
        the file does not say), ``classes`` (their names) and the figures of
        `paddle_eye.metrics.classification_figures`.

    Raises:
        InputError: the weights or the data cannot be used.
    """
    opened = open_weights(path, layers, version)
    trained_on = opened.description.get("data", {}).get("path")
    if data is None and trained_on is not None and not Path(trained_on).is_dir():
        raise InputError(f"{path}: it was trained on {trained_on}, which is not here; say with --data what to use")
    location = locate.find(data or trained_on)
    validation = sources.read(location.path).validation
    architecture = opened.description["architecture"]
    known, found = opened.description.get("classes", list(validation.classes)), list(validation.classes)
    if known != found or architecture[family(architecture).classes] != len(found):
        raise InputError(
            f"{path}: the network knows {architecture[family(architecture).classes]} classes, {known}, "
            f"{location.path} has {len(found)}, {found}"
        )
    dataset = PictureDataset(validation, opened.preprocessing)
    task = Classification()
    return {
        "weights": str(path),
        "model": family(architecture).title(architecture),
        "data": location.name,
        "demonstration": location.demonstration,
        "epoch": opened.description.get("epoch"),
        "trained_on": _count_seen(opened.description, validation),
        "classes": found,
        **task.figures(evaluate(opened.model, evaluation_loader(dataset), task, len(dataset))),
    }


def _count_seen(description: Mapping[str, Any], record_set: RecordSet) -> Optional[int]:
    seen = seen_pictures(description)
    return None if seen is None else sum(digest in seen for digest in picture_digests(record_set))
