"""Figures of a trained network on the validation part of a data set, or on a stranger's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Callable

from paddle_eye.data import locate
from paddle_eye.data.examination import examine_pictures, picture_digests
from paddle_eye.data.identity import seen_pictures, short
from paddle_eye.data.loading import evaluation_loader
from paddle_eye.data.preparation.test_sets import Place
from paddle_eye.data.sketches import look_alike, seen_sketches, sketch
from paddle_eye.engine.loop import evaluate
from paddle_eye.errors import InputError, JobError
from paddle_eye.models.registry import family
from paddle_eye.report.table import seen_warnings
from paddle_eye.runs.external import write_external
from paddle_eye.tasks.registry import TASKS, described_task
from paddle_eye.weights.opened import open_weights, reservations


def evaluate_weights(
    path: Path,
    data: str | None = None,
    layers: int | None = None,
    version: str | None = None,
    sheet: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, Any]:
    """All figures of a weight file on the validation part of a data set, or on everything in a stranger's.

    Of a run measured on other data than its own, a report is written beside its weights, see `write_external`.

    Args:
        path: the weight file.
        data: the data set; None takes the one the network was trained on, or, where the file does not say, what
            `locate.find` finds.
        layers: see `open_weights`.
        version: see `open_weights`.
        sheet: how to read the label sheet of ``data``, see `paddle_eye.data.preparation.steps.find_sheet`.
        names: what the network calls a class, by what the data calls it.
        progress: goes over the batches, and may show how far it is.

    Returns:
        ``weights`` (the path), ``task``, ``model`` (such as ``ResNet50-D``), ``data`` (its name), ``demonstration``,
        ``epoch`` (None if the file does not say), ``trained_on`` (how many of the pictures the network was trained on,
        None if the file does not say), ``look_trained_on`` (how many others look like those, likewise), ``classes``
        (their names), ``notes``, ``report`` (the folder of that on a stranger's data, or None) and the figures of the
        task, such as those of `paddle_eye.metrics.classification.classification_figures`.

    Raises:
        InputError: the weights or the data cannot be used.
    """
    opened = open_weights(path, layers, version)
    trained_on = opened.description.get("data", {}).get("path")
    if data is None and trained_on is not None and not Path(trained_on).is_dir():
        raise InputError(f"{path}: it was trained on {trained_on}, which is not here; say with --data what to use")
    location = locate.find(data or trained_on)
    architecture = opened.description["architecture"]
    task = described_task(path, opened.description)
    measured = task.measured(path, opened, Place(location.path, sheet or {}, names or {}))
    loader = evaluation_loader(measured.dataset, measured.batch_size)
    evaluation = evaluate(opened.model, progress(loader), measured.objective, len(measured.dataset))
    own = trained_on is None or Path(trained_on).resolve() == location.path.resolve()
    part_alone = not (own or measured.whole or sheet)
    row = {
        "weights": str(path),
        "task": task.name,
        "model": family(architecture).title(architecture),
        "data": location.name,
        "demonstration": location.demonstration,
        "epoch": opened.description.get("epoch"),
        **_count_seen(opened.description, measured.images),
        "classes": measured.classes,
        "notes": [
            *measured.notes,
            *reservations(opened.description),
            *[f"{location.path} comes divided, and its test part alone is measured"] * part_alone,
        ],
        **measured.objective.figures(evaluation),
    }
    report = None
    if measured.whole or not own:
        asked = {"sheet": {key: _whole(value) for key, value in (sheet or {}).items() if value}, "names": names or {}}
        report = write_external(path, task, {**row, **asked}, measured, evaluation, location.path)
    return {**row, "report": report and str(report)}


def _whole(value: Any) -> Any:
    """How a sheet is read, with whole paths, so that it is the same from wherever."""
    if isinstance(value, Path):
        return str(value.resolve())
    return list(map(_whole, value)) if isinstance(value, list) else value


def evaluate_each(
    paths: Sequence[Path], data: str | None, bar: Callable[[str], Callable[[Iterable], Iterable]], **how: Any
) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """`evaluate_weights` of several files: their rows, what was wrong with others, and why others failed.

    Args:
        paths: the files.
        data: see `evaluate_weights`.
        bar: what shows how far it is with the file of a name.
        how: the other arguments of `evaluate_weights`.
    """
    rows, faults, failed = [], [], []
    for path in paths:
        try:
            rows.append(evaluate_weights(path, data, progress=bar(path.name), **how))
        except JobError as error:
            failed.append(f"{path}: {error}")
        except InputError as error:
            of_data = data is not None or str(path) in str(error)
            faults.append(str(error) if of_data else f"{path}: {error}")
    return rows, list(dict.fromkeys(faults)), failed


def evaluation_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table for each task, warnings, and what the documents print for each network.

    Args:
        rows: of `evaluate_weights`.
    """
    tables = []
    for name, task in TASKS.items():
        of_task = [row for row in rows if row["task"] == name]
        if of_task:
            tables.append(task.evaluation_table(of_task))
    notes = []
    for note in dict.fromkeys(note for row in rows for note in row["notes"]):
        of = [row["weights"] for row in rows if note in row["notes"]]
        notes.append(f"note: {note}" if len(of) == len(rows) else f"note: {', '.join(of)}: {note}")
    reports = [f"report {row['report']}/report.html" for row in rows if row["report"]]
    lines = [[row["weights"]] * (len(rows) > 1) + [TASKS[row["task"]].evaluation_line(row)] for row in rows]
    return [*tables, *seen_warnings(rows), *notes, *reports, *chain(*lines)]


def _count_seen(description: Mapping[str, Any], images: Sequence[Path]) -> dict[str, int | None]:
    """How many pictures a network was trained on, and how many others look like those; None if its file is silent."""
    seen, sketches = seen_pictures(description), seen_sketches(description)
    if seen is None:
        return {"trained_on": None, "look_trained_on": None}
    others = [image for image, digest in zip(images, picture_digests(images)) if short(digest) not in seen]
    alike = None
    if sketches is not None:
        fingerprints = examine_pictures(others).fingerprints
        alike = int(look_alike([sketch(fingerprints[image]) for image in others], sketches).sum())
    return {"trained_on": len(images) - len(others), "look_trained_on": alike}
