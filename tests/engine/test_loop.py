import time
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_eye.engine import optim
from paddle_eye.engine.checkpoint import load_checkpoint, save_checkpoint
from paddle_eye.engine.loop import _Seen, evaluate, fit, train_one_epoch
from paddle_eye.engine.precision import Precision
from paddle_eye.engine.ranks import Ranks
from paddle_eye.errors import InputError, JobError
from paddle_eye.tasks.classification import ClassificationObjective
from paddle_eye.tasks.mask_objectives import ClassesObjective, SegmentationObjective
from paddle_eye.tasks.multilabel import MultilabelObjective

OBJECTIVE = ClassificationObjective()
GENERATOR = np.random.default_rng(0)
INPUTS = GENERATOR.normal(size=(10, 3)).astype("float32")
LABELS = (INPUTS.sum(axis=1) > 0).astype("int64")


def network():
    paddle.seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1D(4), nn.ReLU(), nn.Linear(4, 2))


def batches(*sizes):
    edges = np.cumsum([0, *sizes])
    return [(INPUTS[a:b], LABELS[a:b]) for a, b in zip(edges, edges[1:])]


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_evaluation_weighs_images_not_batches():
    model = network()
    model.eval()
    probabilities = softmax(model(paddle.to_tensor(INPUTS)).numpy())
    losses = -np.log(probabilities[np.arange(10), LABELS])
    batch_mean = np.mean([losses[:7].mean(), losses[7:].mean()])
    assert batch_mean != pytest.approx(losses.mean(), rel=1e-3)
    evaluation = evaluate(model, batches(7, 3), OBJECTIVE, expected=10)
    assert evaluation.loss == pytest.approx(losses.mean(), rel=1e-5)
    np.testing.assert_allclose(evaluation.outputs, probabilities, rtol=1e-5)
    np.testing.assert_array_equal(evaluation.targets, LABELS)


def test_evaluation_changes_nothing():
    model = network()
    before = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    evaluate(model, batches(5, 5), OBJECTIVE)
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[key])


def test_an_epoch_begins_without_gradients_of_before():
    """A pass that was broken off between going backward and the step leaves some."""

    def trained(stale):
        model = network()
        optimizer = paddle.optimizer.Momentum(0.1, 0.9, parameters=model.parameters())
        if stale:
            (model[3].weight.sum() + model[0].weight.sum()).backward()
        train_one_epoch(model, optimizer, OBJECTIVE, batches(5, 5))
        return model.state_dict()

    clean, stale = trained(False), trained(True)
    for key, value in clean.items():
        np.testing.assert_array_equal(stale[key].numpy(), value.numpy())


def test_labels_may_be_a_column_of_floats():
    column = [(x, y.astype("float32").reshape(-1, 1)) for x, y in batches(4, 6)]
    assert evaluate(network(), column, OBJECTIVE).loss == evaluate(network(), batches(4, 6), OBJECTIVE).loss


@pytest.mark.parametrize("expected", [9, 11])
def test_evaluation_fails_if_images_are_missing(expected):
    with pytest.raises(JobError, match=f"saw 10 images, expected {expected}"):
        evaluate(network(), batches(5, 5), OBJECTIVE, expected=expected)


def test_evaluation_fails_on_no_images():
    with pytest.raises(JobError, match="saw 0 images"):
        evaluate(network(), [], OBJECTIVE)


def test_numbers_that_are_not_finite_stop_the_job():
    broken = [(np.full((4, 3), np.nan, "float32"), LABELS[:4])]
    model = nn.Linear(3, 2)  # Paddle's ReLU would turn NaN into 0
    optimizer = optim.build("SGD", model, 0.1, 0.9)
    with pytest.raises(JobError, match="lower learning rate"):
        train_one_epoch(model, optimizer, OBJECTIVE, broken)
    with pytest.raises(JobError, match="no finite numbers"):
        evaluate(model, broken, OBJECTIVE)


