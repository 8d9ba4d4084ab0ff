"""One run: the only place that turns settings into objects and trains."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pandas as pd

from paddle_eye import __version__
from paddle_eye.config import Config, to_yaml
from paddle_eye.data.identity import digest_of_pictures, seen_pictures
from paddle_eye.data.loading import Batches, EpochSampler, set_epoch
from paddle_eye.data.locate import BANNER, Location
from paddle_eye.data.sketches import seen_sketches
from paddle_eye.engine import optim
from paddle_eye.engine.checkpoint import save_checkpoint
from paddle_eye.engine.device import select_device
from paddle_eye.engine.display import Display
from paddle_eye.engine.loop import Row, evaluate, fit
from paddle_eye.engine.objective import Evaluation, Objective
from paddle_eye.engine.precision import Precision, prepare_device
from paddle_eye.engine.ranks import Ranks
from paddle_eye.errors import InputError, JobError, listed
from paddle_eye.files import claimed, file_digest, write_json, write_text
from paddle_eye.models.base import Network
from paddle_eye.models.complexity import multiply_adds, parameters, trainable_parameters
from paddle_eye.models.registry import family
from paddle_eye.report.finished import write_report
from paddle_eye.report.masks import as_png
from paddle_eye.report.training_log import scalars, training_log
from paddle_eye.run_folder import CLAIM, RunFolder
from paddle_eye.runs.choose import relevant_settings, run_name
from paddle_eye.runs.start import begin, new_network, require_history, require_same_data
from paddle_eye.tasks.base import OWN_PART, VALIDATION, Data, Task
from paddle_eye.tasks.registry import finished_task, task_of
from paddle_eye.weights.format import load_into, read_weights, write_weights
from paddle_eye.weights.opened import reservations

_OF_MACHINES = ("data.path", "train.device")  # settings that may differ from one to the next
_SHOWN = 4  # pictures of the first batch


@dataclass
class Run:
    """A network on its way from settings to a report; no file has been written yet when it is made.

    Args:
        settings: all of them.
        location: of the data.
        device: where it computes.
        task: what is learned.
        model: the network.
        optimizer: over its parameters.
        objective: loss and figures.
        data: the pictures.
        precision: of the training.
        ranks: the processes that train it together.
        history: one row per evaluation that is done.
        origin: what the weights it began or goes on with say of themselves.
    """

    settings: Config
    location: Location
    device: str
    task: Task
    model: Network
    optimizer: paddle.optimizer.Optimizer
    objective: Objective
    data: Data
    precision: Precision
    ranks: Ranks
    history: list[Row]
    origin: dict[str, Any]
    _kept: dict[str, Evaluation] = field(default_factory=dict)

    @classmethod
    def prepare(cls, settings: Config, location: Location, folder: RunFolder | None) -> Run:
        """Build the network, give it what it begins with, and read the data.

        Args:
            settings: of the run.
            location: of the data.
            folder: of the run to continue; None begins anew.

        Raises:
            InputError: settings, data or weights are wrong.
        """
        ranks = Ranks.join()
        device = select_device(settings.train.device)
        prepare_device(settings.train.amp, device)
        paddle.seed(settings.train.seed)
        task = task_of(settings)(settings, location)
        model = new_network(settings, len(task.classes))
        if settings.train.sync_batchnorm:
            ranks.synchronise_normalisation(model, device)
        optimizer = optim.build(settings.train.optim, model, settings.train.lr, settings.train.momentum)
        precision = Precision(settings.train.amp)
        history, origin = begin(settings, folder, model, optimizer, precision)
        with ranks.one_first():
            data = task.load()
        alike = {key: value for key, value in relevant_settings(settings).items() if key not in _OF_MACHINES}
        ranks.require_same([data.digest, history, alike, __version__, paddle.__version__])
        if settings.train.sync_batchnorm:
            _require_images_for_all(task.training_loader(data.training, ranks.rank, ranks.count).sampler)
        if history:
            require_same_data(folder, origin, data, task.classes)
        objective = task.objective(model, data.training)
        require_history(folder, history, origin, objective.criterion, settings.train.epochs)
        about = (settings, location, device, task, model, optimizer, objective, data)
        return cls(*about, precision, ranks, history, origin)

    @property
    def faults(self) -> list[str]:
        """What falsifies the figures: faults of the data, and validation images that earlier weights know."""
        earlier = (seen_pictures(self.origin) or set()).difference(self.data.digests)
        count = sum(digest in earlier for digest in self.data.validation_digests)
        total = len(self.data.validation_digests)
        before = f"the weights to begin with were trained on {count} of the {total} validation images"
        return [*self.data.faults, *([before] if count else [])]

    @property
    def size(self) -> dict[str, int]:
        """How large the network is, and how much it computes for a picture."""
        return {
            "parameters": parameters(self.model),
            "trainable_parameters": trainable_parameters(self.model),
            "multiply_adds": multiply_adds(self.model, self.settings.data.image_size, self.task.channels),
        }

    @property
    def description(self) -> dict[str, Any]:
        """What the run's weight files and its report say of the network and its data."""
        data = self.data
        return {
            "architecture": self.model.architecture,
            "task": self.task.name,
            "classes": list(self.task.classes),
            "preprocessing": data.training.preprocessing.describe(),
            "data": {
                "name": self.location.name,
                "path": str(self.location.path),
                "digest": data.digest,
                "training_digest": digest_of_pictures(data.digests),
                "demonstration": self.location.demonstration,
                "training_images": len(data.training.pictures),
                "best_epoch_chosen_on": data.chosen_on,
                "images_chosen_on": len(data.selection),
                **self.task.described,
            },
        }

    def step_notes(self) -> Iterator[str]:
        """How many images a step has, if that is not the batch size alone, or was another number before; and that the
        learning rate never comes to what was asked for."""
        recipe, count = self.settings.train, self.ranks.count
        own = recipe.batch_size * recipe.accumulate
        if own * count != recipe.batch_size:
            parts = f"{count} processes x {recipe.accumulate} batches x {recipe.batch_size}"
            images = min(own * count, len(self.data.training))
            yield f"a step has {images} images, {parts}; the learning rate stays {recipe.lr}"
        if recipe.warmup >= recipe.epochs > 0:
            rises = f"rises over train.warmup={recipe.warmup} epochs, of which there are {recipe.epochs}"
            yield f"note: the learning rate {rises}, and never comes to {recipe.lr}"
        before = self.history[-1].get("ranks", 1) if self.history[1:] else count
        if before != count:
            yield f"note: the epoch before was trained by {before} processes, a step had {own * before} images"

    def origin_notes(self) -> Iterator[str]:
        """What is to be said against the weights to begin with, and that they know other classes, or pictures prepared
        otherwise, where it can be told."""
        for sentence in reservations(self.origin) if not self.history else ():
            yield f"note: of the weights to begin with: {sentence}"
        recipe, preset = self.settings.train, self.settings.data.preset
        known, classes = self.origin.get("classes"), list(self.task.classes)
        if recipe.weights is not None and isinstance(known, list) and known != classes:
            yield (
                f"note: the weights to begin with tell apart {listed(known)}, the data has {listed(classes)}; "
                f"--pretrained {recipe.weights} would begin with a new last layer"
            )
        if (recipe.weights is None and recipe.pretrained is None) or "data.preset" not in self.task.own_settings:
            return
        usual = "document" if self.model.architecture.get("definition") == "document" else "imagenet"
        said = self.origin.get("preprocessing")
        theirs = said.get("preset") if isinstance(said, dict) else None
        if (theirs or usual) != preset:
            know = f"{'know' if theirs else 'probably know'} pictures as --preset {theirs or usual} prepares them"
            yield f"note: the weights to begin with {know}, not {preset}"

    def fit(self, folder: RunFolder | None, display: Display) -> None:
        """Train what is left to train; the process that leads keeps weights, checkpoint and history in the folder."""
        recipe, data, size = self.settings.train, self.data, self.size
        counts = {"training": len(data.training.pictures), "validation": len(data.selection)}
        loader = self.task.training_loader(data.training, self.ranks.rank, self.ranks.count)

        def write_history(rows: list[Row]) -> None:
            write_text(folder.history, pd.DataFrame(scalars(rows)).to_csv(index=False))
            log = training_log(relevant_settings(self.settings), counts, size, rows, self.task.classes)
            write_json(folder.training_log, log)

        def train_batches(epoch: int) -> Batches:
            set_epoch(loader, epoch)
            return loader

        def keep_best(row: Row, evaluation: Evaluation) -> None:
            self._keep("best", evaluation)
            _require_folder(folder)
            chosen_on = self.description["data"]["best_epoch_chosen_on"]
            images, patients = len(data.selection), data.selection_patients
            self._write_weights(folder.best_weights, row["epoch"], row, images, patients, chosen_on)

        def keep_state(rows: list[Row], evaluation: Evaluation) -> None:
            self._keep("last", evaluation)
            _require_folder(folder)
            save_checkpoint(folder.checkpoint, self.model, self.optimizer, rows, self.precision)
            if rows[-1]["epoch"]:  # what was trained is saved
                folder.forget_replaced()
            write_history(rows)

        set_epoch(loader, 0)
        for place, number in enumerate(next(iter(loader.sampler))[:_SHOWN], start=1):
            display.picture(f"training/{place}", 1, as_png(loader.dataset.seen(number)))
        keeping = {"keep_best": keep_best, "keep_state": keep_state} if self.ranks.leads else {}
        if self.history and self.ranks.leads:  # a stop may have come between the checkpoint and these files
            write_history(self.history)
        self.history = fit(
            self.model,
            self.optimizer,
            self.objective,
            train_batches,
            lambda: self.task.evaluation_loader(self.ranks.own(data.selection)),
            recipe.epochs,
            expected=len(data.selection),
            accumulate=recipe.accumulate,
            precision=self.precision,
            ranks=self.ranks,
            history=self.history,
            reached=self._reached,
            learning_rate=partial(optim.learning_rate, recipe),
            display=display,
            **keeping,
        )

    @property
    def _reached(self) -> float | None:
        """The criterion of the best weights of a run that was killed before the history of their epoch was kept.

        On a GPU, or with another number of processes, that epoch does not come out the same again.
        """
        ahead = self.history and (self.origin.get("epoch") or 0) > self.history[-1]["epoch"]
        return self.origin.get("figures", {}).get(self.objective.criterion) if ahead else None

    def finish(self, folder: RunFolder, commands: list[str], display: Display) -> dict[str, Any]:
        """Write the last weights and the report of best and last epoch; what ``metrics.json`` holds.

        Args:
            folder: of the run.
            commands: every one that had a part in it.
            display: shows the report's pictures.
        """
        _require_folder(folder)
        epoch = self.history[-1]["epoch"]
        last = self._kept.get("last") or self._evaluate()
        objective, said = self.task.finished(self.objective, self.model, self.data)
        last_figures = objective.figures(last)
        score = self.objective.score(last)
        images, patients = len(self.data.validation), self.objective.patients
        self._write_weights(folder.last_weights, epoch, score, images, patients, None, said)
        weights = read_weights(folder.best_weights)
        load_into(self.model, weights.arrays, folder.best_weights)
        best = self._kept.get("best") or self._evaluate()
        objective, said = self.task.finished(self.objective, self.model, self.data)
        if said:
            write_weights(folder.best_weights, self.model, {**weights.description, **said})
        versions = {"paddle_eye": __version__, "paddle": paddle.__version__, "python": platform.python_version()}
        results = {
            "run": folder.path.name,
            "model": family(self.model.architecture).title(self.model.architecture),
            "commands": commands,
            "settings": relevant_settings(self.settings),
            **self.description,
            **self.size,
            "measured_on": "test images" if self.data.chosen_on == OWN_PART else VALIDATION,
            **self.task.facts(self.data),
            "faults_of_the_data": self.faults,
            "seconds": sum(row["seconds"] for row in self.history),
            "device": self.device,
            "versions": versions,
            "best": {"epoch": weights.description["epoch"], **objective.figures(best)},
            "last": {"epoch": epoch, **last_figures},
        }
        pictures = self.task.pictures(folder, results, self.history, self.data, best, self.model)
        self.task.write_predictions(folder, results, {"best": best, "last": last})
        results["predictions"] = {which: file_digest(folder.predictions(which)) for which in ("best", "last")}
        write_report(folder, results, self.history, pictures, self.task.report(results), self.task.template)
        for path, png in pictures.items():
            display.picture(f"report/{path.stem}", epoch, png)
        return results

    def _keep(self, which: str, evaluation: Evaluation) -> None:
        """Remember what the network said of the validation part, unless an epoch is chosen on another."""
        if self.data.selection is self.data.validation:
            self._kept[which] = evaluation

    def _evaluate(self) -> Evaluation:
        """What the network says about every picture of the validation part."""
        validation = self.data.validation
        return evaluate(self.model, self.task.evaluation_loader(validation), self.objective, len(validation))

    def _write_weights(
        self,
        path: Path,
        epoch: int,
        score: Row,
        images: int,
        patients: np.ndarray | None,
        chosen_on: str | None,
        said: Mapping[str, Any] | None = None,
    ) -> None:
        """A weight file that says what its figures are, of how many images, whether patients have several of them, on
        which its epoch was chosen, and more."""
        figures = {name: score[name] for name in self.objective.figure_names}
        over = "images" if patients is None else "patients"
        figures.update({"images": images, "epoch_chosen_on": chosen_on, "intervals_over": over})
        seen = sorted({*self.data.digests, *(seen_pictures(self.origin) or ())})
        description = {**self.description, "training_pictures": seen, "epoch": epoch, "figures": figures}
        if sketches := sorted({*self.data.sketches, *(seen_sketches(self.origin) or ())}):
            description["training_sketches"] = sketches
        description.update(said or {})
        write_weights(path, self.model, description)


