"""How the figures of masks are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from paddle_eye.data.patients import patients_among
from paddle_eye.metrics.intervals import signed_rank
from paddle_eye.metrics.masks import mask_summary
from paddle_eye.report import masks, plots
from paddle_eye.report.compare import Comparison, FinishedRun, Tested
from paddle_eye.report.page import figure
from paddle_eye.report.table import ORIGIN, aligned, origin, share
from paddle_eye.report.wording import Wording, with_interval

DICE_OF = "dice of "  # and the name of a class: columns of tables


def _comparison_row(run: FinishedRun) -> tuple[str, ...]:
    means = run.figures["mean"]
    dice = share(means["dice"], run.figures["interval"]["dice"])
    others = (share(means[name]) for name in ("constant_dice", "background_dice", "accuracy"))
    seconds = run.results["seconds"] / max(1, run.results["last"]["epoch"])
    return (_foreground_cell(run), dice, *others, f"{seconds:.0f}")


def _foreground_cell(run: FinishedRun) -> str:
    """The name of the foreground; of several classes, each with its own Dice."""
    of_class = [
        (each["class"], share(each["mean"]["dice"], each["interval"]["dice"])) for each in per_class(run.figures)
    ]
    return "; ".join(f"{name} {dice}" for name, dice in of_class) or run.results["classes"][1]


def per_class(figures: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The figures of each foreground class, where there are several."""
    return figures.get("per_class", [])


def foreground_of(classes: Sequence[str]) -> str:
    """What figures are of: the foreground, or the mean of several: over images, of those classes that an image has."""
    return classes[1] if len(classes) == 2 else f"{', '.join(classes[1:])} (mean)"


def _wilcoxon(first: FinishedRun, second: FinishedRun) -> Tested:
    dices = np.stack([run.predictions["dice"].to_numpy(float) for run in (first, second)])
    defined = np.isfinite(dices).all(axis=0)
    found = signed_rank(*dices[:, defined], None if first.patients is None else first.patients[defined])
    higher = f"{first.name} is higher on {found['first_higher']}, of {second.name} on {found['second_higher']}"
    mean = f"that of {second.name} differs by {found['difference']:+.4f} on average"
    without = f", {(~defined).sum()} without foreground are left out" if not defined.all() else ""
    return Tested("Wilcoxon's test", f"the Dice of {higher}, {mean}{without}", found["p"], found["least_p"])


def _drawn(run: FinishedRun) -> tuple[float, Sequence[float], float]:
    means = run.figures["mean"]
    return means["dice"], run.figures["interval"]["dice"], means["background_dice"]


