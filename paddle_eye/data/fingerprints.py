"""What tells that two files show one photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paddle_eye.opencv import cv2

_SIDE, _COARSE, _RADIUS, _NOISE = 64, 6.0, 0.28, 2.0
_COLOURS = 32
_ACROSS = np.arange(_SIDE) - (_SIDE - 1) / 2
INSIDE = _ACROSS**2 + _ACROSS[:, None] ** 2 < (_RADIUS * _SIDE) ** 2  # the pixels of a structure, of 64x64


@dataclass(frozen=True)
class Fingerprint:
    """What two files of one picture have in common.

    Args:
        digest: of the file's bytes.
        structure: float32 [D], of length 1 or less; the perceptual hash. The inner product of two is their likeness.
        colours: float32 [32, 32, 3], the picture reduced; whole numbers.
    """

    digest: str
    structure: np.ndarray
    colours: np.ndarray

    def to_bytes(self) -> bytes:
        """Structure and colours; the digest is what they are found by."""
        return self.colours.astype(np.uint8).tobytes() + self.structure.tobytes()

    @classmethod
    def from_bytes(cls, digest: str, block: np.ndarray) -> Fingerprint:
        """The inverse of `to_bytes`, from uint8 [N]."""
        colours = block[: _COLOURS**2 * 3].reshape(_COLOURS, _COLOURS, 3).astype(np.float32)
        return cls(digest, block[colours.size :].view(np.float32), colours)


def fingerprint(digest: str, picture: np.ndarray) -> Fingerprint:
    """The perceptual hash of a picture, with the digest of its file.

    Fundus photographs share the round rim and the shading, which fill the usual 64-bit hashes. So the hash is what is
    left when the picture, in grey and 64x64, loses its coarse shading, within a disc inside the rim.

    Args:
        digest: of the file's bytes.
        picture: what they decode to, uint8 [H, W, 3] in BGR order.
    """
    picture = _halved(picture)
    colours = cv2.resize(picture, (_COLOURS, _COLOURS), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = small - cv2.GaussianBlur(small, (0, 0), _COARSE)
    structure = detail[INSIDE]
    structure -= structure.mean()
    structure /= np.linalg.norm(structure) + _NOISE  # a picture without detail is like no other
    return Fingerprint(digest, structure, colours)


def _halved(picture: np.ndarray) -> np.ndarray:
    """A picture with sides that are halved as long as the shorter one has 256 pixels: by far the fastest reduction."""
    while min(picture.shape[:2]) >= 256:
        height, width = (side // 2 for side in picture.shape[:2])
        picture = cv2.resize(picture[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return picture
