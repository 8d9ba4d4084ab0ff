"""The weight-file format: a plain state dict for `paddle.load` that describes itself, read without running it.

A ``.pdparams`` file is a pickle, and `paddle.load` runs whatever a pickle asks for. Files come from strangers, so
this module reads them with an unpickler that knows the few names `paddle.save` uses, gives harmless stand-ins for
them, and refuses every other name. ``.safetensors`` files hold no code and are read by that library.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import json
import pickle
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np
import paddle
import safetensors
import safetensors.numpy

from paddle_eye import __version__
from paddle_eye.errors import InputError, JobError
from paddle_eye.files import parse_json, read_ordinary, write_bytes
from paddle_eye.weights.bounds import Ordered, require_bounded, require_no_copies
from paddle_eye.weights.torch_files import STREAM_START, ZIP_START, read_torch

DESCRIPTION_KEY = "paddle_eye.description"
_MOST_MEGABYTES, _MOST_MEGABYTES_OF_DESCRIPTION = 4096, 64
_PADDLE_NAMES_KEY = "StructuredToParameterName@@"
_PLAIN_TYPE = re.compile(r"[<>=|]?(f[248]|[iu][1248]|b1)")


class WeightFile(NamedTuple):
    """The content of a weight file.

    Args:
        arrays: parameter name to values.
        description: what `write_weights` was given, None for a file of other origin.
    """

    arrays: dict[str, np.ndarray]
    description: dict[str, Any] | None


def write_weights(path: Path, model: paddle.nn.Layer, description: Mapping[str, Any]) -> None:
    """Save a network's state dict with its description, whole or not at all; as safetensors if the path says so.

    The description is one more entry of the dict, JSON in a uint8 array, which ``set_state_dict`` passes over.
    The versions of everything that had a part in it are added.

    Raises:
        JobError: the network has numbers that are not finite; nothing is written.
    """
    require_finite(model)
    versions = {
        "paddle_eye": __version__,
        "paddle": paddle.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
    arrays = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    content = {"format": 1, **description, "versions": versions, "checksum": checksum(arrays)}
    encoded = np.frombuffer(json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8"), np.uint8)
    if path.suffix == ".safetensors":
        write_bytes(path, safetensors.numpy.save({**arrays, DESCRIPTION_KEY: encoded}))
        return
    buffer = io.BytesIO()
    paddle.save({**model.state_dict(), DESCRIPTION_KEY: paddle.to_tensor(encoded)}, buffer)
    write_bytes(path, buffer.getvalue())


def require_finite(model: paddle.nn.Layer) -> None:
    """Raise a JobError if a network has numbers that are not finite."""
    broken = [key for key, tensor in model.state_dict().items() if not _is_finite(tensor.numpy())]
    if broken:
        raise JobError(f"the network's weights are no finite numbers any more ({broken[0]}); try a lower learning rate")


def _is_finite(array: np.ndarray) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def read_weights(path: Path) -> WeightFile:
    """Read a ``.pdparams``, ``.safetensors`` or PyTorch file without running anything in it.

    Raises:
        InputError: the file is missing, damaged, names an object that has no place in a weight file, or holds
            something else than named arrays of numbers.

    Example:
        >>> import paddle_eye
        >>> file = paddle_eye.read_weights("paddle_eye/bundled/palm_shufflenet_v2_x0_5.safetensors")
        >>> file.description["architecture"]
        {'name': 'shufflenet_v2_x0_5', 'num_classes': 2}
    """
    path = Path(path)
    data = read_ordinary(path, _MOST_MEGABYTES, "a weight file")
    if path.suffix == ".safetensors":
        try:
            arrays = safetensors.numpy.load(data)
        except (safetensors.SafetensorError, KeyError, ValueError) as error:
            raise InputError(f"{path}: this is no whole safetensors file ({error})") from error
    elif data.startswith((ZIP_START, STREAM_START)):
        try:
            arrays = read_torch(data)
        except ValueError as error:
            raise InputError(f"{path}: not accepted as a PyTorch weight file ({error})") from error
    else:
        arrays = _unpickle(path, data)
    return WeightFile(arrays, _take_description(path, arrays))


def load_into(
    model: paddle.nn.Layer,
    arrays: Mapping[str, np.ndarray],
    source: object,
    never_read: Callable[[str], bool] = lambda key: False,
) -> None:
    """Set a network's parameters; every key must be accounted for. Floating-point numbers take the network's precision.

    Args:
        model: the network.
        arrays: parameter name to values.
        source: where the arrays came from, for the message.
        never_read: whether a key that the network does not have may be passed over.

    Raises:
        InputError: keys are missing or unexpected, shapes or kinds of number differ, or numbers are not finite; all of
            them are named.

    Example:
        >>> import paddle_eye
        >>> path = "paddle_eye/bundled/palm_shufflenet_v2_x0_5.safetensors"
        >>> model = paddle_eye.create_model("shufflenet_v2_x0_5", num_classes=2)
        >>> paddle_eye.load_into(model, paddle_eye.read_weights(path).arrays, path)
    """
    expected = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    missing = [key for key in expected if key not in arrays]
    unexpected = [key for key in arrays if key not in expected and not never_read(key)]
    shared = [(key, arrays[key], value) for key, value in expected.items() if key in arrays]
    misshapen = [
        f"{key} has shape {list(given.shape)}, the network needs {list(needed.shape)}"
        for key, given, needed in shared
        if given.shape != needed.shape
    ]
    mistyped = [
        f"{key} holds {given.dtype}, the network needs {needed.dtype}"
        for key, given, needed in shared
        if given.dtype.kind != needed.dtype.kind
    ]
    faults = [
        *([f"missing: {_named(missing)}"] if missing else []),
        *([f"unexpected: {_named(unexpected)}"] if unexpected else []),
        *([f"wrong shape: {_named(misshapen)}"] if misshapen else []),
        *([f"wrong kind of number: {_named(mistyped)}"] if mistyped else []),
    ]
    if faults:
        raise InputError(f"{source}: these weights are not for this network; " + "; ".join(faults))
    broken = [key for key, given, _ in shared if not _is_finite(given)]
    if broken:
        raise InputError(f"{source}: not all weights are finite numbers ({_named(broken)}); its training has failed")
    model.set_state_dict({key: given.astype(needed.dtype) for key, given, needed in shared})


def _named(names: list[str], shown: int = 8) -> str:
    rest = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + rest


def _take_description(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, Any] | None:
    """Remove our own entry from ``arrays`` and decode it."""
    if DESCRIPTION_KEY not in arrays:
        return None
    encoded = arrays.pop(DESCRIPTION_KEY)
    if encoded.nbytes > _MOST_MEGABYTES_OF_DESCRIPTION * 2**20:
        raise InputError(
            f"{path}: the description inside the weight file has {encoded.nbytes / 2**20:.0f} MB, too many"
        )
    try:
        description = parse_json(encoded.tobytes())
    except ValueError as error:
        raise InputError(f"{path}: the description inside the weight file is damaged ({error})") from error
    if not isinstance(description, dict) or description.get("format") != 1:
        raise InputError(f"{path}: the description inside the weight file is of a format this version does not know")
    written = description.pop("checksum", None)
    if written is not None and written != checksum(arrays):
        raise InputError(f"{path}: the weights are not those that were written, the file is damaged; copy it again")
    return description


def checksum(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of names, shapes and numbers, so that a flipped bit is found; older files have none."""
    found = hashlib.sha256()
    for key, array in sorted(arrays.items()):
        found.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


