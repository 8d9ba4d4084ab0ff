"""A trained network as a file that runs without this project."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Callable

import numpy as np
import paddle
from paddle import nn

from paddle_eye.choices import ExportFormat
from paddle_eye.errors import InputError, JobError
from paddle_eye.files import building, write_json
from paddle_eye.inference.exported import DESCRIPTION_FILE, PARAMETERS_FILE, PROGRAM_FILES, is_exported, open_program
from paddle_eye.inference.trained import TrainedNetwork

TOLERANCE = 1e-4
_CHECKED_PICTURES = 8
_LITTLE_DISK = 2**20  # bytes
_OPSET = 13
_FILES = (DESCRIPTION_FILE, PARAMETERS_FILE, f"{PARAMETERS_FILE}.info", *PROGRAM_FILES, "model.onnx")


def export(trained: TrainedNetwork, target: Path, kind: ExportFormat) -> float:
    """Write a network for Paddle Inference or as ONNX, with what its pictures must go through beside it.

    It is run and compared with the training network before it takes its place.

    Args:
        trained: of `paddle_eye.open_predictor`.
        target: the folder to make; one that an earlier export made is replaced.
        kind: ``'paddle'``: ``model.json`` (``model.pdmodel`` from Paddle 2) and ``model.pdiparams``; ``'onnx'``:
            ``model.onnx``. Input: float32 [N, 3, S, S]; output: probabilities, float32 [N, C].

    Returns:
        The largest difference of a probability between both.

    Raises:
        InputError: it cannot be exported, or ``target`` is something else.
        JobError: the network cannot be exported, or the exported one computes something else.
    """
    network = trained.exportable()
    aside = target.with_name(f".{target.name}.replaced")
    if aside.exists() and not target.exists():  # an export was killed between moving this away and taking its place
        aside.rename(target)
    shutil.rmtree(aside, ignore_errors=True)
    if target.exists() and not _made_by_an_export(target):
        raise InputError(f"{target}: this exists and was not made by an export; give another --output")
    network.eval()
    size = trained.preprocessing.image_size
    pictures = np.random.default_rng(0).uniform(-2, 2, (_CHECKED_PICTURES, 3, size, size)).astype(np.float32)
    with paddle.no_grad():
        expected = network(paddle.to_tensor(pictures)).numpy()
    with building(target) as place:
        folder = place / "model"
        folder.mkdir()
        try:
            run = _WRITERS[kind](network, folder, size)
        except Exception as error:  # Paddle writes on without a word, and cannot read what it wrote
            if shutil.disk_usage(place).free < _LITTLE_DISK:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
            raise
        given = run(pictures)
        difference = float(np.abs(given - expected).max())
        if not difference <= TOLERANCE or (given.argmax(axis=1) != expected.argmax(axis=1)).any():
            raise JobError(f"the exported network's probabilities differ by {difference:.2g}; nothing was written")
        left_out = ("training_pictures", "training_sketches")
        described = {key: value for key, value in trained.description.items() if key not in left_out}
        described.update({"preprocessing": trained.preprocessing.describe(), "exported_as": kind})
        write_json(folder / DESCRIPTION_FILE, described)
        if target.exists():
            target.rename(aside)
        folder.rename(target)
        shutil.rmtree(aside, ignore_errors=True)
    return difference


def _made_by_an_export(folder: Path) -> bool:
    """Whether nothing is lost with a folder: it has an export's files and no others."""
    return is_exported(folder) and all(path.name in _FILES for path in folder.iterdir())


def _save_program(network: nn.Layer, folder: Path, size: int) -> None:
    specification = [paddle.static.InputSpec([None, 3, size, size], "float32", "pictures")]
    paddle.jit.save(paddle.jit.to_static(network, input_spec=specification), str(folder / "model"))


def _write_paddle(network: nn.Layer, folder: Path, size: int) -> Callable[[np.ndarray], np.ndarray]:
    _save_program(network, folder, size)
    return open_program(folder, "cpu", onednn=False)


def _write_onnx(network: nn.Layer, folder: Path, size: int) -> Callable[[np.ndarray], np.ndarray]:
    if int(paddle.__version__.split(".")[0]) < 3:
        raise JobError(f"ONNX needs Paddle 3 or later, this is {paddle.__version__}")
    try:
        import onnxruntime
        import paddle2onnx
    except ImportError as error:
        raise JobError(f"ONNX needs more packages ({error}); install them with: pip install -e '.[onnx]'") from error
    program = folder.parent / "program"
    program.mkdir()
    _save_program(network, program, size)
    files = str(program / PROGRAM_FILES[0]), str(program / PARAMETERS_FILE)
    # Its optimiser would install packages by itself, from an index of its own.
    paddle2onnx.export(*files, str(folder / "model.onnx"), opset_version=_OPSET, optimize_tool="None")
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    return lambda pictures: session.run(None, {session.get_inputs()[0].name: pictures})[0]


_WRITERS: dict[ExportFormat, Callable[..., Callable[[np.ndarray], np.ndarray]]] = {
    "paddle": _write_paddle,
    "onnx": _write_onnx,
}
