"""Learning the class of a picture."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

import numpy as np
import paddle

from paddle_eye.config import Config
from paddle_eye.data import sources
from paddle_eye.data.audit import examine
from paddle_eye.data.loading import (
    AugmentedDataset,
    PictureDataset,
    class_weights,
    evaluation_loader,
    training_loader,
)
from paddle_eye.data.locate import Location
from paddle_eye.data.split import set_aside
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.engine.task import Classification, Evaluation
from paddle_eye.errors import InputError
from paddle_eye.files import RunFolder
from paddle_eye.jobs.job import Data, Job
from paddle_eye.models.attention import nam_regulariser
from paddle_eye.report.finished import classification_pictures, seen_from, write_predictions, write_report


class ClassificationJob(Job):
    """Two parts of photographs with a class each; see `Job`."""

    def __init__(self, settings: Config, location: Location) -> None:
        self.settings, self.location = settings, location
        self.channels, self.split = 3, {}
        self.parts = sources.read(location.path)
        self.classes = self.parts.training.classes
        self.images = [[record.image for record in part.records] for part in self.parts]
        self.labels = [[record.label for record in part.records] for part in self.parts]

    def load(self) -> Data:
        training, validation = self.parts
        used, share = [training, validation], self.settings.data.holdout
        if share:
            used = [*set_aside(training, share, self.settings.train.seed, f"--holdout {share}"), validation]
        preprocessing = Preprocessing(self.settings.data.image_size, self.settings.data.preset)
        datasets, unreadable = [], []
        for part in used:
            try:
                if part is used[0] and preprocessing.augments:
                    datasets.append(AugmentedDataset(part, preprocessing, self.settings.train.seed))
                else:
                    datasets.append(PictureDataset(part, preprocessing))
            except InputError as error:
                unreadable.append(str(error))
        if unreadable:
            raise InputError("\n".join(unreadable))
        findings = examine(self.parts._asdict())
        faults = [f"{finding.kind}: {finding.told}" for finding in findings if finding.falsifies]
        return Data(datasets[0], datasets[1], datasets[-1], faults)

    def task(self, model: paddle.nn.Layer, training: PictureDataset) -> Classification:
        return Classification(
            class_weights(training) if self.settings.train.class_weights == "balanced" else None,
            nam_regulariser(model),
            self.settings.train.label_smoothing,
        )

    def training_loader(self, training: PictureDataset) -> paddle.io.DataLoader:
        recipe = self.settings.train
        return training_loader(training, recipe.batch_size, recipe.seed, recipe.sampler)

    def evaluation_loader(self, dataset: PictureDataset) -> paddle.io.DataLoader:
        return evaluation_loader(dataset)

    def facts(self, data: Data) -> Dict[str, Any]:
        return {"class_counts": {"training": data.training.counts, "validation": data.validation.counts}}

    def write(
        self,
        run: RunFolder,
        results: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        data: Data,
        evaluations: Mapping[str, Evaluation],
    ) -> None:
        images = [seen_from(self.location.path, image) for image in self.images[1]]
        arrays = {which: (np.stack(each.targets), np.stack(each.outputs)) for which, each in evaluations.items()}
        for which, (targets, outputs) in arrays.items():
            write_predictions(run.predictions(which), images, targets, outputs, self.classes)
        write_report(run, results, history, classification_pictures(run, results, history, *arrays["best"]))
