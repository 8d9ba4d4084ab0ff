"""Layers that several networks share."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import nn


def relu(values: paddle.Tensor) -> paddle.Tensor:
    """ReLU that takes its input's memory, so that nothing else may use that any more; the same shape.

    Training keeps every result for the gradients: this saves a tenth of it. A static program plans its memory itself.
    """
    return F.relu_(values) if paddle.in_dynamic_mode() else F.relu(values)


class ReLU(nn.Layer):
    """`relu` as a layer."""

    def forward(self, values: paddle.Tensor) -> paddle.Tensor:
        """Any shape to the same."""
        return relu(values)


class ConvBNLayer(nn.Layer):
    """Convolution without bias, batch normalisation, activation; stride 1 keeps the size, stride 2 halves it.

    Args:
        num_channels: input channels.
        num_filters: output channels.
        filter_size: side of the square kernel, odd.
        stride: of the convolution.
        groups: of the convolution.
        act: ``'relu'``, ``'leaky'`` (slope 0.1), or None or ``'None'`` for no activation.

    Raises:
        ValueError: another ``act``.

    Example:
        >>> import paddle, paddle_eye
        >>> layer = paddle_eye.ConvBNLayer(3, 8, filter_size=3, stride=2, act="relu")
        >>> list(layer(paddle.zeros([1, 3, 16, 16])).shape)
        [1, 8, 8, 8]
    """

    def __init__(
        self,
        num_channels: int,
        num_filters: int,
        filter_size: int,
        stride: int = 1,
        groups: int = 1,
        act: str | None = "relu",
    ) -> None:
        super().__init__()
        if act not in ("relu", "leaky", "None", None):
            raise ValueError(f"unknown activation {act!r}; choices are 'relu', 'leaky', 'None'")
        self._conv = nn.Conv2D(
            num_channels,
            num_filters,
            filter_size,
            stride=stride,
            padding=(filter_size - 1) // 2,
            groups=groups,
            bias_attr=False,
        )
        self._batch_norm = nn.BatchNorm2D(num_filters)
        self.act = act

    def forward(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """[N, num_channels, H, W] to [N, num_filters, ⌈H/stride⌉, ⌈W/stride⌉]."""
        x = self._batch_norm(self._conv(inputs))
        if self.act == "relu":
            return relu(x)
        if self.act == "leaky":
            return F.leaky_relu(x, negative_slope=0.1)
        return x
