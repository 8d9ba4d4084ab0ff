import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_eye.models.complexity import trainable_parameters
from paddle_eye.models.unet import AttentionGate, AttentionUNet, DAMUNet, DeepAttentionUNet, Supervised, UNet

NETWORKS = [UNet, AttentionUNet, DeepAttentionUNet, DAMUNet]


def pictures(channels=1, size=(32, 48)):
    return paddle.to_tensor(np.random.default_rng(0).uniform(-1, 1, (2, channels, *size)).astype("float32"))


def outputs_of(outputs):
    return list(outputs) if isinstance(outputs, Supervised) else [outputs]


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("channels", [1, 3])
def test_outputs_have_the_sizes_that_supervision_needs(kind, channels):
    outputs = outputs_of(kind(channels)(pictures(channels)))
    full = [[2, 1, 32, 48]]
    assert [output.shape for output in outputs] in (full, [[2, 1, 4, 6], [2, 1, 8, 12], [2, 1, 16, 24], *full])
    assert (len(outputs) == 4) == (kind in (DeepAttentionUNet, DAMUNet))


def convolution(inputs, outputs, size):
    return inputs * outputs * size * size + outputs


def double(inputs, width):
    return convolution(inputs, width, 3) + convolution(width, width, 3) + 4 * width


def gate(skip, signal, width):
    parts = convolution(skip, width, 2) + convolution(signal, width, 1) + convolution(width, width, 3)
    return parts + convolution(width, 1, 1) + convolution(skip, skip, 1) + 2 * skip


def signal(width):
    return convolution(width, width, 1) + 2 * width


ENCODER = sum(double(*pair) for pair in ((1, 32), (32, 64), (64, 128), (128, 256), (256, 512)))
DECODER = sum(convolution(2 * w, w, 3) + double(2 * w, w) for w in (256, 128, 64, 32)) + convolution(32, 1, 1)
GATES = sum(gate(w, 2 * w, w // 2) + signal(2 * w) for w in (256, 128, 64))
HEADS = sum(convolution(w, 1, 1) for w in (256, 128, 64))


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (UNet, ENCODER + DECODER),
        (AttentionUNet, ENCODER + DECODER + GATES),
        (DeepAttentionUNet, ENCODER + DECODER + GATES + HEADS),
        (DAMUNet, 5_631_463),  # counted from the document's code
    ],
)
def test_numbers_of_parameters(kind, count):
    assert trainable_parameters(kind()) == count


@pytest.mark.parametrize("kind", NETWORKS)
def test_every_parameter_gets_a_gradient(kind):
    paddle.seed(0)
    model = kind()
    sum(output.square().mean() for output in outputs_of(model(pictures()))).backward()
    lacking = [name for name, p in model.named_parameters() if not p.stop_gradient and p.grad is None]
    assert lacking == []


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_network_is_built_again_and_computes_the_same(kind):
    first, second = kind(3), kind(3)
    second.set_state_dict(first.state_dict())
    assert second.architecture == first.architecture == {"name": kind.name, "in_channels": 3}
    first.eval()
    second.eval()
    for one, other in zip(outputs_of(first(pictures(3))), outputs_of(second(pictures(3)))):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("size", [(40, 48), (48, 40)])
def test_another_size_is_an_error_that_says_so(kind, size):
    with pytest.raises(ValueError, match=rf"height and width must be multiples of 16, got {size[0]}x{size[1]}"):
        kind()(pictures(size=size))


@pytest.mark.parametrize("kind", NETWORKS)
def test_other_channels_are_an_error_that_says_so(kind):
    with pytest.raises(ValueError, match="in_channels must be 1 or 3, got 2"):
        kind(2)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_gate_weighs_every_place_and_all_channels_alike(stride):
    """Open where psi is large, shut where it is small: seen before the last convolution."""
    gate = AttentionGate(4, 6, 2, stride)
    gate.result = nn.Identity()
    skip, coarse = paddle.rand([1, 4, 16, 16]), paddle.rand([1, 6, 8 // stride, 8 // stride])
    gate.psi.weight.set_value(paddle.zeros_like(gate.psi.weight))
    for bias, factor in ((50.0, 1.0), (-50.0, 0.0), (0.0, 0.5)):
        gate.psi.bias.set_value(paddle.to_tensor([bias]))
        np.testing.assert_allclose(gate(skip, coarse).numpy(), factor * skip.numpy(), atol=1e-6)
