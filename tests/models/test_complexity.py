import paddle
import pytest
from paddle import nn
from paddle.vision import models

from paddle_eye.models.complexity import multiply_adds, parameters, trainable_parameters
from paddle_eye.models.resnet_nam import resnet18


def test_parameters_leave_out_running_statistics_and_frozen_ones():
    model = nn.Sequential(nn.Conv2D(3, 4, 3), nn.BatchNorm2D(4), nn.Linear(4, 2))
    assert trainable_parameters(model) == (4 * 3 * 9 + 4) + 2 * 4 + (4 * 2 + 2)
    model[0].weight.stop_gradient = True
    assert trainable_parameters(model) == 4 + 2 * 4 + (4 * 2 + 2)
    assert parameters(model) == (4 * 3 * 9 + 4) + 2 * 4 + (4 * 2 + 2)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2D(3, 8, 3, padding=1), 8 * 8 * 8 * 3 * 9),
        (nn.Conv2D(3, 8, 3, stride=2, padding=1), 4 * 4 * 8 * 3 * 9),
        (nn.Conv2D(3, 6, (1, 5), groups=3), 8 * 4 * 6 * 1 * 5),
        (nn.Conv2DTranspose(3, 4, 3, stride=2, padding=1, output_padding=1), 8 * 8 * 3 * 4 * 9),
        (nn.Linear(8, 5), 3 * 8 * 8 * 5),
    ],
    ids=["convolution", "stride", "groups", "transposed", "linear"],
)
def test_a_layer_by_hand(layer, expected):
    """On a picture of 8x8; the linear layer is applied to each of its rows."""
    assert multiply_adds(nn.Sequential(layer), 8) == expected


def test_resnet18_has_the_number_its_paper_and_others_report():
    """1.8 billion (He et al., table 1); torchvision says 1.814 GFLOPS of 1000 classes."""
    assert multiply_adds(resnet18(1000), 224) == pytest.approx(1.814e9, rel=1e-3)


def test_other_networks_are_counted_alike():
    """torchvision documents 0.04 GFLOPS for ShuffleNetV2 x0.5."""
    assert multiply_adds(models.shufflenet_v2_x0_5(), 224) == pytest.approx(0.04e9, rel=0.05)


def test_counting_changes_nothing():
    model = resnet18(6)
    before = {key: value.numpy() for key, value in model.state_dict().items()}
    assert multiply_adds(model, 32) == multiply_adds(model, 32)
    assert model.training
    assert all((model.state_dict()[key].numpy() == value).all() for key, value in before.items())
    assert isinstance(model(paddle.zeros([1, 3, 32, 32])), paddle.Tensor)
