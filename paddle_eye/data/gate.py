"""Whether a picture is a photograph of a fundus at all, and a good one; from colours and shapes, without a network.

The limits are those that nearly all photographs of PALM, of a public collection of four classes and of DRIVE keep; see
``docs/results/gate.md``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paddle_eye.opencv import cv2

_SIDE = 256  # of the copy that is looked at
_LEAST_SIDE, _MOST_ASPECT = 64, 2.0
_DARK = 0.15  # of the brightest: the surround
_LEAST_DARK_CORNERS, _LEAST_FILLED, _LEAST_RED, _LEAST_SATURATION, _LEAST_DETAIL = 0.25, 0.6, 0.55, 0.12, 0.002
_LEAST_HUES = 1.0  # degrees in the plane of a and b of CIELAB
_SURELY_RED, _SURELY_SATURATED = 0.98, 0.3
_MOST_ALIKE = 0.997  # correlation of red and green
_MOST_LINES = 12.0  # of 255: how much darker than their surroundings thin dark lines are, on average
_TOO_DARK, _BLOWN_OUT, _BLURRED = 35.0, 0.2, 1.2


class Verdict(NamedTuple):
    """What the gate says of a picture; a fine photograph of a fundus has neither.

    Args:
        no_fundus: why it is no photograph of a fundus.
        poor: why it is a poor one.
    """

    no_fundus: tuple[str, ...]
    poor: tuple[str, ...]

    def sentence(self) -> str | None:
        """What a person is told; None of a fine photograph."""
        if self.no_fundus:
            return f"this seems to be no photograph of a fundus: {', '.join(self.no_fundus)}"
        return f"a poor photograph: {', '.join(self.poor)}" if self.poor else None


def judge(picture: np.ndarray) -> Verdict:
    """Look at a decoded picture, uint8 [H, W, 3] in BGR order.

    A fundus is a round bright field that fills the middle and leaves the corners dark, red before green before blue.
    """
    height, width = picture.shape[:2]
    if min(height, width) < _LEAST_SIDE or max(height, width) > _MOST_ASPECT * min(height, width):
        return Verdict((f"{width}x{height} pixels are no size of such a photograph",), ())
    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    brightness = small.max(axis=2)
    inside = brightness > max(_DARK * float(np.percentile(brightness, 99)), 12.0)
    centre, corners = _zones()
    field = inside & centre
    if not field.any():
        return Verdict(("there is nothing bright in the middle",), ())
    blue, green, red = (small[..., channel][field] for channel in range(3))
    saturation = (brightness - small.min(axis=2))[field] / np.maximum(brightness[field], 1)
    ordered = ((red >= green - 2) & (green >= blue - 8)).mean()
    lines = _lines(small, field)
    cut_out = ordered > _SURELY_RED and saturation.mean() > _SURELY_SATURATED and lines < _MOST_LINES / 2
    checks = {
        "the corners are not dark around a round field": not cut_out
        and (~inside)[corners].mean() < _LEAST_DARK_CORNERS,
        "no bright field fills the middle": inside[centre].mean() < _LEAST_FILLED,
        "its colours are not those of a fundus": ordered < _LEAST_RED or saturation.mean() < _LEAST_SATURATION,
        "it has a single hue": _hues(small, field) < _LEAST_HUES or _alike(red, green) > _MOST_ALIKE,
        "it has no detail": _detail(small, field) < _LEAST_DETAIL,
        "it has more edges than a fundus": lines > _MOST_LINES,
    }
    no_fundus = tuple(reason for reason, given in checks.items() if given)
    sharpness = float(np.abs(cv2.Laplacian(small[..., 1], cv2.CV_32F))[field].mean())
    faults = {
        "it is too dark": float(np.median(brightness[field])) < _TOO_DARK,
        "it is too bright": (small.min(axis=2)[field] > 245).mean() > _BLOWN_OUT,
        "it is blurred": sharpness < _BLURRED,
    }
    return Verdict(no_fundus, () if no_fundus else tuple(reason for reason, given in faults.items() if given))


def _zones() -> tuple[np.ndarray, np.ndarray]:
    """The middle of a square, and its corners outside the round field; bool [256, 256] each."""
    axis = (np.arange(_SIDE) - (_SIDE - 1) / 2) / (_SIDE / 2)
    radius = np.hypot(axis, axis[:, None])
    return radius < 0.7, radius > 1.25


def _detail(small: np.ndarray, field: np.ndarray) -> float:
    """How far the green channel is from its smoothed copy, as a share of its brightness."""
    green = small[..., 1]
    smooth = cv2.GaussianBlur(green, (0, 0), 6)
    return float(np.abs(green - smooth)[field].mean() / max(smooth[field].mean(), 1.0))


def _hues(small: np.ndarray, field: np.ndarray) -> float:
    """How far the hues are spread, in degrees; a tinted grey picture has one."""
    colours = cv2.cvtColor(small.astype(np.uint8), cv2.COLOR_BGR2Lab)[field].astype(np.float32) - 128
    return float(np.degrees(np.arctan2(colours[:, 2], colours[:, 1])).std())


def _alike(red: np.ndarray, green: np.ndarray) -> float:
    """The correlation of two channels; 1 if one of them is constant."""
    constant = red.std() < 1e-3 or green.std() < 1e-3
    return 1.0 if constant else float(np.corrcoef(red, green)[0, 1])


def _lines(small: np.ndarray, field: np.ndarray) -> float:
    """How much a closing of the green channel brightens it, which fills thin dark lines such as vessels."""
    green = small[..., 1]
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    return float((cv2.morphologyEx(green, cv2.MORPH_CLOSE, disc) - green)[field].mean())
