"""Predictions for files and folders of pictures, as a table and as drawn pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

import numpy as np
import pandas as pd

from paddle_eye.data.images import pictures_in, read_picture
from paddle_eye.errors import InputError
from paddle_eye.files import write_bytes
from paddle_eye.inference.cam import grad_cam
from paddle_eye.inference.predictor import Prediction, Predictor, predict
from paddle_eye.report import predictions


class Predicted(NamedTuple):
    """What came of a list of files.

    Args:
        table: see `paddle_eye.report.predictions.frame`.
        faults: of the files that could not be read.
    """

    table: pd.DataFrame
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
    predictor: Predictor, files: Sequence[Path], batch_size: int = 32, draw: Optional[Path] = None, cam: bool = False
) -> Predicted:
    """Predict picture files.

    Args:
        predictor: the network.
        files: the pictures.
        batch_size: how many the network looks at together.
        draw: a folder for every picture with its result on it; None draws nothing.
        cam: draw Grad-CAM beside it, over the picture as the network saw it.

    Raises:
        InputError: Grad-CAM of an exported network, which has no gradients, or not one file can be read.
    """
    if cam and predictor.model is None:
        raise InputError(f"{predictor.source}: an exported network has no gradients for --cam; give the weight file")
    names = _drawn_names(files)
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
    return Predicted(
        predictions.frame([str(prediction.image) for prediction in done], probabilities, predictor.classes), faults
    )


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


def _drawn_names(files: Sequence[Path]) -> List[str]:
    """A name for each drawn picture: that of the file below the folder that all have in common, and ``-predicted``.

    So no photograph is overwritten, should they be drawn where they are.
    """
    common = os.path.commonpath([file.resolve().parent for file in files])
    return [os.path.relpath(file.resolve().parent / f"{file.name}-predicted.png", common) for file in files]
