"""What a network of pixels says about pictures that have no mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paddle
import pandas as pd
from paddle import nn
from scipy.special import expit, softmax

from paddle_eye.data.field import field_of_view
from paddle_eye.data.images import read_picture
from paddle_eye.errors import InputError
from paddle_eye.inference.exported import Exported, finite
from paddle_eye.inference.tiles import Progress, Run, predict_tiled, run_of
from paddle_eye.inference.trained import Exportable, Shown, TrainedNetwork, asked
from paddle_eye.models.registry import family
from paddle_eye.models.unet import MULTIPLE, all_outputs
from paddle_eye.report import masks, predictions
from paddle_eye.weights.opened import Opened, class_names, learned_in_field, mask_values

_CHECKED_SIDES = [(32, 48), (64, 32)]  # of the pictures that an exported network is compared on


class Segmented(NamedTuple):
    """What a network of pixels says about a picture file.

    Args:
        image: the file.
        picture: uint8 [H, W, 3] in BGR order; None if the file cannot be read.
        mask: uint8 [H, W], 1 in the foreground, or the number of the class; 0 outside the round field of a photograph,
            if the network learned from fields of view; None likewise.
        field: bool [H, W], that field; None if the mask is of the whole picture.
        fault: why it cannot be read; None if it can.
    """

    image: Path
    picture: np.ndarray | None
    mask: np.ndarray | None
    field: np.ndarray | None
    fault: str | None


@dataclass(frozen=True)
class Segmenter(TrainedNetwork):
    """A network of pixels, see `TrainedNetwork`; its classes are the background and one foreground, or several.

    Args:
        run: the network, trained or exported, as a function.
        values: of the classes in mask files.
        in_field: whether it learned from fields of view, outside which it says anything, so that nothing is there.
    """

    run: Run
    values: list[int]
    in_field: bool

    in_batches = False
    most_megapixels = 8  # it computes for every one of them

    @classmethod
    def of(cls, source: Path, network: Opened | Exported) -> Segmenter:
        """A network of pixels that was opened.

        Raises:
            InputError: what the file says of its classes is wrong.
        """
        architecture = network.description["architecture"]
        classes = class_names(source, network.description)
        title = family(architecture).title(architecture)
        described = (source, title, classes, network.preprocessing, network.description)
        answers = mask_values(source, network.description), learned_in_field(network.description)
        if isinstance(network, Exported):
            return cls(*described, None, network.run, *answers)
        run = run_of(network.model)
        return cls(*described, network.model, lambda inputs: finite(source, run(inputs)), *answers)

    def look(self, picture: np.ndarray, progress: Progress = iter) -> tuple[np.ndarray, np.ndarray | None]:
        """The mask of a decoded picture, uint8 [H, W, 3] BGR, and the field that it is of; see `Segmented`."""
        logits = predict_tiled(self.run, self.preprocessing(picture), MULTIPLE, progress=progress)
        mask = (logits[0] > 0 if len(logits) == 1 else logits.argmax(axis=0)).astype(np.uint8)
        field = field_of_view(picture) if self.in_field else None
        return (mask if field is None else np.where(field, mask, np.uint8(0))), field

    def ask(self, paths: Sequence[str | Path], batch_size: int = 1, progress: Progress = iter) -> Iterator[Segmented]:
        """See `TrainedNetwork.ask`; pictures differ in size, so that one is looked at at a time."""
        for path in paths:
            try:
                picture = read_picture(path)
            except InputError as error:
                yield Segmented(Path(path), None, None, None, str(error))
            else:
                yield Segmented(Path(path), picture, *self.look(picture, progress), None)

    def show(self, picture: np.ndarray) -> Shown:
        mask, field = self.look(picture)
        shares = self._shares(mask, field)
        told = ", ".join(f"{name}: {share:.1%}" for name, share in zip(self.classes[1:], shares))
        told += " of the picture" if field is None else " of the field of view"
        pictures = [("", picture[..., ::-1]), (told, masks.over(picture, mask)[..., ::-1])]
        if len(self.classes) > 2:
            pictures.append(("the colours", masks.legend(self.classes)))
        return Shown(shares, pictures, mask=masks.as_png(self._stored(mask)))

    def _shares(self, mask: np.ndarray, field: np.ndarray | None) -> list[float]:
        """The share of each foreground class of the pixels of a field, or of the whole picture."""
        seen = mask if field is None else mask[field]
        return [float((seen == label).mean()) for label in range(1, len(self.classes))]

    def _stored(self, mask: np.ndarray) -> np.ndarray:
        """A mask as it stands in a file."""
        kind = np.uint8 if max(self.values) < 256 else np.uint16
        return np.array(self.values, kind)[mask]

    def row(self, answer: Segmented) -> list[float]:
        return self._shares(answer.mask, answer.field)

    def table(self, images: Sequence[str], rows: Sequence[list[float]]) -> pd.DataFrame:
        return predictions.mask_frame(images, rows, self.classes[1:])

    def lines(self, table: pd.DataFrame) -> str:
        return predictions.mask_lines(table)

    def drawing(self, answer: Segmented, evidence: bool) -> bytes:
        return masks.as_png(masks.over(answer.picture, answer.mask))

    def mask_file(self, answer: Segmented) -> bytes:
        return masks.as_png(self._stored(answer.mask))

    def require(self, evidence: bool, masks: bool) -> None:
        if evidence:
            raise InputError(f"{self.source}: {self.title} draws masks and has no --cam; leave it out")

    def claim(self, figures: dict[str, Any], images: int | None) -> str | None:
        several = "Mean Dice" if len(self.classes) > 2 else "Dice"
        return f"{several} of {', '.join(self.classes[1:])} {figures['dice']:.4f}" if "dice" in figures else None

    def exportable(self) -> Exportable:
        probabilities = expit if len(self.classes) == 2 else partial(softmax, axis=1)
        return Exportable(_FullSize(self.model), self.preprocessing.channels, None, _CHECKED_SIDES, probabilities)


class _FullSize(nn.Layer):
    """A network of pixels that gives its logits at full size alone, which tiles need to be put together."""

    def __init__(self, network: nn.Layer) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: paddle.Tensor) -> paddle.Tensor:
        return all_outputs(self.network(pictures))[-1]


def segment(segmenter: Segmenter, paths: Iterable[str | Path]) -> Iterator[Segmented]:
    """A mask for each picture file, in their order; one that cannot be read gets a fault and stops nothing.

    Args:
        segmenter: of `open_predictor`.
        paths: picture files of any size.

    Raises:
        InputError: a network that draws no masks, which is asked with `predict`, or arguments that are none of these.

    Example:
        >>> import paddle_eye
        >>> from pathlib import Path
        >>> from paddle_eye.weights.format import write_weights
        >>> model = paddle_eye.create_model("unet", in_channels=1)
        >>> write_weights(Path("unet.pdparams"), model, {"architecture": model.architecture})
        >>> segmenter = paddle_eye.open_predictor("unet.pdparams")
        >>> (segmented,) = paddle_eye.segment(segmenter, ["paddle_eye/bundled/example.jpg"])
        >>> segmented.mask.shape == segmented.picture.shape[:2]
        True
    """
    return segmenter.ask(asked(segmenter, Segmenter, "draws no masks; ask it with predict()", paths))
