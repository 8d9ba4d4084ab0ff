"""Pairs of a picture and its mask to records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from paddle_eye.data.images import find_pictures
from paddle_eye.data.sources.pair_lists import listed_parts
from paddle_eye.data.sources.pair_names import PairFolders, apart, is_second_observer, pair_folders, together
from paddle_eye.errors import InputError, fault_of_name


@dataclass(frozen=True)
class MaskRecord:
    """One picture and its mask.

    Args:
        image: the picture file.
        mask: a picture file of the same size; 0 is background, 1 or 255 foreground; or a value for each class.
        field: likewise, of the field of view; None if all of the picture counts.
        part: ``'training'``, ``'validation'`` or ``'test'`` in a set that comes divided; None in others.
    """

    image: Path
    mask: Path
    field: Path | None = None
    part: str | None = None


class FoundPairs(NamedTuple):
    """The pairs of a folder, and what is wrong with the names in it.

    Args:
        records: in the order of the numbers in their names.
        faults: pictures without a mask, masks without a picture, and files of the same name.
        passed_over: files that are no pictures, and masks of a second observer.
        left_out: parts of the data set that have no masks.
    """

    records: tuple[MaskRecord, ...]
    faults: list[str]
    passed_over: list[Path]
    left_out: Sequence[Path] = ()


def find_pairs(root: Path) -> FoundPairs:
    """Pairs of pictures and masks with a name in common, see `pair_names`; a division that the set has is kept.

    Raises:
        InputError: there are no such folders.
    """
    folders, left_out = pair_folders(root)
    if not folders:
        raise InputError(
            f"{root}: no pairs of pictures and masks; expected the folders image and label (or images and masks) in "
            "it, or training and test with such folders"
        )
    parts = [_find_part(each) for each in folders]
    faults = [fault for part in parts for fault in part.faults]
    records = tuple(record for part in parts for record in part.records)
    if not records and not faults:
        faults.append("no picture files in it")
    if all(record.part is None for record in records):
        said, wrong = listed_parts(root, [record.image for record in records])
        records, faults = tuple(replace(record, part=part) for record, part in zip(records, said)), faults + wrong
    return FoundPairs(records, faults, [path for part in parts for path in part.passed_over], left_out)


def _find_part(folders: PairFolders) -> FoundPairs:
    contents = [find_pictures(each) for each in (folders.images, folders.masks, folders.fields) if each is not None]
    passed_over = [path for content in contents for path in content.others]
    passed_over += [path for content in contents for path in content.pictures if is_second_observer(path)]
    found = [[path for path in content.pictures if not is_second_observer(path)] for content in contents]
    if folders.masks is None:
        found = list(apart(found[0]))
    roots = (folders.images, folders.masks or folders.images, folders.fields)
    images, masks, fields = files = together(*found, *[[]] * (3 - len(found)), roots)
    faults = [
        f"{path}: its name is that of {paths[0]}, too; keep one kind of masks, join them, or rename what differs"
        for each in files
        for paths in each.values()
        for path in paths[1:]
    ]
    faults += filter(None, (fault_of_name(path) for paths in found for path in paths))
    needed = [(masks, "mask", folders.masks or folders.images)]
    needed += [(fields, "field of view", folders.fields)] * (folders.fields is not None)
    for there, what, place in needed:
        missing = [paths[0] for name, paths in images.items() if name not in there]
        cure = " (where it has none, the mask is a black picture)" if what == "mask" else ""
        faults += [f"{path}: no {what} of this name in {place}{cure}" for path in missing]
    alone = [paths[0] for name, paths in masks.items() if name not in images]
    faults += [f"{path}: no picture of this name in {folders.images}" for path in alone]
    names = sorted(images.keys() & masks.keys(), key=_order)
    records = tuple(
        MaskRecord(images[name][0], masks[name][0], (fields.get(name) or [None])[0], folders.part) for name in names
    )
    return FoundPairs(records, faults, passed_over)


def _order(name: str) -> list:
    """Numbers in a name count as numbers: 2 before 10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name)]
