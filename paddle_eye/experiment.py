"""The only place that turns settings into objects and runs them."""

from __future__ import annotations

import dataclasses
import os
import platform
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

import paddle
import pandas as pd

from paddle_eye import __version__, config
from paddle_eye.config import Config, ModelSettings
from paddle_eye.data import locate, sources
from paddle_eye.data.audit import examine
from paddle_eye.data.identity import data_digest, picture_digests
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
from paddle_eye.engine.checkpoint import load_checkpoint, save_checkpoint
from paddle_eye.engine.device import select_device
from paddle_eye.engine.display import Display
from paddle_eye.engine.loop import evaluate, fit
from paddle_eye.engine.task import Classification, Evaluation
from paddle_eye.errors import InputError
from paddle_eye.files import RunFolder, write_bytes, write_json, write_text
from paddle_eye.models.attention import has_nam, nam_penalty
from paddle_eye.models.complexity import multiply_adds, parameters, trainable_parameters
from paddle_eye.models.freezing import freeze
from paddle_eye.models.registry import MODELS, build, family
from paddle_eye.models.weights import load_into, read_weights, write_weights
from paddle_eye.report import page, plots


def choose_settings(
    config_file: Optional[Path], given: Mapping[str, Any], standard_configs: Path
) -> Tuple[Config, locate.Location]:
    """The settings of a run and where its data is.

    Args:
        config_file: what ``--config`` named; None takes the document's recipe, or the demonstration's for its set.
        given: dotted keys from flags and ``--set``; they win over the file.
        standard_configs: the folder of ``palm_resnet50.yaml`` and ``demo.yaml``.

    Raises:
        InputError: a wrong setting, or data that was asked for and is not there.
    """
    chosen = config.load(config_file) if config_file else Config()
    _network_settings(chosen.updated(given, "command line"))
    location = locate.find(chosen.updated(given, "command line").data.path)
    if config_file is None:
        chosen = config.load(standard_configs / ("demo.yaml" if location.demonstration else "palm_resnet50.yaml"))
    return chosen.updated({**given, "data.path": str(location.path)}, "command line"), location


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
    model = _new_model(settings, len(parts.training.classes))
    _freeze(settings, model)
    optimizer = optim.build(settings.train.optim, model, settings.train.lr, settings.train.momentum)
    history: List[Dict[str, Any]] = []
    if run is not None and run.checkpoint.is_file():
        history = load_checkpoint(run.checkpoint, model, optimizer)
        _require_same_data(run, parts)
    elif settings.train.weights is not None:
        _start_from(model, Path(settings.train.weights))
    data = _load_data(settings, parts)
    task = _task(settings, model, data.training)

    if run is None:
        name = f"{_network_name(settings)}_{location.name}"
        run = RunFolder.replace(output, name) if overwrite else RunFolder.create(output, name)
    write_text(run.config, settings.to_yaml())
    commands = _log_command(run, command)
    description = _describe(model, data, settings, location, data_digest(parts))
    told = {**description, "training_pictures": picture_digests(parts.training)}
    display.note(f"run {run.path}, data {location.path}, {device}, {len(history[1:])} epochs done")
    for fault in data.faults:
        display.note(f"FAULT of the data: {fault}")
    history = _fit(model, optimizer, task, data, settings, run, told, history, display)

    last = _evaluate(model, task, data.validation)
    weights = read_weights(run.best_weights)
    load_into(model, weights.arrays, run.best_weights)
    best = _evaluate(model, task, data.validation)
    results = {
        "run": run.path.name,
        "model": family(model.architecture).title(model.architecture),
        "commands": commands,
        "settings": settings.flat(),
        **description,
        "parameters": parameters(model),
        "trainable_parameters": trainable_parameters(model),
        "multiply_adds": multiply_adds(model, settings.data.image_size),
        "class_counts": {"training": data.training.counts, "validation": data.validation.counts},
        "faults_of_the_data": data.faults,
        "seconds": sum(row["seconds"] for row in history),
        "device": device,
        "versions": {"paddle_eye": __version__, "paddle": paddle.__version__, "python": platform.python_version()},
        "best": {"epoch": weights.description["epoch"], **task.figures(best)},
        "last": {"epoch": history[-1]["epoch"], **task.figures(last)},
    }
    images = [_seen_from(location.path, record.image) for record in parts.validation.records]
    for which, evaluation in (("best", best), ("last", last)):
        table = _predictions(images, evaluation, description["classes"])
        write_text(run.predictions(which), table.to_csv(index=False))
    _write_report(run, results, history, best)
    return run, results


