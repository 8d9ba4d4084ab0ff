"""Photographs that show several things or none: the loss and the counts by hand, and a run from sheet to prediction."""

import json

import cv2
import numpy as np
import paddle
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

import paddle_eye
from paddle_eye.data.preparation.steps import find_sheet, write_split
from paddle_eye.data.sources import layouts
from paddle_eye.engine.objective import Evaluation
from paddle_eye.errors import InputError
from paddle_eye.inference.export import export
from paddle_eye.inference.files import predict_files
from paddle_eye.metrics.multilabel import best_thresholds
from paddle_eye.run_folder import RunFolder
from paddle_eye.runs.compare import read_runs
from paddle_eye.tasks.multilabel import MultilabelObjective
from paddle_eye.weights.format import read_weights, write_weights

CLASSES = ("drusen", "myopia")
RECIPE = {"model": "shufflenet_v2_x0_25", "image_size": 32, "optim": "Adam", "lr": 0.003, "task": "multilabel"}


@pytest.fixture(scope="module")
def arrays():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(50, 3)).astype(np.float32)
    labels = (generator.random((50, 3)) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    return logits, labels


def test_the_loss_is_the_mean_of_the_classes_log_losses(arrays):
    logits, labels = map(paddle.to_tensor, arrays)
    probabilities = 1 / (1 + np.exp(-arrays[0].astype(np.float64)))
    expected = np.mean([log_loss(arrays[1][:, k], probabilities[:, k]) for k in range(3)])
    assert MultilabelObjective().loss(logits, labels).item() == pytest.approx(expected, rel=1e-5)
    assert MultilabelObjective().outputs(logits) == pytest.approx(probabilities, abs=1e-6)


def test_weights_count_the_images_that_show_a_class(arrays):
    logits, labels = map(paddle.to_tensor, arrays)
    weights = np.array([1.0, 2.0, 5.0])
    probabilities = 1 / (1 + np.exp(-arrays[0].astype(np.float64)))
    each = -(weights * arrays[1] * np.log(probabilities) + (1 - arrays[1]) * np.log(1 - probabilities))
    terms = MultilabelObjective(weights).training_terms(logits, labels)
    assert terms["loss"].item() == pytest.approx(each.mean(), rel=1e-5)


def test_the_area_while_training_is_that_of_the_epoch_to_the_width_of_a_part(arrays):
    logits, labels = arrays
    objective = MultilabelObjective()
    halves = (slice(20), slice(20, None))
    tallies = [objective.tally(*(paddle.to_tensor(each[half]) for each in (logits, labels))) for half in halves]
    found = objective.training_figures(tallies[0] + tallies[1])["auc"]
    assert found == pytest.approx(roc_auc_score(labels, logits, average="macro"), abs=0.01)


def test_the_score_is_the_mean_area(arrays):
    logits, labels = arrays
    score = MultilabelObjective().score(Evaluation(0.5, list(labels), list(logits)))
    assert score == {"loss": 0.5, "auc": pytest.approx(roc_auc_score(labels, logits, average="macro"))}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Photographs that show two bars, one or none, two of each patient, their tables, and a trained run."""
    folder = tmp_path_factory.mktemp("several")
    generator, lines = np.random.default_rng(0), ["image,patient,drusen,myopia"]
    for number in range(40):
        picture = generator.integers(0, 60, (32, 32, 3)).astype(np.uint8)
        shows = [number % 2, number // 2 % 2]
        for bar in np.flatnonzero(shows):
            picture[4 + 14 * bar : 14 + 14 * bar, :, 2 * bar] = 230
        name = f"{number:02d}.png"
        (folder / "eyes").mkdir(exist_ok=True)
        (folder / "eyes" / name).write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        lines.append(",".join(map(str, (name, f"p{number // 2}", *shows))))
    (folder / "labels.csv").write_text("\n".join(lines))
    write_split(find_sheet(folder, folder / "labels.csv", label_column=",".join(CLASSES)), folder, ratio=0.7)
    paddle_eye.train(data=str(folder), epochs=8, class_weights="balanced", output=folder / "output", **RECIPE)
    return folder


@pytest.fixture
def run(place):
    (path,) = (place / "output").iterdir()
    return RunFolder(path, path.name)


def test_a_run_leaves_figures_thresholds_and_a_page(run):
    results = json.loads(run.metrics.read_text())
    assert results["classes"] == list(CLASSES)
    losses = pd.read_csv(run.history)["train_loss"].dropna()
    assert losses.iloc[-1] < losses.iloc[0]  # how good it is after so few steps depends on how a processor rounds
    assert results["best"]["intervals_over"] == "patients"
    assert "drusen" in run.report.read_text()
    predictions = pd.read_csv(run.predictions("last"))
    patients = predictions["image"].str.extract(r"(\d+)")[0].astype(int) // 2
    assert (predictions["patient"] == patients.factorize()[0]).all() and patients.nunique() < len(patients)
    thresholds = {which: [row["threshold"] for row in results[which]["per_class"]] for which in ("best", "last")}
    for which, path in (("best", run.best_weights), ("last", run.last_weights)):
        assert read_weights(path).description["thresholds"] == thresholds[which]


def test_thresholds_are_chosen_on_the_training_photographs_alone(place, run):
    training = layouts.read(place).training
    predictor = paddle_eye.open_predictor(run.last_weights)
    answers = list(paddle_eye.predict(predictor, [record.image for record in training.records]))
    labels = np.array([record.label for record in training.records])
    expected = best_thresholds(labels, np.stack([answer.probabilities for answer in answers]))
    assert predictor.description["thresholds"] == pytest.approx(expected, abs=1e-4)


def test_evaluation_finds_the_figures_of_the_run(run):
    best, figures = json.loads(run.metrics.read_text())["best"], paddle_eye.evaluate(run.path)
    assert figures["task"] == "multilabel"
    for name in ("auc", "average_precision", "exact_match", "images"):
        assert figures[name] == pytest.approx(best[name])
    assert [row["threshold"] for row in figures["per_class"]] == [row["threshold"] for row in best["per_class"]]


def test_predictions_name_every_class_above_its_threshold(place, run, tmp_path):
    predictor = paddle_eye.open_predictor(run.path)
    files = sorted((place / "eyes").iterdir())[:4]
    done = predict_files(predictor, files, draw=tmp_path, cam=True)
    assert list(done.table.columns) == ["image", "found", "p_drusen", "p_myopia"]
    assert len(set(done.table["found"])) > 1
    for file, (_, row) in zip(files, done.table.iterrows()):
        above = [n for n, t in zip(CLASSES, predictor.description["thresholds"]) if row[f"p_{n}"] >= t]
        assert row["found"] == (", ".join(above) or "none of them")
        drawn = cv2.imread(str(tmp_path / f"{file.name}-predicted.png"))
        assert drawn.shape[1] == 32 * (1 + len(above))  # a heat map for each class that is found


def test_the_page_s_answer_has_a_heat_map_for_each_class_that_is_found(place, run):
    predictor = paddle_eye.open_predictor(run.path)
    for path in sorted((place / "eyes").iterdir())[:4]:
        shown = predictor.show(cv2.imread(str(path)))
        names = [] if shown.heading == "none of them" else shown.heading.split(", ")
        assert [caption for caption, _ in shown.pictures[1:]] == [f"evidence for {n} (Grad-CAM)" for n in names]


def test_an_exported_network_finds_the_same(place, run, tmp_path):
    predictor = paddle_eye.open_predictor(run.path)
    export(predictor, tmp_path / "exported", "paddle")
    files = sorted((place / "eyes").iterdir())[:6]
    opened = (predictor, paddle_eye.open_predictor(tmp_path / "exported"))
    tables = [predict_files(each, files).table for each in opened]
    probabilities = [table.filter(like="p_").to_numpy() for table in tables]
    assert np.allclose(*probabilities, atol=1e-4)
    plain = (np.abs(probabilities[0] - predictor.description["thresholds"]) > 2e-4).all(axis=1)
    assert list(tables[0]["found"][plain]) == list(tables[1]["found"][plain])


def test_runs_are_compared_by_the_images_that_are_wholly_right(place, run, tmp_path):
    other = paddle_eye.train(data=str(place), epochs=0, output=tmp_path, **RECIPE)["run"]
    runs, comparison = read_runs([run.path, tmp_path / other], "last")
    exact = [pd.read_csv(path.predictions("last"))["exact"] for path in (run, RunFolder(tmp_path / other, ""))]
    only = [int((exact[here] & ~exact[there]).sum()) for here, there in ((0, 1), (1, 0))]
    counts = f"has every class of {only[0]} right, the other alone of {only[1]}"
    assert comparison.test(*runs).counts.endswith(counts)


def test_one_kind_of_labels_is_not_taken_for_the_other(place, tmp_path, make_palm):
    with pytest.raises(InputError, match=r"may show several of drusen, myopia or none; .* train\.task=multilabel"):
        paddle_eye.train(data=str(place), output=tmp_path, **{**RECIPE, "task": None})
    with pytest.raises(InputError, match=r"each photograph has one class; leave train\.task=multilabel out"):
        paddle_eye.train(data=str(make_palm(tmp_path / "palm")), output=tmp_path, **RECIPE)


@pytest.mark.parametrize("wrong", [[0.5], "half", [0.5, 2]])
def test_thresholds_that_are_none_are_refused(run, tmp_path, wrong):
    described = {**read_weights(run.best_weights).description, "thresholds": wrong}
    write_weights(tmp_path / "w.pdparams", paddle_eye.open_weights(run.best_weights).model, described)
    with pytest.raises(InputError, match="its thresholds are no 2 probabilities"):
        paddle_eye.open_predictor(tmp_path / "w.pdparams")
