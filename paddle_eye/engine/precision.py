"""Computing with 16 bits where that is exact enough; parameters, and what optimizers keep, stay in float32."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import paddle

from paddle_eye.choices import Amp
from paddle_eye.errors import InputError

_LEAST_OF_FP16 = 7  # compute capability, of Volta
_TYPES = {"bf16": "bfloat16", "fp16": "float16"}


class Precision:
    """How a step is computed; ``'off'`` takes the same way and changes nothing.

    Args:
        name: ``'bf16'`` has the range of float32 and needs no scaling; ``'fp16'`` scales the loss, so that small
            gradients are not lost, and leaves out the steps whose gradients overflow (Micikevicius et al., ICLR 2018).
    """

    def __init__(self, name: Amp = "off") -> None:
        self.name = name
        self.scaler = paddle.amp.GradScaler(enable=name == "fp16")

    def computing(self) -> contextlib.AbstractContextManager[None]:
        """Within, convolutions and products are computed with 16 bits; normalisation is not, nor are convolutions of
        each channel by itself and transposed ones."""
        if self.name == "off":
            return contextlib.nullcontext()
        return paddle.amp.auto_cast(dtype=_TYPES[self.name], level="O1")

    def single(self, outputs: Any) -> Any:
        """Outputs of a network in float32, for losses, and for numpy, which takes the bits of a bfloat16 for an
        integer."""
        if self.name == "off":
            return outputs
        if isinstance(outputs, (list, tuple)):
            return tuple(each.astype("float32") for each in outputs)
        return outputs.astype("float32")

    def backward(self, loss: paddle.Tensor) -> None:
        """Add the gradients of a loss, scaled."""
        self.scaler.scale(loss).backward()

    def step(self, optimizer: paddle.optimizer.Optimizer) -> None:
        """Change the parameters, and forget the gradients."""
        self.scaler.step(optimizer)
        self.scaler.update()
        optimizer.clear_grad()

    def state_arrays(self) -> dict[str, np.ndarray]:
        """What a continued run needs."""
        return {key: np.asarray(value, np.float64) for key, value in self.scaler.state_dict().items()}

    def restore_state(self, arrays: Mapping[str, np.ndarray]) -> None:
        """The inverse of `state_arrays`; nothing, if a run goes on with another precision."""
        known = self.scaler.state_dict()
        if known and arrays.keys() == known.keys():
            self.scaler.load_state_dict({key: _like(value, arrays[key]) for key, value in known.items()})


def _like(value: Any, array: np.ndarray) -> Any:
    """What an array stands for where ``value`` is: an array, a number or a truth value."""
    return array.reshape(value.shape) if isinstance(value, np.ndarray) else type(value)(array.item())


def prepare_device(name: Amp, device: str) -> None:
    """Let a GPU look for its fastest algorithms, if 16 bits are asked for.

    Args:
        name: see `Precision`.
        device: as `paddle_eye.engine.device.select_device` gave it.

    Raises:
        InputError: the device has no such numbers.
    """
    if name == "off":
        return
    if not device.startswith("gpu"):
        raise InputError(f"--amp {name}: it needs a GPU, this run computes on the {device}; leave it out")
    if name == "bf16" and not paddle.amp.is_bfloat16_supported(paddle.get_device()):
        raise InputError("--amp bf16: this GPU does not compute with it; give --amp fp16")
    if name == "fp16" and paddle.device.cuda.get_device_capability()[0] < _LEAST_OF_FP16:
        raise InputError("--amp fp16: on this GPU Paddle computes with 32 bits all the same; leave it out")
    # None of these flags is known to a build for the CPU.
    paddle.set_flags({"FLAGS_cudnn_exhaustive_search": True, "FLAGS_cudnn_batchnorm_spatial_persistent": True})
    paddle.incubate.autotune.set_config({"kernel": {"enable": True}})