def continue_run(
    output: Path, config_file: Optional[Path], given: Mapping[str, Any]
) -> Optional[Tuple[RunFolder, Config, locate.Location]]:
    """The run of the network that was asked for which was last worked on, its settings and its data.

    A run on the demonstration set is not continued where there are photographs, unless its folder is given. Only
    the device and, with a constant learning rate, the length of a run may be changed.

    Args:
        output: the folder of the runs.
        config_file: what ``--config`` named; None asks for the run's own settings.
        given: dotted keys from flags and ``--set``.

    Returns:
        None if there is no such run.

    Raises:
        InputError: what is asked for contradicts the run, or its data is not there any more.
    """
    asked = (config.load(config_file) if config_file else Config()).updated(given, "command line")
    photographs = locate.find_photographs(asked.data.path)
    names = locate.NAMES if photographs is None else [photographs.name]
    runs = [run for name in names for run in RunFolder.existing(output, f"{_network_name(asked)}_{name}")]
    runs = [run for run in runs if run.config.is_file()]
    if not runs:
        return None
    run = max(runs, key=lambda run: run.config.stat().st_mtime_ns)
    stored = config.load(run.config)
    explicit = asked.flat() if config_file else dict(given)
    if explicit.get("data.path") is None:
        explicit["data.path"] = stored.data.path
    continued = stored.updated(explicit, "command line")
    if Path(continued.data.path).resolve() == Path(stored.data.path).resolve():
        continued = continued.updated({"data.path": stored.data.path}, str(run.config))
    changed = [key for key, value in continued.flat().items() if value != stored.flat()[key]]
    changeable = {"train.device"} | ({"train.epochs"} if stored.train.schedule == "constant" else set())
    fixed = [key for key in changed if key not in changeable]
    if fixed:
        raise InputError(
            f"{run.config}: the run was started with other values of {', '.join(fixed)}; "
            "leave them out to continue it, or leave out --resume to start another run"
        )
    return run, continued, locate.find(continued.data.path)


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


def _task(settings: Config, model: paddle.nn.Layer, training: PictureDataset) -> Classification:
    return Classification(
        class_weights(training) if settings.train.class_weights == "balanced" else None,
        partial(nam_penalty, model) if has_nam(model) else None,
        settings.train.label_smoothing,
    )


def _network_settings(settings: Config) -> Dict[str, Any]:
    """Name and settings of the network, as they stand in its architecture.

    Raises:
        InputError: a setting that the network does not have.
    """
    chosen = dataclasses.asdict(settings.model)
    name = chosen.pop("name")
    for key, value in chosen.items():
        if key not in MODELS[name].settings and value != getattr(ModelSettings, key):
            having = " or ".join(other for other in MODELS if key in MODELS[other].settings)
            raise InputError(f"model.{key}={value}: the network {name!r} has no such setting; it is one of {having}")
    chosen["image_size"] = settings.data.image_size
    return {"name": name, **{key: chosen[key] for key in MODELS[name].settings}}


def _network_name(settings: Config) -> str:
    """The first part of a run's name, for example ``resnet50_vD``."""
    network = _network_settings(settings)
    return family(network).run_name(network)


def _new_model(settings: Config, class_count: int) -> paddle.nn.Layer:
    network = _network_settings(settings)
    try:
        return build({**network, family(network).classes: class_count})
    except ValueError as error:
        raise InputError(f"the network {network['name']!r} cannot be built: {error}") from error


