"""What a network says about pictures that have no label."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Union

import numpy as np
import paddle
import paddle.nn.functional as F

from paddle_eye.data.images import READING_THREADS, read_picture
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.errors import InputError
from paddle_eye.files import weight_file
from paddle_eye.inference.exported import is_exported, open_exported
from paddle_eye.inference.opened import FOREGROUND_CLASSES, class_names, open_weights
from paddle_eye.inference.segmenter import Segmenter
from paddle_eye.models.registry import family

_BUNDLED = Path(__file__).resolve().parents[1] / "bundled"
BUNDLED_WEIGHTS = _BUNDLED / "palm_shufflenet_v2_x0_5.safetensors"
EXAMPLE_PICTURE = _BUNDLED / "example.jpg"


@dataclass(frozen=True)
class Predictor:
    """A network with all that is needed to ask it.

    Args:
        source: where it was read from.
        title: what it is, for example ``ResNet50-D``.
        classes: their names.
        preprocessing: what a picture must go through.
        description: what the file says of itself.
        probabilities: preprocessed pictures, float32 [N, 3, S, S], to float32 [N, C].
        model: the training network; None for an exported one.
    """

    source: Path
    title: str
    classes: List[str]
    preprocessing: Preprocessing
    description: Dict[str, Any]
    probabilities: Callable[[np.ndarray], np.ndarray]
    model: Optional[paddle.nn.Layer]


class Prediction(NamedTuple):
    """What a network says about a picture file.

    Args:
        image: the file.
        probabilities: float32 [C], sum 1; None if the file cannot be read.
        fault: why it cannot be read; None if it can.
    """

    image: Path
    probabilities: Optional[np.ndarray]
    fault: Optional[str]


def open_predictor(path: Union[str, Path] = BUNDLED_WEIGHTS, device: str = "cpu") -> Union[Predictor, Segmenter]:
    """The network of a weight file, of a run's best weights, or of what ``tools/export.py`` made.

    Args:
        path: the file, or the folder of the run or of the exported network.
        device: where an exported network computes: ``'cpu'`` or ``'gpu:N'``; others compute where Paddle does.

    Returns:
        A `Segmenter` if the network draws masks, to be asked with `segment`.

    Raises:
        InputError: it cannot be used; the message says why.
    """
    path = Path(path)
    if is_exported(path):
        exported = open_exported(path, device)
        return _predictor(path, exported.description, exported.preprocessing, exported.run, None)
    path = weight_file(path)
    opened = open_weights(path)
    kind = family(opened.description["architecture"])
    if kind.task == "segmentation":
        classes = class_names(path, opened.description, FOREGROUND_CLASSES)
        title = kind.title(opened.description["architecture"])
        return Segmenter(path, title, classes, opened.preprocessing, opened.description, opened.model)

    @paddle.no_grad()
    def probabilities(inputs: np.ndarray) -> np.ndarray:
        return F.softmax(opened.model(paddle.to_tensor(inputs)), axis=1).numpy()

    return _predictor(path, opened.description, opened.preprocessing, probabilities, opened.model)


def predict(predictor: Predictor, paths: Sequence[Union[str, Path]], batch_size: int = 32) -> Iterator[Prediction]:
    """One prediction for each file, in their order; the next batch is read while the network looks at one.

    Args:
        predictor: the network.
        paths: picture files; one that cannot be read gets a fault and stops nothing.
        batch_size: pictures that the network looks at together.
    """

    def read(path: Union[str, Path]) -> Union[np.ndarray, str]:
        try:
            return predictor.preprocessing(read_picture(path))
        except InputError as error:
            return str(error)

    batches = [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]
    with ThreadPoolExecutor(max_workers=READING_THREADS) as pool:
        coming: List[Future] = []
        for number, batch in enumerate(batches):
            current = coming or [pool.submit(read, path) for path in batch]
            following = batches[number + 1] if number + 1 < len(batches) else []
            coming = [pool.submit(read, path) for path in following]
            contents = [future.result() for future in current]
            readable = [content for content in contents if not isinstance(content, str)]
            rows = iter(predictor.probabilities(np.stack(readable)) if readable else ())
            for path, content in zip(batch, contents):
                if isinstance(content, str):
                    yield Prediction(Path(path), None, content)
                else:
                    yield Prediction(Path(path), next(rows), None)


def _predictor(
    path: Path,
    description: Dict[str, Any],
    preprocessing: Preprocessing,
    probabilities: Callable[[np.ndarray], np.ndarray],
    model: Optional[paddle.nn.Layer],
) -> Predictor:
    architecture = description["architecture"]
    count = architecture[family(architecture).classes]
    classes = class_names(path, description, [f"class {label}" for label in range(count)])
    return Predictor(
        path, family(architecture).title(architecture), classes, preprocessing, description, probabilities, model
    )
