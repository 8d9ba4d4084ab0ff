"""The network that a run begins or goes on with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import paddle

from paddle_eye.config import Config
from paddle_eye.data.identity import digest_of_pictures
from paddle_eye.engine.checkpoint import load_checkpoint
from paddle_eye.engine.precision import Precision
from paddle_eye.errors import InputError
from paddle_eye.models.freezing import freeze
from paddle_eye.models.registry import build, family
from paddle_eye.run_folder import RunFolder, weight_file
from paddle_eye.runs.choose import network_settings
from paddle_eye.tasks.base import Data
from paddle_eye.weights.format import read_weights
from paddle_eye.weights.pretrained import load_pretrained, load_trained


def new_network(settings: Config, class_count: int) -> paddle.nn.Layer:
    """The network of a run, freshly initialised, and frozen as far as the settings say.

    Args:
        settings: of the run.
        class_count: of its data.

    Raises:
        InputError: a setting that it does not have.
    """
    network = network_settings(settings)
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
    run: RunFolder | None,
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    precision: Precision,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Give a network the parameters to begin or to go on with; random ones are there already.

    Args:
        settings: of the run.
        run: the run to continue; None begins anew.
        model: the network.
        optimizer: gets back its state.
        precision: likewise.

    Returns:
        The history of the run that is continued, and what the weights say of themselves.

    Raises:
        InputError: the weights cannot be used.
    """
    recipe = settings.train
    if run is not None and not run.checkpoint.is_file() and _was_trained(run):
        raise InputError(f"{run.checkpoint} is missing; put it back, or train anew with --overwrite")
    if run is not None and run.checkpoint.is_file():
        history = load_checkpoint(run.checkpoint, model, optimizer, precision)
        if not run.best_weights.is_file():
            raise InputError(f"{run.best_weights} is missing; put it back, or train anew with --overwrite")
        return history, read_weights(run.best_weights).description or {}
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


def _was_trained(run: RunFolder) -> bool:
    """Whether a run came beyond the weights of before its training, which it may have been killed after writing."""
    begun = run.best_weights.is_file() and (read_weights(run.best_weights).description or {}).get("epoch") != 0
    return begun or run.history.is_file()


def require_history(
    run: RunFolder, history: list[dict[str, Any]], origin: Mapping[str, Any], criterion: str, epochs: int
) -> None:
    """Refuse to go on with a run whose evaluations lack the figure that chooses, or that is longer than is asked for.

    Raises:
        InputError: they do, or it is.
    """
    done = 0
    if history:  # the best weights are written before the state, so that after a kill they may be an epoch ahead
        done = max(history[-1]["epoch"], origin.get("epoch") or 0)
    if done > epochs:
        raise InputError(f"--epochs {epochs}: {run.path} has {done} epochs already; ask for as many, or for more")
    if not all(isinstance(row.get(name), (int, float)) for row in history for name in ("loss", criterion)):
        raise InputError(f"{run.checkpoint}: not every epoch has a loss and {criterion}; train anew with --overwrite")


def require_same_data(run: RunFolder, origin: Mapping[str, Any], data: Data, classes: Sequence[str]) -> None:
    """Refuse to go on with other photographs, labels or another split than the run was started with.

    Args:
        run: the run.
        origin: what its best weights say of themselves.
        data: of the run.
        classes: their names.

    Raises:
        InputError: the data differs.
    """
    before = origin.get("data") or {}
    learned = digest_of_pictures(data.digests)
    same = before.get("digest") in (None, data.digest) and before.get("training_digest") in (None, learned)
    if not same or origin.get("classes") not in (None, list(classes)):
        raise InputError(
            f"{run.path}: the photographs, their labels or their split are others than when the run was started, or "
            "the labels have other names; put them back, or leave out --resume to start another run"
        )
