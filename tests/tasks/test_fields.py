"""Networks of pixels that learn in fields of view."""

import cv2
import numpy as np
import pytest
from sklearn.metrics import f1_score

import paddle_eye
from paddle_eye.data.field import field_of_view
from paddle_eye.data.images import read_picture
from paddle_eye.inference.predictor import EXAMPLE_PICTURE

PHOTOGRAPH = cv2.resize(read_picture(EXAMPLE_PICTURE), (96, 96), interpolation=cv2.INTER_AREA)
BRIGHT = np.where(PHOTOGRAPH[..., 2] > 100, 255, 0).astype(np.uint8)
BRIGHT[:2] = 255  # also where no photograph is
BRIGHTER = np.where(np.arange(96)[:, None] < 30, 255, BRIGHT).astype(np.uint8)  # so much that it is no field of view


def write(folder, stem, **pictures):
    for name, content in pictures.items():
        (folder / name).mkdir(parents=True)
        cv2.imwrite(str(folder / name / f"{stem}.png"), content)


def test_the_round_field_counts_where_no_file_says_what_the_field_of_view_is(tmp_path, monkeypatch):
    field = np.zeros((96, 96), np.uint8)
    field[2:94, 2:94] = 255
    for part, stem in (("training", "7_left"), ("test", "7_right")):
        write(tmp_path / "set" / part, stem, images=PHOTOGRAPH, **{"1st_manual": BRIGHT}, mask=field)
    write(tmp_path / "strangers", "1", image=PHOTOGRAPH, label=BRIGHT)
    write(tmp_path / "others", "1", image=PHOTOGRAPH, label=BRIGHTER)
    monkeypatch.chdir(tmp_path)
    settings = {"model": "unet", "data": "set", "image_size": 32, "crops": 1}
    results = paddle_eye.train(**settings, batch_size=1, epochs=1, loss="bce_dice")
    assert results["data"]["field_of_view"] is True
    faults = [fault.split(":")[0] for fault in results["faults_of_the_data"]]
    assert faults == [f"{what} on both sides of the split" for what in ("identical pictures", "a patient")]
    found, everything = field_of_view(PHOTOGRAPH), np.ones((96, 96), bool)
    for place, truth, counted in (
        ("set", BRIGHT, field > 0),
        ("strangers", BRIGHT, found),
        ("others", BRIGHTER, everything),
    ):
        row = paddle_eye.evaluate(results["run"], data=place)
        constant = f1_score((truth > 0)[counted], np.ones(counted.sum(), bool))
        assert row["mean"]["constant_dice"] == pytest.approx(constant)
        notes = "\n".join(row["notes"])
        assert (f"set/training/mask holds the fields of view; {(field > 0).mean():.0%} of" in notes) == (place == "set")
        assert ("no masks of fields of view" in notes) == (place != "set")


def test_fields_of_the_training_part_alone_are_looked_for_in_the_test_part(tmp_path, monkeypatch):
    """So that train.py and eval.py count the same pixels."""
    write(
        tmp_path / "set/training", "1", images=PHOTOGRAPH, mask=np.uint8(255 * field_of_view(PHOTOGRAPH)), labels=BRIGHT
    )
    write(tmp_path / "set/test", "2", images=PHOTOGRAPH[:, ::-1], labels=BRIGHT[:, ::-1])
    monkeypatch.chdir(tmp_path)
    settings = {"model": "unet", "data": "set", "image_size": 32, "crops": 1, "epochs": 0}
    results = paddle_eye.train(**settings, batch_size=1)
    again = paddle_eye.evaluate(results["run"])
    counted = field_of_view(PHOTOGRAPH)
    assert results["last"]["mean"]["constant_dice"] == again["mean"]["constant_dice"]
    constant = f1_score((BRIGHT > 0)[counted], np.ones(counted.sum(), bool))
    assert again["mean"]["constant_dice"] == pytest.approx(constant)
    assert (
        "some pictures have no field of view; what is in the round fields of the photographs counts" in again["notes"]
    )
