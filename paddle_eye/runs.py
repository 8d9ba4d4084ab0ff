"""Which run is meant: its settings, its data and, if it is continued, its folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from paddle_eye import config
from paddle_eye.config import Config, ModelSettings
from paddle_eye.data import locate
from paddle_eye.errors import InputError
from paddle_eye.files import RunFolder
from paddle_eye.models.registry import MODELS, family


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
    asked = chosen.updated(given, "command line")
    network_settings(asked)
    if task_of(asked) == "segmentation" and asked.data.path is None:
        raise InputError(
            f"the network {asked.model.name!r} needs --data DIR, where DIR holds the folders image and label"
        )
    location = locate.find(asked.data.path)
    if config_file is None:
        chosen = config.load(standard_configs / ("demo.yaml" if location.demonstration else "palm_resnet50.yaml"))
    return chosen.updated({**given, "data.path": str(location.path)}, "command line"), location


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
    runs = [run for name in names for run in RunFolder.existing(output, run_name(asked, name))]
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
        differing = ", ".join(f"{key} ({stored.flat()[key]} then, {continued.flat()[key]} now)" for key in fixed)
        raise InputError(
            f"{run.config}: the run was started with other values of {differing}; "
            "ask for the same ones to continue it, or leave out --resume to start another run"
        )
    return run, continued, locate.find(continued.data.path)


def network_settings(settings: Config) -> Dict[str, Any]:
    """Name and settings of the network, as they stand in its architecture.

    Raises:
        InputError: a setting that the network, or what it is trained to do, does not have.
    """
    foreign = settings.foreign_to(task_of(settings))
    if foreign:
        name, task = settings.model.name, task_of(settings)
        raise InputError(f"{', '.join(foreign)}: the network {name!r} is for {task}, which has no such setting")
    chosen = dataclasses.asdict(settings.model)
    name = chosen.pop("name")
    for key, value in chosen.items():
        if key not in MODELS[name].settings and value != getattr(ModelSettings, key):
            having = " or ".join(other for other in MODELS if key in MODELS[other].settings)
            raise InputError(f"model.{key}={value}: the network {name!r} has no such setting; it is one of {having}")
    chosen["image_size"] = settings.data.image_size
    return {"name": name, **{key: chosen[key] for key in MODELS[name].settings}}


def task_of(settings: Config) -> str:
    """``'classification'`` or ``'segmentation'``: what the network of a run is for."""
    return MODELS[settings.model.name].task


def run_name(settings: Config, data_name: str) -> str:
    """A run's name, for example ``resnet50_vD_PALM``, or ``unet_membrane-fold2`` of one whose fold was chosen."""
    network = network_settings(settings)
    fold = "" if settings.data.fold is None else f"-fold{settings.data.fold}"
    return f"{family(network).run_name(network)}_{data_name}{fold}"
