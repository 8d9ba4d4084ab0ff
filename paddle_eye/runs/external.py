"""The report of a network measured on a stranger's data; it stands beside the run."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any

from paddle_eye.engine.objective import Evaluation
from paddle_eye.errors import InputError
from paddle_eye.files import read_json, write_bytes, write_json, write_text
from paddle_eye.metrics.intervals import bootstrap_difference
from paddle_eye.report import page
from paddle_eye.report.compare import FinishedRun, read_run
from paddle_eye.report.finished import seen_from, write_predictions
from paddle_eye.run_folder import LAST_WEIGHTS, best_weights_in
from paddle_eye.tasks.base import External, Measured, Task


def write_external(
    weights: Path, task: type[Task], row: Mapping[str, Any], measured: Measured, evaluation: Evaluation, place: Path
) -> Path | None:
    """Write figures, predictions and a page to ``external-NAME`` beside the best weights of a run, those of its last
    weights to ``external-NAME-last``.

    A report on another folder of that name, or on it with another sheet or other names of classes, is not replaced;
    this one's is then ``external-NAME-2``.

    Args:
        weights: the file; of one that is not what a finished run reports on nothing is written.
        task: what the network was trained for.
        row: of `paddle_eye.runs.evaluate.evaluate_weights`, with its ``sheet`` and its ``names``.
        measured: what was measured on.
        evaluation: what the network said.
        place: the folder of the data.

    Returns:
        The folder; None if nothing was written.
    """
    which = "last" if weights.name == LAST_WEIGHTS else "best"
    if which == "best" and weights not in best_weights_in(weights.parent):
        return None
    try:
        run = read_run(weights.parent, which)
    except InputError:
        return None
    if run.figures["epoch"] != row["epoch"] or not task.statistics(measured.classes):
        return None
    kept = task.external(measured, evaluation, row)
    asked = {"place": str(place.resolve()), "sheet": row["sheet"], "names": row["names"]}
    results = {**row, **asked, "differences": _differences(run, task, row, measured, kept)}
    name = f"external-{row['data']}" + "-last" * (which == "last")
    folder = _folder(weights.parent / name, asked)
    write_json(folder / "metrics.json", results)
    images = [seen_from(place, path) for path in measured.images]
    write_predictions(folder / "predictions.csv", images, measured.patients, kept.columns)
    for name, picture in kept.pictures.items():
        write_bytes(folder / f"{name.replace(' ', '_')}.png", picture)
    shown = {"run": run.name, "place": str(place), "which": which}
    write_text(folder / "report.html", page.render(results, [], kept.pictures, shown, "external.html"))
    return folder


def _folder(first: Path, asked: Mapping[str, Any]) -> Path:
    """The first of ``NAME``, ``NAME-2`` … that is not there, or has a report on what was asked for."""
    others = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return next(folder for folder in chain([first], others) if _is_free(folder, asked))


def _is_free(folder: Path, asked: Mapping[str, Any]) -> bool:
    try:
        kept = read_json(folder / "metrics.json", "a report") if folder.exists() else {}
        return all(kept.get(name, value) == value for name, value in asked.items())
    except (InputError, AttributeError):
        return False


def _differences(
    run: FinishedRun, task: type[Task], row: Mapping[str, Any], measured: Measured, kept: External
) -> list[dict[str, Any]]:
    """Each of the task's statistics on the run's own validation images and on the stranger's, and the difference."""
    own = (*task.kept(run.predictions, measured.classes), run.patients)
    others = (kept.labels, kept.outputs, measured.patients)
    internal, external = task.table_figures(run.figures), task.table_figures(row)
    rows = []
    for key, (name, statistic) in task.statistics(measured.classes).items():
        defined = None not in (internal[key], external[key])
        rows.append(
            {
                "name": name,
                "internal": internal[key],
                "internal_interval": _interval(internal, key),
                "external": external[key],
                "external_interval": _interval(external, key),
                "difference": external[key] - internal[key] if defined else None,
                "difference_interval": bootstrap_difference(statistic, own, others) if defined else None,
            }
        )
    return rows


def _interval(figures: Mapping[str, float | None], key: str) -> list[float] | None:
    ends = [figures[f"{key}_low"], figures[f"{key}_high"]]
    return None if None in ends else ends
