"""Finished runs of one task, to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from paddle_eye.errors import InputError
from paddle_eye.report.compare import Comparison, FinishedRun, Which, read_run, require_comparable
from paddle_eye.tasks.registry import finished_task


def read_runs(paths: Sequence[Path], which: Which) -> tuple[list[FinishedRun], Comparison]:
    """Each folder's run, and how they are compared; runs of the same name go by their whole path.

    Raises:
        InputError: a folder holds no finished run of today's files, or they are of several tasks.
    """
    runs = [read_run(path, which) for path in paths]
    tasks = [finished_task(path, run.results) for path, run in zip(paths, runs)]
    if len(set(tasks)) > 1:
        names = ", ".join(dict.fromkeys(task.name for task in tasks))
        raise InputError(f"runs of {names} cannot be compared; give runs of one kind")
    comparison = tasks[0].comparison
    for path, run in zip(paths, runs):
        require_comparable(path, run, comparison)
    names = [run.name for run in runs]
    runs = [run._replace(name=str(path)) if names.count(run.name) > 1 else run for run, path in zip(runs, paths)]
    return runs, comparison
