"""How the figures of one class per image are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from paddle_eye.metrics.intervals import delong, mcnemar
from paddle_eye.report import plots
from paddle_eye.report.compare import Comparison, FinishedRun, Tested
from paddle_eye.report.page import figure
from paddle_eye.report.table import ORIGIN, aligned, origin, share
from paddle_eye.report.wording import Wording, with_interval


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
    found = mcnemar(*right, first.patients)
    counts = f"the one alone is right on {found['only_first']}, the other alone on {found['only_second']}"
    return Tested("McNemar's test", counts, found["p"], found["least_p"])


def _labels_and_scores(run: FinishedRun) -> tuple[np.ndarray, np.ndarray] | None:
    """The labels, and the probabilities of the second of two classes; of more, or of one alone, there is no one ROC."""
    classes, labels = run.results["classes"], run.predictions["label"].to_numpy()
    return (labels, run.predictions[f"p_{classes[1]}"].to_numpy()) if len(classes) == len(set(labels)) == 2 else None


def _delong(first: FinishedRun, second: FinishedRun) -> Tested | None:
    known, others = _labels_and_scores(first), _labels_and_scores(second)
    if known is None or others is None or first.results["classes"] != second.results["classes"]:
        return None
    found = delong(*known, others[1], first.patients)
    counts = f"the AUC of {second.name} differs by {found['difference']:+.4f}"
    return Tested("DeLong's test", counts, found["p"], found["least_p"])


class ClassWording(Wording):
    """One class per image; see `Wording`."""

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
            value = figures[name] if name in ("accuracy", "auc") else figures["macro"][name]
            flat.update(with_interval(name, value, interval))
        return {**flat, "kappa": figures["kappa"], "ece": figures["calibration"]["ece"], "loss": figures["loss"]}

    @staticmethod
    def table_pictures(runs: Mapping[str, FinishedRun], histories: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
        accuracies = {name: history["accuracy"].tolist() for name, history in histories.items()}
        pictures = {"curves": plots.curves_together(accuracies, "accuracy")}
        scores = {name: found for name, run in runs.items() if (found := _labels_and_scores(run)) is not None}
        classes = next(iter(runs.values())).results["classes"]
        if scores and all(run.results["classes"] == classes for run in runs.values()):
            pictures["roc"] = plots.rocs_together(scores, classes[1])
        return pictures

    @staticmethod
    def main_figure(results: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
        return f"accuracy {figures['accuracy']:.5f}"

    @staticmethod
    def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
        """See `Wording`; sensitivity, specificity and F1 are those of class 1 of two, or means over more classes."""
        header = (
            *(*ORIGIN, "accuracy [95 %]", "AUC [95 %]", "sensitivity"),
            *("specificity", "f1", "kappa", "ece", "loss", "weights"),
        )
        table = aligned([header, *(_evaluation_cells(row) for row in rows)])
        if any(len(row["per_class"]) > 2 for row in rows):
            table += "\nof more than two classes: AUC, sensitivity, specificity and F1 are means over the classes"
        positive = dict.fromkeys(row["classes"][1] for row in rows if len(row["classes"]) == 2)
        if positive:
            table += f"\nof two classes: sensitivity, specificity and F1 are those of {', '.join(positive)}"
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
    of_patients = (("accuracy", "accuracy"), ("auc", "AUC"))
    shares = (f"{name} {share(figures[key], figures.get(f'{key}_interval'))}" for key, name in of_patients)
    return f"{who}: {', '.join(shares)}"


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
