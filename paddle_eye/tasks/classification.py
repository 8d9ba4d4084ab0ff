"""Learning the class of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, ClassVar

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
from paddle_eye.metrics.intervals import delong, mcnemar
from paddle_eye.models.attention import nam_regulariser
from paddle_eye.report import plots, worst
from paddle_eye.report.compare import Comparison, FinishedRun, Tested
from paddle_eye.report.finished import notice, seen_from, write_table
from paddle_eye.report.fonts import drawable_names
from paddle_eye.report.page import figure
from paddle_eye.report.table import ORIGIN, aligned, origin, share
from paddle_eye.run_folder import RunFolder
from paddle_eye.tasks.base import Data, External, Measured
from paddle_eye.tasks.photographs import PhotographTask, measured_photographs, patients_of
from paddle_eye.weights.opened import Opened


class ClassificationObjective(Objective):
    """One class per image, cross-entropy loss.

    Args:
        class_weights: [C], how much an image of each class counts while training; None: each the same.
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


def _comparison_row(run: FinishedRun) -> tuple[str, ...]:
    return (
        f"{run.results['preprocessing']['image_size']} {run.results['preprocessing']['preset']}",
        share(run.figures["loss"]),
        share(run.figures["accuracy"], run.figures["accuracy_interval"]),
        share(run.figures["macro"]["f1"]),
        share(run.figures["calibration"]["ece"]),
    )


def _mcnemar(first: FinishedRun, second: FinishedRun) -> Tested:
    right = [(run.predictions["predicted"] == run.predictions["label"]).to_numpy() for run in (first, second)]
    found = mcnemar(*right)
    counts = f"the one alone is right on {found['only_first']}, the other alone on {found['only_second']}"
    return Tested("McNemar's test", counts, found["p"], found["least_p"])


def _delong(first: FinishedRun, second: FinishedRun) -> Tested | None:
    """Of two classes; of more there is no one area."""
    classes = first.results["classes"]
    if len(classes) != 2:
        return None
    labels = first.predictions["label"].to_numpy()
    found = delong(labels, *(run.predictions[f"p_{classes[1]}"].to_numpy() for run in (first, second)))
    counts = f"the AUC of {second.name} differs by {found['difference']:+.4f}"
    return Tested("DeLong's test", counts, found["p"], least_p=0.0)


