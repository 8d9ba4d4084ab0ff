import cv2
import numpy as np
import pytest

from paddle_eye.data.sources.mask_files import decode_mask
from paddle_eye.errors import InputError


def mask_file(path, pixels):
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    return decode_mask(path.read_bytes(), path)


@pytest.mark.parametrize("values", [[[0, 255], [255, 0]], [[0, 1], [1, 0]]])
def test_a_mask_is_0_and_1(values, tmp_path):
    assert mask_file(tmp_path / "m.png", np.array(values, np.uint8)).tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(("values", "foreground"), [([[0, 0]], 0), ([[255, 255]], 1)], ids=["empty", "full"])
def test_a_mask_may_be_empty_or_full(values, foreground, tmp_path):
    assert mask_file(tmp_path / "m.png", np.array(values, np.uint8)).tolist() == [[foreground] * 2]


@pytest.mark.parametrize(
    "values", [[[0, 128]], [[1, 255]], [[[0, 0, 255], [0, 0, 0]]]], ids=["grey", "1 and 255", "red"]
)
def test_other_masks_are_refused(values, tmp_path):
    with pytest.raises(
        InputError, match=r"m.png: a mask has (two values, 0 and 255 \(or 1\); this one has|no colours)"
    ):
        mask_file(tmp_path / "m.png", np.array(values, np.uint8))


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
