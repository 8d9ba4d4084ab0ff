"""Layers that training leaves alone."""

from __future__ import annotations

from paddle import nn

BACKBONE = "backbone"


def freeze(model: nn.Layer, part: str) -> None:
    """Freeze the first stages of a network: their parameters get no gradient, their statistics do not move.

    Batch normalisation keeps using the running statistics it has, also after ``model.train()``.

    Args:
        model: a network with ``stages``.
        part: ``'stem'``; ``'stageN'``, the stem and the stages up to N; or ``'backbone'``, all but the last
            layers.

    Raises:
        ValueError: the network has no such part; the message lists those it has.
    """
    names = list(model.stages)
    if part not in (BACKBONE, *names):
        raise ValueError(f"the network has no part {part!r} to freeze; it has {', '.join((*names, BACKBONE))}")
    last = len(names) if part == BACKBONE else names.index(part) + 1
    for name in names[:last]:
        for layer in model.stages[name]:
            _freeze_layer(layer)


def _freeze_layer(layer: nn.Layer) -> None:
    for parameter in layer.parameters():
        parameter.stop_gradient = True
    for each in layer.sublayers(include_self=True):
        if isinstance(each, (nn.BatchNorm1D, nn.BatchNorm2D)):
            each._use_global_stats = True  # what Paddle's constructor sets, too; `train` does not touch it