def test_training_statistics_weigh_images():
    model = network()
    optimizer = optim.build("SGD", model, 1e-12, 0.0)
    model.train()
    losses, confusion = [], np.zeros((2, 2), int)
    for x, y in batches(6, 4):
        probabilities = softmax(model(paddle.to_tensor(x)).numpy())
        losses += list(-np.log(probabilities[np.arange(len(y)), y]))
        for label, predicted in zip(y, probabilities.argmax(axis=1)):
            confusion[label, predicted] += 1
    assert train_one_epoch(model, optimizer, OBJECTIVE, batches(6, 4)) == {
        "train_loss": pytest.approx(np.mean(losses), rel=1e-4),
        "train_accuracy": (confusion[0, 0] + confusion[1, 1]) / 10,
        "train_confusion_matrix": confusion.tolist(),
    }


def test_best_epochs_are_kept_once_and_only_if_better(monkeypatch):
    accuracies = iter([0.5, 0.5, 0.7, 0.6, 0.7, 0.9])
    monkeypatch.setattr(OBJECTIVE, "score", lambda evaluation: {"accuracy": next(accuracies)}, raising=False)
    model, kept = network(), []
    history = fit(
        model,
        optim.build("SGD", model, 0.1, 0.9),
        OBJECTIVE,
        lambda epoch: batches(5, 5),
        lambda: batches(10),
        5,
        keep_best=lambda row, evaluation: kept.append(row["epoch"]),
    )
    assert kept == [0, 2, 5]
    assert [row["epoch"] for row in history] == [0, 1, 2, 3, 4, 5]


def test_learning_rates_and_orders_are_asked_for_by_epoch():
    model, asked = network(), []
    optimizer = optim.build("SGD", model, 0.1, 0.9)

    def train_batches(epoch):
        asked.append(epoch)
        return batches(5, 5)

    falling = lambda epoch: 0.1 / (epoch + 1)  # noqa: E731
    history = fit(model, optimizer, OBJECTIVE, train_batches, lambda: batches(10), 3, learning_rate=falling)
    assert asked == [0, 1, 2]
    assert [row["lr"] for row in history[1:]] == pytest.approx([0.1, 0.05, 0.1 / 3])


def rates(**recipe):
    recipe = SimpleNamespace(**{"schedule": "cosine", "lr": 0.2, "lrf": 0.0, "warmup": 0, "epochs": 4, **recipe})
    return [optim.learning_rate(recipe, epoch) for epoch in range(recipe.epochs)]


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({}, [0.2, 0.1 * (1 + 2**-0.5), 0.1, 0.1 * (1 - 2**-0.5)]),
        ({"schedule": "constant"}, [0.2] * 4),
        ({"schedule": "constant", "warmup": 3}, [0.05, 0.1, 0.15, 0.2]),
        ({"lrf": 0.5, "epochs": 2}, [0.2, 0.15]),
        ({"lrf": 0.5, "epochs": 4, "warmup": 2}, [0.2 / 3, 0.4 / 3, 0.2, 0.15]),
        ({"warmup": 9}, [0.02, 0.04, 0.06, 0.08]),
    ],
)
def test_learning_rates(recipe, expected):
    assert rates(**recipe) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_checkpoint_brings_everything_back_in_a_process_with_other_names(tmp_path, name):
    """The second network's parameters have other global names; training goes on bit by bit all the same."""
    path = tmp_path / "checkpoint.safetensors"

    def run(model, optimizer, epochs, history, stop_at=None):
        def keep_state(rows, evaluation):
            if rows[-1]["epoch"] == stop_at:
                save_checkpoint(path, model, optimizer, rows)

        return fit(
            model,
            optimizer,
            OBJECTIVE,
            lambda epoch: [batches(5, 5), batches(4, 6)][epoch % 2],
            lambda: batches(10),
            epochs,
            history=history,
            keep_state=keep_state,
        )

    straight = network()
    whole = run(straight, optim.build(name, straight, 0.1, 0.9), 4, None, stop_at=2)
    paddle.seed(99)
    continued = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1D(4), nn.ReLU(), nn.Linear(4, 2))
    optimizer = optim.build(name, continued, 0.1, 0.9)
    history = load_checkpoint(path, continued, optimizer)
    assert [row["epoch"] for row in history] == [0, 1, 2]
    resumed = run(continued, optimizer, 4, history)
    for key, value in straight.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), continued.state_dict()[key].numpy(), err_msg=key)
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in rows] for rows in (whole, resumed)]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize(("reached", "kept"), [(None, True), (1.1, False)])
def test_best_weights_that_are_ahead_of_the_history_are_not_replaced_by_worse_ones(reached, kept):
    model, better = network(), []
    fit(
        model,
        optim.build("SGD", model, 0.1, 0.9),
        OBJECTIVE,
        lambda epoch: batches(5, 5),
        lambda: batches(10),
        1,
        history=[{"epoch": 0, "loss": 1.0, "accuracy": -1.0}],
        reached=reached,
        keep_best=lambda row, evaluation: better.append(row["epoch"]),
    )
    assert better == [1] * kept


