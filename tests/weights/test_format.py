import collections
import io
import json
import os
import pickle
import struct

import numpy as np
import paddle
import pytest
import safetensors.numpy
from paddle import nn

from paddle_eye.errors import InputError, JobError
from paddle_eye.models.resnet import BLOCKS_PER_STAGE, ResNet
from paddle_eye.weights.format import DESCRIPTION_KEY, load_into, read_weights, write_weights


@pytest.fixture
def layer():
    paddle.seed(0)
    return nn.Sequential(nn.Conv2D(3, 4, 3), nn.BatchNorm2D(4), nn.Linear(4, 2))


def values(layer):
    return {key: tensor.numpy() for key, tensor in layer.state_dict().items()}


def assert_same(first, second):
    assert set(first) == set(second)
    for key, value in first.items():
        assert first[key].dtype == second[key].dtype
        np.testing.assert_array_equal(value, second[key], err_msg=key)


def test_what_is_written_is_read_back(layer, tmp_path):
    path = tmp_path / "眼底.pdparams"
    write_weights(path, layer, {"classes": ["正常", "病变"], "epoch": 3})
    arrays, description = read_weights(path)
    assert_same(arrays, values(layer))
    assert description["classes"] == ["正常", "病变"]
    assert description["epoch"] == 3
    assert description["versions"]["paddle"] == paddle.__version__


def test_paddle_load_and_set_state_dict_take_the_file(layer, tmp_path):
    write_weights(tmp_path / "w.pdparams", layer, {})
    other = nn.Sequential(nn.Conv2D(3, 4, 3), nn.BatchNorm2D(4), nn.Linear(4, 2))
    missing, unexpected = other.set_state_dict(paddle.load(str(tmp_path / "w.pdparams")))
    assert missing == []
    assert unexpected == [DESCRIPTION_KEY]
    assert_same(values(other), values(layer))


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_files_of_paddle_save_are_read(layer, tmp_path, protocol):
    path = tmp_path / "plain.pdparams"
    paddle.save(layer.state_dict(), str(path), protocol=protocol)
    arrays, description = read_weights(path)
    assert description is None
    assert_same(arrays, values(layer))


def test_a_dict_of_loose_tensors_is_read(tmp_path):
    path = tmp_path / "tensors.pdparams"
    paddle.save({"a": paddle.to_tensor([1.5, 2.5]), "b": paddle.to_tensor([[3]])}, str(path))
    arrays = read_weights(path).arrays
    np.testing.assert_array_equal(arrays["a"], [1.5, 2.5])
    np.testing.assert_array_equal(arrays["b"], [[3]])


def test_arrays_in_fortran_order_and_numpy_scalars_are_read(tmp_path):
    path = tmp_path / "mixed.pdparams"
    matrix = np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3))
    path.write_bytes(
        pickle.dumps(collections.OrderedDict(matrix=matrix, scalar=np.float32(2.5), flags=np.array([True])))
    )
    arrays = read_weights(path).arrays
    np.testing.assert_array_equal(arrays["matrix"], matrix)
    assert arrays["scalar"] == np.float32(2.5)
    assert arrays["flags"].dtype == np.bool_


def test_safetensors_are_read(layer, tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors.numpy.save(values(layer)))
    assert_same(read_weights(path).arrays, values(layer))


