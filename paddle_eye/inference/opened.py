"""A weight file as a network that is ready to be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Union

import paddle

from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.errors import InputError
from paddle_eye.models.registry import build, family
from paddle_eye.models.weights import WeightFile, load_into, read_weights

FOREGROUND_CLASSES = ["background", "foreground"]  # of a network of pixels whose file does not name them


class Opened(NamedTuple):
    """A trained network, ready to be used.

    Args:
        model: with its weights, in evaluation mode.
        preprocessing: what its pictures must go through.
        description: what the weight file says of itself; only ``architecture`` is sure to be there.
    """

    model: paddle.nn.Layer
    preprocessing: Union[Preprocessing, PixelPreprocessing]
    description: Dict[str, Any]


def open_weights(path: Union[str, Path], layers: Optional[int] = None, version: Optional[str] = None) -> Opened:
    """Read a weight file and build its network.

    Args:
        path: a file of this project, or one without a description, such as the document's own.
        layers: depth of the network in a file without a description; None takes it from the file's name.
        version: likewise.

    Raises:
        InputError: the file cannot be used; the message says why.
    """
    path = Path(path)
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
        model = build(architecture)
        preprocessing = _preprocessing(kind.task, description)
        if not isinstance(description.get("data", {}).get("path", ""), str):
            raise ValueError("its description does not name its data")
    except KeyError as error:
        raise InputError(f"{path}: this weight file cannot be used here: it lacks {error}") from error
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: this weight file cannot be used here: {error}") from error
    load_into(model, weights.arrays, path, model.never_read)
    model.eval()
    return Opened(model, preprocessing, description)


def class_names(path: Path, description: Dict[str, Any], default: List[str]) -> List[str]:
    """The names of the classes in a description, as many as there are in ``default``, which are taken if it has none.

    Raises:
        InputError: it has something else.
    """
    classes = description.get("classes", default)
    if not isinstance(classes, list) or len(classes) != len(default) or not all(isinstance(c, str) for c in classes):
        raise InputError(f"{path}: expected the names of {len(default)} classes in its description, found {classes!r}")
    return classes


def _preprocessing(task: str, description: Dict[str, Any]) -> Union[Preprocessing, PixelPreprocessing]:
    """What the pictures of a file's network must go through.

    Raises:
        ValueError: the file asks for something unknown, or its network takes other channels.
    """
    told = description.get("preprocessing")
    if task == "classification":
        return Preprocessing() if told is None else Preprocessing.from_description(told)
    own = PixelPreprocessing(description["architecture"]["in_channels"])
    if told is not None and PixelPreprocessing.from_description(told) != own:
        raise ValueError(f"its network takes {own.channels} channels, its preprocessing gives others")
    return own


def _architecture_by_name(
    path: Path, weights: WeightFile, layers: Optional[int], version: Optional[str]
) -> Dict[str, Any]:
    """The document's network in a file that does not describe itself."""
    match = re.match(r"resnet(\d+)_v([A-Z])(?![A-Za-z0-9])", path.name)
    layers = layers or (int(match[1]) if match else None)
    version = version or (match[2] if match else None)
    if layers is None or version is None:
        raise InputError(
            f"{path}: neither the file nor its name (such as resnet50_vD_PALM.pdparams) says which network it is of; "
            "give tools/eval.py --layers and --version; for a file of another library there is tools/convert_weights.py"
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
