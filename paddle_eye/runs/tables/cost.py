"""What a row of a table will cost, from a few steps."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

from paddle_eye.data.loading import set_epoch
from paddle_eye.engine.loop import evaluate, train_one_epoch
from paddle_eye.runs.choose import choose_settings
from paddle_eye.runs.tables.plan import Row
from paddle_eye.runs.train import Run

_STEPS = 4  # the first one also warms up and does not count


class Cost(NamedTuple):
    """What a run takes.

    Args:
        epochs: that are left.
        steps: of an epoch.
        seconds_per_step: the median of a few.
        seconds_per_evaluation: of the images that choose the best epoch, from one batch.
    """

    epochs: int
    steps: int
    seconds_per_step: float
    seconds_per_evaluation: float

    @property
    def seconds(self) -> float:
        """Of these epochs, and of the evaluation before them."""
        epoch = self.steps * self.seconds_per_step + self.seconds_per_evaluation
        return self.epochs * epoch + self.seconds_per_evaluation


def measure_cost(row: Row, done: int = 0) -> Cost:
    """Train a few steps of a row, keeping nothing.

    Args:
        row: of a table.
        done: how many of its epochs are, or will be, trained already.

    Raises:
        InputError: its settings or its data are wrong.
    """
    settings, location = choose_settings(row.config, {**row.settings, "train.seed": row.seed})
    run = Run.prepare(settings, location, None)
    loader = run.task.training_loader(run.data.training)
    set_epoch(loader, 0)
    moments = [time.perf_counter()]
    batches = islice(loader, _STEPS)
    train_one_epoch(run.model, run.optimizer, run.objective, batches, lambda *_: moments.append(time.perf_counter()))
    steps = [after - before for before, after in zip(moments, moments[1:])]
    evaluation = run.task.evaluation_loader(run.data.selection)
    (batch,) = islice(evaluation, 1)
    started = time.perf_counter()
    evaluate(run.model, _once(batch), run.objective)
    per_evaluation = (time.perf_counter() - started) * len(evaluation)
    return Cost(
        max(0, settings.train.epochs - done), len(loader), statistics.median(steps[1:] or steps), per_evaluation
    )


def _once(batch: Any) -> Iterable[Any]:
    yield batch
