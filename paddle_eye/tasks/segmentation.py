"""Learning the foreground of a picture, or several classes, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pandas as pd

from paddle_eye.config import Config
from paddle_eye.data.identity import data_digest, seen_pictures, short
from paddle_eye.data.loading import Batches, evaluation_loader, training_loader
from paddle_eye.data.locate import Location
from paddle_eye.data.mask_loading import CropDataset, MaskDataset
from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.data.preparation.test_sets import Place
from paddle_eye.data.sources.pairs import (
    OUTSIDE,
    Each,
    Pair,
    block_split,
    find_pairs,
    last_aside,
    own_division,
    read_pairs,
    values_in_order,
)
from paddle_eye.engine.objective import Evaluation
from paddle_eye.errors import InputError, listed
from paddle_eye.inference.exported import Exported
from paddle_eye.inference.segmenter import Segmenter
from paddle_eye.metrics.intervals import signed_rank
from paddle_eye.metrics.masks import mask_summary
from paddle_eye.models.unet import MULTIPLE
from paddle_eye.report import masks, plots
from paddle_eye.report.compare import Comparison, FinishedRun, Tested
from paddle_eye.report.finished import notice, seen_from, write_table
from paddle_eye.report.page import figure
from paddle_eye.report.table import ORIGIN, aligned, origin, share
from paddle_eye.run_folder import RunFolder
from paddle_eye.tasks.base import Data, Measured, Task
from paddle_eye.tasks.mask_objectives import SegmentationObjective, objective_of
from paddle_eye.weights.opened import Opened, class_names, learned_in_field, mask_values

_DICE_OF = "dice of "  # and the name of a class: columns of tables


def _comparison_row(run: FinishedRun) -> tuple[str, ...]:
    means = run.figures["mean"]
    dice = share(means["dice"], run.figures["interval"]["dice"])
    others = (share(means[name]) for name in ("constant_dice", "background_dice", "accuracy"))
    seconds = run.results["seconds"] / max(1, run.results["last"]["epoch"])
    return (_foreground_cell(run), dice, *others, f"{seconds:.0f}")


def _foreground_cell(run: FinishedRun) -> str:
    """The name of the foreground; of several classes, each with its own Dice."""
    of_class = [
        (each["class"], share(each["mean"]["dice"], each["interval"]["dice"])) for each in _per_class(run.figures)
    ]
    return "; ".join(f"{name} {dice}" for name, dice in of_class) or run.results["classes"][1]


def _per_class(figures: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The figures of each foreground class, where there are several."""
    return figures.get("per_class", [])


def _foreground(classes: Sequence[str]) -> str:
    """What figures are of: the foreground, or the mean of several."""
    return classes[1] if len(classes) == 2 else f"{', '.join(classes[1:])} (mean)"


def _wilcoxon(first: FinishedRun, second: FinishedRun) -> Tested:
    dices = np.stack([run.predictions["dice"].to_numpy(float) for run in (first, second)])
    found = signed_rank(*dices[:, np.isfinite(dices).all(axis=0)])
    higher = f"{first.name} is higher on {found['first_higher']}, of {second.name} on {found['second_higher']}"
    mean = f"that of {second.name} differs by {found['difference']:+.4f} on average"
    return Tested("Wilcoxon's test", f"the Dice of {higher}, {mean}", found["p"], found["least_p"])


def _drawn(run: FinishedRun) -> tuple[float, Sequence[float], float]:
    means = run.figures["mean"]
    return means["dice"], run.figures["interval"]["dice"], means["background_dice"]


