"""Reading photographs, and feeding them to training, without a network."""

from __future__ import annotations

from functools import partial

import numpy as np

from paddle_eye.benchmark import documents_way
from paddle_eye.benchmark.contract import AS_IT_STARTS, Alternative, Benchmark, Conditions, Ratio, Work
from paddle_eye.benchmark.drawn import camera_picture, photographs, records, side
from paddle_eye.choices import Preset
from paddle_eye.data import transforms
from paddle_eye.data.examination import examine_pictures
from paddle_eye.data.loading import AugmentedDataset, Batches, training_loader
from paddle_eye.data.store import OFF, choose_store
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.engine import optim
from paddle_eye.engine.loop import train_one_epoch
from paddle_eye.models.registry import create_model
from paddle_eye.tasks.classification import ClassificationObjective

_TIMES = 100  # of what is too short for a clock


def _first_pass(preset: Preset, conditions: Conditions) -> Work:
    """What the tools do with photographs that are new: digest, fingerprint, and the picture as evaluation sees it."""
    conditions.take_device()
    files, preparation = photographs(conditions), Preprocessing(side(conditions), preset).fitting
    choose_store(OFF)

    def run() -> None:
        examine_pictures(files, [preparation] * len(files))

    return Work(run, len(files))


def _normalise(conditions: Conditions) -> Work:
    preprocessing = Preprocessing(side(conditions), "fundus")
    fitted = preprocessing.fit(camera_picture(conditions))

    def run() -> None:
        for _ in range(_TIMES):
            preprocessing.normalise(fitted)

    return Work(run, _TIMES)


def _edges(conditions: Conditions) -> Work:
    """Finding the field of view; how far its edges are from where they are when every pixel is looked at."""
    picture = camera_picture(conditions)
    bright = (picture > int(0.1 * float(picture.max()))).any(axis=2)
    expected = [np.flatnonzero(bright.mean(axis=axis) > 0.02)[[0, -1]] for axis in (1, 0)]

    def run() -> dict[str, float]:
        found = [np.flatnonzero(lines)[[0, -1]] for lines in transforms._bright_lines(picture)]
        return {"pixels": float(np.abs(np.subtract(found, expected)).max())}

    return Work(run)


READING = Benchmark(
    "a new photograph of 2124x2056 pixels; normalising and edges: of one picture",
    {
        "document": Alternative(documents_way.reading, AS_IT_STARTS),
        "preset document": Alternative(partial(_first_pass, "document")),
        "preset fundus": Alternative(partial(_first_pass, "fundus")),
        "normalise": Alternative(_normalise),
        "edges": Alternative(_edges),
    },
    [
        Ratio("preset document, times as fast as the document's", "per_second", "preset document", "document", 1.7),
        Ratio("preset fundus, times as fast as the document's", "per_second", "preset fundus", "document", 1.7),
        Ratio("normalising a picture of 224 pixels, s", "seconds", "normalise", at_most=0.0003),
        Ratio("finding the edges of the field of view, s", "seconds", "edges", at_most=0.010),
        Ratio("edges off by pixels", "pixels", "edges", at_most=2),
    ],
)


def _loader(conditions: Conditions, times: int) -> Batches:
    """Pictures that are in a store on the disk, each so many times an epoch, changed at random."""
    choose_store(str(conditions.folder / "store"))
    files = photographs(conditions) * (1 if conditions.quick else times)
    dataset = AugmentedDataset(records(files), Preprocessing(side(conditions), "fundus"), seed=0)
    return training_loader(dataset, 32, seed=0)


def _feed(conditions: Conditions) -> Work:
    """An epoch without a network."""
    loader = _loader(conditions, times=16)

    def run() -> None:
        for _ in loader:
            pass

    return Work(run, len(loader.dataset))


def _train(conditions: Conditions) -> Work:
    """An epoch with a small network, which has the least to do while pictures come; the share that it waits."""
    conditions.take_device()
    loader, model = _loader(conditions, times=4), create_model("shufflenet_v2_x0_5")
    optimizer = optim.build("SGD", model, lr=0.0001)
    shares = []

    def run() -> dict[str, float]:
        train_one_epoch(model, optimizer, ClassificationObjective(), loader, lambda *step: shares.append(step[2]))
        return {"waiting": shares[-1]}

    return Work(run, len(loader.dataset))


FEEDING = Benchmark(
    "a picture of 224 pixels from the store to a batch, preset fundus; training: of ShuffleNetV2 x0.5",
    {"loader": Alternative(_feed), "training": Alternative(_train)},
    [
        Ratio("pictures a second", "per_second", "loader", at_least=1000),
        Ratio("share of the time that training waits", "waiting", "training", at_most=0.02),
    ],
)
