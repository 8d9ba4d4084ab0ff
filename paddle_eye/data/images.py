"""The one place that decodes and checks a picture file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paddle_eye.errors import InputError
from paddle_eye.opencv import cv2

# (first bytes, the marker that opens the last part, the marker that must follow it)
_JPEG = (b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9")
_PNG = (b"\x89PNG\r\n\x1a\n", b"IHDR", b"IEND")
_OTHER_SIGNATURES = (b"BM", b"II*\x00", b"MM\x00*", b"RIFF")  # BMP, TIFF (both byte orders), WebP


def looks_like_picture(path: Path) -> bool:
    """Whether the first bytes are those of a JPEG, PNG, BMP, TIFF or WebP file."""
    with open(path, "rb") as file:
        return file.read(8).startswith((_JPEG[0], _PNG[0], *_OTHER_SIGNATURES))


def read_picture(path: Path) -> np.ndarray:
    """Decode a picture file, also under a path that is not ASCII.

    Returns:
        uint8 array [H, W, 3] in BGR order, turned as the file's EXIF orientation says; the same pixels as
        ``cv2.imread(path)``.

    Raises:
        InputError: the file cannot be read, is no picture, or was cut off (OpenCV would fill the rest of a
            cut-off JPEG with grey and say nothing).
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its name and permissions") from error
    for start, last_part, end in (_JPEG, _PNG):
        if data.startswith(start) and data.rfind(end) < data.rfind(last_part):
            raise InputError(f"{path}: the picture is cut off; copy or download it again")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:  # empty, or said to be larger than any picture OpenCV accepts
        picture = None
    if picture is None:
        raise InputError(f"{path}: this is no picture OpenCV can decode; replace it or take it out")
    return picture
