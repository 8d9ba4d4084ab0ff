from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle.utils import download

from paddle_eye.errors import InputError
from paddle_eye.models.registry import MODELS, build
from paddle_eye.models.transfer import build_transfer
from paddle_eye.weights.format import write_weights
from paddle_eye.weights.pretrained import _URLS, load_pretrained, load_trained, official_weights

NAME = "shufflenet_v2_x0_25"
PAPER_B = {"name": "resnet", "layers": 101, "class_dim": 2, "version": "B", "definition": "paper"}


@pytest.fixture
def trained():
    paddle.seed(1)
    return build_transfer(NAME, 5)


def test_all_but_the_last_layer_is_taken(trained, tmp_path):
    path = tmp_path / "five.safetensors"
    write_weights(path, trained, {"architecture": trained.architecture})
    model = build_transfer(NAME, 2)
    before = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    load_pretrained(model, str(path))
    for key, tensor in model.state_dict().items():
        expected = before[key] if key.startswith("_fc.") else trained.state_dict()[key].numpy()
        np.testing.assert_array_equal(tensor.numpy(), expected, err_msg=key)


def test_a_file_of_paddle_without_a_description_is_taken(trained, tmp_path):
    path = tmp_path / "plain.pdparams"
    paddle.save(trained.state_dict(), str(path))
    model = build_transfer(NAME, 2)
    load_pretrained(model, str(path))
    np.testing.assert_array_equal(model._conv1[0].weight.numpy(), trained._conv1[0].weight.numpy())


def test_weights_of_another_network_are_refused(trained, tmp_path):
    path = tmp_path / "other.pdparams"
    write_weights(path, trained, {"architecture": trained.architecture})
    with pytest.raises(InputError, match=r"other.pdparams: these weights are of .*x0_25.* to be trained is .*x0_5"):
        load_pretrained(build_transfer("shufflenet_v2_x0_5", 2), str(path))


def test_a_key_too_many_is_refused(trained, tmp_path):
    path = tmp_path / "more.pdparams"
    paddle.save({**trained.state_dict(), "stranger": paddle.ones([2])}, str(path))
    with pytest.raises(InputError, match="unexpected: stranger"):
        load_pretrained(build_transfer(NAME, 2), str(path))


@pytest.mark.parametrize(
    ("architecture", "file"),
    [
        ({"name": NAME, "num_classes": 2}, f"{NAME}.pdparams"),
        ({"name": "resnet18", "num_classes": 2, "attention": None, "image_size": 224}, "resnet18.pdparams"),
        (PAPER_B, "resnet101.pdparams"),
    ],
    ids=lambda value: str(value),
)
def test_official_weights_come_from_paddle_with_their_digest(architecture, file, monkeypatch):
    asked = []
    monkeypatch.setattr(
        download, "get_weights_path_from_url", lambda url, digest: asked.append((url, digest)) or f"/home/{file}"
    )
    assert official_weights(architecture).name == file
    ((url, digest),) = asked
    assert url.startswith("https://") and url.endswith(f"/{file}")
    assert len(digest) == 32


@pytest.mark.parametrize(
    "architecture",
    [
        {"name": "resnext101_32x8d", "num_classes": 2},
        {"name": "resnet18", "num_classes": 2, "attention": "nam", "image_size": 224},
        {**PAPER_B, "definition": "document"},
        {**PAPER_B, "version": "D"},
        {"name": "unet", "in_channels": 3},
    ],
    ids=str,
)
def test_networks_without_official_weights_are_answered_with_those_that_have_them(architecture):
    with pytest.raises(InputError, match=r"Paddle has no weights for .*; it has them for resnet18, resnet34"):
        official_weights(architecture)


def test_only_one_transfer_network_has_no_official_weights():
    classifiers = {name for name, family in MODELS.items() if family.task == "classification"}
    assert classifiers - set(_URLS) == {"resnet", "resnext101_32x8d"}


def test_without_a_network_the_place_for_the_file_is_named(monkeypatch, tmp_path):
    def fail(url, digest):
        raise RuntimeError("Retry limit reached")

    monkeypatch.setattr(download, "get_weights_path_from_url", fail)
    monkeypatch.setattr(download, "WEIGHTS_HOME", str(tmp_path))
    place = str(tmp_path / f"{NAME}.pdparams")
    with pytest.raises(InputError, match=rf"Retry limit reached\); put the file at {place}"):
        official_weights({"name": NAME, "num_classes": 2})


def test_a_file_that_was_put_there_is_checked_and_used(trained, monkeypatch, tmp_path):
    """With Paddle's own function, whose digest this file cannot have: it must not be taken."""
    paddle.save(trained.state_dict(), str(tmp_path / f"{NAME}.pdparams"))
    monkeypatch.setattr(download, "WEIGHTS_HOME", str(tmp_path))
    monkeypatch.setitem(download._download_methods, "get", lambda url, path: False)
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    with pytest.raises(InputError, match="could not be downloaded"):
        load_pretrained(build({"name": NAME, "num_classes": 2}), "official")


def test_a_description_whose_network_has_no_name_is_refused(trained, tmp_path):
    path = tmp_path / "w.pdparams"
    write_weights(path, trained, {"architecture": {"name": ["x"]}})
    with pytest.raises(InputError, match=r"w.pdparams: these weights are of"):
        load_pretrained(build_transfer(NAME, 2), str(path))


def test_a_file_that_is_named_for_another_version_is_not_taken_for_this_one(tmp_path):
    """O and B have the same names and shapes."""
    described = {"name": "resnet", "layers": 50, "class_dim": 2, "definition": "document"}
    model = build({**described, "version": "B"})
    for name in ("resnet50_vO_PALM.pdparams", "resnet101_vB.pdparams", "resnet50_vB_PALM.pdparams"):
        paddle.save(model.state_dict(), str(tmp_path / name))
    for load in (load_pretrained, lambda model, path: load_trained(model, Path(path))):
        with pytest.raises(
            InputError,
            match=r"vO_PALM.pdparams: these weights are of .*version O.*trained is .*version B",
        ):
            load(model, str(tmp_path / "resnet50_vO_PALM.pdparams"))
        with pytest.raises(InputError, match=r"these weights are of name resnet, layers 101"):
            load(model, str(tmp_path / "resnet101_vB.pdparams"))
        load(model, str(tmp_path / "resnet50_vB_PALM.pdparams"))
