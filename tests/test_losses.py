import math

import numpy as np
import paddle
import pytest

from paddle_eye.losses import bce_dice_loss, dice_loss, focal_tversky_loss, tversky_loss

LOSSES = [dice_loss, tversky_loss, focal_tversky_loss, bce_dice_loss]
# Four pixels: probabilities 0.5, 0.75, 0.25, 0.9 where the mask is 1, 1, 0, 0.
LOGITS = [[[[0.0, math.log(3)], [-math.log(3), math.log(9)]]]]
MASK = [[[[1.0, 1.0], [0.0, 0.0]]]]
FOUND, MISSED, INVENTED = 1.25, 0.75, 1.15
TVERSKY = 1 - (FOUND + 1) / (FOUND + 0.7 * MISSED + 0.3 * INVENTED + 1)
DICE = 1 - (2 * FOUND + 1) / (2.4 + 2 + 1)
ENTROPY = -(math.log(0.5) + math.log(0.75) + math.log(0.75) + math.log(0.1)) / 4


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (dice_loss, DICE),
        (tversky_loss, TVERSKY),
        (focal_tversky_loss, TVERSKY**0.75),
        (bce_dice_loss, ENTROPY + DICE),
    ],
)
def test_hand_computed(loss, expected):
    assert loss(paddle.to_tensor(LOGITS), paddle.to_tensor(MASK)).item() == pytest.approx(expected, abs=1e-6)


def test_tversky_with_equal_weights_and_twice_the_smoothing_is_dice():
    logits, mask = paddle.to_tensor(LOGITS), paddle.to_tensor(MASK)
    halved = tversky_loss(logits, mask, alpha=0.5, smooth=0.5).item()
    assert halved == pytest.approx(dice_loss(logits, mask).item(), abs=1e-6)


def test_missing_the_foreground_costs_more_than_inventing_it():
    half, all_, none = (np.full((1, 1, 4, 4), value, np.float32) for value in (0, 9, -9))
    mask = half.copy()
    mask[..., :2] = 1
    missed, invented = (tversky_loss(paddle.to_tensor(x), paddle.to_tensor(mask)).item() for x in (none, all_))
    assert missed > invented


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("foreground", [0.0, 1.0, 0.5], ids=["empty", "full", "half"])
@pytest.mark.parametrize("strength", [0.0, 3.0, 1e4, -1e4], ids=["undecided", "right", "perfect", "all wrong"])
def test_value_and_gradient_are_finite(loss, foreground, strength):
    mask = np.zeros((2, 1, 4, 4), np.float32)
    mask.reshape(-1)[: int(32 * foreground)] = 1
    logits = paddle.to_tensor((2 * mask - 1) * strength, stop_gradient=False)
    value = loss(logits, paddle.to_tensor(mask))
    value.backward()
    assert np.isfinite(value.item())
    assert np.isfinite(logits.grad.numpy()).all()
    if strength == 1e4:
        assert value.item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_half_precision_is_computed_in_single(loss):
    logits = paddle.to_tensor(LOGITS)
    given = loss(logits.astype("float16"), paddle.to_tensor(MASK).astype("float16"))
    assert given.dtype == paddle.float32
    assert given.item() == pytest.approx(loss(logits, paddle.to_tensor(MASK)).item(), abs=1e-3)
