import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_eye.models.attention import NAMChannelAttention, NAMSpatialAttention, nam_penalty

EPSILON = 1e-5
GENERATOR = np.random.default_rng(3)
INPUTS = GENERATOR.normal(size=(4, 3, 2, 5)).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def set_factors(layer):
    """Scale factors of both signs and shifts, so that a lost absolute value or shift is seen."""
    generator = np.random.default_rng(5)
    size = layer.norm.weight.shape[0]
    scale, shift = generator.normal(size=size), generator.normal(size=size)
    layer.norm.weight.set_value(scale.astype("float32"))
    layer.norm.bias.set_value(shift.astype("float32"))
    return scale.astype("float32").astype("float64"), shift.astype("float32").astype("float64")


def numpy_attention(x, scale, shift, axes, shape, weights=None):
    """The paper's formula in double precision; ``axes`` are those that the batch normalisation averages over."""
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)
    normalised = (x - mean) / np.sqrt(variance + EPSILON) * scale.reshape(shape) + shift.reshape(shape)
    if weights is None:
        weights = np.abs(scale) / np.abs(scale).sum()
    return x * sigmoid(weights.reshape(shape) * normalised)


CASES = [
    pytest.param(lambda: NAMChannelAttention(3), (0, 2, 3), (1, 3, 1, 1), id="channel"),
    pytest.param(lambda: NAMSpatialAttention(2, 5), (0, 1), (1, 1, 2, 5), id="spatial"),
]


@pytest.mark.parametrize(("build", "axes", "shape"), CASES)
def test_forward_is_the_formula(build, axes, shape):
    layer = build()
    scale, shift = set_factors(layer)
    expected = numpy_attention(INPUTS.astype("float64"), scale, shift, axes, shape)
    np.testing.assert_allclose(layer(paddle.to_tensor(INPUTS)).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize(("build", "axes", "shape"), CASES)
def test_gradients_are_those_of_the_formula_with_constant_weights(build, axes, shape):
    """Central differences in double precision; the weights W are held, as they enter without a gradient."""
    layer = build()
    scale, shift = set_factors(layer)
    x = paddle.to_tensor(INPUTS, stop_gradient=False)
    direction = np.random.default_rng(6).normal(size=INPUTS.shape)
    (layer(x) * paddle.to_tensor(direction.astype("float32"))).sum().backward()
    weights = np.abs(scale) / np.abs(scale).sum()

    def objective(inputs, scale, shift):
        return (numpy_attention(inputs, scale, shift, axes, shape, weights) * direction).sum()

    point = [INPUTS.astype("float64"), scale, shift]
    for index, gradient in enumerate((x.grad, layer.norm.weight.grad, layer.norm.bias.grad)):
        numeric = np.empty(point[index].size)
        for place in range(point[index].size):
            sides = []
            for step in (1e-5, -1e-5):
                moved = [array.copy() for array in point]
                moved[index].flat[place] += step
                sides.append(objective(*moved))
            numeric[place] = (sides[0] - sides[1]) / 2e-5
        np.testing.assert_allclose(gradient.numpy().ravel(), numeric, atol=2e-4, rtol=2e-3)


def test_evaluation_uses_the_running_statistics():
    layer = NAMChannelAttention(3)
    layer.eval()
    normalised = INPUTS / np.sqrt(1 + EPSILON)
    expected = INPUTS * sigmoid(normalised / 3)
    np.testing.assert_allclose(layer(paddle.to_tensor(INPUTS)).numpy(), expected, atol=1e-5)


def test_spatial_attention_names_both_sizes():
    with pytest.raises(ValueError, match=r"built for 2x5 positions, the input has 5x2"):
        NAMSpatialAttention(2, 5)(paddle.zeros([1, 3, 5, 2]))


def test_penalty_is_the_sum_of_absolute_factors_and_has_their_sign_as_gradient():
    channel, spatial = NAMChannelAttention(3), NAMSpatialAttention(2, 5)
    model = nn.Sequential(nn.Conv2D(3, 3, 1), nn.BatchNorm2D(3), nn.Sequential(channel, spatial))
    first, second = set_factors(channel)[0], set_factors(spatial)[0]
    penalty = nam_penalty(model, p=0.01)
    assert penalty.item() == pytest.approx(0.01 * (np.abs(first).sum() + np.abs(second).sum()), rel=1e-5)
    penalty.backward()
    np.testing.assert_allclose(channel.norm.weight.grad.numpy(), 0.01 * np.sign(first), rtol=1e-6)
    np.testing.assert_allclose(spatial.norm.weight.grad.numpy(), 0.01 * np.sign(second), rtol=1e-6)
    assert model[1].weight.grad is None


def test_a_network_without_nam_layers_cannot_be_penalised():
    with pytest.raises(ValueError, match="no NAM layer"):
        nam_penalty(nn.Linear(2, 2))
