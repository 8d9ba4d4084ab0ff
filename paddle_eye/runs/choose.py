"""Which run is meant: its settings, its data and, if it is continued, its folder."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

from paddle_eye import config
from paddle_eye.config import Config
from paddle_eye.data import locate
from paddle_eye.errors import InputError
from paddle_eye.models.registry import MODELS, family
from paddle_eye.run_folder import RunFolder
from paddle_eye.tasks.base import Task
from paddle_eye.tasks.registry import TASKS, task_of

_PACKAGE = Path(__file__).resolve().parents[1]
CONFIGS = next(place for place in (_PACKAGE / "configs", _PACKAGE.parent / "configs") if place.is_dir())


def choose_settings(config_file: Path | None, given: Mapping[str, Any]) -> tuple[Config, locate.Location]:
    """The settings of a run and where its data is.

    Args:
        config_file: what ``--config`` named; None takes the task's standard recipe, or the demonstration's for its set.
        given: dotted keys from flags and ``--set``; they win over the file.

    Raises:
        InputError: a wrong setting, or data that was asked for and is not there.
    """
    asked = asked_settings(config_file, given)
    if config_file is not None:
        _require_effect_of_file(config_file, asked)
    _require_data(asked)
    location = locate.find(asked.data.path)
    standard = CONFIGS / ("demo.yaml" if location.demonstration else task_of(asked).standard_recipe)
    chosen = config.load(config_file or standard).updated({**given, "data.path": str(location.path)}, "your settings")
    _require_effect(chosen, given)
    if chosen.train.class_weights == chosen.train.sampler == "balanced":
        both = "train.class_weights and train.sampler: both are balanced"
        raise InputError(f"{both}, and rare classes would count twice; leave one out")
    return chosen, location


def asked_settings(config_file: Path | None, given: Mapping[str, Any]) -> Config:
    """The settings of a file, or the defaults, with those that are given; see `choose_settings`.

    Raises:
        InputError: a wrong setting.
    """
    asked = (config.load(config_file) if config_file else Config()).updated(given, "your settings")
    network_settings(asked, given)
    return asked


def choose_run(
    output: Path, config_file: Path | None, given: Mapping[str, Any], *, resume: bool, note: Callable[[str], None]
) -> tuple[RunFolder | None, Config, locate.Location]:
    """The run to train, its settings and its data.

    To resume is to go on with the run of the network that was asked for which was last worked on. A run on the
    demonstration set is not continued where there are photographs, unless its folder is given. Only the device and,
    with a constant learning rate, the length of a run may be changed.

    Args:
        output: the folder of the runs.
        config_file: what ``--config`` named; None asks for the settings of the run that is resumed.
        given: dotted keys from flags and ``--set``.
        resume: go on with a run, if there is one.
        note: is told that there is none.

    Returns:
        None in place of a run that begins.

    Raises:
        InputError: see `choose_settings`; what is asked for contradicts the run, or its data is not there any more.
    """
    if resume and (continued := _last_run(output, config_file, given)):
        return continued
    if resume:
        note(f"{output} holds no run of this network to continue, a new one is started")
    return (None, *choose_settings(config_file, given))


def _last_run(
    output: Path, config_file: Path | None, given: Mapping[str, Any]
) -> tuple[RunFolder, Config, locate.Location] | None:
    """The run to resume, see `choose_run`; None if there is none."""
    asked = asked_settings(config_file, given)
    _require_data(asked)
    photographs = locate.find_photographs(asked.data.path)
    names = locate.NAMES if photographs is None else [photographs.name]
    runs = [run for name in names for run in RunFolder.existing(output, run_name(asked, name))]
    runs = [run for run in runs if run.config.is_file()]
    if not runs:
        if photographs is None:
            _refuse_other_data(output, asked, names)
        return None
    run = max(runs, key=lambda run: run.config.stat().st_mtime_ns)
    stored = config.load(run.config)
    explicit = asked.flat() if config_file else dict(given)
    if explicit.get("data.path") is None:
        explicit["data.path"] = stored.data.path
    continued = stored.updated(explicit, "your settings")
    if _same_folder(continued.data.path, stored.data.path):
        continued = continued.updated({"data.path": stored.data.path}, str(run.config))
    changeable = {"train.device", "data.path"} | ({"train.epochs"} if stored.train.schedule == "constant" else set())
    _require_effect(continued, given)
    if changed := changes(stored.flat(), continued.flat(), changeable):
        raise InputError(
            f"{run.config}: the run was started with other values of {changed}; "
            "ask for the same ones to continue it, or leave out --resume to start another run"
        )
    return run, continued, locate.find(continued.data.path)


def changes(before: Mapping[str, Any], now: Mapping[str, Any], free: Collection[str]) -> str:
    """The settings that differ, but for those that are free to, with both values; empty if none does."""
    return ", ".join(f"{key} ({before[key]} then, {now[key]} now)" for key in differing(before, now, free))


def differing(before: Mapping[str, Any], now: Mapping[str, Any], free: Collection[str]) -> list[str]:
    """The settings that both have, with other values, but for those that are free to differ.

    A path is the same however it is written.
    """
    both = [key for key in now if key in before and key not in free]
    if "data.path" in both and _same_folder(before["data.path"], now["data.path"]):
        both.remove("data.path")
    return [key for key in both if before[key] != now[key]]


def _same_folder(first: str | None, second: str | None) -> bool:
    return None not in (first, second) and Path(first).resolve() == Path(second).resolve()


def _refuse_other_data(output: Path, asked: Config, names: Sequence[str]) -> None:
    """Raise an InputError if there are runs of this network, but on other data than would be trained on."""
    prefix = run_name(asked, "")
    others = sorted(path.parent.name for path in output.glob("*/config.yaml") if path.parent.name.startswith(prefix))
    others = [name for name in others if not any(name.startswith(f"{prefix}{each}") for each in names)]
    if others:
        raise InputError(
            f"--resume: {output} has {', '.join(others)}, but no run on {' or '.join(names)}; say with --data which "
            "data to go on with, or leave out --resume to start another run"
        )


def _require_effect(settings: Config, given: Mapping[str, Any]) -> None:
    """Raise an InputError if something was given that changes nothing, given the other settings."""
    recipe = settings.train
    if "train.lrf" in given and recipe.schedule == "constant":
        raise InputError(f"train.lrf={recipe.lrf}: the learning rate is constant; add --set train.schedule=cosine")
    if "train.lrf" in given and recipe.epochs <= recipe.warmup + 1:
        raise InputError(f"train.lrf={recipe.lrf}: no epoch of {recipe.epochs} has a lower rate; leave it out")
    if "train.momentum" in given and recipe.optim != "SGD":
        raise InputError(f"train.momentum={recipe.momentum}: {recipe.optim} has none; leave it out")


def _require_effect_of_file(path: Path, asked: Config) -> None:
    """The same of what a file says that is not the standard, if it changes nothing by itself or with what is given."""
    settings, standard = config.load(path), Config().flat()
    said, faults = {key: value for key, value in settings.flat().items() if value != standard[key]}, []
    for each in (settings, asked):
        try:
            _require_effect(each, said)
        except InputError as error:
            faults.append(error)
    if len(faults) == 2:
        raise InputError(f"{path}: {faults[0]}")


def network_settings(settings: Config, given: Mapping[str, Any] = types.MappingProxyType({})) -> dict[str, Any]:
    """Name and settings of the network, as they stand in its architecture.

    Args:
        settings: of the run.
        given: dotted keys that a person gave; also where it is their standard value, they must belong to the network.

    Raises:
        InputError: a setting that the network, or what it is trained to do, does not have.
    """
    task, standard = task_of(settings), Config().flat()
    said = {key: value for key, value in settings.flat().items() if value != standard[key]}
    said.update({key: value for key, value in given.items() if value is not None})
    foreign = [f"{key}={value}" for key, value in said.items() if key in _settings_of_others(task)]
    if foreign:
        name = settings.model.name
        raise InputError(f"{', '.join(foreign)}: the network {name!r} is for {task.name}, which has no such setting")
    chosen = dataclasses.asdict(settings.model)
    name = chosen.pop("name")
    for key, value in chosen.items():
        if key not in MODELS[name].settings and f"model.{key}" in said:
            having = " or ".join(other for other in MODELS if key in MODELS[other].settings)
            raise InputError(f"model.{key}={value}: the network {name!r} has no such setting; it is one of {having}")
    chosen["image_size"] = settings.data.image_size
    return {"name": name, **{key: chosen[key] for key in MODELS[name].settings}}


def relevant_settings(settings: Config) -> dict[str, Any]:
    """Every setting that the task and the network of the run have, under its dotted key."""
    others = {*_settings_of_others(task_of(settings))}
    own = {"name", *MODELS[settings.model.name].settings}
    others.update(f"model.{name}" for name in dataclasses.asdict(settings.model) if name not in own)
    return {key: value for key, value in settings.flat().items() if key not in others}


def _settings_of_others(task: type[Task]) -> frozenset[str]:
    """Dotted keys of settings that some tasks have and this one has not."""
    return frozenset().union(*(other.own_settings for other in TASKS.values())) - task.own_settings


def _require_data(settings: Config) -> None:
    """Raise an InputError if a run of this kind cannot look for its data by itself."""
    needed = task_of(settings).needs_data
    if settings.data.path is None and needed is not None:
        raise InputError(f"the network {settings.model.name!r} needs --data DIR, where DIR holds {needed}")


def run_name(settings: Config, data_name: str) -> str:
    """A run's name, for example ``resnet50_vD_PALM``, or ``unet_membrane-fold2`` of one whose fold was chosen."""
    network = network_settings(settings)
    fold = "" if settings.data.fold is None else f"-fold{settings.data.fold}"
    return f"{family(network).run_name(network)}_{data_name}{fold}"
