"""Files of masks to arrays: of a foreground, or of several classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from paddle_eye.data.images import decode_unchanged, palette_indices, read_file
from paddle_eye.errors import InputError, listed

OUTSIDE = 255  # of a mask in memory: the pixel is outside the field of view and does not count
_VALUES = (0, 1, 255, 65535)  # that the foreground of a mask may have
_MOST_VALUES, _JPEG = 20, b"\xff\xd8"  # of a mask of classes; how files begin
_BACKGROUND = "background"  # as it is called if nothing is said


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


class Palettes:
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


def decode_classes(data: bytes, path: Path, values: Mapping[str, int], palettes: Palettes) -> np.ndarray:
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


def _stored_values(data: bytes, path: Path, palettes: Palettes | None = None) -> np.ndarray:
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


def values_in_order(root: Path, masks: Iterable[Path], names: Sequence[str]) -> dict[str, int]:
    """The values of the masks of several classes in ascending order, for a name each.

    Args:
        root: of the data set, for the message.
        masks: all its files of masks.
        names: of the classes.

    Raises:
        InputError: there are more or fewer values than names, or a mask cannot be read.
    """
    first: dict[int, Path] = {}
    for path in masks:
        for value in np.unique(_stored_values(read_file(path), path)).tolist():
            first.setdefault(value, path)
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


def doubt_of_background(classes: Sequence[str], masks: Iterable[np.ndarray]) -> list[str]:
    """That most corners of masks are not background, if so; of two classes, where the first is called background."""
    corners = np.concatenate([mask[[0, 0, -1, -1], [0, -1, 0, -1]] for mask in masks])
    counts = np.bincount(corners[corners != OUTSIDE], minlength=1)
    there = classes[counts.argmax()]
    if there == classes[0] or (len(classes) == 2 and classes[0] != _BACKGROUND):
        return []
    cure = "write the masks turned round" if len(classes) == 2 else "say data.classes={name: value, …}"
    return [f"most corners of the masks are {there}; if that is the background, {cure}"]