def train(
    settings: Config,
    location: Location,
    output: Path,
    *,
    run: RunFolder | None,
    overwrite: bool,
    command: str,
    display: Display,
) -> tuple[RunFolder, dict[str, Any]] | None:
    """Train, or go on training, and write everything a run leaves behind.

    No run folder is made or changed before the weights to start from and every photograph have been read. Of several
    processes that train together, one writes and shows all this.

    Args:
        settings: of the run.
        location: of the data.
        output: the folder of the runs.
        run: the run to continue; None starts a new one.
        overwrite: a new run replaces the one of its name; otherwise it gets a folder of its own.
        command: what the person typed, for the report.
        display: shows the progress.

    Returns:
        The run's folder and what its ``metrics.json`` holds; None in a process that does not lead.

    Raises:
        InputError: settings, data or weights are wrong, or another process has trained the run meanwhile.
        JobError: the training failed.
    """
    read = None if run is None else _state(run)
    training = Run.prepare(settings, location, run)
    if not training.ranks.leads:
        training.fit(None, Display())
        return None
    if run is None:
        name = run_name(settings, location.name)
        run = RunFolder.replace(output, name) if overwrite else RunFolder.create(output, name)
    with claimed(run.path, CLAIM):
        if read is not None and _state(run) != read:
            raise InputError(f"{run.path}: another process has trained this run meanwhile; start again to go on")
        return run, _train(training, run, command, display)


