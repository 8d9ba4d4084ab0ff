"""A network that was exported, in Paddle Inference or ONNX Runtime."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np
from paddle import inference

from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.errors import InputError, JobError
from paddle_eye.files import read_json
from paddle_eye.models.registry import family
from paddle_eye.processor import usable_cores
from paddle_eye.weights.opened import class_names, described_preprocessing

DESCRIPTION_FILE = "description.json"
PARAMETERS_FILE = "model.pdiparams"
PROGRAM_FILES = ("model.json", "model.pdmodel")  # of Paddle 3 and of Paddle 2
ONNX_FILE = "model.onnx"
ONNX_NEEDS = "ONNX needs more packages ({}); install them with: pip install -e '.[onnx]'"
_PROBE = 64  # pixels
_ERRORS = 3  # of ONNX Runtime's messages; its warnings are of what Paddle's converter leaves over
_KEPT_SHAPES = 4
_GPU_MEMORY = 256  # MB to begin with


class Exported(NamedTuple):
    """An exported network, ready to be used.

    Args:
        run: preprocessed pictures, float32 [N, C, H, W], to what was exported, see `paddle_eye.inference.export`.
        preprocessing: what its pictures must go through.
        description: what the file beside it says.
    """

    run: Callable[[np.ndarray], np.ndarray]
    preprocessing: Preprocessing | PixelPreprocessing
    description: dict[str, Any]


def is_exported(path: Path) -> bool:
    """Whether a path is a folder that ``tools/export.py`` made."""
    return (path / DESCRIPTION_FILE).is_file()


def open_exported(folder: Path, device: str = "cpu") -> Exported:
    """Open what ``tools/export.py`` made.

    What was made for Paddle runs on a CPU with oneDNN, or without it and with a warning; ONNX runs on a CPU.

    Args:
        folder: with program, parameters and description.
        device: ``'cpu'`` or ``'gpu:N'``.

    Raises:
        InputError: a file is missing or damaged.
        JobError: ONNX Runtime is not installed.
    """
    try:
        description = read_json(folder / DESCRIPTION_FILE, "what tools/export.py writes")
        preprocessing = described_preprocessing(description)
        writer, architecture = description["exported_as"], description["architecture"]
        kind, classes = family(architecture), class_names(folder / DESCRIPTION_FILE, description)
        kind.title(architecture)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / DESCRIPTION_FILE}: no description of an exported network ({error})") from error
    probe = preprocessing(np.zeros([_PROBE, _PROBE, 3], np.uint8))[None]
    run = open_onnx(folder) if writer == "onnx" else _open_quickest(folder, device, probe)
    try:
        given = run(probe).shape
    except Exception as error:  # whatever the C++ side finds wrong
        raise InputError(
            f"{folder}: the network takes other pictures than {DESCRIPTION_FILE} says ({_first_line(error)})"
        ) from error
    if len(given) != (4 if kind.head is None else 2):
        raise InputError(f"{folder}: the network gives {list(given)} for {list(probe.shape)}, which is no answer")
    if kind.head is not None and given[1] != len(classes):
        raise InputError(
            f"{folder / DESCRIPTION_FILE}: {len(classes)} classes, and the network gives {given[1]} figures"
        )
    return Exported(lambda inputs: finite(folder, run(inputs)), preprocessing, description)


def finite(source: Path, given: np.ndarray) -> np.ndarray:
    """What a network gives, if it is finite.

    Raises:
        JobError: it is not.
    """
    if not np.isfinite(given).all():
        raise JobError(f"{source}: what the network gives are no finite numbers; its weights are no use")
    return given


def _open_quickest(folder: Path, device: str, probe: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """A program of Paddle's, with oneDNN if that runs it."""
    program_of(folder)  # what is missing is no fault of oneDNN
    if device == "cpu":
        try:
            run = open_program(folder, device, onednn=True)
            run(probe)
            return run
        except Exception as error:  # oneDNN fails in many ways, and differently in every version of Paddle
            warnings.warn(f"{folder}: oneDNN does not run it ({_first_line(error)}); without it", stacklevel=3)
    return open_program(folder, device, onednn=False)


def program_of(folder: Path) -> Path:
    """The program's file.

    Raises:
        InputError: program or parameters are missing.
    """
    for name in PROGRAM_FILES:
        if (folder / name).is_file() and (folder / PARAMETERS_FILE).is_file():
            return folder / name
    raise InputError(
        f"{folder}: expected {' or '.join(PROGRAM_FILES)} and {PARAMETERS_FILE} there; make them with: "
        "python tools/export.py RUN --format paddle"
    )


def open_program(folder: Path, device: str, onednn: bool) -> Callable[[np.ndarray], np.ndarray]:
    """A function from float32 [N, C, H, W] to what the program gives for it.

    Raises:
        InputError: program or parameters are missing or damaged.
    """
    config = inference.Config(str(program_of(folder)), str(folder / PARAMETERS_FILE))
    config.disable_glog_info()
    if device == "cpu":
        config.set_cpu_math_library_num_threads(usable_cores())
        if onednn:
            config.enable_mkldnn()
            config.set_mkldnn_cache_capacity(_KEPT_SHAPES)  # without a limit it grows with every size of pictures
        else:  # Paddle 3 turns it on by itself
            config.disable_mkldnn()
    else:
        config.enable_use_gpu(_GPU_MEMORY, int(device.partition(":")[2] or 0))
    try:
        predictor = inference.create_predictor(config)
    except Exception as error:  # whatever the C++ side finds wrong with the files
        raise InputError(f"{folder}: Paddle Inference cannot open this network ({_first_line(error)})") from error

    def run(inputs: np.ndarray) -> np.ndarray:
        (name,) = predictor.get_input_names()
        predictor.get_input_handle(name).copy_from_cpu(np.ascontiguousarray(inputs))
        predictor.run()
        return predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()

    return run


def open_onnx(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """A function from float32 [N, C, H, W] to what the network in ``model.onnx`` gives for it, on a CPU.

    Raises:
        InputError: the file is missing or damaged.
        JobError: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise JobError(f"{folder}: {ONNX_NEEDS.format(error)}") from error
    if not (folder / ONNX_FILE).is_file():
        raise InputError(f"{folder}: expected {ONNX_FILE} there; make it with: tools/export.py RUN --format onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.log_severity_level = _ERRORS
    try:
        session = onnxruntime.InferenceSession(str(folder / ONNX_FILE), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # whatever the C++ side finds wrong with the file
        raise InputError(f"{folder}: ONNX Runtime cannot open this network ({_first_line(error)})") from error

    def run(inputs: np.ndarray) -> np.ndarray:
        (name,) = (each.name for each in session.get_inputs())
        return session.run(None, {name: inputs})[0]

    return run


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip("- ")), type(error).__name__)
