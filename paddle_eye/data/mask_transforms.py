"""From a decoded picture and its mask to what a network of pixels sees: crops, what moves both alike, values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from paddle_eye.opencv import cv2

PRESET = "pixels"
_CHANNELS = {1: "grey", 3: "BGR"}
_CLIP_LIMIT, _PARTS = 2.0, 8
_GREEN = f"green, CLAHE with clip limit {_CLIP_LIMIT} in {_PARTS}x{_PARTS} parts"


@dataclass(frozen=True)
class PixelPreprocessing:
    """What is done to a picture whose every pixel is classified: it keeps its size, and its values go to [-1, 1].

    Args:
        channels: 1, grey, or 3, BGR.
        green: of one channel, the green one in place of grey, with its contrast equalised by parts (CLAHE, Zuiderveld,
            Graphics Gems IV, 1994), in which vessels stand out.
    """

    channels: Literal[1, 3] = 1
    green: bool = False

    @classmethod
    def default(cls, channels: int) -> PixelPreprocessing:
        """What is taken for a weight file that does not say: the channels of its network."""
        return cls(channels)

    def fit(self, picture: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] BGR to uint8 [H, W, channels]."""
        if self.green:
            return cv2.createCLAHE(_CLIP_LIMIT, (_PARTS, _PARTS)).apply(np.ascontiguousarray(picture[..., 1]))[
                ..., None
            ]
        return picture if self.channels == 3 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None]

    def normalise(self, fitted: np.ndarray) -> np.ndarray:
        """uint8 [H, W, channels] to float32 [channels, H, W]."""
        return np.moveaxis(fitted, -1, 0).astype(np.float32) / 127.5 - 1

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] BGR to the network's input, float32 [channels, H, W]."""
        return self.normalise(self.fit(picture))

    def describe(self) -> dict[str, Any]:
        """What a weight file keeps of it."""
        channels = _GREEN if self.green else _CHANNELS[self.channels]
        return {"preset": PRESET, "channels": channels, "range": [-1, 1]}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> PixelPreprocessing:
        """The inverse of `describe`.

        Raises:
            ValueError: the description is of something else.
        """
        for known in (cls(1), cls(3), cls(1, green=True)):
            if known.describe() == dict(description):
                return known
        raise ValueError(
            f"an unknown preprocessing {dict(description)}; known are {cls(1).describe()}, also in BGR or green"
        )


def random_crop(
    picture: np.ndarray, mask: np.ndarray, size: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The same square of ``size`` pixels out of a picture [H, W, …] and its mask [H, W]."""
    top, left = (generator.integers(side - size + 1) for side in mask.shape)
    place = (slice(top, top + size), slice(left, left + size))
    return picture[place], mask[place]


def augment(
    picture: np.ndarray, mask: np.ndarray, generator: np.random.Generator, bending: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Mirrored, turned by quarters and bent, both alike, and the picture made brighter or darker by up to 10 %.

    Args:
        picture: uint8 [S, S, C], a square.
        mask: uint8 [S, S].
        generator: decides.
        bending: whether it is bent; what is a pixel or two wide, such as vessels, would be torn in the mask.
    """
    if generator.random() < 0.5:
        picture, mask = picture[:, ::-1], mask[:, ::-1]
    turns = generator.integers(4)
    picture, mask = np.rot90(picture, turns), np.rot90(mask, turns)
    if bending:
        picture, mask = _bent(np.ascontiguousarray(picture), np.ascontiguousarray(mask), generator)
    brightness = generator.uniform(0.9, 1.1)
    return np.clip(picture * brightness, 0, 255).astype(np.uint8), mask


def _bent(
    picture: np.ndarray, mask: np.ndarray, generator: np.random.Generator, reach: float = 6.0, smoothness: float = 20.0
) -> tuple[np.ndarray, np.ndarray]:
    """Elastic deformation (Simard et al., ICDAR 2003): smooth random shifts of up to ``reach`` pixels."""
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    places = []
    for axis in (columns, rows):
        shift = cv2.GaussianBlur(generator.uniform(-1, 1, mask.shape).astype(np.float32), (0, 0), smoothness)
        places.append(axis + shift * (reach / np.abs(shift).max()))
    border = cv2.BORDER_REFLECT_101
    bent = cv2.remap(picture, *places, interpolation=cv2.INTER_LINEAR, borderMode=border)
    return (
        bent.reshape(picture.shape),  # OpenCV drops a single channel
        cv2.remap(mask, *places, interpolation=cv2.INTER_NEAREST, borderMode=border),
    )