def _state(run: RunFolder) -> tuple[int, ...]:
    """What changes when a run's checkpoint is written."""
    if not run.checkpoint.exists():
        return ()
    found = run.checkpoint.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _require_images_for_all(sampler: EpochSampler) -> None:
    """Refuse to normalise over the batches of all processes where one has none, for which the others would wait."""
    if sampler.leaves_one_idle:
        raise InputError(
            f"train.sync_batchnorm=true: {sampler.count} images in batches of {sampler.batch_size} leave one of "
            f"{sampler.ranks} processes without any in the last step of an epoch; take another --batch-size"
        )


def _train(training: Run, run: RunFolder, command: str, display: Display) -> dict[str, Any]:
    """The run in its folder; what its ``metrics.json`` holds."""
    settings = training.settings
    write_text(run.config, to_yaml(relevant_settings(settings)))
    write_json(run.class_indices, {str(label): name for label, name in enumerate(training.task.classes)})
    commands = _log_command(run, command)
    size = training.size
    display.note(
        f"run {run.path}, data {training.location.path}, {training.device}, {len(training.history[1:])} epochs done"
    )
    display.note(f"{size['trainable_parameters']:,} of {size['parameters']:,} parameters are trained")
    if training.location.demonstration:
        display.note(BANNER)
    for note in (*training.step_notes(), *training.origin_notes()):
        display.note(note)
    for fault in training.faults:
        display.note(f"FAULT of the data: {fault}")
    for note in training.data.notes:
        display.note(f"note: {note}")
    begins_with = settings.train.weights or settings.train.pretrained
    if settings.train.freeze is not None and begins_with is None and not training.history:
        display.note(f"WARNING: --freeze {settings.train.freeze} keeps random weights; give --pretrained, too")
    try:
        display.started(run)
        training.fit(run, display)
        display.note("drawing the report …")
        results = training.finish(run, commands, display)
        run.forget_replaced()
    finally:
        run.bring_back_replaced()
    return results


