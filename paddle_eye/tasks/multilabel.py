"""Learning everything that a picture shows, of several classes, one or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Callable

import numpy as np
import paddle
import paddle.nn.functional as F
import pandas as pd

from paddle_eye.data.loading import PictureDataset
from paddle_eye.data.preparation.test_sets import Place
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.engine.loop import evaluate
from paddle_eye.engine.objective import Evaluation, Objective, as_tensor
from paddle_eye.errors import InputError
from paddle_eye.inference.exported import Exported
from paddle_eye.inference.multilabel import MultilabelPredictor, read_thresholds
from paddle_eye.metrics.classification import counted_auc
from paddle_eye.metrics.intervals import Statistic
from paddle_eye.metrics.multilabel import best_thresholds, mean_auc, mean_average_precision, multilabel_figures
from paddle_eye.models.attention import nam_regulariser
from paddle_eye.report import plots, worst
from paddle_eye.report.finished import notice
from paddle_eye.report.fonts import drawable_names
from paddle_eye.report.label_wording import LabelWording
from paddle_eye.run_folder import RunFolder
from paddle_eye.tasks.base import Data, External, Measured
from paddle_eye.tasks.photographs import PhotographTask, measured_photographs, patients_of
from paddle_eye.weights.opened import Opened

_BINS = 200  # of the probabilities that are counted while training


class MultilabelObjective(Objective):
    """Any number of classes per image, binary cross-entropy of each.

    Args:
        positive_weights: [C], how much an image that shows a class counts for it while training; None: as much as one
            that does not.
        regulariser: a term that is added to the loss while training, see `ClassificationObjective`.
        thresholds: [C], the probabilities from which on a class is found.
        patients: of the images that `figures` are of, see `patient_numbers`.
    """

    criterion = "auc"
    figure_names = ("loss", "auc")

    def __init__(
        self,
        positive_weights: np.ndarray | None = None,
        regulariser: Callable[[], paddle.Tensor] | None = None,
        thresholds: Sequence[float] | None = None,
        patients: np.ndarray | None = None,
    ) -> None:
        self.positive_weights = None if positive_weights is None else paddle.to_tensor(positive_weights, "float32")
        self.regulariser, self.thresholds, self.patients = regulariser, thresholds, patients

    def targets(self, targets: Any) -> paddle.Tensor:
        """What the images of a batch show, [N, C] of 0 and 1, as float32."""
        return as_tensor(targets).astype("float32")

    def predict(self, model: paddle.nn.Layer, inputs: Any) -> paddle.Tensor:
        """Logits [N, C]."""
        return model(as_tensor(inputs))

    def loss(self, predicted: paddle.Tensor, targets: paddle.Tensor) -> paddle.Tensor:
        """Mean binary cross-entropy of logits and targets [N, C], each class and image counting the same."""
        return F.binary_cross_entropy_with_logits(predicted, targets)

    def outputs(self, predicted: paddle.Tensor) -> np.ndarray:
        """Logits [N, C] as probabilities."""
        return F.sigmoid(predicted).numpy()

    def training_terms(self, outputs: paddle.Tensor, targets: paddle.Tensor) -> dict[str, paddle.Tensor]:
        """``loss``, with the weights, and ``penalty``, of the regulariser."""
        weights = None if self.positive_weights is None else 1 + (self.positive_weights - 1) * targets
        loss = F.binary_cross_entropy_with_logits(outputs, targets, weights)
        return {"loss": loss} if self.regulariser is None else {"loss": loss, "penalty": self.regulariser()}

    def tally(self, outputs: paddle.Tensor, targets: paddle.Tensor) -> np.ndarray:
        """How many images of each class have a probability in each of 200 parts of [0, 1]; int [C, 2, 200], those that
        do not show the class before those that do."""
        parts = np.minimum((F.sigmoid(outputs).numpy() * _BINS).astype(int), _BINS - 1)
        shown = targets.numpy().astype(int)
        counts = np.zeros((shown.shape[1], 2, _BINS), dtype=np.int64)
        np.add.at(counts, (np.arange(shown.shape[1])[None], shown, parts), 1)
        return counts

    def training_figures(self, tally: np.ndarray) -> dict[str, Any]:
        """``auc``, the mean over the classes of the area, to the width of a part."""
        areas = [area for area in map(counted_auc, tally) if area is not None]
        return {"auc": sum(areas) / len(areas) if areas else None}

    def score(self, evaluation: Evaluation) -> dict[str, Any]:
        """``loss`` and ``auc``, the mean over the classes."""
        return {"loss": evaluation.loss, "auc": mean_auc(*_arrays(evaluation))}

    def figures(self, evaluation: Evaluation) -> dict[str, Any]:
        """``loss`` and `paddle_eye.metrics.multilabel.multilabel_figures`."""
        labels, probabilities = _arrays(evaluation)
        thresholds = [0.5] * labels.shape[1] if self.thresholds is None else self.thresholds
        return {"loss": evaluation.loss, **multilabel_figures(labels, probabilities, thresholds, self.patients)}


def _arrays(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    """Labels, int [N, C], and probabilities [N, C]."""
    return np.stack(evaluation.targets).astype(np.int64), np.stack(evaluation.outputs)


def _columns(
    labels: np.ndarray, probabilities: np.ndarray, thresholds: Sequence[float], classes: Sequence[str]
) -> dict[str, Any]:
    """What a table of predictions has of each image: 0 or 1 of each class, whether all are right, and probabilities."""
    columns = {f"p_{name}": column for name, column in zip(classes, probabilities.T)}
    exact = ((probabilities >= np.asarray(thresholds)) == labels).all(axis=1)
    return {"shows": ["-".join(map(str, row)) for row in labels], "exact": exact, **columns}


class MultilabelTask(LabelWording, PhotographTask):
    """Two parts of photographs that each show several classes, one or none; see `Task`."""

    name = "multilabel"
    several_labels = True
    own_settings = frozenset({"data.preset", "train.freeze", "train.pretrained", "train.class_weights"})
    standard_recipe = "palm_resnet50.yaml"

    def load(self) -> Data:
        data = super().load()
        for dataset in (data.selection, data.validation):
            shown = dataset.labels.sum(axis=0)
            if not ((shown > 0) & (shown < len(dataset))).any():
                raise InputError(
                    f"{self.location.path}: no class is shown by some of the {len(dataset)} photographs to measure on "
                    "and not by others, so there is no AUC"
                )
        return data

    def objective(self, model: paddle.nn.Layer, training: PictureDataset) -> MultilabelObjective:
        weights = None
        if self.settings.train.class_weights == "balanced":
            shown = training.labels.sum(axis=0)
            weights = (len(training) - shown) / np.maximum(shown, 1)
        return MultilabelObjective(weights, nam_regulariser(model), patients=patients_of(self.parts.validation))

    def finished(
        self, objective: MultilabelObjective, model: paddle.nn.Layer, data: Data
    ) -> tuple[MultilabelObjective, dict[str, Any]]:
        """With thresholds that are chosen on the training photographs, or on those held out of them."""
        chosen_on = data.selection
        if chosen_on is data.validation:
            chosen_on = self._training_as_evaluated if data.training.preprocessing.augments else data.training
        evaluation = evaluate(model, self.evaluation_loader(chosen_on), objective, len(chosen_on))
        thresholds = best_thresholds(*_arrays(evaluation))
        settled = MultilabelObjective(thresholds=thresholds, patients=objective.patients)
        return settled, {"thresholds": thresholds}

    @cached_property
    def _training_as_evaluated(self) -> PictureDataset:
        """The training photographs without what an augmenting preset changes; made once for both networks."""
        return PictureDataset(
            self.parts.training, Preprocessing(self.settings.data.image_size, self.settings.data.preset)
        )

    def write_predictions(
        self, run: RunFolder, results: Mapping[str, Any], evaluations: Mapping[str, Evaluation]
    ) -> None:
        for which, evaluation in evaluations.items():
            thresholds = [row["threshold"] for row in results[which]["per_class"]]
            self.keep_predictions(run.predictions(which), _columns(*_arrays(evaluation), thresholds, self.classes))

    def pictures(
        self,
        run: RunFolder,
        results: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        data: Data,
        best: Evaluation,
        model: paddle.nn.Layer,
    ) -> dict[Path, bytes]:
        labels, probabilities = _arrays(best)
        found = probabilities >= [row["threshold"] for row in results["best"]["per_class"]]
        chosen_on = results["data"]["best_epoch_chosen_on"]
        shown = (labels == 1, probabilities, found, self.classes, notice(results))
        return {
            run.curves: plots.curves(history, "auc", chosen_on, notice(results)),
            run.roc: plots.roc_of_classes(*shown, operating_point="at the threshold"),
            run.worst: self._worst(labels, probabilities, data, model),
        }

    def _worst(self, labels: np.ndarray, probabilities: np.ndarray, data: Data, model: paddle.nn.Layer) -> bytes:
        """The answers that the network is most wrong about, with the evidence for their classes."""
        images, classes, losses = worst.most_wrong_labels(labels, probabilities)
        known = drawable_names(self.classes)
        told = [
            f"{known[label]} is {'' if labels[image, label] else 'not '}there, said {probabilities[image, label]:.3f}, "
            f"loss {loss:.2f}"
            for image, label, loss in zip(images, classes, losses)
        ]
        return self.worst_panels(data, model, images, classes, told)

    @staticmethod
    def measured(path: Path, opened: Opened, place: Place) -> Measured:
        def objective(patients: np.ndarray | None) -> MultilabelObjective:
            count = len(opened.description.get("classes", []))
            thresholds = read_thresholds(path, opened.description, count).tolist() if count else None
            return MultilabelObjective(thresholds=thresholds, patients=patients)

        return measured_photographs(path, opened, place, objective, several_labels=True)

    @staticmethod
    def statistics(classes: Sequence[str]) -> Mapping[str, tuple[str, Statistic]]:
        return {
            "auc": ("mean AUC", mean_auc),
            "average_precision": ("mean average precision", mean_average_precision),
        }

    @staticmethod
    def kept(predictions: pd.DataFrame, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        labels = np.array([[int(each) for each in shows.split("-")] for shows in predictions["shows"].astype(str)])
        return labels, predictions[[f"p_{name}" for name in classes]].to_numpy()

    @staticmethod
    def external(measured: Measured, evaluation: Evaluation, figures: Mapping[str, Any]) -> External:
        labels, probabilities = _arrays(evaluation)
        thresholds = measured.objective.thresholds or [0.5] * len(measured.classes)
        found = probabilities >= np.asarray(thresholds)
        roc = plots.roc_of_classes(labels == 1, probabilities, found, measured.classes, None, "at the threshold")
        columns = _columns(labels, probabilities, thresholds, measured.classes)
        return External(labels, probabilities, columns, {"receiver operating characteristic": roc})

    @staticmethod
    def trained(source: Path, network: Opened | Exported) -> MultilabelPredictor:
        return MultilabelPredictor.of(source, network)
