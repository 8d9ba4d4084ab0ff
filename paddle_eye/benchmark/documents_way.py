"""The ResNet document's way of reading, training and asking: what is compared with. Paddle computes as it starts.

Every photograph is decoded and stretched each time that it comes up, one after the other, in double precision.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F

from paddle_eye.benchmark.contract import Conditions, Work
from paddle_eye.benchmark.drawn import network, photographs, side
from paddle_eye.opencv import cv2

BATCH = 10
EVALUATION_BATCH = 50


def read(file: Path, size: int) -> np.ndarray:
    """A photograph as the network's input, float64 [3, size, size] in [-1, 1]."""
    stretched = cv2.resize(cv2.imread(str(file)), (size, size))
    return np.transpose(stretched, (2, 0, 1)) / 255.0 * 2.0 - 1.0


def batches(files: Sequence[Path], size: int, batch_size: int) -> Iterator[tuple[paddle.Tensor, paddle.Tensor]]:
    """Inputs, float32 [N, 3, size, size], and classes, int64 [N, 1], by the first letter of the names."""
    for start in range(0, len(files), batch_size):
        chosen = files[start : start + batch_size]
        labels = np.array([[file.name.startswith("P")] for file in chosen], np.float32)
        inputs = np.array([read(file, size) for file in chosen]).astype(np.float32)
        yield paddle.to_tensor(inputs), paddle.to_tensor(labels).astype("int64")


def training_step(conditions: Conditions) -> Work:
    """One step of 10 photographs."""
    paddle.set_device(conditions.device)
    files = photographs(conditions)[:BATCH]
    model = network(conditions)
    optimizer = paddle.optimizer.Momentum(learning_rate=0.0001, momentum=0.9, parameters=model.parameters())

    def step() -> None:
        np.random.shuffle(files)
        for inputs, labels in batches(files, side(conditions), BATCH):
            losses = F.cross_entropy(model(inputs), labels, reduction="none")
            loss = paddle.mean(losses)
            optimizer.clear_grad()
            losses.backward()
            optimizer.step()
            float(loss)

    return Work(step)


def forward(conditions: Conditions) -> Work:
    """The network in evaluation mode on 10 pictures that are read already; gradients are kept ready, as there."""
    paddle.set_device(conditions.device)
    model = network(conditions)
    model.eval()
    inputs = paddle.rand([BATCH, 3, side(conditions), side(conditions)])

    def run() -> None:
        model(inputs).numpy()

    return Work(run)


def folder(conditions: Conditions, large: bool) -> Work:
    """The class of every photograph of a folder."""
    paddle.set_device(conditions.device)
    model = network(conditions)
    model.eval()
    files = photographs(conditions, large)

    def run() -> None:
        for inputs, _ in batches(files, side(conditions), EVALUATION_BATCH):
            paddle.argmax(model(inputs), 1).numpy()

    return Work(run, len(files))


def reading(conditions: Conditions) -> Work:
    """A folder's photographs as inputs."""
    files = photographs(conditions)

    def run() -> None:
        for _ in batches(files, side(conditions), BATCH):
            pass

    return Work(run, len(files))
