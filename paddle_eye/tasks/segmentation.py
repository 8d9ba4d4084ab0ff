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
from paddle_eye.data.mask_loading import CropDataset, MaskDataset, require_memory
from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.data.patients import GENERATED, patient_of, patients_among
from paddle_eye.data.preparation.test_sets import Place
from paddle_eye.data.sources.blocks import Each, block_split, last_aside, own_division
from paddle_eye.data.sources.mask_files import OUTSIDE, doubt_of_background, order_in_words, values_in_order
from paddle_eye.data.sources.pair_reading import Pair, read_pairs
from paddle_eye.data.sources.pairs import FoundPairs, find_pairs
from paddle_eye.engine.objective import Evaluation
from paddle_eye.errors import InputError, listed
from paddle_eye.inference.exported import Exported
from paddle_eye.inference.segmenter import Segmenter
from paddle_eye.metrics.intervals import Statistic
from paddle_eye.metrics.masks import mean_of_figure
from paddle_eye.models.unet import MULTIPLE
from paddle_eye.report import masks, plots
from paddle_eye.report.finished import notice, seen_from, write_predictions
from paddle_eye.report.mask_wording import DICE_OF, MaskWording, foreground_of, per_class
from paddle_eye.run_folder import RunFolder
from paddle_eye.tasks.base import HELD_OUT, OWN_PART, VALIDATION, Data, External, Measured, Task
from paddle_eye.tasks.mask_objectives import SegmentationObjective, objective_of
from paddle_eye.weights.opened import Opened, class_names, learned_in_field, mask_values

_NO_FOREGROUND = "no mask has foreground, so there is no Dice"


