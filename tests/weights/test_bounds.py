"""Pickles that name nothing forbidden, and would still fill the memory or crash the process."""

import collections
import io
import pickle
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import paddle
import pytest
import safetensors.numpy

from paddle_eye.errors import InputError
from paddle_eye.weights.bounds import Ordered, require_bounded
from paddle_eye.weights.format import DESCRIPTION_KEY, read_weights, write_weights

ROOT = Path(__file__).resolve().parents[2]


def nested(depth):
    return b"\x80\x04)" + b"\x85" * depth


DEEP_KEY = b"\x80\x04}" + b")" + b"\x85" * 100_000 + b"K\x01s."
DOUBLING = b"\x80\x04}X\x01\x00\x00\x00a)" + b"".join(b"q\x01h\x01\x86" for _ in range(60)) + b"s."
DOUBLING_LISTS = b"\x80\x04}X\x01\x00\x00\x00a]q\x01" + b"".join(
    b"0]q" + bytes([n + 1]) + b"h" + bytes([n]) + b"ah" + bytes([n]) + b"a" for n in range(1, 60)
)
HIGH_MEMO = b"\x80\x04}r\xff\xff\xff\x0f."
OUT_OF_STEP = (
    b"\x80\x02}((K\x01icollections\nOrderedDict\n0)" + b"\x85" * 100_000 + b"K\x01s."
)  # INST takes to the mark
MANY_COPIES = (  # of a dict of ten thousand pairs that the file has once
    b"\x80\x02ccollections\nOrderedDict\nq\x00(("
    + b"".join(b"X\x01\x00\x00\x00%cK\x00\x86" % (n % 128) for n in range(10_000))
    + b"ltq\x01((h\x00h\x01R"
    + b"h\x00h\x01R" * 10_000
    + b"l."
)
MANY_TEXTS = (  # of the hundred thousand letters that the file has once
    b"\x80\x02c_codecs\nencode\nq\x00(X\xa0\x86\x01\x00"
    + b"a" * 100_000
    + b"X\x06\x00\x00\x00latin1tq\x01(h\x00h\x01R"
    + b"h\x00h\x01R" * 10_000
    + b"l."
)
BEYOND_THE_STACK = b"\x80\x04s."


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (DEEP_KEY, "things in things"),
        (DOUBLING, "things in things, more than 40 deep|more than 20000000 things"),
        (DOUBLING_LISTS + b"s.", "things in things, more than 40 deep|more than 20000000 things"),
        (HIGH_MEMO, "a memo index of 268435455"),
        (OUT_OF_STEP, "the step INST has no place in a weight file"),
        (MANY_COPIES, "more than 2000000 things given to calls"),
        (MANY_TEXTS, "letters given to calls in a file of"),
    ],
    ids=["deep", "doubling", "doubling lists", "memo", "out of step", "copies", "texts"],
)
def test_what_costs_too_much_is_refused_before_it_is_read(tmp_path, pickled, message):
    """In a process of its own with little memory and time, should it fail."""
    (tmp_path / "w.pdparams").write_bytes(pickled)
    program = f"""
import resource, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from paddle_eye.weights.format import read_weights
resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))
try:
    read_weights(Path({str(tmp_path / "w.pdparams")!r}))
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-500:]
    assert any(part in done.stdout for part in message.split("|")), done.stdout


CLASS = b"ccollections\nOrderedDict\n"


@pytest.mark.parametrize(
    "steps",
    [
        CLASS + b"N}X\x05\x00\x00\x00itemsNs\x86b.",
        CLASS + b"q\x010h\x01N}X\x05\x00\x00\x00itemsNs\x86b.",
        CLASS + b"X\x05\x00\x00\x00itemsNs.",
        b"\x8c\x0bcollections\x8c\x0bOrderedDict\x93N}X\x05\x00\x00\x00itemsNs\x86b.",
    ],
    ids=["built", "remembered", "set", "by texts"],
)
def test_what_a_file_names_is_not_changed_for_others(tmp_path, steps):
    before = dict(vars(Ordered))
    (tmp_path / "w.pdparams").write_bytes(b"\x80\x04" + steps)
    with pytest.raises(InputError, match="a change of what has a name"):
        read_weights(tmp_path / "w.pdparams")
    assert dict(vars(Ordered)) == before


def test_what_hangs_on_a_dict_is_passed_over(tmp_path):
    steps = CLASS + b")RX\x01\x00\x00\x00wNs}X\x05\x00\x00\x00itemsNsb."
    (tmp_path / "w.pdparams").write_bytes(b"\x80\x04" + steps)
    with pytest.raises(InputError, match="expected only named arrays of numbers, found another thing under 'w'"):
        read_weights(tmp_path / "w.pdparams")


def test_a_description_without_end_is_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors.numpy.save_file({DESCRIPTION_KEY: np.full(65 * 2**20, ord("["), np.uint8)}, path)
    with pytest.raises(InputError, match="the description inside the weight file has 65 MB, too many"):
        read_weights(path)


def test_a_pickle_out_of_step_is_damaged(tmp_path):
    (tmp_path / "w.pdparams").write_bytes(BEYOND_THE_STACK)
    with pytest.raises(InputError, match="not accepted as a weight file"):
        read_weights(tmp_path / "w.pdparams")


class Sharing:
    """An array in a pickle, whose numbers are one object with those of others."""

    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        kind = np.dtype("<f4")
        return (
            np.zeros(0).__reduce__()[0],
            (np.ndarray, (0,), b"b"),
            (1, (len(self.data) // 4,), kind, False, self.data),
        )


@pytest.mark.parametrize("count", [3, 100])
def test_many_arrays_of_the_same_numbers_are_refused_and_take_no_more_memory_than_one(tmp_path, count):
    numbers = bytes(4 * 250_000)
    (tmp_path / "w.pdparams").write_bytes(pickle.dumps({f"w{n}": Sharing(numbers) for n in range(count)}, protocol=2))
    tracemalloc.start()
    try:
        if count == 3:  # as a network has that uses a layer several times
            assert read_weights(tmp_path / "w.pdparams").arrays["w2"].shape == (250_000,)
        else:
            with pytest.raises(InputError, match=r"w.pdparams: not accepted .* 95 MB in a file of 1 MB"):
                read_weights(tmp_path / "w.pdparams")
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


COLLIDING = [number * (2**61 - 1) for number in range(1, 60_001)]  # all have the hash 0
PICKLED = b"".join(pickle.dumps(number, 2)[2:-1] for number in COLLIDING)
OF_COLLIDING = b"\x80\x04}(" + PICKLED + b"u."  # a dict and a set of them, which take a minute each to be made
SET_OF_COLLIDING = b"\x80\x04\x8f(" + PICKLED + b"\x90."


@pytest.mark.parametrize(
    "content",
    [OF_COLLIDING, SET_OF_COLLIDING, *(pickle.dumps(each, 4) for each in ({(1, 2): 0}, {1.5: 0}, {10**5000: 0}))],
)
def test_keys_whose_hashes_may_be_chosen_are_refused_at_once(tmp_path, content):
    (tmp_path / "w.pdparams").write_bytes(content)
    started = time.process_time()
    with pytest.raises(InputError, match=r"a key that is no text and no small integer|an integer of more than"):
        read_weights(tmp_path / "w.pdparams")
    assert time.process_time() - started < 5


class Given:
    """An OrderedDict in a pickle that is made of pairs, as Python 2 wrote it."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __reduce__(self):
        return collections.OrderedDict, (self.pairs,)


