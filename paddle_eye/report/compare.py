"""Runs side by side, from the files they left."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Callable, Literal, NamedTuple

import numpy as np
import pandas as pd

from paddle_eye.data.patients import patients_among
from paddle_eye.errors import InputError
from paddle_eye.files import file_digest, read_json, require_ordinary
from paddle_eye.metrics.intervals import holm
from paddle_eye.report import plots
from paddle_eye.report.finished import PATIENT
from paddle_eye.report.table import aligned
from paddle_eye.run_folder import RunFolder

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

    @property
    def patients(self) -> np.ndarray | None:
        """A number for each image's patient, int [N]; None if no patient has several images."""
        if PATIENT in self.predictions:
            return self.predictions[PATIENT].to_numpy()
        if self.figures.get("intervals_over") == "patients":  # a run made before its predictions numbered them
            return patients_among(self.predictions["image"].astype(str))
        return None


class Tested(NamedTuple):
    """A test of two runs.

    Args:
        name: of the test.
        counts: what it counted, in words.
        p: its probability.
        least_p: the lowest that so many images allow.
    """

    name: str
    counts: str
    p: float
    least_p: float


class Comparison(NamedTuple):
    """How runs of one task are compared.

    Args:
        header: of the table, behind the columns of every task.
        row: the cells of a run.
        main: the figure that is drawn with its interval.
        other: the one beside it.
        drawn: main figure, its interval and the other one.
        test: of two runs on the same images.
        further_tests: others that tables show as well; one may have nothing to say, None.
        same: the columns of the predictions that tell the images.
        needed: the other columns that the test looks at.
    """

    header: tuple[str, ...]
    row: Callable[[FinishedRun], tuple[str, ...]]
    main: str
    other: str
    drawn: Callable[[FinishedRun], tuple[float, Sequence[float], float]]
    test: Callable[[FinishedRun, FinishedRun], Tested]
    same: list[str]
    needed: list[str]
    further_tests: tuple[Callable[[FinishedRun, FinishedRun], Tested | None], ...] = ()


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
    if not run.metrics.is_file() and not run.config.is_file():
        inside = [f"; did you mean {found.parent}?" for found in sorted(path.glob("*/metrics.json"))[:1]]
        raise InputError(f"{path}: this is no run's folder{''.join(inside)}")
    try:
        results = read_json(run.metrics, "a finished run")
        require_ordinary(run.predictions(which), 1024, "the predictions of a run")
        digest, predictions = file_digest(run.predictions(which)), pd.read_csv(run.predictions(which))
        if results.get("predictions", {}).get(which, digest) != digest:
            raise ValueError(f"{run.predictions(which).name} is not what {run.metrics.name} was written with")
        read = FinishedRun(path.name, results, results[which], predictions)
        if len(predictions) != read.figures["images"]:
            raise ValueError(f"{run.predictions(which).name} has {len(predictions)} rows")
        return read
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(_unusable(path, error)) from error


def require_comparable(path: Path, run: FinishedRun, comparison: Comparison) -> None:
    """Raise an InputError if a run lacks what its comparison looks at."""
    try:
        missing = [name for name in (*comparison.same, *comparison.needed) if name not in run.predictions]
        if missing:
            raise ValueError(f"its predictions have no column {', '.join(missing)}")
        _row(run, comparison)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(_unusable(path, error)) from error


def _unusable(path: Path, error: Exception) -> str:
    why = f"it lacks {error}" if isinstance(error, KeyError) else error
    return (
        f"{path}: this is no finished run that can be compared ({why}); "
        "continue it with tools/train.py --resume, which writes its report anew"
    )


def comparison_table(runs: Sequence[FinishedRun], comparison: Comparison) -> str:
    """Size, computation and main figures of each run, one line each."""
    header = ("run", "model", "epoch", "parameters", "multiply-adds", *comparison.header)
    return aligned([header, *(_row(run, comparison) for run in runs)])


def comparison_picture(runs: Sequence[FinishedRun], which: Which, comparison: Comparison) -> bytes:
    """The main figure of each run with its interval, and another figure to read it by, as a PNG file."""
    mains, intervals, others = zip(*(comparison.drawn(run) for run in runs))
    names = [run.name for run in runs]
    return plots.comparison(names, comparison.main, mains, intervals, comparison.other, others, f"{which} epoch")


def differences(
    runs: Sequence[FinishedRun],
    comparison: Comparison,
    test: Callable[[FinishedRun, FinishedRun], Tested | None] | None = None,
) -> list[str]:
    """A sentence on each pair of runs: whether they differ by more than noise.

    Tested on the images that both were measured on, over patients where some have several; of several pairs, corrected
    after Holm.

    Args:
        runs: of one task.
        comparison: how they are compared.
        test: one of its further tests; None takes its main one, such as McNemar's test of the predicted classes, or
            Wilcoxon's signed-rank test of the masks' Dice.
    """
    test = test or comparison.test
    pairs = list(combinations(runs, 2))
    found = [test(*pair) if _same_images(*pair, comparison.same) else None for pair in pairs]
    corrected = holm([each.p for each in found if each is not None])
    remaining = iter(corrected)
    several = " after Holm's correction" if len(corrected) > 1 else ""
    sentences = []
    for (first, second), tested in zip(pairs, found):
        names = f"{first.name} and {second.name}"
        if tested is None:
            sentences.append(f"{names} were not measured on the same images and cannot be tested against each other")
            continue
        p = next(remaining)
        if len(corrected) * tested.least_p >= NOISE:
            verdict = "too few images to tell a difference from noise"
        else:
            verdict = "the difference is within noise" if p >= NOISE else "they differ by more than noise"
        patients = f" of {len(np.unique(first.patients))} patients" if first.patients is not None else ""
        over = " over patients" if patients else ""
        counted = f"of {len(first.predictions)} images{patients}, {tested.counts}"
        sentences.append(f"{names}: {verdict} ({counted}; {tested.name}{over} {_in_words(p)}{several})")
    return sentences


def _row(run: FinishedRun, comparison: Comparison) -> tuple[str, ...]:
    size = f"{run.results['parameters']:,}", f"{run.results['multiply_adds']:,}"
    return (run.name, run.results["model"], str(run.figures["epoch"]), *size, *comparison.row(run))


def _same_images(first: FinishedRun, second: FinishedRun, columns: list[str]) -> bool:
    return first.predictions[columns].equals(second.predictions[columns])


def _in_words(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
