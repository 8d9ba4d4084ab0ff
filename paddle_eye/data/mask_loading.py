"""From pairs of picture and mask to batches: whole pictures for evaluation, changed crops for training."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import paddle

from paddle_eye.data.images import stored_size
from paddle_eye.data.mask_transforms import PixelPreprocessing, augment, random_crop
from paddle_eye.data.sources.pair_reading import Pair
from paddle_eye.data.sources.pairs import MaskRecord
from paddle_eye.errors import JobError, raise_faults
from paddle_eye.processor import free_memory

_OF_AN_EVALUATION = 3  # bytes of a pixel: what the network says of it, and its class


def require_memory(
    records: Sequence[MaskRecord], measured: Sequence[MaskRecord], channels: int, evaluations: int = 1
) -> None:
    """Raise a JobError if pictures and masks have no room in memory, where they are kept.

    Args:
        records: all of them.
        measured: those that are measured on.
        channels: that are kept of a picture.
        evaluations: that are kept at the same time.
    """
    free = free_memory()
    if free is None:
        return
    pixels = {record: math.prod(stored_size(record.image)) for record in records}
    total = sum(pixels.values())
    evaluated = _OF_AN_EVALUATION * sum(pixels[record] for record in measured)
    needed = (channels + 1) * total + evaluations * evaluated
    if needed > free:
        of = f"{len(records)} pictures of {total / 10**6:.0f} megapixels in all, {len(measured)} of them measured on,"
        raise JobError(
            f"not enough memory: {of} take {needed / 2**30:.1f} GB, {free / 2**30:.1f} GB are free; take fewer, or "
            "reduce them"
        )


class MaskDataset(paddle.io.Dataset):
    """Whole pictures with their masks, kept in memory as uint8.

    An item is the network's input, float32 [C, H, W], and the mask, uint8 [1, H, W], see `Pair.truth`.

    Args:
        pairs: read with ``preprocessing.fit``.
        preprocessing: of the pictures.
    """

    def __init__(self, pairs: Sequence[Pair], preprocessing: PixelPreprocessing) -> None:
        super().__init__()
        self.preprocessing = preprocessing
        self.pictures = [pair.picture for pair in pairs]
        self.masks = [pair.truth for pair in pairs]

    def __len__(self) -> int:
        return len(self.pictures)

    def pair(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """An item's picture, uint8 [H, W, C], and mask, uint8 [H, W]."""
        return self.pictures[index], self.masks[index]

    def seen(self, index: int) -> np.ndarray:
        """An item's picture as the network sees it, uint8 [H, W, C]."""
        return self.pair(index)[0]

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        picture, mask = self.pair(index)
        return self.preprocessing.normalise(picture), mask[None]


class CropDataset(MaskDataset):
    """Squares of the pictures, changed at random, as (seed, epoch, index) alone decides; set ``epoch`` before each.

    Args:
        pairs: see `MaskDataset`.
        preprocessing: of the pictures.
        size: side of the squares in pixels.
        per_picture: squares that are cut out of every picture in an epoch.
        seed: of the whole run.
        bending: see `augment`.

    Raises:
        InputError: a picture is smaller than the squares.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        preprocessing: PixelPreprocessing,
        size: int,
        per_picture: int,
        seed: int,
        bending: bool = True,
    ) -> None:
        super().__init__(pairs, preprocessing)
        self.size, self.per_picture, self.seed, self.bending, self.epoch = size, per_picture, seed, bending, 0
        small = [
            f"{pair.image}: {pair.truth.shape[1]}x{pair.truth.shape[0]} pixels"
            for pair in pairs
            if min(pair.truth.shape) < size
        ]
        raise_faults("pictures", small, f"squares of {size} pixels cannot be cut out; lower data.image_size")

    def __len__(self) -> int:
        return len(self.pictures) * self.per_picture

    def pair(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """See `MaskDataset.pair`."""
        generator = np.random.default_rng([self.seed, self.epoch, index])
        number = index // self.per_picture
        crop = random_crop(self.pictures[number], self.masks[number], self.size, generator)
        return augment(*crop, generator, self.bending)
