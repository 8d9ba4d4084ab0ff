"""What every network of the registry must do, whatever it is."""

import numpy as np
import paddle
import pytest

from paddle_eye.choices import NetworkName
from paddle_eye.engine import optim
from paddle_eye.engine.loop import train_one_epoch
from paddle_eye.inference.cam import grad_cam
from paddle_eye.inference.tiles import pixel_logits
from paddle_eye.models.base import Classifier, Segmenter
from paddle_eye.models.freezing import BACKBONE, freeze
from paddle_eye.models.registry import MODELS, build, family
from paddle_eye.models.unet import all_outputs
from paddle_eye.tasks.classification import ClassificationObjective
from paddle_eye.tasks.mask_objectives import objective_of
from paddle_eye.weights.format import load_into, read_weights, write_weights
from paddle_eye.weights.pretrained import load_pretrained

CLASSES = 3
SIDE = 32
SETTINGS = {"layers": 50, "version": "D", "definition": "document", "attention": "nam", "image_size": SIDE}
SETTINGS["in_channels"] = 1
LARGE = [name for name in MODELS if "101" in name or "152" in name]  # the same code as their smaller kin
CLASSIFIERS = [name for name in MODELS if MODELS[name].task == "classification" and name not in LARGE]
SEGMENTERS = [name for name in MODELS if MODELS[name].task == "segmentation"]


def architecture_of(name):
    architecture = {"name": name, **{key: SETTINGS[key] for key in MODELS[name].settings}}
    return architecture if name in SEGMENTERS else {**architecture, MODELS[name].classes: CLASSES}


@pytest.fixture(scope="module", params=[*CLASSIFIERS, *SEGMENTERS, *(f"{name}, classes" for name in SEGMENTERS)])
def model(request):
    """Of networks of pixels, those for a foreground and those for several classes."""
    name, _, several = request.param.partition(", ")
    paddle.seed(0)
    return build({**architecture_of(name), **({"num_classes": CLASSES} if several else {})})


@pytest.fixture
def inputs(model):
    channels = model.in_channels if isinstance(model, Segmenter) else 3
    return np.random.default_rng(0).uniform(-1, 1, (2, channels, SIDE, SIDE)).astype("float32")


def outputs(model, inputs):
    model.eval()
    with paddle.no_grad():
        return [each.numpy() for each in all_outputs(model(paddle.to_tensor(inputs)))]


def test_the_settings_know_the_networks():
    assert set(MODELS) == set(NetworkName.__args__)


def test_a_network_is_described_and_built_again(model):
    architecture = model.architecture
    assert family(architecture) is MODELS[architecture["name"]]
    again = build(architecture)
    assert again.architecture == architecture
    assert {key: value.shape for key, value in again.state_dict().items()} == {
        key: value.shape for key, value in model.state_dict().items()
    }
    assert family(architecture).title(architecture) and family(architecture).run_name(architecture)
    assert not model.never_read("a name of something else")


def test_shapes(model, inputs):
    *coarse, last = outputs(model, inputs)
    if isinstance(model, Classifier):
        assert (coarse, last.shape) == ([], (2, CLASSES))
        assert model.state_dict()[family(model.architecture).head].shape[1] == CLASSES
        with paddle.no_grad():
            features = model.forward_features(paddle.to_tensor(inputs))
            np.testing.assert_allclose(model.forward_head(features).numpy(), last, atol=1e-5)
    else:
        count = model.architecture.get("num_classes", 1)
        assert {output.shape[:2] for output in (*coarse, last)} == {(2, count)} and last.shape[2:] == (SIDE, SIDE)
        assert [output.shape[2:] for output in coarse] in ([], [(SIDE // 8,) * 2, (SIDE // 4,) * 2, (SIDE // 2,) * 2])
        assert SIDE % model.multiple == 0
        assert pixel_logits(model, inputs[0][:, :20, :27]).shape == (count, 20, 27)


def test_in_a_training_step_every_parameter_gets_a_gradient(model, inputs):
    before = {name: parameter.numpy().copy() for name, parameter in model.named_parameters()}
    if isinstance(model, Classifier):
        objective, targets = ClassificationObjective(), np.array([0, 1])
    else:
        count = model.architecture.get("num_classes", 2)
        objective, targets = objective_of(["background", *"ab"][:count]), np.digitize(inputs[:, :1], [-0.3, 0.3])
        targets = targets.clip(0, count - 1)
    train_one_epoch(model, optim.build("AdamW", model, 0.01), objective, [(inputs, targets)])
    learned = {name: p for name, p in model.named_parameters() if not p.stop_gradient}
    assert [name for name, p in learned.items() if p.grad is None or not np.isfinite(p.grad.numpy()).all()] == []
    kernels = [name for name, p in learned.items() if len(p.shape) > 1]
    assert [name for name in kernels if (learned[name].numpy() == before[name]).all()] == []


@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
def test_saved_and_loaded_it_is_the_same(model, inputs, suffix, tmp_path):
    path = tmp_path / f"w{suffix}"
    write_weights(path, model, {"architecture": model.architecture})
    weights = read_weights(path)
    again = build(weights.description["architecture"])
    load_into(again, weights.arrays, path, again.never_read)
    for one, other in zip(outputs(model, inputs), outputs(again, inputs)):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *SEGMENTERS])
def test_a_frozen_backbone_leaves_the_last_layers(name):
    model = build(architecture_of(name))
    *numbered, last = model.stages
    numbered += [last] if isinstance(model, Classifier) else []
    assert numbered == ["stem", *(f"stage{number}" for number in range(1, len(numbered)))]
    freeze(model, BACKBONE)
    learning = {key for key, p in model.named_parameters() if not p.stop_gradient}
    assert learning == {key for key in model.state_dict() if key.startswith(last_layers(model))}


def last_layers(model):
    """The beginnings of their names."""
    head, _, _ = (family(model.architecture).head or "").rpartition(".")
    return (f"{head}.",) if head else ("final.", "coarse.", "heads.")


@pytest.mark.parametrize("name", [*CLASSIFIERS, *SEGMENTERS])
def test_all_but_the_last_layers_are_taken_from_a_network_for_something_else(name, tmp_path):
    model = build(architecture_of(name))
    given = build({**model.architecture, family(model.architecture).classes: CLASSES + 1})
    given.set_state_dict({key: paddle.full_like(value, 0.25) for key, value in given.state_dict().items()})
    write_weights(tmp_path / "w.pdparams", given, {"architecture": given.architecture})
    own = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    load_pretrained(model, str(tmp_path / "w.pdparams"))
    for key, value in model.state_dict().items():
        expected = own[key] if key.startswith(last_layers(model)) else np.full(own[key].shape, 0.25, "float32")
        np.testing.assert_array_equal(value.numpy(), expected, err_msg=key)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_last_layer_is_made_for_other_classes(name):
    model = build(architecture_of(name))
    model.reset_classifier(5)
    assert model.architecture[family(model.architecture).classes] == 5


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_evidence_for_a_class_has_the_size_of_the_picture(name):
    paddle.seed(0)
    model = build(architecture_of(name))
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 3, SIDE, SIDE)).astype("float32")
    heat = grad_cam(model, pictures, [0, CLASSES - 1])
    assert heat.shape == (2, SIDE, SIDE)
    assert heat.min() >= 0 and heat.max() <= 1