class SegmentationTask(MaskWording, Task):
    """Pairs of a picture and a mask, of which one contiguous block is measured on; see `Task`."""

    name = "segmentation"
    network_task = "segmentation"
    of_pixels = True
    own_settings = frozenset(
        {
            *("data.crops", "data.folds", "data.fold", "data.background", "data.foreground", "data.classes"),
            *("data.pixels", "data.bending"),
            *("train.loss", "train.freeze", "train.pretrained"),
        }
    )
    standard_recipe = "masks.yaml"
    needs_data = "the folders image and label"

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
        divided = own_division(self.found.records)
        if divided is not None:
            if settings.data.fold is not None or settings.data.folds != Config().data.folds:
                raise InputError(f"--folds, --fold: {location.path} comes divided, and stays so; leave them out")
            if divided[1] and settings.data.holdout:
                raise InputError(f"--holdout {settings.data.holdout}: {location.path} has a validation part for that")
            self.blocks = {}
        self.described = dict(self.blocks)
        if self._has_fields:
            self.described["field_of_view"] = True

    def require_blocks(self) -> None:
        pairs, *_ = self._read()
        folds = self.settings.data.folds
        for number in range(1, folds + 1):
            if not _have_foreground(pair.truth for pair in block_split(pairs, folds, number)[1]):
                place = f"{self.location.path}, block {number} of {folds}"
                raise InputError(f"{place}: {_NO_FOREGROUND}; give another number of --folds, or one block with --fold")

    def _read(self) -> tuple[list[Pair], PixelPreprocessing, Mapping[str, int] | None]:
        """All pairs, what was done to them, and the values that the classes have in masks."""
        preprocessing = PixelPreprocessing(self.channels, self.settings.data.pixels == "green")
        values = self.settings.data.classes
        if isinstance(values, list):
            masks = (record.mask for record in self.found.records)
            values = values_in_order(self.location.path, masks, values)
        found = self.found
        if not found.faults:
            kept = 3  # evaluations: of the best, the last and a new epoch
            require_memory(found.records, self._divided(found.records)[-1], self.channels, kept)
        pairs = read_pairs(self.location.path, found.records, preprocessing.fit, found.faults, values, self._has_fields)
        return pairs, preprocessing, values

    @property
    def _has_fields(self) -> bool:
        return any(record.field is not None for record in self.found.records)

    def load(self) -> Data:
        pairs, preprocessing, values = self._read()
        if values is not None:
            self.described["values"] = list(values.values())
        ordered = isinstance(self.settings.data.classes, list)
        training, kept_aside, validation = self._divided(pairs)
        chosen_on = OWN_PART if kept_aside else HELD_OUT if self.settings.data.holdout else VALIDATION
        parts = ([*training, *kept_aside], validation)
        if self.settings.data.holdout:
            training, kept_aside = last_aside(training, self.settings.data.holdout)
        faults = [*_on_both_sides(*parts), *_on_both_sides(training, kept_aside)]
        measured = MaskDataset(validation, preprocessing)
        selection = MaskDataset(kept_aside, preprocessing) if kept_aside else measured
        block = "block {fold} of {folds}".format(**self.blocks) if self.blocks else "the test part"
        for dataset, part in ((measured, block), (selection, f"the {chosen_on}")):
            if not _have_foreground(dataset.masks):
                raise InputError(f"{self.location.path}, {part}: {_NO_FOREGROUND}")
        if not _have_foreground(pair.truth for pair in training):
            raise InputError(f"{self.location.path}: no mask that is learned from has foreground to learn")
        recipe, data = self.settings.train, self.settings.data
        return Data(
            training=CropDataset(training, preprocessing, data.image_size, data.crops, recipe.seed, data.bending),
            selection=selection,
            validation=measured,
            digests=[short(pair.digest) for pair in training],
            validation_digests=[short(pair.digest) for pair in validation],
            digest=_digest_of(parts),
            faults=faults,
            notes=[
                *([order_in_words(values)] if ordered else []),
                *_notes(self.location.path, self.found, self._has_fields, self.classes, pairs),
                *_missing(self.classes, training, "learned from"),
                *_missing(self.classes, validation, "measured on"),
            ],
            chosen_on=chosen_on,
            selection_patients=patients_among(pair.image for pair in kept_aside or validation),
        )

    @property
    def validation_images(self) -> list[Path]:
        """The pictures that the figures are of."""
        return [record.image for record in self._divided(self.found.records)[-1]]

    def _divided(self, pairs: Sequence[Each]) -> tuple[list[Each], list[Each], list[Each]]:
        """The training part, what the set brings to choose the best epoch on, and the test part."""
        if (divided := own_division(pairs)) is not None:
            return divided
        training, test = block_split(pairs, **self.blocks)
        return training, [], test

    def objective(self, model: paddle.nn.Layer, training: CropDataset) -> SegmentationObjective:
        return objective_of(self.classes, self.settings.train.loss, patients_among(self.validation_images))

    def training_loader(self, training: CropDataset, rank: int = 0, ranks: int = 1) -> Batches:
        recipe = self.settings.train
        return training_loader(
            training, recipe.batch_size, recipe.seed, batches=recipe.accumulate, rank=rank, ranks=ranks
        )

    def evaluation_loader(self, dataset: MaskDataset) -> Batches:
        return evaluation_loader(dataset, batch_size=1)

    def facts(self, data: Data) -> dict[str, Any]:
        return {
            "pictures": {"training": len(data.training.pictures), "validation": len(data.validation.pictures)},
            "validation_images": [seen_from(self.location.path, image) for image in self.validation_images],
        }

    def write_predictions(
        self, run: RunFolder, results: Mapping[str, Any], evaluations: Mapping[str, Evaluation]
    ) -> None:
        images = results["validation_images"]
        for which in evaluations:
            columns = _columns(results[which])
            write_predictions(run.predictions(which), images, patients_among(self.validation_images), columns)

    def pictures(
        self,
        run: RunFolder,
        results: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        data: Data,
        best: Evaluation,
        model: paddle.nn.Layer,
    ) -> dict[Path, bytes]:
        chosen_on = results["data"]["best_epoch_chosen_on"]
        objective, images = self.objective(model, data.training), results["validation_images"]
        return {
            run.curves: plots.curves(history, "dice", chosen_on, notice(results)),
            run.masks: _panels(images, results["best"], data.validation, objective, best, self.classes),
        }

    @staticmethod
    def measured(path: Path, opened: Opened, place: Place) -> Measured:
        """The block or the test part that a network was not trained on, wherever it lies now; of other pictures, all
        pairs."""
        if place.sheet or place.names:
            raise InputError(f"{path}: the network draws masks, which have no --sheet and no --map; leave them out")
        location, classes = place.path, class_names(path, opened.description)
        found = find_pairs(location)
        values = dict(zip(classes, mask_values(path, opened.description))) if len(classes) > 2 else None
        in_field = learned_in_field(opened.description)
        require_memory(found.records, found.records, opened.preprocessing.channels)
        pairs = read_pairs(location, found.records, opened.preprocessing.fit, found.faults, values, in_field)
        held_out = _held_out(pairs, opened.description)
        whole, pairs = not held_out, held_out or pairs
        images = [pair.image for pair in pairs]
        dataset, patients = MaskDataset(pairs, opened.preprocessing), patients_among(images)
        notes = _notes(location, found, in_field, classes, pairs)
        objective = objective_of(classes, patients=patients)
        return Measured(objective, classes, images, dataset, 1, notes, patients, whole)

    @staticmethod
    def statistics(classes: Sequence[str]) -> Mapping[str, tuple[str, Statistic]]:
        names = {
            "dice": f"Dice of {foreground_of(classes)}",
            "sensitivity": "sensitivity",
            "specificity": "specificity",
        }
        if len(classes) > 2:
            names.update({f"{DICE_OF}{name}": f"Dice of {name}" for name in classes[1:]})
        return {key: (title, mean_of_figure(place)) for place, (key, title) in enumerate(names.items())}

    @staticmethod
    def kept(predictions: pd.DataFrame, classes: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        values = predictions[list(SegmentationTask.statistics(classes))].to_numpy(float)
        return values, values

    @staticmethod
    def external(measured: Measured, evaluation: Evaluation, figures: Mapping[str, Any]) -> External:
        columns, names = _columns(figures), [image.name for image in measured.images]
        panels = _panels(names, figures, measured.dataset, measured.objective, evaluation, measured.classes)
        kept = SegmentationTask.kept(pd.DataFrame(columns), measured.classes)
        return External(*kept, columns, {"masks": panels})

    @staticmethod
    def trained(source: Path, network: Opened | Exported) -> Segmenter:
        return Segmenter.of(source, network)


def _panels(
    names: Sequence[str],
    figures: Mapping[str, Any],
    dataset: MaskDataset,
    objective: SegmentationObjective,
    evaluation: Evaluation,
    classes: Sequence[str],
) -> bytes:
    """The worst masks, see `masks.panels`."""
    dices = [each["dice"] for each in figures["per_image"]]
    predicted = [objective.classes(outputs)[0] for outputs in evaluation.outputs]
    return masks.panels(names, dices, dataset.pictures, dataset.masks, predicted, classes)


def _columns(figures: Mapping[str, Any]) -> dict[str, list[float | None]]:
    """What a table of predictions has of each image: its figures, and the Dice of each of several classes."""
    per_image = figures["per_image"]
    columns = {name: [each[name] for each in per_image] for name in per_image[0]}
    for of_class in per_class(figures):
        columns[f"{DICE_OF}{of_class['class']}"] = [each["dice"] for each in of_class["per_image"]]
    return columns


def _held_out(pairs: list[Pair], description: Mapping[str, Any]) -> list[Pair]:
    """The part that a network was not trained on, by what is in the files; none, if these are other pictures."""
    data, seen = description.get("data", {}), seen_pictures(description)
    if (divided := own_division(pairs)) is not None:
        own = {short(pair.digest) for pair in divided[0]}
        return divided[-1] if seen is None or own & seen else []
    folds, fold = data.get("folds"), data.get("fold")
    if not seen or type(folds) is not int or type(fold) is not int:
        return []
    try:
        training, held_out = block_split(pairs, folds, fold)
    except InputError:  # there are no such blocks
        return []
    parts = (training, held_out)
    if data.get("digest") == _digest_of(parts):
        return held_out
    digests = [{short(pair.digest) for pair in part} for part in parts]
    return held_out if seen <= digests[0] - digests[1] else []


def _have_foreground(masks: Iterable[np.ndarray]) -> bool:
    return any(((mask > 0) & (mask != OUTSIDE)).any() for mask in masks)


def _missing(classes: Sequence[str], pairs: Sequence[Pair], what: str) -> list[str]:
    """That no mask of a part has some of several classes, if so."""
    if len(classes) == 2:
        return []
    there = set().union(*(np.unique(pair.truth).tolist() for pair in pairs))
    missing = [name for label, name in enumerate(classes) if label not in there]
    return [f"no mask that is {what} has {listed(missing)}"] if missing else []


def _digest_of(parts: Sequence[Sequence[Pair]]) -> str:
    """See `data_digest`; of the pictures that are learned from and of those that are measured on."""
    masks = [[short(pair.mask_digest) for pair in part] for part in parts]
    return data_digest(masks, [[short(pair.digest) for pair in part] for part in parts])


def _on_both_sides(training: Sequence[Pair], validation: Sequence[Pair]) -> list[str]:
    """Pictures, and patients whom their names tell, of which a network would know what it is measured on."""
    parts = (training, validation)
    pictures = [{pair.digest: pair.image for pair in part} for part in parts]
    patients = [
        {patient_of(pair.image): pair.image for pair in part if not GENERATED.fullmatch(pair.image.stem)}
        for part in parts
    ]
    return [
        f"{what} on both sides of the split: {of[0][key]} and {of[1][key]}"
        for what, of in (("identical pictures", pictures), ("a patient", patients))
        for key in of[0].keys() & of[1].keys()
        if key is not None
    ]


def _notes(place: Path, found: FoundPairs, in_field: bool, classes: Sequence[str], pairs: Sequence[Pair]) -> list[str]:
    """What a person should know of pictures and masks.

    Args:
        place: of the data set.
        found: there.
        in_field: whether fields of view are looked for where no file says them.
        classes: their names.
        pairs: that were read.
    """
    files = found.passed_over
    what = "files that are no pictures, or masks of a second observer, are passed over"
    notes = [f"{len(files)} {what}: {listed(files)}"] if files else []
    notes += [f"{place} has no masks and is left out" for place in found.left_out]
    fields = [record.field for record in found.records if record.field is not None]
    if fields:
        counted = np.mean([(pair.truth != OUTSIDE).mean() for pair in pairs])
        notes.append(f"{fields[0].parent} holds the fields of view; {counted:.0%} of the pixels count")
    if in_field and len(fields) < len(found.records):
        without = f"{place} has no masks of fields of view" if not fields else "some pictures have no field of view"
        notes.append(f"{without}; what is in the round fields of the photographs counts")
    return [*notes, *doubt_of_background(classes, (pair.truth for pair in pairs))]
