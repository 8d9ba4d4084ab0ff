import json

import numpy as np
import paddle
import pytest
import safetensors.numpy
from paddle.vision import models as vision

from paddle_eye.errors import InputError
from paddle_eye.models.resnet import ResNet
from paddle_eye.weights.conversion import convert
from paddle_eye.weights.format import write_weights
from paddle_eye.weights.opened import open_weights


@pytest.fixture
def shufflenet(tmp_path):
    """A file of `paddle.vision` that does not say what it is."""
    paddle.seed(0)
    model = vision.shufflenet_v2_x0_5(num_classes=7)
    model.eval()
    paddle.save(model.state_dict(), str(tmp_path / "in.pdparams"))
    return model, tmp_path / "in.pdparams"


@pytest.mark.parametrize("given", [{"layers": 101}, {"version": "D"}])
def test_what_the_arrays_tell_is_not_asked_for(shufflenet, given, tmp_path):
    with pytest.raises(InputError, match=r"--(layers 101|version D): the arrays in .* tell which network it is of"):
        convert(shufflenet[1], tmp_path / "out.pdparams", **given)
    assert not (tmp_path / "out.pdparams").exists()


@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
def test_a_file_without_a_description_gets_one(shufflenet, suffix, tmp_path):
    theirs, source = shufflenet
    target = tmp_path / f"out{suffix}"
    assert convert(source, target) == {"name": "shufflenet_v2_x0_5", "num_classes": 7}
    opened = open_weights(target)
    assert opened.preprocessing.preset == "imagenet"
    pictures = paddle.to_tensor(np.random.default_rng(0).uniform(-1, 1, (2, 3, 64, 64)).astype("float32"))
    np.testing.assert_array_equal(opened.model(pictures).numpy(), theirs(pictures).numpy())


def test_our_own_file_keeps_its_description(shufflenet, tmp_path):
    convert(shufflenet[1], tmp_path / "first.pdparams")
    opened = open_weights(tmp_path / "first.pdparams")
    write_weights(tmp_path / "told.pdparams", opened.model, {**opened.description, "classes": list("abcdefg")})
    convert(tmp_path / "told.pdparams", tmp_path / "second.safetensors")
    assert open_weights(tmp_path / "second.safetensors").description["classes"] == list("abcdefg")
    with pytest.raises(InputError, match="it says it is of shufflenet_v2_x0_5, not of resnet50"):
        convert(tmp_path / "told.pdparams", tmp_path / "third.safetensors", "resnet50")


def test_a_file_without_names_of_classes_gets_them(shufflenet, tmp_path):
    """From the ``class_indices.json`` of the tutorial, or of a run."""
    names = tmp_path / "class_indices.json"
    names.write_text(json.dumps({str(label): f"flower {label}" for label in reversed(range(7))}))
    convert(shufflenet[1], tmp_path / "out.pdparams", classes=names)
    assert open_weights(tmp_path / "out.pdparams").description["classes"] == [f"flower {label}" for label in range(7)]
    with pytest.raises(InputError, match=r"--classes .*class_indices.json: .*out.pdparams names its classes itself"):
        convert(tmp_path / "out.pdparams", tmp_path / "again.pdparams", classes=names)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('["a", "b"]', "expected a name for each of 7 classes, counted from 0"),
        ('{"0": "a", "1": "b"}', "expected a name for each of 7 classes, counted from 0"),
        (json.dumps({str(label): label for label in range(7)}), "expected the names of 7 classes, all different"),
        (json.dumps({str(label): "a" for label in range(7)}), "expected the names of 7 classes, all different"),
        ("{", "this is no JSON"),
    ],
)
def test_names_of_other_classes_are_refused(shufflenet, content, message, tmp_path):
    (tmp_path / "names.json").write_text(content)
    with pytest.raises(InputError, match=message):
        convert(shufflenet[1], tmp_path / "out.pdparams", classes=tmp_path / "names.json")
    assert not (tmp_path / "out.pdparams").exists()


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        (None, {"name": "resnet50", "num_classes": 3}),
        ("resnet", {"name": "resnet", "layers": 50, "version": "B", "definition": "paper", "class_dim": 3}),
    ],
)
def test_a_resnet50_becomes_what_is_asked_for(name, architecture, tmp_path):
    model = vision.resnet50(num_classes=3)
    safetensors.numpy.save_file({key: t.numpy() for key, t in model.state_dict().items()}, tmp_path / "in.safetensors")
    assert convert(tmp_path / "in.safetensors", tmp_path / "out.pdparams", name) == architecture


def test_a_resnet18_is_found(tmp_path):
    paddle.save(vision.resnet18(num_classes=3).state_dict(), str(tmp_path / "in.pdparams"))
    assert convert(tmp_path / "in.pdparams", tmp_path / "out.pdparams")["name"] == "resnet18"


@pytest.mark.parametrize(
    ("target", "name", "message"),
    [
        ("out.pth", None, "out.pth: expected a name that ends in .pdparams or .safetensors"),
        ("out.pdparams", "vgg", "--model vgg: unknown network; known are resnet, resnet18"),
        ("out.pdparams", "resnet34", "in.pdparams: the names and shapes in it are not those of resnet34"),
        ("out.pdparams", "resnet", "in.pdparams: the names and shapes in it are not those of resnet"),
    ],
)
def test_what_cannot_be_converted(shufflenet, target, name, message, tmp_path):
    with pytest.raises(InputError) as caught:
        convert(shufflenet[1], tmp_path / target, name)
    assert message in str(caught.value)
    assert not (tmp_path / target).exists()


@pytest.mark.parametrize(
    ("file", "given"), [("resnet50_vB_PALM.pdparams", ()), ("mine.pdparams", (50, "B"))], ids=["by name", "by flags"]
)
def test_a_file_of_the_documents_code_gets_a_description(file, given, tmp_path):
    paddle.seed(0)
    theirs = ResNet(layers=50, class_dim=2, version="B")
    paddle.save(theirs.state_dict(), str(tmp_path / file))
    architecture = convert(tmp_path / file, tmp_path / "out.safetensors", None, *given)
    assert architecture == theirs.architecture
    opened = open_weights(tmp_path / "out.safetensors")
    assert opened.preprocessing.preset == "document"
    np.testing.assert_array_equal(opened.model.out.weight.numpy(), theirs.out.weight.numpy())


def test_a_file_of_the_documents_code_that_does_not_say_its_version(tmp_path):
    paddle.save({"out.weight": paddle.ones([2048, 2])}, str(tmp_path / "mine.pdparams"))
    with pytest.raises(InputError, match=r"--layers and --version, or tools/convert_weights\.py"):
        convert(tmp_path / "mine.pdparams", tmp_path / "out.pdparams")


def test_weights_of_no_classifier(tmp_path):
    paddle.save({"layer.weight": paddle.ones([2, 2])}, str(tmp_path / "in.pdparams"))
    with pytest.raises(InputError, match="not those of a network of this project"):
        convert(tmp_path / "in.pdparams", tmp_path / "out.pdparams")
