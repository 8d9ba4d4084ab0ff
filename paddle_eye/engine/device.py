"""Choosing the processor that Paddle computes on."""

from __future__ import annotations

import re

import paddle
from threadpoolctl import threadpool_limits

from paddle_eye.errors import InputError
from paddle_eye.processor import usable_cores


def select_device(name: str) -> str:
    """Make ``auto``, ``cpu``, ``gpu`` or ``gpu:N`` the device of this process; ``auto`` takes a GPU if there is one.

    On a CPU all usable cores work on each operation; Paddle itself starts with one.

    Returns:
        The device as Paddle names it.

    Raises:
        InputError: another name, or a GPU that this machine or this build of Paddle does not have.
    """
    if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", name):
        raise InputError(f"--device {name}: expected auto, cpu, gpu or gpu:N")
    gpus = paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
    if name == "auto":
        name = "gpu" if gpus else "cpu"
    if name != "cpu":
        index = int(name.partition(":")[2] or 0)
        if index >= gpus:
            build = "" if paddle.is_compiled_with_cuda() else "; this build of Paddle is for the CPU only"
            raise InputError(f"--device {name}: {gpus} GPUs can be used here{build}; use --device cpu")
        name = f"gpu:{index}"
    else:
        threadpool_limits(usable_cores(), user_api="openmp")
    paddle.set_device(name)
    return name
