"""What training and evaluation ask of the thing that is learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import paddle


class Evaluation(NamedTuple):
    """What a network says about every image of a set.

    Args:
        loss: mean over the images.
        targets: of each image, in the order of the set.
        outputs: of each image, what the objective makes of the network's outputs.
    """

    loss: float
    targets: list[np.ndarray]
    outputs: list[np.ndarray]


def as_tensor(values: Any) -> paddle.Tensor:
    """A batch's arrays as a tensor; a tensor as it is."""
    return values if isinstance(values, paddle.Tensor) else paddle.to_tensor(values)


class Objective(ABC):
    """The loss and the figures of a batch, of an epoch and of an evaluation."""

    criterion: str
    """The figure, one of `score`, that chooses the best epoch."""

    higher_is_better = True
    """Whether the criterion is to rise; otherwise it is to fall."""

    figure_names: tuple[str, ...]
    """The figures of `score` that a weight file keeps."""

    patients: np.ndarray | None = None
    """Of the images that `figures` are of, int [N]; None if no patient has several."""

    @abstractmethod
    def targets(self, targets: Any) -> paddle.Tensor:
        """What the loader gives for a batch, as the losses need it; the first axis are the images."""

    @abstractmethod
    def predict(self, model: paddle.nn.Layer, inputs: Any) -> paddle.Tensor:
        """What the network, in evaluation mode, says about a batch of whole images."""

    @abstractmethod
    def loss(self, predicted: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
        """The loss that evaluation reports: the mean over the images."""

    @abstractmethod
    def outputs(self, predicted: paddle.Tensor) -> np.ndarray:
        """What is kept of `predict`, one entry per image."""

    @abstractmethod
    def training_terms(self, outputs: Any, targets: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """The terms whose sum is minimised, by name; the first is ``loss``."""

    def weight(self, targets: paddle.Tensor) -> Any:
        """How much a batch counts in the mean of ``loss`` over several; a number, or a tensor of one."""
        return len(targets)

    @abstractmethod
    def tally(self, outputs: Any, targets: paddle.Tensor) -> np.ndarray:
        """What is counted of a training batch; the counts of an epoch's batches are added up."""

    @abstractmethod
    def training_figures(self, tally: np.ndarray) -> dict[str, Any]:
        """Figures of an epoch's `tally`, the `criterion` among them."""

    @abstractmethod
    def score(self, evaluation: Evaluation) -> dict[str, Any]:
        """What every epoch's history keeps of an evaluation: ``loss`` and figures."""

    @abstractmethod
    def figures(self, evaluation: Evaluation) -> dict[str, Any]:
        """All figures of an evaluation, with intervals."""
