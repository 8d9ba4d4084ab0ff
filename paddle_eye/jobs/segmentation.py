"""Learning the foreground of a picture, pixel by pixel."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

import paddle

from paddle_eye.config import Config
from paddle_eye.data.identity import picture_digests
from paddle_eye.data.loading import evaluation_loader, training_loader
from paddle_eye.data.locate import Location
from paddle_eye.data.mask_loading import CropDataset, MaskDataset
from paddle_eye.data.mask_transforms import PixelPreprocessing
from paddle_eye.data.masks import MaskRecord, block_split, last_aside, read_pairs
from paddle_eye.engine.task import Evaluation, Segmentation
from paddle_eye.errors import InputError
from paddle_eye.files import RunFolder
from paddle_eye.jobs.job import Data, Job
from paddle_eye.models.unet import MULTIPLE
from paddle_eye.report.finished import mask_pictures, seen_from, write_mask_figures, write_report


class SegmentationJob(Job):
    """Pairs of a picture and a mask, of which one contiguous block is measured on; see `Job`."""

    def __init__(self, settings: Config, location: Location) -> None:
        self.settings, self.location = settings, location
        self.classes = (settings.data.background, settings.data.foreground)
        self.channels = settings.model.in_channels
        if settings.data.foreground == settings.data.background:
            raise InputError(f"data.foreground={settings.data.foreground}: it needs another name than the background")
        if settings.data.image_size % MULTIPLE:
            raise InputError(f"data.image_size={settings.data.image_size}: expected a multiple of {MULTIPLE}")
        pairs = read_pairs(location.path)
        self.parts = block_split(pairs, settings.data.folds, settings.data.fold)
        self.split = {"folds": settings.data.folds, "fold": settings.data.fold or settings.data.folds}
        self.images = [[record.image for record in part] for part in self.parts]
        self.labels = [picture_digests(record.mask for record in part) for part in self.parts]

    def load(self) -> Data:
        preprocessing = PixelPreprocessing(self.channels)
        training, validation = self.parts
        kept_aside: List[MaskRecord] = []
        if self.settings.data.holdout:
            training, kept_aside = last_aside(training, self.settings.data.holdout)
        measured = MaskDataset(validation, preprocessing)
        chosen_on = MaskDataset(kept_aside, preprocessing) if kept_aside else measured
        for dataset in (measured, chosen_on):
            if not any(mask.any() for mask in dataset.masks):
                place = f"{self.location.path}, block {self.split['fold']} of {self.split['folds']}"
                raise InputError(f"{place}: no mask to measure on has foreground, so there is no Dice")
        recipe, data = self.settings.train, self.settings.data
        crops = CropDataset(training, preprocessing, data.image_size, data.crops, recipe.seed)
        return Data(crops, chosen_on, measured, self._pictures_on_both_sides())

    def _pictures_on_both_sides(self) -> List[str]:
        names = [dict(zip(picture_digests(images), images)) for images in self.images]
        return [
            f"identical pictures on both sides of the split: {names[0][digest]} and {names[1][digest]}"
            for digest in names[0].keys() & names[1].keys()
        ]

    def task(self, model: paddle.nn.Layer, training: CropDataset) -> Segmentation:
        return Segmentation(self.settings.train.loss)

    def training_loader(self, training: CropDataset) -> paddle.io.DataLoader:
        return training_loader(training, self.settings.train.batch_size, self.settings.train.seed)

    def evaluation_loader(self, dataset: MaskDataset) -> paddle.io.DataLoader:
        return evaluation_loader(dataset, batch_size=1)

    def facts(self, data: Data) -> Dict[str, Any]:
        return {
            "pictures": {"training": len(data.training.pictures), "validation": len(data.validation.pictures)},
            "validation_images": [seen_from(self.location.path, image) for image in self.images[1]],
        }

    def write(
        self,
        run: RunFolder,
        results: Mapping[str, Any],
        history: Sequence[Mapping[str, Any]],
        data: Data,
        evaluations: Mapping[str, Evaluation],
    ) -> None:
        for which in evaluations:
            write_mask_figures(run.predictions(which), results["validation_images"], results[which])
        predicted = [mask[0] for mask in evaluations["best"].outputs]
        shown = mask_pictures(run, results, history, data.validation.pictures, data.validation.masks, predicted)
        write_report(run, results, history, shown)
