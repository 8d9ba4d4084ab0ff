"""Everything a stopped run needs to go on as if it had never stopped, in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import safetensors
import safetensors.numpy

from paddle_eye.engine import optim
from paddle_eye.engine.precision import Precision
from paddle_eye.errors import InputError
from paddle_eye.files import parse_json, require_ordinary, write_bytes
from paddle_eye.weights.format import checksum, load_into, require_finite

_MODEL, _OPTIMIZER, _SCALING = "model/", "optimizer/", "scaling/"
_MOST_MEGABYTES = 16384


def save_checkpoint(
    path: Path,
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    history: list[dict[str, Any]],
    precision: Precision | None = None,
) -> None:
    """Save parameters, optimizer, history and how the loss is scaled; one file, so that they cannot disagree.

    Raises:
        JobError: the network has numbers that are not finite; the checkpoint before stays.
    """
    require_finite(model)
    arrays = {f"{_MODEL}{key}": tensor.numpy() for key, tensor in model.state_dict().items()}
    arrays.update({f"{_OPTIMIZER}{key}": value for key, value in optim.state_arrays(optimizer, model).items()})
    scaling = {} if precision is None else precision.state_arrays()
    arrays.update({f"{_SCALING}{key}": value for key, value in scaling.items()})
    text = json.dumps(history, allow_nan=False)
    metadata = {"history": text, "checksum": _checksum(arrays, text)}
    write_bytes(path, safetensors.numpy.save(arrays, metadata=metadata))


def load_checkpoint(
    path: Path,
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    precision: Precision | None = None,
) -> list[dict[str, Any]]:
    """Restore what `save_checkpoint` wrote.

    Returns:
        The history, one row per finished evaluation.

    Raises:
        InputError: the file is damaged or of another network.
    """
    require_ordinary(path, _MOST_MEGABYTES, "the checkpoint of a run")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata, keys = file.metadata(), file.keys()
            arrays = {key: file.get_tensor(key) for key in keys}
        history = parse_json(metadata["history"])
        if metadata.get("checksum") not in (None, _checksum(arrays, metadata["history"])):  # older ones have none
            raise ValueError("its content is not what was written")
        if not history or [row["epoch"] for row in history] != list(range(len(history))):
            raise ValueError("its history does not count the epochs")
        load_into(model, _below(_MODEL, arrays), path)
        optim.restore_state(optimizer, model, _below(_OPTIMIZER, arrays))
        if precision is not None:
            precision.restore_state(_below(_SCALING, arrays))
    except InputError:
        raise
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: this is no whole checkpoint ({error}); train anew with --overwrite") from error
    return history


def _checksum(arrays: dict[str, Any], history: str) -> str:
    """SHA-256 of everything in a checkpoint, so that a flipped bit is found."""
    return checksum({**arrays, "history": np.frombuffer(history.encode(), np.uint8)})


def _below(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}
