import cv2
import numpy as np
import pytest

from paddle_eye.data.mask_transforms import PixelPreprocessing, augment, random_crop

PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


def test_colours_keep_their_values_and_order():
    inputs = PixelPreprocessing(3)(PICTURE)
    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs, np.moveaxis(PICTURE / 255 * 2 - 1, -1, 0), atol=1e-6)


def test_grey_is_the_weighted_mean_of_the_colours():
    """ITU-R BT.601, rounded to a whole number."""
    inputs = PixelPreprocessing(1)(PICTURE)
    expected = PICTURE @ [0.114, 0.587, 0.299] / 255 * 2 - 1
    assert inputs.shape == (1, 5, 7)
    np.testing.assert_allclose(inputs[0], expected, atol=1.01 / 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_value_in_every_channel_becomes_the_formula_s(channels):
    """In single precision, rounded after the division and after the subtraction."""
    fitted = np.stack([np.arange(256), np.arange(256)[::-1], np.roll(np.arange(256), 7)], axis=-1)
    fitted = fitted.reshape(16, 16, 3)[..., :channels].astype(np.uint8)
    inputs = PixelPreprocessing(channels).normalise(fitted)
    assert (inputs.dtype, inputs.shape) == (np.float32, (channels, 16, 16))
    for channel in range(channels):
        for place, value in np.ndenumerate(fitted[..., channel]):
            assert inputs[channel][place] == np.float32(value) / np.float32(127.5) - np.float32(1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_description_is_read_back(channels):
    preprocessing = PixelPreprocessing(channels)
    assert PixelPreprocessing.from_description(preprocessing.describe()) == preprocessing


@pytest.mark.parametrize("change", [{"preset": "document"}, {"range": [0, 1]}, {"channels": "RGB"}, {"size": 3}])
def test_unknown_descriptions_are_refused(change):
    with pytest.raises(ValueError, match="an unknown preprocessing"):
        PixelPreprocessing.from_description({**PixelPreprocessing(1).describe(), **change})


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


def test_a_grey_picture_keeps_its_axis(pair):
    picture, _ = augment(pair[0][..., :1], pair[1], np.random.default_rng(0))
    assert picture.shape == (96, 96, 1)


def test_the_green_channel_is_equalised_by_parts():
    preprocessing = PixelPreprocessing(1, green=True)
    fitted = preprocessing.fit(PICTURE)
    assert fitted.shape == (*PICTURE.shape[:2], 1)
    expected = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(PICTURE[..., 1].copy())
    np.testing.assert_array_equal(fitted[..., 0], expected)
    assert PixelPreprocessing.from_description(preprocessing.describe()) == preprocessing


def test_without_bending_a_line_of_one_pixel_stays_whole():
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 31] = 1
    picture = np.repeat(200 * mask[..., None], 3, axis=2)
    for seed in range(8):
        changed, lines = augment(picture, mask, np.random.default_rng(seed), bending=False)
        assert lines.sum() == 64
        assert ((changed[..., 0] > 100) == lines).all()
