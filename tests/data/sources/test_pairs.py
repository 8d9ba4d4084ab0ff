import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_eye.data.sources.pairs import MaskRecord, block_split, decode_mask, find_pairs, last_aside, read_pairs
from paddle_eye.errors import InputError


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.asarray(values, np.uint8))[1].tobytes())
    return path


def read_all(root):
    records, faults = find_pairs(root)
    return read_pairs(root, records, lambda picture: picture, faults)


@pytest.fixture
def slices(tmp_path):
    generator = np.random.default_rng(0)
    for number in (0, 2, 10):
        save(tmp_path / f"image/{number}.png", generator.integers(0, 256, (20, 30)))
        save(tmp_path / f"label/{number}.png", 255 * generator.integers(0, 2, (20, 30)))
    return tmp_path


def test_pairs_are_found_by_name_in_the_order_of_their_numbers(slices):
    records, faults = find_pairs(slices)
    assert faults == []
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
    with pytest.raises(InputError, match=f"{folder}: no such folder"):
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


def test_the_last_ones_are_kept_aside():
    assert last_aside(PAIRS, 0.15) == (PAIRS[:26], PAIRS[26:])


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_too_little_on_one_side(share):
    with pytest.raises(InputError, match=f"--holdout {share}: keeps (0|30) of 30 pictures aside"):
        last_aside(PAIRS, share)