class Planted:
    """Pickles to a call of any function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "argument", "named"),
    [
        (os.system, "touch {mark}", "system"),
        (eval, "open('{mark}', 'w').close()", "builtins.eval"),
        (exec, "open('{mark}', 'w').close()", "builtins.exec"),
        (open, "{mark}", "open"),
        (getattr, "{mark}", "builtins.getattr"),
        (np.load, "{mark}", "load"),
    ],
)
def test_planted_calls_are_refused_and_not_run(tmp_path, function, argument, named):
    mark, path = tmp_path / "mark", tmp_path / "planted.pdparams"
    if function is open:
        planted = Planted(open, str(mark), "w")
    elif function is getattr:
        planted = Planted(getattr, "text", "upper")
    else:
        planted = Planted(function, argument.format(mark=mark))
    path.write_bytes(pickle.dumps({"w": np.zeros(2), "x": planted}))
    with pytest.raises(InputError, match=rf"planted.pdparams.*{named}.*nothing of it was run"):
        read_weights(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "stream",
    [
        b"cnumpy\nsave\n.",
        b"cnumpy.core.multiarray\nfromfile\n.",
        b"cbuiltins\ntuple.__class__\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.data\x93.",
        b"\x80\x02\x82\x01.",  # a copyreg extension code
        b"Pid\n.",  # a persistent id
    ],
)
def test_names_that_only_sound_allowed_are_refused(tmp_path, stream):
    path = tmp_path / "odd.pdparams"
    path.write_bytes(stream)
    with pytest.raises(InputError, match="not accepted as a weight file"):
        read_weights(path)


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"a": 1}, None], dtype=object),
        np.array(["text"]),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array(["2020-01-01"], dtype="M8[D]"),
    ],
)
def test_arrays_of_other_than_plain_numbers_are_refused(tmp_path, array):
    path = tmp_path / "objects.pdparams"
    path.write_bytes(pickle.dumps({"w": array}))
    with pytest.raises(InputError, match="have no place in a weight file"):
        read_weights(path)


def test_an_array_that_promises_more_than_it_holds_is_refused(tmp_path):
    """A state with a shape larger than its bytes would read foreign memory if numpy believed it."""
    data = pickle.dumps({"w": np.zeros(4, np.float32)}, protocol=2)
    assert data.count(b"K\x04\x85") == 1
    path = tmp_path / "short.pdparams"
    path.write_bytes(data.replace(b"K\x04\x85", b"K\x7f\x85"))
    with pytest.raises(InputError, match="not accepted as a weight file"):
        read_weights(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("w.pdparams", b"", "not accepted"),
        ("w.pdparams", b"no pickle at all", "not accepted"),
        ("w.pdparams", pickle.dumps([1, 2]), "expected a dict of named arrays, found list"),
        ("w.pdparams", pickle.dumps({"w": "text"}), "under 'w'"),
        ("w.pdparams", pickle.dumps({3: np.zeros(2)}), "under 3"),
        ("w.safetensors", b"\x00" * 20, "no whole safetensors file"),
        ("w.safetensors", struct.pack("<Q", 1 << 60), "no whole safetensors file"),
    ],
)
def test_damaged_files_are_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_weights(path)
    assert str(path) in str(caught.value)


def test_a_cut_off_file_is_refused(layer, tmp_path):
    path = tmp_path / "w.pdparams"
    write_weights(path, layer, {})
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="not accepted"):
        read_weights(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.pdparams.*cannot be read"):
        read_weights(tmp_path / "absent.pdparams")


@pytest.mark.parametrize("text", [b"{", b"[]", json.dumps({"format": 99}).encode()])
def test_a_damaged_description_is_named(tmp_path, text):
    path = tmp_path / "w.pdparams"
    path.write_bytes(pickle.dumps({DESCRIPTION_KEY: np.frombuffer(text, np.uint8)}))
    with pytest.raises(InputError, match="description inside the weight file"):
        read_weights(path)


def test_every_key_must_be_accounted_for(layer):
    arrays = values(layer)
    arrays["0.weight"] = arrays["0.weight"][:2]
    del arrays["2.bias"]
    arrays["3.weight"] = np.zeros(1, np.float32)
    before = values(layer)
    with pytest.raises(InputError) as caught:
        load_into(layer, arrays, "some.pdparams")
    message = str(caught.value)
    assert message.startswith("some.pdparams")
    assert "missing: 2.bias" in message
    assert "unexpected: 3.weight" in message
    assert "0.weight has shape [2, 3, 3, 3], the network needs [4, 3, 3, 3]" in message
    assert_same(values(layer), before)


@pytest.mark.parametrize("precision", ["float16", "float64"])
def test_other_precisions_are_converted(layer, precision):
    halves = {key: (np.round(value * 4) / 4).astype(precision) for key, value in values(layer).items()}
    load_into(layer, halves, "half.safetensors")
    assert_same(values(layer), {key: value.astype("float32") for key, value in halves.items()})


def test_whole_numbers_are_no_weights(layer):
    with pytest.raises(InputError, match=r"wrong kind of number: .*2\.bias holds int64, the network needs float32"):
        load_into(layer, {**values(layer), "2.bias": np.zeros(2, "int64")}, "w.pdparams")


@pytest.mark.parametrize("version", "OBCD")
def test_weights_of_the_documents_code_load(version, tmp_path, monkeypatch):
    """That code builds path B for every block; its extra weights are dropped, nothing else is."""
    monkeypatch.setitem(BLOCKS_PER_STAGE, 50, (2, 2, 1, 1))
    source, target = ResNet(class_dim=2, version=version), ResNet(class_dim=2, version=version)
    state = dict(source.state_dict())
    index = 1 if version == "D" else 0
    for stage, width in ((0, 256), (1, 512)):
        block = f"bb_{stage}_1.pathB.{index}"
        state[f"{block}._conv.weight"] = paddle.zeros([width, width, 1, 1])
        for name in ("weight", "bias", "_mean", "_variance"):
            state[f"{block}._batch_norm.{name}"] = paddle.zeros([width])
    path = tmp_path / f"resnet50_v{version}_PALM.pdparams"
    paddle.save(state, str(path))
    load_into(target, read_weights(path).arrays, path, target.never_read)
    assert_same(values(target), values(source))

    state["bb_0_0.pathB.9._conv.weight"] = paddle.zeros([1])
    buffer = io.BytesIO()
    paddle.save(state, buffer)
    path.write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match=r"unexpected: bb_0_0\.pathB\.9\._conv\.weight"):
        load_into(target, read_weights(path).arrays, path, target.never_read)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_neither_written_nor_taken(tmp_path, value):
    model = paddle.nn.Linear(2, 2)
    write_weights(tmp_path / "w.pdparams", model, {})
    before = (tmp_path / "w.pdparams").read_bytes()
    model.weight.set_value(np.array([[1, value], [0, 0]], "float32"))
    with pytest.raises(JobError, match=r"no finite numbers any more \(weight\); try a lower learning rate"):
        write_weights(tmp_path / "w.pdparams", model, {})
    assert (tmp_path / "w.pdparams").read_bytes() == before
    with pytest.raises(InputError, match=r"w.pdparams: not all weights are finite numbers \(weight\)"):
        load_into(paddle.nn.Linear(2, 2), {key: t.numpy() for key, t in model.state_dict().items()}, "w.pdparams")


def test_an_empty_array_of_protocol_2_is_read(tmp_path):
    paddle.save({"w": paddle.zeros([0, 3]), "b": paddle.ones([2])}, str(tmp_path / "w.pdparams"), protocol=2)
    assert read_weights(tmp_path / "w.pdparams").arrays["w"].shape == (0, 3)
