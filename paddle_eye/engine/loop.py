"""Training and evaluation, to be read from top to bottom."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import Any, Callable

import paddle

from paddle_eye.engine.display import Display
from paddle_eye.engine.objective import Evaluation, Objective, as_tensor
from paddle_eye.errors import JobError

Batches = Iterable["tuple[Any, Any]"]
Row = dict


def fit(
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    objective: Objective,
    train_batches: Callable[[int], Batches],
    valid_batches: Callable[[], Batches],
    epochs: int,
    *,
    expected: int | None = None,
    history: list[Row] | None = None,
    learning_rate: Callable[[int], float] | None = None,
    display: Display | None = None,
    keep_best: Callable[[Row, Evaluation], None] = lambda row, evaluation: None,
    keep_state: Callable[[list[Row], Evaluation], None] = lambda history, evaluation: None,
) -> list[Row]:
    """Evaluate, then train and evaluate epoch by epoch.

    Args:
        model: trained in place; afterwards it has the weights of the last epoch.
        optimizer: over the parameters of ``model``.
        objective: what the loss and the figures are.
        train_batches: given the epoch, counted from 0, its batches of (inputs, targets).
        valid_batches: the batches that the best epoch is chosen on.
        epochs: how many epochs the run has in all.
        expected: how many images every evaluation must see; None does not check.
        history: rows of the evaluations already done, when a run is continued.
        learning_rate: of an epoch counted from 0; None leaves the optimizer's own.
        display: shows what happens.
        keep_best: called with the row and what the network said when an evaluation beats all before it; the first
            one, before training, counts.
        keep_state: called with the rows and what the network said when everything else of an epoch is done.

    Returns:
        One row per evaluation; row 0, from before training, lacks what training gives.

    Raises:
        JobError: the loss is no finite number any more, or an evaluation missed images.
    """
    display = display or Display()
    history = list(history or [])
    if not history:
        started = time.perf_counter()
        evaluation = evaluate(model, valid_batches(), objective, expected)
        row = objective.score(evaluation)
        history.append({"epoch": 0, "lr": None, **row, "seconds": time.perf_counter() - started})
        display.evaluated(history[0], objective.criterion)
        keep_best(history[0], evaluation)
        keep_state(history, evaluation)
    best = (max if objective.higher_is_better else min)(row[objective.criterion] for row in history)
    for epoch in range(len(history), epochs + 1):
        started = time.perf_counter()
        if learning_rate is not None:
            optimizer.set_lr(learning_rate(epoch - 1))
        row = {"epoch": epoch, "lr": optimizer.get_lr()}
        batches = display.training(epoch, epochs, train_batches(epoch - 1))
        row.update(train_one_epoch(model, optimizer, objective, batches, partial(display.batch, epoch)))
        evaluation = evaluate(model, valid_batches(), objective, expected)
        row.update(objective.score(evaluation))
        row["seconds"] = time.perf_counter() - started
        history.append(row)
        display.evaluated(row, objective.criterion)
        if _is_better(row[objective.criterion], best, objective):
            best = row[objective.criterion]
            keep_best(row, evaluation)
        keep_state(history, evaluation)
        display.epoch_done(row, objective.criterion, best)
    return history


def train_one_epoch(
    model: paddle.nn.Layer,
    optimizer: paddle.optimizer.Optimizer,
    objective: Objective,
    batches: Batches,
    after_step: Callable[[int, float], None] = lambda index, loss: None,
) -> Row:
    """One pass over the batches.

    Returns:
        The means of the loss's terms over the images, such as ``train_loss``, and the objective's ``training_figures``,
        such as ``train_accuracy``, in training mode, each image counted once, as it was when its batch came up.

    Raises:
        JobError: the loss is no finite number any more.
    """
    model.train()
    sums, tally, count = defaultdict(float), 0, 0
    for index, (inputs, targets) in enumerate(batches):
        targets = objective.targets(targets)
        outputs = model(as_tensor(inputs))
        terms = objective.training_terms(outputs, targets)
        values = {name: term.item() for name, term in terms.items()}
        if not math.isfinite(sum(values.values())):
            raise JobError(f"the loss became {sum(values.values())} at batch {index}; try a lower learning rate (--lr)")
        optimizer.clear_grad()
        sum(terms.values()).backward()
        optimizer.step()
        for name, value in values.items():
            sums[name] += value * len(targets)
        tally += objective.tally(outputs, targets)
        count += len(targets)
        after_step(index, values["loss"])
    means = {name: value / count for name, value in sums.items()}
    return {f"train_{name}": value for name, value in {**means, **objective.training_figures(tally)}.items()}


def _is_better(value: float, best: float, objective: Objective) -> bool:
    return value > best if objective.higher_is_better else value < best


@paddle.no_grad()
def evaluate(model: paddle.nn.Layer, batches: Batches, objective: Objective, expected: int | None = None) -> Evaluation:
    """What the network says about every image, without changing it.

    Args:
        model: put into evaluation mode.
        batches: of (inputs, targets).
        objective: what the loss and the outputs are.
        expected: how many images there must be.

    Raises:
        JobError: the outputs are no finite numbers, or fewer or more images came than expected.
    """
    model.eval()
    loss_sum, all_targets, all_outputs = 0.0, [], []
    for inputs, targets in batches:
        targets = objective.targets(targets)
        predicted = objective.predict(model, inputs)
        loss_sum += objective.loss(predicted, targets).item() * len(targets)
        all_targets.extend(targets.numpy())
        all_outputs.extend(objective.outputs(predicted))
    if not math.isfinite(loss_sum):
        raise JobError("the network's outputs are no finite numbers any more; try a lower learning rate (--lr)")
    count = len(all_targets)
    if count == 0 or expected not in (None, count):
        raise JobError(f"the evaluation saw {count} images, expected {expected or 'some'}")
    return Evaluation(loss_sum / count, all_targets, all_outputs)
