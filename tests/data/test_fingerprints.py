import hashlib

import cv2
import numpy as np
import pytest

from paddle_eye.data.fingerprints import Fingerprint, fingerprint, same_pictures
from paddle_eye.data.images import read_picture


def draw(path, number, brighter=0):
    """The picture of this number, a round field with lines, in the format of the name."""
    picture = np.full((96, 96, 3), (10, 20, 40), np.uint8)
    cv2.circle(picture, (48, 48), 46, (40, 90, 200), -1)
    for x1, y1, x2, y2 in np.random.default_rng(number).integers(20, 76, (12, 4)).tolist():
        cv2.line(picture, (x1, y1), (x2, y2), (20, 30, 90), 2)
    picture = cv2.GaussianBlur(picture, (0, 0), 1) + np.uint8(brighter)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85] if path.suffix == ".jpg" else []
    path.write_bytes(cv2.imencode(path.suffix, picture, quality)[1].tobytes())
    return path


def fingerprint_of(path):
    return fingerprint(path.read_bytes(), read_picture(path))


def made_up(digest, structure, colour=0.0):
    return Fingerprint(digest, np.array(structure, np.float32), np.full((32, 32, 3), colour, np.float32))


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


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_a_picture_in_two_formats_is_one(suffix, tmp_path):
    paths = [draw(tmp_path / "1.png", 1), draw(tmp_path / "2.png", 2), draw(tmp_path / f"copy{suffix}", 1)]
    assert same_pictures([fingerprint_of(path) for path in paths]) == [(0, 2)]


def test_a_picture_of_another_size_is_the_same(tmp_path):
    path = draw(tmp_path / "picture.png", 1)
    larger = cv2.resize(read_picture(path), (150, 150), interpolation=cv2.INTER_CUBIC)
    (tmp_path / "larger.png").write_bytes(cv2.imencode(".png", larger)[1].tobytes())
    assert same_pictures([fingerprint_of(path), fingerprint_of(tmp_path / "larger.png")]) == [(0, 1)]


def test_a_large_photograph_is_the_same_as_its_small_copy(tmp_path):
    """Also with odd sides, of which a row and a column are left out."""
    small = read_picture(draw(tmp_path / "small.png", 1))
    large = cv2.resize(small, (1999, 2001), interpolation=cv2.INTER_CUBIC)
    middle = cv2.resize(small, (511, 509), interpolation=cv2.INTER_CUBIC)
    fingerprints = [fingerprint(name, picture) for name, picture in ((b"s", small), (b"m", middle), (b"l", large))]
    assert same_pictures(fingerprints) == [(0, 1), (0, 2), (1, 2)]


def test_photographs_with_the_same_rim_are_not_the_same(tmp_path):
    fingerprints = [fingerprint_of(draw(tmp_path / f"{number}.png", number)) for number in range(10)]
    assert same_pictures(fingerprints) == []


@pytest.mark.parametrize(("brighter", "pairs"), [(4, [(0, 1)]), (7, [])])
def test_the_same_lines_in_other_colours_are_another_picture(brighter, pairs, tmp_path):
    paths = [draw(tmp_path / "picture.png", 1), draw(tmp_path / "brighter.png", 1, brighter)]
    assert same_pictures([fingerprint_of(path) for path in paths]) == pairs


@pytest.mark.parametrize(
    ("cosine", "difference", "same"),
    [(0.96, 0.0, True), (0.94, 0.0, False), (-0.96, 0.0, False), (0.96, 5.0, True), (0.96, 5.5, False)],
)
def test_likeness_and_colours_decide(cosine, difference, same):
    first = made_up("a", [1, 0], 100.0)
    second = made_up("b", [cosine, (1 - cosine**2) ** 0.5], 100.0 + difference)
    assert same_pictures([first, second]) == same_pictures([second, first]) == [(0, 1)] * same


def test_pictures_without_detail_are_the_same_only_if_their_bytes_are():
    flat = [made_up(digest, [0, 0]) for digest in "abab"]
    assert same_pictures(flat) == [(0, 2), (1, 3)]


def test_copies_are_told_in_pairs(tmp_path, write_picture):
    names = ("a.jpg", "b.jpg", "a.jpg", "c.jpg", "b.jpg", "a.jpg")
    paths = [write_picture(tmp_path / str(number) / name) for number, name in enumerate(names)]
    assert same_pictures([fingerprint_of(path) for path in paths]) == [(0, 2), (0, 5), (1, 4), (2, 5)]


def test_of_no_pictures_none_are_the_same():
    assert same_pictures([]) == []
