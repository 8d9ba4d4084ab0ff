"""Learning the class of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

import numpy as np
import paddle
import paddle.nn.functional as F
import pandas as pd

from paddle_eye.data.loading import (
    PictureDataset,
    class_weights,
)
from paddle_eye.data.preparation.test_sets import Place
from paddle_eye.engine.objective import Evaluation, Objective, as_tensor
from paddle_eye.inference.exported import Exported
from paddle_eye.inference.predictor import Predictor
from paddle_eye.metrics.classification import accuracy, auc, classification_figures, confusion
from paddle_eye.metrics.intervals import Statistic
from paddle_eye.models.attention import nam_regulariser
from paddle_eye.report import plots, worst
from paddle_eye.report.class_wording import ClassWording
from paddle_eye.report.finished import notice
from paddle_eye.report.fonts import drawable_names
from paddle_eye.run_folder import RunFolder
from paddle_eye.tasks.base import Data, External, Measured
from paddle_eye.tasks.photographs import PhotographTask, measured_photographs, patients_of
from paddle_eye.weights.opened import Opened


class ClassificationObjective(Objective):
    """One class per image, cross-entropy loss.

    Args:
        class_weights: [C], how much an image of each class counts while training, or, with label smoothing, each share
            of its label; None: each the same.
        regulariser: a term that is added to the loss while training, such as `nam_penalty` of the network.
        label_smoothing: while training, the share of an image's label that is spread evenly over all classes (Szegedy
            et al., CVPR 2016).
        patients: of the images that `figures` are of, see `patient_numbers`.
    """

    criterion = "accuracy"
    figure_names = ("loss", "accuracy", "auc")

    def __init__(
        self,
        class_weights: np.ndarray | None = None,
        regulariser: Callable[[], paddle.Tensor] | None = None,
        label_smoothing: float = 0.0,
        patients: np.ndarray | None = None,
    ) -> None:
        self.class_weights = None if class_weights is None else paddle.to_tensor(class_weights, dtype="float32")
        self.regulariser = regulariser
        self.label_smoothing = label_smoothing
        self.patients = patients

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

    def training_terms(self, outputs: paddle.Tensor, targets: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """``loss``, mean cross-entropy with class weights and label smoothing, and ``penalty``, of the regulariser."""
        loss = F.cross_entropy(outputs, targets, weight=self.class_weights, label_smoothing=self.label_smoothing)
        return {"loss": loss} if self.regulariser is None else {"loss": loss, "penalty": self.regulariser()}

    def weight(self, targets: paddle.Tensor) -> Any:
        """See `Objective`; with class weights the sum of the images'."""
        if self.class_weights is None:
            return len(targets)
        labels = F.label_smooth(F.one_hot(targets, len(self.class_weights)), epsilon=self.label_smoothing)
        return (labels @ self.class_weights).sum()

    def tally(self, outputs: paddle.Tensor, targets: paddle.Tensor) -> np.ndarray:
        """How many images of each class (rows) are taken for each class (columns); int [C, C]."""
        return confusion(targets.numpy(), outputs.argmax(axis=1).numpy(), outputs.shape[1])

    def training_figures(self, tally: np.ndarray) -> dict[str, Any]:
        """``accuracy`` and ``confusion_matrix``."""
        return {"accuracy": int(tally.trace()) / int(tally.sum()), "confusion_matrix": tally.tolist()}

    def score(self, evaluation: Evaluation) -> dict[str, Any]:
        """``loss``, ``accuracy``, ``auc`` and ``confusion_matrix``."""
        labels, probabilities = _arrays(evaluation)
        matrix = confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
        return {
            "loss": evaluation.loss,
            "accuracy": accuracy(labels, probabilities),
            "auc": auc(labels, probabilities),
            "confusion_matrix": matrix.tolist(),
        }

    def figures(self, evaluation: Evaluation) -> dict[str, Any]:
        """``loss`` and `paddle_eye.metrics.classification.classification_figures`."""
        return {"loss": evaluation.loss, **classification_figures(*_arrays(evaluation), self.patients)}


