"""Training and evaluation, to be read from top to bottom."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Callable

import paddle

from paddle_eye.engine.display import Display
from paddle_eye.engine.objective import Evaluation, Objective, as_tensor
from paddle_eye.engine.precision import Precision
from paddle_eye.engine.ranks import Ranks
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
    accumulate: int = 1,
    precision: Precision | None = None,
    ranks: Ranks | None = None,
    history: list[Row] | None = None,
    reached: float | None = None,
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
        train_batches: given the epoch, counted from 0, its batches, see `train_one_epoch`.
        valid_batches: the batches that the best epoch is chosen on; of this process's images, see `Ranks.own`.
        epochs: how many epochs the run has in all.
        expected: how many images every evaluation must see; None does not check.
        accumulate: batches of a step.
        precision: of the training; None is float32.
        ranks: the processes that do all this together; None is this one alone.
        history: rows of the evaluations already done, when a run is continued.
        reached: the criterion of its best weights, where a kill left them ahead of the history.
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
    display, ranks = display or Display(), ranks or Ranks()
    history = list(history or [])
    ranks.unite(model)
    if not history:
        started = time.perf_counter()
        evaluation = evaluate(model, valid_batches(), objective, expected, ranks)
        row = objective.score(evaluation)
        history.append({"epoch": 0, "lr": None, **row, "seconds": time.perf_counter() - started})
        display.evaluated(history[0], objective.criterion)
        keep_best(history[0], evaluation)
        keep_state(history, evaluation)
    known = [row[objective.criterion] for row in history] + ([] if reached is None else [reached])
    best = max(known) if objective.higher_is_better else min(known)
    for epoch in range(len(history), epochs + 1):
        started = time.perf_counter()
        if learning_rate is not None:
            optimizer.set_lr(learning_rate(epoch - 1))
        row = {"epoch": epoch, "lr": optimizer.get_lr(), **({"ranks": ranks.count} if ranks.count > 1 else {})}
        batches = display.training(epoch, epochs, train_batches(epoch - 1), accumulate)
        after_step = partial(display.step, epoch)
        ranks.meet()  # one of them has kept the last epoch
        row.update(train_one_epoch(model, optimizer, objective, batches, after_step, accumulate, precision, ranks))
        ranks.unite(model)
        evaluation = evaluate(model, valid_batches(), objective, expected, ranks)
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
    after_step: Callable[[int, float, float], None] = lambda index, loss, waited: None,
    accumulate: int = 1,
    precision: Precision | None = None,
    ranks: Ranks | None = None,
) -> Row:
    """One pass over the images.

    What a step has computed is read when the next one has been asked for.

    Args:
        model: trained in place.
        optimizer: over its parameters.
        objective: what the loss and the figures are.
        batches: of (inputs, targets); empty ones, where other processes have all that is left.
        after_step: called with the step's number, its loss, and the share of the time that was spent waiting for
            batches.
        accumulate: how many batches a step has, whose gradients are added up.
        precision: of the computations; None is float32.
        ranks: the processes that do this together; None is this one alone.

    Returns:
        The means of the loss's terms over the images, such as ``train_loss``, and the objective's ``training_figures``,
        such as ``train_accuracy``, in training mode, each image counted once, as it was when its batch came up.

    Raises:
        JobError: the loss is no finite number any more.
    """
    precision, ranks = precision or Precision(), ranks or Ranks()
    model.train()
    optimizer.clear_grad()  # of a pass that was broken off, or of what was computed before
    seen, awaited, before = _Seen(objective), _Awaited(batches), None
    for index, step in enumerate(_in_steps(awaited, accumulate)):
        parts = [(as_tensor(inputs), objective.targets(targets)) for inputs, targets in filter(None, step)]
        computed = []
        for (inputs, targets), share in zip(parts, ranks.shares([objective.weight(targets) for _, targets in parts])):
            with precision.computing():
                outputs = model(inputs)
            outputs = precision.single(outputs)
            terms = objective.training_terms(outputs, targets)
            precision.backward(sum(terms.values()) * share)
            computed.append((terms, outputs, targets))
        ranks.add_gradients(model.parameters())
        precision.step(optimizer)
        if before is not None:
            after_step(index - 1, seen.add(index - 1, before), awaited.share)
        before = computed
    if before is not None:
        after_step(index, seen.add(index, before), awaited.share)
    return seen.figures(ranks)


def _in_steps(batches: Batches, accumulate: int) -> Iterator[Sequence[tuple[Any, Any]]]:
    batches = iter(batches)
    while step := list(islice(batches, accumulate)):
        yield step


class _Awaited:
    """Goes over batches and measures how long they were waited for."""

    def __init__(self, batches: Batches) -> None:
        self._batches, self._started, self._waited = batches, time.perf_counter(), 0.0

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        batches = iter(self._batches)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            self._waited += time.perf_counter() - asked
            if batch is None:
                return
            yield batch

    @property
    def share(self) -> float:
        """Of the time since the first batch was asked for."""
        return self._waited / (time.perf_counter() - self._started)


class _Seen:
    """Sums over the images of an epoch."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._sums: dict[str, float] = defaultdict(float)
        self._tally: Any = 0
        self._count = 0

    def add(self, index: int, computed: Sequence[tuple[Any, Any, Any]]) -> float:
        """Add the terms, outputs and targets of the batches of a step, and return its loss."""
        loss, images = 0.0, 0
        for terms, outputs, targets in computed:
            values = {name: term.item() for name, term in terms.items()}
            if not math.isfinite(sum(values.values())):
                total = sum(values.values())
                raise JobError(f"the loss became {total} at batch {index}; try a lower learning rate (--lr)")
            for name, value in values.items():
                self._sums[name] += value * len(targets)
            self._tally = self._tally + self._objective.tally(outputs, targets)
            loss, images = loss + values["loss"] * len(targets), images + len(targets)
        self._count += images
        return loss / images if images else math.nan

    def figures(self, ranks: Ranks) -> Row:
        """Of the images of all processes."""
        every = ranks.gathered((dict(self._sums), self._tally, self._count))
        count = sum(count for _, _, count in every)
        names = {name: None for sums, _, _ in every for name in sums}  # a process without any images has none
        means = {name: sum(sums.get(name, 0.0) for sums, _, _ in every) / count for name in names}
        figures = self._objective.training_figures(sum(tally for _, tally, _ in every))
        return {f"train_{name}": value for name, value in {**means, **figures}.items()}


def _is_better(value: float, best: float, objective: Objective) -> bool:
    return value > best if objective.higher_is_better else value < best


@paddle.no_grad()
def evaluate(
    model: paddle.nn.Layer,
    batches: Batches,
    objective: Objective,
    expected: int | None = None,
    ranks: Ranks | None = None,
) -> Evaluation:
    """What the network says about every image, without changing it.

    Args:
        model: put into evaluation mode.
        batches: of (inputs, targets).
        objective: what the loss and the outputs are.
        expected: how many images there must be, those of the other processes among them.
        ranks: the processes that do this together, each on its own images; None is this one alone.

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
    ranks = ranks or Ranks()
    loss_sum = sum(ranks.gathered(loss_sum))
    all_targets, all_outputs = ranks.in_order(all_targets), ranks.in_order(all_outputs)
    if not math.isfinite(loss_sum):
        raise JobError("the network's outputs are no finite numbers any more; try a lower learning rate (--lr)")
    count = len(all_targets)
    if count == 0 or expected not in (None, count):
        raise JobError(f"the evaluation saw {count} images, expected {expected or 'some'}")
    return Evaluation(loss_sum / count, all_targets, all_outputs)
