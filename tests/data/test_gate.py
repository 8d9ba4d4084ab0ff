import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_eye.data.gate import judge
from paddle_eye.data.images import read_picture
from paddle_eye.data.preparation.synthetic import draw_fundus

EXAMPLE = Path(__file__).resolve().parents[2] / "paddle_eye/bundled/example.jpg"
NOT_ROUND = ("no round bright field on a dark surround",)


@pytest.fixture(scope="module")
def fundus():
    return draw_fundus("N", np.random.default_rng(0)).picture


def cut_round(picture):
    """A picture within a circle, black outside."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.circle(mask, (picture.shape[1] // 2, picture.shape[0] // 2), int(0.48 * min(mask.shape)), 255, -1)
    return cv2.bitwise_and(picture, picture, mask=mask)


def noise(size=200, breadth=0.0, seed=0):
    """Grey noise around 0.5, smooth over this breadth."""
    values = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)
    if breadth:
        values = cv2.GaussianBlur(values, (0, 0), breadth)
    return np.clip(0.5 + 0.15 * values / values.std(), 0, 1)


def tint(grey, colour=(60, 120, 240)):
    return (grey[..., None] * colour).astype(np.uint8)


def draw_orange(size=200):
    """A ball in the light of a lamp, with small pores."""
    axis = np.linspace(-1.1, 1.1, size, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    depth = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
    light = np.clip(0.3 * x - 0.3 * y + 0.9 * depth, 0, 1) * (0.95 + 0.1 * noise(size, 1))
    return np.where(depth[..., None] > 0, light[..., None] * (30, 130, 240), 0).astype(np.uint8)


def write_text():
    page = np.full((260, 200, 3), 255, np.uint8)
    for line in range(20, 250, 18):
        cv2.putText(page, "visual acuity of both eyes", (8, line), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1)
    return page


@pytest.mark.parametrize("letter", ["H", "N", "P"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_drawn_fundus_passes(letter, seed):
    assert judge(draw_fundus(letter, np.random.default_rng(seed)).picture) == ((), ())


def test_a_photograph_passes():
    verdict = judge(read_picture(EXAMPLE))
    assert not verdict.no_fundus
    assert verdict == ((), ())


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture[20:-20],  # cut off above and below
        lambda picture: picture[:, 20:-20],
        lambda picture: picture[20:-20, 20:-20],  # only the corners are dark
        lambda picture: cv2.copyMakeBorder(picture[20:-20], 20, 20, 0, 0, cv2.BORDER_CONSTANT),
        lambda picture: cv2.copyMakeBorder(picture, 0, 0, 60, 60, cv2.BORDER_CONSTANT),
        lambda picture: cv2.resize(picture, (200, 260)),
        lambda picture: cv2.resize(picture, (1500, 1500)),
        lambda picture: np.rot90(picture),
        lambda picture: np.maximum(picture, 12),  # a surround that is not quite black
    ],
)
def test_a_fundus_photograph_may_be_cropped_stretched_and_padded(fundus, change):
    assert judge(change(fundus)) == ((), ())


def test_a_crop_without_a_rim_passes_by_its_vessels(fundus):
    crop = fundus[44:-44, 44:-44]
    assert judge(crop) == ((), ("cut off",))
    assert judge(cv2.GaussianBlur(crop, (0, 0), 5)) == (NOT_ROUND, ())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda picture: (0.2 * picture).astype(np.uint8), "too dark"),
        (lambda picture: cv2.GaussianBlur(picture, (0, 0), 4), "blurred or hazy"),
        (lambda picture: picture[:, :120], "cut off"),
    ],
)
def test_a_poor_photograph_is_one_all_the_same(fundus, change, reason):
    verdict = judge(change(fundus))
    assert not verdict.no_fundus
    assert verdict.poor == (reason,)


def test_a_photograph_whose_green_is_burnt_out_is_too_bright(fundus):
    bright = np.where(fundus.max(axis=2, keepdims=True) > 20, np.minimum(fundus * [1.3, 3.2, 1.4], 255), fundus)
    assert judge(bright.astype(np.uint8)) == ((), ("too bright",))


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (cut_round(np.full((200, 200, 3), (40, 90, 200), np.uint8)), "of one even brightness"),
        (cut_round(tint(noise(breadth=10))), "tinted, or made of one or two colours"),
        (cut_round(tint(noise(), (255, 255, 255))), "not the colours of a fundus"),
        (cut_round(tint(noise())), "too many edges"),
        (draw_orange(), "shaded like a ball"),
    ],
)
def test_what_is_round_but_no_fundus_is_refused(picture, reason):
    verdict = judge(picture)
    assert verdict.no_fundus
    assert reason in verdict.no_fundus
    assert verdict.poor == ()


def test_a_fundus_in_grey_or_other_colours_is_refused(fundus):
    grey = cv2.cvtColor(cv2.cvtColor(fundus, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    for picture in (grey, fundus[..., ::-1].copy()):
        assert "not the colours of a fundus" in judge(picture).no_fundus


@pytest.mark.parametrize(
    "picture",
    [
        write_text(),
        255 - write_text(),
        tint(noise()),
        tint(noise(breadth=8)),
        tint(np.tile(np.linspace(0, 1, 200), (150, 1))),
        cv2.rectangle(np.zeros((200, 200, 3), np.uint8), (30, 30), (170, 170), (40, 90, 200), -1),
        np.random.default_rng(0).integers(0, 256, (150, 150, 3), dtype=np.uint8),
    ],
)
def test_what_is_not_round_is_refused(picture):
    assert judge(picture) == (NOT_ROUND, ())


@pytest.mark.parametrize("value", [0, 1, 128, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 500), (2, 3), (95, 96), (96, 96), (97, 120), (90, 1000), (1100, 1500)])
def test_any_size_and_constant_pictures_are_refused_without_a_warning(size, value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        constant = judge(np.full((*size, 3), value, np.uint8))
        random = judge(np.random.default_rng(value).integers(0, 256, (*size, 3), dtype=np.uint8))
    assert constant.no_fundus
    assert random.no_fundus


def test_a_picture_and_its_verdict_stay_the_same(fundus):
    before = fundus.copy()
    assert judge(fundus) == judge(fundus)
    np.testing.assert_array_equal(fundus, before)
