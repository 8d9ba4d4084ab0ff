"""A trained network as a file that runs without this project."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
from pathlib import Path
from typing import Callable

import numpy as np
import paddle

from paddle_eye.choices import ExportFormat
from paddle_eye.errors import InputError, JobError
from paddle_eye.files import building, write_json
from paddle_eye.inference.exported import (
    DESCRIPTION_FILE,
    ONNX_FILE,
    ONNX_NEEDS,
    PARAMETERS_FILE,
    PROGRAM_FILES,
    is_exported,
    open_onnx,
    open_program,
)
from paddle_eye.inference.trained import Exportable, TrainedNetwork

TOLERANCE = 1e-4
_CHECKED_PICTURES = 8
_LITTLE_DISK = 2**20  # bytes
_OPSET = 13
_FILES = (DESCRIPTION_FILE, PARAMETERS_FILE, f"{PARAMETERS_FILE}.info", *PROGRAM_FILES, ONNX_FILE)


def export(trained: TrainedNetwork, target: Path, kind: ExportFormat) -> float:
    """Write a network for Paddle Inference or as ONNX, with what its pictures must go through beside it.

    It is run and compared with the training network before it takes its place.

    Args:
        trained: of `paddle_eye.open_predictor`.
        target: the folder to make; one that an earlier export made is replaced.
        kind: ``'paddle'``: ``model.json`` (``model.pdmodel`` from Paddle 2) and ``model.pdiparams``; ``'onnx'``:
            ``model.onnx``. Of a classifier: pictures, float32 [N, 3, S, S], to probabilities, float32 [N, C]. Of a
            network of pixels: float32 [N, C, H, W], both sides any multiples of 16, to logits, float32 [N, 1, H, W],
            above 0 in the foreground, or of several classes [N, K, H, W].

    Returns:
        The largest difference of a probability between both.

    Raises:
        InputError: it cannot be exported, or ``target`` is something else.
        JobError: the network cannot be exported, or the exported one computes something else.
    """
    if trained.model is None:
        raise InputError(f"{trained.source}: this is an exported network already; give the weight file")
    exportable = trained.exportable()
    target = target if target.name not in ("", "..") else target.resolve()
    if not target.name:
        raise InputError(f"{target}: expected a folder of its own; give another --output")
    aside = target.with_name(f".{target.name}.replaced-export")
    if aside.exists() and not target.exists():  # an export was killed between moving this away and taking its place
        aside.rename(target)
    if target.exists() and not _made_by_an_export(target):
        raise InputError(f"{target}: this exists and was not made by an export; give another --output")
    shutil.rmtree(aside, ignore_errors=True)
    exportable.layer.eval()
    checks = [_expected(exportable, sides) for sides in exportable.checked]  # before it becomes a program in its place
    with building(target) as place:
        folder = place / "model"
        folder.mkdir()
        try:
            run = _WRITERS[kind](exportable, folder)
        except Exception as error:  # Paddle writes on without a word, and cannot read what it wrote
            if shutil.disk_usage(place).free < _LITTLE_DISK:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
            raise
        differences = [exportable.probabilities(run(pictures)) - expected for pictures, expected in checks]
        difference = float(np.max([np.abs(each).max() for each in differences]))
        if not difference <= TOLERANCE:
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


def _expected(exportable: Exportable, sides: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of these sides, and the training network's probabilities of them."""
    shape = (_CHECKED_PICTURES, exportable.channels, *sides)
    pictures = np.random.default_rng(0).uniform(-2, 2, shape).astype(np.float32)
    with paddle.no_grad():
        return pictures, exportable.probabilities(exportable.layer(paddle.to_tensor(pictures)).numpy())


def _save_program(exportable: Exportable, folder: Path) -> None:
    size = exportable.size
    specification = [paddle.static.InputSpec([None, exportable.channels, size, size], "float32", "pictures")]
    program = paddle.jit.to_static(exportable.layer, input_spec=specification, full_graph=True)
    paddle.jit.save(program, str(folder / "model"))


def _write_paddle(exportable: Exportable, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    _save_program(exportable, folder)
    return open_program(folder, "cpu", onednn=False)


def _write_onnx(exportable: Exportable, folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    if int(paddle.__version__.split(".")[0]) < 3:
        raise JobError(f"ONNX needs Paddle 3 or later, this is {paddle.__version__}")
    try:
        import onnx
        import paddle2onnx
    except ImportError as error:
        raise JobError(ONNX_NEEDS.format(error)) from error
    program = folder.parent / "program"
    program.mkdir()
    _save_program(exportable, program)
    files = str(program / PROGRAM_FILES[0]), str(program / PARAMETERS_FILE)
    said = io.StringIO()  # where it put a file that has no place yet
    try:
        with contextlib.redirect_stdout(said):
            # Its optimiser would install packages by itself, from an index of its own.
            paddle2onnx.export(*files, str(folder / ONNX_FILE), opset_version=_OPSET, optimize_tool="None")
    except SystemExit as error:  # it means to leave the process
        raise JobError(
            f"Paddle2ONNX could not write the network: {' '.join(said.getvalue().split())[-200:]}"
        ) from error
    network = onnx.load(str(folder / ONNX_FILE))
    for side in network.graph.output[0].type.tensor_type.shape.dim[2:]:  # Paddle 3 takes them for 0
        side.dim_param = "any"
    onnx.save(network, str(folder / ONNX_FILE))
    return open_onnx(folder)


_WRITERS: dict[ExportFormat, Callable[..., Callable[[np.ndarray], np.ndarray]]] = {
    "paddle": _write_paddle,
    "onnx": _write_onnx,
}
