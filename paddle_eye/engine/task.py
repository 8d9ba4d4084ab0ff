"""What a batch's loss and figures are."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

import numpy as np
import paddle
import paddle.nn.functional as F

from paddle_eye import metrics


class Evaluation(NamedTuple):
    """What a network said about every image of a set.

    Args:
        loss: mean over the images.
        targets: [N, …], in the order of the set.
        outputs: [N, …], what the task makes of the network's outputs.
    """

    loss: float
    targets: np.ndarray
    outputs: np.ndarray


def as_tensor(values: Any) -> paddle.Tensor:
    """A batch's arrays as a tensor; a tensor as it is."""
    return values if isinstance(values, paddle.Tensor) else paddle.to_tensor(values)


class Classification:
    """One class per image, cross-entropy loss.

    Args:
        class_weights: [C], how much an image of each class counts while training; None: each the same.
        regulariser: a term that is added to the loss while training, such as `nam_penalty` of the network.
        label_smoothing: while training, the share of an image's label that is spread evenly over all classes (Szegedy
            et al., CVPR 2016).
    """

    def __init__(
        self,
        class_weights: Optional[np.ndarray] = None,
        regulariser: Optional[Callable[[], paddle.Tensor]] = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self.class_weights = None if class_weights is None else paddle.to_tensor(class_weights, dtype="float32")
        self.regulariser = regulariser
        self.label_smoothing = label_smoothing

    def loss(self, logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
        """Mean cross-entropy of logits [N, C] and labels int64 [N], each image counting the same.

        Paddle's CPU kernel lets no image count for more than 64, which only networks before training come near.
        """
        return F.cross_entropy(logits, labels)

    def training_loss(self, logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
        """Mean cross-entropy with class weights and label smoothing; what `regulariser` gives is not in it."""
        return F.cross_entropy(logits, labels, weight=self.class_weights, label_smoothing=self.label_smoothing)

    def targets(self, labels: Any) -> paddle.Tensor:
        """Labels of a batch, [N] or [N, 1] of any number type, as int64 [N]."""
        return as_tensor(labels).astype("int64").reshape([-1])

    def outputs(self, logits: paddle.Tensor) -> np.ndarray:
        """Logits [N, C] as probabilities."""
        return F.softmax(logits, axis=1).numpy()

    def confusion(self, logits: paddle.Tensor, labels: paddle.Tensor) -> np.ndarray:
        """How many images of each class (rows) are taken for each class (columns); int [C, C]."""
        return metrics.confusion(labels.numpy(), logits.argmax(axis=1).numpy(), logits.shape[1])

    def score(self, evaluation: Evaluation) -> dict[str, Any]:
        """What every epoch's history keeps; ``accuracy`` chooses the best epoch."""
        labels, probabilities = evaluation.targets, evaluation.outputs
        matrix = metrics.confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
        return {
            "loss": evaluation.loss,
            "accuracy": metrics.accuracy(labels, probabilities),
            "auc": metrics.auc(labels, probabilities),
            "confusion_matrix": matrix.tolist(),
        }

    def figures(self, evaluation: Evaluation) -> dict[str, Any]:
        """All figures, with intervals."""
        return {"loss": evaluation.loss, **metrics.classification_figures(evaluation.targets, evaluation.outputs)}
