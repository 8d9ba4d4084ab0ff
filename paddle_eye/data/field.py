"""The round bright field of a fundus photograph on its dark surround."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paddle_eye.opencv import cv2

WHITE = 245  # of 255, in every colour

_LEAST_OVERLAP, _LEAST_SOLIDITY, _MOST_STRETCH = 0.9, 0.85, 1.8
_LEAST_BREADTH = 0.25  # of the picture's longer side
_MOST_SURROUND = 60  # of 255


class Ellipse(NamedTuple):
    """An upright ellipse: its middle and half axes in pixels."""

    x: float
    y: float
    across: float
    down: float


class Field(NamedTuple):
    """The bright field of a picture, cut to the rectangle around it.

    Args:
        place: the rectangle, as rows and columns of the picture.
        pixels: uint8 [H, W, 3], BGR.
        lit: bool [H, W], the field with what is dark within it.
        hull: bool [H, W], its convex hull.
        surround: brightness beside the hull, where it is darker; the lower quartile.
        ellipse: the one through the rim; None if there is no rim, or it is no part of one.
    """

    place: tuple[slice, slice]
    pixels: np.ndarray
    lit: np.ndarray
    hull: np.ndarray
    surround: float
    ellipse: Ellipse | None


def field_of_view(picture: np.ndarray) -> np.ndarray | None:
    """Where the round field of a photograph is, or what the picture's edges leave of it.

    Args:
        picture: uint8 [H, W, 3] in BGR order, of any size.

    Returns:
        bool [H, W]; None if no round bright field lies on a dark surround, as in a picture without a rim.
    """
    field = find_field(picture)
    if field is None or not is_round(field):
        return None
    inside = np.zeros(picture.shape[:2], bool)
    inside[field.place] = field.lit
    return inside


def find_field(picture: np.ndarray) -> Field | None:
    """The largest connected part that is brighter than the surround; None if there is hardly any."""
    brightness = brightness_of(picture)
    dark_ground = np.where(white_corners(picture), 0, brightness)
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
    place = np.s_[y : y + height, x : x + width]
    return Field(place, picture[place], filled[place] > 0, hull[place] > 0, surround, _fit_ellipse(hull[place]))


def white_corners(picture: np.ndarray) -> np.ndarray:
    """Where white reaches into the picture from its corners, as in a photograph turned on white; bool [H, W]."""
    parts = cv2.connectedComponents(cv2.inRange(picture, (WHITE,) * 3, (255,) * 3))[1]
    corners = parts[[0, 0, -1, -1], [0, -1, 0, -1]]
    return np.isin(parts, corners[corners > 0])


def _fit_ellipse(hull: np.ndarray) -> Ellipse | None:
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
    return Ellipse(x, y, half * np.sqrt(size / a), half * np.sqrt(size / b))


def positions(ellipse: Ellipse, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """x and y [H, W] of every pixel, in half axes from the middle of the ellipse."""
    across, down = np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32)
    return np.meshgrid((across - ellipse.x) / ellipse.across, (down - ellipse.y) / ellipse.down)


def is_round(field: Field) -> bool:
    """Whether the field is an ellipse, perhaps cut off, on a dark surround."""
    if field.ellipse is None or field.surround > _MOST_SURROUND:
        return False
    if field.lit.sum() < _LEAST_SOLIDITY * field.hull.sum():
        return False
    x, y = positions(field.ellipse, field.hull.shape)
    within = x**2 + y**2 <= 1
    overlap = (within & field.hull).sum() / (within | field.hull).sum()
    axes = field.ellipse.across, field.ellipse.down
    return overlap >= _LEAST_OVERLAP and max(axes) <= _MOST_STRETCH * min(axes)


def brightness_of(picture: np.ndarray) -> np.ndarray:
    """The largest of the three colours; ``picture.max(axis=2)`` takes ten times as long."""
    blue, green, red = cv2.split(picture)
    return cv2.max(cv2.max(blue, green), red)
