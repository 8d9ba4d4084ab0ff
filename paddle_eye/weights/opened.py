"""A weight file as a network that is ready to be used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import paddle

from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.data.sources.tables import fault_of_class
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.errors import InputError, brief
from paddle_eye.models.registry import build, family
from paddle_eye.run_folder import weight_file
from paddle_eye.weights.format import WeightFile, load_into, read_weights

MOST_CLASSES = 25_000  # ImageNet has 21 841
FOREGROUND_CLASSES = ["background", "foreground"]  # of a network of pixels whose file does not name them


class Opened(NamedTuple):
    """A trained network, ready to be used.

    Args:
        model: with its weights, in evaluation mode.
        preprocessing: what its pictures must go through.
        description: what the weight file says of itself; only ``architecture`` is sure to be there.
    """

    model: paddle.nn.Layer
    preprocessing: Preprocessing | PixelPreprocessing
    description: dict[str, Any]


def open_weights(path: str | Path, layers: int | None = None, version: str | None = None) -> Opened:
    """Read a weight file and build its network.

    Args:
        path: a file of this project, or one without a description, such as the document's own; of a run's folder, its
            best weights.
        layers: depth of the network in a file without a description; None takes it from the file's name.
        version: likewise.

    Raises:
        InputError: the file cannot be used; the message says why.

    Example:
        >>> import paddle_eye
        >>> opened = paddle_eye.open_weights("paddle_eye/bundled/palm_shufflenet_v2_x0_5.safetensors")
        >>> opened.preprocessing.preset, opened.description["epoch"]
        ('fundus', 100)
    """
    path = weight_file(Path(path))
    weights = read_weights(path)
    description = weights.description or {"architecture": _architecture_by_name(path, weights, layers, version)}
    try:
        architecture = description["architecture"]
        for name, asked in (("layers", layers), ("version", version)):
            if asked not in (None, architecture.get(name)):
                raise ValueError(f"it says it is of {name} {architecture.get(name)}, not {asked}")
        kind = family(architecture)
        if kind.head is not None and architecture.get(kind.classes) != weights.arrays[kind.head].shape[1]:
            raise ValueError("its description and its weights differ in the number of classes")
        if kind.head is not None and not 0 < architecture[kind.classes] <= MOST_CLASSES:
            raise ValueError(f"{architecture[kind.classes]} classes; expected 1 to {MOST_CLASSES}")
        if kind.head is not None and not weights.arrays[kind.head].size:
            raise ValueError(f"{kind.head} is empty")
        model = build(architecture)
        preprocessing = described_preprocessing(description)
        if architecture.get("attention") == "nam+spatial" and preprocessing.image_size != model.image_size:
            sizes = f"{model.image_size} pixels, its preprocessing gives {preprocessing.image_size}"
            raise ValueError(f"its spatial attention is of pictures of {sizes}")
        trained_on = description.get("data", {}).get("path", "")
        if not isinstance(trained_on, str) or "\0" in trained_on:
            raise ValueError("its description does not name its data")
    except KeyError as error:
        raise InputError(f"{path}: this weight file cannot be used here: it lacks {error}") from error
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: this weight file cannot be used here: {error}") from error
    load_into(model, weights.arrays, path, model.never_read)
    model.eval()
    return Opened(model, preprocessing, description)


def class_names(path: Path, description: dict[str, Any]) -> list[str]:
    """The names of the classes in a description; where it has none, numbers, or background and foreground.

    Args:
        path: of the file, for the message.
        description: what it says of itself.

    Raises:
        InputError: it has something else than a name of its own for each class.
    """
    architecture = description["architecture"]
    count = architecture.get(family(architecture).classes)
    default = FOREGROUND_CLASSES if count is None else [f"class {label}" for label in range(count)]
    classes = description.get("classes", default)
    named = isinstance(classes, list) and all(isinstance(name, str) and not fault_of_class(name) for name in classes)
    if not named or not len(classes) == len(set(classes)) == len(default):
        what = f"the names of {len(default)} classes, all different,"
        raise InputError(f"{path}: expected {what} in its description, found {brief(ascii(classes))}")
    return classes


def mask_values(path: Path, description: dict[str, Any]) -> list[int]:
    """The values that the classes have in mask files; 0 and 255 of two, and of more, if they are not said, 0, 1, 2 ….

    Args:
        path: of the weight file, for the message.
        description: what it says of itself.

    Raises:
        InputError: it has something else than a value of its own for each class.
    """
    count, data = len(class_names(path, description)), description.get("data")
    if count == 2:
        return [0, 255]
    values = data.get("values", list(range(count))) if isinstance(data, dict) else list(range(count))
    whole = isinstance(values, list) and all(type(value) is int and 0 <= value < 65536 for value in values)
    if not whole or len(set(values)) != count or len(values) != count:
        raise InputError(f"{path}: expected {count} different values of masks in its description, found {values!r}")
    return values


def learned_in_field(description: dict[str, Any]) -> bool:
    """Whether a network of pixels learned from pictures that come with their fields of view."""
    data = description.get("data")
    return isinstance(data, dict) and data.get("field_of_view") is True


def asked_of_fundi(description: Mapping[str, Any]) -> bool:
    """Whether a classifier is asked about photographs of a fundus; files that do not say are of one that is."""
    data = description.get("data")
    return not isinstance(data, dict) or data.get("fundus") is not False


def reservations(description: Mapping[str, Any]) -> list[str]:
    """What a person should know of a network before it is believed, as far as its file says."""
    said, data = [], description.get("data")
    if isinstance(data, dict) and data.get("demonstration"):
        said.append("It was trained on pictures drawn by a program and knows nothing about eyes.")
    if description.get("epoch") == 0:
        said.append("Its weights are those before the first epoch: no later one was better, or there was none.")
    return said


_PREPROCESSINGS = {"classification": Preprocessing, "segmentation": PixelPreprocessing}


def described_preprocessing(description: dict[str, Any]) -> Preprocessing | PixelPreprocessing:
    """What the pictures of a file's network must go through.

    Raises:
        ValueError: the file asks for something unknown, or its network takes other channels.
        KeyError, TypeError, AttributeError: the description is damaged.
    """
    kind = family(description["architecture"])
    described = description.get("preprocessing")
    channels = description["architecture"]["in_channels"] if "in_channels" in kind.settings else 3
    known = _PREPROCESSINGS[kind.task]
    preprocessing = known.default(channels) if described is None else known.from_description(described)
    if preprocessing.channels != channels:
        raise ValueError(f"its network takes {channels} channels, its preprocessing gives {preprocessing.channels}")
    return preprocessing


def named_resnet(path: Path) -> tuple[int, str] | None:
    """Depth and version of the document's network in the name of a file, such as resnet50_vD_PALM.pdparams."""
    match = re.match(r"resnet(\d+)_v([A-Z])(?![A-Za-z0-9])", path.name)
    return (int(match[1]), match[2]) if match else None


def _architecture_by_name(path: Path, weights: WeightFile, layers: int | None, version: str | None) -> dict[str, Any]:
    """The document's network in a file that does not describe itself."""
    named = named_resnet(path) or (None, None)
    layers, version = layers or named[0], version or named[1]
    if layers is None or version is None:
        raise InputError(
            f"{path}: neither the file nor its name (such as resnet50_vD_PALM.pdparams) says which network it is of; "
            "give tools/eval.py --layers and --version, or tools/convert_weights.py, which also takes files of other "
            "libraries"
        )
    head = weights.arrays.get("out.weight")
    if head is None or head.ndim != 2:
        raise InputError(f"{path}: these are no weights of a ResNet of this project (no matrix out.weight)")
    return {
        "name": "resnet",
        "layers": layers,
        "class_dim": head.shape[1],
        "version": version,
        "definition": "document",
    }