@pytest.mark.parametrize("content", [b"", b"\x00" * 100])
def test_a_damaged_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(content)
    model = network()
    with pytest.raises(InputError, match=r"checkpoint.safetensors: this is no whole checkpoint.*--overwrite"):
        load_checkpoint(path, model, optim.build("SGD", model, 0.1, 0.9))


def test_the_regulariser_is_added_to_the_loss_and_has_a_column_of_its_own():
    """Its gradient alone moves a weight that the loss does not depend on."""
    model = network()
    factor = model.create_parameter([2], default_initializer=nn.initializer.Constant(2.0))
    model.add_parameter("factor", factor)
    task = ClassificationObjective(regulariser=lambda: (3 * factor).sum())
    optimizer = paddle.optimizer.SGD(learning_rate=0.1, parameters=[factor])
    means = train_one_epoch(model, optimizer, task, batches(6, 4))
    assert factor.numpy().tolist() == pytest.approx([2 - 2 * 0.1 * 3] * 2)
    assert means["train_penalty"] == pytest.approx((6 * 3 * 4 + 4 * 3 * 3.4) / 10)  # 2 · 2, then 2 · 1.7
    assert means["train_loss"] < 2


def test_class_weights_count_while_training_only():
    model = network()
    model.eval()
    logits, labels = model(paddle.to_tensor(INPUTS)), paddle.to_tensor(LABELS)
    losses = -np.log(softmax(logits.numpy())[np.arange(10), LABELS])
    task = ClassificationObjective(class_weights=np.array([0.5, 3.0]))
    weights = np.where(LABELS == 0, 0.5, 3.0)
    weighted = (weights * losses).sum() / weights.sum()
    assert task.training_terms(logits, labels)["loss"].item() == pytest.approx(weighted, rel=1e-5)
    assert task.loss(logits, labels).item() == pytest.approx(losses.mean(), rel=1e-5)


def train(sizes, accumulate=1, objective=OBJECTIVE):
    """A network without batch normalisation, which knows of the other images of its batch."""
    paddle.seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    told = []
    row = train_one_epoch(
        model, optim.build("Adam", model, 0.1), objective, batches(*sizes), lambda *each: told.append(each), accumulate
    )
    return {key: value.numpy() for key, value in model.state_dict().items()}, row, told


@pytest.mark.parametrize("class_weights", [None, np.array([0.5, 3.0])])
def test_batches_that_are_added_up_are_one_large_batch(class_weights):
    objective = ClassificationObjective(class_weights, label_smoothing=0.1)
    one, one_row, one_told = train((6, 4), objective=objective)
    added, row, told = train((4, 2, 3, 1), accumulate=2, objective=objective)
    for key, value in one.items():
        np.testing.assert_allclose(added[key], value, atol=1e-6)
    assert row["train_accuracy"] == one_row["train_accuracy"]
    assert [index for index, _, _ in told] == [index for index, _, _ in one_told] == [0, 1]
    if class_weights is None:
        assert row["train_loss"] == pytest.approx(one_row["train_loss"], rel=1e-5)
        assert [loss for _, loss, _ in told] == pytest.approx([loss for _, loss, _ in one_told], rel=1e-5)


