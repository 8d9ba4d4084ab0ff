"""The only place that turns settings into objects and runs them."""

from __future__ import annotations

import platform
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import paddle
import pandas as pd

from paddle_eye import __version__
from paddle_eye.config import Config
from paddle_eye.data import locate
from paddle_eye.data.identity import data_digest, picture_digests, seen_pictures
from paddle_eye.data.loading import set_epoch
from paddle_eye.engine import optim
from paddle_eye.engine.checkpoint import save_checkpoint
from paddle_eye.engine.device import select_device
from paddle_eye.engine.display import Display
from paddle_eye.engine.loop import evaluate, fit
from paddle_eye.engine.task import Evaluation, Task
from paddle_eye.files import RunFolder, write_json, write_text
from paddle_eye.jobs.classification import ClassificationJob
from paddle_eye.jobs.job import Data, Job
from paddle_eye.jobs.segmentation import SegmentationJob
from paddle_eye.models.complexity import multiply_adds, parameters, trainable_parameters
from paddle_eye.models.registry import family
from paddle_eye.models.weights import load_into, read_weights, write_weights
from paddle_eye.report.training_log import scalars, training_log
from paddle_eye.runs import run_name, task_of
from paddle_eye.start import begin, new_network

JOBS = {"classification": ClassificationJob, "segmentation": SegmentationJob}


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
    job = JOBS[task_of(settings)](settings, location)
    model = new_network(settings, len(job.classes))
    optimizer = optim.build(settings.train.optim, model, settings.train.lr, settings.train.momentum)
    digests = [picture_digests(images) for images in job.images]
    digest = data_digest(job.labels, digests)
    history, origin = begin(settings, run, model, optimizer, digest)
    data = job.load()
    faults = [*data.faults, *_seen_before(origin, *digests)]
    task = job.task(model, data.training)

    if run is None:
        name = run_name(settings, location.name)
        run = RunFolder.replace(output, name) if overwrite else RunFolder.create(output, name)
    write_text(run.config, settings.to_yaml())
    write_json(run.class_indices, {str(label): name for label, name in enumerate(job.classes)})
    commands = _log_command(run, command)
    description = _describe(model, job, data, settings, location, digest)
    seen = {*digests[0], *(seen_pictures(origin) or ())}
    size = {
        "parameters": parameters(model),
        "trainable_parameters": trainable_parameters(model),
        "multiply_adds": multiply_adds(model, settings.data.image_size, job.channels),
    }
    told = {**description, "training_pictures": sorted(seen)}
    display.note(f"run {run.path}, data {location.path}, {device}, {len(history[1:])} epochs done")
    display.note(f"{size['trainable_parameters']:,} of {size['parameters']:,} parameters are trained")
    for fault in faults:
        display.note(f"FAULT of the data: {fault}")
    history = _fit(model, optimizer, task, job, data, settings, run, told, size, history, display)

    last = _evaluate(model, task, job, data.validation)
    last_figures = task.figures(last)
    figures = _main_figures(task, task.score(last), data.validation, None)
    write_weights(run.last_weights, model, {**told, "epoch": history[-1]["epoch"], "figures": figures})
    weights = read_weights(run.best_weights)
    load_into(model, weights.arrays, run.best_weights)
    best = _evaluate(model, task, job, data.validation)
    results = {
        "run": run.path.name,
        "task": task_of(settings),
        "model": family(model.architecture).title(model.architecture),
        "commands": commands,
        "settings": settings.flat(),
        **description,
        **size,
        **job.facts(data),
        "faults_of_the_data": faults,
        "seconds": sum(row["seconds"] for row in history),
        "device": device,
        "versions": {"paddle_eye": __version__, "paddle": paddle.__version__, "python": platform.python_version()},
        "best": {"epoch": weights.description["epoch"], **task.figures(best)},
        "last": {"epoch": history[-1]["epoch"], **last_figures},
    }
    job.write(run, results, history, data, {"best": best, "last": last})
    return run, results


def _seen_before(origin: Dict[str, Any], training: List[str], validation: List[str]) -> List[str]:
    """A fault, if the weights to begin with were trained on validation images; those of this run do not count."""
    earlier = (seen_pictures(origin) or set()).difference(training)
    count = sum(digest in earlier for digest in validation)
    told = f"the weights to begin with were trained on {count} of the {len(validation)} validation images"
    return [told] if count else []


def _log_command(run: RunFolder, command: str) -> List[str]:
    """Every command that had a part in the run, this one last."""
    commands = run.commands.read_text(encoding="utf-8").splitlines() if run.commands.is_file() else []
    commands.append(command)
    write_text(run.commands, "".join(f"{line}\n" for line in commands))
    return commands


def _describe(
    model: paddle.nn.Layer, job: Job, data: Data, settings: Config, location: locate.Location, digest: str
) -> Dict[str, Any]:
    """What the run's weight files say of themselves."""
    return {
        "architecture": model.architecture,
        "classes": list(job.classes),
        "preprocessing": data.training.preprocessing.describe(),
        "data": {
            "name": location.name,
            "path": str(location.path),
            "digest": digest,
            "demonstration": location.demonstration,
            "training_images": len(data.training.pictures),
            "best_epoch_chosen_on": "held-out training images" if settings.data.holdout else "validation images",
            "images_chosen_on": len(data.selection),
            **job.split,
        },
    }


def _fit(
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    task: Task,
    job: Job,
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
    counts = {"training": len(data.training.pictures), "validation": len(data.selection)}
    loader = job.training_loader(data.training)

    def train_batches(epoch: int) -> paddle.io.DataLoader:
        set_epoch(loader, epoch)
        return loader

    def keep_best(row: Dict[str, Any]) -> None:
        figures = _main_figures(task, row, data.selection, description["data"]["best_epoch_chosen_on"])
        write_weights(run.best_weights, model, {**description, "epoch": row["epoch"], "figures": figures})

    def keep_state(rows: List[Dict[str, Any]]) -> None:
        save_checkpoint(run.checkpoint, model, optimizer, rows)
        write_text(run.history, pd.DataFrame(scalars(rows)).to_csv(index=False))
        write_json(run.training_log, training_log(settings.flat(), counts, size, rows, job.classes))

    return fit(
        model,
        optimizer,
        task,
        train_batches,
        lambda: job.evaluation_loader(data.selection),
        recipe.epochs,
        expected=len(data.selection),
        history=history,
        learning_rate=partial(optim.learning_rate, recipe),
        display=display,
        keep_best=keep_best,
        keep_state=keep_state,
    )


def _main_figures(
    task: Task, score: Dict[str, Any], dataset: paddle.io.Dataset, chosen_on: Optional[str]
) -> Dict[str, Any]:
    """What a weight file says of its figures, of how many images they are, and on which its epoch was chosen."""
    figures = {name: score[name] for name in task.figure_names}
    return {**figures, "images": len(dataset), "epoch_chosen_on": chosen_on}


def _evaluate(model: paddle.nn.Layer, task: Task, job: Job, dataset: paddle.io.Dataset) -> Evaluation:
    """What the network says about every picture of a data set."""
    return evaluate(model, job.evaluation_loader(dataset), task, len(dataset))
