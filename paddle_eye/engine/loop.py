"""Training and evaluation, to be read from top to bottom."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

import numpy as np
import paddle

from paddle_eye.engine.display import Display
from paddle_eye.engine.task import Classification, Evaluation, as_tensor
from paddle_eye.errors import JobError

Batches = Iterable[Tuple[Any, Any]]
Row = Dict[str, Any]


def fit(
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    task: Classification,
    train_batches: Callable[[int], Batches],
    valid_batches: Callable[[], Batches],
    epochs: int,
    *,
    expected: Optional[int] = None,
    history: Optional[List[Row]] = None,
    learning_rate: Optional[Callable[[int], float]] = None,
    display: Optional[Display] = None,
    keep_best: Callable[[Row], None] = lambda row: None,
    keep_state: Callable[[List[Row]], None] = lambda history: None,
) -> List[Row]:
    """Evaluate, then train and evaluate epoch by epoch.

    Args:
        model: trained in place; afterwards it has the weights of the last epoch.
        optimizer: over the parameters of ``model``.
        task: what the loss and the figures are.
        train_batches: given the epoch, counted from 0, its batches of (inputs, targets).
        valid_batches: the batches that the best epoch is chosen on.
        epochs: how many epochs the run has in all.
        expected: how many images every evaluation must see; None does not check.
        history: rows of the evaluations already done, when a run is continued.
        learning_rate: of an epoch counted from 0; None leaves the optimizer's own.
        display: is told what happens.
        keep_best: called when an evaluation beats all before it; the first one, before training, counts.
        keep_state: called when everything else of an epoch is done.

    Returns:
        One row per evaluation, row 0 from before training.

    Raises:
        JobError: the loss is no finite number any more, or an evaluation missed images.
    """
    display = display or Display()
    history = list(history or [])
    if not history:
        started = time.perf_counter()
        row = {"epoch": 0, "lr": None, "train_loss": None, "train_accuracy": None, "train_confusion_matrix": None}
        if task.regulariser is not None:
            row["train_penalty"] = None
        row.update(task.score(evaluate(model, valid_batches(), task, expected)))
        history.append({**row, "seconds": time.perf_counter() - started})
        display.evaluated(0, history[0])
        keep_best(history[0])
        keep_state(history)
    best = max(row["accuracy"] for row in history)
    for epoch in range(len(history), epochs + 1):
        started = time.perf_counter()
        if learning_rate is not None:
            optimizer.set_lr(learning_rate(epoch - 1))
        row = {"epoch": epoch, "lr": optimizer.get_lr()}
        batches = display.training(epoch, epochs, train_batches(epoch - 1))
        row.update(train_one_epoch(model, optimizer, task, batches, partial(display.batch, epoch)))
        row.update(task.score(evaluate(model, valid_batches(), task, expected)))
        row["seconds"] = time.perf_counter() - started
        history.append(row)
        display.evaluated(epoch, row)
        if row["accuracy"] > best:
            best = row["accuracy"]
            keep_best(row)
        keep_state(history)
        display.epoch_done(epoch, row, best)
    return history


def train_one_epoch(
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    task: Classification,
    batches: Batches,
    after_step: Callable[[int, float], None] = lambda index, loss: None,
) -> Row:
    """One pass over the batches.

    Returns:
        ``train_loss``, ``train_accuracy`` and ``train_confusion_matrix`` in training mode, each image counted once, as
        it was when its batch came up; with a regulariser also ``train_penalty``, its mean over the images, which is not
        part of ``train_loss``.
    """
    model.train()
    loss_sum, penalty_sum, confusion, count = 0.0, 0.0, 0, 0
    for index, (inputs, targets) in enumerate(batches):
        targets = task.targets(targets)
        outputs = model(as_tensor(inputs))
        loss = task.training_loss(outputs, targets)
        loss_value = loss.item()
        if task.regulariser is not None:
            penalty = task.regulariser()
            penalty_sum += penalty.item() * len(targets)
            loss = loss + penalty
        if not math.isfinite(loss_value):
            raise JobError(f"the loss became {loss_value} at batch {index}; try a lower learning rate (--lr)")
        optimizer.clear_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss_value * len(targets)
        confusion += task.confusion(outputs, targets)
        count += len(targets)
        after_step(index, loss_value)
    row = {
        "train_loss": loss_sum / count,
        "train_accuracy": int(confusion.trace()) / count,
        "train_confusion_matrix": confusion.tolist(),
    }
    return row if task.regulariser is None else {**row, "train_penalty": penalty_sum / count}


@paddle.no_grad()
def evaluate(
    model: paddle.nn.Layer, batches: Batches, task: Classification, expected: Optional[int] = None
) -> Evaluation:
    """What the network says about every image, without changing it.

    Args:
        model: put into evaluation mode.
        batches: of (inputs, targets).
        task: what the loss and the outputs are.
        expected: how many images there must be.

    Raises:
        JobError: the outputs are no finite numbers, or fewer or more images came than expected.
    """
    model.eval()
    loss_sum, all_targets, all_outputs = 0.0, [], []
    for inputs, targets in batches:
        targets = task.targets(targets)
        outputs = model(as_tensor(inputs))
        loss_sum += task.loss(outputs, targets).item() * len(targets)
        all_targets.append(targets.numpy())
        all_outputs.append(task.outputs(outputs))
    if not math.isfinite(loss_sum):
        raise JobError("the network's outputs are no finite numbers any more; try a lower learning rate (--lr)")
    count = sum(map(len, all_targets))
    if count == 0 or expected not in (None, count):
        raise JobError(f"the evaluation saw {count} images, expected {expected or 'some'}")
    return Evaluation(loss_sum / count, np.concatenate(all_targets), np.concatenate(all_outputs))
