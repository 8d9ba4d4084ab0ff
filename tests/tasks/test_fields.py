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
BRIGHT[:8] = 255  # also where no photograph is


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
    monkeypatch.chdir(tmp_path)
    settings = {"model": "unet", "data": "set", "image_size": 32, "crops": 1}
    results = paddle_eye.train(**settings, batch_size=1, epochs=1, loss="bce_dice")
    assert results["data"]["field_of_view"] is True
    faults = [fault.split(":")[0] for fault in results["faults_of_the_data"]]
    assert faults == [f"{what} on both sides of the split" for what in ("identical pictures", "a patient")]
    for place, counted in (("set", field > 0), ("strangers", field_of_view(PHOTOGRAPH))):
        row = paddle_eye.evaluate(results["run"], data=place)
        constant = f1_score((BRIGHT > 0)[counted], np.ones(counted.sum(), bool))
        assert row["mean"]["constant_dice"] == pytest.approx(constant)
        assert any("no masks of fields of view" in note for note in row["notes"]) == (place == "strangers")
