"""ResNet-50/101/152 in the versions O, B, C and D, as the document computes them and as the paper defines them.

O is He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016); B, C and D are from He et al., "Bag of
Tricks for Image Classification with Convolutional Neural Networks" (CVPR 2019), figure 2. The document's code
differs from that paper, and weights trained with it need its definition:

========  ==========================================  ==============================================
version   definition='document'                       definition='paper'
========  ==========================================  ==============================================
O         stride on path A's first 1x1                the same
B         stride on path A's 3x3; ReLU after its      stride on path A's 3x3
          last 1x1, before the addition
C         O with a stem of three 3x3 (64-64-64)       B with a stem of three 3x3 (32-32-64)
D         B's path A; path B pools before its 1x1     C, and path B pools before its 1x1
          and applies ReLU; the 7x7 stem
========  ==========================================  ==============================================
"""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import paddle
from paddle import nn

from paddle_eye.models.base import Classifier
from paddle_eye.models.layers import ConvBNLayer, relu

BLOCKS_PER_STAGE = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
FILTERS_PER_STAGE = (64, 128, 256, 512)
EXPANSION = 4


class Version(NamedTuple):
    """What distinguishes one version from another.

    Args:
        stride_on_3x3: path A takes its stride in the 3x3, not in the first 1x1.
        pooled_path_b: path B averages over stride x stride before a 1x1 of stride 1.
        path_a_act: activation after path A's last 1x1.
        path_b_act: activation after path B's 1x1.
        stem: filters of the stem's convolutions: one 7x7 or three 3x3.
    """

    stride_on_3x3: bool = False
    pooled_path_b: bool = False
    path_a_act: str | None = None
    path_b_act: str | None = None
    stem: tuple[int, ...] = (64,)


VERSIONS: dict[str, dict[str, Version]] = {
    "document": {
        "O": Version(),
        "B": Version(stride_on_3x3=True, path_a_act="relu"),
        "C": Version(stem=(64, 64, 64)),
        "D": Version(stride_on_3x3=True, pooled_path_b=True, path_a_act="relu", path_b_act="relu"),
    },
    "paper": {
        "O": Version(),
        "B": Version(stride_on_3x3=True),
        "C": Version(stride_on_3x3=True, stem=(32, 32, 64)),
        "D": Version(stride_on_3x3=True, stem=(32, 32, 64), pooled_path_b=True),
    },
}


def _choose(kind: str, name: object, table: dict) -> object:
    """The table's row, or a ValueError that lists the choices."""
    if name not in table:
        raise ValueError(f"unknown {kind} {name!r}; choices are {', '.join(map(str, table))}")
    return table[name]


