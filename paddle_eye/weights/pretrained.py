"""Weights that were trained elsewhere: official ones, files of other libraries, and networks for other classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable

import numpy as np
import paddle
from paddle.utils import download
from paddle.vision.models import resnet, shufflenetv2

from paddle_eye.errors import InputError
from paddle_eye.models.base import Network
from paddle_eye.models.registry import MODELS, family, in_words
from paddle_eye.run_folder import weight_file
from paddle_eye.weights.format import WeightFile, load_into, read_weights
from paddle_eye.weights.opened import named_resnet
from paddle_eye.weights.translation import translate

OFFICIAL = "official"
_URLS = {**resnet.model_urls, **shufflenetv2.model_urls}


def load_trained(model: paddle.nn.Layer, path: Path) -> dict[str, Any]:
    """Give a network the weights of one like it, the last layer's among them.

    Returns:
        What the file says of itself; nothing, if it is not of this project.

    Raises:
        InputError: the file cannot be read, or is of another network; equal names and shapes are not enough, O and B
            share them.
    """
    weights = _read(path, model)
    load_into(model, weights.arrays, path, model.never_read)
    return weights.description or {}


def load_pretrained(model: Network, source: str) -> dict[str, Any]:
    """Give a network the weights of one for other classes; its last layers alone stay as they were made.

    Args:
        model: the network.
        source: ``'official'`` for Paddle's own weights, trained on ImageNet, which are downloaded once; or a file of
            this project, of Paddle or of PyTorch.

    Returns:
        What the file says of itself; nothing, if it is not of this project.

    Raises:
        InputError: the weights cannot be had, or are of another network.
    """
    path = official_weights(model.architecture) if source == OFFICIAL else weight_file(Path(source))
    if not path.exists():
        raise InputError(f"--pretrained {source}: no such file; give a weight file, or official")
    weights = _read(path, model, _design)
    own_head = _last_layers(model)
    try:
        translated = translate(weights.arrays, model)
    except ValueError as error:
        raise InputError(f"{path}: these weights are not for this network; {error}") from error
    load_into(model, {**translated, **own_head}, path, model.never_read)
    return weights.description or {}


def _last_layers(model: Network) -> dict[str, np.ndarray]:
    """The numbers of what belongs to no stage."""
    staged = {
        id(tensor) for layers in model.stages.values() for layer in layers for tensor in layer.state_dict().values()
    }
    return {key: tensor.numpy() for key, tensor in model.state_dict().items() if id(tensor) not in staged}


def official_weights(architecture: Mapping[str, Any]) -> Path:
    """Paddle's own weights for a network, from its folder of downloads or, checked by their digest, from its server.

    Raises:
        InputError: there are none for this network, or they cannot be downloaded.
    """
    name = architecture["name"]
    if name == "resnet" and (architecture["version"], architecture["definition"]) == ("B", "paper"):
        name = f"resnet{architecture['layers']}"
    if name not in _URLS or architecture.get("attention"):
        raise InputError(
            f"--pretrained official: Paddle has no weights for {in_words(architecture)}; it has them for "
            f"{', '.join(known for known in MODELS if known in _URLS)}, and those of resnet50 to resnet152 also fit "
            "--model resnet with model.version=B and model.definition=paper"
        )
    url, digest = _URLS[name]
    try:
        return Path(download.get_weights_path_from_url(url, digest))
    except Exception as error:  # whatever a network, a proxy or a full disk makes of it
        place = Path(download.WEIGHTS_HOME) / url.rpartition("/")[2]
        raise InputError(
            f"--pretrained official: {url} could not be downloaded ({error}); put the file at {place}, "
            "or give another with --pretrained FILE"
        ) from error


def _read(path: Path, model: paddle.nn.Layer, compared: Callable[[Any], Any] = lambda design: design) -> WeightFile:
    """A weight file, which must be of the network as far as its architecture is compared."""
    weights = read_weights(path)
    theirs = (weights.description or {}).get("architecture", model.architecture)
    if weights.description is None and theirs.get("name") == "resnet" and (named := named_resnet(path)):
        theirs = {**theirs, **dict(zip(("layers", "version"), named))}
    if compared(theirs) != compared(model.architecture):
        raise InputError(
            f"{path}: these weights are of {in_words(theirs)}, "
            f"the network to be trained is {in_words(model.architecture)}"
        )
    return weights


def _design(architecture: Any) -> Any:
    """An architecture without what may differ: the classes, and the size of pictures (shapes tell if it matters)."""
    name = architecture.get("name") if isinstance(architecture, dict) else None
    if not isinstance(name, str) or name not in MODELS:
        return architecture
    free = (family(architecture).classes, "image_size")
    return {key: value for key, value in architecture.items() if key not in free}
