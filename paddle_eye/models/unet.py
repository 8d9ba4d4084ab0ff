"""U-Net (Ronneberger et al., MICCAI 2015) with attention gates, deep supervision and an input pyramid.

`DAMUNet` is the document's network, after Abraham and Khan, *A novel Focal Tversky loss function with improved
Attention U-Net for lesion segmentation*, ISBI 2019. The others, which it does not print, add gates and then coarse
outputs to a U-Net; they differ from it in more than the pyramid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import paddle
import paddle.nn.functional as F
from paddle import nn

from paddle_eye.models.base import Segmenter
from paddle_eye.models.layers import ReLU, relu

WIDTHS = (32, 64, 128, 256, 512)  # at full size, 1/2, 1/4, 1/8, 1/16
MULTIPLE = 2 ** (len(WIDTHS) - 1)
_MOST_CLASSES = 250


class Supervised(NamedTuple):
    """Logits of the foreground, or of all classes, at four sizes, as deep supervision needs them."""

    eighth: paddle.Tensor
    quarter: paddle.Tensor
    half: paddle.Tensor
    full: paddle.Tensor


class DoubleConvolution(nn.Sequential):
    """3x3 convolution, batch normalisation and ReLU, twice."""

    def __init__(self, num_channels: int, num_filters: int) -> None:
        super().__init__(
            nn.Conv2D(num_channels, num_filters, 3, padding=1),
            nn.BatchNorm2D(num_filters),
            ReLU(),
            nn.Conv2D(num_filters, num_filters, 3, padding=1),
            nn.BatchNorm2D(num_filters),
            ReLU(),
        )


class GatingSignal(nn.Sequential):
    """1x1 convolution of the same width, batch normalisation and ReLU."""

    def __init__(self, num_channels: int) -> None:
        super().__init__(nn.Conv2D(num_channels, num_channels, 1), nn.BatchNorm2D(num_channels), ReLU())


class AttentionGate(nn.Layer):
    """Weighs every place of a skip connection by what a coarser gating signal finds there (Oktay et al., MIDL 2018).

    Args:
        num_channels: of the skip connection.
        gate_channels: of the gating signal.
        num_filters: in which both are added.
        stride: 1 if the signal is half as large as the skip connection, 2 if a quarter.
    """

    def __init__(self, num_channels: int, gate_channels: int, num_filters: int, stride: int = 1) -> None:
        super().__init__()
        self.theta = nn.Conv2D(num_channels, num_filters, 2, stride=2)
        self.phi = nn.Conv2D(gate_channels, num_filters, 1)
        self.upsampled_phi = nn.Conv2DTranspose(
            num_filters, num_filters, 3, stride=stride, padding=1, output_padding=stride - 1
        )
        self.psi = nn.Conv2D(num_filters, 1, 1)
        self.result = nn.Sequential(nn.Conv2D(num_channels, num_channels, 1), nn.BatchNorm2D(num_channels))

    def forward(self, skip: paddle.Tensor, gate: paddle.Tensor) -> paddle.Tensor:
        """[N, num_channels, H, W] and [N, gate_channels, H/2, W/2] (or H/4, W/4) to [N, num_channels, H, W]."""
        together = relu(self.theta(skip) + self.upsampled_phi(self.phi(gate)))
        weights = paddle.tile(F.sigmoid(self.psi(together)), [1, 4, 1, 1])
        return self.result(skip * F.pixel_shuffle(weights, 2))  # every place twice: F.interpolate becomes no ONNX


class UpConvolution(nn.Layer):
    """3x3 transposed convolution that doubles the size, ReLU, and a skip connection beside it."""

    def __init__(self, num_channels: int, num_filters: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2DTranspose(num_channels, num_filters, 3, stride=2, padding=1, output_padding=1)

    def forward(self, inputs: paddle.Tensor, skip: paddle.Tensor) -> paddle.Tensor:
        """[N, num_channels, H, W] and [N, C, 2H, 2W] to [N, num_filters + C, 2H, 2W]."""
        return paddle.concat([relu(self.convolution(inputs)), skip], axis=1)


class _UShaped(Segmenter):
    """What the networks share: a name and the sizes of pictures that they take."""

    name: str
    multiple = MULTIPLE

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        if in_channels not in (1, 3):
            raise ValueError(f"in_channels must be 1 or 3, got {in_channels}")
        if type(num_classes) is not int or not 2 <= num_classes <= _MOST_CLASSES:
            raise ValueError(f"num_classes must be 2 to {_MOST_CLASSES}, got {num_classes}")
        self.in_channels, self.num_classes = in_channels, num_classes
        self.outputs = 1 if num_classes == 2 else num_classes

    @property
    def architecture(self) -> dict[str, Any]:
        """What a weight file needs to say for the network to be built again."""
        classes = {} if self.num_classes == 2 else {"num_classes": self.num_classes}
        return {"name": self.name, "in_channels": self.in_channels, **classes}

    def _staged(self, encoder: Sequence[list[nn.Layer]], decoder: list[nn.Layer]) -> dict[str, list[nn.Layer]]:
        """`stages`: ``stem`` to ``stage4`` are the encoder, ``decoder`` is what lies between it and the last layers."""
        return {
            "stem": encoder[0],
            **{f"stage{n}": layers for n, layers in enumerate(encoder[1:], 1)},
            "decoder": decoder,
        }

    @staticmethod
    def require_size(pictures: paddle.Tensor) -> None:
        """Raise a ValueError unless both sides of [N, C, H, W] can be halved four times; an export has no sides yet."""
        height, width = pictures.shape[2:]
        if paddle.in_dynamic_mode() and (height % MULTIPLE or width % MULTIPLE):
            raise ValueError(f"height and width must be multiples of {MULTIPLE}, got {height}x{width}")


class UNet(_UShaped):
    """Widths 32-64-128-256-512.

    Args:
        in_channels: 1 or 3.
        num_classes: 2, foreground and background, have one output; of more, every class has its own.

    Raises:
        ValueError: another number of channels, or of classes.

    Example:
        >>> import paddle, paddle_eye
        >>> list(paddle_eye.UNet(in_channels=3)(paddle.zeros([1, 3, 32, 48])).shape)
        [1, 1, 32, 48]
    """

    name = "unet"
    attention = False

    def __init__(self, in_channels: int = 1, num_classes: int = 2) -> None:
        super().__init__(in_channels, num_classes)
        self.encoder = nn.LayerList([DoubleConvolution(*pair) for pair in zip((in_channels, *WIDTHS), WIDTHS)])
        coarse_to_fine = WIDTHS[::-1]
        pairs = list(zip(coarse_to_fine, coarse_to_fine[1:]))
        self.up = nn.LayerList([UpConvolution(*pair) for pair in pairs])
        self.decoder = nn.LayerList([DoubleConvolution(2 * width, width) for _, width in pairs])
        if self.attention:  # the finest skip connection has no gate, as in the document
            self.signals = nn.LayerList([GatingSignal(width) for width, _ in pairs[:-1]])
            self.gates = nn.LayerList([AttentionGate(fine, coarse, fine // 2) for coarse, fine in pairs[:-1]])
        self.final = nn.Conv2D(WIDTHS[0], self.outputs, 1)

    @property
    def stages(self) -> dict[str, list[nn.Layer]]:
        """The layers before the last ones, by stage."""
        gates = [self.signals, self.gates] if self.attention else []
        return self._staged([[stage] for stage in self.encoder], [self.up, *gates, self.decoder])

    def decoded(self, pictures: paddle.Tensor) -> list[paddle.Tensor]:
        """Feature maps of the decoder at 1/8, 1/4, 1/2 and full size, of 256, 128, 64 and 32 channels."""
        self.require_size(pictures)
        skips, x = [], pictures
        for stage in self.encoder:
            x = stage(F.max_pool2d(x, 2) if skips else x)
            skips.append(x)
        maps = []
        for number, skip in enumerate(skips[-2::-1]):
            if self.attention and number < len(self.gates):
                skip = self.gates[number](skip, self.signals[number](x))
            x = self.decoder[number](self.up[number](x, skip))
            maps.append(x)
        return maps

    def forward(self, pictures: paddle.Tensor) -> paddle.Tensor:
        """[N, in_channels, H, W] to logits of the foreground [N, 1, H, W], or of all classes."""
        return self.final(self.decoded(pictures)[-1])


class AttentionUNet(UNet):
    """U-Net with attention gates on its three coarse skip connections.

    Example:
        >>> import paddle, paddle_eye
        >>> list(paddle_eye.AttentionUNet(in_channels=3)(paddle.zeros([1, 3, 32, 48])).shape)
        [1, 1, 32, 48]
    """

    name = "att_unet"
    attention = True


class DeepAttentionUNet(AttentionUNet):
    """Attention U-Net with an output at each size of the decoder.

    Example:
        >>> import paddle, paddle_eye
        >>> outputs = paddle_eye.DeepAttentionUNet(in_channels=1)(paddle.zeros([1, 1, 32, 48]))
        >>> [list(output.shape[2:]) for output in outputs]
        [[4, 6], [8, 12], [16, 24], [32, 48]]
    """

    name = "datt_unet"

    def __init__(self, in_channels: int = 1, num_classes: int = 2) -> None:
        super().__init__(in_channels, num_classes)
        self.coarse = nn.LayerList([nn.Conv2D(width, self.outputs, 1) for width in WIDTHS[-2:0:-1]])

    def forward(self, pictures: paddle.Tensor) -> Supervised:
        """[N, in_channels, H, W] to logits of the foreground, or of all classes, at four sizes."""
        *coarse, full = self.decoded(pictures)
        return Supervised(*(head(x) for head, x in zip(self.coarse, coarse)), self.final(full))


class DAMUNet(_UShaped):
    """The document's network, with gates, deep supervision and an input pyramid.

    Its layers, widths and connections are the document's, also where they are not those of the networks above: the
    fourth stage has 64 channels, the path upward is not convolved between its steps, and the second and the third gate
    have the same signal.

    Args:
        in_channels: 1 or 3.
        num_classes: 2, foreground and background, have one output; of more, every class has its own.

    Raises:
        ValueError: another number of channels, or of classes.

    Example:
        >>> import paddle, paddle_eye
        >>> outputs = paddle_eye.DAMUNet(in_channels=1)(paddle.zeros([1, 1, 32, 48]))
        >>> [list(output.shape[2:]) for output in outputs]
        [[4, 6], [8, 12], [16, 24], [32, 48]]
    """

    name = "damu_unet"

    def __init__(self, in_channels: int = 1, num_classes: int = 2) -> None:
        super().__init__(in_channels, num_classes)
        stages = ((0, 32), (64, 64), (128, 128), (256, 64))  # channels of the pyramid's level, of the stage
        self.pyramid = nn.LayerList([nn.Conv2D(in_channels, width, 3, padding=1) for width, _ in stages[1:]])
        self.encoder = nn.LayerList()
        below = in_channels
        for level, width in stages:
            self.encoder.append(DoubleConvolution(level + below, width))
            below = width
        self.center = DoubleConvolution(below, 512)
        widths = {"up1": 32 + 64, "up2": 64 + 128, "up3": 32 + 64, "up4": 32 + 32}
        self.signals = nn.LayerList([GatingSignal(512), GatingSignal(widths["up1"]), GatingSignal(widths["up1"])])
        self.gates = nn.LayerList(
            [
                AttentionGate(64, 512, 128),
                AttentionGate(128, widths["up1"], 64),
                AttentionGate(64, widths["up1"], 32, stride=2),
            ]
        )
        self.up = nn.LayerList(
            [
                UpConvolution(*pair)
                for pair in ((512, 32), (widths["up1"], 64), (widths["up2"], 32), (widths["up3"], 32))
            ]
        )
        self.decoder = nn.LayerList([DoubleConvolution(*pair) for pair in zip(widths.values(), (256, 128, 64, 32))])
        self.heads = nn.LayerList([nn.Conv2D(width, self.outputs, 1) for width in (256, 128, 64, 32)])

    @property
    def stages(self) -> dict[str, list[nn.Layer]]:
        """The layers before the last ones, by stage."""
        first, *others = self.encoder
        encoder = [[first], *([level, stage] for level, stage in zip(self.pyramid, others)), [self.center]]
        return self._staged(encoder, [self.signals, self.gates, self.up, self.decoder])

    def forward(self, pictures: paddle.Tensor) -> Supervised:
        """[N, in_channels, H, W] to logits of the foreground, or of all classes, at four sizes."""
        self.require_size(pictures)
        skips, scaled = [self.encoder[0](pictures)], pictures
        for level, stage in zip(self.pyramid, list(self.encoder)[1:]):
            scaled = F.avg_pool2d(scaled, 2)
            skips.append(stage(paddle.concat([relu(level(scaled)), F.max_pool2d(skips[-1], 2)], axis=1)))
        first, second, third, fourth = skips
        center = self.center(F.max_pool2d(fourth, 2))
        up1 = self.up[0](center, self.gates[0](fourth, self.signals[0](center)))
        up2 = self.up[1](up1, self.gates[1](third, self.signals[1](up1)))
        up3 = self.up[2](up2, self.gates[2](second, self.signals[2](up1)))
        up4 = self.up[3](up3, first)
        maps: tuple[paddle.Tensor, ...] = (up1, up2, up3, up4)
        return Supervised(*(head(block(x)) for head, block, x in zip(self.heads, self.decoder, maps)))


def all_outputs(outputs: Any) -> list[paddle.Tensor]:
    """What a network of this module gives, from coarse to full size, also if it has but one output."""
    return list(outputs) if isinstance(outputs, tuple) else [outputs]
