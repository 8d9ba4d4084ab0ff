"""Small data sets in PALM's layout, and the files they are made of."""

from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pytest

from paddle_eye.data.palm import LABEL_FILE, LABEL_OF_LETTER, TRAINING_FOLDER, VALIDATION_FOLDER

HEADER = ("ID", "imgName", "Label", "Fovea_X", "Fovea_Y")


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
