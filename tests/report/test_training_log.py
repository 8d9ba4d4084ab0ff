import json

import pytest
from sklearn.metrics import precision_recall_fscore_support

from paddle_eye.report.training_log import scalars, training_log

SIZE = {"parameters": 343842, "trainable_parameters": 2050, "multiply_adds": 39454496}


def test_the_structure_is_the_documents():
    history = [
        {"epoch": 0, "train_confusion_matrix": None, "confusion_matrix": [[2, 0], [2, 0]]},
        {"epoch": 1, "train_confusion_matrix": [[3, 1], [0, 4]], "confusion_matrix": [[1, 1], [0, 2]]},
    ]
    counts = {"training": 8, "validation": 4}
    log = training_log({"train.lr": 0.01}, counts, SIZE, history, ["healthy", "ill"])
    assert json.loads(json.dumps(log, allow_nan=False)) == log
    assert log["train parameters"] == {"train.lr": 0.01}
    assert log["dataset"] == {"trainset number": 8, "valset number": 4, "number classes": 2}
    assert log["model"]["total parameters"] == 343842
    assert log["model"]["train parameters"] == 2050
    assert log["model"]["flops"] == 39454496
    assert log["epoch:0"]["train info"] is None
    assert log["epoch:1"]["train info"]["accuracy"] == pytest.approx(7 / 8)
    assert log["epoch:1"]["valid info"] == {
        "accuracy": 0.75,
        "healthy": {"Precision": 1.0, "Recall": 0.5, "Specificity": 1.0, "F1 score": pytest.approx(2 / 3)},
        "ill": {"Precision": pytest.approx(2 / 3), "Recall": 1.0, "Specificity": 0.5, "F1 score": pytest.approx(0.8)},
        "mean precision": pytest.approx(5 / 6),
        "mean recall": 0.75,
        "mean specificity": 0.75,
        "mean f1 score": pytest.approx((2 / 3 + 0.8) / 2),
    }


def test_figures_are_scikit_learns():
    matrix = [[5, 2, 1], [0, 7, 3], [4, 0, 9]]
    targets = [row for row in range(3) for column in range(3) for _ in range(matrix[row][column])]
    predicted = [column for row in range(3) for column in range(3) for _ in range(matrix[row][column])]
    row = {"epoch": 0, "train_confusion_matrix": None, "confusion_matrix": matrix}
    info = training_log({}, {"training": 1, "validation": 31}, SIZE, [row], "abc")["epoch:0"]["valid info"]
    precision, recall, f1, _ = precision_recall_fscore_support(targets, predicted)
    for label, name in enumerate("abc"):
        assert info[name]["Precision"] == pytest.approx(precision[label])
        assert info[name]["Recall"] == pytest.approx(recall[label])
        assert info[name]["F1 score"] == pytest.approx(f1[label])
    assert info["mean recall"] == pytest.approx(recall.mean())


def test_epochs_of_earlier_versions_have_no_matrices():
    log = training_log({}, {"training": 1, "validation": 1}, SIZE, [{"epoch": 0, "accuracy": 0.5}], "ab")
    assert log["epoch:0"] == {"train info": None, "valid info": None}


def test_tables_have_no_matrices():
    rows = [{"epoch": 1, "accuracy": 0.5, "confusion_matrix": [[1]], "train_confusion_matrix": [[1]]}]
    assert scalars(rows) == [{"epoch": 1, "accuracy": 0.5}]


def test_every_row_of_a_table_has_the_columns_of_the_last():
    """Before training there is nothing that training gives."""
    history = [{"epoch": 0, "loss": 0.7}, {"epoch": 1, "train_loss": 0.6, "train_confusion_matrix": [[1]], "loss": 0.5}]
    assert scalars(history) == [
        {"epoch": 0, "train_loss": None, "loss": 0.7},
        {"epoch": 1, "train_loss": 0.6, "loss": 0.5},
    ]
