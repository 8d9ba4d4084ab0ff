"""A run measured on a stranger's data."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

import paddle_eye
from paddle_eye.metrics.classification import accuracy
from paddle_eye.metrics.intervals import bootstrap_difference
from paddle_eye.runs import external
from paddle_eye.runs.evaluate import evaluate_each, evaluate_weights, evaluation_lines
from paddle_eye.weights.format import load_into, read_weights, write_weights

RECIPE = {"model": "shufflenet_v2_x0_25", "image_size": 32, "epochs": 2, "optim": "Adam", "lr": 0.003}


@pytest.fixture(scope="module")
def place(tmp_path_factory, write_picture):
    """A run on train and val of two classes, and a stranger's folders of the same, with both eyes of each patient."""
    folder = tmp_path_factory.mktemp("external")
    for part in ("train", "val"):
        for number in range(8):
            for label, name in enumerate(("amd", "normal")):
                path = write_picture(folder / f"own/{part}/{name}/{part}-{number}.png", label)
                blots = cv2.GaussianBlur(cv2.imread(str(path)), (0, 0), 3)  # noise has nothing coarse to tell it by
                cv2.imwrite(str(path), cv2.normalize(blots, None, 120 * label, 100 + 120 * label, cv2.NORM_MINMAX))
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


def test_a_network_that_its_run_does_not_report_on_is_not_compared_with_it(place, tmp_path):
    """As where a run was continued and stopped."""
    run = shutil.copytree(place[1], tmp_path / place[1].name, ignore=shutil.ignore_patterns("external-*"))
    figures = json.loads((run / "metrics.json").read_text())
    figures["best"]["epoch"] += 1
    (run / "metrics.json").write_text(json.dumps(figures))
    evaluate_weights(next(run.glob("shufflenet*.pdparams")), str(place[0] / "strangers"), names={"fine": "normal"})
    assert not list(run.glob("external-*"))


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


def test_photographs_that_look_like_those_trained_on_are_told(place, tmp_path):
    """One is the very file, two were saved anew, the others are a stranger's."""
    folder, run = place
    for name in ("AMD", "fine"):
        shutil.copytree(folder / f"strangers/{name}", tmp_path / f"both/{name}")
    for number in range(3):
        path = shutil.copy(folder / f"own/train/amd/train-{number}.png", tmp_path / "both/AMD")
        if number:
            cv2.imwrite(str(path), cv2.imread(str(path)), [cv2.IMWRITE_PNG_COMPRESSION, 0])
    weights = next(run.glob("shufflenet*.pdparams"))
    both = evaluate_weights(weights, str(tmp_path / "both"), names={"fine": "normal"})
    assert (both["images"], both["trained_on"], both["look_trained_on"]) == (27, 1, 2)
    lines = evaluation_lines([both])
    assert f"WARNING: {weights} was trained on 1 of these 27 images" in lines
    told = f"WARNING: 2 others of these 27 images look like ones that {weights} was trained on"
    assert any(line.startswith(told) for line in lines)
    assert "2 others of these 27 images" in (run / "external-both/report.html").read_text()


def test_weights_without_sketches_or_with_damaged_ones_are_measured_all_the_same(place, measured, tmp_path):
    folder, run = place
    assert (measured["trained_on"], measured["look_trained_on"]) == (0, 0)
    arrays, description = read_weights(next(run.glob("shufflenet*.pdparams")))
    assert len(description["training_sketches"]) == len(description["training_pictures"]) == 16
    model = paddle_eye.create_model("shufflenet_v2_x0_25", num_classes=2)
    load_into(model, arrays, "the run")
    del description["training_sketches"]
    for damaged in ({}, {"training_sketches": ["?"]}):
        write_weights(tmp_path / "w.pdparams", model, {**description, **damaged})
        again = evaluate_weights(tmp_path / "w.pdparams", str(folder / "strangers"), names={"fine": "normal"})
        assert (again["trained_on"], again["look_trained_on"], again["loss"]) == (0, None, measured["loss"])


def test_a_network_that_cannot_be_measured_leaves_the_others(place, tmp_path):
    folder, run = place
    good = next(run.glob("shufflenet*.pdparams"))
    arrays, description = read_weights(good)
    model = paddle_eye.create_model("shufflenet_v2_x0_25", num_classes=2)
    large = {"bias": 100, "fc.weight": 3e38}
    ends = {key: value for key in arrays for end, value in large.items() if key.endswith(end)}
    load_into(model, {**arrays, **{key: np.full_like(arrays[key], ends[key]) for key in ends}}, "a test")
    write_weights(tmp_path / "over.pdparams", model, description)
    load_into(model, arrays, "the run")
    write_weights(tmp_path / "named.pdparams", model, {**description, "classes": 5})
    files = [tmp_path / "over.pdparams", tmp_path / "named.pdparams", good]
    rows, faults, failed = evaluate_each(files, str(folder / "own"), lambda name: iter)
    assert [row["weights"] for row in rows] == [str(good)]
    assert len(faults) == len(failed) == 1
    assert "named.pdparams: expected the names of 2 classes, all different, in its description, found 5" in faults[0]
    assert failed[0].startswith(f"{files[0]}: ") and "no finite numbers" in failed[0]


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


