"""What a person sees while a network trains."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from paddle_eye.run_folder import RunFolder


def bar(parts: Iterable, **shown: Any) -> tqdm:
    """Go over the parts of a long work with a bar on a terminal, and with nothing anywhere else.

    Args:
        parts: of the work.
        shown: what tqdm shows beside it, for example ``unit``.
    """
    return tqdm(parts, leave=False, dynamic_ncols=True, disable=not sys.stderr.isatty(), **shown)


class Display:
    """Hears what happens and shows nothing; the base of all displays."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def started(self, run: RunFolder) -> None:
        """A run begins in its folder, or goes on there."""

    def training(self, epoch: int, epochs: int, batches: Iterable, accumulate: int) -> Iterable:
        """An epoch begins, whose steps have ``accumulate`` batches each; the loop goes over what this returns."""
        return batches

    def step(self, epoch: int, index: int, loss: float, waited: float) -> None:
        """A training step is done; ``waited`` is the share of the epoch's time in which no batch was there."""

    def evaluated(self, row: dict[str, Any], criterion: str) -> None:
        """An evaluation is done, ``row[criterion]`` its main figure; epoch 0 is the one before training."""

    def epoch_done(self, row: dict[str, Any], criterion: str, best: float) -> None:
        """Everything of an epoch is done and saved; ``best`` is the best ``criterion`` so far."""

    def picture(self, name: str, epoch: int, png: bytes) -> None:
        """A picture of the run, a PNG file, in the state of an epoch."""


class Displays(Display):
    """Several displays that hear the same, one after the other."""

    def __init__(self, *displays: Display) -> None:
        self._displays = displays

    def note(self, text: str) -> None:
        for display in self._displays:
            display.note(text)

    def started(self, run: RunFolder) -> None:
        for display in self._displays:
            display.started(run)

    def training(self, epoch: int, epochs: int, batches: Iterable, accumulate: int) -> Iterable:
        for display in self._displays:
            batches = display.training(epoch, epochs, batches, accumulate)
        return batches

    def step(self, epoch: int, index: int, loss: float, waited: float) -> None:
        for display in self._displays:
            display.step(epoch, index, loss, waited)

    def evaluated(self, row: dict[str, Any], criterion: str) -> None:
        for display in self._displays:
            display.evaluated(row, criterion)

    def epoch_done(self, row: dict[str, Any], criterion: str, best: float) -> None:
        for display in self._displays:
            display.epoch_done(row, criterion, best)

    def picture(self, name: str, epoch: int, png: bytes) -> None:
        for display in self._displays:
            display.picture(name, epoch, png)


class ConsoleDisplay(Display):
    """A bar per epoch on a terminal; one line per epoch anywhere else."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None

    def note(self, text: str) -> None:
        print(text, flush=True)

    def training(self, epoch: int, epochs: int, batches: Iterable, accumulate: int) -> Iterable:
        self._bar = bar(batches, desc=f"epoch {epoch}/{epochs}", unit="batch")
        return self._bar

    def step(self, epoch: int, index: int, loss: float, waited: float) -> None:
        self._bar.set_postfix(loss=f"{loss:.4f}", waiting=f"{waited:.0%}", refresh=False)

    def evaluated(self, row: dict[str, Any], criterion: str) -> None:
        if row["epoch"] == 0:
            print(f"before training   {criterion} {row[criterion]:.4f}  loss {row['loss']:.4f}", flush=True)

    def epoch_done(self, row: dict[str, Any], criterion: str, best: float) -> None:
        print(
            f"epoch {row['epoch']:3d}  train loss {row['train_loss']:.4f}  {criterion} {row[criterion]:.4f} "
            f"(best {best:.4f})  loss {row['loss']:.4f}  {row['seconds']:.0f} s",
            flush=True,
        )
