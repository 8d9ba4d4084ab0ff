"""The only place that turns settings into objects and runs them."""

from __future__ import annotations

import platform
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import paddle
import pandas as pd

from paddle_eye import __version__
from paddle_eye.config import Config
from paddle_eye.data import locate, sources
from paddle_eye.data.audit import examine
from paddle_eye.data.identity import data_digest, picture_digests, seen_pictures
from paddle_eye.data.loading import (
    AugmentedDataset,
    PictureDataset,
    class_weights,
    evaluation_loader,
    set_epoch,
    training_loader,
)
from paddle_eye.data.split import set_aside
from paddle_eye.data.transforms import Preprocessing
from paddle_eye.engine import optim
from paddle_eye.engine.checkpoint import save_checkpoint
from paddle_eye.engine.device import select_device
from paddle_eye.engine.display import Display
from paddle_eye.engine.loop import evaluate, fit
from paddle_eye.engine.task import Classification, Evaluation
from paddle_eye.errors import InputError
from paddle_eye.files import RunFolder, write_json, write_text
from paddle_eye.models.attention import nam_regulariser
from paddle_eye.models.complexity import multiply_adds, parameters, trainable_parameters
from paddle_eye.models.registry import family
from paddle_eye.models.weights import load_into, read_weights, write_weights
from paddle_eye.report.finished import seen_from, write_predictions, write_report
from paddle_eye.report.training_log import scalars, training_log
from paddle_eye.runs import network_name
from paddle_eye.start import begin, new_network


class Data(NamedTuple):
    """The photographs of a run, in memory.

    Args:
        training: what the network learns from.
        selection: what the best epoch is chosen on; the same object as ``validation`` without a hold-out.
        validation: what the figures are of.
        faults: what falsifies those figures.
    """

    training: PictureDataset
    selection: PictureDataset
    validation: PictureDataset
    faults: List[str]


def train(
    settings: Config,
    location: locate.Location,
    output: Path,
    *,
    run: Optional[RunFolder],
    overwrite: bool,
    command: str,
    display: Display,
) -> Tuple[RunFolder, Dict[str, Any]]:
    """Train, or go on training, and write everything a run leaves behind.

    No run folder is made or changed before the weights to start from and every photograph have been read.

    Args:
        settings: of the run.
        location: of the data.
        output: the folder of the runs.
        run: the run to continue; None starts a new one.
        overwrite: a new run replaces the one of its name; otherwise it gets a folder of its own.
        command: what the person typed, for the report.
        display: shows the progress.

    Returns:
        The run's folder and what its ``metrics.json`` holds.

    Raises:
        InputError: settings, data or weights are wrong.
        JobError: the training failed.
    """
    device = select_device(settings.train.device)
    paddle.seed(settings.train.seed)
    parts = sources.read(location.path)
    model = new_network(settings, len(parts.training.classes))
    optimizer = optim.build(settings.train.optim, model, settings.train.lr, settings.train.momentum)
    digests = [picture_digests(part) for part in parts]
    digest = data_digest(parts, digests)
    history, origin = begin(settings, run, model, optimizer, digest)
    data = _load_data(settings, parts)
    faults = [*data.faults, *_seen_before(origin, *digests)]
    task = _task(settings, model, data.training)

    if run is None:
        name = f"{network_name(settings)}_{location.name}"
        run = RunFolder.replace(output, name) if overwrite else RunFolder.create(output, name)
    write_text(run.config, settings.to_yaml())
    write_json(run.class_indices, {str(label): name for label, name in enumerate(data.training.classes)})
    commands = _log_command(run, command)
    description = _describe(model, data, settings, location, digest)
    seen = {*digests[0], *(seen_pictures(origin) or ())}
    size = {
        "parameters": parameters(model),
        "trainable_parameters": trainable_parameters(model),
        "multiply_adds": multiply_adds(model, settings.data.image_size),
    }
    told = {**description, "training_pictures": sorted(seen)}
    display.note(f"run {run.path}, data {location.path}, {device}, {len(history[1:])} epochs done")
    display.note(f"{size['trainable_parameters']:,} of {size['parameters']:,} parameters are trained")
    for fault in faults:
        display.note(f"FAULT of the data: {fault}")
    history = _fit(model, optimizer, task, data, settings, run, told, size, history, display)

    last = _evaluate(model, task, data.validation)
    last_figures = task.figures(last)
    figures = _main_figures(last_figures, data.validation, None)
    write_weights(run.last_weights, model, {**told, "epoch": history[-1]["epoch"], "figures": figures})
    weights = read_weights(run.best_weights)
    load_into(model, weights.arrays, run.best_weights)
    best = _evaluate(model, task, data.validation)
    results = {
        "run": run.path.name,
        "model": family(model.architecture).title(model.architecture),
        "commands": commands,
        "settings": settings.flat(),
        **description,
        **size,
        "class_counts": {"training": data.training.counts, "validation": data.validation.counts},
        "faults_of_the_data": faults,
        "seconds": sum(row["seconds"] for row in history),
        "device": device,
        "versions": {"paddle_eye": __version__, "paddle": paddle.__version__, "python": platform.python_version()},
        "best": {"epoch": weights.description["epoch"], **task.figures(best)},
        "last": {"epoch": history[-1]["epoch"], **last_figures},
    }
    images = [seen_from(location.path, record.image) for record in parts.validation.records]
    for which, evaluation in (("best", best), ("last", last)):
        write_predictions(run.predictions(which), images, evaluation.targets, evaluation.outputs, results["classes"])
    write_report(run, results, history, best.targets, best.outputs)
    return run, results