def test_a_report_on_another_folder_of_the_same_name_is_kept(place, measured, tmp_path):
    """The other one has photographs of a single class."""
    folder, run = place
    weights = next(run.glob("shufflenet*.pdparams"))
    shutil.copytree(folder / "strangers/AMD", tmp_path / "strangers/AMD")
    for _ in range(2):
        other = evaluate_weights(weights, str(tmp_path / "strangers"))
        assert (other["images"], other["auc"], other["report"]) == (12, None, str(run / "external-strangers-2"))
    assert "no photographs of normal" in "\n".join(evaluation_lines([other]))
    assert json.loads((run / "external-strangers/metrics.json").read_text())["images"] == 24


def test_all_rows_of_a_stranger_s_sheet_are_measured_unless_its_division_is_asked_for(place, tmp_path):
    folder, run = place
    weights = next(run.glob("shufflenet*.pdparams"))
    rows = ["image,label,split"]
    for name, part in (("AMD0_left", "train"), ("AMD1_left", "test"), ("fine0_left", "train"), ("fine1_left", "test")):
        rows.append(f"{name},{'amd' if name.startswith('A') else 'normal'},{part}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    sheet = {"sheet": tmp_path / "labels.csv"}
    whole = evaluate_weights(weights, str(folder / "strangers"), sheet=sheet)
    assert whole["images"] == 4 and any("all of it is measured" in note for note in whole["notes"])
    part = evaluate_weights(weights, str(folder / "strangers"), sheet={**sheet, "split_column": "split"})
    assert part["images"] == 2


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


@pytest.fixture(scope="module")
def masks(tmp_path_factory):
    """A run on the masks of both eyes of five patients, and its report on three others."""
    folder, generator = tmp_path_factory.mktemp("masks"), np.random.default_rng(0)
    for place, patients in (("own", range(1, 6)), ("strangers", range(11, 14))):
        for patient in patients:
            for side in "LR":
                mask = np.zeros((40, 48), np.uint8)
                mask[5 : 15 + patient, 4:30] = 255
                picture = np.clip(mask // 2 + generator.integers(0, 90, mask.shape), 0, 255).astype(np.uint8)
                for kind, content in (("image", picture), ("label", mask)):
                    (folder / place / kind).mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(folder / place / kind / f"Image_{patient:02d}{side}.png"), content)
    recipe = {"model": "unet", "image_size": 32, "crops": 2, "batch_size": 4, "epochs": 1, "loss": "bce_dice"}
    results = paddle_eye.train(data=str(folder / "own"), folds=2, output=folder / "output", **recipe)
    weights = folder / results["run"] / "unet_own.pdparams"
    return results, weights, evaluate_weights(weights, str(folder / "strangers"))


def test_masks_of_one_patient_stay_together_and_intervals_are_over_patients(masks):
    results, weights, measured = masks
    names = [f"image/Image_{patient:02d}{side}.png" for patient in (4, 5) for side in "LR"]
    assert results["validation_images"] == names
    assert (results["best"]["intervals_over"], measured["intervals_over"]) == ("patients", "patients")
    for predictions, patients in (("predictions_last.csv", 2), ("external-strangers/predictions.csv", 3)):
        numbers = pd.read_csv(weights.parent / predictions)["patient"]
        assert numbers.tolist() == [patient for patient in range(patients) for _ in "LR"]


def test_a_stranger_s_masks_leave_a_report_with_the_difference(masks):
    results, weights, measured = masks
    folder = weights.parent / "external-strangers"
    assert measured["report"] == str(folder)
    dices = pd.read_csv(folder / "predictions.csv")["dice"]
    assert len(dices) == measured["images"] == 6
    row = json.loads((folder / "metrics.json").read_text())["differences"][0]
    assert row["name"] == "Dice of foreground"
    assert (row["internal"], row["external"]) == (results["best"]["mean"]["dice"], pytest.approx(dices.mean()))
    assert row["external_interval"] == measured["interval"]["dice"]
    low, high = row["difference_interval"]
    assert row["difference"] == pytest.approx(row["external"] - row["internal"])
    assert low <= row["difference"] <= high
    page = (folder / "report.html").read_text()
    assert "intervals, here over patients" in page and "<img" in page and "<h2>Classes" not in page
    assert "best epoch (" in page and "The best epoch may have been chosen" in page


def test_last_weights_are_compared_with_the_run_s_last_epoch_in_a_report_of_their_own(place, measured):
    folder, run = place
    before = (run / "external-strangers/metrics.json").read_text()
    last = evaluate_weights(run / "last.pdparams", str(folder / "strangers"), names={"fine": "normal"})
    assert last["report"] == str(run / "external-strangers-last")
    own = json.loads((run / "metrics.json").read_text())["last"]
    report = json.loads((run / "external-strangers-last/metrics.json").read_text())
    assert [row["internal"] for row in report["differences"] if row["name"] == "accuracy"] == [own["accuracy"]]
    page = (run / "external-strangers-last/report.html").read_text()
    assert f"last epoch ({own['epoch']})" in page and "best epoch" not in page
    assert (run / "external-strangers/metrics.json").read_text() == before
    other = shutil.copy(run / "last.pdparams", run / "other.pdparams")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(external, "best_weights_in", lambda _: [run / "elsewhere.pdparams"])
        assert evaluate_weights(Path(other), str(folder / "strangers"), names={"fine": "normal"})["report"] is None
    Path(other).unlink()
