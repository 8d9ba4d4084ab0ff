"""Pictures that strangers send: looked at in memory, refused before they are decoded if they are too large."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from paddle_eye.data.images import decode_picture
from paddle_eye.errors import InputError

MOST_MEGABYTES = 32
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF")


def read_upload(data: bytes, name: str, most_megapixels: int) -> np.ndarray:
    """Decode what was uploaded.

    Args:
        data: the file.
        name: for the messages.
        most_megapixels: a larger picture is refused.

    Returns:
        uint8 [H, W, 3] in BGR order.

    Raises:
        InputError: too large, in pixels or beyond 32 MB, no picture, cut off, or several pictures.
    """
    if len(data) > MOST_MEGABYTES * 2**20:
        raise InputError(f"{name}: {len(data) / 2**20:.0f} MB are too many; up to {MOST_MEGABYTES} MB can be looked at")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as header:
            width, height = header.size
    except Image.DecompressionBombError as error:
        raise InputError(_too_large(name, "more than 178", most_megapixels)) from error
    except UnidentifiedImageError as error:
        raise InputError(f"{name}: this is no picture; send a JPEG, PNG, BMP, TIFF or WebP file") from error
    except Exception as error:  # a damaged header fails in the ways of its format
        raise InputError(f"{name}: the picture is damaged; copy or download it again") from error
    if width * height > most_megapixels * 10**6:
        raise InputError(_too_large(name, f"{width * height / 10**6:.0f}", most_megapixels))
    return decode_picture(data, name)


def _too_large(name: str, megapixels: str, most: int) -> str:
    return f"{name}: {megapixels} megapixels are too many; up to {most} can be looked at"
