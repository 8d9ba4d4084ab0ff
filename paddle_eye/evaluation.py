"""Figures of a trained network on the validation part of a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

import paddle

from paddle_eye.data import locate, sources
from paddle_eye.data.identity import picture_digests, seen_pictures
from paddle_eye.data.loading import PictureDataset, evaluation_loader
from paddle_eye.data.mask_loading import MaskDataset
from paddle_eye.data.masks import block_split, read_pairs
from paddle_eye.engine.loop import evaluate
from paddle_eye.engine.task import Classification, Segmentation, Task
from paddle_eye.errors import InputError
from paddle_eye.inference.opened import FOREGROUND_CLASSES, Opened, class_names, open_weights
from paddle_eye.models.registry import family


class Measured(NamedTuple):
    """What a network is measured on, and how.

    Args:
        task: the loss and the figures.
        classes: their names.
        images: the picture files.
        dataset: they and their labels.
        batch_size: pictures that the network looks at together.
    """

    task: Task
    classes: List[str]
    images: List[Path]
    dataset: paddle.io.Dataset
    batch_size: int


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
        ``weights`` (the path), ``task``, ``model`` (such as ``ResNet50-D``), ``data`` (its name), ``demonstration``,
        ``epoch`` (None if the file does not say), ``trained_on`` (how many of the pictures the network was trained on,
        None if the file does not say), ``classes`` (their names) and the figures of
        `paddle_eye.metrics.classification_figures` or, of masks, `paddle_eye.metrics.mask_figures`.

    Raises:
        InputError: the weights or the data cannot be used.
    """
    opened = open_weights(path, layers, version)
    trained_on = opened.description.get("data", {}).get("path")
    if data is None and trained_on is not None and not Path(trained_on).is_dir():
        raise InputError(f"{path}: it was trained on {trained_on}, which is not here; say with --data what to use")
    location = locate.find(data or trained_on)
    architecture = opened.description["architecture"]
    kind = family(architecture)
    measured = _MEASURED[kind.task](path, opened, location.path)
    loader = evaluation_loader(measured.dataset, measured.batch_size)
    return {
        "weights": str(path),
        "task": kind.task,
        "model": kind.title(architecture),
        "data": location.name,
        "demonstration": location.demonstration,
        "epoch": opened.description.get("epoch"),
        "trained_on": _count_seen(opened, measured.images),
        "classes": measured.classes,
        **measured.task.figures(evaluate(opened.model, loader, measured.task, len(measured.dataset))),
    }


def _pictures(path: Path, opened: Opened, root: Path) -> Measured:
    """The validation part of a data set for classifiers."""
    validation = sources.read(root).validation
    architecture = opened.description["architecture"]
    count = architecture[family(architecture).classes]
    known, found = opened.description.get("classes", list(validation.classes)), list(validation.classes)
    if known != found or count != len(found):
        raise InputError(f"{path}: the network knows {count} classes, {known}, {root} has {len(found)}, {found}")
    images = [record.image for record in validation.records]
    return Measured(Classification(), found, images, PictureDataset(validation, opened.preprocessing), 50)


def _pairs(path: Path, opened: Opened, root: Path) -> Measured:
    """The block that a network of pixels was not trained on; of other data than it was trained with, all pairs."""
    pairs, told = read_pairs(root), opened.description.get("data", {})
    folds, fold = told.get("folds"), told.get("fold")
    if isinstance(folds, int) and isinstance(fold, int) and Path(told.get("path", "")).resolve() == root.resolve():
        _, pairs = block_split(pairs, folds, fold)
    dataset = MaskDataset(pairs, opened.preprocessing)
    classes = class_names(path, opened.description, FOREGROUND_CLASSES)
    return Measured(Segmentation(), classes, [record.image for record in pairs], dataset, 1)


_MEASURED = {"classification": _pictures, "segmentation": _pairs}


def _count_seen(opened: Opened, images: List[Path]) -> Optional[int]:
    seen = seen_pictures(opened.description)
    return None if seen is None else sum(digest in seen for digest in picture_digests(images))
