"""What a network of pixels says about pictures that have no mask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

import numpy as np
import paddle

from paddle_eye.data.images import read_picture
from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.errors import InputError
from paddle_eye.models.unet import foreground_logits


@dataclass(frozen=True)
class Segmenter:
    """A network of pixels with all that is needed to ask it.

    Args:
        source: where it was read from.
        title: what it is, for example ``DAMU-Net``.
        classes: names of background and foreground.
        preprocessing: what a picture must go through.
        description: what the file says of itself.
        model: the network, in evaluation mode.
    """

    source: Path
    title: str
    classes: List[str]
    preprocessing: PixelPreprocessing
    description: Dict[str, Any]
    model: paddle.nn.Layer

    def mask(self, picture: np.ndarray) -> np.ndarray:
        """A decoded picture of any size, uint8 [H, W, 3] BGR, to its mask, uint8 [H, W], 1 in the foreground."""
        return (foreground_logits(self.model, self.preprocessing(picture)) > 0).astype(np.uint8)


class Segmented(NamedTuple):
    """What a network says about a picture file.

    Args:
        image: the file.
        picture: uint8 [H, W, 3] in BGR order; None if the file cannot be read.
        mask: uint8 [H, W], 1 in the foreground; None likewise.
        fault: why it cannot be read; None if it can.
    """

    image: Path
    picture: Optional[np.ndarray]
    mask: Optional[np.ndarray]
    fault: Optional[str]


def segment(segmenter: Segmenter, paths: Sequence[Union[str, Path]]) -> Iterator[Segmented]:
    """A mask for each picture file, in their order; one that cannot be read gets a fault and stops nothing."""
    for path in paths:
        try:
            picture = read_picture(path)
        except InputError as error:
            yield Segmented(Path(path), None, None, str(error))
        else:
            yield Segmented(Path(path), picture, segmenter.mask(picture), None)
