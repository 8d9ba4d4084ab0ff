"""`paddle.vision`'s residual and shuffle networks as classifiers of this project; their parameters keep their names."""

from __future__ import annotations

from typing import Any, NamedTuple

import paddle
from paddle import nn
from paddle.vision import models as vision
from paddle.vision.models.resnet import BasicBlock, BottleneckBlock

from paddle_eye.models.base import Classifier


class _VisionClassifier(Classifier):
    """What `paddle.vision`'s networks lack.

    A subclass has ``name`` and says which of its attributes is the last layer.
    """

    name: str
    head: str

    @property
    def architecture(self) -> dict[str, Any]:
        """What a weight file needs to say for the network to be built again."""
        return {"name": self.name, "num_classes": getattr(self, self.head).weight.shape[1]}

    def reset_classifier(self, num_classes: int) -> None:
        """Replace the last layer by a freshly initialised one."""
        setattr(self, self.head, nn.Linear(getattr(self, self.head).weight.shape[0], num_classes))


class ResidualNetwork(_VisionClassifier, vision.ResNet):
    """ResNet (He et al., CVPR 2016) or ResNeXt (Xie et al., CVPR 2017), with the stride on the 3x3 convolution."""

    head = "fc"

    @property
    def stages(self) -> dict[str, list[nn.Layer]]:
        """The layers before the last one, by stage."""
        layers = {f"stage{number}": [getattr(self, f"layer{number}")] for number in range(1, 5)}
        return {"stem": [self.conv1, self.bn1], **layers}

    def forward_features(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """Pictures [N, 3, H, W] to the last feature maps [N, C, ⌈H/32⌉, ⌈W/32⌉]."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(inputs))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def forward_head(self, features: paddle.Tensor) -> paddle.Tensor:
        """Feature maps [N, C, h, w] to logits [N, num_classes]."""
        return self.fc(paddle.flatten(self.avgpool(features), 1))


class ShuffleNetwork(_VisionClassifier, vision.ShuffleNetV2):
    """ShuffleNetV2 (Ma et al., ECCV 2018)."""

    head = "_fc"

    @property
    def stages(self) -> dict[str, list[nn.Layer]]:
        """The layers before the last one, by stage; ``stage4`` is the last convolution."""
        blocks = {
            f"stage{number}": [layer for name, layer in self.named_children() if name.startswith(f"{number + 1}_")]
            for number in range(1, 4)
        }
        return {"stem": [self._conv1], **blocks, "stage4": [self._last_conv]}

    def forward_features(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """Pictures [N, 3, H, W] to the last feature maps [N, C, ⌈H/32⌉, ⌈W/32⌉]."""
        x = self._max_pool(self._conv1(inputs))
        for block in self._block_list:
            x = block(x)
        return self._last_conv(x)

    def forward_head(self, features: paddle.Tensor) -> paddle.Tensor:
        """Feature maps [N, C, h, w] to logits [N, num_classes]."""
        return self._fc(paddle.flatten(self._pool2d_avg(features), 1))


class _Network(NamedTuple):
    kind: type
    settings: dict[str, Any]


NETWORKS = {
    "resnet34": _Network(ResidualNetwork, {"block": BasicBlock, "depth": 34}),
    "resnet50": _Network(ResidualNetwork, {"block": BottleneckBlock, "depth": 50}),
    "resnet101": _Network(ResidualNetwork, {"block": BottleneckBlock, "depth": 101}),
    "resnet152": _Network(ResidualNetwork, {"block": BottleneckBlock, "depth": 152}),
    **{
        f"resnext{depth}_{groups}x{width}d": _Network(
            ResidualNetwork, {"block": BottleneckBlock, "depth": depth, "groups": groups, "width": width}
        )
        for depth, groups, width in (
            *((50, 32, 4), (50, 64, 4), (101, 32, 4), (101, 32, 8), (101, 64, 4)),
            *((152, 32, 4), (152, 64, 4)),
        )
    },
    **{
        f"shufflenet_v2_x{scale}".replace(".", "_"): _Network(ShuffleNetwork, {"scale": scale})
        for scale in (0.25, 0.33, 0.5, 1.0, 1.5, 2.0)
    },
}


def build_transfer(name: str, num_classes: int) -> paddle.nn.Layer:
    """A network of the table, freshly initialised.

    Raises:
        ValueError: an unknown name; the message lists the choices.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; choices are {', '.join(NETWORKS)}")
    model = NETWORKS[name].kind(**NETWORKS[name].settings, num_classes=num_classes)
    model.name = name
    return model
