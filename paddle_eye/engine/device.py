"""Choosing the processor that Paddle computes on."""

from __future__ import annotations

import re

import paddle

from paddle_eye.errors import InputError


def select_device(name: str) -> str:
    """Make ``auto``, ``cpu``, ``gpu`` or ``gpu:N`` the device of this process; ``auto`` takes a GPU if there is one.

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
    paddle.set_device(name)
    return name
