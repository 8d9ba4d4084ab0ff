import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_eye.data.sources.pair_reading import read_pairs
from paddle_eye.data.sources.pairs import find_pairs
from paddle_eye.errors import InputError


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.asarray(values, np.uint8))[1].tobytes())
    return path


def read_all(root):
    found = find_pairs(root)
    return read_pairs(root, found.records, lambda picture: picture, found.faults)


@pytest.fixture
def slices(tmp_path):
    generator = np.random.default_rng(0)
    for number in (0, 2, 10):
        save(tmp_path / f"image/{number}.png", generator.integers(0, 256, (20, 30)))
        save(tmp_path / f"label/{number}.png", 255 * generator.integers(0, 2, (20, 30)))
    return tmp_path


def test_pairs_are_found_by_name_in_the_order_of_their_numbers(slices):
    records, faults, passed_over, _ = find_pairs(slices)
    assert faults == passed_over == []
    assert [record.image.name for record in records] == ["0.png", "2.png", "10.png"]
    assert all(record.mask == slices / "label" / record.image.name for record in records)


def test_files_are_read_once_with_their_digests(slices, monkeypatch):
    opened = []
    monkeypatch.setattr(Path, "read_bytes", lambda path, read=Path.read_bytes: opened.append(path) or read(path))
    pairs = read_all(slices)
    assert len(opened) == len(set(opened)) == 6
    for pair in pairs:
        assert pair.digest == hashlib.sha256(pair.image.read_bytes()).hexdigest()
        assert pair.mask_digest == hashlib.sha256((slices / "label" / pair.image.name).read_bytes()).hexdigest()
        assert pair.picture.shape == (20, 30, 3) and pair.truth.shape == (20, 30)


def test_a_name_with_a_raised_digit_is_a_name(slices):
    for folder in ("image", "label"):
        save(slices / folder / "1².png", np.zeros((20, 30)))
    names = [record.image.name for record in find_pairs(slices).records]
    assert names == ["0.png", "1².png", "2.png", "10.png"]


def test_faults_are_reported_together(slices):
    (slices / "label/0.png").unlink()
    save(slices / "label/99.png", np.zeros((20, 30)))
    save(slices / "label/2.png", np.zeros((20, 31)))
    save(slices / "label/10.png", np.tile(np.arange(30), (20, 1)))
    with pytest.raises(InputError) as caught:
        read_all(slices)
    for part in (
        "4 faults found",
        "image/0.png: no mask of this name",
        "label/99.png: no picture of this name",
        "label/2.png: 31x20 pixels, its picture has 30x20",
        "label/10.png: a mask has two values",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize("folder", ["image", "label"])
def test_a_missing_folder_is_named(slices, folder):
    (slices / folder).rename(slices / "other")
    with pytest.raises(InputError, match=r"no pairs of pictures and masks; expected the folders image and label"):
        read_all(slices)


def test_empty_folders_are_a_fault(tmp_path):
    for name in ("image", "label"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="no picture files"):
        read_all(tmp_path)


def write_turned(path, size, how):
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = how
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, exif=exif, quality=95)


@pytest.mark.parametrize(("how", "mask", "fits"), [(6, (30, 20), True), (6, (20, 30), False), (3, (20, 30), False)])
def test_a_turned_picture_whose_mask_may_lie_either_way_is_refused(tmp_path, how, mask, fits):
    """Stored with 20 rows of 30 pixels: only a mask of 30 rows of 20 tells that it was drawn on the turned one."""
    write_turned(tmp_path / "image/a.jpg", (20, 30), how)
    save(tmp_path / "label/a.png", np.zeros(mask))
    if fits:
        (pair,) = read_all(tmp_path)
        assert pair.picture.shape[:2] == pair.truth.shape == (30, 20)
    else:
        with pytest.raises(InputError, match=r"a.jpg: EXIF turns this picture, .*; save it without"):
            read_all(tmp_path)


def test_every_kind_of_picture_counts_and_other_files_are_named(slices):
    """A GIF in the folder of masks is a mask; a text is passed over, and that is said."""
    mask = Image.fromarray((255 * np.random.default_rng(1).integers(0, 2, (20, 30))).astype(np.uint8))
    mask.save(slices / "label/3.gif")
    save(slices / "image/3.pgm", np.zeros((20, 30)))
    (slices / "label/notes.txt").write_text("mine")
    found = find_pairs(slices)
    assert [record.mask.name for record in found.records] == ["0.png", "2.png", "3.gif", "10.png"]
    assert found.passed_over == [slices / "label/notes.txt"]
    np.testing.assert_array_equal(read_all(slices)[2].truth, np.asarray(mask) > 0)
