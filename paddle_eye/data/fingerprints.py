"""What tells that two files show one photograph; every file is read and decoded once."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np

from paddle_eye.data.images import READING_THREADS, decode_picture, digest, read_file, read_picture
from paddle_eye.errors import InputError
from paddle_eye.opencv import cv2

_SIDE, _COARSE, _RADIUS, _NOISE = 64, 6.0, 0.28, 2.0
_ACROSS = np.arange(_SIDE) - (_SIDE - 1) / 2
INSIDE = _ACROSS**2 + _ACROSS[:, None] ** 2 < (_RADIUS * _SIDE) ** 2  # the pixels of a structure, of 64x64


@dataclass(frozen=True)
class Fingerprint:
    """What two files of one picture have in common.

    Args:
        digest: of the file's bytes.
        structure: float32 [D], of length 1 or less; the perceptual hash. The inner product of two is their likeness.
        colours: float32 [32, 32, 3], the picture reduced.
    """

    digest: str
    structure: np.ndarray
    colours: np.ndarray


def fingerprint(data: bytes, picture: np.ndarray) -> Fingerprint:
    """Digest and perceptual hash of a picture.

    Fundus photographs share the round rim and the shading, which fill the usual 64-bit hashes. So the hash is what is
    left when the picture, in grey and 64x64, loses its coarse shading, within a disc inside the rim.

    Args:
        data: the file's bytes.
        picture: what they decode to, uint8 [H, W, 3] in BGR order.
    """
    colours = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = small - cv2.GaussianBlur(small, (0, 0), _COARSE)
    structure = detail[INSIDE]
    structure -= structure.mean()
    structure /= np.linalg.norm(structure) + _NOISE  # a picture without detail is like no other
    return Fingerprint(digest(data), structure, colours)


class Examined(NamedTuple):
    """What `examine_pictures` found, by file.

    Args:
        prepared: what the preparation of each picture gave, in the order of the files; None of those with a fault.
        fingerprints: of every file that is a whole picture.
        faults: why the others are none.
        warnings: what the decoder complained of in a picture that it decoded all the same.
    """

    prepared: list[Any]
    fingerprints: dict[Path, Fingerprint]
    faults: dict[Path, str]
    warnings: dict[Path, str]


def examine_pictures(paths: Sequence[Path], prepare: Sequence[Callable[[np.ndarray], Any]] | None = None) -> Examined:
    """Read and decode every picture file once: its fingerprint, what is kept of it, and what is wrong with the files.

    Args:
        paths: the files.
        prepare: for each file, what is made of the decoded picture, uint8 [H, W, 3] BGR; None keeps nothing.
    """
    fingerprints, faults = {}, {}
    prepared: list[Any] = [None] * len(paths)

    def read(number: int) -> None:
        path = paths[number]
        try:
            data = read_file(path)
            picture = decode_picture(data, path)
        except InputError as error:
            faults[path] = str(error)
            return
        fingerprints[path] = fingerprint(data, picture)
        if prepare is not None:
            prepared[number] = prepare[number](picture)

    with _decoder_complaints() as complaints, ThreadPoolExecutor(max_workers=READING_THREADS) as pool:
        list(pool.map(read, range(len(paths))))
    warnings = {}
    for path in paths if complaints else ():  # rare; which file it was shows only one by one
        if path in fingerprints:
            with _decoder_complaints() as complaints:
                read_picture(path)
            if complaints:
                warnings[path] = complaints[0]
    return Examined(prepared, fingerprints, {path: faults[path] for path in paths if path in faults}, warnings)


@contextlib.contextmanager
def _decoder_complaints() -> Iterator[list[str]]:
    """What libjpeg, within OpenCV, says of lost data on the process's standard error; nothing else tells of it."""
    lines: list[str] = []
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            complaints = file.read().decode(errors="replace").splitlines()
            lines += [line for line in complaints if "Corrupt JPEG data" in line and "extraneous" not in line]
