"""What can be asked of a trained network, whatever it answers."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, ClassVar, NamedTuple, Protocol

import numpy as np
import paddle
import pandas as pd

from paddle_eye.data.gate import Verdict
from paddle_eye.errors import InputError
from paddle_eye.inference.tiles import Progress


class Answer(Protocol):
    """What a network says about a picture file: ``fault`` says why the file cannot be read; None if it can."""

    image: Path
    fault: str | None


class Shown(NamedTuple):
    """An answer as the page shows it; plain data, so that it can be kept.

    Args:
        row: what the table has of it, see `TrainedNetwork.table`.
        pictures: caption and pixels, uint8 [H, W, 3] in RGB order, side by side; the first one is what was asked about,
            and its caption stands behind its name.
        heading: the answer in a word; None has none.
        shares: name and probability of each class.
        mask: a PNG file to download; None has none.
        warning: what speaks against believing it; None if nothing does.
    """

    row: Any
    pictures: list[tuple[str, np.ndarray]]
    heading: str | None = None
    shares: tuple[tuple[str, float], ...] = ()
    mask: bytes | None = None
    warning: str | None = None


class Exportable(NamedTuple):
    """What `paddle_eye.inference.export` writes of a network.

    Args:
        layer: preprocessed pictures, float32 [N, channels, H, W], to what is written.
        channels: of a picture.
        size: both sides of the pictures; None: they may be any multiples of what the network needs.
        checked: the sides of the pictures on which it is compared with what was written.
        probabilities: what is compared, of what the layer gives.
    """

    layer: paddle.nn.Layer
    channels: int
    size: int | None
    checked: Sequence[tuple[int, int]]
    probabilities: Callable[[np.ndarray], np.ndarray]


def asked(network: object, kind: type[TrainedNetwork], otherwise: str, paths: Iterable[str | Path]) -> list[str | Path]:
    """The picture files that a network is asked about, from a person's call.

    Args:
        network: what was given as one.
        kind: that can be asked so.
        otherwise: what to say of a network of another kind.
        paths: picture files.

    Raises:
        InputError: no network, one of another kind, or a single path, whose letters would be taken for paths.
    """
    if not isinstance(network, TrainedNetwork):
        raise InputError(f"{network!r}: this is no network to be asked; open one with open_predictor()")
    if not isinstance(network, kind):
        raise InputError(f"{network.source}: {network.title} {otherwise}")
    if isinstance(paths, (str, os.PathLike)):
        raise InputError(f"{paths}: give a list of picture files, also of one: [{str(paths)!r}]")
    return list(paths)


@dataclass(frozen=True)
class TrainedNetwork(ABC):
    """A network with all that is needed to ask it.

    Args:
        source: where it was read from.
        title: what it is, for example ``ResNet50-D``.
        classes: their names.
        preprocessing: what a picture must go through.
        description: what the file says of itself.
        model: the training network, in evaluation mode; None for an exported one.
    """

    source: Path
    title: str
    classes: list[str]
    preprocessing: Any
    description: dict[str, Any]
    model: paddle.nn.Layer | None

    in_batches: ClassVar[bool] = True
    """Whether it is asked about several pictures at a time."""

    most_megapixels: ClassVar[int]
    """Of a picture that the page lets a stranger ask about."""

    @property
    def of_fundi(self) -> bool:
        """Whether it classifies photographs of a fundus: the gate judges them, and the project's example is one."""
        return False

    @abstractmethod
    def ask(self, paths: Sequence[str | Path], batch_size: int = 32, progress: Progress = iter) -> Iterator[Answer]:
        """One answer for each picture file, in their order; one that cannot be read gets a fault and stops nothing.

        ``progress`` goes over what is looked at one after the other, batches of pictures or of a picture's tiles.
        """

    @abstractmethod
    def show(self, picture: np.ndarray) -> Shown:
        """The answer about a decoded picture, uint8 [H, W, 3] in BGR order, for the page."""

    @abstractmethod
    def row(self, answer: Any) -> Any:
        """What the table needs of an answer without a fault."""

    def verdict(self, answer: Any) -> Verdict | None:
        """What the gate says of the picture of an answer; None of a network that is not `of_fundi`."""
        return None

    @abstractmethod
    def table(self, images: Sequence[str], rows: Sequence[Any]) -> pd.DataFrame:
        """One line per picture: its name and what `row` gave."""

    joined_by: ClassVar[str | None] = None
    """How the answers about a patient's photographs are joined, in words; None: they are not."""

    def joined(self, rows: Sequence[Any]) -> Any:
        """One row for a patient, of the rows of its photographs; of networks with `joined_by`."""
        raise NotImplementedError

    @abstractmethod
    def lines(self, table: pd.DataFrame) -> str:
        """A table for the terminal."""

    @abstractmethod
    def drawing(self, answer: Any, evidence: bool) -> bytes:
        """A PNG file of the picture with the answer on it; with ``evidence``, also where it comes from."""

    @abstractmethod
    def mask_file(self, answer: Any) -> bytes:
        """A PNG file of the picture's size with the values of the training masks: 255 in the foreground, else 0."""

    @abstractmethod
    def require(self, evidence: bool, masks: bool) -> None:
        """Raise an InputError if it has no evidence, or no masks, although they are asked for."""

    @abstractmethod
    def claim(self, figures: dict[str, Any], images: int | None) -> str | None:
        """The main figure of a weight file's ``figures`` in words; None if they do not have it.

        Args:
            figures: of the file.
            images: how many they were measured on, if the file says.
        """

    @abstractmethod
    def exportable(self) -> Exportable:
        """What is written of a network that has its ``model``."""
