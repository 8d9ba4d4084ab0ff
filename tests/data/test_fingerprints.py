import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_eye.data.fingerprints import examine_pictures, fingerprint
from paddle_eye.data.images import read_picture
from paddle_eye.errors import InputError


def damage(jpeg):
    """Put a marker where picture data should be."""
    data = bytearray(jpeg.read_bytes())
    middle = (data.rfind(b"\xff\xda") + len(data)) // 2
    data[middle : middle + 2] = b"\xff\xd0"
    jpeg.write_bytes(data)
    return jpeg


def fingerprint_of(path):
    return fingerprint(path.read_bytes(), read_picture(path))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tiff", ".webp"])
def test_a_fingerprint_has_the_digest_of_the_file(suffix, tmp_path, write_picture):
    picture_file = write_picture(tmp_path / f"picture{suffix}")
    assert fingerprint_of(picture_file).digest == hashlib.sha256(picture_file.read_bytes()).hexdigest()


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


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (500, 400)])
def test_a_picture_of_any_size_has_a_fingerprint(size, tmp_path, write_picture):
    smaller = fingerprint_of(write_picture(tmp_path / "smaller.png", size=size))
    other = fingerprint_of(write_picture(tmp_path / "other.png"))
    assert smaller.structure.shape == other.structure.shape
    assert smaller.colours.shape == other.colours.shape == (32, 32, 3)
    assert np.isfinite(smaller.structure).all()


def test_every_picture_is_read_and_prepared_once(tmp_path, write_picture, monkeypatch):
    opened = []
    monkeypatch.setattr(Path, "read_bytes", lambda path, read=Path.read_bytes: opened.append(path) or read(path))
    paths = [write_picture(tmp_path / f"{number}.png") for number in range(3)]
    examined = examine_pictures(paths, [lambda picture: picture[0, 0].tolist()] * 2 + [lambda picture: picture.shape])
    assert sorted(opened) == paths
    assert examined.prepared == [read_picture(path)[0, 0].tolist() for path in paths[:2]] + [(40, 48, 3)]


def test_every_whole_picture_gets_its_fingerprint(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{number}.png") for number in range(8)]
    examined = examine_pictures(paths)
    assert set(examined.fingerprints) == set(paths)
    for path in paths:
        assert examined.fingerprints[path].digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert examined.faults == examined.warnings == {}


def test_faults_are_told_in_the_order_of_the_files(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{name}.jpg") for name in "dbca"]
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:-40])
    paths[3].write_bytes(b"no picture")
    examined = examine_pictures(paths)
    assert set(examined.fingerprints) == {paths[2]}
    assert list(examined.faults) == [paths[0], paths[1], paths[3]]
    for path, fault in examined.faults.items():
        with pytest.raises(InputError) as raised:
            read_picture(path)
        assert fault == str(raised.value)


def test_of_no_files_nothing_is_found():
    assert examine_pictures([]) == ([], {}, {}, {})


def test_a_jpeg_damaged_in_the_middle_is_warned_of(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{number}.jpg") for number in range(5)]
    damage(paths[3])
    examined = examine_pictures(paths)
    assert set(examined.fingerprints) == set(paths)
    assert examined.faults == {}
    assert set(examined.warnings) == {paths[3]}
    assert "Corrupt JPEG data" in examined.warnings[paths[3]]


def test_what_the_decoder_says_is_not_printed_and_what_is_printed_later_is(tmp_path, write_picture, capfd):
    examine_pictures([damage(write_picture(tmp_path / "picture.jpg"))])
    os.write(2, b"printed later\n")
    assert capfd.readouterr().err == "printed later\n"


def test_listening_to_the_decoder_leaves_no_file_open(tmp_path, write_picture):
    paths = [damage(write_picture(tmp_path / f"{number}.jpg")) for number in range(3)]
    examine_pictures(paths)
    before = os.dup(2)
    os.close(before)
    examine_pictures(paths)
    after = os.dup(2)
    os.close(after)
    assert before == after


def test_harmless_remarks_of_a_decoder_are_no_warnings(tmp_path):
    """Two zero bytes between the parts of a JPEG; the picture is whole."""
    data = cv2.imencode(".jpg", np.full((40, 40, 3), 90, np.uint8))[1].tobytes()
    (tmp_path / "padded.jpg").write_bytes(data[:20] + b"\0\0" + data[20:])
    examined = examine_pictures([tmp_path / "padded.jpg"])
    assert (examined.faults, examined.warnings) == ({}, {})
    assert len(examined.fingerprints) == 1
