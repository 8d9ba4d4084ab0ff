"""Photographs of a fundus, drawn ones of it, and what is none."""

import warnings

import cv2
import numpy as np
import pytest

from paddle_eye.data.gate import judge
from paddle_eye.data.images import read_picture
from paddle_eye.data.preparation.synthetic import draw_fundus
from paddle_eye.inference.predictor import EXAMPLE_PICTURE


@pytest.fixture(scope="module")
def eye():
    return read_picture(EXAMPLE_PICTURE)


@pytest.mark.parametrize("size", [(224, 224), (700, 700), (640, 500), (120, 120)])
def test_a_photograph_of_a_fundus_is_let_through_at_any_size(eye, size):
    assert judge(cv2.resize(eye, size, interpolation=cv2.INTER_CUBIC)).no_fundus == ()


@pytest.mark.parametrize("letter", ["H", "N", "P"])
def test_drawn_ones_are_let_through(letter):
    for seed in range(5):
        assert judge(draw_fundus(letter, np.random.default_rng(seed)).picture).no_fundus == ()


def disc(colour, size=300):
    picture = np.zeros((size, size, 3), np.uint8)
    return cv2.circle(picture, (size // 2, size // 2), size * 47 // 100, colour, -1)


def orange(size=300):
    """A shaded ball of one hue, with noise."""
    y, x = (np.mgrid[:size, :size] - size / 2) / (size * 0.45)
    height = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
    noise = np.random.default_rng(0).normal(0, 6, (size, size)) * (height > 0)
    return np.clip(height[..., None] * [20, 120, 240] + noise[..., None], 0, 255).astype(np.uint8)


def text(size=300):
    picture = np.full((size, size, 3), 255, np.uint8)
    for row in range(20, size, 20):
        cv2.putText(picture, "the quick brown fox", (5, row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0))
    return picture


NOISE = np.random.default_rng(0).integers(0, 256, (200, 200, 3)).astype(np.uint8)
OTHERS = {
    "black": np.zeros((200, 200, 3), np.uint8),
    "white": np.full((200, 200, 3), 255, np.uint8),
    "red disc": disc((40, 80, 200)),
    "blue disc": disc((200, 80, 40)),
    "grey disc": disc((120, 120, 120)),
    "orange": orange(),
    "text": text(),
    "noise": NOISE,
    "noise in a disc": np.where(disc((1, 1, 1), 200) > 0, NOISE, 0).astype(np.uint8),
    "tinted noise": (NOISE[..., :1] * np.array([0.2, 0.45, 1.0])).astype(np.uint8),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_fundus_is_told(name):
    assert judge(OTHERS[name]).no_fundus
    assert judge(OTHERS[name]).sentence().startswith("this seems to be no photograph of a fundus: ")


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 30), (63, 63)])
def test_no_size_and_no_constant_picture_is_too_much(size):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for value in (0, 128, 255):
            assert judge(np.full((*size, 3), value, np.uint8)).no_fundus


def test_poor_photographs_are_told_from_good_ones(eye):
    large = cv2.resize(eye, (500, 500), interpolation=cv2.INTER_CUBIC)
    assert judge(large).sentence() is None
    assert judge((large * 0.2).astype(np.uint8)).poor == ("it is too dark", "it is blurred")
    assert "it is blurred" in judge(cv2.GaussianBlur(large, (0, 0), 12)).poor
    bright = np.where(large > 20, np.clip(large.astype(int) + 215, 0, 255), large).astype(np.uint8)
    assert "it is too bright" in (*judge(bright).poor, *judge(bright).no_fundus) or judge(bright).no_fundus
