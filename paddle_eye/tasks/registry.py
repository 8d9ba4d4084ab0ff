"""The tasks by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paddle_eye.config import Config
from paddle_eye.errors import InputError
from paddle_eye.models.registry import MODELS, family
from paddle_eye.tasks.base import Task
from paddle_eye.tasks.classification import ClassificationTask
from paddle_eye.tasks.multilabel import MultilabelTask
from paddle_eye.tasks.segmentation import SegmentationTask

TASKS: dict[str, type[Task]] = {
    "classification": ClassificationTask,
    "multilabel": MultilabelTask,
    "segmentation": SegmentationTask,
}


def task_of(settings: Config) -> type[Task]:
    """What a run learns: ``train.task``, or what its network answers for.

    Raises:
        InputError: an unknown task, or one that the network cannot learn.
    """
    network = MODELS[settings.model.name]
    task = _named(settings.train.task or network.task, f"train.task={settings.train.task}")
    if task.network_task != network.task:
        fitting = ", ".join(name for name, other in MODELS.items() if other.task == task.network_task)
        raise InputError(f"train.task={task.name}: the network {settings.model.name!r} cannot learn it; take {fitting}")
    return task


def described_task(source: object, description: Mapping[str, Any]) -> type[Task]:
    """What a network was trained for, from what its file says of itself.

    Raises:
        InputError: a task that this version does not have, or that its network does not answer for.
    """
    kind = family(description["architecture"])
    task = _named(description.get("task", kind.task), source)
    if task.network_task != kind.task:
        raise InputError(f"{source}: its description says {task.name}, which is nothing that its network answers for")
    return task


def finished_task(source: object, results: Mapping[str, Any]) -> type[Task]:
    """What a run learned, from its ``metrics.json``; the first runs had but one task and do not say.

    Raises:
        InputError: a task that this version does not have.
    """
    return _named(results.get("task", "classification"), source)


def _named(name: Any, source: object) -> type[Task]:
    if not isinstance(name, str) or name not in TASKS:
        raise InputError(f"{source}: unknown task {name!r}; known are {', '.join(TASKS)}")
    return TASKS[name]
