"""The one place that reads and decodes picture files."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from paddle_eye.errors import InputError
from paddle_eye.files import read_ordinary
from paddle_eye.opencv import MOST_MEGAPIXELS, cv2
from paddle_eye.processor import usable_cores

READING_THREADS = min(16, max(2, usable_cores()))  # OpenCV and numpy work outside Python's lock
MOST_MEGABYTES = 512  # of a picture file

# (first bytes, the marker that opens the last part, the marker that must follow it)
_JPEG = (b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9")
_PNG = (b"\x89PNG\r\n\x1a\n", b"IHDR", b"IEND")
_TIFF = (b"II*\x00", b"MM\x00*")  # both byte orders
_GIF = (b"GIF87a", b"GIF89a")
_MOST_PREVIEWS = 16  # in a TIFF file, each half as large as the one before
_NETPBM = tuple(f"P{number}".encode() for number in range(1, 7))
_NETPBM_HEADER = re.compile(rb"P([2356])(?:\s|#[^\n]*\n)*\d+(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+(\d{1,5})\s")
_JPEG_2000 = (b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp"),
    *(".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif"),
)
_CLUTTER = (
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "picasa.ini",
    "lost+found",
    "system volume information",
    "icon\r",
    "__macosx",
    "__pycache__",
    "@eadir",
    "$recycle.bin",
)
# The largest value of a picture of so many bits, when it uses at least the upper half of them.
_FULL_RANGES = {8: 255, 12: 4095, 16: 65535}


class Found(NamedTuple):
    """The files of a folder and the folders inside, also behind links; what `is_clutter` is left out.

    Args:
        pictures: those that look like pictures, by their endings or, without one, by their first bytes, in the order of
            their names.
        others: the rest.
    """

    pictures: list[Path]
    others: list[Path]


def find_pictures(folder: Path) -> Found:
    """The picture files in a folder and the folders inside, and what else is there."""
    pictures, others = [], []
    for path in sorted(_files_below(folder)):
        known = path.suffix.lower() in SUFFIXES or (not path.suffix and path.is_file() and looks_like_picture(path))
        (pictures if known else others).append(path)
    return Found(pictures, others)


def _files_below(folder: Path) -> Iterator[Path]:
    """What is in a folder and the folders inside and is no folder; each folder once, those behind links last.

    A link to a folder that this one is in leads to what is no part of it, and is not followed.

    Raises:
        InputError: a folder cannot be read.
    """
    waiting, links, seen, root = [folder], [], set(), Path(os.path.realpath(folder))
    while waiting or links:
        place = waiting.pop() if waiting else links.pop(0)
        real = os.path.realpath(place)
        if real in seen:
            continue
        seen.add(real)
        if place != folder and Path(real) in root.parents:
            continue
        try:
            inside = sorted(path for path in place.iterdir() if not is_clutter(path))
        except OSError as error:
            raise InputError(f"{place}: this folder cannot be read ({error.strerror}); give one that can") from error
        for path in inside:
            if path.is_dir():
                (links if path.is_symlink() else waiting).append(path)
            else:
                yield path


def is_clutter(path: Path) -> bool:
    """Whether a file or folder is hidden, or one that file browsers, Excel, disks and archives leave behind."""
    return path.name.startswith((".", "~$")) or path.name.casefold() in _CLUTTER


def looks_like_picture(path: Path) -> bool:
    """Whether the first bytes are those of a file that `read_picture` may be able to read."""
    with open(path, "rb") as file:
        start = file.read(12)
    signatures = (_JPEG[0], _PNG[0], *_TIFF, *_GIF, *_JPEG_2000, b"BM", b"RIFF")
    return start.startswith(signatures) or start[4:12] == b"ftypavif" or (start[:2] in _NETPBM and start[2:3].isspace())


def read_picture(path: Path) -> np.ndarray:
    """Decode a picture file, also under a path that is not ASCII.

    Returns:
        uint8 array [H, W, 3] in BGR order, turned as the file's EXIF orientation says; of an ordinary file the same
        pixels as ``cv2.imread(path)``. What is transparent lies on black; 12 and 16 bits are reduced to 8.

    Raises:
        InputError: the file cannot be read, is too large, is no picture, or was cut off (OpenCV would fill the rest of
            a cut-off JPEG with grey and say nothing), holds several pictures (OpenCV would take the first), or uses a
            part of 16 bits that does not tell how bright it is.

    Example:
        >>> import paddle_eye
        >>> picture = paddle_eye.read_picture("paddle_eye/bundled/example.jpg")
        >>> picture.dtype, picture.shape
        (dtype('uint8'), (224, 224, 3))
    """
    return decode_picture(read_file(path), path)


def read_file(path: Path) -> bytes:
    """A picture file's bytes.

    Raises:
        InputError: see `paddle_eye.files.require_ordinary`.
    """
    return read_ordinary(path, MOST_MEGABYTES, "a picture file")


def stored_size(path: Path) -> tuple[int, int]:
    """Width and height in a picture file's header; 0 of one that Pillow does not read."""
    try:
        with Image.open(path) as file:
            return file.size
    except Exception:  # whoever decodes it says why
        return 0, 0


