import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_eye.data.sources.pairs import MaskRecord, block_split, decode_mask, find_pairs, last_aside, read_pairs
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


@pytest.mark.parametrize("values", [[[0, 255], [255, 0]], [[0, 1], [1, 0]]])
def test_a_mask_is_0_and_1(values, tmp_path):
    assert decode_mask(save(tmp_path / "m.png", values).read_bytes(), "m.png").tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(("values", "foreground"), [([[0, 0]], 0), ([[255, 255]], 1)], ids=["empty", "full"])
def test_a_mask_may_be_empty_or_full(values, foreground, tmp_path):
    assert decode_mask(save(tmp_path / "m.png", values).read_bytes(), "m.png").tolist() == [[foreground] * 2]


@pytest.mark.parametrize(
    "values", [[[0, 128]], [[1, 255]], [[[0, 0, 255], [0, 0, 0]]]], ids=["grey", "1 and 255", "red"]
)
def test_other_masks_are_refused(values, tmp_path):
    with pytest.raises(
        InputError, match=r"m.png: a mask has (two values, 0 and 255 \(or 1\); this one has|no colours)"
    ):
        decode_mask(save(tmp_path / "m.png", values).read_bytes(), "m.png")


PAIRS = [MaskRecord(Path(f"{number}.png"), Path(f"{number}-mask.png")) for number in range(30)]


@pytest.mark.parametrize(("count", "folds"), [(30, 5), (7, 3), (2, 2)])
def test_folds_are_blocks_of_neighbours_that_cover_all(count, folds):
    parts = [block_split(PAIRS[:count], folds, fold) for fold in range(1, folds + 1)]
    assert [pair for _, test in parts for pair in test] == PAIRS[:count]
    for training, test in parts:
        assert sorted(training + test, key=PAIRS.index) == PAIRS[:count]


def test_the_last_block_is_tested_on_unless_another_is_asked_for():
    assert block_split(PAIRS, 5) == (PAIRS[:24], PAIRS[24:])
    assert block_split(PAIRS, 5, 2) == (PAIRS[:6] + PAIRS[12:], PAIRS[6:12])


@pytest.mark.parametrize(
    ("folds", "fold", "message"),
    [
        (1, None, "--folds 1: expected 2 or more, up to the number of pictures, which is 30"),
        (31, None, "--folds 31: expected 2 or more"),
        (5, 6, "--fold 6: expected 1 to 5"),
        (5, 0, "--fold 0: expected 1 to 5"),
    ],
)
def test_blocks_that_are_not_there(folds, fold, message):
    with pytest.raises(InputError, match=message):
        block_split(PAIRS, folds, fold)


def test_both_eyes_of_a_patient_stay_together_also_where_they_are_apart_in_the_order():
    names = ["1_left", "2_left", "3_left", "a", "1_right", "2_right", "3_right"]
    pairs = [MaskRecord(Path(f"{name}.png"), Path(f"{name}-mask.png")) for name in names]
    of = dict(zip(names, pairs))
    assert block_split(pairs, 2, 1)[1] == [of[name] for name in ("1_left", "2_left", "1_right", "2_right")]
    assert block_split(pairs, 4) == (pairs[:3] + pairs[4:], [of["a"]])
    assert last_aside(pairs, 0.5)[1] == [of[name] for name in ("3_left", "a", "3_right")]
    with pytest.raises(InputError, match="up to the number of patients, which is 4"):
        block_split(pairs, 5)


def test_the_last_ones_are_kept_aside():
    assert last_aside(PAIRS, 0.15) == (PAIRS[:26], PAIRS[26:])


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_too_little_on_one_side(share):
    with pytest.raises(InputError, match=f"--holdout {share}: keeps (0|30) of 30 pictures aside"):
        last_aside(PAIRS, share)


def mask_file(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    return decode_mask(path.read_bytes(), path)


HALF = np.array([[0, 0, 1, 1]] * 3)


@pytest.mark.parametrize("foreground", [1, 255, 65535])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_the_lower_bytes_of_16_bits_count(tmp_path, foreground, suffix):
    np.testing.assert_array_equal(mask_file(tmp_path / f"m{suffix}", (foreground * HALF).astype(np.uint16)), HALF)


def test_other_values_of_16_bits_are_refused(tmp_path):
    with pytest.raises(InputError, match="a mask has two values"):
        mask_file(tmp_path / "m.png", (300 * HALF).astype(np.uint16))


@pytest.mark.parametrize("colour", [0, 255])
def test_a_mask_may_be_drawn_in_the_transparency_of_one_colour(tmp_path, colour):
    pixels = np.full((3, 4, 4), colour, np.uint8)
    pixels[..., 3] = 255 * HALF
    np.testing.assert_array_equal(mask_file(tmp_path / "m.png", pixels), HALF)


def test_transparency_that_is_the_same_everywhere_is_not_looked_at(tmp_path):
    pixels = np.full((3, 4, 4), 255, np.uint8)
    pixels[..., :3] = 255 * HALF[..., None]
    np.testing.assert_array_equal(mask_file(tmp_path / "m.png", pixels), HALF)


def test_colours_and_transparency_together_are_refused(tmp_path):
    pixels = np.zeros((3, 4, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = 255 * HALF[..., None], 255 * (1 - HALF)
    with pytest.raises(InputError, match=r"m.png: a mask in colours and in transparency"):
        mask_file(tmp_path / "m.png", pixels)


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
