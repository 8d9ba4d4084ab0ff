"""Pairs of a picture and its mask to records."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from paddle_eye.data.sources.pair_lists import listed_parts
from paddle_eye.data.sources.pair_names import (
    PairFolders,
    apart,
    is_called_as_field,
    is_second_observer,
    pair_folders,
    together,
)
from paddle_eye.errors import InputError, fault_of_name, listed, raise_faults

OUTSIDE = 255  # of a mask in memory: the pixel is outside the field of view and does not count
_ADVICE = "every picture needs a mask of its name and size, of two values"
_ADVICE_OF_CLASSES = "every picture needs a mask of its name and size, with the values of data.classes alone"
_VALUES = (0, 1, 255, 65535)  # that the foreground of a mask may have
_MOST_VALUES, _JPEG = 20, b"\xff\xd8"  # of a mask of classes; how files begin
_BACKGROUND = "background"  # as it is called if nothing is said
_LOOKED_AT, _SAME_FIELD = 10, 0.9  # masks that may be of fields of view; see `_is_field`
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
    pairs, faults, palettes, looked_at = [], list(faults), _Palettes(), []
    for record in records:
        try:
            data, mask_data = read_file(record.image), read_file(record.mask)
            picture = decode_picture(data, record.image)
            if values:
                truth = decode_classes(mask_data, record.mask, values, palettes)
            else:
                truth = decode_mask(mask_data, record.mask)
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
        elif seek_fields and record.field is None:
            truth = _within_found(field_of_view(picture), truth)
        elif (
            values is None and record.field is None and len(looked_at) < _LOOKED_AT and is_called_as_field(record.mask)
        ):
            looked_at.append(_is_field(field_of_view(picture), truth))
        pairs.append(Pair(record.image, fit(picture), truth, digest(data), digest(mask_data), record.part))
    if 2 * sum(looked_at) > len(looked_at):
        faults.append(
            f"{records[0].mask.parent}: these are masks of fields of view, as the photographs show; call the "
            "folder of the other masks label, or, if the field is to be learned, this one"
        )
    raise_faults(root, faults, _ADVICE if values is None else _ADVICE_OF_CLASSES)
    return pairs


class _Palettes:
    """The colours that places in the palettes of masks stand for; in all files the same ones."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[list[int], Path]] = {}

    def require_same(self, stored: np.ndarray, places: np.ndarray, path: Path) -> None:
        """Look at another file: what it decodes to, and the places of its pixels.

        Raises:
            InputError: a place has another colour in it than in an earlier one.
        """
        for place, first in zip(*np.unique(places, return_index=True)):
            colour = np.atleast_1d(stored.reshape(places.size, -1)[first]).tolist()
            known, where = self._first.setdefault(int(place), (colour, path))
            if colour != known:
                raise InputError(
                    f"{path}: the colour {place} of its palette is another than in {where}; write the masks in grey, "
                    "or all with one palette"
                )


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


def order_in_words(values: Mapping[str, int]) -> str:
    """Which values the classes have that were given in the order of values, see `values_in_order`."""
    return f"in the order of the values of masks {', '.join(f'{name} is {value}' for name, value in values.items())}"


def doubt_of_background(classes: Sequence[str], pairs: Sequence[Pair]) -> list[str]:
    """That most corners of masks are not background, if so; of two classes, where the first is called background."""
    corners = np.concatenate([pair.truth[[0, 0, -1, -1], [0, -1, 0, -1]] for pair in pairs])
    counts = np.bincount(corners[corners != OUTSIDE], minlength=1)
    there = classes[counts.argmax()]
    if there == classes[0] or (len(classes) == 2 and classes[0] != _BACKGROUND):
        return []
    cure = "write the masks turned round" if len(classes) == 2 else "say data.classes={name: value, …}"
    return [f"most corners of the masks are {there}; if that is the background, {cure}"]


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


def _within_found(field: np.ndarray | None, truth: np.ndarray) -> np.ndarray:
    """A mask that counts in a field of view that was found in the photograph, unless that leaves foreground out."""
    if field is None or ((truth > 0) & ~field).sum() > _MOST_OUTSIDE * (truth > 0).sum():
        return truth
    return np.where(field, truth, np.uint8(OUTSIDE))


def _is_field(field: np.ndarray | None, truth: np.ndarray) -> bool:
    """Whether a mask is the round field of its photograph: both have 0.9 of their pixels together in common."""
    return field is not None and (truth == 1)[field].sum() > _SAME_FIELD * ((truth == 1) | field).sum()


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
        blurred = len(values) > _MOST_VALUES or data.startswith(_JPEG)
        cure = "JPEG and resizing blur them: write 255 where it is above the half, else 0, as PNG"
        raise InputError(
            f"{path}: a mask has two values, 0 and 255 (or 1); this one has {found}; "
            f"{cure if blurred else 'several classes need data.classes'}"
        )
    return (colours[..., 0] > 0).astype(np.uint8)


def decode_classes(data: bytes, path: Path, values: Mapping[str, int], palettes: _Palettes | None = None) -> np.ndarray:
    """The bytes of a mask file of several classes as uint8 [H, W], numbers of the classes; ``path`` is for the message.

    Args:
        data: a picture in grey, or with a palette of colours, whose indices are its values.
        values: of each class.
        palettes: of the masks before it, which its own must not contradict.

    Raises:
        InputError: no picture, one in colours, or one with a value of no class.
    """
    stored = _stored_values(data, path, palettes)
    classes = np.full(stored.shape, OUTSIDE, np.uint8)
    for label, value in enumerate(values.values()):
        classes[stored == value] = label
    if (classes == OUTSIDE).any():
        unknown = np.unique(stored[classes == OUTSIDE]).tolist()
        known = ", ".join(f"{name} {value}" for name, value in values.items())
        cure = "give data.classes so, or write the masks anew with these values"
        raise InputError(f"{path}: no class has the value {listed(unknown)}, the classes have {known}; {cure}")
    return classes


def _stored_values(data: bytes, path: Path, palettes: _Palettes | None = None) -> np.ndarray:
    """The values of a mask of several classes, whole numbers [H, W].

    Raises:
        InputError: no picture, or one in colours.
    """
    stored = decode_unchanged(data, path)
    indices = palette_indices(data)
    if indices is not None:
        if palettes is not None:
            palettes.require_same(stored, indices, path)
        return indices
    colours = stored[..., None] if stored.ndim == 2 else stored[..., :3]
    if colours.dtype.kind not in "iu" or (colours != colours[..., :1]).any():
        raise InputError(f"{path}: a mask of several classes has a grey value, or a place in a palette, for each")
    return colours[..., 0]


def _fault_of_turning(record: MaskRecord, data: bytes, picture: np.ndarray, truth: np.ndarray) -> str | None:
    """Why it cannot be told whether a mask was drawn on a picture as it is stored or as EXIF has it turned."""
    how = orientation(data)
    stored = picture.shape[1::-1] if how >= 5 else picture.shape[:2]
    if how not in range(2, 9) or (truth.shape == picture.shape[:2] and truth.shape != stored):
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