def _load_data(settings: Config, parts: sources.Parts) -> Data:
    used = [parts.training, parts.validation]
    if settings.data.holdout:
        share = settings.data.holdout
        used = [*set_aside(parts.training, share, settings.train.seed, f"--holdout {share}"), parts.validation]
    preprocessing = Preprocessing(settings.data.image_size, settings.data.preset)
    datasets, unreadable = [], []
    for part in used:
        try:
            if part is used[0] and preprocessing.augments:
                datasets.append(AugmentedDataset(part, preprocessing, settings.train.seed))
            else:
                datasets.append(PictureDataset(part, preprocessing))
        except InputError as error:
            unreadable.append(str(error))
    if unreadable:
        raise InputError("\n".join(unreadable))
    findings = examine(parts._asdict())
    faults = [f"{finding.kind}: {finding.told}" for finding in findings if finding.falsifies]
    return Data(datasets[0], datasets[1], datasets[-1], faults)


def _seen_before(origin: Dict[str, Any], training: List[str], validation: List[str]) -> List[str]:
    """A fault, if the weights to begin with were trained on validation images; those of this run do not count."""
    earlier = (seen_pictures(origin) or set()).difference(training)
    count = sum(digest in earlier for digest in validation)
    told = f"the weights to begin with were trained on {count} of the {len(validation)} validation images"
    return [told] if count else []


def _task(settings: Config, model: paddle.nn.Layer, training: PictureDataset) -> Classification:
    return Classification(
        class_weights(training) if settings.train.class_weights == "balanced" else None,
        nam_regulariser(model),
        settings.train.label_smoothing,
    )


def _log_command(run: RunFolder, command: str) -> List[str]:
    """Every command that had a part in the run, this one last."""
    commands = run.commands.read_text(encoding="utf-8").splitlines() if run.commands.is_file() else []
    commands.append(command)
    write_text(run.commands, "".join(f"{line}\n" for line in commands))
    return commands


def _describe(
    model: paddle.nn.Layer, data: Data, settings: Config, location: locate.Location, digest: str
) -> Dict[str, Any]:
    """What the run's weight files say of themselves."""
    return {
        "architecture": model.architecture,
        "classes": list(data.training.classes),
        "preprocessing": data.training.preprocessing.describe(),
        "data": {
            "name": location.name,
            "path": str(location.path),
            "digest": digest,
            "demonstration": location.demonstration,
            "training_images": len(data.training),
            "best_epoch_chosen_on": "held-out training images" if settings.data.holdout else "validation images",
            "images_chosen_on": len(data.selection),
        },
    }


def _fit(
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    task: Classification,
    data: Data,
    settings: Config,
    run: RunFolder,
    description: Dict[str, Any],
    size: Dict[str, int],
    history: List[Dict[str, Any]],
    display: Display,
) -> List[Dict[str, Any]]:
    """`fit` with the run's recipe, keeping its best weights, its checkpoint and its history."""
    recipe = settings.train
    counts = {"training": len(data.training), "validation": len(data.selection)}
    loader = training_loader(data.training, recipe.batch_size, recipe.seed, recipe.sampler)

    def train_batches(epoch: int) -> paddle.io.DataLoader:
        set_epoch(loader, epoch)
        return loader

    def keep_best(row: Dict[str, Any]) -> None:
        figures = _main_figures(row, data.selection, description["data"]["best_epoch_chosen_on"])
        write_weights(run.best_weights, model, {**description, "epoch": row["epoch"], "figures": figures})

    def keep_state(rows: List[Dict[str, Any]]) -> None:
        save_checkpoint(run.checkpoint, model, optimizer, rows)
        write_text(run.history, pd.DataFrame(scalars(rows)).to_csv(index=False))
        write_json(run.training_log, training_log(settings.flat(), counts, size, rows, data.training.classes))

    return fit(
        model,
        optimizer,
        task,
        train_batches,
        lambda: evaluation_loader(data.selection),
        recipe.epochs,
        expected=len(data.selection),
        history=history,
        learning_rate=partial(optim.learning_rate, recipe),
        display=display,
        keep_best=keep_best,
        keep_state=keep_state,
    )


def _main_figures(score: Dict[str, Any], dataset: PictureDataset, chosen_on: Optional[str]) -> Dict[str, Any]:
    """What a weight file says of its figures, of how many images they are, and on which its epoch was chosen."""
    figures = {name: score[name] for name in ("loss", "accuracy", "auc")}
    return {**figures, "images": len(dataset), "epoch_chosen_on": chosen_on}


def _evaluate(model: paddle.nn.Layer, task: Classification, dataset: PictureDataset) -> Evaluation:
    """What the network says about every picture of a data set."""
    return evaluate(model, evaluation_loader(dataset), task, len(dataset))
