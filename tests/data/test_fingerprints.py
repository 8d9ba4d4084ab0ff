import cv2
import numpy as np
import pytest

from paddle_eye.data.fingerprints import Fingerprint, fingerprint
from paddle_eye.data.images import read_picture


def fingerprint_of(path):
    return fingerprint(path.name, read_picture(path))


def test_a_fingerprint_has_the_picture_reduced(tmp_path):
    reduced = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    path = tmp_path / "picture.png"
    path.write_bytes(cv2.imencode(".png", reduced.repeat(3, axis=0).repeat(2, axis=1))[1].tobytes())
    colours = fingerprint_of(path).colours
    assert colours.dtype == np.float32
    np.testing.assert_array_equal(colours, reduced)


def test_the_hash_of_a_picture_with_much_detail_has_a_length_near_1(tmp_path, write_picture):
    structure = fingerprint_of(write_picture(tmp_path / "noise.png", size=(64, 64))).structure
    assert (structure.dtype, structure.ndim) == (np.float32, 1)
    assert 0.95 < np.linalg.norm(structure) <= 1


def test_a_fingerprint_comes_back_from_its_bytes(tmp_path, write_picture):
    made = fingerprint_of(write_picture(tmp_path / "picture.png"))
    back = Fingerprint.from_bytes(made.digest, np.frombuffer(made.to_bytes(), np.uint8))
    np.testing.assert_array_equal(back.structure, made.structure)
    np.testing.assert_array_equal(back.colours, made.colours)
    assert (back.digest, back.structure.dtype, back.colours.dtype) == (made.digest, np.float32, np.float32)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (500, 400)])
def test_a_picture_of_any_size_has_a_fingerprint(size, tmp_path, write_picture):
    smaller = fingerprint_of(write_picture(tmp_path / "smaller.png", size=size))
    other = fingerprint_of(write_picture(tmp_path / "other.png"))
    assert smaller.structure.shape == other.structure.shape
    assert smaller.colours.shape == other.colours.shape == (32, 32, 3)
    assert np.isfinite(smaller.structure).all()