class MaskWording(Wording):
    """Pixels of a foreground or of several classes; see `Wording`."""

    template = "segmentation.html"
    comparison = Comparison(
        header=(
            "foreground",
            "Dice [95 %]",
            "all foreground",
            "Dice of background",
            "pixel accuracy",
            "seconds per epoch",
        ),
        row=_comparison_row,
        main="Dice of the foreground",
        other="Dice of the background",
        drawn=_drawn,
        test=_wilcoxon,
        same=["image", "constant_dice"],  # of the truth alone: masks may be of other things in the same pictures
        needed=["dice"],
    )

    @staticmethod
    def report(results: Mapping[str, Any]) -> dict[str, Any]:
        evaluations = (results["best"], results["last"])
        background, foreground = results["classes"][0], foreground_of(results["classes"])
        names = {
            "dice": f"Dice of {foreground}",
            "iou": f"IoU of {foreground}",
            "accuracy": "Pixel accuracy",
            "sensitivity": f"Sensitivity (share of {foreground} that is found)",
            "specificity": f"Specificity (share of {background} that is left out)"
            if len(results["classes"]) == 2
            else "Specificity, the mean of the classes' (share of what is not of a class that is left out)",
            "background_dice": f"Dice of {background}",
            "constant_dice": f"Dice of {foreground} if all of the mask were so",
        }
        rows = [(title, [_mean_and_overall(each, key) for each in evaluations]) for key, title in names.items()]
        for classes in zip(*(per_class(each) for each in evaluations)):
            name = classes[0]["class"]
            of_class = {
                "dice": f"Dice of {name}",
                "iou": f"IoU of {name}",
                "sensitivity": f"Sensitivity of {name}",
                "specificity": f"Specificity of {name} (share of what is something else that is left out)",
            }
            rows += [(title, [_mean_and_overall(each, key) for each in classes]) for key, title in of_class.items()]
            if classes[0]["empty"][0]:
                without = [f"{of[1]} of {of[0]}" for of in (each["empty"] for each in classes)]
                rows.append((f"Images without {name} in which the network sees none", without))
        areas = {"auc": "AUC", "average_precision": "Average precision", "mcc": "Matthews' correlation"}
        rows += [
            (f"{title} of all pixels", [figure(each["overall"].get(key)) for each in evaluations])
            for key, title in areas.items()
            if len(results["classes"]) == 2
        ]
        loss = f"Loss ({results['settings']['train.loss']})"
        rows.append((loss, [figure(each["loss"]) for each in evaluations]))
        worst = masks.worst([figures["dice"] for figures in results["best"]["per_image"]])
        return {"criterion": "Dice", "figures": rows, "worst": worst, "foreground": foreground}

    table_columns = (
        ("dice", "Dice [95 %]"),
        ("constant_dice", "all foreground"),
        ("background_dice", "Dice of background"),
        ("overall_dice", "F1 of all pixels"),
        ("auc", "AUC of all pixels"),
        ("average_precision", "average precision"),
        ("mcc", "MCC"),
        ("v_rand", "V_rand at 0.5"),
        ("v_rand_best", "V_rand at its best"),
        ("v_info", "V_info at 0.5"),
        ("v_info_best", "V_info at its best"),
    )

    @staticmethod
    def table_figures(figures: Mapping[str, Any]) -> dict[str, float | None]:
        flat = {}
        for name, mean in figures["mean"].items():
            flat.update(with_interval(name, mean, figures["interval"][name]))
        overall = figures.get("overall", {})
        pooled = {f"overall_{name}": overall.get(name) for name in ("dice", "sensitivity", "specificity", "accuracy")}
        areas = {name: overall.get(name) for name in ("auc", "average_precision", "mcc")}
        of_class = {}
        for each in per_class(figures):
            of_class.update(with_interval(f"{DICE_OF}{each['class']}", each["mean"]["dice"], each["interval"]["dice"]))
        return {**flat, **of_class, **pooled, **areas, "loss": figures.get("loss")}

    @classmethod
    def columns_of(cls, known: Iterable[str]) -> list[tuple[str, str]]:
        """See `Wording.columns_of`; the Dice of each of several classes stands behind their mean."""
        known = list(known)
        ends = {f"{name}_{end}" for name in known for end in ("low", "high")}
        of_class = [name for name in known if name.startswith(DICE_OF) and name not in ends]
        columns = super().columns_of(known)
        return [*columns[:1], *((name, f"{name} [95 %]") for name in of_class), *columns[1:]]

    @staticmethod
    def table_pictures(runs: Mapping[str, FinishedRun], histories: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
        dices = {name: history["dice"].tolist() for name, history in histories.items()}
        return {"curves": plots.curves_together(dices, "Dice of the foreground")}

    @staticmethod
    def main_figure(results: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
        """The Dice of the foreground, which is named, and the two figures to read it by."""
        background, foreground = results["classes"][0], foreground_of(results["classes"])
        means = figures["mean"]
        of_class = [
            f", {each['class']} {share(each['mean']['dice'], each['interval']['dice'])}" for each in per_class(figures)
        ]
        empty = [
            _of_empty_masks(each["class"], each) for each in per_class(figures) or [{**figures, "class": foreground}]
        ]
        return (
            f"Dice of {foreground} {share(means['dice'], figures['interval']['dice'])}{''.join(of_class)} "
            f"(all {foreground}: {share(means['constant_dice'])}), "
            f"Dice of {background} {share(means['background_dice'])}"
            f"{''.join(empty)}"
        )

    @staticmethod
    def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
        """See `Wording`; the figures are means over the images; of several classes, each has a line below their mean.

        ``all foreground`` is the Dice of a mask that has nothing else, to read the others by.
        """
        header = (
            *(*ORIGIN, "foreground", "Dice [95 %]", "all foreground", "Dice of background"),
            *("IoU", "pixel accuracy", "sensitivity", "specificity", "Tversky loss", "weights"),
        )
        lines = []
        for row in rows:
            lines.append(_evaluation_cells(row, foreground_of(row["classes"]), row))
            lines += [_evaluation_cells(row, each["class"], each) for each in per_class(row)]
        return aligned([header, *lines])

    @staticmethod
    def evaluation_line(row: Mapping[str, Any]) -> str:
        return f"[validation]:===model:{row['model']}==={MaskWording.main_figure(row, row)}"

    @staticmethod
    def over_folds(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """See `Wording.over_folds`; ``images`` is their number, the rest `paddle_eye.metrics.masks.mask_summary`."""
        results: dict[str, Any] = {"runs": [each["run"] for each in runs], "classes": runs[0]["classes"]}
        patients = patients_among(image for each in runs for image in each["validation_images"])
        for which in ("best", "last"):
            per_image = [figures for each in runs for figures in each[which]["per_image"]]
            results[which] = {"images": len(per_image), **mask_summary(per_image, patients)}
            if len(results["classes"]) > 2:
                results[which]["per_class"] = _classes_over_folds([each[which]["per_class"] for each in runs], patients)
        return results


def _classes_over_folds(
    folds: Sequence[Sequence[Mapping[str, Any]]], patients: np.ndarray | None
) -> list[dict[str, Any]]:
    """The summary of each class over the images of all folds."""
    together = [
        (of_class[0]["class"], [image for each in of_class for image in each["per_image"]]) for of_class in zip(*folds)
    ]
    return [{"class": name, "images": len(images), **mask_summary(images, patients)} for name, images in together]


def _of_empty_masks(foreground: str, figures: Mapping[str, Any]) -> str:
    """What is to be said of the pictures that no Dice is defined for; nothing, if there are none."""
    count, right = figures["empty"]
    return (
        f"; {count} of {figures['images']} pictures have no {foreground}, in {right} of which it sees none"
        if count
        else ""
    )


def _mean_and_overall(figures: Mapping[str, Any], key: str) -> str:
    return f"{figure(figures['mean'][key], figures['interval'][key])} · {figure(figures['overall'][key])}"


def _evaluation_cells(row: Mapping[str, Any], foreground: str, figures: Mapping[str, Any]) -> tuple[str, ...]:
    means = figures["mean"]
    if figures is not row:  # of one of several classes, whose background is everything else
        means = {**means, "background_dice": None}
    names = ("constant_dice", "background_dice", "iou", "accuracy", "sensitivity", "specificity")
    return (
        *origin(row),
        foreground,
        share(means["dice"], figures["interval"]["dice"]),
        *(share(means[name]) for name in names),
        share(row["loss"]),
        row["weights"],
    )
