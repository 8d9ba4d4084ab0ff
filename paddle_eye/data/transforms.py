"""From a decoded picture to a network's input; the same for training, evaluation and prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple

import numpy as np

from paddle_eye import choices
from paddle_eye.opencv import cv2

_LARGEST_SIZE = 4096  # of what a weight file may ask for
_LONGEST = 4  # times the shorter side of a photograph of an eye


class Preparation(NamedTuple):
    """What is made of a decoded picture once and kept.

    Args:
        name: tells it from every other one; part of a folder's name.
        make: uint8 [H, W, 3] BGR to uint8 [h, w, 3] BGR.
    """

    name: str
    make: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Preprocessing:
    """What is done to a picture before a network sees it, by a row of `PRESETS`.

    Args:
        image_size: side of the network's square input in pixels.
        preset: ``'document'`` stretches to the square, leaves the channels in BGR order and scales to [-1, 1];
            ``'imagenet'`` resizes the shorter side to 8/7 of the input (256 for 224) and cuts out the centre;
            ``'fundus'`` cuts out the round field of view. The last two are RGB with ImageNet's mean and deviation, and
            training with them augments the pictures.
    """

    image_size: int = 224
    preset: choices.Preset = "document"

    channels = 3

    @classmethod
    def default(cls, channels: int) -> Preprocessing:
        """What is taken for a weight file that does not say."""
        return cls()

    @property
    def augments(self) -> bool:
        """Whether training sees other pictures than evaluation."""
        return PRESETS[self.preset].augment is not None

    def kept_squares(self, sizes: Sequence[tuple[int, int]]) -> float:
        """How many squares of the input's size the pictures that training keeps take on average, at most.

        Args:
            sizes: width and height of some of them; 0 where they are not known.
        """
        if PRESETS[self.preset].keep is not _keep_twice:
            return 1.0
        ratios = [min(max(size) / min(size), _LONGEST) for size in sizes if min(size) > 0]
        return 4 * sum(ratios) / len(ratios) if ratios else 4.0 * _LONGEST

    def fit(self, picture: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] BGR to uint8 [image_size, image_size, 3] BGR, as evaluation sees it.

        Raises:
            ValueError: not a decoded colour picture, such as the None of a failed ``cv2.imread``.
        """
        return PRESETS[self.preset].fit(_checked(picture), self.image_size)

    def keep(self, picture: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] to what training keeps of it, uint8 [h, w, 3], for `augment`.

        Raises:
            ValueError: see `fit`.
        """
        return PRESETS[self.preset].keep(_checked(picture), self.image_size)

    @property
    def fitting(self) -> Preparation:
        """`fit`, for what evaluation keeps."""
        return Preparation(f"{self.preset}-{self.image_size}-fit", self.fit)

    @property
    def keeping(self) -> Preparation:
        """`keep`, for what training keeps; `fitting` where that is the same."""
        same = PRESETS[self.preset].keep is PRESETS[self.preset].fit
        return self.fitting if same else Preparation(f"{self.preset}-{self.image_size}-keep", self.keep)

    def augment(self, kept: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """What `keep` gave, changed at random, to uint8 [image_size, image_size, 3]."""
        return PRESETS[self.preset].augment(kept, self.image_size, generator)

    def normalise(self, fitted: np.ndarray) -> np.ndarray:
        """uint8 [..., S, S, 3] BGR to float32 [..., 3, S, S]."""
        preset = PRESETS[self.preset]
        values = np.empty((*fitted.shape[:-3], 3, *fitted.shape[-3:-1]), np.float32)
        for picture in np.ndindex(fitted.shape[:-3]):
            for channel, source in enumerate(preset.order):
                cv2.LUT(
                    cv2.extractChannel(fitted[picture], source), preset.values[channel], values[(*picture, channel)]
                )
        return values

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 3] BGR to the network's input, float32 [3, S, S]."""
        return self.normalise(self.fit(picture))

    def describe(self) -> dict[str, Any]:
        """What a weight file keeps of it."""
        return {"preset": self.preset, **PRESETS[self.preset].described, "image_size": self.image_size}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Preprocessing:
        """The inverse of `describe`.

        Raises:
            ValueError: the description is of a preset this version does not have, or of no sensible size.
        """
        preset = description.get("preset")
        if not isinstance(preset, str) or preset not in PRESETS:
            raise ValueError(f"unknown preprocessing preset {preset!r}; known are {', '.join(PRESETS)}")
        size = description["image_size"]
        if not isinstance(size, int) or not 1 <= size <= _LARGEST_SIZE:
            raise ValueError(f"an image size of {size!r}; expected 1 to {_LARGEST_SIZE} pixels")
        known = cls(size, preset)
        if known.describe() != dict(description):
            raise ValueError(f"an unknown preprocessing {dict(description)}; known is {known.describe()}")
        return known


