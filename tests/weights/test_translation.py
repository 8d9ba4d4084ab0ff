"""Networks of other libraries, written here with their names but Paddle's layers, against ours with their weights."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn
from paddle.vision import models as vision

from paddle_eye.models.resnet import ResNet
from paddle_eye.models.resnet_nam import resnet18
from paddle_eye.models.transfer import build_transfer
from paddle_eye.weights.format import load_into
from paddle_eye.weights.translation import resnet_version, translate


def conv(ins, outs, size, stride=1, groups=1):
    return nn.Conv2D(ins, outs, size, stride=stride, padding=size // 2, groups=groups, bias_attr=False)


def shuffled(x):
    n, c, h, w = x.shape
    return x.reshape([n, 2, c // 2, h, w]).transpose([0, 2, 1, 3, 4]).reshape([n, c, h, w])


class TorchvisionUnit(nn.Layer):
    """torchvision's InvertedResidual: branches as numbered Sequentials."""

    def __init__(self, ins, outs, stride):
        super().__init__()
        half, self.stride = outs // 2, stride
        if stride > 1:
            self.branch1 = nn.Sequential(
                conv(ins, ins, 3, stride, ins), nn.BatchNorm2D(ins), conv(ins, half, 1), nn.BatchNorm2D(half), nn.ReLU()
            )
        self.branch2 = nn.Sequential(
            conv(ins if stride > 1 else half, half, 1),
            nn.BatchNorm2D(half),
            nn.ReLU(),
            conv(half, half, 3, stride, half),
            nn.BatchNorm2D(half),
            conv(half, half, 1),
            nn.BatchNorm2D(half),
            nn.ReLU(),
        )

    def forward(self, x):
        first, second = (x, x) if self.stride > 1 else paddle.split(x, 2, axis=1)
        return shuffled(
            paddle.concat([self.branch1(first) if self.stride > 1 else first, self.branch2(second)], axis=1)
        )


class TorchvisionShuffleNet(nn.Layer):
    """x0.5."""

    def __init__(self, classes):
        super().__init__()
        self.conv1 = nn.Sequential(conv(3, 24, 3, 2), nn.BatchNorm2D(24), nn.ReLU())
        channels = 24
        for number, (outs, units) in enumerate([(48, 4), (96, 8), (192, 4)], start=2):
            stage = [TorchvisionUnit(channels, outs, 2), *(TorchvisionUnit(outs, outs, 1) for _ in range(units - 1))]
            self.add_sublayer(f"stage{number}", nn.Sequential(*stage))
            channels = outs
        self.conv5 = nn.Sequential(conv(192, 1024, 1), nn.BatchNorm2D(1024), nn.ReLU())
        self.fc = nn.Linear(1024, classes)

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x), 3, 2, 1)
        return self.fc(self.conv5(self.stage4(self.stage3(self.stage2(x)))).mean([2, 3]))


class ConvNorm(nn.Layer):
    def __init__(self, *arguments):
        super().__init__()
        self.conv = conv(*arguments)
        self.bn = nn.BatchNorm2D(arguments[1])

    def forward(self, x):
        return self.bn(self.conv(x))


class PaddleClasBlock(nn.Layer):
    def __init__(self, ins, width, stride, shortcut, vd):
        super().__init__()
        self.conv0, self.conv1 = ConvNorm(ins, width, 1), ConvNorm(width, width, 3, stride)
        self.conv2 = ConvNorm(width, 4 * width, 1)
        self.pool = nn.AvgPool2D(2, 2, ceil_mode=True) if vd and stride == 2 else None
        if not shortcut:
            self.short = ConvNorm(ins, 4 * width, 1, 1 if vd else stride)
        self.shortcut = shortcut

    def forward(self, x):
        y = self.conv2(F.relu(self.conv1(F.relu(self.conv0(x)))))
        return F.relu(y + (x if self.shortcut else self.short(x if self.pool is None else self.pool(x))))