class _Dtype:
    """Stand-in for `numpy.dtype`: remembers the name of a plain number type and refuses all others."""

    def __init__(self, name: str, *_flags: object) -> None:
        if not isinstance(name, str) or not _PLAIN_TYPE.fullmatch(name):
            raise pickle.UnpicklingError(f"numbers of type {name!r} have no place in a weight file")
        self.name = name

    def __setstate__(self, state: tuple) -> None:
        _version, byte_order, *fields = state
        if byte_order not in ("<", ">", "=", "|") or any(part is not None for part in fields[:3]):
            raise pickle.UnpicklingError("structured number types have no place in a weight file")
        self.name = byte_order + self.name.lstrip("<>=|")


class _Array:
    """Stand-in for `numpy.ndarray`: keeps the raw state, which `value` turns into an array of plain numbers."""

    value: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        _version, shape, dtype, fortran_order, data = state
        if not isinstance(dtype, _Dtype) or not isinstance(data, bytes):
            raise pickle.UnpicklingError("an array that does not hold plain numbers")
        order = "F" if fortran_order else "C"
        self.value = np.frombuffer(data, np.dtype(dtype.name)).reshape(
            shape, order=order
        )  # no copy: many may share data


def _reconstruct(_kind: type, _shape: tuple, _typecode: bytes) -> _Array:
    """Stand-in for numpy's own function of this name, which makes the empty array that a state then fills."""
    return _Array()


