"""A gate before a network's answer: whether a picture is a fundus photograph at all, and a usable one; no network.

The limits below were chosen on one half of the photographs that ``docs/results/gate.md`` names. Contrasts are in mean
brightnesses of the field.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paddle_eye.opencv import cv2

_SIDE, _COARSE = 256, 4  # of the reduced picture, and of a patch for colours and shading, in pixels
_LEAST_SIDE, _MOST_ASPECT = 96, 2.5

# A round field
_LEAST_OVERLAP, _LEAST_SOLIDITY, _MOST_STRETCH = 0.9, 0.85, 1.8
_LEAST_BREADTH = 0.25  # of the picture's longer side
_MOST_SURROUND = 60  # of 255
# Without a rim: vessels that go across
_LEAST_TREE, _MOST_TREE_FILLING = 0.6, 0.12  # of the picture's side; of the rectangle around the vessels
_MOST_TREE_GRADIENT = 0.035
# What is in the field
_LEAST_WARMTH, _LEAST_YELLOW, _LEAST_SATURATION = -3.0, -1.0, 0.09
_LEAST_HUES, _MOST_HUES = 0.0035, 0.13
_LEAST_SHADING, _LEAST_UNLIKE_BALL = 0.01, 0.063
_MOST_GRADIENT = 0.075
# A good photograph
_LEAST_BRIGHTNESS, _BURNT, _MOST_BURNT = 45, 245, 0.1
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


class _Ellipse(NamedTuple):
    """An upright ellipse: its middle and half axes in pixels."""

    x: float
    y: float
    across: float
    down: float


class _Field(NamedTuple):
    """The bright field of a reduced picture, cut to the rectangle around it.

    Args:
        pixels: uint8 [H, W, 3], BGR.
        hull: bool [H, W], the convex hull of the field.
        solidity: the share of the hull that the field fills, its holes included.
        surround: brightness beside the hull, where it is darker; the lower quartile.
        ellipse: the one through the rim; None if there is no rim, or it is no part of one.
    """

    pixels: np.ndarray
    hull: np.ndarray
    solidity: float
    surround: float
    ellipse: _Ellipse | None


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
    field = _find_field(reduced)
    if field is None or not _is_round(field):
        if not _has_vessels(reduced):
            return Verdict(("no round bright field on a dark surround",), ())
        field = _Field(reduced, np.ones(reduced.shape[:2], bool), 1.0, 0.0, None)
    no_fundus = _strangeness(field)
    return Verdict(no_fundus, () if no_fundus else _faults(field))


def _reduce(picture: np.ndarray) -> np.ndarray:
    """The picture with a longer side of at most 256 pixels."""
    step = max(1, max(picture.shape[:2]) // (2 * _SIDE))
    picture = picture[::step, ::step]  # to read every pixel of a large picture takes too long
    height, width = picture.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    return cv2.resize(picture, (round(scale * width), round(scale * height)), interpolation=cv2.INTER_AREA)


def _find_field(picture: np.ndarray) -> _Field | None:
    """The largest connected part that is brighter than the surround; None if there is hardly any."""
    brightness = _brightness(picture)
    dark_ground = np.where(_white_corners(picture), 0, brightness)
    dark, bright = np.percentile(dark_ground, (1, 95))
    lit = (dark_ground > dark + max(6, 0.1 * (bright - dark))).astype(np.uint8)
    lit = cv2.morphologyEx(lit, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines = cv2.findContours(lit, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    if not outlines:
        return None
    outline = max(outlines, key=cv2.contourArea)
    x, y, width, height = cv2.boundingRect(outline)
    if min(width, height) < _LEAST_BREADTH * max(lit.shape):
        return None
    filled, hull = np.zeros_like(lit), np.zeros_like(lit)
    cv2.drawContours(filled, [outline], -1, 1, cv2.FILLED)
    cv2.fillConvexPoly(hull, cv2.convexHull(outline), 1)
    beside = cv2.dilate(hull, np.ones((9, 9), np.uint8)) > cv2.dilate(hull, np.ones((5, 5), np.uint8))
    surround = float(np.percentile(brightness[beside], 25)) if beside.any() else 255.0
    solidity = float(filled.sum() / hull.sum())
    rectangle = np.s_[y : y + height, x : x + width]
    return _Field(picture[rectangle], hull[rectangle] > 0, solidity, surround, _fit_ellipse(hull[rectangle]))


def _white_corners(picture: np.ndarray) -> np.ndarray:
    """Where white reaches into the picture from its corners, as in a photograph turned on white; bool [H, W]."""
    parts = cv2.connectedComponents(cv2.inRange(picture, (_BURNT,) * 3, (255,) * 3))[1]
    corners = parts[[0, 0, -1, -1], [0, -1, 0, -1]]
    return np.isin(parts, corners[corners > 0])


def _fit_ellipse(hull: np.ndarray) -> _Ellipse | None:
    """The upright ellipse through the rim, by least squares; None if the rim is no part of one.

    Where the hull touches the rectangle around it, it may be cut off; this is no rim.

    Args:
        hull: uint8 [H, W], 1 within.
    """
    height, width = hull.shape
    outline = cv2.findContours(hull, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0][:, 0]
    rim = outline[((outline > 2) & (outline < (width - 3, height - 3))).all(axis=1)]
    if len(rim) < 12:
        return None
    middle, half = np.array([width - 1, height - 1]) / 2, max(width, height) / 2
    points = (rim - middle) / half
    (a, b, c, d), _, rank, _ = np.linalg.lstsq(np.hstack([points**2, points]), np.ones(len(rim)), rcond=None)
    if rank < 4 or min(a, b) < 0.01:
        return None
    size = 1 + c**2 / (4 * a) + d**2 / (4 * b)
    x, y = middle - half * np.array([c / a, d / b]) / 2
    return _Ellipse(x, y, half * np.sqrt(size / a), half * np.sqrt(size / b))


def _positions(ellipse: _Ellipse, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """x and y [H, W] of every pixel, in half axes from the middle of the ellipse."""
    across, down = np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)
    return np.meshgrid((across - ellipse.x) / ellipse.across, (down - ellipse.y) / ellipse.down)


def _is_round(field: _Field) -> bool:
    """Whether the field is an ellipse, perhaps cut off, on a dark surround."""
    if field.ellipse is None or field.surround > _MOST_SURROUND or field.solidity < _LEAST_SOLIDITY:
        return False
    x, y = _positions(field.ellipse, field.hull.shape)
    within = x**2 + y**2 <= 1
    overlap = (within & field.hull).sum() / (within | field.hull).sum()
    axes = field.ellipse.across, field.ellipse.down
    return overlap >= _LEAST_OVERLAP and max(axes) <= _MOST_STRETCH * min(axes)


def _has_vessels(picture: np.ndarray) -> bool:
    """Whether thin dark lines, connected and sparse, go across a picture that is otherwise smooth and not on white."""
    if _white_corners(picture).any():
        return False
    green = picture[..., 1]
    if _gradient(green).mean() > _MOST_TREE_GRADIENT * _brightness(picture).mean():
        return False
    lines = cv2.morphologyEx(green, cv2.MORPH_BLACKHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    dark = (lines > max(4, 2.5 * lines.mean())).astype(np.uint8)
    parts = cv2.connectedComponentsWithStats(dark)[2][1:]
    width, height, area = parts[:, 2], parts[:, 3], parts[:, 4]
    large = np.maximum(width, height) >= _LEAST_TREE * max(green.shape)
    return bool((large & (area <= _MOST_TREE_FILLING * width * height)).any())


def _strangeness(field: _Field) -> tuple[str, ...]:
    """What tells the content of a field from a fundus."""
    inside = _interior(field)
    edges = _gradient(field.pixels[..., 1])[inside].mean()
    patches = np.s_[_COARSE // 2 :: _COARSE, _COARSE // 2 :: _COARSE]
    pixels, inside = cv2.blur(field.pixels, (_COARSE, _COARSE))[patches], inside[patches]
    brightness = _brightness(pixels)[inside].astype(np.float32)
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
        x, y = (each[patches][inside] for each in _positions(field.ellipse, field.hull.shape))
        reasons["shaded like a ball"] = _unlike_ball(brightness, x, y) < _LEAST_UNLIKE_BALL * mean
    return tuple(reason for reason, holds in reasons.items() if holds)


def _faults(field: _Field) -> tuple[str, ...]:
    """What makes a fundus photograph a poor one."""
    inside = _interior(field)
    green = field.pixels[..., 1].astype(np.float32)
    brightness = _brightness(field.pixels)[inside]
    detail = (green - cv2.GaussianBlur(green, (0, 0), 1))[inside].std()
    visible = 0.0
    if field.ellipse is not None:
        visible = field.hull.sum() / (np.pi * field.ellipse.across * field.ellipse.down)
    reasons = {
        "too dark": np.median(brightness) < _LEAST_BRIGHTNESS,
        "too bright": (green[inside] >= _BURNT).mean() > _MOST_BURNT,
        "blurred or hazy": detail < _LEAST_DETAIL * brightness.mean(),
        "cut off": visible < _LEAST_VISIBLE,
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def _interior(field: _Field) -> np.ndarray:
    """The hull without the rim and what is near it; bool [H, W]."""
    breadth = max(3, max(field.hull.shape) // 12)
    kernel = np.ones((breadth, breadth), np.uint8)
    return cv2.erode(field.hull.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def _gradient(channel: np.ndarray) -> np.ndarray:
    """Steepness, in steps of brightness from one pixel to the next."""
    return np.hypot(cv2.Sobel(channel, cv2.CV_32F, 1, 0), cv2.Sobel(channel, cv2.CV_32F, 0, 1)) / 8


def _brightness(picture: np.ndarray) -> np.ndarray:
    """The largest of the three colours; ``picture.max(axis=2)`` takes ten times as long."""
    blue, green, red = cv2.split(picture)
    return cv2.max(cv2.max(blue, green), red)


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
