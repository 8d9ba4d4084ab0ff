"""PyTorch's file formats, written here after its own description (torch/serialization.py), without PyTorch."""

import collections
import io
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest

from paddle_eye.errors import InputError
from paddle_eye.weights.format import read_weights
from paddle_eye.weights.torch_files import read_torch

ARRAYS = {
    "conv.weight": np.arange(24, dtype="<f4").reshape(2, 3, 4),
    "norm.running_mean": np.array([1.5, -2.5], "<f4"),
    "norm.num_batches_tracked": np.array(7, "<i8"),
    "half": np.array([0.5], "<f2"),
    "empty": np.zeros((0, 3), "<f4"),
}
STORAGE_NAMES = {"<f4": "FloatStorage", "<i8": "LongStorage", "<f2": "HalfStorage"}


@pytest.fixture
def torch(monkeypatch):
    """Stand-ins with the names that PyTorch's pickles refer to."""

    def rebuild(*arguments):
        raise AssertionError("the file was run")

    module, utilities = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage", "HalfStorage", "BFloat16Storage"):
        setattr(module, name, type(name, (), {"__module__": "torch"}))
    for name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
        function = types.FunctionType(rebuild.__code__, globals(), name)
        function.__module__, function.__qualname__ = "torch._utils", name
        setattr(utilities, name, function)
    module._utils = utilities
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", utilities)
    return module


class Storage:
    def __init__(self, key, array, kind):
        self.key, self.array, self.kind = key, array, kind


class Tensor:
    """Is pickled as PyTorch pickles a tensor: a call of its rebuilding function on a persistent storage."""

    def __init__(self, torch, storage, shape, strides, offset=0):
        self.torch, self.storage, self.shape, self.strides, self.offset = torch, storage, shape, strides, offset

    def __reduce__(self):
        arguments = (self.storage, self.offset, self.shape, self.strides, False, collections.OrderedDict())
        return self.torch._utils._rebuild_tensor_v2, arguments


class Pickler(pickle.Pickler):
    def __init__(self, file, stream):
        super().__init__(file, protocol=2)
        self.stream = stream

    def persistent_id(self, value):
        if isinstance(value, Storage):
            identifier = ("storage", value.kind, value.key, "cpu", value.array.size)
            return (*identifier, None) if self.stream else identifier
        return None


