"""Parameter names of torchvision, `paddle.vision` and PaddleClas as the names of this project's networks."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

import numpy as np
from paddle import nn

from paddle_eye.models.resnet import BLOCKS_PER_STAGE, ResNet
from paddle_eye.models.transfer import ShuffleNetwork

Rules = list[tuple[str, str]]  # a regular expression that a whole name must match, and what the name becomes


def translate(arrays: Mapping[str, np.ndarray], model: nn.Layer) -> dict[str, np.ndarray]:
    """The arrays of another library under the names of a network of the same design.

    Names that no rule knows stay as they are, so that loading the arrays finds and tells them. PyTorch's linear layers
    are turned, and its counters of batches, which have no use here, left out.

    Args:
        arrays: parameter name to values. For `ResNet`: torchvision's or `paddle.vision`'s ResNet, PaddleClas' ResNet or
            ResNet_vd. For the networks of `paddle_eye.models.transfer` and for `ResNet18`: torchvision's or
            `paddle.vision`'s of the same name.
        model: the network.

    Raises:
        ValueError: the weights are of another version than the network; names and shapes would not tell.
    """
    if any(name.endswith(".running_mean") for name in arrays):
        arrays = _from_torch(arrays)
    rules = _rules(arrays, model)
    return {_renamed(name, rules): array for name, array in arrays.items()}


def _from_torch(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyTorch's names of statistics and layout of linear layers, [out, in], as Paddle's."""
    statistics = [(r"(.*)\.running_mean", r"\1._mean"), (r"(.*)\.running_var", r"\1._variance")]
    return {
        _renamed(name, statistics): array.T if array.ndim == 2 else array
        for name, array in arrays.items()
        if not name.endswith(".num_batches_tracked")
    }


def _rules(arrays: Mapping[str, np.ndarray], model: nn.Layer) -> Rules:
    if isinstance(model, ShuffleNetwork):
        return _TORCHVISION_SHUFFLENET
    version = resnet_version(arrays) if isinstance(model, ResNet) else None
    if version is None:
        return []  # our own names, or paddle.vision's, which are torchvision's
    if (model.version, model.definition) != (version, "paper"):
        raise ValueError(
            f"they are of version {version} as the paper defines it, the network is version {model.version} as the "
            f"{model.definition} does; take model.version={version} and model.definition=paper"
        )
    return _paddleclas_resnet(model) if "stem.0.conv.weight" in arrays else _vision_resnet(model)


def resnet_version(names: Container[str]) -> str | None:
    """The paper's version of a ResNet with another library's names; None for other names.

    torchvision's, `paddle.vision`'s and PaddleClas' ResNet have their stride on the 3x3 convolution, which is version
    B; PaddleClas' ResNet_vd, whose stem has three convolutions, is D.
    """
    if "conv1.weight" in names or "stem.0.conv.weight" in names:
        return "D" if "stem.2.conv.weight" in names else "B"
    return None


def _renamed(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        match = re.fullmatch(pattern, name)
        if match:
            return match.expand(replacement)
    return name


def _path_b(model: ResNet) -> str:
    """Name of path B's convolution, which comes after the pooling where there is one."""
    return "pathB.1" if "bb_0_0.pathB.1._conv.weight" in model.state_dict() else "pathB.0"


def _vision_resnet(model: ResNet) -> Rules:
    rules = [
        (r"conv1\.(.*)", r"input_stem.0._conv.\1"),
        (r"bn1\.(.*)", r"input_stem.0._batch_norm.\1"),
        (r"fc\.(.*)", r"out.\1"),
    ]
    path_b = _path_b(model)
    for stage in range(4):
        layer, block = rf"layer{stage + 1}\.(\d+)", rf"bb_{stage}_\1"
        for number in range(3):
            rules.append((rf"{layer}\.conv{number + 1}\.(.*)", rf"{block}.pathA.{number}._conv.\2"))
            rules.append((rf"{layer}\.bn{number + 1}\.(.*)", rf"{block}.pathA.{number}._batch_norm.\2"))
        rules.append((rf"{layer}\.downsample\.0\.(.*)", rf"{block}.{path_b}._conv.\2"))
        rules.append((rf"{layer}\.downsample\.1\.(.*)", rf"{block}.{path_b}._batch_norm.\2"))
    return rules


def _paddleclas_resnet(model: ResNet) -> Rules:
    """PaddleClas counts the blocks of all stages through."""
    blocks = [(stage, index) for stage, depth in enumerate(BLOCKS_PER_STAGE[model.layers]) for index in range(depth)]
    rules, path_b = [(r"fc\.(.*)", r"out.\1")], _path_b(model)
    for theirs, ours in (("conv", "_conv"), ("bn", "_batch_norm")):
        rules.append((rf"stem\.(\d)\.{theirs}\.(.*)", rf"input_stem.\1.{ours}.\2"))
        for number, (stage, index) in enumerate(blocks):
            block = f"bb_{stage}_{index}"
            rules.append((rf"blocks\.{number}\.conv(\d)\.{theirs}\.(.*)", rf"{block}.pathA.\1.{ours}.\2"))
            rules.append((rf"blocks\.{number}\.short\.{theirs}\.(.*)", rf"{block}.{path_b}.{ours}.\1"))
    return rules


def _torchvision_shufflenet() -> Rules:
    rules = [(r"conv1\.(.*)", r"_conv1.\1"), (r"conv5\.(.*)", r"_last_conv.\1"), (r"fc\.(.*)", r"_fc.\1")]
    first_units = {  # units of stride 2: what torchvision numbers, Paddle names
        r"branch1\.0": "_conv_dw_1.0",
        r"branch1\.1": "_conv_dw_1.1",
        r"branch1\.2": "_conv_linear_1.0",
        r"branch1\.3": "_conv_linear_1.1",
        r"branch2\.0": "_conv_pw_2.0",
        r"branch2\.1": "_conv_pw_2.1",
        r"branch2\.3": "_conv_dw_2.0",
        r"branch2\.4": "_conv_dw_2.1",
        r"branch2\.5": "_conv_linear_2.0",
        r"branch2\.6": "_conv_linear_2.1",
    }
    later_units = {
        branch: name.replace("_2.", ".") for branch, name in first_units.items() if branch.startswith("branch2")
    }
    for unit in range(8):
        for branch, name in (later_units if unit else first_units).items():
            rules.append((rf"stage(\d)\.{unit}\.{branch}\.(.*)", rf"\1_{unit + 1}.{name}.\2"))
    return rules


_TORCHVISION_SHUFFLENET = _torchvision_shufflenet()
