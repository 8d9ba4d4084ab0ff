"""What a batch's loss and figures are."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import paddle
import paddle.nn.functional as F

from paddle_eye import losses, metrics
from paddle_eye.models.unet import all_outputs, foreground_logits


class Evaluation(NamedTuple):
    """What a network said about every image of a set.

    Args:
        loss: mean over the images.
        targets: of each image, in the order of the set.
        outputs: of each image, what the task makes of the network's outputs.
    """

    loss: float
    targets: List[np.ndarray]
    outputs: List[np.ndarray]


def as_tensor(values: Any) -> paddle.Tensor:
    """A batch's arrays as a tensor; a tensor as it is."""
    return values if isinstance(values, paddle.Tensor) else paddle.to_tensor(values)


class Task:
    """What training and evaluation ask; `Classification` and `Segmentation` answer."""

    criterion: str
    """The figure, one of `score`, that chooses the best epoch: the higher, the better."""

    figure_names: Tuple[str, ...]
    """The figures of `score` that a weight file keeps."""

    def targets(self, targets: Any) -> paddle.Tensor:
        """What the loader gives for a batch, as the losses need it; the first axis are the images."""
        raise NotImplementedError

    def predict(self, model: paddle.nn.Layer, inputs: Any) -> paddle.Tensor:
        """What the network, in evaluation mode, says about a batch of whole images."""
        raise NotImplementedError

    def loss(self, predicted: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
        """The loss that evaluation reports: the mean over the images."""
        raise NotImplementedError

    def outputs(self, predicted: paddle.Tensor) -> np.ndarray:
        """What is kept of `predict`, one entry per image."""
        raise NotImplementedError

    def training_terms(self, outputs: Any, targets: paddle.Tensor) -> Dict[str, paddle.Tensor]:
        """The terms whose sum is minimised, by name; the first is ``loss``."""
        raise NotImplementedError

    def confusion(self, outputs: Any, targets: paddle.Tensor) -> np.ndarray:
        """Of a training batch, how many of each class (rows) are taken for each class (columns); int [C, C]."""
        raise NotImplementedError

    def training_figures(self, confusion: np.ndarray) -> Dict[str, Any]:
        """Figures of the sum of an epoch's `confusion`, the `criterion` among them."""
        raise NotImplementedError

    def score(self, evaluation: Evaluation) -> Dict[str, Any]:
        """What every epoch's history keeps: ``loss``, figures, and ``confusion_matrix``."""
        raise NotImplementedError

    def figures(self, evaluation: Evaluation) -> Dict[str, Any]:
        """All figures, with intervals."""
        raise NotImplementedError


class Classification(Task):
    """One class per image, cross-entropy loss.

    Args:
        class_weights: [C], how much an image of each class counts while training; None: each the same.
        regulariser: a term that is added to the loss while training, such as `nam_penalty` of the network.
        label_smoothing: while training, the share of an image's label that is spread evenly over all classes (Szegedy
            et al., CVPR 2016).
    """

    criterion = "accuracy"
    figure_names = ("loss", "accuracy", "auc")

    def __init__(
        self,
        class_weights: Optional[np.ndarray] = None,
        regulariser: Optional[Callable[[], paddle.Tensor]] = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self.class_weights = None if class_weights is None else paddle.to_tensor(class_weights, dtype="float32")
        self.regulariser = regulariser
        self.label_smoothing = label_smoothing

    def targets(self, targets: Any) -> paddle.Tensor:
        """Labels of a batch, [N] or [N, 1] of any number type, as int64 [N]."""
        return as_tensor(targets).astype("int64").reshape([-1])

    def predict(self, model: paddle.nn.Layer, inputs: Any) -> paddle.Tensor:
        """Logits [N, C]."""
        return model(as_tensor(inputs))

    def loss(self, predicted: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
        """Mean cross-entropy of logits [N, C] and labels int64 [N], each image counting the same.

        Paddle's CPU kernel lets no image count for more than 64, which only networks before training come near.
        """
        return F.cross_entropy(predicted, targets)

    def outputs(self, predicted: paddle.Tensor) -> np.ndarray:
        """Logits [N, C] as probabilities."""
        return F.softmax(predicted, axis=1).numpy()

    def training_terms(self, outputs: paddle.Tensor, targets: paddle.Tensor) -> Dict[str, paddle.Tensor]:
        """``loss``, mean cross-entropy with class weights and label smoothing, and ``penalty``, of the regulariser."""
        loss = F.cross_entropy(outputs, targets, weight=self.class_weights, label_smoothing=self.label_smoothing)
        return {"loss": loss} if self.regulariser is None else {"loss": loss, "penalty": self.regulariser()}

    def confusion(self, outputs: paddle.Tensor, targets: paddle.Tensor) -> np.ndarray:
        """Of images; int [C, C]."""
        return metrics.confusion(targets.numpy(), outputs.argmax(axis=1).numpy(), outputs.shape[1])

    def training_figures(self, confusion: np.ndarray) -> Dict[str, Any]:
        """``accuracy``."""
        return {"accuracy": int(confusion.trace()) / int(confusion.sum())}

    def score(self, evaluation: Evaluation) -> Dict[str, Any]:
        """``loss``, ``accuracy``, ``auc`` and ``confusion_matrix``."""
        labels, probabilities = np.stack(evaluation.targets), np.stack(evaluation.outputs)
        matrix = metrics.confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
        return {
            "loss": evaluation.loss,
            "accuracy": metrics.accuracy(labels, probabilities),
            "auc": metrics.auc(labels, probabilities),
            "confusion_matrix": matrix.tolist(),
        }

    def figures(self, evaluation: Evaluation) -> Dict[str, Any]:
        """``loss`` and `paddle_eye.metrics.classification_figures`."""
        labels, probabilities = np.stack(evaluation.targets), np.stack(evaluation.outputs)
        return {"loss": evaluation.loss, **metrics.classification_figures(labels, probabilities)}


MASK_LOSSES = {
    "tversky": losses.tversky_loss,
    "focal_tversky": losses.focal_tversky_loss,
    "dice": losses.dice_loss,
    "bce_dice": losses.bce_dice_loss,
}


class Segmentation(Task):
    """Foreground or background for every pixel, by a U-Net with one output or, deeply supervised, with four.

    Args:
        loss: of the output at full size, one of `MASK_LOSSES`. Coarser outputs have the Focal Tversky loss, as in the
            document, against the mask's every 8th, 4th and 2nd pixel; all weigh the same.
    """

    criterion = "dice"
    figure_names = ("loss", "dice", "accuracy")

    def __init__(self, loss: str = "tversky") -> None:
        self.full_loss = MASK_LOSSES[loss]

    def targets(self, targets: Any) -> paddle.Tensor:
        """Masks of 0 and 1, [N, 1, H, W], as uint8."""
        return as_tensor(targets).astype("uint8")

    def predict(self, model: paddle.nn.Layer, inputs: Any) -> paddle.Tensor:
        """Logits of the foreground [N, 1, H, W] of pictures of any size, large ones by tiles."""
        pictures = as_tensor(inputs).numpy()
        return paddle.to_tensor(np.stack([foreground_logits(model, picture)[None] for picture in pictures]))

    def loss(self, predicted: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
        """The mean over the images of the loss at full size."""
        return sum(self.full_loss(*pair) for pair in zip(predicted, targets)) / len(targets)

    def outputs(self, predicted: paddle.Tensor) -> np.ndarray:
        """Logits as masks, uint8 [N, 1, H, W]: 1 where the foreground has more than one half."""
        return _as_mask(predicted)

    def training_terms(self, outputs: Any, targets: paddle.Tensor) -> Dict[str, paddle.Tensor]:
        """``loss``, of the output at full size, over the whole batch, and ``coarse_loss``, the sum of the others'."""
        *coarse, full = all_outputs(outputs)
        terms = {"loss": self.full_loss(full, targets)}
        if coarse:
            mask = targets.astype("float32")
            steps = [mask.shape[2] // output.shape[2] for output in coarse]
            terms["coarse_loss"] = sum(
                losses.focal_tversky_loss(output, mask[:, :, ::step, ::step]) for output, step in zip(coarse, steps)
            )
        return terms

    def confusion(self, outputs: Any, targets: paddle.Tensor) -> np.ndarray:
        """Of pixels, background before foreground; int [2, 2]."""
        return _pixels(targets.numpy(), _as_mask(all_outputs(outputs)[-1]))

    def training_figures(self, confusion: np.ndarray) -> Dict[str, Any]:
        """``dice`` and ``accuracy`` over all pixels."""
        figures = metrics.pixel_figures(confusion)
        return {name: figures[name] for name in ("dice", "accuracy")}

    def score(self, evaluation: Evaluation) -> Dict[str, Any]:
        """``loss``, ``dice`` and ``accuracy``, means over the images, and ``confusion_matrix`` of all pixels."""
        counts = _counts(evaluation)
        means = metrics.mask_means([metrics.pixel_figures(matrix) for matrix in counts])
        figures = {name: means[name] for name in ("dice", "accuracy")}
        return {"loss": evaluation.loss, **figures, "confusion_matrix": counts.sum(axis=0).tolist()}

    def figures(self, evaluation: Evaluation) -> Dict[str, Any]:
        """``loss`` and `paddle_eye.metrics.mask_figures`."""
        return {"loss": evaluation.loss, **metrics.mask_figures(_counts(evaluation))}


def _as_mask(logits: paddle.Tensor) -> np.ndarray:
    return (logits.numpy() > 0).astype(np.uint8)


def _pixels(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """How many pixels of each class (rows) are taken for each class (columns)."""
    return metrics.confusion(truth.reshape(-1).astype(np.int64), predicted.reshape(-1), 2)


def _counts(evaluation: Evaluation) -> np.ndarray:
    """`_pixels` of each image; int [N, 2, 2]."""
    return np.stack([_pixels(*pair) for pair in zip(evaluation.targets, evaluation.outputs)])