def test_the_share_of_the_time_that_was_waited_is_told():
    def slow():
        for batch in batches(5, 5):
            time.sleep(0.2)
            yield batch

    model, told = network(), []
    arguments = (model, optim.build("SGD", model, 0.1), OBJECTIVE)
    started = time.perf_counter()
    train_one_epoch(*arguments, slow(), lambda *each: told.append(each[2]))
    whole = time.perf_counter() - started
    assert 0.4 / whole - 0.05 <= told[-1] <= 1
    told.clear()
    train_one_epoch(*arguments, batches(5, 5), lambda *each: told.append(each[2]))
    assert told[-1] < 0.1


def test_a_loss_is_read_after_the_next_step_was_computed(monkeypatch):
    """So that a GPU has work while its numbers are fetched."""
    happened = []
    tally = OBJECTIVE.tally
    monkeypatch.setattr(OBJECTIVE, "tally", lambda *each: happened.append("read") or tally(*each), raising=False)
    terms = OBJECTIVE.training_terms
    computed = lambda *each: happened.append("computed") or terms(*each)  # noqa: E731
    monkeypatch.setattr(OBJECTIVE, "training_terms", computed, raising=False)
    model = network()
    train_one_epoch(model, optim.build("SGD", model, 0.1), OBJECTIVE, batches(4, 3, 3))
    assert happened == ["computed", "computed", "read", "computed", "read", "read"]


def test_frozen_parameters_are_not_optimised():
    model = network()
    model[0].weight.stop_gradient = True
    before = model[0].weight.numpy().copy()
    train_one_epoch(model, optim.build("Adam", model, 0.1), OBJECTIVE, batches(10))
    np.testing.assert_array_equal(model[0].weight.numpy(), before)


@pytest.mark.parametrize("class_weights", [None, np.array([0.5, 3.0])])
def test_label_smoothing_by_hand(class_weights):
    """The label of an image is 0.9 of its class and 0.05 of each of the two; its weight is that of the mixture."""
    model = network()
    model.eval()
    logits, labels = model(paddle.to_tensor(INPUTS)), paddle.to_tensor(LABELS)
    targets = 0.9 * np.eye(2)[LABELS] + 0.05
    losses = -(targets * np.log(softmax(logits.numpy()))).sum(axis=1)
    weights = np.ones(10) if class_weights is None else targets @ class_weights
    task = ClassificationObjective(class_weights, label_smoothing=0.1)
    expected = (weights * losses).sum() / weights.sum()
    assert task.training_terms(logits, labels)["loss"].item() == pytest.approx(expected, rel=1e-5)
    assert task.loss(logits, labels).item() == pytest.approx(OBJECTIVE.loss(logits, labels).item())


@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("objective", "logits", "targets", "figures"),
    [
        (SegmentationObjective(), [[[[-1.0, 2.0]]]], [[[[0, 1]]]], {"dice": 1.0, "accuracy": 1.0}),
        (ClassesObjective(["a", "b"]), [[[[-1.0]], [[3.0]], [[-2.0]]]], [[[[1]]]], {"accuracy": 1.0}),
        (MultilabelObjective(), [[-1.0, 2.0], [2.0, -1.0]], [[0.0, 1.0], [1.0, 0.0]], {"auc": 1.0}),
        (ClassificationObjective(), [[-1.0, 2.0], [2.0, -1.0]], [1, 0], {"accuracy": 1.0}),
    ],
)
def test_training_figures_of_networks_that_compute_with_16_bits(kind, objective, logits, targets, figures):
    """numpy has no bfloat16, and Paddle gives it the bits as integers, in which -1 is above 0."""
    outputs, targets = paddle.to_tensor(logits, "float32").astype(kind), objective.targets(paddle.to_tensor(targets))
    seen = _Seen(objective)
    outputs = Precision("off" if kind == "float32" else "bf16").single(outputs)
    seen.add(0, [({"loss": paddle.to_tensor(0.5)}, outputs, targets)])
    measured = seen.figures(Ranks())
    assert {name: measured[f"train_{name}"] for name in figures} == figures
