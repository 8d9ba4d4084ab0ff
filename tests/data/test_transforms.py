import json
import re

import cv2
import numpy as np
import pytest

from paddle_eye.data.transforms import PRESETS, Preprocessing


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


@pytest.mark.parametrize("preset", PRESETS)
def test_a_description_builds_the_same_again(preset):
    description = json.loads(json.dumps(Preprocessing(96, preset).describe()))
    assert Preprocessing.from_description(description) == Preprocessing(96, preset)


@pytest.mark.parametrize("description", [{"preset": "medical", "image_size": 224}, {"image_size": 224}, {"preset": []}])
def test_an_unknown_preset_is_named(description):
    preset = description.get("preset")
    told = re.escape(f"unknown preprocessing preset {preset!r}; known are document, imagenet, fundus")
    with pytest.raises(ValueError, match=told):
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


def test_descriptions_of_the_document_stay_as_they_are_in_weight_files():
    told = {"preset": "document", "channels": "BGR", "range": [-1, 1], "image_size": 224}
    assert Preprocessing().describe() == told


def test_imagenet_values_are_red_green_blue_with_mean_and_deviation():
    """Of the first colour, blue 51, green 102, red 204: shares 0.2, 0.4 and 0.8."""
    picture = np.full((300, 300, 3), (51, 102, 204), np.uint8)
    expected = [(0.8 - 0.485) / 0.229, (0.4 - 0.456) / 0.224, (0.2 - 0.406) / 0.225]
    for preset in ("imagenet", "fundus"):
        inputs = Preprocessing(224, preset)(picture)
        assert inputs.shape == (3, 224, 224)
        np.testing.assert_allclose(inputs[:, 112, 112], expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(256, 320), (320, 256), (256, 256)])
def test_the_centre_is_that_of_the_picture_with_its_shorter_side_at_256(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    top, left = (shape[0] - 224) // 2, (shape[1] - 224) // 2
    fitted = Preprocessing(224, "imagenet").fit(picture)
    np.testing.assert_array_equal(fitted, picture[top : top + 224, left : left + 224])


def test_training_keeps_twice_the_resolution_and_does_not_enlarge():
    large, small = np.zeros((1000, 1500, 3), np.uint8), np.zeros((100, 120, 3), np.uint8)
    assert Preprocessing(224, "imagenet").keep(large).shape == (448, 672, 3)
    assert Preprocessing(224, "imagenet").keep(small).shape == (100, 120, 3)
    strip = np.zeros((448, 44800, 3), np.uint8)
    assert Preprocessing(224, "imagenet").keep(strip).shape == (448, 4 * 448, 3)


@pytest.mark.parametrize("shape", [(1000, 1000), (1444, 2124), (448, 4480)])
def test_what_training_keeps_is_counted(shape):
    preprocessing = Preprocessing(224, "imagenet")
    squares = preprocessing.keep(np.zeros((*shape, 3), np.uint8)).size / (3 * 224**2)
    assert squares == pytest.approx(preprocessing.kept_squares([shape[::-1], (0, 0)]), rel=0.01)
    assert Preprocessing(224).kept_squares([shape]) == 1
    assert preprocessing.kept_squares([(0, 0)]) == 16


def test_a_random_part_shows_a_part_of_every_kind_of_place_and_half_are_mirrored():
    """Each pixel of a ramp tells its column: parts differ, and a falling ramp is a mirrored part."""
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 256, axis=0).repeat(3, axis=2)
    generator = np.random.default_rng(0)
    preprocessing = Preprocessing(32, "imagenet")
    parts = [preprocessing.augment(ramp, generator)[0, :, 0].astype(int) for _ in range(400)]
    falling = np.mean([part[0] > part[-1] for part in parts])
    assert falling == pytest.approx(0.5, abs=0.1)
    widths = np.abs([part[-1] - part[0] for part in parts]) / 255
    assert widths.min() < 0.35
    assert widths.max() > 0.9
    assert min(part.min() for part in parts) < 10
    assert max(part.max() for part in parts) > 245


def photograph(height, width, centre, radius):
    picture = np.zeros((height, width, 3), np.uint8)
    cv2.circle(picture, centre, radius, (40, 80, 200), -1)
    return picture


@pytest.mark.parametrize(
    ("height", "width", "centre", "radius"), [(400, 600, (300, 200), 190), (600, 400, (150, 380), 100)]
)
def test_the_field_of_view_fills_the_input_wherever_it_was(height, width, centre, radius):
    fitted = Preprocessing(128, "fundus").fit(photograph(height, width, centre, radius))
    inside = fitted.max(axis=2) > 100
    assert inside.mean() == pytest.approx(np.pi / 4, abs=0.02)
    assert inside[64, 2] and inside[64, -3] and inside[2, 64] and inside[-3, 64]


