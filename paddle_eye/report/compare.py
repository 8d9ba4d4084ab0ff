"""Runs side by side, from the files they left."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple, Sequence

import pandas as pd

from paddle_eye.errors import InputError
from paddle_eye.files import RunFolder
from paddle_eye.metrics import mcnemar
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
    """A sentence on each pair of runs: whether their accuracies differ by more than noise (McNemar's test)."""
    return [_difference(first, second) for first, second in combinations(runs, 2)]


def _difference(first: FinishedRun, second: FinishedRun) -> str:
    names = f"{first.name} and {second.name}"
    if not first.predictions[["image", "label"]].equals(second.predictions[["image", "label"]]):
        return f"{names} were not measured on the same images and cannot be tested against each other"
    found = mcnemar(_right(first), _right(second))
    told = (
        f"of {len(first.predictions)} images, the one alone is right on {found['only_first']}, "
        f"the other alone on {found['only_second']}; McNemar's test {_told(found['p'])}"
    )
    if found["p"] >= NOISE:
        return f"{names}: the difference is within noise ({told})"
    return f"{names}: they differ by more than noise ({told})"


def _told(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _right(run: FinishedRun) -> Any:
    return (run.predictions["predicted"] == run.predictions["label"]).to_numpy()
