"""Pairs of a picture and its mask to records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, NamedTuple, TypeVar

import numpy as np

from paddle_eye.data.field import field_of_view
from paddle_eye.data.images import (
    decode_picture,
    decode_unchanged,
    digest,
    find_pictures,
    orientation,
    palette_indices,
    read_file,
)
from paddle_eye.data.patients import patients_among
from paddle_eye.data.sources.pair_names import PairFolders, apart, is_second_observer, pair_folders, together
from paddle_eye.errors import InputError, fault_of_name, listed, raise_faults

OUTSIDE = 255  # of a mask in memory: the pixel is outside the field of view and does not count
_ADVICE = "every picture needs a mask of its name and size, of two values"
_ADVICE_OF_CLASSES = "every picture needs a mask of its name and size, with the values of data.classes alone"
_VALUES = (0, 1, 255, 65535)  # that the foreground of a mask may have
_MOST_OUTSIDE = 0.1  # of the foreground, outside the field of view


Each = TypeVar("Each", "MaskRecord", "Pair")


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


class Pair(NamedTuple):
    """What is in the files of a `MaskRecord`.

    Args:
        image: the picture file.
        picture: uint8 [H, W, …].
        truth: uint8 [H, W], 1 in the foreground, or the number of the class, `OUTSIDE` outside the field of view.
        digest: of the picture file's bytes, SHA-256.
        mask_digest: of the mask file's, and of the field of view's.
        part: see `MaskRecord`.
    """

    image: Path
    picture: np.ndarray
    truth: np.ndarray
    digest: str
    mask_digest: str
    part: str | None


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
    return FoundPairs(records, faults, [path for part in parts for path in part.passed_over], left_out)


def _find_part(folders: PairFolders) -> FoundPairs:
    contents = [find_pictures(each) for each in (folders.images, folders.masks, folders.fields) if each is not None]
    passed_over = [path for content in contents for path in content.others]
    passed_over += [path for content in contents for path in content.pictures if is_second_observer(path)]
    found = [[path for path in content.pictures if not is_second_observer(path)] for content in contents]
    if folders.masks is None:
        found = list(apart(found[0]))
    images, masks, fields = files = together(*found, *[[]] * (3 - len(found)))
    faults = [f"{path}: another file of this name" for each in files for paths in each.values() for path in paths[1:]]
    faults += filter(None, (fault_of_name(path) for paths in found for path in paths))
    needed = [(masks, "mask", folders.masks or folders.images)]
    needed += [(fields, "field of view", folders.fields)] * (folders.fields is not None)
    for there, what, place in needed:
        missing = [paths[0] for name, paths in images.items() if name not in there]
        faults += [f"{path}: no {what} of this name in {place}" for path in missing]
    alone = [paths[0] for name, paths in masks.items() if name not in images]
    faults += [f"{path}: no picture of this name in {folders.images}" for path in alone]
    names = sorted(images.keys() & masks.keys(), key=_order)
    records = tuple(
        MaskRecord(images[name][0], masks[name][0], (fields.get(name) or [None])[0], folders.part) for name in names
    )
    return FoundPairs(records, faults, passed_over)


def read_pairs(
    root: Path,
    records: Sequence[MaskRecord],
    fit: Callable[[np.ndarray], np.ndarray],
    faults: Sequence[str] = (),
    values: Mapping[str, int] | None = None,
    seek_fields: bool = False,
) -> list[Pair]:
    """Read both files of every pair once.

    Args:
        root: of the data set, for the message.
        records: of `find_pairs`.
        fit: what is kept of a picture, uint8 [H, W, 3] BGR.
        faults: what is wrong besides, see `FoundPairs`.
        values: that several classes have in the masks, the background first; None: foreground and background.
        seek_fields: whether the round field of a photograph is its field of view where no file says it.

    Raises:
        InputError: there is a fault, a file is no picture, both differ in size, or a mask has other values than 0 and
            one more, or than ``values``; all of them in one message.
    """
    pairs, faults = [], list(faults)
    for record in records:
        try:
            data, mask_data = read_file(record.image), read_file(record.mask)
            picture = decode_picture(data, record.image)
            truth = decode_classes(mask_data, record.mask, values) if values else decode_mask(mask_data, record.mask)
            if record.field is not None:
                field_data = read_file(record.field)
                truth = _within(decode_mask(field_data, record.field), truth, record)
                mask_data += field_data
        except InputError as error:
            faults.append(str(error))
            continue
        turning = _fault_of_turning(record, data, picture, truth)
        if turning is not None:
            faults.append(turning)
        elif picture.shape[:2] != truth.shape:
            sizes = ["x".join(map(str, shape[1::-1])) for shape in (picture.shape, truth.shape)]
            faults.append(f"{record.mask}: {sizes[1]} pixels, its picture has {sizes[0]}")
        elif seek_fields and record.field is None and (field := field_of_view(picture)) is not None:
            truth = np.where(field, truth, np.uint8(OUTSIDE))
        pairs.append(Pair(record.image, fit(picture), truth, digest(data), digest(mask_data), record.part))
    raise_faults(root, faults, _ADVICE if values is None else _ADVICE_OF_CLASSES)
    return pairs


def values_in_order(root: Path, records: Sequence[MaskRecord], names: Sequence[str]) -> dict[str, int]:
    """The values of the masks of several classes in ascending order, for a name each.

    Args:
        root: of the data set, for the message.
        records: of `find_pairs`.
        names: of the classes.

    Raises:
        InputError: there are more or fewer values than names, or a mask cannot be read.
    """
    first: dict[int, Path] = {}
    for record in records:
        for value in np.unique(_stored_values(read_file(record.mask), record.mask)).tolist():
            first.setdefault(value, record.mask)
    if len(first) != len(names):
        found = [f"{value} ({first[value].name})" for value in sorted(first)]
        raise InputError(
            f"{root}: data.classes has {len(names)} names, the masks have {len(first)} values: {listed(found, 10)}; "
            f"give each name its value, such as {{{', '.join(f'{name}: {n}' for n, name in enumerate(names))}}}"
        )
    return dict(zip(names, sorted(first)))


def order_in_words(values: Mapping[str, int], pairs: Sequence[Pair]) -> str:
    """Which values the classes have that were given in the order of values, and what speaks against it.

    Args:
        values: of `values_in_order`; the first class is the background.
        pairs: that were read with them.
    """
    told = f"in the order of the values of masks {', '.join(f'{name} is {value}' for name, value in values.items())}"
    corners = np.concatenate([pair.truth[[0, 0, -1, -1], [0, -1, 0, -1]] for pair in pairs])
    counts = np.bincount(corners[corners != OUTSIDE], minlength=1)
    if counts.argmax() == 0:
        return told
    there = list(values)[counts.argmax()]
    return f"{told}, but most corners are {there}; if that is the background, say data.classes={{name: value, …}}"


def _within(field: np.ndarray, truth: np.ndarray, record: MaskRecord) -> np.ndarray:
    """A mask that counts in the field of view alone.

    Raises:
        InputError: both differ in size, or it is no field of view: it leaves foreground out, or nothing else in.
    """
    if field.shape != truth.shape:
        sizes = ["x".join(map(str, each.shape[::-1])) for each in (field, truth)]
        raise InputError(f"{record.field}: {sizes[0]} pixels, {record.mask} has {sizes[1]}")
    foreground = truth > 0
    filled = foreground[field == 1].all() and truth.max() <= 1
    if filled or (foreground & (field == 0)).sum() > _MOST_OUTSIDE * foreground.sum():
        raise InputError(
            f"{record.field}: this is no field of view of {record.mask}, whose foreground lies outside it or fills it; "
            "if these are masks of something else, give their folder another name"
        )
    return np.where(field == 1, truth, np.uint8(OUTSIDE))


def decode_mask(data: bytes, path: Path) -> np.ndarray:
    """The bytes of a mask file as uint8 [H, W], 1 in the foreground; ``path`` is for the message.

    The mask may be drawn in the transparency of a picture of one colour, or be the places 0, which is black, and 1 in a
    palette of colours.

    Raises:
        InputError: no picture, or it has other values than 0 and 1, 255 or, of 16 bits, 65535.
    """
    stored = decode_unchanged(data, path)
    places = palette_indices(data)
    if places is not None and places.max() <= 1 and not stored[places == 0][..., :3].any():
        return places
    colours = stored[..., None] if stored.ndim == 2 else stored[..., :3]
    if stored.ndim == 3 and stored.shape[2] == 4 and (stored[..., 3] != stored[0, 0, 3]).any():
        if (colours != colours[0, 0]).any():
            raise InputError(f"{path}: a mask in colours and in transparency; write it as 0 and 255 alone")
        colours = stored[..., 3:]
    if (colours != colours[..., :1]).any():
        raise InputError(f"{path}: a mask has no colours; write 0 for the background and 255 (or 1) for the foreground")
    values = np.unique(colours).tolist()
    if len(values) > 2 or not set(values) <= {0, values[-1]} or values[-1] not in _VALUES:
        found = ", ".join(map(str, values[:5])) + (" …" if len(values) > 5 else "")
        raise InputError(
            f"{path}: a mask has two values, 0 and 255 (or 1); this one has {found}; several classes need data.classes"
        )
    return (colours[..., 0] > 0).astype(np.uint8)


def decode_classes(data: bytes, path: Path, values: Mapping[str, int]) -> np.ndarray:
    """The bytes of a mask file of several classes as uint8 [H, W], numbers of the classes; ``path`` is for the message.

    Args:
        data: a picture in grey, or with a palette of colours, whose indices are its values.
        values: of each class.

    Raises:
        InputError: no picture, one in colours, or one with a value of no class.
    """
    stored = _stored_values(data, path)
    classes = np.full(stored.shape, OUTSIDE, np.uint8)
    for label, value in enumerate(values.values()):
        classes[stored == value] = label
    if (classes == OUTSIDE).any():
        unknown = np.unique(stored[classes == OUTSIDE]).tolist()
        known = ", ".join(f"{name} {value}" for name, value in values.items())
        raise InputError(f"{path}: no class has the value {listed(unknown)}; data.classes has {known}")
    return classes


def _stored_values(data: bytes, path: Path) -> np.ndarray:
    """The values of a mask of several classes, whole numbers [H, W].

    Raises:
        InputError: no picture, or one in colours.
    """
    stored = decode_unchanged(data, path)
    indices = palette_indices(data)
    if indices is not None:
        return indices
    colours = stored[..., None] if stored.ndim == 2 else stored[..., :3]
    if colours.dtype.kind not in "iu" or (colours != colours[..., :1]).any():
        raise InputError(f"{path}: a mask of several classes has a grey value, or a place in a palette, for each")
    return colours[..., 0]


def _fault_of_turning(record: MaskRecord, data: bytes, picture: np.ndarray, truth: np.ndarray) -> str | None:
    """Why it cannot be told whether a mask was drawn on a picture as it is stored or as EXIF has it turned."""
    how = orientation(data)
    stored = picture.shape[1::-1] if how >= 5 else picture.shape[:2]
    if how == 1 or (truth.shape == picture.shape[:2] and truth.shape != stored):
        return None
    return (
        f"{record.image}: EXIF turns this picture, and its mask may fit the stored or the turned one; "
        "save it without an EXIF orientation"
    )


def own_division(pairs: Sequence[Each]) -> tuple[list[Each], list[Each], list[Each]] | None:
    """The training part, one to choose the best epoch on, if there is one, and the test part of a set that comes
    divided; None of others."""
    parts = ([pair for pair in pairs if pair.part == part] for part in ("training", "validation", "test"))
    training, validation, test = parts
    return (training, validation, test) if training and test else None


def block_split(pairs: Sequence[Each], folds: int, fold: int | None = None) -> tuple[list[Each], list[Each]]:
    """Training and test part; the test part is a block of neighbours, because neighbouring slices are alike.

    Pictures of one patient, see `patient_of`, stay together; where names tell of patients, blocks are of these.

    Args:
        pairs: in their order.
        folds: in how many blocks they are divided, the first ones larger by one if need be.
        fold: the block to test on, counted from 1; None: the last one.

    Raises:
        InputError: there are no such blocks.
    """
    patients = _patients(pairs)
    count = len(set(patients))
    if not 2 <= folds <= count:
        what = "pictures" if count == len(pairs) else "patients"
        raise InputError(f"--folds {folds}: expected 2 or more, up to the number of {what}, which is {count}")
    if fold is None:
        fold = folds
    if not 1 <= fold <= folds:
        raise InputError(f"--fold {fold}: expected 1 to {folds}, the number of folds")
    return _apart(pairs, patients, set(np.array_split(np.arange(count), folds)[fold - 1].tolist()))


def last_aside(pairs: Sequence[Each], share: float) -> tuple[list[Each], list[Each]]:
    """Keep the last ``share`` of the pairs, or of their patients, aside to choose the best epoch on; neighbours again.

    Raises:
        InputError: none would be left on one side.
    """
    patients = _patients(pairs)
    total = len(set(patients))
    count = round(share * total)
    if not 0 < count < total:
        what = "pictures" if total == len(pairs) else "patients"
        raise InputError(f"--holdout {share}: keeps {count} of {total} {what} aside, none or all of them")
    return _apart(pairs, patients, set(range(total - count, total)))


def _patients(pairs: Sequence[Each]) -> list[int]:
    """A number for each pair's patient, in the order in which they come; a pair without has one of its own."""
    numbers = patients_among(pair.image for pair in pairs)
    return list(range(len(pairs))) if numbers is None else numbers.tolist()


def _apart(pairs: Sequence[Each], patients: Sequence[int], chosen: set[int]) -> tuple[list[Each], list[Each]]:
    """The pairs of all other patients, and those of the chosen ones."""
    parts = ([], [])
    for pair, patient in zip(pairs, patients):
        parts[patient in chosen].append(pair)
    return parts


def _order(name: str) -> list:
    """Numbers in a name count as numbers: 2 before 10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name)]
