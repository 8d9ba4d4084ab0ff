"""PyTorch's two file formats as arrays, read without running anything in them.

`torch.load` unpickles, and a pickle runs what it likes. As in `paddle_eye.weights.format`, the unpickler here knows
the few names that a saved state dict needs, gives harmless stand-ins for them, and refuses every other name. The
formats are the zip archive of PyTorch 1.6 and later, with one file for the names and one per storage, and the stream
before it.
"""

from __future__ import annotations

import functools
import io
import math
import pickle
import zipfile
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple

import numpy as np

from paddle_eye.weights.bounds import Ordered, require_bounded, require_no_copies

ZIP_START = b"PK\x03\x04"
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
STREAM_START = b"\x80\x02\x8a\n" + _MAGIC_NUMBER.to_bytes(10, "little")
_STREAM_VERSION = 1001

_NUMBER_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}

_PREFIXES = ("module.", "model.")


class _Storage(NamedTuple):
    """A run of numbers in the file, by its key."""

    key: str
    dtype: str
    count: int


class _Tensor(NamedTuple):
    """A tensor's place in a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of a saved state dict, as people save them.

    One under ``state_dict``, ``model_state_dict``, ``model`` or ``net`` is taken out of its dict, and a ``module.`` or
    ``model.`` before every name is taken off.

    Args:
        data: the whole file.

    Raises:
        ValueError: the file is damaged, holds something else than a state dict, or asks for what has no place in one.
    """
    try:
        content, storages = _read_zip(data) if data.startswith(ZIP_START) else _read_stream(data)
        for wrapper in ("state_dict", "model_state_dict", "model", "net"):
            if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
                content = content[wrapper]
        if not isinstance(content, dict):
            raise ValueError(f"expected a dict of tensors, found {type(content).__name__}")
        for name, value in content.items():
            if not isinstance(name, str) or not isinstance(value, _Tensor):
                shown = name[:80] if isinstance(name, str) else f"a key of type {type(name).__name__}"
                raise ValueError(f"expected only named tensors, found another thing under {shown!r}")
        _require_no_copies(content.values(), len(data))
        prefix = next((p for p in _PREFIXES if content and all(name.startswith(p) for name in content)), "")
        return {name[len(prefix) :]: _array(each, storages(each.storage)) for name, each in content.items()}
    except ValueError:
        raise
    except Exception as error:  # a damaged or hostile file can fail in any way; none of its code has run
        raise ValueError(str(error) or type(error).__name__) from error


def _require_no_copies(tensors: Iterable[_Tensor], size: int) -> None:
    """Raise a ValueError if tensors that share a storage would take far more memory than the file has bytes."""
    total = 0
    for tensor in tensors:
        if not all(type(side) is int and side >= 0 for side in tensor.shape):
            raise ValueError("a tensor with impossible sizes")
        total += math.prod(tensor.shape) * np.dtype(tensor.storage.dtype).itemsize
    require_no_copies(total, size)


Storages = Callable[[_Storage], bytes]


def _read_zip(data: bytes) -> tuple[Any, Storages]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    (pickled,) = [name for name in archive.namelist() if name.endswith("/data.pkl")] or ["data.pkl"]
    folder = pickled[: -len("data.pkl")]
    if archive.namelist().count(f"{folder}byteorder") and archive.read(f"{folder}byteorder") != b"little":
        raise ValueError("numbers in big-endian order")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
        raise ValueError("a compressed archive, which PyTorch does not write")
    if sum(entry.file_size for entry in archive.infolist()) > len(data):
        raise ValueError("an archive whose parts are larger than it is")
    program = io.BytesIO(archive.read(pickled))
    require_bounded(program)
    content = _StrictUnpickler(program).load()
    return content, functools.cache(lambda storage: archive.read(f"{folder}data/{storage.key}"))


def _read_stream(data: bytes) -> tuple[Any, Storages]:
    """Magic number, version, description of the machine, content, the storages' keys, then each count and numbers."""
    stream = io.BytesIO(data)
    magic_number, version, machine = (_load(stream) for _ in range(3))
    if magic_number != _MAGIC_NUMBER or version != _STREAM_VERSION or not machine.get("little_endian"):
        raise ValueError("not the stream that PyTorch writes on this kind of machine")
    require_bounded(stream)
    unpickler = _StrictUnpickler(stream)
    content = unpickler.load()
    storages: dict[str, bytes] = {}
    for key in _load(stream):
        storage = unpickler.storages[key]
        count = int.from_bytes(_exactly(8, stream), "little")
        if count != storage.count:
            raise ValueError(f"storage {key} has {count} numbers, expected {storage.count}")
        storages[key] = _exactly(count * np.dtype(storage.dtype).itemsize, stream)
    return content, lambda storage: storages[storage.key]


def _load(stream: io.BytesIO) -> Any:
    require_bounded(stream)
    return _StrictUnpickler(stream).load()


def _exactly(count: int, stream: io.BytesIO) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise ValueError("the file is cut off")
    return data


def _array(tensor: _Tensor, data: bytes) -> np.ndarray:
    """The numbers of a tensor; its shape and strides are not trusted."""
    numbers = np.frombuffer(data, tensor.storage.dtype)
    sizes = (tensor.offset, *tensor.shape, *tensor.strides)
    if not all(type(size) is int and size >= 0 for size in sizes) or len(tensor.shape) != len(tensor.strides):
        raise ValueError("a tensor with impossible sizes")
    if math.prod(tensor.shape) == 0:
        return np.zeros(tensor.shape, numbers.dtype)
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides))
    if last >= len(numbers) or math.prod(tensor.shape) > len(numbers):
        raise ValueError("a tensor that is larger than its storage")
    steps = [stride * numbers.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, steps).copy()


def _rebuild_tensor(storage: _Storage, offset: int, shape: tuple, strides: tuple, *_others: object) -> _Tensor:
    """Stand-in for `torch._utils._rebuild_tensor_v2`, and for the one of PyTorch before 0.4."""
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: _Tensor, *_others: object) -> _Tensor:
    """Stand-in for `torch._utils._rebuild_parameter`."""
    if not isinstance(tensor, _Tensor):
        raise pickle.UnpicklingError("a parameter that is no tensor")
    return tensor


class _StorageType(NamedTuple):
    """Stand-in for `torch.FloatStorage` and its kin."""

    dtype: str


_ALLOWED: dict[str, Any] = {
    "collections.OrderedDict": Ordered,
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch.Size": tuple,
    **{f"torch.{name}": _StorageType(dtype) for name, dtype in _NUMBER_TYPES.items()},
}


class _StrictUnpickler(pickle.Unpickler):
    """An unpickler for which no name outside `_ALLOWED` exists; remembers the storages that were named."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def persistent_load(self, identifier: Any) -> _Storage:
        kind, storage_type, key, _location, count, *others = identifier
        if kind != "storage" or not isinstance(storage_type, _StorageType) or any(others):
            raise pickle.UnpicklingError("it refers to things outside the file")
        if not isinstance(key, str) or type(count) is not int or count < 0:
            raise pickle.UnpicklingError("a storage without a name or a size")
        return self.storages.setdefault(key, _Storage(key, storage_type.dtype, count))

    def find_class(self, module: str, name: str) -> Any:
        full_name = f"{module}.{name}"
        if full_name not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {full_name}, which has no place here; nothing of it was run")
        return _ALLOWED[full_name]