def _scalar(dtype: _Dtype, data: bytes) -> np.ndarray:
    """Stand-in for `numpy.core.multiarray.scalar`."""
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes):
        raise pickle.UnpicklingError("a scalar that is no plain number")
    return np.frombuffer(data, np.dtype(dtype.name)).reshape(())


def _encode(text: str, encoding: str) -> bytes:
    """Stand-in for `codecs.encode`, which protocol 2 uses for bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes encoded as {encoding!r}")
    return codecs.encode(text, "latin1")


def _no_bytes() -> bytes:
    """Stand-in for `bytes`, which protocol 2 calls for those of an empty array."""
    return b""


_ALLOWED: dict[str, Any] = {
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.ndarray": _Array,
    "numpy.dtype": _Dtype,
    "collections.OrderedDict": Ordered,
    "builtins.tuple": tuple,
    "__builtin__.tuple": tuple,
    "_codecs.encode": _encode,
    "__builtin__.bytes": _no_bytes,
}


class _StrictUnpickler(pickle.Unpickler):
    """An unpickler for which no name outside `_ALLOWED` exists."""

    def persistent_load(self, identifier: Any) -> Any:
        raise pickle.UnpicklingError("it refers to things outside the file")

    def find_class(self, module: str, name: str) -> Any:
        full_name = f"{module}.{name}"
        if full_name not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {full_name}, which has no place here; nothing of it was run")
        return _ALLOWED[full_name]


def _unpickle(path: Path, data: bytes) -> dict[str, np.ndarray]:
    try:
        require_bounded(io.BytesIO(data))
        content = _StrictUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # a damaged or hostile pickle can fail in any way; none of its code has run
        why = error if isinstance(error, (ValueError, pickle.UnpicklingError)) else "damaged, or another kind of file"
        raise InputError(
            f"{path}: not accepted as a weight file ({why}); expected what paddle.save writes, or .safetensors"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a dict of named arrays, found {type(content).__name__}")
    content.pop(_PADDLE_NAMES_KEY, None)
    arrays = {}
    for key, value in content.items():
        if isinstance(value, tuple) and len(value) == 2:  # a bare tensor: its name in the process and its values
            value = value[1]
        if isinstance(value, _Array):
            value = getattr(value, "value", None)
        if not isinstance(key, str) or not isinstance(value, np.ndarray):
            shown = repr(key)[:80] if isinstance(key, (str, int)) else f"a {type(key).__name__}"
            raise InputError(f"{path}: expected only named arrays of numbers, found another thing under {shown}")
        arrays[key] = value
    try:
        require_no_copies(sum(array.nbytes for array in arrays.values()), len(data))
    except ValueError as error:
        raise InputError(f"{path}: not accepted as a weight file ({error})") from error
    return arrays
