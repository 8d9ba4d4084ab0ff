"""Losses of masks: logits and a mask of 0 and 1, or of several classes, to a scalar, computed in float32."""

from __future__ import annotations

from functools import partial
from typing import Callable

import paddle
import paddle.nn.functional as F

OneClass = Callable[[paddle.Tensor, paddle.Tensor], paddle.Tensor]

_LEAST = 1e-7  # below it a power under 1 has no finite gradient


def dice_loss(logits: paddle.Tensor, mask: paddle.Tensor, smooth: float = 1.0) -> paddle.Tensor:
    """1 - (2 TP + s) / (Σp + Σm + s), over all pixels of the batch (Milletari et al., 3DV 2016, without its squares).

    Args:
        logits: of the foreground, [N, 1, H, W].
        mask: 0 or 1, the same shape.
        smooth: s; an empty mask that is predicted empty has no loss.

    Example:
        >>> import paddle, paddle_eye
        >>> mask = paddle.to_tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
        >>> round(paddle_eye.dice_loss(100 * mask - 50, mask).item(), 4)
        0.0
    """
    return _dice(F.sigmoid(logits.astype("float32")), mask.astype("float32"), smooth)


def tversky_loss(logits: paddle.Tensor, mask: paddle.Tensor, alpha: float = 0.7, smooth: float = 1.0) -> paddle.Tensor:
    """1 - TI with TI = (TP + s) / (TP + α FN + (1 - α) FP + s), over all pixels of the batch.

    From Salehi et al., MLMI 2017; α as in Abraham and Khan, ISBI 2019.

    Args:
        logits: of the foreground, [N, 1, H, W].
        mask: 0 or 1, the same shape.
        alpha: weight of the foreground that is missed; above 0.5 for sensitivity, 0.5 is Dice.
        smooth: s.

    Example:
        >>> import paddle, paddle_eye
        >>> mask = paddle.to_tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
        >>> round(paddle_eye.tversky_loss(100 * mask - 50, mask).item(), 4)
        0.0
    """
    return _tversky(F.sigmoid(logits.astype("float32")), mask.astype("float32"), alpha, smooth)


def focal_tversky_loss(logits: paddle.Tensor, mask: paddle.Tensor, gamma: float = 0.75) -> paddle.Tensor:
    """(1 - TI)^γ, with 1 - TI at least 1e-7 (Abraham and Khan, ISBI 2019, with the 1/γ of their paper as γ).

    Args:
        logits: of the foreground, [N, 1, H, W].
        mask: 0 or 1, the same shape.
        gamma: under 1, what is nearly right keeps a large gradient.

    Example:
        >>> import paddle, paddle_eye
        >>> mask = paddle.to_tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
        >>> round(paddle_eye.focal_tversky_loss(100 * mask - 50, mask).item(), 4)
        0.0
    """
    return _focal(tversky_loss(logits, mask), gamma)


def bce_dice_loss(logits: paddle.Tensor, mask: paddle.Tensor) -> paddle.Tensor:
    """Mean binary cross-entropy of the pixels plus `dice_loss`.

    Args:
        logits: of the foreground, [N, 1, H, W].
        mask: 0 or 1, the same shape.

    Example:
        >>> import paddle, paddle_eye
        >>> mask = paddle.to_tensor([[[[1.0, 0.0], [0.0, 1.0]]]])
        >>> round(paddle_eye.bce_dice_loss(100 * mask - 50, mask).item(), 4)
        0.0
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits.astype("float32"), mask.astype("float32"))
    return cross_entropy + dice_loss(logits, mask)


def class_loss(one: OneClass, logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
    """The mean of a loss of one class over the foreground classes, all but the first, of softmax probabilities.

    Args:
        one: probabilities and a mask of 0 and 1, float32 [P], to a scalar.
        logits: of every class, [P, K].
        labels: int64 [P].
    """
    probabilities, masks = F.softmax(logits.astype("float32"), axis=1), F.one_hot(labels, logits.shape[1])
    foreground = range(1, logits.shape[1])
    return sum(one(probabilities[:, label], masks[:, label]) for label in foreground) / len(foreground)


def cross_entropy_dice_loss(logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
    """Mean cross-entropy of the pixels plus the mean Dice loss of the foreground classes; see `class_loss`."""
    return F.cross_entropy(logits.astype("float32"), labels) + class_loss(_dice, logits, labels)


def _dice(probabilities: paddle.Tensor, mask: paddle.Tensor, smooth: float = 1.0) -> paddle.Tensor:
    overlap = (probabilities * mask).sum()
    return 1 - (2 * overlap + smooth) / (probabilities.sum() + mask.sum() + smooth)


def _tversky(
    probabilities: paddle.Tensor, mask: paddle.Tensor, alpha: float = 0.7, smooth: float = 1.0
) -> paddle.Tensor:
    found = (probabilities * mask).sum()
    missed, invented = ((1 - probabilities) * mask).sum(), (probabilities * (1 - mask)).sum()
    return 1 - (found + smooth) / (found + alpha * missed + (1 - alpha) * invented + smooth)


def _focal(loss: paddle.Tensor, gamma: float = 0.75) -> paddle.Tensor:
    return loss.clip(min=_LEAST) ** gamma


MASK_LOSSES = {
    "tversky": tversky_loss,
    "focal_tversky": focal_tversky_loss,
    "dice": dice_loss,
    "bce_dice": bce_dice_loss,
}
CLASS_LOSSES = {  # of several classes: logits [P, K] and labels [P] of the pixels to a scalar
    "tversky": partial(class_loss, _tversky),
    "focal_tversky": partial(class_loss, lambda probabilities, mask: _focal(_tversky(probabilities, mask))),
    "dice": partial(class_loss, _dice),
    "bce_dice": cross_entropy_dice_loss,
}
