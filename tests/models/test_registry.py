from typing import get_args

import pytest

from paddle_eye.choices import NetworkName
from paddle_eye.models.registry import MODELS, build, create_model, family, list_models

DOCUMENT_1 = {"name": "resnet", "layers": 50, "class_dim": 2, "version": "D", "definition": "document"}
TRANSFER = {"name": "shufflenet_v2_x0_5", "num_classes": 2}
DOCUMENT_2 = {"name": "resnet18", "num_classes": 6, "attention": "nam", "image_size": 224}


@pytest.mark.parametrize(
    "architecture", [DOCUMENT_1, DOCUMENT_2, TRANSFER], ids=lambda architecture: architecture["name"]
)
def test_a_network_is_built_again_from_what_it_says_of_itself(architecture):
    model = build(architecture)
    assert model.architecture == architecture
    kind = family(architecture)
    assert model.state_dict()[kind.head].shape[1] == architecture[kind.classes]
    assert {*kind.settings, kind.classes, "name"} == set(architecture)


@pytest.mark.parametrize(
    ("architecture", "run_name", "title"),
    [
        (DOCUMENT_1, "resnet50_vD", "ResNet50-D"),
        (DOCUMENT_2, "resnet18_nam", "ResNet18-NAM"),
        (TRANSFER, "shufflenet_v2_x0_5", "shufflenet_v2_x0_5"),
        ({**DOCUMENT_2, "attention": None}, "resnet18", "ResNet18"),
        ({**DOCUMENT_2, "attention": "nam+spatial"}, "resnet18_nam_spatial", "ResNet18-NAM+spatial"),
    ],
)
def test_names_for_files_and_for_people(architecture, run_name, title):
    assert family(architecture).run_name(architecture) == run_name
    assert family(architecture).title(architecture) == title


def test_the_settings_know_the_same_names():
    """They cannot import the networks, and with them Paddle, to ask."""
    assert set(get_args(NetworkName)) == set(MODELS)


@pytest.mark.parametrize("name", ["vgg", None, 3])
def test_an_unknown_network_is_answered_with_the_known_ones(name):
    with pytest.raises(ValueError, match=rf"unknown network {name!r}; known are {', '.join(MODELS)}"):
        build({"name": name})


@pytest.mark.parametrize("count", [0, -2, 2.0, "2", True])
def test_a_number_of_classes_that_is_none(count):
    with pytest.raises(ValueError, match="num_classes: expected a whole number from 1, got "):
        create_model("resnet18", num_classes=count)


def test_an_unknown_task_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown task 'masks'; known are classification, segmentation"):
        list_models("masks")


def test_settings_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"the network 'resnet18' cannot be built from \{'layers': 3\}"):
        build({"name": "resnet18", "layers": 3})