def test_a_dict_of_pairs_has_texts_as_keys(tmp_path):
    path = tmp_path / "w.pdparams"
    path.write_bytes(pickle.dumps(Given([["w", np.ones(2, np.float32)]]), protocol=2))
    assert list(read_weights(path).arrays) == ["w"]
    path.write_bytes(pickle.dumps(Given([[number, 0] for number in COLLIDING]), protocol=2))
    with pytest.raises(InputError, match="a key that is no text and no small integer"):
        read_weights(path)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_ordinary_pickles_are_bounded(protocol):
    content = collections.OrderedDict((f"layer{n}.weight", ("name", np.ones((2, 3)))) for n in range(300))
    stream = io.BytesIO(b"before" + pickle.dumps(content, protocol))
    stream.seek(6)
    require_bounded(stream)
    assert stream.tell() == 6


@pytest.mark.parametrize("suffix", [".pdparams", ".safetensors"])
def test_a_flipped_bit_is_found(tmp_path, suffix):
    model = paddle.nn.Linear(64, 64)
    path = tmp_path / f"w{suffix}"
    write_weights(path, model, {"epoch": 1})
    assert read_weights(path).description["epoch"] == 1
    data = bytearray(path.read_bytes())
    place = data.index(model.weight.numpy().tobytes()[100:140])
    data[place] ^= 16
    path.write_bytes(data)
    with pytest.raises(InputError, match="the file is damaged; copy it again"):
        read_weights(path)
