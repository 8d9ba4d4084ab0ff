"""One training step: beside other ways, and beside a process that keeps a core busy."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import paddle

from paddle_eye.benchmark import documents_way, torchs_way
from paddle_eye.benchmark.contract import (
    AS_IT_STARTS,
    BESIDE_THE_DOCUMENT,
    SPINNING,
    Alternative,
    Benchmark,
    Conditions,
    Ratio,
    Work,
)
from paddle_eye.benchmark.drawn import network, photographs, records, side
from paddle_eye.data.loading import PictureDataset, training_loader
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.engine import optim
from paddle_eye.engine.loop import train_one_epoch
from paddle_eye.tasks.classification import ClassificationObjective

_BUSY = [sys.executable, "-S", "-c", "print(flush=True)\nwhile True: pass"]


def _step(conditions: Conditions, cores: int | None = None) -> Work:
    """A step as the tools make it, of 10 photographs that were read before; None takes all cores."""
    conditions.take_device(cores)
    files = photographs(conditions)[: documents_way.BATCH]
    loader = training_loader(PictureDataset(records(files), Preprocessing(side(conditions))), len(files), seed=0)
    model = network(conditions)
    optimizer = optim.build("SGD", model, lr=0.0001)
    return Work(partial(_train, model, optimizer, loader))


def _train(model: paddle.nn.Layer, optimizer: paddle.optimizer.Optimizer, loader: object) -> None:
    train_one_epoch(model, optimizer, ClassificationObjective(), loader)


def _step_beside_another(conditions: Conditions, cores: int | None = None) -> Work:
    """`_step` while another process computes without a pause."""
    alone = _step(conditions, cores)

    def run() -> None:
        with subprocess.Popen(_BUSY, stdout=subprocess.PIPE) as busy:
            busy.stdout.readline()  # it has begun
            try:
                alone.run()
            finally:
                busy.kill()

    return Work(run)


TRAIN_STEP = Benchmark(
    "a training step of ResNet-50 D, 10 pictures of 224 pixels",
    {
        "document": Alternative(documents_way.training_step, AS_IT_STARTS),
        "all cores": Alternative(_step),
        "one core": Alternative(partial(_step, cores=1)),
        "PyTorch": Alternative(torchs_way.training_step, AS_IT_STARTS),
        "PyTorch, one core": Alternative(partial(torchs_way.training_step, cores=1), AS_IT_STARTS),
    },
    [
        *BESIDE_THE_DOCUMENT,
        Ratio("times as fast as PyTorch", "per_second", "all cores", "PyTorch", at_least=1.0),
        Ratio("the same on one core", "per_second", "one core", "PyTorch, one core", at_least=1.0),
        Ratio("memory of PyTorch", "peak", "all cores", "PyTorch", at_most=1.1),
    ],
)

BESIDE_ANOTHER = Benchmark(
    "a training step of ResNet-50 D, 10 pictures of 224 pixels; 'beside': while another process keeps a core busy",
    {
        "all cores": Alternative(_step),
        "all cores, spinning": Alternative(_step, SPINNING),
        "all cores, beside": Alternative(_step_beside_another),
        "all cores, spinning, beside": Alternative(_step_beside_another, SPINNING),
        "one core, beside": Alternative(partial(_step_beside_another, cores=1)),
    },
    [
        Ratio(
            "beside another process, times as fast as on one core",
            "per_second",
            "all cores, beside",
            "one core, beside",
            at_least=1.0,
        ),
        Ratio("idle, times as fast as with spinning", "per_second", "all cores", "all cores, spinning", at_least=0.98),
    ],
)