class SegmentationTask(Task):
    """Pairs of a picture and a mask, of which one contiguous block is measured on; see `Task`."""

    name = "segmentation"
    network_task = "segmentation"
    own_settings = frozenset(
        {
            *("data.crops", "data.folds", "data.fold", "data.background", "data.foreground", "data.classes"),
            *("data.pixels", "data.bending"),
            "train.loss",
        }
    )
    standard_recipe = "masks.yaml"
    needs_data = "the folders image and label"
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
        same=["image"],
        needed=["dice"],
    )

    def __init__(self, settings: Config, location: Location) -> None:
        self.settings, self.location = settings, location
        data = settings.data
        self.classes = tuple(data.classes or (data.background, data.foreground))
        self.channels = settings.model.in_channels
        if data.classes is not None and (data.background, data.foreground) != ("background", "foreground"):
            raise InputError(
                "data.classes: it names the background and the foreground; leave out the other two settings"
            )
        if settings.data.foreground == settings.data.background:
            raise InputError(f"data.foreground={settings.data.foreground}: it needs another name than the background")
        if settings.data.image_size % MULTIPLE:
            raise InputError(f"data.image_size={settings.data.image_size}: expected a multiple of {MULTIPLE}")
        if settings.data.pixels == "green" and self.channels != 1:
            raise InputError("data.pixels=green: the network sees one channel; give model.in_channels=1")
        self.found = find_pairs(location.path)
        self.blocks = {"folds": settings.data.folds, "fold": settings.data.fold or settings.data.folds}
        if own_division(self.found.records) is not None:
            if settings.data.fold is not None:
                raise InputError(f"data.fold={settings.data.fold}: {location.path} comes divided, and stays so")
            self.blocks = {}
        self.split = dict(self.blocks)
        if any(record.field is not None for record in self.found.records):
            self.split["field_of_view"] = True

    def load(self) -> Data:
        preprocessing = PixelPreprocessing(self.channels, self.settings.data.pixels == "green")
        values = self.settings.data.classes
        if isinstance(values, list):
            values = values_in_order(self.location.path, self.found.records, values)
        if values is not None:
            self.split["values"] = list(values.values())
        pairs = read_pairs(self.location.path, self.found.records, preprocessing.fit, self.found.faults, values)
        parts = self._divided(pairs)
        training, validation = parts
        kept_aside: list[Pair] = []
        if self.settings.data.holdout:
            training, kept_aside = last_aside(training, self.settings.data.holdout)
        measured = MaskDataset(validation, preprocessing)
        chosen_on = MaskDataset(kept_aside, preprocessing) if kept_aside else measured
        for dataset in (measured, chosen_on):
            if not any(((mask > 0) & (mask != OUTSIDE)).any() for mask in dataset.masks):
                which = "block {fold} of {folds}".format(**self.blocks) if self.blocks else "the test part"
                place = f"{self.location.path}, {which}"
                raise InputError(f"{place}: no mask to measure on has foreground, so there is no Dice")
        recipe, data = self.settings.train, self.settings.data
        digests = [[short(pair.digest) for pair in part] for part in parts]
        return Data(
            training=CropDataset(training, preprocessing, data.image_size, data.crops, recipe.seed, data.bending),
            selection=chosen_on,
            validation=measured,
            digests=[short(pair.digest) for pair in training],
            validation_digests=digests[1],
            digest=data_digest([[short(pair.mask_digest) for pair in part] for part in parts], digests),
            faults=_on_both_sides(*parts),
            notes=_passed_over(self.found.passed_over),
        )

    def _divided(self, pairs: Sequence[Each]) -> tuple[list[Each], list[Each]]:
        """The training and the test part."""
        return own_division(pairs) or block_split(pairs, **self.blocks)

    def objective(self, model: paddle.nn.Layer, training: CropDataset) -> SegmentationObjective:
        return objective_of(self.classes, self.settings.train.loss)

    def training_loader(self, training: CropDataset, rank: int = 0, ranks: int = 1) -> Batches:
        recipe = self.settings.train
        return training_loader(
            training, recipe.batch_size, recipe.seed, batches=recipe.accumulate, rank=rank, ranks=ranks
        )

    def evaluation_loader(self, dataset: MaskDataset) -> Batches:
        return evaluation_loader(dataset, batch_size=1)

    def facts(self, data: Data) -> dict[str, Any]:
        _, validation = self._divided(self.found.records)
        return {
            "pictures": {"training": len(data.training.pictures), "validation": len(data.validation.pictures)},
            "validation_images": [seen_from(self.location.path, record.image) for record in validation],
        }

    def write_predictions(
        self, run: RunFolder, results: Mapping[str, Any], evaluations: Mapping[str, Evaluation]
    ) -> None:
        for which in evaluations:
            per_image = results[which]["per_image"]
            columns = {name: [figures[name] for figures in per_image] for name in per_image[0]}
            for each in _per_class(results[which]):
                columns[f"{_DICE_OF}{each['class']}"] = [figures["dice"] for figures in each["per_image"]]
            write_table(run.predictions(which), {"image": results["validation_images"], **columns})

    def pictures(
        self,
        run: RunFolder,
        results: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        data: Data,
        best: Evaluation,
        model: paddle.nn.Layer,
    ) -> dict[Path, bytes]:
        images, dices = results["validation_images"], [row["dice"] for row in results["best"]["per_image"]]
        objective = self.objective(model, data.training)
        predicted = [objective.classes(outputs)[0] for outputs in best.outputs]
        shown = (images, dices, data.validation.pictures, data.validation.masks, predicted, self.classes)
        chosen_on = results["data"]["best_epoch_chosen_on"]
        return {run.curves: plots.curves(history, "dice", chosen_on, notice(results)), run.masks: masks.panels(*shown)}

    @staticmethod
    def report(results: Mapping[str, Any]) -> dict[str, Any]:
        evaluations = (results["best"], results["last"])
        background, foreground = results["classes"][0], _foreground(results["classes"])
        names = {
            "dice": f"Dice of {foreground}",
            "iou": f"IoU of {foreground}",
            "accuracy": "Pixel accuracy",
            "sensitivity": f"Sensitivity (share of {foreground} that is found)",
            "specificity": f"Specificity (share of {background} that is left out)",
            "background_dice": f"Dice of {background}",
            "constant_dice": f"Dice of a mask that is {foreground} everywhere",
        }
        rows = [(title, [_mean_and_overall(each, key) for each in evaluations]) for key, title in names.items()]
        for classes in zip(*(_per_class(each) for each in evaluations)):
            name = classes[0]["class"]
            of_class = {"dice": f"Dice of {name}", "iou": f"IoU of {name}", "sensitivity": f"Sensitivity of {name}"}
            rows += [(title, [_mean_and_overall(each, key) for each in classes]) for key, title in of_class.items()]
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
        ("v_rand", "V_rand"),
        ("v_info", "V_info"),
    )

    @staticmethod
    def table_figures(figures: Mapping[str, Any]) -> dict[str, float | None]:
        flat = {}
        for name, mean in figures["mean"].items():
            flat[name] = mean
            low, high = figures["interval"][name] or (None, None)
            flat.update({f"{name}_low": low, f"{name}_high": high})
        overall = figures.get("overall", {})
        pooled = {f"overall_{name}": overall.get(name) for name in ("dice", "sensitivity", "specificity", "accuracy")}
        areas = {name: overall.get(name) for name in ("auc", "average_precision", "mcc")}
        of_class = {}
        for each in _per_class(figures):
            low, high = each["interval"]["dice"] or (None, None)
            name = f"{_DICE_OF}{each['class']}"
            of_class.update({name: each["mean"]["dice"], f"{name}_low": low, f"{name}_high": high})
        return {**flat, **of_class, **pooled, **areas, "loss": figures.get("loss")}

    @classmethod
    def columns_of(cls, known: Iterable[str]) -> list[tuple[str, str]]:
        """See `Task.columns_of`; the Dice of each of several classes stands behind their mean."""
        of_class = [name for name in known if name.startswith(_DICE_OF) and not name.endswith(("_low", "_high"))]
        columns = super().columns_of(known)
        return [*columns[:1], *((name, f"{name} [95 %]") for name in of_class), *columns[1:]]

    @staticmethod
    def table_pictures(runs: Mapping[str, FinishedRun], histories: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
        dices = {name: history["dice"].tolist() for name, history in histories.items()}
        return {"curves": plots.curves_together(dices, "Dice of the foreground")}

    @staticmethod
    def main_figure(results: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
        """The Dice of the foreground, which is named, and the two figures to read it by."""
        background, foreground = results["classes"][0], _foreground(results["classes"])
        means = figures["mean"]
        of_class = [
            f", {each['class']} {share(each['mean']['dice'], each['interval']['dice'])}" for each in _per_class(figures)
        ]
        return (
            f"Dice of {foreground} {share(means['dice'], figures['interval']['dice'])}{''.join(of_class)} "
            f"(all {foreground}: {share(means['constant_dice'])}), "
            f"Dice of {background} {share(means['background_dice'])}"
            f"{_of_empty_masks(foreground, figures)}"
        )

    @staticmethod
    def measured(path: Path, opened: Opened, place: Place) -> Measured:
        """The block that a network was not trained on, wherever it lies now; of other pictures, all pairs."""
        if place.sheet or place.names:
            raise InputError(f"{path}: the network draws masks, which have no --sheet and no --map; leave them out")
        location, classes = place.path, class_names(path, opened.description)
        found = find_pairs(location)
        values = dict(zip(classes, mask_values(path, opened.description))) if len(classes) > 2 else None
        in_field = learned_in_field(opened.description)
        pairs = read_pairs(location, found.records, opened.preprocessing.fit, found.faults, values, in_field)
        divided = own_division(pairs)
        pairs = divided[1] if divided is not None else _held_out(pairs, opened.description) or pairs
        images = [pair.image for pair in pairs]
        dataset = MaskDataset(pairs, opened.preprocessing)
        notes = []
        if in_field and any(record.field is None for record in found.records):
            notes = [
                f"{location} has no masks of fields of view; what is in the round fields of its photographs counts"
            ]
        return Measured(objective_of(classes), classes, images, dataset, batch_size=1, notes=notes)

    @staticmethod
    def evaluation_table(rows: Sequence[Mapping[str, Any]]) -> str:
        """See `Task`; the figures are means over the images; of several classes, each has a line below their mean.

        ``all foreground`` is the Dice of a mask that has nothing else, to read the others by.
        """
        header = (
            *(*ORIGIN, "foreground", "Dice [95 %]", "all foreground", "Dice of background"),
            *("IoU", "pixel accuracy", "sensitivity", "specificity", "Tversky loss", "weights"),
        )
        lines = []
        for row in rows:
            lines.append(_evaluation_cells(row, _foreground(row["classes"]), row))
            lines += [_evaluation_cells(row, each["class"], each) for each in _per_class(row)]
        return aligned([header, *lines])

    @staticmethod
    def evaluation_line(row: Mapping[str, Any]) -> str:
        return f"[validation]:===model:{row['model']}==={SegmentationTask.main_figure(row, row)}"

    @staticmethod
    def trained(source: Path, network: Opened | Exported) -> Segmenter:
        return Segmenter.of(source, network)

    @staticmethod
    def over_folds(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """See `Task.over_folds`; ``images`` is their number, the rest `paddle_eye.metrics.masks.mask_summary`."""
        results: dict[str, Any] = {"runs": [each["run"] for each in runs], "classes": runs[0]["classes"]}
        for which in ("best", "last"):
            per_image = [figures for each in runs for figures in each[which]["per_image"]]
            results[which] = {"images": len(per_image), **mask_summary(per_image)}
            if len(results["classes"]) > 2:
                results[which]["per_class"] = _classes_over_folds([each[which]["per_class"] for each in runs])
        return results


def _classes_over_folds(folds: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The summary of each class over the images of all folds."""
    together = [
        (of_class[0]["class"], [image for each in of_class for image in each["per_image"]]) for of_class in zip(*folds)
    ]
    return [{"class": name, "images": len(images), **mask_summary(images)} for name, images in together]


def _held_out(pairs: list[Pair], description: Mapping[str, Any]) -> list[Pair]:
    """The block that a network was not trained on, by what is in the files; none, if these are other pictures."""
    data, seen = description.get("data", {}), seen_pictures(description)
    folds, fold = data.get("folds"), data.get("fold")
    if not seen or type(folds) is not int or type(fold) is not int or not 1 <= fold <= folds <= len(pairs):
        return []
    training, held_out = block_split(pairs, folds, fold)
    digests = [{short(pair.digest) for pair in part} for part in (training, held_out)]
    return held_out if seen <= digests[0] - digests[1] else []


def _on_both_sides(training: Sequence[Pair], validation: Sequence[Pair]) -> list[str]:
    names = [{pair.digest: pair.image for pair in part} for part in (training, validation)]
    return [
        f"identical pictures on both sides of the split: {names[0][digest]} and {names[1][digest]}"
        for digest in names[0].keys() & names[1].keys()
    ]


def _passed_over(files: Sequence[Path]) -> list[str]:
    return [f"{len(files)} files that are no pictures are passed over: {listed(files)}"] if files else []


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
    names = ("constant_dice", "background_dice", "iou", "accuracy", "sensitivity", "specificity")
    return (
        *origin(row),
        foreground,
        share(means["dice"], figures["interval"]["dice"]),
        *(share(means[name]) for name in names),
        share(row["loss"]),
        row["weights"],
    )
