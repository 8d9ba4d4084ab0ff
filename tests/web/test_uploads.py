import io

import cv2
import numpy as np
import pytest

from paddle_eye.errors import InputError

Image = pytest.importorskip("PIL.Image")

from paddle_eye.web.uploads import read_upload  # noqa: E402 - Pillow comes with matplotlib


def encoded(picture, suffix=".png"):
    return cv2.imencode(suffix, picture)[1].tobytes()


def bilevel(width, height):
    """A picture of many pixels in a file of few bytes."""
    file = io.BytesIO()
    Image.new("1", (width, height)).save(file, "PNG")
    return file.getvalue()


def animation(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue")]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:])
    return file.getvalue()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
def test_a_photograph_is_decoded(suffix):
    picture = np.full((20, 30, 3), (10, 120, 240), np.uint8)
    np.testing.assert_allclose(read_upload(encoded(picture, suffix), "eye", 64).astype(int), picture, atol=6)


PHOTOGRAPH = encoded(np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8), ".jpg")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PHOTOGRAPH + bytes(33 * 2**20), "eye: 33 MB are too many; up to 32 MB"),
        (bilevel(8001, 8000), "eye: 64 megapixels are too many; up to 64"),
        (bilevel(20000, 10000), "eye: more than 178 megapixels are too many"),
        (b"", "eye: this is no picture"),
        (b"<svg></svg>", "eye: this is no picture"),
        (PHOTOGRAPH[:-200], "eye: the picture is cut off"),
        (PHOTOGRAPH[:10], "eye: "),
        (animation("GIF"), "eye: this picture is animated"),
        (animation("PNG"), "eye: this picture is animated"),
        (animation("WEBP"), "eye: this picture is animated"),
    ],
    ids=["megabytes", "megapixels", "bomb", "empty", "svg", "cut off", "header", "gif", "apng", "webp"],
)
def test_anything_else_gets_a_sentence(data, message):
    with pytest.raises(InputError) as caught:
        read_upload(data, "eye", 64)
    assert str(caught.value).startswith(message)


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["MPO", "TIFF"])
def test_a_photograph_with_a_preview_behind_it_is_decoded(kind):
    picture, preview = Image.new("RGB", (64, 48), (240, 120, 10)), Image.new("RGB", (16, 12))
    data = saved(picture, kind, save_all=True, append_images=[preview])
    np.testing.assert_allclose(read_upload(data, "eye", 64)[0, 0].astype(int), (10, 120, 240), atol=6)
