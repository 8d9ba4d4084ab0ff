"""How the figures of several classes per image are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from paddle_eye.metrics.intervals import mcnemar
from paddle_eye.report import plots
from paddle_eye.report.compare import Comparison, FinishedRun, Tested
from paddle_eye.report.page import figure
from paddle_eye.report.table import ORIGIN, aligned, origin, share
from paddle_eye.report.wording import Wording, with_interval


def _exact(first: FinishedRun, second: FinishedRun) -> Tested:
    exact = [run.predictions["exact"].to_numpy(bool) for run in (first, second)]
    found = mcnemar(*exact, first.patients)
    counts = f"the one alone has every class of {found['only_first']} right, the other alone of {found['only_second']}"
    return Tested("McNemar's test", counts, found["p"], found["least_p"])


class LabelWording(Wording):
    """Several classes per image, one or none; see `Wording`."""

    template = "multilabel.html"
    comparison = Comparison(
        header=("input", "loss", "mean AUC [95 %]", "mean average precision", "exact match"),
        row=lambda run: (
            f"{run.results['preprocessing']['image_size']} {run.results['preprocessing']['preset']}",
            share(run.figures["loss"]),
            share(run.figures["auc"], run.figures["auc_interval"]),
            share(run.figures["average_precision"]),
            share(run.figures["exact_match"]),
        ),
        main="mean AUC",
        other="loss (binary cross-entropy)",
        drawn=lambda run: (run.figures["auc"], run.figures["auc_interval"], run.figures["loss"]),
        test=_exact,
        same=["image", "shows"],
        needed=["exact"],
    )

    @staticmethod
    def report(results: Mapping[str, Any]) -> dict[str, Any]:
        evaluations = (results["best"], results["last"])
        rows = [
            (title, [figure(each[key], each[f"{key}_interval"]) for each in evaluations])
            for key, title in (
                ("auc", "AUC, mean of the classes"),
                ("average_precision", "Average precision, mean of the classes"),
                ("exact_match", "Exact match (share of images with every class right)"),
            )
        ]
        names = {"sensitivity": "Sensitivity", "specificity": "Specificity", "precision": "Precision", "f1": "F1"}
        areas = {"auc": "AUC", "average_precision": "Average precision"}
        rows += [
            (f"{title}, {mean} mean", [figure(each[mean][key]) for each in evaluations])
            for mean, titles in (("macro", names), ("micro", {**areas, **names}))
            for key, title in titles.items()
        ]
        rows.append(("Score of the ODIR-5K challenge", [figure(each["odir"]["score"]) for each in evaluations]))
        rows.append(("Loss (binary cross-entropy)", [figure(each["loss"]) for each in evaluations]))
        return {"criterion": "mean AUC", "figures": rows}

    table_columns = (
        ("auc", "mean AUC [95 %]"),
        ("average_precision", "mean average precision [95 %]"),
        ("exact_match", "exact match [95 %]"),
        ("odir", "ODIR's score"),
        ("loss", "loss"),
    )

    @staticmethod
    def table_figures(figures: Mapping[str, Any]) -> dict[str, float | None]:
        flat = {}
        for name in ("auc", "average_precision", "exact_match"):
            flat.update(with_interval(name, figures[name], figures[f"{name}_interval"]))
        return {**flat, "odir": figures["odir"]["score"], "loss": figures["loss"]}

    @staticmethod
    def table_pictures(runs: Mapping[str, FinishedRun], histories: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
        areas = {name: history["auc"].tolist() for name, history in histories.items()}
        return {"curves": plots.curves_together(areas, "mean AUC")}

    @staticmethod
    def main_figure(results: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
        return f"mean AUC {share(figures['auc'])}, exact match {share(figures['exact_match'])}"

    @staticmethod
    def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
        """See `Wording`; sensitivity, specificity and F1 are means over the classes, at their thresholds."""
        header = (
            *(*ORIGIN, "mean AUC [95 %]", "mean average precision", "sensitivity", "specificity", "f1"),
            *("exact match", "ODIR's score", "loss", "weights"),
        )
        return aligned([header, *(_evaluation_cells(row) for row in rows)])

    @staticmethod
    def evaluation_line(row: Mapping[str, Any]) -> str:
        main = LabelWording.main_figure(row, row)
        lines = [f"[validation]:===model:{row['model']}==={main}/loss:{row['loss']:.5f}"]
        if "patients" in row:
            of = row["patients"]
            who = f"by patient (the largest of each one's photographs; {of['patients']} patients)"
            lines.append(f"{who}: mean AUC {share(of['auc'], of['auc_interval'])}")
        for name, figures in zip(row["classes"], row["per_class"]):
            areas = f"AUC {share(figures['auc'])}, average precision {share(figures['average_precision'])}"
            at = f"sensitivity {share(figures['sensitivity'])}, specificity {share(figures['specificity'])}"
            lines.append(f"{name}: {figures['support']} images, {areas}, at {figures['threshold']:.3f} {at}")
        return "\n".join(lines)


def _evaluation_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        *origin(row),
        share(row["auc"], row["auc_interval"]),
        share(row["average_precision"]),
        *(share(row["macro"][name]) for name in ("sensitivity", "specificity", "f1")),
        share(row["exact_match"]),
        share(row["odir"]["score"]),
        share(row["loss"]),
        row["weights"],
    )
