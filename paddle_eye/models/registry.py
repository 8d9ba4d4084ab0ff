"""The networks by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Callable, NamedTuple, get_args

from paddle_eye.choices import NetworkTask
from paddle_eye.models.base import Network
from paddle_eye.models.resnet import ResNet
from paddle_eye.models.resnet_nam import resnet18
from paddle_eye.models.transfer import NETWORKS, build_transfer
from paddle_eye.models.unet import AttentionUNet, DAMUNet, DeepAttentionUNet, UNet


class Family(NamedTuple):
    """Networks that one function builds.

    Args:
        build: keyword arguments in, network out.
        settings: the arguments that a person chooses.
        run_name: an architecture's name for files, for example ``resnet50_vD``.
        title: its name for people, for example ``ResNet50-D``.
        task: what its networks answer for: ``'classification'`` of pictures or ``'segmentation'``, of pixels.
        classes: the argument that is the number of classes; an architecture that lacks it has two.
        head: the weight matrix with one column per class; None in networks of pixels.
    """

    build: Callable[..., Network]
    settings: tuple[str, ...]
    run_name: Callable[[Mapping[str, Any]], str]
    title: Callable[[Mapping[str, Any]], str]
    task: NetworkTask = "classification"
    classes: str = "num_classes"
    head: str | None = None


_RESNET18_NAMES = {  # attention: name for files, name for people
    None: ("resnet18", "ResNet18"),
    "nam": ("resnet18_nam", "ResNet18-NAM"),
    "nam+spatial": ("resnet18_nam_spatial", "ResNet18-NAM+spatial"),
}
_UNETS = {  # name: network, name for people
    "unet": (UNet, "U-Net"),
    "att_unet": (AttentionUNet, "ATT-U-Net"),
    "datt_unet": (DeepAttentionUNet, "DATT-U-Net"),
    "damu_unet": (DAMUNet, "DAMU-Net"),
}
MODELS = {
    "resnet": Family(
        ResNet,
        settings=("layers", "version", "definition"),
        classes="class_dim",
        head="out.weight",
        run_name=lambda architecture: f"resnet{architecture['layers']}_v{architecture['version']}",
        title=lambda architecture: f"ResNet{architecture['layers']}-{architecture['version']}",
    ),
    "resnet18": Family(
        resnet18,
        settings=("attention", "image_size"),
        head="fc.weight",
        run_name=lambda architecture: _RESNET18_NAMES[architecture["attention"]][0],
        title=lambda architecture: _RESNET18_NAMES[architecture["attention"]][1],
    ),
    **{
        name: Family(
            partial(build_transfer, name),
            settings=(),
            head=f"{network.kind.head}.weight",
            run_name=lambda architecture: architecture["name"],
            title=lambda architecture: architecture["name"],
        )
        for name, network in NETWORKS.items()
    },
    **{
        name: Family(
            network,
            task="segmentation",
            settings=("in_channels",),
            run_name=lambda architecture: architecture["name"],
            title=lambda architecture: _UNETS[architecture["name"]][1],
        )
        for name, (network, _) in _UNETS.items()
    },
}


def family(architecture: Mapping[str, Any]) -> Family:
    """The family of an architecture, the description that a weight file has of its network.

    Raises:
        ValueError: one this version does not know.
    """
    name = architecture.get("name")
    if name not in MODELS:
        raise ValueError(f"unknown network {name!r}; known are {', '.join(MODELS)}")
    return MODELS[name]


def build(architecture: Mapping[str, Any]) -> Network:
    """The network of an architecture, freshly initialised.

    Raises:
        ValueError: an architecture this version does not know.
    """
    arguments = {key: value for key, value in architecture.items() if key != "name"}
    try:
        return family(architecture).build(**arguments)
    except TypeError as error:
        raise ValueError(f"the network {architecture['name']!r} cannot be built from {arguments}: {error}") from error


def list_models(task: NetworkTask | None = None) -> list[str]:
    """The names of the networks.

    Args:
        task: ``'classification'`` or ``'segmentation'``; None lists all.

    Raises:
        ValueError: another task.

    Example:
        >>> import paddle_eye
        >>> paddle_eye.list_models("segmentation")
        ['unet', 'att_unet', 'datt_unet', 'damu_unet']
    """
    if task not in (None, *get_args(NetworkTask)):
        raise ValueError(f"unknown task {task!r}; known are {', '.join(get_args(NetworkTask))}")
    return [name for name, each in MODELS.items() if task in (None, each.task)]


def create_model(name: str, num_classes: int = 2, **settings: Any) -> Network:
    """A network by its name, freshly initialised.

    Args:
        name: one of `list_models`.
        num_classes: a network of pixels for two has one output, which tells foreground from background.
        settings: of the network: ``layers``, ``version`` and ``definition`` of ``'resnet'``, ``attention`` and
            ``image_size`` of ``'resnet18'``, ``in_channels`` of the U-Nets; left out, their own defaults.

    Raises:
        ValueError: an unknown name or setting, where the message lists the choices, or no such number of classes.

    Example:
        >>> import paddle, paddle_eye
        >>> model = paddle_eye.create_model("resnet", num_classes=2, layers=50, version="D")
        >>> list(model(paddle.zeros([1, 3, 64, 64])).shape)
        [1, 2]
    """
    kind = family({"name": name})
    unknown = [key for key in settings if key not in kind.settings]
    if unknown:
        raise ValueError(f"the network {name!r} has no setting {', '.join(unknown)}; it has {', '.join(kind.settings)}")
    if type(num_classes) is not int or num_classes < 1:
        raise ValueError(f"num_classes: expected a whole number from 1, got {num_classes!r}")
    return build({"name": name, kind.classes: num_classes, **settings})


def in_words(architecture: Any) -> str:
    """An architecture in words."""
    if not isinstance(architecture, dict):
        return repr(architecture)
    return ", ".join(f"{key} {value}" for key, value in architecture.items())
