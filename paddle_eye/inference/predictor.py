"""What a classifier says about pictures that have no label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np
import paddle
import paddle.nn.functional as F
import pandas as pd
from paddle import nn

from paddle_eye.data.gate import Verdict, judge
from paddle_eye.data.images import read_picture
from paddle_eye.errors import InputError
from paddle_eye.inference.cam import grad_cam
from paddle_eye.inference.exported import Exported, finite
from paddle_eye.inference.tiles import Progress
from paddle_eye.inference.trained import Exportable, Shown, TrainedNetwork, asked
from paddle_eye.metrics.intervals import wilson_interval
from paddle_eye.models.registry import family
from paddle_eye.processor import usable_cores
from paddle_eye.report import predictions
from paddle_eye.report.fonts import drawable_names
from paddle_eye.weights.opened import Opened, asked_of_fundi, class_names

_BUNDLED = Path(__file__).resolve().parents[1] / "bundled"
_MOST_PIXELS = 2**25  # that a network looks at together
NOTHING_FOUND = "none of them"
BUNDLED_WEIGHTS = _BUNDLED / "palm_shufflenet_v2_x0_5.safetensors"
EXAMPLE_PICTURE = _BUNDLED / "example.jpg"


class Prediction(NamedTuple):
    """What a classifier says about a picture file.

    Args:
        image: the file.
        probabilities: float32 [C]; None if the file cannot be read.
        fault: why it cannot be read; None if it can.
        verdict: whether it is a photograph of a fundus, and a good one; None if it cannot be read, or of a classifier
            of other pictures.
    """

    image: Path
    probabilities: np.ndarray | None
    fault: str | None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Predictor(TrainedNetwork):
    """A classifier, see `TrainedNetwork`.

    Args:
        probabilities: preprocessed pictures, float32 [N, 3, S, S], to float32 [N, C].
    """

    probabilities: Callable[[np.ndarray], np.ndarray]

    most_megapixels = 64
    joined_by = "the mean of their probabilities"

    @classmethod
    def of(cls, source: Path, network: Opened | Exported) -> Predictor:
        """A classifier that was opened.

        Raises:
            InputError: what the file says of its classes is wrong.
        """
        description = network.description
        classes = class_names(source, description)
        title = family(description["architecture"]).title(description["architecture"])
        described = (source, title, classes, network.preprocessing, description)
        if isinstance(network, Exported):
            return cls(*described, None, network.run)

        @paddle.no_grad()
        def probabilities(inputs: np.ndarray) -> np.ndarray:
            logits = network.model(paddle.to_tensor(inputs))
            finite(source, logits.numpy())
            return cls.activation(logits).numpy()

        return cls(*described, network.model, probabilities)

    @staticmethod
    def activation(logits: paddle.Tensor) -> paddle.Tensor:
        """Logits [N, C] as probabilities."""
        return F.softmax(logits, axis=1)

    @property
    def of_fundi(self) -> bool:
        return asked_of_fundi(self.description)

    def found(self, probabilities: np.ndarray) -> list[int]:
        """The classes that a picture of these probabilities [C] is said to show."""
        return [int(probabilities.argmax())]

    def _named(self, probabilities: np.ndarray) -> str:
        return ", ".join(self.classes[label] for label in self.found(probabilities)) or NOTHING_FOUND

    def ask(self, paths: Sequence[str | Path], batch_size: int = 32, progress: Progress = iter) -> Iterator[Prediction]:
        """See `TrainedNetwork.ask`; all cores read a batch, then compute: done at once, each hinders the other."""

        def read(path: str | Path) -> tuple[np.ndarray, Verdict | None] | str:
            try:
                picture = read_picture(path)
            except InputError as error:
                return str(error)
            return self.preprocessing(picture), self._judged(picture)

        batch_size = max(1, min(batch_size, _MOST_PIXELS // self.preprocessing.image_size**2))
        batches = [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]
        with ThreadPoolExecutor(max_workers=usable_cores()) as pool:
            for batch in progress(batches):
                contents = list(pool.map(read, batch))
                readable = [content[0] for content in contents if not isinstance(content, str)]
                rows = iter(self.probabilities(np.stack(readable)) if readable else ())
                for path, content in zip(batch, contents):
                    if isinstance(content, str):
                        yield Prediction(Path(path), None, content)
                    else:
                        yield Prediction(Path(path), next(rows), None, content[1])

    def show(self, picture: np.ndarray) -> Shown:
        fitted = self.preprocessing.fit(picture)
        (probabilities,) = self.probabilities(self.preprocessing.normalise(fitted)[None])
        pictures = [("as the network sees it", fitted[..., ::-1])]
        for label in self.found(probabilities) if self.model is not None else []:
            caption = f"evidence for {self.classes[label]} (Grad-CAM)"
            pictures.append((caption, self._heat_picture(picture, label)[..., ::-1]))
        shares = tuple(zip(self.classes, probabilities.tolist()))
        verdict = self._judged(picture)
        warning = None if verdict is None else verdict.sentence()
        return Shown(probabilities, pictures, self._named(probabilities), shares, warning=warning)

    def row(self, answer: Prediction) -> np.ndarray:
        return answer.probabilities

    def verdict(self, answer: Prediction) -> Verdict | None:
        return answer.verdict

    def table(self, images: Sequence[str], rows: Sequence[np.ndarray]) -> pd.DataFrame:
        return predictions.frame(images, np.stack(rows), self.classes)

    def joined(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        return np.mean(rows, axis=0)

    def lines(self, table: pd.DataFrame) -> str:
        return predictions.lines(table)

    def drawing(self, answer: Prediction, evidence: bool) -> bytes:
        picture = read_picture(answer.image)
        names, labels = drawable_names(self.classes), self.found(answer.probabilities)
        text = ", ".join(f"{names[label]} {answer.probabilities[label]:.3f}" for label in labels) or NOTHING_FOUND
        heats = [self._heat_picture(picture, label) for label in labels] if evidence else []
        return predictions.drawn(picture, text, *heats)

    def mask_file(self, answer: Prediction) -> bytes:
        raise InputError(f"{self.source}: {self.title} draws no masks; leave --mask-out out")

    def _judged(self, picture: np.ndarray) -> Verdict | None:
        return judge(picture) if self.of_fundi else None

    def require(self, evidence: bool, masks: bool) -> None:
        if masks:
            raise InputError(f"{self.source}: {self.title} draws no masks; leave --mask-out out")
        if evidence and self.model is None:
            raise InputError(f"{self.source}: an exported network has no gradients for --cam; give the weight file")

    def claim(self, figures: dict[str, Any], images: int | None) -> str | None:
        if "accuracy" not in figures or not images:
            return None
        if figures.get("intervals_over") == "patients":  # whom the file does not name
            return f"Accuracy {figures['accuracy']:.4f} (no interval: some patients have several photographs)"
        low, high = wilson_interval(round(figures["accuracy"] * images), images)
        return f"Accuracy {figures['accuracy']:.4f} [{low:.3f}, {high:.3f}]"

    def exportable(self) -> Exportable:
        size = self.preprocessing.image_size
        layer = _Probabilities(self.model, self.activation)
        return Exportable(layer, self.preprocessing.channels, size, [(size, size)], lambda probabilities: probabilities)

    def _heat_picture(self, picture: np.ndarray, label: int) -> np.ndarray:
        """The picture as the network saw it, uint8 [S, S, 3] in BGR order, with the evidence for a class over it."""
        fitted = self.preprocessing.fit(picture)
        (heat,) = grad_cam(self.model, self.preprocessing.normalise(fitted)[None], [label])
        return predictions.overlay(fitted, heat)


class _Probabilities(nn.Layer):
    """A classifier that gives probabilities."""

    def __init__(self, network: nn.Layer, activation: Callable[[paddle.Tensor], paddle.Tensor]) -> None:
        super().__init__()
        self.network, self.activation = network, activation

    def forward(self, pictures: paddle.Tensor) -> paddle.Tensor:
        return self.activation(self.network(pictures))


def predict(predictor: Predictor, paths: Iterable[str | Path], batch_size: int = 32) -> Iterator[Prediction]:
    """What a classifier says about each picture file, in their order.

    Args:
        predictor: of `open_predictor`.
        paths: picture files; one that cannot be read gets a fault and stops nothing.
        batch_size: pictures that the network looks at together; of large ones fewer.

    Raises:
        InputError: a network that draws masks, which is asked with `segment`, or arguments that are none of these.

    Example:
        >>> import paddle_eye
        >>> predictor = paddle_eye.open_predictor()
        >>> (prediction,) = paddle_eye.predict(predictor, ["paddle_eye/bundled/example.jpg"])
        >>> predictor.classes[prediction.probabilities.argmax()]
        'pathologic myopia'
    """
    files = asked(predictor, Predictor, "draws masks; ask it with segment()", paths)
    if batch_size < 1:
        raise InputError(f"batch_size {batch_size}: expected at least 1")
    return predictor.ask(files, batch_size)
