import numpy as np
import paddle
import pytest
from paddle.vision import models as vision

from paddle_eye.models.complexity import trainable_parameters
from paddle_eye.models.transfer import NETWORKS, build_transfer

SMALL = ["resnet34", "resnext50_32x4d", "shufflenet_v2_x0_25", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0"]


def pictures(size=64):
    return paddle.to_tensor(np.random.default_rng(0).uniform(-1, 1, (2, 3, size, size)).astype("float32"))


@pytest.mark.parametrize("name", SMALL)
def test_it_is_paddle_visions_network(name):
    ours, theirs = build_transfer(name, 3), getattr(vision, name)(num_classes=3)
    assert ours.set_state_dict(theirs.state_dict()) == ([], [])
    ours.eval()
    theirs.eval()
    np.testing.assert_array_equal(ours(pictures()).numpy(), theirs(pictures()).numpy())


@pytest.mark.parametrize("name", SMALL)
def test_features_and_head_are_the_network(name):
    model = build_transfer(name, 3)
    model.eval()
    features = model.forward_features(pictures(96))
    assert features.shape[2:] == [3, 3]
    np.testing.assert_array_equal(model.forward_head(features).numpy(), model(pictures(96)).numpy())


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("resnet34", 21_797_672),  # torchvision's documentation, 1000 classes
        ("resnet50", 25_557_032),
        ("resnext50_32x4d", 25_028_904),
        ("resnext101_32x8d", 88_791_336),
        ("shufflenet_v2_x0_5", 1_366_792),
        ("shufflenet_v2_x1_0", 2_278_604),
        ("shufflenet_v2_x1_5", 3_503_624),
    ],
)
def test_networks_have_the_published_numbers_of_parameters(name, parameters):
    """Not ShuffleNetV2 x2.0, whose first stage has 224 channels in Paddle and 244 in the paper and in torchvision."""
    assert trainable_parameters(build_transfer(name, 1000)) == parameters


@pytest.mark.parametrize("name", NETWORKS)
def test_every_name_is_of_paddle_vision_or_the_one_it_lacks(name):
    assert hasattr(vision, name) or name == "resnext101_32x8d"


@pytest.mark.parametrize("name", SMALL)
def test_stages_hold_every_layer_but_the_last_once(name):
    model = build_transfer(name, 3)
    staged = [id(p) for layers in model.stages.values() for layer in layers for p in layer.parameters()]
    assert len(staged) == len(set(staged))
    last = {id(p) for p in getattr(model, model.head).parameters()}
    assert set(staged) | last == {id(p) for p in model.parameters()}


def test_a_new_last_layer():
    model = build_transfer("shufflenet_v2_x0_5", 1000)
    model.reset_classifier(6)
    assert model(pictures()).shape == [2, 6]
    assert model.architecture == {"name": "shufflenet_v2_x0_5", "num_classes": 6}


def test_an_unknown_name_is_answered_with_the_choices():
    with pytest.raises(ValueError, match=r"unknown network 'vgg'; choices are resnet34, .*shufflenet_v2_x2_0"):
        build_transfer("vgg", 2)
