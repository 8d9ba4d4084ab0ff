"""The network that a run begins or goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import paddle

from paddle_eye.config import Config
from paddle_eye.engine.checkpoint import load_checkpoint
from paddle_eye.errors import InputError
from paddle_eye.files import RunFolder, weight_file
from paddle_eye.models.freezing import freeze
from paddle_eye.models.pretrained import load_pretrained, load_trained
from paddle_eye.models.registry import build, family
from paddle_eye.models.weights import read_weights
from paddle_eye.runs import network_settings


def new_network(settings: Config, class_count: int) -> paddle.nn.Layer:
    """The network of a run, freshly initialised, and frozen as far as the settings say.

    Args:
        settings: of the run.
        class_count: of its data; a network of pixels has one output for two classes.

    Raises:
        InputError: a setting that it does not have.
    """
    network = network_settings(settings)
    if family(network).classes is not None:
        network[family(network).classes] = class_count
    try:
        model = build(network)
    except ValueError as error:
        raise InputError(f"the network {network['name']!r} cannot be built: {error}") from error
    if settings.train.freeze is not None:
        try:
            freeze(model, settings.train.freeze)
        except ValueError as error:
            raise InputError(f"--freeze {settings.train.freeze}: {error}") from error
    return model


def begin(
    settings: Config,
    run: Optional[RunFolder],
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    digest: str,
) -> Tuple[List[Dict[str, Any]], Dict[str, Any]]:
    """Give a network the parameters to begin or to go on with; random ones are there already.

    Args:
        settings: of the run.
        run: the run to continue; None begins anew.
        model: the network.
        optimizer: gets back its state.
        digest: of the data, see `paddle_eye.data.identity.data_digest`.

    Returns:
        The history of the run that is continued, and what the weights say of themselves.

    Raises:
        InputError: the weights cannot be used, or the run was started with other data.
    """
    recipe = settings.train
    if run is not None and run.checkpoint.is_file():
        return load_checkpoint(run.checkpoint, model, optimizer), _require_same_data(run, digest)
    if recipe.weights is not None and recipe.pretrained is not None:
        raise InputError(
            f"--weights {recipe.weights} and --pretrained {recipe.pretrained}: only one can be; the configuration file "
            "may have set the other (--set train.pretrained=null takes it back)"
        )
    if recipe.weights is not None:
        return [], load_trained(model, weight_file(Path(recipe.weights)))
    if recipe.pretrained is not None:
        return [], load_pretrained(model, recipe.pretrained)
    return [], {}


def _require_same_data(run: RunFolder, digest: str) -> Dict[str, Any]:
    """A run goes on with the photographs, labels and split that it was started with, or not at all.

    Returns:
        What its best weights say of themselves.
    """
    if not run.best_weights.is_file():
        raise InputError(f"{run.best_weights} is missing; put it back, or train anew with --overwrite")
    description = read_weights(run.best_weights).description or {}
    started_with = (description.get("data") or {}).get("digest")
    if started_with not in (None, digest):
        raise InputError(
            f"{run.path}: the photographs, their labels or their split are others than when the run was started; "
            "put them back, or leave out --resume to start another run"
        )
    return description
