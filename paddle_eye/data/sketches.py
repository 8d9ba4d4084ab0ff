"""48 bytes of a photograph that tell it again when it was saved anew or in another size; weight files keep them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paddle_eye.data.fingerprints import INSIDE, Fingerprint

LEAST_LIKENESS, MOST_DIFFERENCE = 0.95, 1.5  # measured, see docs/guide.md
_SKETCH = np.dtype([("waves", np.int8, 36), ("cells", np.uint8, 12)])
_LETTERS = _SKETCH.itemsize * 4 // 3  # in base64; 48 bytes need no padding
_LEAST_LENGTH = 40  # of the waves; it is 60 to 127 in photographs
_AT_ONCE = 256


def _lowest_waves() -> np.ndarray:
    """The cosines of the 36 lowest frequencies on the pixels of a structure, float32 [D, 36], each of length 1."""
    row, column = ((place - place.min() + 0.5) / (np.ptp(place) + 1) * np.pi for place in np.nonzero(INSIDE))
    frequencies = sorted(
        ((u, v) for u in range(8) for v in range(8) if u or v), key=lambda uv: (uv[0] ** 2 + uv[1] ** 2, uv)
    )
    waves = np.column_stack([np.cos(u * row) * np.cos(v * column) for u, v in frequencies[:36]])
    return (waves / np.linalg.norm(waves, axis=0)).astype(np.float32)


_WAVES = _lowest_waves()


def sketch(fingerprint: Fingerprint) -> str:
    """The lowest frequencies of a photograph's structure, and the mean colours of its quarters, in base64."""
    cells = fingerprint.colours.reshape(2, 16, 2, 16, 3).mean(axis=(1, 3)).ravel()
    numbers = np.zeros((), _SKETCH)
    numbers["waves"], numbers["cells"] = np.rint(127 * fingerprint.structure @ _WAVES), np.rint(cells)
    return base64.b64encode(numbers.tobytes()).decode()


def seen_sketches(description: Mapping[str, Any]) -> list[str] | None:
    """Sketches of the photographs a network was trained on, from what its weight file says; None if it has none."""
    sketches = description.get("training_sketches")
    if not isinstance(sketches, list) or any(not isinstance(each, str) or len(each) != _LETTERS for each in sketches):
        return None
    try:
        _numbers(sketches)
    except (binascii.Error, ValueError):
        return None
    return sketches


def look_alike(sketches: Sequence[str], known: Sequence[str]) -> np.ndarray:
    """Whether photographs look like any of the known ones, bool [N].

    Their likeness is at least 0.95, here the cosine of the two structures' lowest frequencies, and the colours of the
    quarters differ by at most 1.5 of 255 on average.
    """
    ours, theirs = _numbers(sketches), _numbers(known)
    directions, known_directions = _directions(ours), _directions(theirs)
    found = np.zeros(len(ours), dtype=bool)
    for start in range(0, len(ours), _AT_ONCE):
        one, other = np.nonzero(directions[start : start + _AT_ONCE] @ known_directions.T >= LEAST_LIKENESS)
        differences = np.abs(ours["cells"][start + one].astype(np.float32) - theirs["cells"][other]).mean(axis=1)
        found[start + one[differences <= MOST_DIFFERENCE]] = True
    return found


def _numbers(sketches: Sequence[str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode("".join(sketches), validate=True), _SKETCH)


def _directions(numbers: np.ndarray) -> np.ndarray:
    """The waves of each sketch, of length 1 unless the picture is without detail, which is like no other."""
    waves = numbers["waves"].astype(np.float32)
    return waves / np.maximum(np.linalg.norm(waves, axis=1, keepdims=True), _LEAST_LENGTH)