class Preset(NamedTuple):
    """One way to make a network's input.

    Args:
        fit: (picture, size) to the square that evaluation sees.
        keep: (picture, size) to what training keeps.
        augment: (kept, size, generator) to a square; None if training sees what evaluation sees.
        order: of the three BGR channels in the input.
        values: float32 [3, 256], what each value of a pixel becomes in each channel of the input.
        described: channels and values in words, for the description.
    """

    fit: Callable[[np.ndarray, int], np.ndarray]
    keep: Callable[[np.ndarray, int], np.ndarray]
    augment: Callable[[np.ndarray, int, np.random.Generator], np.ndarray] | None
    order: list[int]
    values: np.ndarray
    described: dict[str, Any]


def _checked(picture: Any) -> np.ndarray:
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8 or picture.shape[2:] != (3,):
        given = f"{picture.dtype} {picture.shape}" if isinstance(picture, np.ndarray) else repr(picture)
        raise ValueError(f"expected a decoded picture, uint8 [H, W, 3], got {given}")
    return picture


def _stretch(picture: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(picture, (size, size))


def _resize(picture: np.ndarray, size: int) -> np.ndarray:
    """Bilinear when it grows, the mean over areas when it shrinks."""
    shrinks = picture.shape[0] > size
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _shorter_side(picture: np.ndarray, length: int) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = length / min(height, width)
    target = (max(length, round(width * scale)), max(length, round(height * scale)))
    return cv2.resize(picture, target, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _centre(picture: np.ndarray, size: int) -> np.ndarray:
    """The centre of the picture with its shorter side at 8/7 of ``size``, after torchvision's Resize and CenterCrop."""
    resized = _shorter_side(_without_ends(picture), round(size * 256 / 224))
    top, left = ((side - size) // 2 for side in resized.shape[:2])
    return resized[top : top + size, left : left + size]


def _without_ends(picture: np.ndarray) -> np.ndarray:
    """A picture, or of a strip, which would take more memory than any photograph of an eye, the middle."""
    most = _LONGEST * min(picture.shape[:2])
    above, beside = (max(0, side - most) // 2 for side in picture.shape[:2])
    return picture[above : above + most, beside : beside + most]


def _keep_twice(picture: np.ndarray, size: int) -> np.ndarray:
    """Twice the input's resolution, so that a random part of it is still sharp; small pictures are not enlarged."""
    return _shorter_side(_without_ends(picture), min(2 * size, *picture.shape[:2]))


def _random_part(kept: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """A part of 8 to 100 % of the area and 3:4 to 4:3 in shape, stretched to the square, mirrored half of the time.

    After torchvision's RandomResizedCrop and RandomHorizontalFlip (Szegedy et al., CVPR 2015), which take the part from
    the whole picture, and the middle of one where ten tries find no part.
    """
    height, width = kept.shape[:2]
    for _ in range(10):
        area = height * width * generator.uniform(0.08, 1)
        ratio = np.exp(generator.uniform(np.log(3 / 4), np.log(4 / 3)))
        part_width, part_height = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < part_width <= width and 0 < part_height <= height:
            break
    else:
        part_height = part_width = min(height, width)
    top, left = generator.integers(height - part_height + 1), generator.integers(width - part_width + 1)
    part = _stretch(kept[top : top + part_height, left : left + part_width], size)
    return cv2.flip(part, 1) if generator.random() < 0.5 else part


def _field_of_view(picture: np.ndarray, size: int) -> np.ndarray:
    """The round field of view in the middle of a black square.

    Its edges are where the first and the last rows and columns have pixels brighter than a tenth of the brightest; a
    picture without a dark surround stays whole.
    """
    rows, columns = map(np.flatnonzero, _bright_lines(picture))
    if len(rows) and len(columns):
        picture = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if max(picture.shape[:2]) > _LONGEST * min(picture.shape[:2]):  # the square of a strip is far larger than it
        share = size / max(picture.shape[:2])
        reduced = tuple(max(1, round(side * share)) for side in picture.shape[1::-1])
        picture = cv2.resize(picture, reduced, interpolation=cv2.INTER_AREA if share < 1 else cv2.INTER_LINEAR)
    height, width = picture.shape[:2]
    side = max(height, width)
    square = np.zeros((side, side, 3), np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = picture
    return _resize(square, size)


def _bright_lines(picture: np.ndarray) -> list[np.ndarray]:
    """Which rows and which columns have more than 2 % of pixels brighter than a tenth of the brightest."""
    limit = int(0.1 * float(picture.max()))
    dark = cv2.inRange(picture, (0, 0, 0), (limit,) * 3)  # 255 where none of the three is brighter
    sums = (cv2.reduce(dark, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() for axis in (1, 0))
    return [(length - total // 255) / length > 0.02 for total, length in zip(sums, dark.shape[::-1])]


def _random_eye(kept: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Mirrored, turned by any angle, scaled by up to 10 %, and with mildly other brightness, gamma and colours."""
    if generator.random() < 0.5:
        kept = cv2.flip(kept, 1)
    middle = (size - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), generator.uniform(0, 360), generator.uniform(0.9, 1.1))
    turned = cv2.warpAffine(kept, turn, (size, size), flags=cv2.INTER_LINEAR)
    gains = generator.uniform(0.85, 1.15) * generator.uniform(0.95, 1.05, 3)
    gamma = np.exp(generator.uniform(-0.2, 0.2))  # leaves the black surround black
    levels = 255 * (np.arange(256)[:, None] / 255) ** gamma * gains
    table = np.clip(levels, 0, 255).astype(np.uint8)
    return cv2.LUT(turned, table[None])


def _imagenet_values() -> tuple[np.ndarray, dict[str, Any]]:
    described = {"channels": "RGB", "mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]}
    mean, deviation = (np.array(described[name])[:, None] for name in ("mean", "deviation"))
    return ((np.arange(256) / 255 - mean) / deviation).astype(np.float32), described


# The document's arithmetic, in double precision and rounded once, for each of the 256 values a pixel can have.
_TO_UNIT_RANGE = np.tile((np.arange(256) / 255.0 * 2.0 - 1.0).astype(np.float32), (3, 1))
_IMAGENET_VALUES, _IMAGENET_DESCRIBED = _imagenet_values()
_BGR, _RGB = [0, 1, 2], [2, 1, 0]

PRESETS = {
    "document": Preset(_stretch, _stretch, None, _BGR, _TO_UNIT_RANGE, {"channels": "BGR", "range": [-1, 1]}),
    "imagenet": Preset(_centre, _keep_twice, _random_part, _RGB, _IMAGENET_VALUES, _IMAGENET_DESCRIBED),
    "fundus": Preset(_field_of_view, _field_of_view, _random_eye, _RGB, _IMAGENET_VALUES, _IMAGENET_DESCRIBED),
}
