"""Where in a picture the evidence for a class is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import paddle
import paddle.nn.functional as F


def grad_cam(model: paddle.nn.Layer, inputs: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Heat maps by Grad-CAM (Selvaraju et al., ICCV 2017), on the last feature maps.

    Each feature map is weighted with the mean gradient of the class's logit, the negative part of their sum is cut off,
    and the rest is stretched to the picture and to a maximum of 1. A map of zeros has no evidence for the class.

    Args:
        model: a network with ``forward_features`` and ``forward_head``; put into evaluation mode.
        inputs: preprocessed pictures, float32 [N, 3, S, S].
        labels: the class of each map, [N].

    Returns:
        float32 [N, S, S], 0 to 1.

    Example:
        >>> import numpy as np, paddle_eye
        >>> model = paddle_eye.resnet18(num_classes=2)
        >>> paddle_eye.grad_cam(model, np.zeros([1, 3, 64, 64], "float32"), labels=[1]).shape
        (1, 64, 64)
    """
    model.eval()
    with paddle.no_grad():
        features = model.forward_features(paddle.to_tensor(inputs))
    features.stop_gradient = False
    logits = model.forward_head(features)
    chosen = (logits * F.one_hot(paddle.to_tensor(np.asarray(labels)), logits.shape[1])).sum()
    (gradients,) = paddle.grad(chosen, features)
    heat = F.relu((gradients.mean([2, 3], keepdim=True) * features).sum(1, keepdim=True))
    heat = F.interpolate(heat, size=list(inputs.shape[2:]), mode="bilinear").squeeze(1).numpy()
    highest = heat.max(axis=(1, 2), keepdims=True)
    return heat / np.where(highest > 0, highest, 1)
