"""Figures of evaluations, written by hand."""

import pytest


def class_row(support, precision, recall, specificity, f1, auc):
    names = ("support", "precision", "recall", "specificity", "f1", "auc")
    return dict(zip(names, (support, precision, recall, specificity, f1, auc)))


@pytest.fixture
def two_classes():
    """40 images, 20 of each of two classes."""
    return {
        "images": 40,
        "loss": 0.51239,
        "accuracy": 0.875,
        "accuracy_interval": [0.73887, 0.94541],
        "auc": 0.91234,
        "auc_interval": [0.81, 0.98],
        "sensitivity": 0.9,
        "specificity": 0.85,
        "precision": 0.857,
        "f1": 0.878,
        "kappa": 0.75,
        "confusion_matrix": [[17, 3], [2, 18]],
        "per_class": [
            class_row(20, 0.895, 0.85, 0.9, 0.872, 0.91234),
            class_row(20, 0.857, 0.9, 0.85, 0.878, 0.91234),
        ],
        "macro": {"precision": 0.876, "recall": 0.875, "specificity": 0.875, "f1": 0.875, "auc": 0.91234},
        "weighted": {"precision": 0.876, "recall": 0.875, "specificity": 0.875, "f1": 0.875, "auc": 0.91234},
        "calibration": {"bins": [{"images": 40, "confidence": 0.9, "accuracy": 0.875}], "ece": 0.025},
    }


@pytest.fixture
def three_classes(two_classes):
    """10 images of three classes; the third one is never predicted."""
    for name in ("sensitivity", "specificity", "precision", "f1"):
        del two_classes[name]
    return {
        **two_classes,
        "images": 10,
        "accuracy": 0.7,
        "confusion_matrix": [[4, 1, 0], [0, 3, 0], [1, 1, 0]],
        "per_class": [
            class_row(5, 0.8, 0.8, 0.8, 0.8, 0.9),
            class_row(3, 0.6, 1.0, 0.714286, 0.75, 0.95),
            class_row(2, 0.0, 0.0, 1.0, 0.0, 0.625),
        ],
        "macro": {"precision": 0.4667, "recall": 0.6, "specificity": 0.838, "f1": 0.5167, "auc": 0.825},
        "weighted": {"precision": 0.725, "recall": 0.7, "specificity": 0.814, "f1": 0.625, "auc": 0.86},
    }


@pytest.fixture
def masks():
    """Two pictures of masks; the second one is the worse."""
    names = ("dice", "iou", "accuracy", "sensitivity", "specificity", "background_dice", "constant_dice")
    mean = dict(zip(names, (0.8, 0.7, 0.75, 0.95, 0.5, 0.55, 0.875)))
    per_image = [{**mean, "dice": 0.9}, {**mean, "dice": 0.7, "background_dice": None}]
    intervals = {**{name: [value - 0.05, value + 0.05] for name, value in mean.items()}, "dice": [0.7, 0.9]}
    return {
        **{"images": 2, "loss": 0.125, "mean": mean, "interval": intervals, "per_image": per_image},
        "overall": {**mean, "dice": 0.81},
    }
