"""How large a network is and how much it computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import nn


def parameters(model: nn.Layer) -> int:
    """How many numbers a network learns or has learned, without the running statistics of batch normalisation."""
    statistics = ("_mean", "_variance")
    return sum(int(np.prod(p.shape)) for name, p in model.named_parameters() if not name.endswith(statistics))


def trainable_parameters(model: nn.Layer) -> int:
    """Those of `parameters` that are not frozen."""
    return sum(int(np.prod(p.shape)) for p in model.parameters() if not p.stop_gradient)


@paddle.no_grad()
def multiply_adds(model: nn.Layer, image_size: int, channels: int = 3) -> int:
    """Multiplications with their additions in convolutions and linear layers, for one picture.

    What normalisation, activations, pooling and additions compute is not counted: it is little, and every counter
    counts it differently. Some call twice this number the FLOPs.

    Args:
        model: left in the mode it was in.
        image_size: side of the square picture in pixels.
        channels: of the picture.
    """
    total = 0

    def count(layer: nn.Layer, inputs: Any, output: paddle.Tensor) -> None:
        nonlocal total
        weight = layer.weight.shape
        if isinstance(layer, nn.Conv2DTranspose):  # weight [in, out / groups, kh, kw], used at every input position
            total += int(np.prod(inputs[0].shape)) * int(np.prod(weight[1:]))
        elif isinstance(layer, nn.Conv2D):  # weight [out, in / groups, kh, kw], used at every output position
            total += int(np.prod(output.shape)) * int(np.prod(weight[1:]))
        else:  # weight [in, out]
            total += int(np.prod(output.shape)) * weight[0]

    hooks = [
        layer.register_forward_post_hook(count)
        for layer in model.sublayers()
        if isinstance(layer, (nn.Conv2D, nn.Conv2DTranspose, nn.Linear))
    ]
    was_training = model.training
    model.eval()
    model(paddle.zeros([1, channels, image_size, image_size]))
    if was_training:
        model.train()
    for hook in hooks:
        hook.remove()
    return total
