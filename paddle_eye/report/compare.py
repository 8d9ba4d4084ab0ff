"""Runs side by side, from the files they left."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple, Sequence

import pandas as pd

from paddle_eye.errors import InputError
from paddle_eye.files import RunFolder
from paddle_eye.metrics import holm, mcnemar
from paddle_eye.report.table import aligned, share

NOISE = 0.05
Which = Literal["best", "last"]


class FinishedRun(NamedTuple):
    """What a run says of itself.

    Args:
        name: the run's folder.
        results: what its ``metrics.json`` holds.
        figures: those of the epoch that is compared.
        predictions: what its network of that epoch said of every image.
    """

    name: str
    results: dict[str, Any]
    figures: dict[str, Any]
    predictions: pd.DataFrame


def read_runs(paths: Sequence[Path], which: Which) -> list[FinishedRun]:
    """`read_run` of each folder; runs of the same name are told apart by their whole path."""
    runs = [read_run(path, which) for path in paths]
    names = [run.name for run in runs]
    return [run._replace(name=str(path)) if names.count(run.name) > 1 else run for run, path in zip(runs, paths)]


def read_run(path: Path, which: Which) -> FinishedRun:
    """Read a finished run.

    Args:
        path: the run's folder.
        which: the epoch that is compared.

    Raises:
        InputError: it is no finished run, or was made before the files of today.
    """
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; give the folders of finished runs")
    run = RunFolder(path, path.name)
    try:
        results = json.loads(run.metrics.read_text(encoding="utf-8"))
        predictions = pd.read_csv(run.predictions(which))
        read = FinishedRun(path.name, results, results[which], predictions)
        if len(predictions) != read.figures["images"]:
            raise ValueError(f"{run.predictions(which).name} has {len(predictions)} rows")
        _row(read)
        _right(read)
        return read
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: this is no finished run that can be compared ({type(error).__name__}: {error}); "
            "continue it with tools/train.py --resume, which writes its report anew"
        ) from error


def comparison_table(runs: Sequence[FinishedRun]) -> str:
    """Size, computation, loss and accuracy of each run, one line each."""
    header = (
        *("run", "model", "input", "epoch", "parameters", "multiply-adds"),
        *("loss", "accuracy [95 %]", "macro F1", "ece"),
    )
    return aligned([header, *map(_row, runs)])


def _row(run: FinishedRun) -> tuple[str, ...]:
    return (
        run.name,
        run.results["model"],
        f"{run.results['preprocessing']['image_size']} {run.results['preprocessing']['preset']}",
        str(run.figures["epoch"]),
        f"{run.results['parameters']:,}",
        f"{run.results['multiply_adds']:,}",
        share(run.figures["loss"]),
        share(run.figures["accuracy"], run.figures["accuracy_interval"]),
        share(run.figures["macro"]["f1"]),
        share(run.figures["calibration"]["ece"]),
    )


def differences(runs: Sequence[FinishedRun]) -> list[str]:
    """A sentence on each pair of runs: whether their accuracies differ by more than noise.

    McNemar's test on the images that both were measured on; of several pairs, corrected after Holm.
    """
    pairs = list(combinations(runs, 2))
    found = [_tested(first, second) for first, second in pairs]
    corrected = iter(holm([each["p"] for each in found if each is not None]))
    several = " after Holm's correction" if len(pairs) > 1 else ""
    sentences = []
    for (first, second), counts in zip(pairs, found):
        names = f"{first.name} and {second.name}"
        if counts is None:
            sentences.append(f"{names} were not measured on the same images and cannot be tested against each other")
            continue
        p = next(corrected)
        verdict = "the difference is within noise" if p >= NOISE else "they differ by more than noise"
        sentences.append(
            f"{names}: {verdict} (of {len(first.predictions)} images, the one alone is right on "
            f"{counts['only_first']}, the other alone on {counts['only_second']}; McNemar's test {_told(p)}{several})"
        )
    return sentences


def _tested(first: FinishedRun, second: FinishedRun) -> dict[str, Any] | None:
    """McNemar's test; None if the runs were not measured on the same images."""
    if not first.predictions[["image", "label"]].equals(second.predictions[["image", "label"]]):
        return None
    return mcnemar(_right(first), _right(second))


def _told(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _right(run: FinishedRun) -> Any:
    return (run.predictions["predicted"] == run.predictions["label"]).to_numpy()
