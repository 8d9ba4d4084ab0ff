"""Weight files of other libraries as files of this project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from paddle_eye.data.transforms import Preprocessing
from paddle_eye.errors import InputError
from paddle_eye.files import read_json
from paddle_eye.models.registry import MODELS, build, family
from paddle_eye.models.resnet import BLOCKS_PER_STAGE
from paddle_eye.models.transfer import NETWORKS
from paddle_eye.run_folder import weight_file
from paddle_eye.weights.format import load_into, read_weights, write_weights
from paddle_eye.weights.opened import MOST_CLASSES, class_names, open_weights
from paddle_eye.weights.translation import resnet_version, translate

_HEAD_OF_THE_DOCUMENT = MODELS["resnet"].head


def convert(
    source: Path,
    target: Path,
    name: str | None = None,
    layers: int | None = None,
    version: str | None = None,
    classes: Path | None = None,
) -> dict[str, Any]:
    """Write the weights of any file that can be read as a file of this project, which says what it is of.

    Files of other libraries are taken for networks that were trained on ImageNet with its usual preprocessing, those
    of the document's code for networks with the document's.

    Args:
        source: a file of this project, of Paddle, PaddleClas or PyTorch.
        target: ``.pdparams`` or ``.safetensors``.
        name: of the network; None takes the first whose names and shapes fit. ``'resnet'`` makes the document's class
            of torchvision's ResNet-50, which otherwise stays ``'resnet50'``.
        layers: depth of a network of the document's code; None takes it from the file's name.
        version: likewise.
        classes: a ``class_indices.json``, for a file that does not name its classes.

    Returns:
        The network's architecture.

    Raises:
        InputError: a file cannot be read, or fits no network.
    """
    if target.suffix not in (".pdparams", ".safetensors"):
        raise InputError(f"{target}: expected a name that ends in .pdparams or .safetensors")
    if name not in (None, *MODELS):
        raise InputError(f"--model {name}: unknown network; known are {', '.join(MODELS)}")
    source = weight_file(source)
    arrays, description = read_weights(source)
    if description is not None or _HEAD_OF_THE_DOCUMENT in arrays:
        opened = open_weights(source, layers, version)
        if name not in (None, opened.description["architecture"]["name"]):
            raise InputError(f"{source}: it says it is of {opened.description['architecture']['name']}, not of {name}")
        if classes is not None and "classes" in opened.description:
            raise InputError(f"--classes {classes}: {source} names its classes itself; leave it out")
        said = {"preprocessing": opened.preprocessing.describe(), **opened.description}
        write_weights(target, opened.model, {**said, **_named(classes, said["architecture"])})
        return said["architecture"]
    for flag, asked in (("--layers", layers), ("--version", version)):
        if asked is not None:
            raise InputError(f"{flag} {asked}: the arrays in {source} tell which network it is of; leave it out")
    for architecture in _architectures(arrays, name):
        model = build(architecture)
        translated = translate(arrays, model)
        if _shapes(translated) == _shapes(model.state_dict()):
            load_into(model, translated, source)
            preprocessing = Preprocessing(preset="imagenet").describe()
            said = {"architecture": architecture, "preprocessing": preprocessing}
            write_weights(target, model, {**said, **_named(classes, architecture)})
            return architecture
    raise InputError(f"{source}: the names and shapes in it are not those of {name or 'a network of this project'}")


def _named(path: Path | None, architecture: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names of the classes in a ``class_indices.json``, as they stand in a description; nothing without a file."""
    if path is None:
        return {}
    indices = read_json(path, "the names of the classes")
    numbers = [str(label) for label in range(len(class_names(path, {"architecture": architecture})))]
    if not isinstance(indices, dict) or indices.keys() != set(numbers):
        what = f"a name for each of {len(numbers)} classes, counted from 0"
        raise InputError(f'{path}: expected {what}, such as {{"0": "healthy", "1": "ill"}}')
    classes = [indices[number] for number in numbers]
    return {"classes": class_names(path, {"architecture": architecture, "classes": classes})}


def _architectures(arrays: Mapping[str, np.ndarray], name: str | None) -> list[dict[str, Any]]:
    """Those that may have such names."""
    if name is not None and MODELS[name].head is None:
        return []  # no library but this one has such networks
    head = next((arrays[key] for key in ("fc.weight", "_fc.weight") if key in arrays), None)
    if head is None or head.ndim != 2:
        return []
    from_torch = any(key.endswith(".running_mean") for key in arrays)
    class_count = head.shape[0 if from_torch else 1]
    if not 0 < class_count <= MOST_CLASSES or not head.size:
        return []
    if name == "resnet" or "stem.0.conv.weight" in arrays:
        known = {"version": resnet_version(arrays), "definition": "paper", "class_dim": class_count}
        return (
            [{"name": "resnet", "layers": layers, **known} for layers in BLOCKS_PER_STAGE] if known["version"] else []
        )
    stages = any(key.startswith("layer1.") for key in arrays)  # a ResNet; other networks have no such names
    likely = [each for each in ("resnet18", *NETWORKS) if (MODELS[each].head == "fc.weight") == stages]
    names = [name] if name else likely
    return [
        {"name": each, family({"name": each}).classes: class_count, **_PLAIN_RESNET18.get(each, {})} for each in names
    ]


_PLAIN_RESNET18 = {"resnet18": {"attention": None, "image_size": 224}}


def _shapes(arrays: Mapping[str, Any]) -> dict[str, list[int]]:
    return {key: list(array.shape) for key, array in arrays.items()}
