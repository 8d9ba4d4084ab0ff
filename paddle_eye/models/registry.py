"""The networks by name."""

from __future__ import annotations

from typing import Any, Mapping

import paddle

from paddle_eye.models.resnet import ResNet

MODELS = {"resnet": ResNet}


def build(architecture: Mapping[str, Any]) -> paddle.nn.Layer:
    """The network a weight file's description speaks of, freshly initialised.

    Raises:
        ValueError: an architecture this version does not know.
    """
    arguments = dict(architecture)
    name = arguments.pop("name", None)
    if name not in MODELS:
        raise ValueError(f"unknown network {name!r}; known are {', '.join(MODELS)}")
    try:
        return MODELS[name](**arguments)
    except TypeError as error:
        raise ValueError(f"the network {name!r} cannot be built from {arguments}: {error}") from error
