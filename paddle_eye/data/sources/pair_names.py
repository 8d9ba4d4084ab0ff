"""Which folder holds pictures and which masks, and which of their files belong together, as public sets name them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from paddle_eye.data.sources.folders import named_folder

_IMAGES = ("image", "images", "img", "imgs")
_MASKS = ("label", "labels", "1st_manual", "manual1", "gt", "ground_truth", "groundtruth", "annotations", "vessels")
_FIELDS = ("fov", "mask", "masks")  # of view, where the masks have another folder; else these are the masks
TRAINING, TEST = ("train", "training"), ("test", "testing", "val", "valid", "validation")

# What may stand behind the name that a picture and its mask have in common.
_OF_IMAGE = ("_training", "_test", "_image", "_img")
_OF_MASK = (
    *("_mask", "_masks", "_label", "_labels", "_gt", "_manual1", "_manual", "_segmentation", "_vessels"),
    *("_1stho", "_ma", "_he", "_ex", "_se", "_od"),
)


class PairFolders(NamedTuple):
    """The folders of one part of a data set.

    Args:
        images: the pictures.
        masks: their masks; None if they stand among the pictures, told by the ends of their names.
        fields: masks of the fields of view; None if there are none.
        part: ``'training'``, ``'test'``, or None in a set that is not divided.
    """

    images: Path
    masks: Path | None
    fields: Path | None
    part: str | None


def pair_folders(root: Path) -> list[PairFolders]:
    """Where a folder has pictures and masks; nothing if it has none."""
    divided = [(named_folder(root, names), part) for names, part in ((TRAINING, "training"), (TEST, "test"))]
    parts = [(folder, part) for folder, part in divided if folder is not None]
    found = [_of_part(folder, part) for folder, part in parts] if len(parts) == 2 else [_of_part(root, None)]
    return [folders for folders in found if folders is not None] if None not in found else []


def _of_part(root: Path, part: str | None) -> PairFolders | None:
    images, masks, fields = (named_folder(root, names) for names in (_IMAGES, _MASKS, _FIELDS))
    if masks is None:
        masks, fields = fields, None
    if images is not None and masks is not None:
        return PairFolders(images, masks, fields, part)
    together = images is None and masks is None and root.is_dir()
    if together and apart(path for path in root.iterdir() if path.is_file())[1]:
        return PairFolders(root, None, None, part)
    return None


def image_key(path: Path) -> str:
    """What a picture has in common with its mask."""
    return _without(path.stem.casefold(), _OF_IMAGE)


def mask_key(path: Path) -> str:
    """What a mask has in common with its picture: ``01`` of ``01_manual1.gif`` and of ``01_training_mask.gif``."""
    return _without(_without(path.stem.casefold(), _OF_MASK), _OF_IMAGE)


def apart(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Pictures and masks that stand in one folder: a mask ends as masks do, and a picture has the rest of its name."""
    paths = list(paths)
    plain = {path.stem.casefold() for path in paths}
    masks = [path for path in paths if _without(path.stem.casefold(), _OF_MASK) in plain - {path.stem.casefold()}]
    return [path for path in paths if path not in masks], masks


def _without(stem: str, ends: tuple[str, ...]) -> str:
    found = re.fullmatch(rf"(.+?)(?:{'|'.join(map(re.escape, ends))})", stem)
    return found[1] if found else stem
