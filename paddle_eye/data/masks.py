"""Pairs of a picture and its mask to records, and what moves both alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paddle_eye.data.images import pictures_in, read_picture
from paddle_eye.errors import InputError, raise_faults
from paddle_eye.opencv import cv2

IMAGE_FOLDER, MASK_FOLDER = "image", "label"
_VALUES = ([0], [1], [255], [0, 1], [0, 255])  # that a mask may have


@dataclass(frozen=True)
class MaskRecord:
    """One picture and its mask.

    Args:
        image: the picture file.
        mask: a picture file of the same size; 0 is background, 1 or 255 foreground.
    """

    image: Path
    mask: Path


def read_pairs(root: Path) -> tuple[MaskRecord, ...]:
    """Pairs of ``root/image`` and ``root/label`` with a name in common, in the order of the numbers in their names.

    Raises:
        InputError: a folder is missing or empty, a picture lacks its mask or a mask its picture, a file is no picture,
            both differ in size, or a mask has other values than 0 and one more; all of them in one message.
    """
    folders = [root / IMAGE_FOLDER, root / MASK_FOLDER]
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        raise InputError(
            f"{' and '.join(missing)}: no such folder; expected {IMAGE_FOLDER} and {MASK_FOLDER} in {root}"
        )
    images, masks = ({path.stem: path for path in pictures_in(folder)} for folder in folders)
    faults = [f"{path}: no mask of this name in {folders[1]}" for name, path in images.items() if name not in masks]
    faults += [f"{path}: no picture of this name in {folders[0]}" for name, path in masks.items() if name not in images]
    records = tuple(MaskRecord(images[name], masks[name]) for name in sorted(images.keys() & masks.keys(), key=_order))
    for record in records:
        try:
            picture, mask = read_picture(record.image), read_mask(record.mask)
        except InputError as error:
            faults.append(str(error))
            continue
        if picture.shape[:2] != mask.shape:
            sizes = ["x".join(map(str, shape[1::-1])) for shape in (picture.shape, mask.shape)]
            faults.append(f"{record.mask}: {sizes[1]} pixels, its picture has {sizes[0]}")
    if not records and not faults:
        faults.append("no picture files in it")
    raise_faults(root, faults, "every picture needs a mask of its name and size, of two values")
    return records


def read_mask(path: Path) -> np.ndarray:
    """A mask file as uint8 [H, W], 1 in the foreground.

    Raises:
        InputError: no picture, or it has other values than 0 and 1 or 0 and 255.
    """
    picture = read_picture(path)
    values = np.unique(picture).tolist()
    if values not in _VALUES or (picture != picture[..., :1]).any():
        found = ", ".join(map(str, values[:5])) + (" …" if len(values) > 5 else "")
        raise InputError(f"{path}: a mask has two values, 0 and 255 (or 1), and no colours; this one has {found}")
    return (picture[..., 0] > 0).astype(np.uint8)


def contiguous_folds(count: int, folds: int) -> list[tuple[list[int], list[int]]]:
    """Training and test indices of each fold; the test part is a block, because neighbouring slices are alike.

    Args:
        count: number of slices, in their order.
        folds: 2 to ``count``.

    Raises:
        ValueError: another number of folds.
    """
    if not 2 <= folds <= count:
        raise ValueError(f"expected 2 to {count} folds, got {folds}")
    blocks = [block.tolist() for block in np.array_split(np.arange(count), folds)]
    return [([index for index in range(count) if index not in block], block) for block in blocks]


def random_crop(
    picture: np.ndarray, mask: np.ndarray, size: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The same square of ``size`` pixels out of a picture [H, W, …] and its mask [H, W]."""
    top, left = (generator.integers(side - size + 1) for side in mask.shape)
    place = (slice(top, top + size), slice(left, left + size))
    return picture[place], mask[place]


def augment(picture: np.ndarray, mask: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mirrored, turned by quarters and bent, both alike, and the picture made brighter or darker by up to 10 %.

    Args:
        picture: uint8 [S, S, 3], a square.
        mask: uint8 [S, S].
        generator: decides.
    """
    if generator.random() < 0.5:
        picture, mask = picture[:, ::-1], mask[:, ::-1]
    turns = generator.integers(4)
    picture, mask = np.rot90(picture, turns), np.rot90(mask, turns)
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
    return (
        cv2.remap(picture, *places, interpolation=cv2.INTER_LINEAR, borderMode=border),
        cv2.remap(mask, *places, interpolation=cv2.INTER_NEAREST, borderMode=border),
    )


def _order(name: str) -> list:
    """Numbers in a name count as numbers: 2 before 10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]
