"""The contract of a network: what training, transfer, prediction and weight files ask of it."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import nn


class Network(nn.Layer):
    """What all networks share."""

    @property
    def architecture(self) -> dict[str, Any]:
        """What a weight file needs to say for the network to be built again: ``name`` and the builder's arguments."""
        raise NotImplementedError

    @property
    def stages(self) -> dict[str, list[nn.Layer]]:
        """The layers before the last ones: ``stem``, ``stage1`` …, in the order of the forward pass."""
        raise NotImplementedError

    def never_read(self, key: str) -> bool:
        """Whether a weight of this name may be in a file although no forward pass reads it; usually none may."""
        return False


class Classifier(Network):
    """One answer for a whole picture; a feature extractor with one linear layer behind it."""

    def reset_classifier(self, num_classes: int) -> None:
        """Replace the last layer by a freshly initialised one for ``num_classes`` classes."""
        raise NotImplementedError

    def forward_features(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """Pictures [N, 3, H, W] to the last feature maps [N, C, h, w]."""
        raise NotImplementedError

    def forward_head(self, features: paddle.Tensor) -> paddle.Tensor:
        """Feature maps [N, C, h, w] to logits [N, num_classes]."""
        raise NotImplementedError

    def forward(self, inputs: paddle.Tensor) -> paddle.Tensor:
        """Pictures [N, 3, H, W] to logits [N, num_classes]."""
        return self.forward_head(self.forward_features(inputs))


class Segmenter(Network):
    """An answer for every pixel: logits of the foreground or of all classes, at full size or at several sizes up to it.

    ``in_channels`` is the number of a picture's channels; both its sides must be multiples of ``multiple``.
    """

    in_channels: int
    multiple: int