def digest(data: bytes) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def decode_picture(data: bytes, name: object) -> np.ndarray:
    """Decode the bytes of a picture file; ``name`` is for the message. See `read_picture`."""
    if _checked_header(data, name):
        picture = _with_alpha(data)
        if picture is None and (picture := _decode(data, cv2.IMREAD_UNCHANGED)) is not None:
            picture = _to_full_range(picture, data)
        return _turned(_eight_bits(_as_stored(picture, data, name), name), orientation(data))
    picture = _decode(data, cv2.IMREAD_COLOR)
    return _turned(_by_pillow(data, name), orientation(data)) if picture is None else picture


def decode_unchanged(data: bytes, name: object) -> np.ndarray:
    """The bytes of a picture file as they are stored: of any depth, with transparency, and not turned.

    Returns:
        [H, W] or [H, W, C] with C of 3 (BGR) or 4 (with alpha), of any type of number.

    Raises:
        InputError: see `read_picture`.
    """
    _checked_header(data, name)
    return _as_stored(_decode(data, cv2.IMREAD_UNCHANGED), data, name)


def palette_indices(data: bytes) -> np.ndarray | None:
    """The numbers that the pixels of a file have in its palette of colours, uint8 [H, W]; None of any other file."""
    try:
        with Image.open(io.BytesIO(data)) as file:
            if file.mode != "P":
                return None
            colours = np.array(file.getpalette()).reshape(-1, 3)
            return None if (colours == colours[:, :1]).all() else np.asarray(file)
    except Exception:  # a kind of file that Pillow does not read has none
        return None


def _as_stored(picture: np.ndarray | None, data: bytes, name: object) -> np.ndarray:
    """A decoded picture, or what Pillow decodes of its file, not turned."""
    if picture is None:
        return _by_pillow(data, name)
    if data.startswith(_TIFF):  # of these, OpenCV turns what is to be as it is stored, too
        how = orientation(data)
        return _white_is_high(_turned(picture, {6: 8, 8: 6}.get(how, how)), data)
    return picture


def _with_alpha(data: bytes) -> np.ndarray | None:
    """A picture of 8 bits with transparency, uint8 [H, W, 4]; None of any other.

    OpenCV darkens those in TIFF files by it, and passes over that of grey ones.
    """
    try:
        with Image.open(io.BytesIO(data)) as file:
            if not _is_transparent(file) or _is_deep(file, data):
                return None
            return np.asarray(file.convert("RGBA"))[..., [2, 1, 0, 3]]
    except Exception:  # damaged, or of a kind that Pillow does not read
        return None


def _to_full_range(stored: np.ndarray, data: bytes) -> np.ndarray:
    """The pixels of a Netpbm file whose largest value is one of its own, which OpenCV looks at in plain ones of 8 bits
    alone."""
    said = _NETPBM_HEADER.match(data)
    if said is None or int(said[2]) in (0, 255, 65535) or (said[1] in b"23" and stored.dtype == np.uint8):
        return stored
    return np.minimum(np.rint(stored * (255 / int(said[2]))), 255).astype(np.uint8)


def _white_is_high(picture: np.ndarray, data: bytes) -> np.ndarray:
    """The pixels of a TIFF file whose zero may be white, as OpenCV leaves it in those of 16 bits."""
    if picture.dtype != np.uint16:
        return picture
    try:
        with Image.open(io.BytesIO(data)) as file:
            bits, meaning = max(file.tag_v2.get(258, (1,))), file.tag_v2.get(262)
    except Exception:  # a kind of TIFF that Pillow does not read
        return picture
    return 2 ** min(16, bits) - 1 - picture if meaning == 0 else picture


def _turned(picture: np.ndarray, how: int) -> np.ndarray:
    """A picture as EXIF has it turned; 5 to 8 also swap its sides."""
    if how in (5, 6, 7, 8):
        picture = picture.swapaxes(0, 1)
    if how in (2, 3, 6, 7):
        picture = picture[:, ::-1]
    if how in (3, 4, 7, 8):
        picture = picture[::-1]
    return np.ascontiguousarray(picture)


def orientation(data: bytes) -> int:
    """How a picture is to be turned, 1 to 8 as EXIF counts; 1 is not at all."""
    try:
        with Image.open(io.BytesIO(data)) as file:
            return int(file.getexif().get(0x0112, 1))
    except Exception:  # no header that Pillow reads, or no EXIF in it
        return 1


