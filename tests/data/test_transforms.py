import json

import cv2
import numpy as np
import pytest

from paddle_eye.data.transforms import Preprocessing


def transform_of_the_document(picture, size):
    """The document's lines; its ``img.astype('float32')`` throws its result away, so that all is in float64."""
    img = cv2.resize(picture, (size, size))
    img = np.transpose(img, (2, 0, 1))
    img = img / 255.0
    img = img * 2.0 - 1.0
    assert img.dtype == np.float64
    return img.astype("float32")


@pytest.fixture
def picture():
    return np.random.default_rng(3).integers(0, 256, (70, 90, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [224, 64, 32])
def test_the_input_is_that_of_the_document_to_the_bit(picture, size):
    network_input = Preprocessing(size)(picture)
    assert network_input.dtype == np.float32
    np.testing.assert_array_equal(network_input, transform_of_the_document(picture, size))


def test_every_value_of_a_pixel_is_that_of_the_document_to_the_bit():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    ramp = np.stack([ramp, ramp.T, 255 - ramp], axis=-1)
    np.testing.assert_array_equal(Preprocessing(16)(ramp), transform_of_the_document(ramp, 16))


def test_fit_keeps_small_whole_numbers(picture):
    fitted = Preprocessing(32).fit(picture)
    assert (fitted.dtype, fitted.shape) == (np.uint8, (32, 32, 3))


def test_normalise_takes_batches(picture):
    preprocessing = Preprocessing(32)
    fitted = np.stack([preprocessing.fit(picture), preprocessing.fit(255 - picture)])
    batch = preprocessing.normalise(fitted)
    assert batch.shape == (2, 3, 32, 32)
    np.testing.assert_array_equal(batch, [preprocessing(picture), preprocessing(255 - picture)])


def test_the_channels_stay_blue_green_red():
    blue = np.zeros((8, 8, 3), np.uint8)
    blue[..., 0] = 255
    assert Preprocessing(8)(blue)[:, 0, 0].tolist() == [1, -1, -1]


def test_a_description_builds_the_same_again():
    description = json.loads(json.dumps(Preprocessing(96).describe()))
    assert Preprocessing.from_description(description) == Preprocessing(96)


@pytest.mark.parametrize("description", [{"preset": "imagenet", "image_size": 224}, {"image_size": 224}])
def test_an_unknown_preset_is_named(description):
    preset = description.get("preset")
    with pytest.raises(ValueError, match=f"unknown preprocessing preset {preset!r}; known is 'document'"):
        Preprocessing.from_description(description)


@pytest.mark.parametrize("picture", [None, np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_what_is_no_decoded_colour_picture_is_refused(picture):
    with pytest.raises(ValueError, match=r"expected a decoded picture, uint8 \[H, W, 3\], got"):
        Preprocessing().fit(picture)


@pytest.mark.parametrize("change", [{"channels": "RGB"}, {"range": [0, 1]}, {"crop": 0.9}])
def test_a_preprocessing_of_other_kind_is_refused(change):
    with pytest.raises(ValueError, match="unknown preprocessing"):
        Preprocessing.from_description({**Preprocessing().describe(), **change})


@pytest.mark.parametrize("size", [0, 10**9, "224", None])
def test_no_sensible_size_is_refused(size):
    with pytest.raises(ValueError, match="expected 1 to 4096 pixels"):
        Preprocessing.from_description({**Preprocessing().describe(), "image_size": size})
