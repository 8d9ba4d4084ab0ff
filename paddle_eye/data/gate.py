"""A gate before a network's answer: whether a picture is a fundus photograph at all, and a usable one; no network.

The limits below were chosen on one half of the photographs that ``docs/results/gate.md`` names. Contrasts are in mean
brightnesses of the field.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paddle_eye.data.field import WHITE, Field, brightness_of, find_field, is_round, positions, white_corners
from paddle_eye.opencv import cv2

_SIDE, _COARSE = 256, 4  # of the reduced picture, and of a patch for colours and shading, in pixels
_LEAST_SIDE, _MOST_ASPECT = 96, 2.5

# Without a rim: vessels that go across
_LEAST_TREE, _MOST_TREE_FILLING = 0.6, 0.12  # of the picture's side; of the rectangle around the vessels
_MOST_TREE_GRADIENT = 0.035
# What is in the field
_LEAST_WARMTH, _LEAST_YELLOW, _LEAST_SATURATION = -3.0, -1.0, 0.09
_LEAST_HUES, _MOST_HUES = 0.0035, 0.13
_LEAST_SHADING, _LEAST_UNLIKE_BALL = 0.01, 0.063
_MOST_GRADIENT = 0.075
# A good photograph
_LEAST_BRIGHTNESS, _MOST_WHITE = 45, 0.1
_LEAST_DETAIL, _LEAST_VISIBLE = 0.004, 0.7


class Verdict(NamedTuple):
    """What `judge` says of a picture; each reason is a few words for a person.

    Args:
        no_fundus: why it is no colour fundus photograph; empty if it looks like one.
        poor: why it is a poor one; empty if it is good enough, or no fundus photograph.
    """

    no_fundus: tuple[str, ...]
    poor: tuple[str, ...]

    def sentence(self) -> str | None:
        """What a person is told; None of a good photograph."""
        if self.no_fundus:
            return f"this seems to be no photograph of a fundus: {', '.join(self.no_fundus)}"
        return f"a poor photograph: {', '.join(self.poor)}" if self.poor else None


def judge(picture: np.ndarray) -> Verdict:
    """Whether a picture is a colour fundus photograph, and a good one.

    It is one if a round bright field, perhaps cut off, lies on a dark surround, or if vessels go across a picture
    without any rim; and if the colours and their course are those of a fundus.

    Args:
        picture: uint8 [H, W, 3] in BGR order, of any size.
    """
    height, width = picture.shape[:2]
    if min(height, width) < _LEAST_SIDE:
        return Verdict((f"smaller than {_LEAST_SIDE} pixels",), ())
    if max(height, width) > _MOST_ASPECT * min(height, width):
        return Verdict(("too long and narrow",), ())
    reduced = _reduce(picture)
    field = find_field(reduced)
    if field is None or not is_round(field):
        if not _has_vessels(reduced):
            return Verdict(("no round bright field on a dark surround",), ())
        everywhere = np.ones(reduced.shape[:2], bool)
        field = Field(np.s_[:, :], reduced, everywhere, everywhere, 0.0, None)
    no_fundus = _strangeness(field)
    return Verdict(no_fundus, () if no_fundus else _faults(field))


def _reduce(picture: np.ndarray) -> np.ndarray:
    """The picture with a longer side of at most 256 pixels."""
    step = max(1, max(picture.shape[:2]) // (2 * _SIDE))
    picture = picture[::step, ::step]  # to read every pixel of a large picture takes too long
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    return cv2.resize(picture, (round(scale * width), round(scale * height)), interpolation=cv2.INTER_AREA)


def _has_vessels(picture: np.ndarray) -> bool:
    """Whether thin dark lines, connected and sparse, go across a picture that is otherwise smooth and not on white."""
    if white_corners(picture).any():
        return False
    green = picture[..., 1]
    if _gradient(green).mean() > _MOST_TREE_GRADIENT * brightness_of(picture).mean():
        return False
    lines = cv2.morphologyEx(green, cv2.MORPH_BLACKHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    dark = (lines > max(4, 2.5 * lines.mean())).astype(np.uint8)
    parts = cv2.connectedComponentsWithStats(dark)[2][1:]
    width, height, area = parts[:, 2], parts[:, 3], parts[:, 4]
    large = np.maximum(width, height) >= _LEAST_TREE * max(green.shape)
    return bool((large & (area <= _MOST_TREE_FILLING * width * height)).any())


def _strangeness(field: Field) -> tuple[str, ...]:
    """What tells the content of a field from a fundus."""
    inside = _interior(field)
    edges = _gradient(field.pixels[..., 1])[inside].mean()
    patches = np.s_[_COARSE // 2 :: _COARSE, _COARSE // 2 :: _COARSE]
    pixels, inside = cv2.blur(field.pixels, (_COARSE, _COARSE))[patches], inside[patches]
    brightness = brightness_of(pixels)[inside].astype(np.float32)
    mean = max(1.0, float(brightness.mean()))
    colours = pixels[inside].astype(np.float32)
    _, red_green, yellow_blue = cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)[inside].mean(axis=0) - 128
    saturation = (1 - colours.min(axis=1) / np.maximum(1, brightness)).mean()
    hues = np.sqrt(max(0.0, np.linalg.eigvalsh(np.cov(colours.T))[0])) / mean  # 0 if the colours lie in a plane
    reasons = {
        "not the colours of a fundus": red_green + yellow_blue < _LEAST_WARMTH
        or yellow_blue < _LEAST_YELLOW
        or saturation < _LEAST_SATURATION
        or hues > _MOST_HUES,
        "tinted, or made of one or two colours": hues < _LEAST_HUES,
        "of one even brightness": _shading(pixels[..., 1], inside) < _LEAST_SHADING * mean,
        "too many edges": edges > _MOST_GRADIENT * mean,
    }
    if field.ellipse is not None:
        x, y = (each[patches][inside] for each in positions(field.ellipse, field.hull.shape))
        reasons["shaded like a ball"] = _unlike_ball(brightness, x, y) < _LEAST_UNLIKE_BALL * mean
    return tuple(reason for reason, holds in reasons.items() if holds)


def _faults(field: Field) -> tuple[str, ...]:
    """What makes a fundus photograph a poor one."""
    inside = _interior(field)
    green = field.pixels[..., 1].astype(np.float32)
    brightness = brightness_of(field.pixels)[inside]
    detail = (green - cv2.GaussianBlur(green, (0, 0), 1))[inside].std()
    visible = 0.0
    if field.ellipse is not None:
        visible = field.hull.sum() / (np.pi * field.ellipse.across * field.ellipse.down)
    reasons = {
        "too dark": np.median(brightness) < _LEAST_BRIGHTNESS,
        "too bright": (green[inside] >= WHITE).mean() > _MOST_WHITE,
        "blurred or hazy": detail < _LEAST_DETAIL * brightness.mean(),
        "cut off": visible < _LEAST_VISIBLE,
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def _interior(field: Field) -> np.ndarray:
    """The hull without the rim and what is near it; bool [H, W]."""
    breadth = max(3, max(field.hull.shape) // 12)
    kernel = np.ones((breadth, breadth), np.uint8)
    return cv2.erode(field.hull.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def _gradient(channel: np.ndarray) -> np.ndarray:
    """Steepness, in steps of brightness from one pixel to the next."""
    return np.hypot(cv2.Sobel(channel, cv2.CV_32F, 1, 0), cv2.Sobel(channel, cv2.CV_32F, 0, 1)) / 8


def _shading(channel: np.ndarray, inside: np.ndarray) -> float:
    """How much the brightness varies in the large, as a standard deviation."""
    weights = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 3)
    coarse = cv2.GaussianBlur(np.where(inside, channel, 0).astype(np.float32), (0, 0), 3)
    return float((coarse[inside] / weights[inside]).std())


def _unlike_ball(brightness: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """Standard deviation of what a matt ball in the light of a lamp (Lambert's law) leaves unexplained.

    Args:
        brightness: float32 [N].
        x: of the same pixels, in radii from the middle.
        y: likewise.
    """
    normals = np.stack([x, y, np.sqrt(np.clip(1 - x**2 - y**2, 0, None))], axis=-1)
    light = np.linalg.lstsq(normals, brightness, rcond=None)[0]
    return float((brightness - normals @ light).std())
