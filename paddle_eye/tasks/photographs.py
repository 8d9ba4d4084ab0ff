"""What tasks share whose examples are photographs with labels of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Callable, ClassVar

import numpy as np
import paddle

from paddle_eye.config import Config
from paddle_eye.data.examination import examine_pictures, spread_over
from paddle_eye.data.identity import data_digest, short
from paddle_eye.data.images import stored_size
from paddle_eye.data.loading import (
    AugmentedDataset,
    Batches,
    PictureDataset,
    evaluation_loader,
    require_room,
    training_loader,
)
from paddle_eye.data.locate import Location
from paddle_eye.data.preparation.audit import examine, falsifying
from paddle_eye.data.preparation.split import set_aside
from paddle_eye.data.preparation.test_sets import Place, read_test_part
from paddle_eye.data.records import RecordSet
from paddle_eye.data.sketches import sketch
from paddle_eye.data.sources import layouts
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.engine.objective import Objective
from paddle_eye.errors import InputError, raise_faults
from paddle_eye.inference.cam import grad_cam
from paddle_eye.metrics.intervals import patient_numbers
from paddle_eye.models.registry import family
from paddle_eye.report import predictions, worst
from paddle_eye.report.finished import seen_from, write_predictions
from paddle_eye.tasks.base import HELD_OUT, VALIDATION, Data, Measured, Task
from paddle_eye.weights.opened import Opened, class_names

_MOST_PIXELS = 2**23  # that are measured together, and made ahead by each of the threads that read
_NO_FUNDI = (
    "most of these pictures seem to be no photographs of a fundus; the network will be asked without a gate that tells "
    "them from others"
)


class PhotographTask(Task):
    """Two parts of labelled photographs; see `Task`."""

    network_task = "classification"

    several_labels: ClassVar[bool]
    """Whether a photograph may show several things or none."""

    def __init__(self, settings: Config, location: Location) -> None:
        self.settings, self.location = settings, location
        self.channels, self.described = 3, {}
        self.parts = layouts.read(location.path)
        _require_labels(self.parts.training, location.path, self.several_labels)
        self.classes = self.parts.training.classes

    def load(self) -> Data:
        recipe, share_aside = self.settings.train, self.settings.data.holdout
        training, validation = self.parts
        aside = set_aside(training, share_aside, recipe.seed, f"--holdout {share_aside}") if share_aside else [training]
        preprocessing = Preprocessing(self.settings.data.image_size, self.settings.data.preset)
        learned = aside[0]
        parts = [*aside, validation]
        names = ["training", *(["held-out"] if share_aside else []), "validation"]
        prepare = preprocessing.keeping if preprocessing.augments else preprocessing.fitting
        count, others = len(learned), sum(map(len, parts[1:]))
        files = [record.image for part in parts for record in part.records]
        few = spread_over(files[:count])
        squares = preprocessing.kept_squares(list(map(stored_size, few)))
        store_note = require_room(round(count * squares) + others, len(files), preprocessing.image_size)
        examined = examine_pictures(files, [prepare] * count + [preprocessing.fitting] * others, few)
        raise_faults("pictures", examined.faults.values(), "replace them or take them out of the data set")
        augmented = partial(AugmentedDataset, seed=recipe.seed) if preprocessing.augments else PictureDataset
        datasets = [augmented(learned, preprocessing, pictures=examined.prepared[:count])]
        for part in parts[1:]:
            kept = examined.prepared[count : count + len(part)]
            datasets.append(PictureDataset(part, preprocessing, pictures=kept))
            count += len(part)
        self.described["fundus"] = fundus = 4 * sum(examined.passing.values()) >= len(few)
        digests = [[short(examined.digests[record.image]) for record in part.records] for part in self.parts]
        return Data(
            training=datasets[0],
            selection=datasets[1] if share_aside else datasets[-1],
            validation=datasets[-1],
            digests=[short(examined.digests[record.image]) for record in learned.records],
            validation_digests=digests[1],
            digest=data_digest([[record.label for record in part.records] for part in self.parts], digests),
            faults=falsifying(examine(dict(zip(names, parts)), examined)),
            notes=[*layouts.notes(self.location.path, self.parts), *store_note, *([] if fundus else [_NO_FUNDI])],
            chosen_on=HELD_OUT if share_aside else VALIDATION,
            sketches=[sketch(examined.fingerprints[record.image]) for record in learned.records],
            selection_patients=patients_of(parts[1] if share_aside else validation),
        )

    def training_loader(self, training: PictureDataset, rank: int = 0, ranks: int = 1) -> Batches:
        recipe = self.settings.train
        return training_loader(
            training, recipe.batch_size, recipe.seed, recipe.sampler, batches=recipe.accumulate, rank=rank, ranks=ranks
        )

    def evaluation_loader(self, dataset: PictureDataset) -> Batches:
        return evaluation_loader(dataset, _together(self.settings.data.image_size))

    def keep_predictions(self, path: Path, columns: Mapping[str, Any]) -> None:
        """Write what a network says of the validation photographs, see `write_predictions`."""
        validation = self.parts.validation
        images = [seen_from(self.location.path, record.image) for record in validation.records]
        write_predictions(path, images, patients_of(validation), columns)

    def worst_panels(
        self, data: Data, model: paddle.nn.Layer, images: np.ndarray, labels: np.ndarray, told: Sequence[str]
    ) -> bytes:
        """A PNG file of validation photographs with the evidence for a class of each.

        Args:
            data: of the run.
            model: with the weights that said so.
            images: indices.
            labels: the classes.
            told: of each.
        """
        fitted = [data.validation.pictures[index] for index in images.tolist()]
        inputs = np.stack([data.validation.preprocessing.normalise(picture) for picture in fitted])
        evidence = [predictions.overlay(*pair) for pair in zip(fitted, grad_cam(model, inputs, labels.tolist()))]
        names = [self.parts.validation.records[index].image.name for index in images.tolist()]
        return worst.panels(names, told, fitted, evidence)

    def facts(self, data: Data) -> dict[str, Any]:
        return {"class_counts": {"training": data.training.counts, "validation": data.validation.counts}}


def measured_photographs(
    path: Path,
    opened: Opened,
    place: Place,
    objective: Callable[[np.ndarray | None], Objective],
    several_labels: bool,
) -> Measured:
    """The photographs of a data set that a network is measured on, with its classes; see `Task.measured`.

    Args:
        path: the network's weight file, for messages.
        opened: the network.
        place: where the data set is.
        objective: the figures, given the patients of the photographs.
        several_labels: whether a photograph may show several things or none.

    Raises:
        InputError: the network does not know the classes, or the photographs have labels of another kind.
    """
    architecture = opened.description["architecture"]
    count = architecture[family(architecture).classes]
    known = class_names(path, opened.description) if "classes" in opened.description else None
    part = read_test_part(place, known)
    records, classes = part.records, list(part.records.classes)
    _require_labels(records, place.path, several_labels)
    if count != len(classes):
        raise InputError(f"{path}: the network knows {count} classes, {place.path} has {len(classes)}, {classes}")
    images = [record.image for record in records.records]
    dataset = PictureDataset(records, opened.preprocessing)
    patients = patients_of(records)
    size = _together(opened.preprocessing.image_size)
    return Measured(objective(patients), classes, images, dataset, size, part.notes, patients, part.whole)


def _together(image_size: int) -> int:
    """How many photographs a network that is measured looks at together: 50, or fewer large ones."""
    return max(1, min(50, _MOST_PIXELS // image_size**2))


def patients_of(records: RecordSet) -> np.ndarray | None:
    """A number for each photograph's patient; None if no patient has several."""
    return patient_numbers([record.group for record in records.records])


def _require_labels(records: RecordSet, place: Path, several: bool) -> None:
    """Raise an InputError if photographs have one label each and should have several, or the other way round."""
    if several and not records.several_labels:
        raise InputError(f"{place}: each photograph has one class; leave train.task=multilabel out")
    if records.several_labels and not several:
        raise InputError(
            f"{place}: a photograph may show several of {', '.join(records.classes)} or none; learn that with "
            "--set train.task=multilabel"
        )