def test_a_field_of_view_cut_off_above_and_below_keeps_its_shape():
    fitted = Preprocessing(128, "fundus").fit(photograph(200, 600, (300, 100), 150))
    rows = np.flatnonzero(fitted[:, 64].max(axis=1) > 100)
    assert len(rows) == pytest.approx(128 * 200 / 300, abs=2)
    assert rows.mean() == pytest.approx(63.5, abs=1)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_picture_without_a_dark_surround_stays_whole(value):
    picture = np.full((50, 50, 3), value, np.uint8)
    np.testing.assert_array_equal(Preprocessing(50, "fundus").fit(picture), picture)


def test_an_augmented_eye_is_the_same_eye_turned():
    """The field of view stays where it is, the surround stays black, a spot goes anywhere on its circle."""
    picture = photograph(256, 256, (128, 128), 127)
    cv2.circle(picture, (200, 128), 12, (255, 255, 255), -1)
    preprocessing = Preprocessing(128, "fundus")
    kept, generator = preprocessing.keep(picture), np.random.default_rng(0)
    angles = []
    for _ in range(60):
        augmented = preprocessing.augment(kept, generator)
        assert (augmented.dtype, augmented.shape) == (np.uint8, (128, 128, 3))
        assert augmented[0, 0].tolist() == [0, 0, 0]
        spot = np.argwhere(augmented[..., 0] > 150).mean(axis=0) - 63.5
        assert np.hypot(*spot) == pytest.approx(36, rel=0.15)
        angles.append(np.arctan2(*spot))
    assert np.histogram(angles, bins=4, range=(-np.pi, np.pi))[0].min() >= 5


def test_a_strip_takes_no_more_memory_than_its_pixels():
    """Its square would have 30000 squared of them, 2.7 GB."""
    strip = np.full((1, 30000, 3), 200, np.uint8)
    fitted = Preprocessing(64, "fundus").fit(strip)
    assert fitted.shape == (64, 64, 3)
    assert fitted[31].max() == 200 and fitted[:20].max() == fitted[44:].max() == 0


@pytest.mark.parametrize("preset", ["document", "imagenet", "fundus"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_every_value_in_every_channel_becomes_the_formula_s(preset, mirrored):
    """The formula in double precision, rounded once."""
    fitted = np.stack([np.arange(256), np.arange(256)[::-1], np.roll(np.arange(256), 7)], axis=-1)[None].astype(
        np.uint8
    )
    fitted = np.repeat(fitted, 3, axis=0)[:, ::-1] if mirrored else np.repeat(fitted, 3, axis=0)
    shares = fitted.astype(np.float64) / 255.0
    if preset == "document":
        expected = shares * 2.0 - 1.0
    else:
        expected = (shares[..., ::-1] - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    found = Preprocessing(224, preset).normalise(fitted)
    np.testing.assert_array_equal(found, np.moveaxis(expected, -1, 0).astype(np.float32))
    assert found.flags.c_contiguous
    batch = Preprocessing(224, preset).normalise(np.stack([fitted, fitted[:, ::-1]]))
    np.testing.assert_array_equal(batch[1], found[..., ::-1])


@pytest.mark.parametrize("seed", range(20))
def test_the_edges_of_the_field_of_view_are_those_of_its_definition(seed):
    """More than 2 % of a row's or a column's pixels are brighter than a tenth of the brightest, by numpy.

    The surround lies at that tenth or just below it, and about 2 % of each of its lines just above it.
    """
    generator = np.random.default_rng(seed)
    brightest = generator.choice([247, 250, 253])
    surround = np.where(generator.random((100, 150, 3)) < 0.006, (brightest + 9) // 10 + 1, brightest // 10)
    picture = surround.astype(np.uint8)
    picture[::7, :, generator.integers(3)] = 25
    cv2.circle(picture, (80, 50), int(generator.integers(10, 25)), (20, 60, int(brightest)), -1)
    brightness = picture.max(axis=2)
    inside = brightness > 0.1 * float(brightness.max())
    rows, columns = (np.flatnonzero(inside.mean(axis=axis) > 0.02) for axis in (1, 0))
    cut = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = max(cut.shape[:2])
    square = np.zeros((side, side, 3), np.uint8)
    top, left = (side - cut.shape[0]) // 2, (side - cut.shape[1]) // 2
    square[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    np.testing.assert_array_equal(Preprocessing(side, "fundus").fit(picture), square)


@pytest.mark.parametrize("along", [0, 1])
def test_of_a_strip_the_centre_is_taken_without_more_memory_than_a_picture_needs(along):
    strip = np.random.default_rng(0).integers(0, 256, (2, 60_000, 3), np.uint8)
    middle = strip[:, 30_000 - 4 : 30_000 + 4]
    strip, middle = (np.moveaxis(each, 1, along) for each in (strip, middle))
    preprocessing = Preprocessing(224, "imagenet")
    np.testing.assert_array_equal(preprocessing.fit(strip), preprocessing.fit(np.ascontiguousarray(middle)))