class BottleneckBlock(nn.Layer):
    """Path A (1x1, 3x3, 1x1) plus a shortcut: the input itself, or path B where the shape changes.

    Args:
        num_channels: input channels.
        num_filters: channels inside path A; the output has four times as many.
        stride: 2 halves height and width.
        shortcut: True adds the input itself, which needs equal shapes; False adds path B.
        version: ``'O'``, ``'B'``, ``'C'`` or ``'D'``.
        definition: ``'document'`` or ``'paper'``.

    Raises:
        ValueError: unknown version or definition.

    Example:
        >>> import paddle, paddle_eye
        >>> block = paddle_eye.BottleneckBlock(64, 32, stride=2, shortcut=False, version="D")
        >>> list(block(paddle.zeros([1, 64, 16, 16])).shape)
        [1, 128, 8, 8]
    """

    def __init__(
        self,
        num_channels: int,
        num_filters: int,
        stride: int = 1,
        shortcut: bool = True,
        version: str = "O",
        definition: str = "document",
    ) -> None:
        super().__init__()
        design = _choose("version", version, _choose("definition", definition, VERSIONS))
        num_channels_out = num_filters * EXPANSION
        first_stride, middle_stride = (1, stride) if design.stride_on_3x3 else (stride, 1)
        self.pathA = nn.Sequential(
            ConvBNLayer(num_channels, num_filters, 1, stride=first_stride),
            ConvBNLayer(num_filters, num_filters, 3, stride=middle_stride),
            ConvBNLayer(num_filters, num_channels_out, 1, act=design.path_a_act),
        )
        self.shortcut = shortcut
        if not shortcut and design.pooled_path_b:
            self.pathB = nn.Sequential(
                nn.AvgPool2D(stride, stride, ceil_mode=True),
                ConvBNLayer(num_channels, num_channels_out, 1, act=design.path_b_act),
            )
        elif not shortcut:
            self.pathB = nn.Sequential(
                ConvBNLayer(num_channels, num_channels_out, 1, stride=stride, act=design.path_b_act),
            )
        self._num_channels_out = num_channels_out

    def forward(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """[N, num_channels, H, W] to [N, 4·num_filters, ⌈H/stride⌉, ⌈W/stride⌉]."""
        shortcut = inputs if self.shortcut else self.pathB(inputs)
        return relu(self.pathA(inputs) + shortcut)


class ResNet(Classifier):
    """Residual network with bottleneck blocks.

    Args:
        layers: 50, 101 or 152.
        class_dim: number of classes.
        version: ``'O'``, ``'B'``, ``'C'`` or ``'D'``.
        definition: ``'document'`` or ``'paper'``; see the table at the top of this file.

    Raises:
        ValueError: unknown depth, version or definition; the message lists the choices.

    Example:
        >>> import paddle, paddle_eye
        >>> model = paddle_eye.ResNet(layers=50, class_dim=2, version="C")
        >>> list(model(paddle.zeros([1, 3, 64, 64])).shape)
        [1, 2]
    """

    def __init__(self, layers: int = 50, class_dim: int = 10, version: str = "O", definition: str = "document") -> None:
        super().__init__()
        depths = _choose("number of layers", layers, BLOCKS_PER_STAGE)
        design = _choose("version", version, _choose("definition", definition, VERSIONS))
        self.layers, self.version, self.definition = layers, version, definition
        self.max_accuracy = 0.0  # of the weights kept so far; the document's notebook reads and writes it
        self.input_stem = _stem(design.stem)
        self.bottleneck_block_list = []
        num_channels = design.stem[-1]
        for stage, (depth, num_filters) in enumerate(zip(depths, FILTERS_PER_STAGE)):
            for index in range(depth):
                block = BottleneckBlock(
                    num_channels,
                    num_filters,
                    stride=2 if index == 0 and stage > 0 else 1,
                    shortcut=index > 0,
                    version=version,
                    definition=definition,
                )
                self.bottleneck_block_list.append(self.add_sublayer(f"bb_{stage}_{index}", block))
                num_channels = num_filters * EXPANSION
        self.pool2d_avg = nn.AdaptiveAvgPool2D(output_size=1)
        self.num_features = num_channels
        self.reset_classifier(class_dim)

    @property
    def architecture(self) -> dict[str, Any]:
        """What a weight file needs to say for the network to be built again."""
        return {
            "name": "resnet",
            "layers": self.layers,
            "class_dim": self.out.weight.shape[1],
            "version": self.version,
            "definition": self.definition,
        }

    @property
    def stages(self) -> dict[str, list[nn.Layer]]:
        """The layers before the last one, by stage."""
        blocks = {
            f"stage{number}": [layer for name, layer in self.named_children() if name.startswith(f"bb_{number - 1}_")]
            for number in range(1, len(FILTERS_PER_STAGE) + 1)
        }
        return {"stem": [self.input_stem], **blocks}

    def reset_classifier(self, class_dim: int) -> None:
        """Replace the last layer by a freshly initialised one for ``class_dim`` classes."""
        bound = 1.0 / math.sqrt(self.num_features)
        weights = paddle.ParamAttr(initializer=nn.initializer.Uniform(-bound, bound))
        self.out = nn.Linear(self.num_features, class_dim, weight_attr=weights)

    def forward_features(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """Pictures [N, 3, H, W] to the last feature maps [N, 2048, ⌈H/32⌉, ⌈W/32⌉]."""
        x = self.input_stem(inputs)
        for block in self.bottleneck_block_list:
            x = block(x)
        return x

    def forward_head(self, features: paddle.Tensor) -> paddle.Tensor:
        """Feature maps [N, 2048, h, w] to logits [N, class_dim]."""
        return self.out(paddle.flatten(self.pool2d_avg(features), 1))

    def never_read(self, key: str) -> bool:
        """Whether a weight of this name was saved by the document's code although no forward pass reads it.

        That code builds path B for every block, also for those whose shortcut is the input itself.
        """
        return re.fullmatch(r"bb_\d_[1-9]\d*\.pathB\..+", key) is not None


def _stem(filters: tuple[int, ...]) -> nn.Sequential:
    """One 7x7 or several 3x3 convolutions, the first of stride 2, and a max pooling of stride 2."""
    filter_size = 7 if len(filters) == 1 else 3
    convolutions = [
        ConvBNLayer(num_channels, num_filters, filter_size, stride=2 if index == 0 else 1)
        for index, (num_channels, num_filters) in enumerate(zip((3, *filters), filters))
    ]
    return nn.Sequential(*convolutions, nn.MaxPool2D(kernel_size=3, stride=2, padding=1))