def result_lines(results: Mapping[str, Any]) -> list[str]:
    """The main figures of a finished run, of its best and its last epoch.

    Args:
        results: what its ``metrics.json`` holds.
    """
    lines = []
    for which in ("best", "last"):
        figures = results[which]
        main = finished_task(results["run"], results).main_figure(results, figures)
        chosen = f", chosen on the {results['data']['best_epoch_chosen_on']}" if which == "best" else ""
        if which == "best" and figures["epoch"] == 0 < results["last"]["epoch"]:
            chosen += "; no epoch was better than the weights it began with"
        epoch = f"{which} epoch {figures['epoch']} on the {results['measured_on']}"
        lines.append(f"{epoch}: {main}, loss {figures['loss']:.5f}{chosen}")
    return lines


def _require_folder(run: RunFolder) -> None:
    """Raise a JobError if a run's folder was removed; it would be made again without what was in it."""
    if not run.config.is_file():
        raise JobError(f"{run.path}: the folder was removed while its run was trained")


def _log_command(run: RunFolder, command: str) -> list[str]:
    """Every command that had a part in the run, this one last."""
    commands = run.commands.read_text(encoding="utf-8").splitlines() if run.commands.is_file() else []
    commands.append(command)
    write_text(run.commands, "".join(f"{line}\n" for line in commands))
    return commands