class ClassificationTask(PhotographTask):
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
    template = "classification.html"
    comparison = Comparison(
        header=("input", "loss", "accuracy [95 %]", "macro F1", "ece"),
        row=_comparison_row,
        main="accuracy",
        other="loss (cross-entropy)",
        drawn=lambda run: (run.figures["accuracy"], run.figures["accuracy_interval"], run.figures["loss"]),
        test=_mcnemar,
        further_tests=(_delong,),
        same=["image", "label"],
        needed=["predicted"],
    )

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
        images = [seen_from(self.location.path, record.image) for record in self.parts.validation.records]
        for which, evaluation in evaluations.items():
            write_table(run.predictions(which), {"image": images, **_columns(*_arrays(evaluation), self.classes)})

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
            f"{known[label]}, taken for {known[taken]} {share:.3f}, loss {loss:.2f}"
            for label, taken, share, loss in zip(labels[order], said, probabilities.max(axis=1)[order], losses)
        ]
        return self.worst_panels(data, model, order, said, told)

    @staticmethod
    def report(results: Mapping[str, Any]) -> dict[str, Any]:
        evaluations = (results["best"], results["last"])
        rows = [
            (title, [figure(each[key], each[f"{key}_interval"]) for each in evaluations])
            for key, title in (("accuracy", "Accuracy"), ("auc", "AUC"))
        ]
        if len(results["classes"]) == 2:
            names = {"sensitivity": "Sensitivity (recall of class 1)", "specificity": "Specificity"}
            names.update({"precision": "Precision", "f1": "F1"})
            rows += [(title, [figure(each[key]) for each in evaluations]) for key, title in names.items()]
        else:
            names = {"precision": "Precision", "recall": "Recall", "specificity": "Specificity", "f1": "F1"}
            rows += [
                (f"{title}, {mean} mean", [figure(each[mean][key]) for each in evaluations])
                for mean in ("macro", "weighted")
                for key, title in names.items()
            ]
        rows.append(("Cohen's kappa", [figure(each["kappa"]) for each in evaluations]))
        rows.append(("Expected calibration error", [figure(each["calibration"]["ece"]) for each in evaluations]))
        rows.append(("Loss (cross-entropy)", [figure(each["loss"]) for each in evaluations]))
        return {"criterion": "accuracy", "figures": rows}

    table_columns = (
        ("accuracy", "accuracy [95 %]"),
        ("auc", "AUC [95 %]"),
        ("precision", "mean precision [95 %]"),
        ("recall", "mean recall [95 %]"),
        ("loss", "loss"),
    )

    @staticmethod
    def table_figures(figures: Mapping[str, Any]) -> dict[str, float | None]:
        intervals = {name: figures[f"{name}_interval"] for name in ("accuracy", "auc")}
        of_means = figures.get("macro_interval", {})  # runs of earlier versions have none
        intervals.update({name: of_means.get(name) for name in ("precision", "recall", "f1")})
        flat = {}
        for name, interval in intervals.items():
            low, high = interval or (None, None)
            flat[name] = figures[name] if name in ("accuracy", "auc") else figures["macro"][name]
            flat.update({f"{name}_low": low, f"{name}_high": high})
        return {**flat, "kappa": figures["kappa"], "ece": figures["calibration"]["ece"], "loss": figures["loss"]}

    @staticmethod
    def table_pictures(runs: Mapping[str, FinishedRun], histories: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
        accuracies = {name: history["accuracy"].tolist() for name, history in histories.items()}
        pictures = {"curves": plots.curves_together(accuracies, "accuracy")}
        classes = next(iter(runs.values())).results["classes"]
        if len(classes) == 2:
            scores = {
                name: (run.predictions["label"].to_numpy(), run.predictions[f"p_{classes[1]}"].to_numpy())
                for name, run in runs.items()
            }
            pictures["roc"] = plots.rocs_together(scores, classes[1])
        return pictures

    @staticmethod
    def main_figure(results: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
        return f"accuracy {figures['accuracy']:.5f}"

    @staticmethod
    def measured(path: Path, opened: Opened, place: Place) -> Measured:
        def objective(patients: np.ndarray | None) -> ClassificationObjective:
            return ClassificationObjective(patients=patients)

        return measured_photographs(path, opened, place, objective, several_labels=False)

    statistics: ClassVar = {"accuracy": ("accuracy", accuracy), "auc": ("AUC", auc)}

    @staticmethod
    def kept(predictions: pd.DataFrame, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        return predictions["label"].to_numpy(), predictions[[f"p_{name}" for name in classes]].to_numpy()

    @staticmethod
    def external(measured: Measured, evaluation: Evaluation) -> External:
        labels, probabilities = _arrays(evaluation)
        predicted = probabilities.argmax(axis=1)
        matrix = confusion(labels, predicted, len(measured.classes))
        pictures = {
            "confusion matrix": plots.confusion_matrix(matrix, measured.classes),
            "receiver operating characteristic": plots.roc(labels, probabilities, measured.classes),
        }
        return External(labels, probabilities, _columns(labels, probabilities, measured.classes), pictures)

    @staticmethod
    def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
        """See `Task`; sensitivity, specificity and F1 are those of class 1 of two, or the means over more classes."""
        header = (
            *(*ORIGIN, "accuracy [95 %]", "AUC [95 %]", "sensitivity"),
            *("specificity", "f1", "kappa", "ece", "loss", "weights"),
        )
        table = aligned([header, *(_evaluation_cells(row) for row in rows)])
        if any(len(row["per_class"]) > 2 for row in rows):
            table += "\nof more than two classes: AUC, sensitivity, specificity and F1 are means over the classes"
        return table

    @staticmethod
    def evaluation_line(row: Mapping[str, Any]) -> str:
        """The documents' line; of more than two classes, the figures of each too."""
        line = f"[validation]:===model:{row['model']}===accuracy:{row['accuracy']:.5f}/loss:{row['loss']:.5f}"
        if "patients" in row:
            line += f"\n{_patients_line(row['patients'])}"
        if len(row["per_class"]) == 2:
            return line
        return f"{line}\nclasses: {', '.join(row['classes'])}; after them the mean\n{six_class_lines(row)}"

    @staticmethod
    def trained(source: Path, network: Opened | Exported) -> Predictor:
        return Predictor.of(source, network)


def six_class_lines(figures: Mapping[str, Any]) -> str:
    """Accuracy, and precision and recall of each class with their mean, as the six-class document prints them.

    Args:
        figures: of `paddle_eye.metrics.classification.classification_figures`.
    """
    lines = [f"acc-> {figures['accuracy']:.4f}"]
    for name in ("precision", "recall"):
        of_classes = [None if row[name] is None else round(row[name], 4) for row in figures["per_class"]]
        lines.append(f"{name}--> ({of_classes}, {figures['macro'][name]})")
    return "\n".join(lines)


def _patients_line(figures: Mapping[str, Any]) -> str:
    """What is said of patients who have several photographs."""
    left_out = f", {figures['left_out']} with photographs of several classes left out" if figures["left_out"] else ""
    who = f"by patient (the mean of each one's photographs; {figures['patients']} patients{left_out})"
    shares = (f"{name} {share(figures[key], figures.get(f'{key}_interval'))}" for key, name in _OF_PATIENTS)
    return f"{who}: {', '.join(shares)}"


_OF_PATIENTS = (("accuracy", "accuracy"), ("auc", "AUC"))


def _evaluation_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    of_classes = row["per_class"][1] if len(row["per_class"]) == 2 else row["macro"]
    shares = [of_classes[name] for name in ("recall", "specificity", "f1")]
    shares += [row["kappa"], row["calibration"]["ece"], row["loss"]]
    return (
        *origin(row),
        share(row["accuracy"], row["accuracy_interval"]),
        share(row["auc"], row["auc_interval"]),
        *(share(value) for value in shares),
        row["weights"],
    )
