"""A run measured on a stranger's data."""

import json

import numpy as np
import pandas as pd
import pytest

import paddle_eye
from paddle_eye.metrics.classification import accuracy
from paddle_eye.metrics.intervals import bootstrap_difference
from paddle_eye.runs.evaluate import evaluate_weights, evaluation_lines

RECIPE = {"model": "shufflenet_v2_x0_25", "image_size": 32, "epochs": 2, "optim": "Adam", "lr": 0.003}


@pytest.fixture(scope="module")
def place(tmp_path_factory, write_picture):
    """A run on train and val of two classes, and a stranger's folders of the same, with both eyes of each patient."""
    folder = tmp_path_factory.mktemp("external")
    for part in ("train", "val"):
        for number in range(8):
            for label, name in enumerate(("amd", "normal")):
                write_picture(folder / f"own/{part}/{name}/{part}-{number}.png", label)
    for number in range(6):
        for side in ("left", "right"):
            for label, name in enumerate(("AMD", "fine")):
                write_picture(folder / f"strangers/{name}/{name}{number}_{side}.png", label)
    done = paddle_eye.train(data=str(folder / "own"), output=folder / "output", **RECIPE)
    return folder, folder / done["run"]


@pytest.fixture(scope="module")
def measured(place):
    folder, run = place
    weights = next(run.glob("shufflenet*.pdparams"))
    return evaluate_weights(weights, str(folder / "strangers"), names={"fine": "normal"})


def test_everything_is_measured_with_the_network_s_classes(place, measured):
    assert (measured["images"], measured["classes"], measured["data"]) == (24, ["amd", "normal"], "strangers")
    assert [row["support"] for row in measured["per_class"]] == [12, 12]


def test_intervals_are_over_patients_and_each_patient_has_an_answer(place, measured):
    predictions = pd.read_csv(place[1] / "external-strangers/predictions.csv")
    predictions["patient"] = predictions["image"].str.extract(r"(\w+\d+)_")
    means = predictions.groupby("patient")[["label", "p_amd", "p_normal"]].mean()
    right = (means["p_normal"] > means["p_amd"]) == (means["label"] == 1)
    assert measured["intervals_over"] == "patients"
    assert measured["patients"]["patients"] == len(means) == 12
    assert measured["patients"]["accuracy"] == pytest.approx(right.mean())
    assert "by patient (the mean of each one's photographs; 12 patients)" in "\n".join(evaluation_lines([measured]))


def test_the_report_stands_beside_the_run_with_the_difference(place, measured):
    folder = place[1] / "external-strangers"
    assert measured["report"] == str(folder)
    written = json.loads((folder / "metrics.json").read_text())
    row = next(row for row in written["differences"] if row["name"] == "accuracy")
    best = json.loads((place[1] / "metrics.json").read_text())["best"]
    assert (row["internal"], row["external"]) == (best["accuracy"], measured["accuracy"])
    assert row["difference"] == pytest.approx(measured["accuracy"] - best["accuracy"])
    low, high = row["difference_interval"]
    assert low <= row["difference"] <= high
    page = (folder / "report.html").read_text()
    assert "run's own validation images" in page
    assert "<img" in page
    assert f"report {folder}/report.html" in "\n".join(evaluation_lines([measured]))


def test_the_interval_of_a_difference_is_that_of_two_independent_shares():
    """Against the normal approximation, for shares of 300 and 200 images."""
    generator = np.random.default_rng(0)
    sets = [
        (np.ones(n, int), np.eye(2)[(generator.random(n) < p).astype(int)], None) for n, p in ((300, 0.8), (200, 0.6))
    ]
    shares = [accuracy(*each[:2]) for each in sets]
    low, high = bootstrap_difference(accuracy, *sets)
    deviation = np.sqrt(sum(p * (1 - p) / n for p, n in zip(shares, (300, 200))))
    assert low == pytest.approx(shares[1] - shares[0] - 1.96 * deviation, abs=0.01)
    assert high == pytest.approx(shares[1] - shares[0] + 1.96 * deviation, abs=0.01)


def test_a_run_on_its_own_data_leaves_no_further_report(place):
    _, run = place
    assert evaluate_weights(next(run.glob("shufflenet*.pdparams")))["report"] is None


def test_weights_that_belong_to_no_run_leave_no_report(place, tmp_path):
    folder, run = place
    weights = tmp_path / "w.pdparams"
    weights.write_bytes(next(run.glob("shufflenet*.pdparams")).read_bytes())
    measured = evaluate_weights(weights, str(folder / "strangers"), names={"fine": "normal"})
    assert measured["report"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["w.pdparams"]
