"""Everything a stopped run needs to go on as if it had never stopped, in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import paddle
import safetensors
import safetensors.numpy

from paddle_eye.engine import optim
from paddle_eye.errors import InputError
from paddle_eye.files import write_bytes
from paddle_eye.weights.format import load_into, require_finite

_MODEL, _OPTIMIZER = "model/", "optimizer/"


def save_checkpoint(
    path: Path, model: paddle.nn.Layer, optimizer: paddle.optimizer.Optimizer, history: list[dict[str, Any]]
) -> None:
    """Save parameters, optimizer and history; one file, so that they cannot disagree.

    Raises:
        JobError: the network has numbers that are not finite; the checkpoint before stays.
    """
    require_finite(model)
    arrays = {f"{_MODEL}{key}": tensor.numpy() for key, tensor in model.state_dict().items()}
    arrays.update({f"{_OPTIMIZER}{key}": value for key, value in optim.state_arrays(optimizer, model).items()})
    write_bytes(path, safetensors.numpy.save(arrays, metadata={"history": json.dumps(history, allow_nan=False)}))


def load_checkpoint(path: Path, model: paddle.nn.Layer, optimizer: paddle.optimizer.Optimizer) -> list[dict[str, Any]]:
    """Restore what `save_checkpoint` wrote.

    Returns:
        The history, one row per finished evaluation.

    Raises:
        InputError: the file is damaged or of another network.
    """
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            history = json.loads(file.metadata()["history"])
            keys = file.keys()
            arrays = {key: file.get_tensor(key) for key in keys}
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: this is no whole checkpoint ({error}); train anew with --overwrite") from error
    load_into(model, _below(_MODEL, arrays), path)
    optim.restore_state(optimizer, model, _below(_OPTIMIZER, arrays))
    return history


def _below(prefix: str, arrays: dict[str, Any]) -> dict[str, Any]:
    return {key[len(prefix) :]: value for key, value in arrays.items() if key.startswith(prefix)}