def _arrays(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    """Labels [N] and probabilities [N, C]."""
    return np.stack(evaluation.targets), np.stack(evaluation.outputs)


def _columns(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """What a table of predictions has of each image."""
    columns = {f"p_{name}": column for name, column in zip(classes, probabilities.T)}
    return {"label": labels, "predicted": probabilities.argmax(axis=1), **columns}


class ClassificationTask(ClassWording, PhotographTask):
    """Two parts of photographs with a class each; see `Task`."""

    name = "classification"
    several_labels = False
    own_settings = frozenset(
        {
            *("data.preset", "train.label_smoothing", "train.freeze", "train.pretrained"),
            *("train.class_weights", "train.sampler"),
        }
    )
    standard_recipe = "palm_resnet50.yaml"

    def objective(self, model: paddle.nn.Layer, training: PictureDataset) -> ClassificationObjective:
        return ClassificationObjective(
            class_weights(training) if self.settings.train.class_weights == "balanced" else None,
            nam_regulariser(model),
            self.settings.train.label_smoothing,
            patients_of(self.parts.validation),
        )

    def write_predictions(
        self, run: RunFolder, results: Mapping[str, Any], evaluations: Mapping[str, Evaluation]
    ) -> None:
        for which, evaluation in evaluations.items():
            self.keep_predictions(run.predictions(which), _columns(*_arrays(evaluation), self.classes))

    def pictures(
        self,
        run: RunFolder,
        results: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        data: Data,
        best: Evaluation,
        model: paddle.nn.Layer,
    ) -> dict[Path, bytes]:
        classes, figures, of_demonstration = self.classes, results["best"], notice(results)
        matrices = {run.confusion_matrix: (figures["confusion_matrix"], "validation images")}
        if history[-1].get("train_confusion_matrix") is not None:
            of_training = f"training images during epoch {history[-1]['epoch']}"
            matrices[run.training_confusion_matrix] = (history[-1]["train_confusion_matrix"], of_training)
        return {
            run.curves: plots.curves(history, "accuracy", results["data"]["best_epoch_chosen_on"], of_demonstration),
            **{
                path: plots.confusion_matrix(matrix, classes, of_demonstration, title)
                for path, (matrix, title) in matrices.items()
            },
            run.roc: plots.roc(*_arrays(best), classes, of_demonstration),
            run.calibration: plots.calibration(figures["calibration"], of_demonstration),
            run.worst: self._worst(data, best, model),
        }

    def _worst(self, data: Data, best: Evaluation, model: paddle.nn.Layer) -> bytes:
        """The photographs that the network is most wrong about, with the evidence for what it says."""
        labels, probabilities = _arrays(best)
        order, losses = worst.most_wrong(labels, probabilities)
        said, known = probabilities.argmax(axis=1)[order], drawable_names(self.classes)
        told = [
            f"{known[label]}, {f'taken for {known[taken]}' if taken != label else 'rightly'} {share:.3f}, "
            f"loss {loss:.2f}"
            for label, taken, share, loss in zip(labels[order], said, probabilities.max(axis=1)[order], losses)
        ]
        return self.worst_panels(data, model, order, said, told)

    @staticmethod
    def measured(path: Path, opened: Opened, place: Place) -> Measured:
        def objective(patients: np.ndarray | None) -> ClassificationObjective:
            return ClassificationObjective(patients=patients)

        return measured_photographs(path, opened, place, objective, several_labels=False)

    @staticmethod
    def statistics(classes: Sequence[str]) -> Mapping[str, tuple[str, Statistic]]:
        return {"accuracy": ("accuracy", accuracy), "auc": ("AUC", auc)}

    @staticmethod
    def kept(predictions: pd.DataFrame, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        return predictions["label"].to_numpy(), predictions[[f"p_{name}" for name in classes]].to_numpy()

    @staticmethod
    def external(measured: Measured, evaluation: Evaluation, figures: Mapping[str, Any]) -> External:
        labels, probabilities = _arrays(evaluation)
        predicted = probabilities.argmax(axis=1)
        matrix = confusion(labels, predicted, len(measured.classes))
        pictures = {
            "confusion matrix": plots.confusion_matrix(matrix, measured.classes),
            "receiver operating characteristic": plots.roc(labels, probabilities, measured.classes),
        }
        return External(labels, probabilities, _columns(labels, probabilities, measured.classes), pictures)

    @staticmethod
    def trained(source: Path, network: Opened | Exported) -> Predictor:
        return Predictor.of(source, network)
