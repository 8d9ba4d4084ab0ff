"""Small data sets in PALM's layout, and the files they are made of."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pytest

from paddle_eye.data.sources.palm import LABEL_FILE, LABEL_OF_LETTER, TRAINING_FOLDER, VALIDATION_FOLDER

# Before anything is imported that reads it, and for the tools that tests start.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="paddle_eye-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

HEADER = ("ID", "imgName", "Label", "Fovea_X", "Fovea_Y")


@pytest.fixture(scope="session")
def skip():
    """A function that leaves a test out for want of something; where ``PADDLE_EYE_NO_SKIP`` is set, it fails."""
    return pytest.fail if os.environ.get("PADDLE_EYE_NO_SKIP") else pytest.skip


@pytest.fixture(scope="session")
def write_picture():
    """A function that writes a picture of noise, the brighter the higher its label, and returns its path.

    Two pictures of one name and label are the same, whatever folder they are in.
    """

    def write(path, label=0, size=(40, 48)):
        path = Path(path)
        generator = np.random.default_rng([label, *path.name.encode()])
        picture = generator.integers(0, 100, (*size, 3)) + 120 * label
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(path.suffix, picture.astype(np.uint8))[1].tobytes())
        return path

    return write


@pytest.fixture(scope="session")
def write_sheet():
    """A function that writes an xlsx file of a header and rows, and returns its path."""

    def write(path, rows, header=HEADER):
        workbook = openpyxl.Workbook()
        for row in (header, *rows):
            workbook.active.append(row)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        workbook.save(path)
        return Path(path)

    return write


@pytest.fixture(scope="session")
def make_palm(write_picture, write_sheet):
    """A function that writes a whole PALM folder and returns it.

    ``training`` counts the photographs of each letter, ``validation`` lists the labels of V0001.jpg, V0002.jpg …
    """

    def make(root, training=None, validation=(0, 1, 0, 1, 1)):
        for letter, count in (training or {"H": 2, "N": 4, "P": 6}).items():
            for number in range(1, count + 1):
                write_picture(root / TRAINING_FOLDER / f"{letter}{number:04d}.jpg", LABEL_OF_LETTER[letter])
        rows = []
        for number, label in enumerate(validation, start=1):
            name = f"V{number:04d}.jpg"
            write_picture(root / VALIDATION_FOLDER / name, label)
            rows.append((number, name, label, 24.0, 20.0))
        write_sheet(root / LABEL_FILE, rows)
        return root

    return make


@pytest.fixture(scope="session")
def make_membrane():
    """A function that writes pictures of blobs and their masks, ``image/0.png`` and ``label/0.png`` …, into a folder.

    The foreground is bright, with noise on it; the pairs differ.
    """

    def make(root, count=6, size=(48, 40)):
        for number in range(count):
            generator = np.random.default_rng(number)
            field = cv2.GaussianBlur(generator.uniform(-1, 1, size).astype(np.float32), (0, 0), 3)
            mask = (field > 0).astype(np.uint8)
            picture = (60 + 120 * mask + generator.integers(-30, 30, size)).astype(np.uint8)
            for folder, content in (("image", picture), ("label", 255 * mask)):
                (root / folder).mkdir(parents=True, exist_ok=True)
                (root / folder / f"{number}.png").write_bytes(cv2.imencode(".png", content)[1].tobytes())
        return root

    return make


@pytest.fixture
def history():
    """The rows of a run of three epochs; the first and the second of them were equally good."""
    rows = [(0, None, None, None, 0.72, 0.5, 0.4), (1, 1e-4, 0.66, 0.61, 0.6, 0.75, 0.8)]
    rows += [(2, 1e-4, 0.5, 0.78, 0.55, 0.75, 0.85), (3, 1e-4, 0.4, 0.83, 0.62, 0.7, 0.82)]
    names = ("epoch", "lr", "train_loss", "train_accuracy", "loss", "accuracy", "auc")
    return [{**dict(zip(names, row)), "seconds": 1.5} for row in rows]


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
        "intervals_over": "images",
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
        "intervals_over": "images",
        "overall": {**mean, "dice": 0.81},
        "empty": [0, 0],
    }
