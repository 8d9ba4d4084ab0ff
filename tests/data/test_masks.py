import cv2
import numpy as np
import pytest

from paddle_eye.data.masks import augment, contiguous_folds, random_crop, read_mask, read_pairs
from paddle_eye.errors import InputError


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.asarray(values, np.uint8))[1].tobytes())
    return path


@pytest.fixture
def slices(tmp_path):
    generator = np.random.default_rng(0)
    for number in (0, 2, 10):
        save(tmp_path / f"image/{number}.png", generator.integers(0, 256, (20, 30)))
        save(tmp_path / f"label/{number}.png", 255 * generator.integers(0, 2, (20, 30)))
    return tmp_path


def test_pairs_are_found_by_name_in_the_order_of_their_numbers(slices):
    records = read_pairs(slices)
    assert [record.image.name for record in records] == ["0.png", "2.png", "10.png"]
    assert all(record.mask == slices / "label" / record.image.name for record in records)


def test_faults_are_reported_together(slices):
    (slices / "label/0.png").unlink()
    save(slices / "label/99.png", np.zeros((20, 30)))
    save(slices / "label/2.png", np.zeros((20, 31)))
    save(slices / "label/10.png", np.tile(np.arange(30), (20, 1)))
    with pytest.raises(InputError) as caught:
        read_pairs(slices)
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
        read_pairs(slices)


def test_empty_folders_are_a_fault(tmp_path):
    for name in ("image", "label"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="no picture files"):
        read_pairs(tmp_path)


@pytest.mark.parametrize("values", [[[0, 255], [255, 0]], [[0, 1], [1, 0]]])
def test_a_mask_is_0_and_1(values, tmp_path):
    assert read_mask(save(tmp_path / "m.png", values)).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(("values", "foreground"), [([[0, 0]], 0), ([[255, 255]], 1)], ids=["empty", "full"])
def test_a_mask_may_be_empty_or_full(values, foreground, tmp_path):
    assert read_mask(save(tmp_path / "m.png", values)).tolist() == [[foreground] * 2]


@pytest.mark.parametrize(
    "values", [[[0, 128]], [[1, 255]], [[[0, 0, 255], [0, 0, 0]]]], ids=["grey", "1 and 255", "red"]
)
def test_other_masks_are_refused(values, tmp_path):
    with pytest.raises(InputError, match=r"m.png: a mask has two values"):
        read_mask(save(tmp_path / "m.png", values))


@pytest.mark.parametrize(("count", "folds"), [(30, 5), (7, 3)])
def test_folds_are_blocks_that_cover_all(count, folds):
    parts = contiguous_folds(count, folds)
    assert sorted(index for _, test in parts for index in test) == list(range(count))
    for training, test in parts:
        assert test == list(range(test[0], test[-1] + 1))
        assert sorted(training + test) == list(range(count))


@pytest.mark.parametrize("folds", [1, 31])
def test_wrong_numbers_of_folds(folds):
    with pytest.raises(ValueError, match=f"expected 2 to 30 folds, got {folds}"):
        contiguous_folds(30, folds)


@pytest.fixture
def pair():
    """A picture whose pixels are bright where its mask is 1: blobs, so that bending leaves most of it alike."""
    noise = cv2.GaussianBlur(np.random.default_rng(0).uniform(-1, 1, (96, 96)).astype(np.float32), (0, 0), 6)
    mask = (noise > 0).astype(np.uint8)
    return np.repeat((100 + 100 * mask)[..., None], 3, axis=2).astype(np.uint8), mask


@pytest.mark.parametrize("seed", range(8))
def test_picture_and_mask_are_moved_alike(pair, seed):
    picture, mask = augment(*pair, np.random.default_rng(seed))
    assert picture.shape == (96, 96, 3)
    assert set(np.unique(mask)) <= {0, 1}
    agree = (picture[..., 0] > 145) == mask.astype(bool)  # at the rims the picture is interpolated
    assert agree.mean() > 0.97
    assert (mask != pair[1]).mean() > 0.02


def test_the_generator_alone_decides(pair):
    first, second, third = (augment(*pair, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], second[0])
    assert (first[0] != third[0]).any()


def test_a_crop_is_the_same_place_of_both(pair):
    picture, mask = random_crop(*pair, 32, np.random.default_rng(0))
    assert picture.shape == (32, 32, 3)
    np.testing.assert_array_equal(picture[..., 0] > 150, mask.astype(bool))
    whole, _ = random_crop(*pair, 96, np.random.default_rng(0))
    np.testing.assert_array_equal(whole, pair[0])
