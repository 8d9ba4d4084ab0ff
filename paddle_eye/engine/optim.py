"""The optimizer, its learning rate over the epochs, and its state under names that mean the same in any process."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Callable, Protocol

import numpy as np
import paddle

from paddle_eye import choices


class Schedule(Protocol):
    """How the learning rate goes over the epochs.

    It rises in equal steps over ``warmup`` epochs. Then ``'constant'`` is ``lr``; ``'cosine'`` falls from ``lr``
    towards ``lr * lrf`` at the end of ``epochs`` (Loshchilov and Hutter, ICLR 2017).
    """

    schedule: str
    lr: float
    lrf: float
    warmup: int
    epochs: int


def build(
    name: choices.Optimizer, model: paddle.nn.Layer, lr: float, momentum: float = 0.9
) -> paddle.optimizer.Optimizer:
    """An optimizer over the trainable parameters.

    Args:
        name: ``'SGD'``, stochastic gradient descent with momentum; ``'Adam'``, or ``'AdamW'`` with a weight decay of
            0.01, both with Paddle's own factors.
        model: whose parameters it changes.
        lr: the learning rate.
        momentum: of ``'SGD'``.
    """
    trainable = [parameter for parameter in model.parameters() if not parameter.stop_gradient]
    builders: dict[choices.Optimizer, Callable[[], paddle.optimizer.Optimizer]] = {
        "SGD": lambda: paddle.optimizer.Momentum(learning_rate=lr, momentum=momentum, parameters=trainable),
        "Adam": lambda: paddle.optimizer.Adam(learning_rate=lr, parameters=trainable),
        "AdamW": lambda: paddle.optimizer.AdamW(learning_rate=lr, parameters=trainable),
    }
    return builders[name]()


def learning_rate(recipe: Schedule, epoch: int) -> float:
    """The learning rate of an epoch, counted from 0.

    It depends on the epoch alone, so that a continued run has nothing to restore.
    """
    if epoch < recipe.warmup:
        return recipe.lr * (epoch + 1) / (recipe.warmup + 1)
    if recipe.schedule == "constant":
        return recipe.lr
    done = (epoch - recipe.warmup) / (recipe.epochs - recipe.warmup)
    return recipe.lr * (recipe.lrf + (1 - recipe.lrf) * 0.5 * (1 + math.cos(math.pi * done)))


def state_arrays(optimizer: paddle.optimizer.Optimizer, model: paddle.nn.Layer) -> dict[str, np.ndarray]:
    """The optimizer's accumulators under ``<parameter>/<accumulator>``.

    Paddle names them after a counter of the process (``conv2d_0.w_0_velocity_0``), which a second network shifts.
    """
    structured = {parameter.name: key for key, parameter in model.named_parameters()}
    arrays = {}
    for name, value in optimizer.state_dict().items():
        owner = next((owner for owner in structured if name.startswith(f"{owner}_")), None)
        if owner is not None:
            arrays[f"{structured[owner]}/{name[len(owner) + 1 :]}"] = value.numpy()
    return arrays


def restore_state(
    optimizer: paddle.optimizer.Optimizer, model: paddle.nn.Layer, arrays: Mapping[str, np.ndarray]
) -> None:
    """The inverse of `state_arrays`, for an optimizer that has not made a step yet."""
    names = {key: parameter.name for key, parameter in model.named_parameters()}
    state = {}
    for key, value in arrays.items():
        parameter, _, accumulator = key.rpartition("/")
        state[f"{names[parameter]}_{accumulator}"] = paddle.to_tensor(value)
    optimizer.set_state_dict(state)
