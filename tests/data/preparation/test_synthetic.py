"""The demonstration set: the same for the same seed, readable as PALM, not solved by colour alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openpyxl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from paddle_eye.data.images import read_picture
from paddle_eye.data.preparation import synthetic
from paddle_eye.data.records import RecordSet
from paddle_eye.data.sources.palm import CLASSES, LABEL_FILE, TRAINING_FOLDER, VALIDATION_FOLDER, read_palm
from paddle_eye.errors import InputError


class Drawn(NamedTuple):
    """The whole set and the processor time it took, which other programs on the machine change little."""

    folder: Path
    seconds: float


@pytest.fixture(scope="module")
def full_set(tmp_path_factory) -> Drawn:
    folder = tmp_path_factory.mktemp("demonstration") / "demo"
    started = time.process_time()
    synthetic.draw(folder)
    return Drawn(folder, time.process_time() - started)


@pytest.fixture(scope="module")
def small_set(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "demo"
    synthetic.draw(folder, seed=1, training=8, validation=6)
    return folder


def pictures(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.jpg")}


def sheet(folder: Path) -> list[tuple]:
    return list(openpyxl.load_workbook(folder / LABEL_FILE).active.iter_rows(values_only=True))


def test_same_seed_same_bytes(small_set, tmp_path):
    synthetic.draw(tmp_path / "again", seed=1, training=8, validation=6)
    assert pictures(tmp_path / "again") == pictures(small_set)
    assert sheet(tmp_path / "again") == sheet(small_set)


def test_another_seed_differs(small_set, tmp_path):
    synthetic.draw(tmp_path / "other", seed=2, training=8, validation=6)
    first, other = pictures(small_set), pictures(tmp_path / "other")
    assert first.keys() == other.keys()
    assert not set(first.values()) & set(other.values())


def test_no_picture_twice(full_set):
    drawn = pictures(full_set.folder)
    assert len(drawn) == 96 + 64
    assert len(set(drawn.values())) == len(drawn)


def test_is_read_as_palm(full_set):
    palm = read_palm(full_set.folder)
    assert palm.training.counts() == dict.fromkeys(CLASSES, 48)
    assert palm.validation.counts() == dict.fromkeys(CLASSES, 32)


def test_small_counts(small_set):
    palm = read_palm(small_set)
    assert palm.training.counts() == dict.fromkeys(CLASSES, 4)
    assert palm.validation.counts() == dict.fromkeys(CLASSES, 3)


def test_names_are_palms(small_set, full_set):
    names = sorted(path.stem for path in (small_set / TRAINING_FOLDER).iterdir())
    assert names == ["H0001", "N0001", "N0002", "N0003", "P0001", "P0002", "P0003", "P0004"]
    letters = [path.name[0] for path in (full_set.folder / TRAINING_FOLDER).iterdir()]
    assert {letter: letters.count(letter) for letter in "HNP"} == {"H": 12, "N": 36, "P": 48}
    assert (full_set.folder / TRAINING_FOLDER / "P0048.jpg").is_file()
    assert (full_set.folder / VALIDATION_FOLDER / "V0064.jpg").is_file()


def test_order_of_the_sheet_does_not_give_the_label_away(full_set):
    labels = [row[2] for row in sheet(full_set.folder)[1:]]
    assert labels != sorted(labels)


def test_sheet_has_the_fovea(full_set):
    header, *rows = sheet(full_set.folder)
    assert header == ("ID", "imgName", "Label", "Fovea_X", "Fovea_Y")
    assert all(0 < value < synthetic.SIZE for row in rows for value in row[3:])


def test_macula_is_dark_at_the_fovea():
    """The ring is as far from the fovea as the macula is broad."""
    fundus = synthetic.draw_fundus("N", np.random.default_rng(0))
    x, y = np.meshgrid(np.arange(synthetic.SIZE) + 0.5, np.arange(synthetic.SIZE) + 0.5)
    distance = np.hypot(x - fundus.fovea[0], y - fundus.fovea[1])
    green = fundus.picture[..., 1]
    assert green[distance < 6].mean() < 0.85 * green[(distance > 28) & (distance < 36)].mean()


@pytest.mark.parametrize("letter", "HNP")
@pytest.mark.parametrize("size", [64, 224])
def test_one_picture(letter, size):
    fundus = synthetic.draw_fundus(letter, np.random.default_rng(3), size)
    assert fundus.picture.shape == (size, size, 3)
    assert fundus.picture.dtype == np.uint8
    corner, middle = fundus.picture[: size // 16, : size // 16], fundus.picture[size // 3 : size // 2, size // 3 :]
    assert corner.mean() < 10 < middle.mean()
    assert all(0 < value < size for value in fundus.fovea)


def mean_colours(record_set: RecordSet) -> tuple[np.ndarray, list[int]]:
    colours = [read_picture(record.image).mean(axis=(0, 1)) for record in record_set.records]
    return np.array(colours), [record.label for record in record_set.records]


def test_mean_colour_does_not_give_the_class_away(full_set):
    palm = read_palm(full_set.folder)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(*mean_colours(palm.training))
    assert model.score(*mean_colours(palm.validation)) < 0.85


def test_is_drawn_quickly(full_set):
    assert full_set.seconds < 15


def test_nothing_is_left_when_drawing_is_broken_off(tmp_path, monkeypatch):
    whole, drawn = synthetic.draw_fundus, []

    def break_off(*arguments):
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append(arguments)
        return whole(*arguments)

    monkeypatch.setattr(synthetic, "draw_fundus", break_off)
    with pytest.raises(KeyboardInterrupt):
        synthetic.draw(tmp_path / "demo", training=8, validation=6)
    assert len(drawn) == 3
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        synthetic.draw(folder, training=2, validation=2)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert list(tmp_path.iterdir()) == [folder]


def test_is_demonstration(small_set, tmp_path):
    assert synthetic.is_demonstration(small_set)
    assert not synthetic.is_demonstration(tmp_path)
    assert not synthetic.is_demonstration(tmp_path / "missing")


def test_the_notice_says_what_the_pictures_are(small_set):
    notice = (small_set / synthetic.MARKER_FILE).read_text(encoding="utf-8")
    assert "drawn by a program" in notice
    assert "not medical data" in notice
    assert "seed: 1" in notice
