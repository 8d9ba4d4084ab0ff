"""Runs side by side, from the files they left."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any, Callable, Literal, NamedTuple, Sequence

import numpy as np
import pandas as pd

from paddle_eye.errors import InputError
from paddle_eye.files import RunFolder
from paddle_eye.metrics import holm, mcnemar, signed_rank
from paddle_eye.report import plots
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
    """`read_run` of each folder; runs of the same name are told apart by their whole path.

    Raises:
        InputError: see `read_run`, or runs of several tasks.
    """
    runs = [read_run(path, which) for path in paths]
    if len({_task(run) for run in runs}) > 1:
        raise InputError("classifiers and networks that draw masks cannot be compared; give runs of one kind")
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
        _COMPARED[_task(read)].test(read, read)
        return read
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: this is no finished run that can be compared ({type(error).__name__}: {error}); "
            "continue it with tools/train.py --resume, which writes its report anew"
        ) from error


def comparison_table(runs: Sequence[FinishedRun]) -> str:
    """Size, computation and main figures of each run, one line each."""
    return aligned([_COMPARED[_task(runs[0])].header, *map(_row, runs)])


def comparison_picture(runs: Sequence[FinishedRun], which: Which) -> bytes:
    """The main figure of each run with its interval, and another figure to read it by, as a PNG file."""
    compared = _COMPARED[_task(runs[0])]
    mains, intervals, others = zip(*(compared.drawn(run) for run in runs))
    names = [run.name for run in runs]
    return plots.comparison(names, compared.main, mains, intervals, compared.other, others, f"{which} epoch")


def differences(runs: Sequence[FinishedRun]) -> list[str]:
    """A sentence on each pair of runs: whether they differ by more than noise.

    McNemar's test of the predicted classes, or Wilcoxon's signed-rank test of the masks' Dice, on the images that both
    were measured on; of several pairs, corrected after Holm.
    """
    compared = _COMPARED[_task(runs[0])]
    pairs = list(combinations(runs, 2))
    found = [compared.test(*pair) if _same_images(*pair, compared.same) else None for pair in pairs]
    corrected = holm([each.p for each in found if each is not None])
    remaining = iter(corrected)
    several = " after Holm's correction" if len(pairs) > 1 else ""
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
        counted = f"of {len(first.predictions)} images, {tested.counts}"
        sentences.append(f"{names}: {verdict} ({counted}; {tested.name} {_told(p)}{several})")
    return sentences


class _Tested(NamedTuple):
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


class _Compared(NamedTuple):
    """How runs of one task are compared.

    Args:
        header: of the table.
        row: of a run.
        main: the figure that is drawn with its interval.
        other: the one beside it.
        drawn: main figure, its interval and the other one.
        test: of two runs on the same images.
        same: the columns of the predictions that tell the images.
    """

    header: tuple[str, ...]
    row: Callable[[FinishedRun], tuple[str, ...]]
    main: str
    other: str
    drawn: Callable[[FinishedRun], tuple[float, Sequence[float], float]]
    test: Callable[[FinishedRun, FinishedRun], _Tested]
    same: list[str]


def _task(run: FinishedRun) -> str:
    return run.results.get("task", "classification")  # the first runs had no other


def _row(run: FinishedRun) -> tuple[str, ...]:
    size = f"{run.results['parameters']:,}", f"{run.results['multiply_adds']:,}"
    return (run.name, run.results["model"], str(run.figures["epoch"]), *size, *_COMPARED[_task(run)].row(run))


def _classification_row(run: FinishedRun) -> tuple[str, ...]:
    return (
        f"{run.results['preprocessing']['image_size']} {run.results['preprocessing']['preset']}",
        share(run.figures["loss"]),
        share(run.figures["accuracy"], run.figures["accuracy_interval"]),
        share(run.figures["macro"]["f1"]),
        share(run.figures["calibration"]["ece"]),
    )


def _mask_row(run: FinishedRun) -> tuple[str, ...]:
    means = run.figures["mean"]
    dice = share(means["dice"], run.figures["interval"]["dice"])
    others = (share(means[name]) for name in ("constant_dice", "background_dice", "accuracy"))
    return (run.results["classes"][1], dice, *others, f"{_seconds_per_epoch(run):.0f}")


def _seconds_per_epoch(run: FinishedRun) -> float:
    return run.results["seconds"] / max(1, run.results["last"]["epoch"])


def _mcnemar(first: FinishedRun, second: FinishedRun) -> _Tested:
    found = mcnemar(_right(first), _right(second))
    counts = f"the one alone is right on {found['only_first']}, the other alone on {found['only_second']}"
    return _Tested("McNemar's test", counts, found["p"], least_p=0.0)  # there are hundreds of images


def _wilcoxon(first: FinishedRun, second: FinishedRun) -> _Tested:
    dices = np.stack([run.predictions["dice"].to_numpy(float) for run in (first, second)])
    found = signed_rank(*dices[:, np.isfinite(dices).all(axis=0)])
    higher = f"{first.name} is higher on {found['first_higher']}, of {second.name} on {found['second_higher']}"
    mean = f"that of {second.name} differs by {found['difference']:+.4f} on average"
    return _Tested("Wilcoxon's test", f"the Dice of {higher}, {mean}", found["p"], found["least_p"])


_SIZE = ("run", "model", "epoch", "parameters", "multiply-adds")
_COMPARED = {
    "classification": _Compared(
        header=(*_SIZE, "input", "loss", "accuracy [95 %]", "macro F1", "ece"),
        row=_classification_row,
        main="accuracy",
        other="loss (cross-entropy)",
        drawn=lambda run: (run.figures["accuracy"], run.figures["accuracy_interval"], run.figures["loss"]),
        test=_mcnemar,
        same=["image", "label"],
    ),
    "segmentation": _Compared(
        header=(
            *(*_SIZE, "foreground", "Dice [95 %]", "all foreground"),
            *("Dice of background", "pixel accuracy", "seconds per epoch"),
        ),
        row=_mask_row,
        main="Dice of the foreground",
        other="Dice of the background",
        drawn=lambda run: (
            run.figures["mean"]["dice"],
            run.figures["interval"]["dice"],
            run.figures["mean"]["background_dice"],
        ),
        test=_wilcoxon,
        same=["image"],
    ),
}


def _same_images(first: FinishedRun, second: FinishedRun, columns: list[str]) -> bool:
    return first.predictions[columns].equals(second.predictions[columns])


def _told(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _right(run: FinishedRun) -> np.ndarray:
    return (run.predictions["predicted"] == run.predictions["label"]).to_numpy()
