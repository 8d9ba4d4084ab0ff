"""Loss and figures of masks: of foreground and background, and of several classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import numpy as np
import paddle
import paddle.nn.functional as F

from paddle_eye.data.sources.mask_files import OUTSIDE
from paddle_eye.engine.objective import Evaluation, Objective, as_tensor
from paddle_eye.inference.tiles import pixel_logits
from paddle_eye.losses import CLASS_LOSSES, MASK_LOSSES
from paddle_eye.metrics.classification import confusion
from paddle_eye.metrics.masks import (
    class_mask_figures,
    class_pixel_figures,
    mask_figures,
    mask_means,
    pixel_areas,
    pixel_figures,
)
from paddle_eye.models.unet import all_outputs

_LEVELS, _HALF = 65536, 32768  # of the probabilities that are kept


class SegmentationObjective(Objective):
    """Foreground or background for every pixel, by a U-Net with one output or, deeply supervised, with four.

    Args:
        loss: of the output at full size, one of `MASK_LOSSES`. Coarser outputs have the Focal Tversky loss, as in the
            document, against the mask's every 8th, 4th and 2nd pixel; all weigh the same.
        patients: of the images that `figures` are of, see `patient_numbers`.
    """

    criterion = "dice"
    figure_names = ("loss", "dice", "accuracy")
    count = 2
    """Classes, the background among them."""

    def __init__(self, loss: str = "tversky", patients: np.ndarray | None = None) -> None:
        self.full_loss, self.coarse_loss = MASK_LOSSES[loss], MASK_LOSSES["focal_tversky"]
        self.patients = patients

    def targets(self, targets: Any) -> paddle.Tensor:
        """Masks, [N, 1, H, W], as uint8, see `paddle_eye.data.sources.pair_reading.Pair`."""
        return as_tensor(targets).astype("uint8")

    def predict(self, model: paddle.nn.Layer, inputs: Any) -> paddle.Tensor:
        """Logits [N, K, H, W] of pictures of any size, large ones by tiles."""
        pictures = as_tensor(inputs).numpy()
        return paddle.to_tensor(np.stack([pixel_logits(model, picture) for picture in pictures]))

    def loss(self, predicted: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
        """The mean over the images of the loss at full size."""
        return sum(self._of_counted(self.full_loss, *pair) for pair in zip(predicted, targets)) / len(targets)

    def counted(self, logits: paddle.Tensor, targets: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        """What the losses take: logits and mask, float32 of any shape, without the pixels outside the field of view."""
        counted, mask = targets != OUTSIDE, targets.astype("float32")
        if bool(counted.all()):
            return logits, mask
        return paddle.masked_select(logits, counted), paddle.masked_select(mask, counted)

    def _of_counted(
        self, loss: Callable[..., paddle.Tensor], logits: paddle.Tensor, targets: paddle.Tensor
    ) -> paddle.Tensor:
        """A loss of the pixels in the field of view; where there are none, 0, whose gradients are 0, too."""
        counted, truth = self.counted(logits, targets)
        return loss(counted, truth) if truth.shape[0] else (0 * logits).sum()

    def outputs(self, predicted: paddle.Tensor) -> np.ndarray:
        """Logits as probabilities of the foreground, uint16 [N, 1, H, W] of 65535ths; `_HALF` or more is foreground."""
        logits = predicted.numpy()
        parts = np.round(F.sigmoid(predicted).numpy() * (_LEVELS - 1)).astype(np.uint16)
        return np.where(logits > 0, np.maximum(parts, _HALF), np.minimum(parts, _HALF - 1)).astype(np.uint16)

    def classes(self, outputs: np.ndarray) -> np.ndarray:
        """What `outputs` kept of a picture as the number of each pixel's class, uint8 of the same shape."""
        return (outputs >= _HALF).astype(np.uint8)

    def training_terms(self, outputs: Any, targets: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """``loss``, of the output at full size, over the whole batch, and ``coarse_loss``, the sum of the others'."""
        *coarse, full = all_outputs(outputs)
        terms = {"loss": self._of_counted(self.full_loss, full, targets)}
        if coarse:
            steps = [targets.shape[2] // output.shape[2] for output in coarse]
            terms["coarse_loss"] = sum(
                self._of_counted(self.coarse_loss, output, targets[:, :, ::step, ::step])
                for output, step in zip(coarse, steps)
            )
        return terms

    def tally(self, outputs: Any, targets: paddle.Tensor) -> np.ndarray:
        """How many pixels of each class (rows) are taken for each class (columns), background first; int [K, K]."""
        return _pixels(targets.numpy(), (all_outputs(outputs)[-1].numpy() > 0).astype(np.int64), self.count)

    def training_figures(self, tally: np.ndarray) -> dict[str, Any]:
        """``dice`` and ``accuracy`` over all pixels, and ``confusion_matrix``."""
        figures = self.pixel_figures(tally)
        return {"dice": figures["dice"], "accuracy": figures["accuracy"], "confusion_matrix": tally.tolist()}

    def score(self, evaluation: Evaluation) -> dict[str, Any]:
        """``loss``, ``dice`` and ``accuracy``, means over the images, and ``confusion_matrix`` of all pixels."""
        counts = self.counts(evaluation)
        means = mask_means([self.pixel_figures(matrix) for matrix in counts])
        figures = {name: means[name] for name in ("dice", "accuracy")}
        return {"loss": evaluation.loss, **figures, "confusion_matrix": counts.sum(axis=0).tolist()}

    def figures(self, evaluation: Evaluation) -> dict[str, Any]:
        """``loss``, `mask_figures` and, over all pixels, `pixel_areas`."""
        levels = sum(_levels(*pair) for pair in zip(evaluation.targets, evaluation.outputs))
        figures = mask_figures(self.counts(evaluation), self.patients)
        figures["overall"].update(pixel_areas(levels))
        return {"loss": evaluation.loss, **figures}

    def pixel_figures(self, matrix: np.ndarray) -> dict[str, float | None]:
        """Figures of counted pixels, see `tally`."""
        return pixel_figures(matrix)

    def counts(self, evaluation: Evaluation) -> np.ndarray:
        """`tally` of each image; int [N, K, K]."""
        pairs = zip(evaluation.targets, map(self.classes, evaluation.outputs))
        return np.stack([_pixels(truth, predicted, self.count) for truth, predicted in pairs])


class ClassesObjective(SegmentationObjective):
    """One of several classes for every pixel, by a U-Net with an output for each, or four of them.

    Args:
        names: of the foreground classes, over which the losses, the Dice and other figures are means.
        loss: of the output at full size, one of `CLASS_LOSSES`; see `SegmentationObjective`.
        patients: likewise.
    """

    def __init__(self, names: Sequence[str], loss: str = "tversky", patients: np.ndarray | None = None) -> None:
        self.names, self.count, self.patients = list(names), 1 + len(names), patients
        self.full_loss, self.coarse_loss = CLASS_LOSSES[loss], CLASS_LOSSES["focal_tversky"]

    def counted(self, logits: paddle.Tensor, targets: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        """What the losses take: logits [P, K] and numbers of classes, int64 [P], of the pixels in the field of view."""
        first = logits.ndim - 3  # the axis of the classes
        logits = paddle.moveaxis(logits, first, -1).reshape([-1, self.count])
        labels = targets.reshape([-1]).astype("int64")
        counted = labels != OUTSIDE
        if bool(counted.all()):
            return logits, labels
        everywhere = counted.unsqueeze(1).expand_as(logits)
        return paddle.masked_select(logits, everywhere).reshape([-1, self.count]), paddle.masked_select(labels, counted)

    def outputs(self, predicted: paddle.Tensor) -> np.ndarray:
        """Logits as numbers of classes, uint8 [N, 1, H, W]."""
        return predicted.numpy().argmax(axis=1)[:, None].astype(np.uint8)

    def classes(self, outputs: np.ndarray) -> np.ndarray:
        """See `SegmentationObjective.classes`."""
        return outputs

    def tally(self, outputs: Any, targets: paddle.Tensor) -> np.ndarray:
        """See `SegmentationObjective.tally`."""
        return _pixels(targets.numpy(), self.outputs(all_outputs(outputs)[-1]), self.count)

    def figures(self, evaluation: Evaluation) -> dict[str, Any]:
        """``loss`` and `class_mask_figures`."""
        return {"loss": evaluation.loss, **class_mask_figures(self.counts(evaluation), self.names, self.patients)}

    def pixel_figures(self, matrix: np.ndarray) -> dict[str, float | None]:
        """See `SegmentationObjective.pixel_figures`."""
        return class_pixel_figures(matrix)


def objective_of(
    classes: Sequence[str], loss: str = "tversky", patients: np.ndarray | None = None
) -> SegmentationObjective:
    """The objective for so many classes, the background first."""
    if len(classes) == 2:
        return SegmentationObjective(loss, patients)
    return ClassesObjective(classes[1:], loss, patients)


def _pixels(truth: np.ndarray, predicted: np.ndarray, count: int) -> np.ndarray:
    """How many pixels of each class (rows) are taken for each class (columns)."""
    counted = truth != OUTSIDE
    return confusion(truth[counted].astype(np.int64), predicted[counted].astype(np.int64), count)


def _levels(truth: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """How many pixels of each class (rows) have each of the probabilities that `outputs` has; int [2, 65536]."""
    return np.stack([np.bincount(parts[truth == label], minlength=_LEVELS) for label in (0, 1)])
