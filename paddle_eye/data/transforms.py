"""From a decoded picture to a network's input; the same for training, evaluation and prediction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Mapping

import numpy as np

from paddle_eye.opencv import cv2

# The document's arithmetic, in double precision and rounded once, for each of the 256 values a pixel can have.
_TO_UNIT_RANGE = (np.arange(256) / 255.0 * 2.0 - 1.0).astype(np.float32)


_LARGEST_SIZE = 4096  # of what a weight file may ask for


@dataclass(frozen=True)
class Preprocessing:
    """Bilinear resize to a square, channels left in BGR order, values scaled to [-1, 1].

    Args:
        image_size: side of the square in pixels.
    """

    image_size: int = 224

    def fit(self, picture: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] to uint8 [image_size, image_size, 3]; the part that is worth keeping in memory.

        Raises:
            ValueError: not a decoded colour picture, such as the None of a failed ``cv2.imread``.
        """
        if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.shape[2:] != (3,):
            given = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else repr(picture)
            raise ValueError(f"expected a decoded picture, uint8 [H, W, 3], got {given}")
        return cv2.resize(picture, (self.image_size, self.image_size))

    def normalise(self, fitted: np.ndarray) -> np.ndarray:
        """uint8 [..., S, S, 3] to float32 [..., 3, S, S] in [-1, 1]."""
        return _TO_UNIT_RANGE[np.moveaxis(fitted, -1, -3)]

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] to the network's input, float32 [3, S, S]."""
        return self.normalise(self.fit(picture))

    def describe(self) -> dict[str, Any]:
        """What a weight file keeps of it."""
        return {"preset": "document", "channels": "BGR", "range": [-1, 1], **asdict(self)}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Preprocessing:
        """The inverse of `describe`.

        Raises:
            ValueError: the description is of a preset this version does not have, or of no sensible size.
        """
        preset = description.get("preset")
        if preset != "document":
            raise ValueError(f"unknown preprocessing preset {preset!r}; known is 'document'")
        size = description["image_size"]
        if not isinstance(size, int) or not 1 <= size <= _LARGEST_SIZE:
            raise ValueError(f"an image size of {size!r}; expected 1 to {_LARGEST_SIZE} pixels")
        known = cls(image_size=size)
        if known.describe() != dict(description):
            raise ValueError(f"an unknown preprocessing {dict(description)}; known is {known.describe()}")
        return known
