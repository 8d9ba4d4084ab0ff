"""Both files of each pair of a picture and a mask to arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np

from paddle_eye.data.field import field_of_view
from paddle_eye.data.images import decode_picture, digest, orientation, read_file
from paddle_eye.data.sources.mask_files import OUTSIDE, Palettes, decode_classes, decode_mask
from paddle_eye.data.sources.pair_names import is_called_as_field
from paddle_eye.data.sources.pairs import MaskRecord
from paddle_eye.errors import InputError, raise_faults

_ADVICE = "every picture needs a mask of its name and size, of two values"
_ADVICE_OF_CLASSES = "every picture needs a mask of its name and size, with the values of data.classes alone"
_LOOKED_AT, _SAME_FIELD = 10, 0.9  # masks that may be of fields of view; see `_is_field`
_MOST_OUTSIDE = 0.1  # of the foreground, outside the field of view


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
        records: of `paddle_eye.data.sources.pairs.find_pairs`.
        fit: what is kept of a picture, uint8 [H, W, 3] BGR.
        faults: what is wrong besides, see `paddle_eye.data.sources.pairs.FoundPairs`.
        values: that several classes have in the masks, the background first; None: foreground and background.
        seek_fields: whether the round field of a photograph is its field of view where no file says it.

    Raises:
        InputError: there is a fault, a file is no picture, both differ in size, or a mask has other values than 0 and
            one more, or than ``values``; all of them in one message.
    """
    reader, pairs, faults = _Reader(fit, values, seek_fields), [], list(faults)
    for record in records:
        try:
            pairs.append(reader.read(record))
        except InputError as error:
            faults.append(str(error))
    if reader.has_fields_for_masks:
        faults.append(
            f"{records[0].mask.parent}: these are masks of fields of view, as the photographs show; call the "
            "folder of the other masks label, or, if the field is to be learned, this one"
        )
    raise_faults(root, faults, _ADVICE if values is None else _ADVICE_OF_CLASSES)
    return pairs


class _Reader:
    """Reads one pair after the other, and keeps in mind what several of them tell together; see `read_pairs`."""

    def __init__(
        self, fit: Callable[[np.ndarray], np.ndarray], values: Mapping[str, int] | None, seek_fields: bool
    ) -> None:
        self._fit, self._values, self._seek_fields = fit, values, seek_fields
        self._palettes = Palettes()
        self._are_fields: list[bool] = []  # of masks in a folder that may be one of fields of view

    def read(self, record: MaskRecord) -> Pair:
        """One pair.

        Raises:
            InputError: a file is no picture, or both do not fit.
        """
        data, mask_data = read_file(record.image), read_file(record.mask)
        field_data = b"" if record.field is None else read_file(record.field)
        picture = decode_picture(data, record.image)
        if self._values is None:
            truth = decode_mask(mask_data, record.mask)
        else:
            truth = decode_classes(mask_data, record.mask, self._values, self._palettes)
        _require_fit(record, data, picture, truth)
        if record.field is not None:
            truth = _within(decode_mask(field_data, record.field), truth, record)
        elif self._seek_fields:
            truth = _within_found(field_of_view(picture), truth)
        elif self._values is None and len(self._are_fields) < _LOOKED_AT and is_called_as_field(record.mask):
            self._are_fields.append(_is_field(field_of_view(picture), truth))
        return Pair(record.image, self._fit(picture), truth, digest(data), digest(mask_data + field_data), record.part)

    @property
    def has_fields_for_masks(self) -> bool:
        """Whether most masks that were looked at are the round fields of their photographs."""
        return 2 * sum(self._are_fields) > len(self._are_fields)


def _require_fit(record: MaskRecord, data: bytes, picture: np.ndarray, truth: np.ndarray) -> None:
    """Raise an InputError if a mask has another size than its picture, or, as EXIF turns the picture, if it cannot be
    told whether the mask was drawn on the stored or on the turned one."""
    how = orientation(data)
    stored = picture.shape[1::-1] if how >= 5 else picture.shape[:2]
    if how in range(2, 9) and (truth.shape != picture.shape[:2] or truth.shape == stored):
        raise InputError(
            f"{record.image}: EXIF turns this picture, and its mask may fit the stored or the turned one; "
            "save it without an EXIF orientation"
        )
    if picture.shape[:2] != truth.shape:
        sizes = ["x".join(map(str, shape[1::-1])) for shape in (picture.shape, truth.shape)]
        raise InputError(f"{record.mask}: {sizes[1]} pixels, its picture has {sizes[0]}")


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