def _checked_header(data: bytes, name: object) -> bool:
    """Whether a file is special, see `_is_special`; its first bytes are read before anything is decoded.

    Raises:
        InputError: it is cut off, too large, or holds several pictures.
    """
    for start, last_part, end in (_JPEG, _PNG):
        if data.startswith(start) and data.rfind(end) < data.rfind(last_part):
            raise InputError(f"{name}: the picture is cut off; copy or download it again")
    try:
        with Image.open(io.BytesIO(data)) as file:
            (width, height), kind, special = file.size, file.format, _is_special(file, data)
            several = _holds_several(file)
    except Image.DecompressionBombError as error:
        raise InputError(_too_large(name, "more than 178")) from error
    except MemoryError:
        raise
    except Exception:  # OpenCV reads kinds of files that Pillow does not; it checks their size itself
        return False
    if width * height > MOST_MEGAPIXELS * 10**6:
        raise InputError(_too_large(name, f"{width * height / 10**6:.0f}"))
    if several:
        what = "several pictures in one TIFF file" if kind == "TIFF" else "this picture is animated"
        raise InputError(f"{name}: {what}; write each to a file of its own")
    return special


def _is_special(file: Image.Image, data: bytes) -> bool:
    """Whether a file has transparency, or may have more than 8 bits."""
    return _is_transparent(file) or _is_deep(file, data) or file.format in ("JPEG2000", "AVIF", "PPM")


def _is_transparent(file: Image.Image) -> bool:
    return "transparency" in file.info or file.mode in ("RGBA", "LA", "PA", "RGBa", "La")


def _is_deep(file: Image.Image, data: bytes) -> bool:
    """Whether a file has more than 8 bits; of three channels, Pillow does not say."""
    if file.format == "PNG":
        return data[24] > 8
    if file.format == "TIFF":
        return max(file.tag_v2.get(258, (1,))) > 8
    return file.mode.startswith(("I", "F"))


def _holds_several(file: Image.Image) -> bool:
    """Whether a file has another picture at least as large as the first; smaller ones are previews."""
    count = getattr(file, "n_frames", 1)
    if count < 2 or file.format in ("MPO", "JPEG"):
        return False
    pixels = file.width * file.height
    for number in range(1, min(count, _MOST_PREVIEWS + 1)):
        file.seek(number)
        if file.width * file.height >= pixels:
            return True
    return count > _MOST_PREVIEWS


def _too_large(name: object, megapixels: str) -> str:
    return f"{name}: {megapixels} megapixels are too many; reduce the picture to {MOST_MEGAPIXELS} or fewer"


def _decode(data: bytes, how: int) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error as error:  # empty, or said to be larger than any picture OpenCV accepts
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError("while a picture was decoded") from error
        return None


def _by_pillow(data: bytes, name: object) -> np.ndarray:
    """A kind of file that this build of OpenCV does not read, such as GIF in some, as uint8 [H, W, 3] in BGR order."""
    try:
        with Image.open(io.BytesIO(data)) as file:
            if file.format not in ("GIF", "AVIF", "JPEG2000", "PPM"):
                raise ValueError("a damaged file of a kind that OpenCV reads")
            if file.mode.startswith("I"):  # of 16 bits, which the next step would cut off
                return np.repeat((np.asarray(file) // 257).astype(np.uint8)[..., None], 3, axis=2)
            stored = file.convert("RGBA")
    except Exception as error:
        raise InputError(f"{name}: this is no picture OpenCV can decode; replace it or take it out") from error
    return _on_black(np.asarray(stored)[..., [2, 1, 0, 3]])


def _eight_bits(stored: np.ndarray, name: object) -> np.ndarray:
    """A picture of any depth, perhaps with transparency, as uint8 [H, W, 3] in BGR order.

    Raises:
        InputError: its numbers do not tell how bright it is.
    """
    if stored.dtype == np.uint16:
        stored = _reduced(stored, name)
    elif stored.dtype != np.uint8:
        raise InputError(f"{name}: pixels of type {stored.dtype} do not say what is white; save it with 8 bits")
    if stored.ndim == 2:
        return np.repeat(stored[..., None], 3, axis=2)
    return stored if stored.shape[2] == 3 else _on_black(stored)


def _reduced(stored: np.ndarray, name: object) -> np.ndarray:
    """16 bits as 8, by the range that is used.

    Raises:
        InputError: that could be the dark part of several ranges.
    """
    colours = stored[..., :3] if stored.ndim == 3 else stored
    brightest = int(colours.max())
    for bits, full in _FULL_RANGES.items():
        if (brightest <= full and bits == 8) or full // 2 < brightest <= full:
            reduced = (colours >> (bits - 8)).astype(np.uint8)
            if stored.ndim == 3 and stored.shape[2] == 4:
                alpha = stored[..., 3] >> (bits - 8 if stored[..., 3].max() <= full else 8)
                return np.dstack([reduced, alpha.astype(np.uint8)])
            return reduced
    raise InputError(
        f"{name}: 16 bits, the brightest pixel is {brightest}; this could be a dark picture of 12 or of 16 bits; "
        "save it with 8 bits"
    )


def _on_black(picture: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 4] in BGR order with alpha, on black; what a transparent pixel hides is not shown."""
    alpha = picture[..., 3:].astype(np.uint16)
    return ((picture[..., :3] * alpha + 127) // 255).astype(np.uint8)
