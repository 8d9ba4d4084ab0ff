"""Predictions for files and folders of pictures, as a table and as drawn pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Union

import numpy as np
import pandas as pd

from paddle_eye.data.images import pictures_in, read_picture
from paddle_eye.errors import InputError
from paddle_eye.files import write_bytes
from paddle_eye.inference.cam import grad_cam
from paddle_eye.inference.predictor import Prediction, Predictor, predict
from paddle_eye.inference.segmenter import Segmenter, segment
from paddle_eye.report import masks, predictions


class Predicted(NamedTuple):
    """What came of a list of files.

    Args:
        table: see `paddle_eye.report.predictions.frame`, or of masks `paddle_eye.report.predictions.mask_frame`.
        lines: the table for the terminal.
        faults: of the files that could not be read.
    """

    table: pd.DataFrame
    lines: str
    faults: List[str]


def find_pictures(paths: Sequence[Path]) -> List[Path]:
    """The files that were named, and the picture files in the folders that were named, also in folders inside.

    Raises:
        InputError: a path that is not there, or a folder without pictures; all of them in one message.
    """
    found, faults = [], []
    for path in paths:
        inside = pictures_in(path) if path.is_dir() else [path]
        if not path.exists():
            faults.append(f"{path}: no such file or folder")
        elif not inside:
            faults.append(f"{path}: no picture files in this folder")
        found += inside
    if faults:
        raise InputError("\n".join(faults))
    return found


def predict_files(
    predictor: Union[Predictor, Segmenter],
    files: Sequence[Path],
    batch_size: int = 32,
    draw: Optional[Path] = None,
    cam: bool = False,
    mask_out: Optional[Path] = None,
) -> Predicted:
    """Predict picture files.

    Args:
        predictor: the network.
        files: the pictures.
        batch_size: how many a classifier looks at together.
        draw: a folder for every picture with its result on it; None draws nothing.
        cam: draw Grad-CAM beside it, over the picture as a classifier saw it.
        mask_out: a folder for the masks, 255 in the foreground and 0 elsewhere, of the pictures' sizes.

    Raises:
        InputError: Grad-CAM of a network that has none, masks of a classifier, or not one file can be read.
    """
    if isinstance(predictor, Segmenter):
        if cam:
            raise InputError(f"{predictor.source}: {predictor.title} draws masks and has no --cam; leave it out")
        return _segment_files(predictor, files, draw, mask_out)
    if mask_out is not None:
        raise InputError(f"{predictor.source}: {predictor.title} draws no masks; leave --mask-out out")
    if cam and predictor.model is None:
        raise InputError(f"{predictor.source}: an exported network has no gradients for --cam; give the weight file")
    names = _names(files, "predicted")
    done, faults = [], []
    for name, prediction in zip(names, predict(predictor, files, batch_size)):
        if prediction.fault is not None:
            faults.append(prediction.fault)
            continue
        done.append(prediction)
        if draw is not None:
            write_bytes(draw / name, _drawn(predictor, prediction, cam))
    if not done:
        raise InputError("\n".join(faults))
    probabilities = np.stack([prediction.probabilities for prediction in done])
    table = predictions.frame([str(prediction.image) for prediction in done], probabilities, predictor.classes)
    return Predicted(table, predictions.lines(table), faults)


def _segment_files(
    segmenter: Segmenter, files: Sequence[Path], draw: Optional[Path], mask_out: Optional[Path]
) -> Predicted:
    images, shares, faults = [], [], []
    for name, drawn_name, (image, picture, mask, fault) in zip(
        _names(files, "mask"), _names(files, "predicted"), segment(segmenter, files)
    ):
        if fault is not None:
            faults.append(fault)
            continue
        images.append(str(image))
        shares.append(float(mask.mean()))
        if mask_out is not None:
            write_bytes(mask_out / name, masks.as_png(255 * mask))
        if draw is not None:
            write_bytes(draw / drawn_name, masks.as_png(masks.over(picture, mask)))
    if not images:
        raise InputError("\n".join(faults))
    table = predictions.mask_frame(images, shares, segmenter.classes[1])
    return Predicted(table, predictions.mask_lines(table), faults)


def _drawn(predictor: Predictor, prediction: Prediction, cam: bool) -> bytes:
    picture = read_picture(prediction.image)
    label = int(prediction.probabilities.argmax())
    text = f"{predictor.classes[label]} {prediction.probabilities[label]:.3f}"
    return predictions.drawn(picture, text, heat_picture(predictor, picture, label) if cam else None)


def heat_picture(predictor: Predictor, picture: np.ndarray, label: int) -> np.ndarray:
    """The picture as the network saw it, with the evidence for a class over it.

    Args:
        predictor: with the training network.
        picture: uint8 [H, W, 3] in BGR order.
        label: the class.

    Returns:
        uint8 [S, S, 3] in BGR order.
    """
    fitted = predictor.preprocessing.fit(picture)
    (heat,) = grad_cam(predictor.model, predictor.preprocessing.normalise(fitted)[None], [label])
    return predictions.overlay(fitted, heat)


def _names(files: Sequence[Path], kind: str) -> List[str]:
    """A name for what is drawn of each picture: that of its file below the folder that all share, and the kind.

    So no photograph is overwritten, should they be drawn where they are.
    """
    common = os.path.commonpath([file.resolve().parent for file in files])
    return [os.path.relpath(file.resolve().parent / f"{file.name}-{kind}.png", common) for file in files]
