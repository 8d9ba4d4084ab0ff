import json
from pathlib import Path

import numpy as np
import paddle
import pytest
import safetensors.numpy

from paddle_eye import open_predictor, open_weights
from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.errors import InputError
from paddle_eye.models.registry import build
from paddle_eye.models.resnet import BLOCKS_PER_STAGE, ResNet
from paddle_eye.models.unet import UNet
from paddle_eye.weights.format import DESCRIPTION_KEY, write_weights
from paddle_eye.weights.opened import class_names


@pytest.fixture
def model(monkeypatch):
    """One block per stage instead of 16."""
    monkeypatch.setitem(BLOCKS_PER_STAGE, 50, (1, 1, 1, 1))
    return ResNet(class_dim=3, version="C", definition="paper")


@pytest.fixture
def write(model, tmp_path):
    """A function that writes the model's weights with a changed description, and returns their path."""

    def write(**changes):
        description = {"architecture": model.architecture, "preprocessing": Preprocessing(64).describe(), **changes}
        write_weights(tmp_path / "some.pdparams", model, description)
        return tmp_path / "some.pdparams"

    return write


def test_a_network_comes_back_ready_to_predict(model, write):
    opened = open_weights(str(write()))
    picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)
    inputs = paddle.to_tensor(opened.preprocessing(picture)[None])
    assert inputs.shape == [1, 3, 64, 64]
    assert not opened.model.training
    model.eval()
    np.testing.assert_array_equal(opened.model(inputs).numpy(), model(inputs).numpy())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": 3}, "cannot be used here"),
        ({"architecture": {"name": "vgg", "class_dim": 3}}, "unknown network 'vgg'; known are resnet, resnet18"),
        ({"architecture": {"name": "resnet", "class_dim": 10**12}}, "differ in the number of classes"),
        ({"architecture": {"name": "resnet", "class_dim": 3, "depth": 1}}, "cannot be built from"),
        ({"preprocessing": 3}, "cannot be used here"),
        ({"preprocessing": {"preset": "other"}}, "unknown preprocessing preset 'other'"),
        ({"data": "x"}, "cannot be used here"),
        ({"data": {"path": 5}}, "does not name its data"),
    ],
)
def test_descriptions_of_strangers_are_checked(write, changes, message):
    path = write(**changes)
    with pytest.raises(InputError, match=message) as caught:
        open_weights(path)
    assert str(path) in str(caught.value)


def test_a_description_without_a_network_is_named(model, tmp_path):
    write_weights(tmp_path / "w.pdparams", model, {"classes": []})
    with pytest.raises(InputError, match="it lacks 'architecture'"):
        open_weights(tmp_path / "w.pdparams")


def test_flags_may_not_contradict_the_description(write):
    with pytest.raises(InputError, match="it says it is of version C, not D"):
        open_weights(write(), version="D")


def test_a_file_without_description_that_is_no_resnet(tmp_path):
    paddle.save({"fc.weight": paddle.zeros([2, 2])}, str(tmp_path / "resnet50_vD_PALM.pdparams"))
    with pytest.raises(InputError, match=r"no matrix out\.weight"):
        open_weights(tmp_path / "resnet50_vD_PALM.pdparams")


UNET = {"name": "unet", "in_channels": 3}


@pytest.fixture
def write_unet(tmp_path):
    """A function that writes the weights of a U-Net with a description, and returns their path."""

    def write(**description):
        write_weights(tmp_path / "unet.pdparams", UNet(3), {"architecture": UNET, **description})
        return tmp_path / "unet.pdparams"

    return write


def test_a_network_of_pixels_takes_pictures_as_they_are(write_unet):
    for description in ({}, {"preprocessing": PixelPreprocessing(3).describe()}):
        opened = open_weights(write_unet(**description))
        assert opened.preprocessing == PixelPreprocessing(3)
        assert opened.preprocessing(np.zeros((32, 48, 3), np.uint8)).shape == (3, 32, 48)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": {"name": "unet"}}, "it lacks 'in_channels'"),
        ({"architecture": {"name": "unet", "in_channels": 2}}, "in_channels must be 1 or 3, got 2"),
        ({"architecture": {"name": "unet", "in_channels": 1}}, "wrong shape"),
        ({"preprocessing": PixelPreprocessing(1).describe()}, "its network takes 3 channels"),
        ({"preprocessing": Preprocessing().describe()}, "an unknown preprocessing"),
    ],
)
def test_descriptions_of_networks_of_pixels_are_checked(write_unet, changes, message):
    with pytest.raises(InputError, match=message):
        open_weights(write_unet(**changes))


def test_a_network_of_pixels_has_two_classes(write_unet):
    with pytest.raises(InputError, match="expected the names of 2 classes"):
        open_predictor(write_unet(classes=["vein"]))
    assert open_predictor(write_unet()).classes == ["background", "foreground"]


def test_spatial_attention_is_of_pictures_of_one_size(tmp_path):
    network = build({"name": "resnet18", "num_classes": 2, "attention": "nam+spatial", "image_size": 64})
    described = {"architecture": network.architecture, "preprocessing": Preprocessing(96).describe()}
    write_weights(tmp_path / "w.pdparams", network, described)
    with pytest.raises(InputError, match="of pictures of 64 pixels, its preprocessing gives 96"):
        open_weights(tmp_path / "w.pdparams")


def test_an_empty_matrix_of_many_classes_builds_nothing(tmp_path):
    arrays = {"_fc.weight": np.zeros((0, 20_000), np.float32)}
    description = {"format": 1, "architecture": {"name": "shufflenet_v2_x0_25", "num_classes": 20_000}}
    encoded = np.frombuffer(json.dumps(description).encode(), np.uint8)
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors.numpy.save({**arrays, DESCRIPTION_KEY: encoded}))
    with pytest.raises(InputError, match=r"_fc\.weight is empty"):
        open_weights(path)


@pytest.mark.parametrize("name", ["\udcff", "a\nb", "\x1b[2J", ""])
def test_a_class_whose_name_cannot_be_written_is_refused(name):
    with pytest.raises(InputError, match="expected the names of 2 classes") as raised:
        class_names(Path("w"), {"architecture": {"name": "unet"}, "classes": ["vein", name]})
    str(raised.value).encode("utf-8")