def _require_same_data(run: RunFolder, parts: sources.Parts) -> None:
    """A run goes on with the photographs, labels and split that it was started with, or not at all."""
    if not run.best_weights.is_file():
        raise InputError(f"{run.best_weights} is missing; put it back, or train anew with --overwrite")
    started_with = ((read_weights(run.best_weights).description or {}).get("data") or {}).get("digest")
    if started_with not in (None, data_digest(parts)):
        raise InputError(
            f"{run.path}: the photographs, their labels or their split are others than when the run was started; "
            "put them back, or leave out --resume to start another run"
        )


def _freeze(settings: Config, model: paddle.nn.Layer) -> None:
    if settings.train.freeze is not None:
        try:
            freeze(model, settings.train.freeze)
        except ValueError as error:
            raise InputError(f"--freeze {settings.train.freeze}: {error}") from error


def _start_from(model: paddle.nn.Layer, path: Path) -> None:
    """Load weights that must be of the same network; equal names and shapes are not enough, O and B share them."""
    weights = read_weights(path)
    theirs = (weights.description or {}).get("architecture", model.architecture)
    if theirs != model.architecture:
        raise InputError(
            f"{path}: these weights are of {_told(theirs)}, the network to be trained is {_told(model.architecture)}"
        )
    load_into(model, weights.arrays, path, model.never_read)


def _told(architecture: Any) -> str:
    """An architecture in words."""
    if not isinstance(architecture, dict):
        return repr(architecture)
    return ", ".join(f"{key} {value}" for key, value in architecture.items())


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
    history: List[Dict[str, Any]],
    display: Display,
) -> List[Dict[str, Any]]:
    """`fit` with the run's recipe, keeping its best weights, its checkpoint and its history."""
    recipe = settings.train
    loader = training_loader(data.training, recipe.batch_size, recipe.seed, recipe.sampler)

    def train_batches(epoch: int) -> paddle.io.DataLoader:
        set_epoch(loader, epoch)
        return loader

    def keep_best(row: Dict[str, Any]) -> None:
        figures = {name: row[name] for name in ("loss", "accuracy", "auc")}
        write_weights(run.best_weights, model, {**description, "epoch": row["epoch"], "figures": figures})

    def keep_state(rows: List[Dict[str, Any]]) -> None:
        save_checkpoint(run.checkpoint, model, optimizer, rows)
        write_text(run.history, pd.DataFrame(rows).to_csv(index=False))

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


def _evaluate(model: paddle.nn.Layer, task: Classification, dataset: PictureDataset) -> Evaluation:
    """What the network says about every picture of a data set."""
    return evaluate(model, evaluation_loader(dataset), task, len(dataset))


def _write_report(run: RunFolder, results: Dict[str, Any], history: List[Dict[str, Any]], best: Evaluation) -> None:
    """Figures, pictures and the page that holds both."""
    write_json(run.metrics, results)
    notice = "demonstration set, not medical data" if results["data"]["demonstration"] else None
    classes, figures = results["classes"], results["best"]
    pictures = {
        run.curves: plots.curves(history, results["data"]["best_epoch_chosen_on"], notice),
        run.confusion_matrix: plots.confusion_matrix(figures["confusion_matrix"], classes, notice),
        run.roc: plots.roc(best.targets, best.outputs, classes, notice),
        run.calibration: plots.calibration(figures["calibration"], notice),
    }
    for path, picture in pictures.items():
        write_bytes(path, picture)
    write_text(run.report, page.render(results, history, {path.stem: picture for path, picture in pictures.items()}))


def _seen_from(folder: Path, file: Path) -> str:
    """A file's path from a folder, the same on whatever links they were reached."""
    inner = os.path.relpath(os.path.realpath(file.parent), os.path.realpath(folder))
    return (Path(inner) / file.name).as_posix()


def _predictions(images: List[str], evaluation: Evaluation, classes: List[str]) -> pd.DataFrame:
    """One row per image: its file, label, predicted class, and the probability of each class."""
    frame = pd.DataFrame(evaluation.outputs, columns=[f"p_{name}" for name in classes])
    frame.insert(0, "predicted", evaluation.outputs.argmax(axis=1))
    frame.insert(0, "label", evaluation.targets)
    frame.insert(0, "image", images)
    return frame
