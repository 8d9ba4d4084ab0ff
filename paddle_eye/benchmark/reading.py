"""Reading photographs, and feeding them to training, without a network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from paddle_eye.benchmark import documents_way
from paddle_eye.benchmark.contract import AS_IT_STARTS, Alternative, Benchmark, Conditions, Ratio, Work
from paddle_eye.benchmark.drawn import camera_picture, photographs, records, side
from paddle_eye.choices import Preset
from paddle_eye.data import transforms
from paddle_eye.data.images import READING_THREADS, read_picture
from paddle_eye.data.loading import AugmentedDataset, training_loader
from paddle_eye.data.transforms import Preprocessing

_TIMES = 100  # of what is too short for a clock


def _read(preset: Preset, conditions: Conditions) -> Work:
    """Files to inputs of the network, on as many threads as the tools take."""
    files, preprocessing = photographs(conditions), Preprocessing(side(conditions), preset)
    pool = ThreadPoolExecutor(READING_THREADS)

    def run() -> None:
        list(pool.map(lambda file: preprocessing(read_picture(file)), files))

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
    "a photograph of 2124x2056 pixels from file to input; normalising and edges: of one picture",
    {
        "document": Alternative(documents_way.reading, AS_IT_STARTS),
        "preset document": Alternative(partial(_read, "document")),
        "preset fundus": Alternative(partial(_read, "fundus")),
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


def _feed(conditions: Conditions) -> Work:
    """An epoch of pictures that are in memory, changed at random."""
    preprocessing = Preprocessing(side(conditions), "fundus")
    kept = preprocessing.keep(camera_picture(conditions))
    files = photographs(conditions) * (1 if conditions.quick else 16)
    dataset = AugmentedDataset(records(files), preprocessing, seed=0, pictures=[kept] * len(files))
    loader = training_loader(dataset, 32, seed=0)

    def run() -> None:
        for _ in loader:
            pass

    return Work(run, len(files))


FEEDING = Benchmark(
    "a picture of 224 pixels from memory to a batch, preset fundus",
    {"loader": Alternative(_feed)},
    [Ratio("pictures a second", "per_second", "loader", at_least=1000)],
)