class PaddleClasResNet50(nn.Layer):
    """ResNet50_vd, or ResNet50 without ``vd``."""

    def __init__(self, classes, vd):
        super().__init__()
        stem = [(3, 32, 3, 2), (32, 32, 3), (32, 64, 3)] if vd else [(3, 64, 7, 2)]
        self.stem = nn.Sequential(*(ConvNorm(*arguments) for arguments in stem))
        blocks, ins = [], 64
        for stage, (depth, width) in enumerate([(3, 64), (4, 128), (6, 256), (3, 512)]):
            for index in range(depth):
                stride = 2 if index == 0 and stage > 0 else 1
                blocks.append(PaddleClasBlock(ins, width, stride, index > 0, vd))
                ins = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(2048, classes)

    def forward(self, x):
        for layer in self.stem:
            x = F.relu(layer(x))
        return self.fc(self.blocks(F.max_pool2d(x, 3, 2, 1)).mean([2, 3]))


def shaken(model):
    """Statistics and scales as of a trained network: a swapped pair of names must change the output."""
    generator = np.random.default_rng(0)
    for name, tensor in model.state_dict().items():
        if tensor.ndim == 1:
            low, high = (-0.1, 0.1) if name.endswith(("bias", "_mean")) else (0.8, 1.2)
            tensor.set_value(generator.uniform(low, high, tensor.shape).astype("float32"))
    model.eval()
    return model


def arrays_of(model, torch):
    arrays = {}
    for name, tensor in model.state_dict().items():
        array = tensor.numpy()
        if torch:
            name = name.replace("._mean", ".running_mean").replace("._variance", ".running_var")
            array = array.T if array.ndim == 2 else array
        arrays[name] = array
    if torch:
        arrays["bn1.num_batches_tracked"] = np.array(5)
    return arrays


def paper(version):
    return ResNet(50, 3, version, "paper")


@pytest.mark.parametrize(
    ("make_theirs", "torch", "make_ours"),
    [
        pytest.param(
            lambda: TorchvisionShuffleNet(3), True, lambda: build_transfer("shufflenet_v2_x0_5", 3), id="shuffle"
        ),
        pytest.param(
            lambda: vision.resnet34(num_classes=3), True, lambda: build_transfer("resnet34", 3), id="resnet34"
        ),
        pytest.param(lambda: vision.resnet18(num_classes=3), True, lambda: resnet18(3), id="resnet18"),
        pytest.param(lambda: vision.resnet50(num_classes=3), True, lambda: paper("B"), id="torchvision to B"),
        pytest.param(lambda: vision.resnet50(num_classes=3), False, lambda: paper("B"), id="paddle.vision to B"),
        pytest.param(lambda: PaddleClasResNet50(3, vd=False), False, lambda: paper("B"), id="PaddleClas to B"),
        pytest.param(lambda: PaddleClasResNet50(3, vd=True), False, lambda: paper("D"), id="PaddleClas vd to D"),
    ],
)
def test_outputs_are_the_same_with_translated_weights(make_theirs, torch, make_ours):
    paddle.seed(0)
    theirs, ours = shaken(make_theirs()), make_ours()
    load_into(ours, translate(arrays_of(theirs, torch), ours), "their file")
    ours.eval()
    pictures = paddle.to_tensor(np.random.default_rng(1).uniform(-1, 1, (2, 3, 64, 64)).astype("float32"))
    np.testing.assert_allclose(ours(pictures).numpy(), theirs(pictures).numpy(), rtol=1e-4, atol=1e-4)


def test_our_own_names_stay():
    model = resnet18(3, attention="nam")
    arrays = arrays_of(model, torch=False)
    assert set(translate(arrays, model)) == set(arrays)


@pytest.mark.parametrize(
    ("stem", "version"),
    [(["conv1.weight"], "B"), (["stem.0.conv.weight"], "B"), (["stem.0.conv.weight", "stem.2.conv.weight"], "D")],
)
def test_weights_of_another_version_are_refused(stem, version):
    """O, B and C have the same names and shapes in part; nothing but this check would tell."""
    assert resnet_version(stem) == version
    with pytest.raises(ValueError, match=rf"they are of version {version} .*take model.version={version}"):
        translate({name: np.zeros(1) for name in stem}, ResNet(50, 2, version, "document"))


def test_a_name_that_no_rule_knows_stays():
    model = build_transfer("shufflenet_v2_x0_5", 3)
    assert list(translate({"stage2.0.branch3.0.weight": np.zeros(1)}, model)) == ["stage2.0.branch3.0.weight"]
