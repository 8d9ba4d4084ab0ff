"""What is measured on: drawn photographs, and networks with random weights, whose speed is that of trained ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paddle_eye.benchmark.contract import Conditions
from paddle_eye.choices import ExportFormat, Preset
from paddle_eye.data.preparation.synthetic import draw_fundus
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.files import building
from paddle_eye.inference.export import export
from paddle_eye.models.base import Network
from paddle_eye.models.registry import build
from paddle_eye.opencv import cv2
from paddle_eye.runs.predict import open_predictor
from paddle_eye.weights.format import write_weights

CLASSES = ("not pathologic", "pathologic myopia")
_QUICK_SIZE, _QUICK_COUNT = 64, 12
_RESNET = {"name": "resnet", "layers": 50, "class_dim": 2, "version": "D"}
_QUICK_NETWORK = {"name": "shufflenet_v2_x0_25", "num_classes": 2}


def side(conditions: Conditions) -> int:
    """Of the network's square input in pixels."""
    return _QUICK_SIZE if conditions.quick else 224


def camera_picture(conditions: Conditions, size: tuple[int, int] = (2056, 2124)) -> np.ndarray:
    """A photograph as PALM's camera gives it, uint8 [H, W, 3] BGR, with a camera's noise on the eye.

    Args:
        conditions: a quick one is smaller.
        size: height and width in pixels.
    """
    height, width = (length // 16 for length in size) if conditions.quick else size
    generator = np.random.default_rng(0)
    eye = draw_fundus("P", generator, min(height, width)).picture
    noise = generator.normal(0, 3, (*eye.shape[:2], 1)) * (eye.max(axis=2, keepdims=True) > 20)
    left = (width - height) // 2
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, left : left + eye.shape[1]] = np.clip(eye + noise, 0, 255)
    return picture


def photographs(conditions: Conditions, large: bool = True) -> list[Path]:
    """32 JPEG files of eyes, drawn once: as PALM's camera gives them, or, not ``large``, of the network's size."""
    folder = conditions.folder / ("large" if large else "small")
    if not folder.exists():
        picture = camera_picture(conditions)
        if not large:
            picture = cv2.resize(picture, (side(conditions),) * 2, interpolation=cv2.INTER_AREA)
        with building(folder) as place:
            (place / "files").mkdir()
            for number in range(_QUICK_COUNT if conditions.quick else 32):
                # Mirrored and shifted, so that no two are the same.
                other = np.roll(cv2.flip(picture, 1) if number % 2 else picture, number, axis=0)
                cv2.imwrite(str(place / "files" / f"{'NP'[number % 2]}{number:04d}.jpg"), other)
            (place / "files").rename(folder)
    return sorted(folder.iterdir())


def records(files: list[Path]) -> RecordSet:
    """Photographs with the class that the letter of their names tells."""
    return RecordSet(CLASSES, tuple(Record(file, int(file.name.startswith("P"))) for file in files))


def network(conditions: Conditions) -> Network:
    """ResNet-50 D with random weights; in a quick trial a small network."""
    return build(_QUICK_NETWORK if conditions.quick else _RESNET)


def weight_file(conditions: Conditions, preset: Preset = "document") -> Path:
    """A file of `network`, written once."""
    path = conditions.folder / "network" / "network.pdparams"
    if not path.exists():
        model = network(conditions)
        for parameter in model.parameters()[-2:]:  # the last layer's, so that probabilities are not all 0 or 1
            parameter.set_value(0.01 * parameter)
        told = {"architecture": model.architecture, "classes": list(CLASSES)}
        preprocessing = Preprocessing(side(conditions), preset).describe()
        write_weights(path, model, {**told, "preprocessing": preprocessing})
    return path


def exported(conditions: Conditions, kind: ExportFormat) -> Path:
    """The folder of `weight_file` exported, made once.

    Raises:
        JobError: it cannot be exported here.
    """
    folder = conditions.folder / f"exported-{kind}"
    if not folder.exists():
        export(open_predictor(weight_file(conditions)), folder, kind)
    return folder
