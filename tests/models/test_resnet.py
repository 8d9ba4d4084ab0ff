import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn
from paddle.vision.models import resnet50

from paddle_eye.models.layers import ConvBNLayer
from paddle_eye.models.resnet import BLOCKS_PER_STAGE, BottleneckBlock, ResNet

VERSIONS = "OBCD"


def trainable(layer):
    return sum(int(np.prod(p.shape)) for p in layer.parameters() if not p.stop_gradient)


def pictures(count=2, side=32, seed=0):
    return paddle.to_tensor(np.random.default_rng(seed).uniform(-1, 1, (count, 3, side, side)).astype("float32"))


# --- an implementation of its own of what the document's figure and code describe, written as plain functions ---


def conv_bn(x, state, name, stride, relu, training):
    weight = state[f"{name}._conv.weight"]
    x = F.conv2d(x, weight, stride=stride, padding=(weight.shape[2] - 1) // 2)
    bn = f"{name}._batch_norm."
    x = F.batch_norm(
        x, state[bn + "_mean"], state[bn + "_variance"], state[bn + "weight"], state[bn + "bias"], training
    )
    return F.relu(x) if relu else x


def reference_block(x, state, name, stride, identity, version, training):
    s1, s3 = (1, stride) if version in "BD" else (stride, 1)
    a = conv_bn(x, state, f"{name}.pathA.0", s1, True, training)
    a = conv_bn(a, state, f"{name}.pathA.1", s3, True, training)
    a = conv_bn(a, state, f"{name}.pathA.2", 1, version in "BD", training)
    if identity:
        b = x
    elif version == "D":
        b = F.avg_pool2d(x, stride, stride)
        b = conv_bn(b, state, f"{name}.pathB.1", 1, True, training)
    else:
        b = conv_bn(x, state, f"{name}.pathB.0", stride, False, training)
    return F.relu(a + b)


def reference_forward(x, state, depths, version, training=False):
    x = conv_bn(x, state, "input_stem.0", 2, True, training)
    if version == "C":
        for index in (1, 2):
            x = conv_bn(x, state, f"input_stem.{index}", 1, True, training)
    x = F.max_pool2d(x, 3, 2, padding=1)
    for stage, depth in enumerate(depths):
        for index in range(depth):
            stride = 2 if stage and not index else 1
            x = reference_block(x, state, f"bb_{stage}_{index}", stride, index > 0, version, training)
    return F.linear(x.mean(axis=[2, 3]), state["out.weight"], state["out.bias"])


@pytest.fixture
def small(monkeypatch):
    """Two blocks per stage, so that identity blocks are there and a step takes no time."""
    monkeypatch.setitem(BLOCKS_PER_STAGE, 50, (2, 2, 2, 2))


@pytest.mark.parametrize("version", VERSIONS)
def test_outputs_equal_the_plain_functions(version):
    paddle.seed(1)
    model = ResNet(layers=50, class_dim=2, version=version)
    model.eval()
    x = pictures(side=64)
    expected = reference_forward(x, model.state_dict(), (3, 4, 6, 3), version)
    np.testing.assert_allclose(model(x).numpy(), expected.numpy(), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("version", VERSIONS)
def test_first_training_steps_equal_those_of_the_plain_functions(version, small):
    """Three steps of gradient descent with momentum, written out by hand on the other side."""
    lr, momentum = 1e-4, 0.9
    paddle.seed(2)
    model = ResNet(class_dim=2, version=version)
    state = {key: paddle.to_tensor(value.numpy()) for key, value in model.state_dict().items()}
    learned = [key for key, parameter in model.named_parameters() if not parameter.stop_gradient]
    velocity = dict.fromkeys(learned, 0.0)
    optimizer = paddle.optimizer.Momentum(lr, momentum, parameters=model.parameters())
    labels = paddle.to_tensor([0, 1, 1, 0])
    for step in range(3):
        x = pictures(4, 64, seed=step)
        loss = F.cross_entropy(model(x), labels)
        optimizer.clear_grad()
        loss.backward()
        optimizer.step()

        for key in learned:
            state[key].stop_gradient = False
        expected = F.cross_entropy(reference_forward(x, state, (2, 2, 2, 2), version, training=True), labels)
        gradients = paddle.grad(expected, [state[key] for key in learned])
        for key, gradient in zip(learned, gradients):
            velocity[key] = momentum * velocity[key] + gradient.numpy()
            state[key] = paddle.to_tensor(state[key].numpy() - lr * velocity[key])
        assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
    for key, value in model.state_dict().items():
        np.testing.assert_allclose(value.numpy(), state[key].numpy(), rtol=2e-3, atol=2e-5, err_msg=key)


@pytest.mark.parametrize(
    ("version", "definition", "classes", "expected"),
    [
        ("O", "document", 2, 23_512_130),
        ("B", "document", 2, 23_512_130),
        ("C", "document", 2, 23_578_434),
        ("D", "document", 2, 23_512_130),
        ("D", "paper", 1000, 25_576_264),
    ],
)
def test_trainable_parameters_of_resnet50(version, definition, classes, expected):
    assert trainable(ResNet(50, classes, version, definition)) == expected


def test_depth_sets_the_number_of_blocks():
    """ResNet-101 and -152 of He et al. have 44.5 and 60.2 million parameters with 1000 classes."""
    assert trainable(ResNet(101, 1000)) == 44_549_160
    assert trainable(ResNet(152, 1000)) == 60_192_808


def test_paper_b_equals_paddle_vision_resnet50():
    ours, theirs = ResNet(50, 1000, "B", "paper"), resnet50()
    renamed = {_our_name(key): value for key, value in theirs.state_dict().items()}
    assert set(renamed) == set(ours.state_dict())
    ours.set_state_dict(renamed)
    ours.eval()
    theirs.eval()
    x = pictures(2, 96)
    expected = theirs(x).numpy()
    np.testing.assert_allclose(ours(x).numpy(), expected, atol=1e-5 * max(1, np.abs(expected).max()))


def _our_name(key):
    """A parameter's name in paddle.vision's ResNet as this project's."""
    layer, _, kind = key.rpartition(".")
    if layer == "fc":
        return f"out.{kind}"
    stem = {"conv1": "input_stem.0._conv", "bn1": "input_stem.0._batch_norm"}
    if layer in stem:
        return f"{stem[layer]}.{kind}"
    stage, index, part = layer.split(".", 2)
    block = f"bb_{int(stage[-1]) - 1}_{index}"
    if part.startswith("downsample"):
        return f"{block}.pathB.0.{'_conv' if part.endswith('0') else '_batch_norm'}.{kind}"
    return f"{block}.pathA.{int(part[-1]) - 1}.{'_conv' if part.startswith('conv') else '_batch_norm'}.{kind}"


@pytest.mark.parametrize("definition", ["document", "paper"])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_parameter_gets_a_gradient(version, definition, small):
    model = ResNet(class_dim=3, version=version, definition=definition)
    F.cross_entropy(model(pictures(4, 64)), paddle.to_tensor([0, 1, 2, 0])).backward()
    for name, parameter in model.named_parameters():
        if not parameter.stop_gradient:
            assert parameter.grad is not None and float(parameter.grad.abs().sum()) > 0, name


@pytest.mark.parametrize("definition", ["document", "paper"])
@pytest.mark.parametrize("version", VERSIONS)
def test_sides_that_are_no_multiple_of_32_work(version, definition, small):
    model = ResNet(class_dim=2, version=version, definition=definition)
    model.eval()
    assert model.forward_features(pictures(1, 65)).shape == [1, 2048, 3, 3]


def test_paper_d_stem_and_pooling():
    model = ResNet(50, 10, "D", "paper")
    widths = [layer._conv.weight.shape[:2] for layer in list(model.input_stem)[:3]]
    assert widths == [[32, 3], [32, 32], [64, 32]]
    assert isinstance(model.bb_1_0.pathB[0], nn.AvgPool2D)
    assert model.bb_1_0.pathA[2].act is None


def test_head_contract():
    model = ResNet(class_dim=2, version="D")
    model.eval()
    x = pictures(2, 64)
    features = model.forward_features(x)
    assert features.shape == [2, 2048, 2, 2]
    np.testing.assert_allclose(model.forward_head(features).numpy(), model(x).numpy(), rtol=1e-5)
    model.reset_classifier(7)
    assert model(x).shape == [2, 7]
    assert model.architecture["class_dim"] == 7


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        ({"version": "E"}, "O, B, C, D"),
        ({"layers": 34}, "50, 101, 152"),
        ({"definition": "torch"}, "document, paper"),
    ],
)
def test_unknown_choices_are_listed(arguments, choices):
    with pytest.raises(ValueError, match=choices):
        ResNet(**arguments)


def test_block_refuses_an_unknown_version():
    with pytest.raises(ValueError, match="O, B, C, D"):
        BottleneckBlock(64, 64, version="X")


def test_layer_activations():
    x = pictures(2, 8)
    for act, expected in (("relu", F.relu), ("leaky", lambda t: F.leaky_relu(t, 0.1)), ("None", lambda t: t)):
        layer = ConvBNLayer(3, 4, 3, stride=2, act=act)
        layer.eval()
        plain = layer._batch_norm(layer._conv(x))
        np.testing.assert_allclose(layer(x).numpy(), expected(plain).numpy())
        assert layer(x).shape == [2, 4, 4, 4]
    with pytest.raises(ValueError, match="'relu', 'leaky', 'None'"):
        ConvBNLayer(3, 4, 3, act="gelu")