@pytest.fixture
def make_state(torch):
    """A function that makes the content of a file, and its storages, from arrays."""

    def make(arrays=ARRAYS):
        storages = [
            Storage(str(number), array, getattr(torch, STORAGE_NAMES[array.dtype.newbyteorder("<").str]))
            for number, array in enumerate(arrays.values())
        ]
        state = collections.OrderedDict()
        for (name, array), storage in zip(arrays.items(), storages):
            strides = tuple(stride // array.itemsize for stride in array.strides)
            state[name] = Tensor(torch, storage, array.shape, strides)
        state._metadata = collections.OrderedDict({"": {"version": 1}})
        return state, storages

    return make


def as_zip(content, storages, compression=zipfile.ZIP_STORED, byteorder=b"little"):
    pickled = io.BytesIO()
    Pickler(pickled, stream=False).dump(content)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("resnet/data.pkl", pickled.getvalue())
        archive.writestr("resnet/byteorder", byteorder)
        for storage in storages:
            archive.writestr(f"resnet/data/{storage.key}", storage.array.tobytes())
        archive.writestr("resnet/version", b"3\n")
    return file.getvalue()


def as_stream(content, storages):
    file = io.BytesIO()
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    for head in (0x1950A86A20F9469CFC6C, 1001, machine):
        pickle.dump(head, file, protocol=2)
    Pickler(file, stream=True).dump(content)
    pickle.dump([storage.key for storage in storages], file, protocol=2)
    for storage in storages:
        file.write(storage.array.size.to_bytes(8, "little") + storage.array.tobytes())
    return file.getvalue()


@pytest.mark.parametrize("write", [as_zip, as_stream])
def test_the_arrays_come_back(write, make_state, tmp_path):
    path = tmp_path / "resnet.pth"
    path.write_bytes(write(*make_state()))
    arrays, description = read_weights(path)
    assert description is None
    assert list(arrays) == list(ARRAYS)
    for name, expected in ARRAYS.items():
        assert arrays[name].dtype == expected.dtype
        np.testing.assert_array_equal(arrays[name], expected)


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_a_state_dict_may_be_wrapped(wrapper, make_state):
    state, storages = make_state()
    arrays = read_torch(as_zip({"epoch": 3, wrapper: state}, storages))
    assert list(arrays) == list(ARRAYS)


def test_tensors_of_the_oldest_files_are_read(torch, make_state):
    state, storages = make_state()
    oldest = types.FunctionType((lambda: None).__code__, globals(), "_rebuild_tensor")
    oldest.__module__, oldest.__qualname__ = "torch._utils", "_rebuild_tensor"
    torch._utils._rebuild_tensor = oldest

    class Oldest(Tensor):
        def __reduce__(self):
            return oldest, (self.storage, self.offset, self.shape, self.strides)

    old_state = {name: Oldest(torch, t.storage, t.shape, t.strides) for name, t in state.items()}
    np.testing.assert_array_equal(read_torch(as_stream(old_state, storages))["conv.weight"], ARRAYS["conv.weight"])


def test_views_of_one_storage_are_read_by_their_strides(torch, make_state):
    _, (storage,) = make_state({"numbers": np.arange(6, dtype="<f4")})
    transposed = Tensor(torch, storage, (3, 2), (1, 3))
    arrays = read_torch(as_zip({"a": transposed, "b": Tensor(torch, storage, (2,), (1,), offset=4)}, [storage]))
    np.testing.assert_array_equal(arrays["a"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(arrays["b"], [4, 5])


@pytest.mark.parametrize("write", [as_zip, as_stream])
def test_nothing_in_a_file_is_run(write, tmp_path):
    class Evil:
        def __reduce__(self):
            return eval, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    path = tmp_path / "evil.pth"
    path.write_bytes(write({"a": Evil()}, []))
    with pytest.raises(InputError, match=r"evil.pth: not accepted .*builtin.*eval, which has no place here"):
        read_weights(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [((7,), (1,), 0), ((2, 4), (3, 1), 0), ((2,), (1,), 5), ((-1,), (1,), 0), ((2,), (-1,), 3), ((10**9,), (0,), 0)],
)
def test_tensors_may_not_reach_beyond_their_storage(shape, strides, offset, torch, make_state):
    _, (storage,) = make_state({"numbers": np.arange(6, dtype="<f4")})
    with pytest.raises(ValueError, match=r"impossible sizes|larger than its storage|MB in a file of"):
        read_torch(as_zip({"a": Tensor(torch, storage, shape, strides, offset)}, [storage]))


def test_other_numbers_are_refused(torch):
    storage = Storage("0", np.zeros(2, "<f4"), torch.BFloat16Storage)
    with pytest.raises(ValueError, match=r"torch.BFloat16Storage, which has no place here"):
        read_torch(as_zip({"a": Tensor(torch, storage, (2,), (1,))}, [storage]))


@pytest.mark.parametrize(
    ("content", "told"),
    [([1], "expected a dict of tensors, found list"), ({"a": 3}, "another thing under 'a'"), ({}, None)],
)
def test_what_is_no_state_dict_is_refused(content, told):
    if told is None:
        assert read_torch(as_zip(content, [])) == {}
        return
    with pytest.raises(ValueError, match=told):
        read_torch(as_zip(content, []))


def test_archives_that_pytorch_does_not_write_are_refused(make_state):
    with pytest.raises(ValueError, match="a compressed archive"):
        read_torch(as_zip(*make_state(), compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(ValueError, match="big-endian"):
        read_torch(as_zip(*make_state(), byteorder=b"big"))


@pytest.mark.parametrize("write", [as_zip, as_stream])
def test_a_file_cut_off_anywhere_is_refused(write, make_state):
    data = write(*make_state())
    for end in range(4, len(data) - 1, max(1, len(data) // 60)):
        with pytest.raises(ValueError):
            read_torch(data[:end])


def test_a_storage_that_is_missing_is_refused(make_state):
    state, storages = make_state()
    with pytest.raises(ValueError, match="resnet/data/4"):
        read_torch(as_zip(state, storages[:-1]))


def test_a_storage_is_read_once(torch, make_state, monkeypatch):
    _, (storage,) = make_state({"numbers": np.arange(300, dtype="<f4")})
    data = as_zip({f"w{number}": Tensor(torch, storage, (1,), (1,), offset=number) for number in range(300)}, [storage])
    read, names = zipfile.ZipFile.read, []
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda archive, name: names.append(name) or read(archive, name))
    assert [array.item() for array in read_torch(data).values()] == list(range(300))
    assert len([name for name in names if "/data/" in name]) == 1


def test_an_archive_whose_parts_are_larger_than_it_is_is_refused(make_state, monkeypatch):
    data = as_zip(*make_state({"numbers": np.arange(300, dtype="<f4")}))
    entries = zipfile.ZipFile.infolist
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda archive: entries(archive) * 3)
    with pytest.raises(ValueError, match="parts are larger than it is"):
        read_torch(data)


@pytest.mark.parametrize("write", [as_zip, as_stream])
def test_thousands_of_views_of_one_storage_are_refused(write, torch, make_state):
    """2000 tensors of a megabyte each in a file of one."""
    _, (storage,) = make_state({"numbers": np.zeros(250_000, "<f4")})
    state = {f"w{number}": Tensor(torch, storage, (500, 500), (500, 1)) for number in range(2000)}
    with pytest.raises(ValueError, match=r"arrays of 1907 MB in a file of \d MB"):
        read_torch(write(state, [storage]))


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model", "net"])
@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_checkpoints_as_people_save_them(wrapper, prefix, make_state):
    state, storages = make_state({f"{prefix}{name}": array for name, array in ARRAYS.items()})
    assert list(read_torch(as_zip({"epoch": 3, wrapper: state}, storages))) == list(ARRAYS)
