"""ResNet-18 with basic blocks, plain or with NAM attention at the end of each residual branch."""

from __future__ import annotations

from typing import Any, get_args

import paddle
from paddle import nn

from paddle_eye.choices import Attention
from paddle_eye.models.attention import NAMChannelAttention, NAMSpatialAttention
from paddle_eye.models.base import Classifier
from paddle_eye.models.layers import relu

ATTENTIONS = (None, *get_args(get_args(Attention)[0]))
FILTERS_PER_STAGE = (64, 128, 256, 512)
BLOCKS_PER_STAGE = 2
NETWORK_STRIDE, LARGEST_SIZE = 32, 4096


class BasicBlock(nn.Layer):
    """Two 3x3 convolutions plus a shortcut; attention after the second batch normalisation, before the addition.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        stride: of the first convolution.
        attention: None, ``'nam'`` (channels) or ``'nam+spatial'``.
        out_size: height and width of the output, which spatial attention needs.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, attention: str | None, out_size: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2D(in_channels, out_channels, 3, stride=stride, padding=1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(out_channels)
        self.conv2 = nn.Conv2D(out_channels, out_channels, 3, padding=1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(out_channels)
        modules = [NAMChannelAttention(out_channels)] if attention else []
        if attention == "nam+spatial":
            modules.append(NAMSpatialAttention(out_size, out_size))
        self.attention = nn.Sequential(*modules)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2D(in_channels, out_channels, 1, stride=stride, bias_attr=False),
                nn.BatchNorm2D(out_channels),
            )

    def forward(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """[N, in_channels, H, W] to [N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉]."""
        x = relu(self.bn1(self.conv1(inputs)))
        x = self.attention(self.bn2(self.conv2(x)))
        shortcut = inputs if self.downsample is None else self.downsample(inputs)
        return relu(x + shortcut)


class ResNet18(Classifier):
    """The network that `resnet18` builds.

    Its parameters have the names of ``paddle.vision.models.resnet18``, the attention's apart.
    """

    def __init__(self, num_classes: int, attention: str | None, image_size: int) -> None:
        super().__init__()
        self.attention, self.image_size, self.num_features = attention, image_size, FILTERS_PER_STAGE[-1]
        self.conv1 = nn.Conv2D(3, 64, 7, stride=2, padding=3, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(64)
        self.maxpool = nn.MaxPool2D(kernel_size=3, stride=2, padding=1)
        channels, size = 64, image_size // 4
        for stage, filters in enumerate(FILTERS_PER_STAGE):
            stride = 1 if stage == 0 else 2
            size //= stride
            blocks = [BasicBlock(channels, filters, stride, attention, size)]
            blocks += [BasicBlock(filters, filters, 1, attention, size) for _ in range(BLOCKS_PER_STAGE - 1)]
            self.add_sublayer(f"layer{stage + 1}", nn.Sequential(*blocks))
            channels = filters
        self.avgpool = nn.AdaptiveAvgPool2D(1)
        self.reset_classifier(num_classes)

    @property
    def architecture(self) -> dict[str, Any]:
        """What a weight file needs to say for the network to be built again."""
        return {
            "name": "resnet18",
            "num_classes": self.fc.weight.shape[1],
            "attention": self.attention,
            "image_size": self.image_size,
        }

    @property
    def stages(self) -> dict[str, list[nn.Layer]]:
        """The layers before the last one, by stage."""
        layers = {f"stage{number}": [getattr(self, f"layer{number}")] for number in range(1, 5)}
        return {"stem": [self.conv1, self.bn1], **layers}

    def reset_classifier(self, num_classes: int) -> None:
        """Replace the last layer by a freshly initialised one."""
        self.fc = nn.Linear(self.num_features, num_classes)

    def forward_features(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """Pictures [N, 3, H, W] to the last feature maps [N, 512, ⌈H/32⌉, ⌈W/32⌉]."""
        x = self.maxpool(relu(self.bn1(self.conv1(inputs))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward_head(self, features: paddle.Tensor) -> paddle.Tensor:
        """Feature maps [N, 512, h, w] to logits [N, num_classes]."""
        return self.fc(paddle.flatten(self.avgpool(features), 1))


def resnet18(num_classes: int = 6, attention: str | None = None, image_size: int = 224) -> ResNet18:
    """ResNet-18 (He et al., CVPR 2016), with or without attention.

    Args:
        num_classes: number of classes.
        attention: None, ``'nam'`` (channels) or ``'nam+spatial'``.
        image_size: side of the pictures, a multiple of 32 up to 4096; only spatial attention depends on it.

    Raises:
        ValueError: unknown attention, or a size that is no multiple of 32.

    Example:
        >>> import paddle, paddle_eye
        >>> model = paddle_eye.resnet18(num_classes=6, attention="nam+spatial", image_size=64)
        >>> list(model(paddle.zeros([1, 3, 64, 64])).shape)
        [1, 6]
    """
    if attention not in ATTENTIONS:
        raise ValueError(f"unknown attention {attention!r}; choices are {', '.join(map(str, ATTENTIONS))}")
    if not 0 < image_size <= LARGEST_SIZE or image_size % NETWORK_STRIDE:
        most = f"at most {LARGEST_SIZE}"
        raise ValueError(f"image_size must be {most} and a multiple of {NETWORK_STRIDE}, got {image_size}")
    return ResNet18(num_classes, attention, image_size)


def resnet18_nam(num_classes: int = 6) -> ResNet18:
    """The document's ResNet18-NAM: `resnet18` with channel attention.

    Example:
        >>> import paddle_eye
        >>> paddle_eye.resnet18_nam(num_classes=6).architecture["attention"]
        'nam'
    """
    return resnet18(num_classes, attention="nam")
