"""NAM: attention from the scale factors of batch normalisation.

Liu, Shao, Teng and Hoffmann, "NAM: Normalization-based Attention Module" (2021), arXiv:2111.12419. A scale factor says
how much a channel, or a position, varies after normalisation, and so how much it tells. As in the authors' code, the
factors enter the weights without a gradient: they learn through the normalisation and through `nam_penalty`.
"""

from __future__ import annotations

from functools import partial
from typing import Callable

import paddle
import paddle.nn.functional as F
from paddle import nn


class NAMChannelAttention(nn.Layer):
    """x · sigmoid(W_γ · BN(x)) with one weight per channel, W_γ,i = |γ_i| / Σ_j |γ_j|; equations 1 and 2.

    Args:
        channels: of the input.

    Example:
        >>> import paddle, paddle_eye
        >>> list(paddle_eye.NAMChannelAttention(8)(paddle.zeros([2, 8, 4, 4])).shape)
        [2, 8, 4, 4]
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2D(channels)

    def forward(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """[N, channels, H, W] to the same shape."""
        weights = _shares(self.norm.weight).reshape([1, -1, 1, 1])
        return inputs * F.sigmoid(weights * self.norm(inputs))


class NAMSpatialAttention(nn.Layer):
    """x · sigmoid(W_λ · BN_s(x)) with one weight per pixel position; equation 3.

    BN_s normalises each position over the images and channels of a batch, and scales it by its λ.

    Args:
        height: of the input.
        width: of the input.

    Example:
        >>> import paddle, paddle_eye
        >>> list(paddle_eye.NAMSpatialAttention(4, 6)(paddle.zeros([2, 8, 4, 6])).shape)
        [2, 8, 4, 6]
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width
        self.norm = nn.BatchNorm1D(height * width)

    def forward(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """[N, C, height, width] to the same shape.

        Raises:
            ValueError: the input has another height or width.
        """
        count, channels, height, width = inputs.shape
        if (height, width) != (self.height, self.width):
            raise ValueError(
                f"this spatial attention was built for {self.height}x{self.width} positions, the input has "
                f"{height}x{width}; build the network with the image_size it is used with"
            )
        positions = inputs.reshape([count, channels, height * width]).transpose([0, 2, 1])
        scores = _shares(self.norm.weight).reshape([1, -1, 1]) * self.norm(positions)
        return inputs * F.sigmoid(scores.transpose([0, 2, 1]).reshape([count, channels, height, width]))


def nam_penalty(model: nn.Layer, p: float = 1e-4) -> paddle.Tensor:
    """p · (Σ|γ| + Σ|λ|) over the NAM layers of a network, the second term of the paper's loss; equation 4.

    Raises:
        ValueError: the network has no NAM layer.

    Example:
        >>> import paddle_eye
        >>> penalty = paddle_eye.nam_penalty(paddle_eye.resnet18_nam())  # 2 · (64 + 128 + 256 + 512) factors of 1
        >>> round(penalty.item(), 4)
        0.192
    """
    sums = [layer.norm.weight.abs().sum() for layer in _nam_layers(model)]
    if not sums:
        raise ValueError("the network has no NAM layer to be penalised")
    return p * paddle.add_n(sums)


def nam_regulariser(model: nn.Layer) -> Callable[[], paddle.Tensor] | None:
    """`nam_penalty` of a network, to be called after each step; None if it has no NAM layer."""
    return partial(nam_penalty, model) if _nam_layers(model) else None


def _nam_layers(model: nn.Layer) -> list[nn.Layer]:
    kinds = (NAMChannelAttention, NAMSpatialAttention)
    return [layer for layer in model.sublayers(include_self=True) if isinstance(layer, kinds)]


def _shares(factors: paddle.Tensor) -> paddle.Tensor:
    """|factor_i| / Σ_j |factor_j|, without a gradient."""
    with paddle.no_grad():  # not detach(), which Paddle 2 cannot export
        sizes = factors.abs()
        return sizes / sizes.sum()
