"""A network that was exported, in Paddle Inference."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np
from paddle import inference

from paddle_eye.data.transforms import Preprocessing
from paddle_eye.errors import InputError
from paddle_eye.files import read_json
from paddle_eye.processor import usable_cores

DESCRIPTION_FILE = "description.json"
PARAMETERS_FILE = "model.pdiparams"
PROGRAM_FILES = ("model.json", "model.pdmodel")  # of Paddle 3 and of Paddle 2
_GPU_MEMORY = 256  # MB to begin with


class Exported(NamedTuple):
    """An exported network, ready to be used.

    Args:
        run: preprocessed pictures, float32 [N, 3, S, S], to probabilities, float32 [N, C].
        preprocessing: what its pictures must go through.
        description: what the file beside it says.
    """

    run: Callable[[np.ndarray], np.ndarray]
    preprocessing: Preprocessing
    description: dict[str, Any]


def is_exported(path: Path) -> bool:
    """Whether a path is a folder that ``tools/export.py`` made."""
    return (path / DESCRIPTION_FILE).is_file()


def open_exported(folder: Path, device: str = "cpu") -> Exported:
    """Open what ``tools/export.py --format paddle`` made; on a CPU with oneDNN, or without it and with a warning.

    Args:
        folder: with program, parameters and description.
        device: ``'cpu'`` or ``'gpu:N'``.

    Raises:
        InputError: a file is missing or damaged.
    """
    try:
        description = read_json(folder / DESCRIPTION_FILE, "what tools/export.py writes")
        preprocessing = Preprocessing.from_description(description["preprocessing"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / DESCRIPTION_FILE}: no description of an exported network ({error})") from error
    if not isinstance(description.get("architecture"), dict):
        raise InputError(f"{folder / DESCRIPTION_FILE}: it does not say which network it is of; export it again")
    probe = np.zeros([1, 3, preprocessing.image_size, preprocessing.image_size], np.float32)
    program_of(folder)  # what is missing is no fault of oneDNN
    if device == "cpu":
        try:
            run = open_program(folder, device, onednn=True)
            run(probe)
            return Exported(run, preprocessing, description)
        except Exception as error:  # oneDNN fails in many ways, and differently in every version of Paddle
            warnings.warn(f"{folder}: oneDNN does not run it ({_first_line(error)}); without it", stacklevel=2)
    run = open_program(folder, device, onednn=False)
    run(probe)
    return Exported(run, preprocessing, description)


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
    """A function from float32 [N, 3, S, S] to what the program gives for it.

    Raises:
        InputError: program or parameters are missing or damaged.
    """
    config = inference.Config(str(program_of(folder)), str(folder / PARAMETERS_FILE))
    config.disable_glog_info()
    if device == "cpu":
        config.set_cpu_math_library_num_threads(usable_cores())
        if onednn:
            config.enable_mkldnn()
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


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip("- ")), type(error).__name__)
