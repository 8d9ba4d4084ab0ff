"""Choosing the processor that Paddle computes on."""

from __future__ import annotations

import os
import re

import paddle
from threadpoolctl import threadpool_limits

from paddle_eye.errors import InputError
from paddle_eye.processor import keep_freed_memory, usable_cores


def select_device(name: str) -> str:
    """Make ``auto``, ``cpu``, ``gpu`` or ``gpu:N`` the device of this process; ``auto`` takes a GPU if there is one.

    On a CPU all usable cores work on each operation, where Paddle itself starts with one, and freed memory is kept. Of
    the processes that `paddle.distributed.launch` starts, each takes the GPU, or its part of the cores, that is meant
    for it.

    Returns:
        The device as Paddle names it: ``'cpu'`` or ``'gpu:N'``.

    Raises:
        InputError: another name, or a GPU that this machine or this build of Paddle does not have.

    Example:
        >>> import paddle_eye
        >>> paddle_eye.select_device("cpu")
        'cpu'
    """
    if not re.fullmatch(r"auto|cpu|gpu(:\d+)?", name):
        raise InputError(f"--device {name}: expected auto, cpu, gpu or gpu:N")
    gpus = gpu_count()
    if name == "auto":
        name = "gpu" if gpus else "cpu"
    if name != "cpu":
        meant = os.environ.get("FLAGS_selected_gpus", "0").partition(",")[0]  # noqa: SIM112 - Paddle spells it so
        index = int(name.partition(":")[2] or meant)
        if index >= gpus:
            build = "" if paddle.is_compiled_with_cuda() else "; this build of Paddle is for the CPU only"
            raise InputError(f"--device {name}: {gpus} GPUs can be used here{build}; use --device cpu")
        name = f"gpu:{index}"
    else:
        threadpool_limits(max(1, usable_cores() // int(os.environ.get("PADDLE_LOCAL_SIZE", "1"))), user_api="openmp")
        keep_freed_memory()
    paddle.set_device(name)
    return name


def gpu_count() -> int:
    """How many GPUs this build of Paddle can use here."""
    return paddle.device.cuda.device_count() if paddle.is_compiled_with_cuda() else 0
