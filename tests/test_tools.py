"""The commands as people type them."""

import base64
import csv
import hashlib
import importlib.util
import io
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import paddle
import pandas as pd
import pytest
import safetensors.numpy
import yaml
from paddle.vision.models import shufflenet_v2_x0_25
from sklearn.metrics import f1_score

from paddle_eye.data.sources.palm import CLASSES, TRAINING_FOLDER, VALIDATION_FOLDER
from paddle_eye.models.resnet import ResNet
from paddle_eye.weights.format import read_weights, write_weights
from paddle_eye.weights.opened import open_weights

ROOT = Path(__file__).resolve().parents[1]
SMALL = ("--batch-size", "4", "--set", "data.image_size=64")
RUN = "resnet50_vD_PALM"


def command(tool, *arguments):
    return [sys.executable, str(ROOT / "tools" / f"{tool}.py"), *map(str, arguments)]


def run_tool(tool, *arguments, cwd, code=0):
    """In this process, which has imported Paddle already; a home of its own has no AI Studio archives."""
    out, err, left = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(cwd)
        patch.setenv("HOME", str(cwd))
        patch.setattr(sys, "argv", command(tool, *arguments)[1:])
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as exit:
            left = exit.code
    assert left == code, out.getvalue() + err.getvalue()
    return SimpleNamespace(stdout=out.getvalue(), stderr=err.getvalue())


def run_process(tool, *arguments, cwd):
    """As `run_tool`, in a process of its own; only between those are results the same bit for bit."""
    environment = {**os.environ, "HOME": str(cwd)}
    done = subprocess.run(command(tool, *arguments), cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory, make_palm):
    """A folder with data and one finished run of two epochs."""
    folder = tmp_path_factory.mktemp("place")
    make_palm(folder / "dataset/palm")
    done = run_tool("train", "--version", "D", "--epochs", "2", *SMALL, cwd=folder)
    (folder / "log.txt").write_text(done.stdout)
    return folder


MASKS = ("--batch-size", "2", "--set", "data.image_size=32", "--set", "data.crops=2")
UNET = ("--config", ROOT / "configs/membrane_unet.yaml", *MASKS)


@pytest.fixture(scope="module")
def membrane(tmp_path_factory, make_membrane):
    """A folder with pairs of pictures and masks and one finished run of two epochs."""
    folder = tmp_path_factory.mktemp("membrane")
    make_membrane(folder / "dataset/membrane")
    done = run_tool("train", *UNET, "--epochs", "2", "--folds", "3", "--fold", "3", cwd=folder)
    (folder / "log.txt").write_text(done.stdout)
    return folder


@pytest.fixture
def copy(place, tmp_path):
    """A copy of `place` to do things to."""
    return shutil.copytree(place, tmp_path / "copy")


def state(run):
    checkpoint = safetensors.numpy.load_file(run / "checkpoint.safetensors")
    return {
        **checkpoint,
        **{f"best/{key}": value for key, value in read_weights(run / f"{RUN}.pdparams").arrays.items()},
    }


def test_a_run_leaves_everything_behind(place):
    run = place / "output" / RUN
    assert {path.name for path in run.iterdir()} == {
        f"{RUN}.pdparams",
        "last.pdparams",
        "checkpoint.safetensors",
        "class_indices.json",
        "training_log.json",
        "commands.txt",
        "config.yaml",
        "history.csv",
        "metrics.json",
        "curves.png",
        "confusion_matrix.png",
        "training_confusion_matrix.png",
        "roc.png",
        "calibration.png",
        "worst.png",
        "predictions_best.csv",
        "predictions_last.csv",
        "report.html",
    }
    assert len((run / "history.csv").read_text().splitlines()) == 1 + 3
    page = (run / "report.html").read_text(encoding="utf-8")
    for picture in ("curves", "confusion_matrix", "roc", "calibration", "worst"):
        assert base64.b64encode((run / f"{picture}.png").read_bytes()).decode() in page
    log = (place / "log.txt").read_text()
    assert "DEMONSTRATION" not in log
    assert re.search(r"epoch +2 +train loss \d", log)


def test_figures_are_those_of_the_weights_in_the_file(place):
    run = place / "output" / RUN
    metrics = json.loads((run / "metrics.json").read_text())
    arrays, description = read_weights(run / f"{RUN}.pdparams")
    assert description["architecture"] == {
        "name": "resnet",
        "layers": 50,
        "class_dim": 2,
        "version": "D",
        "definition": "document",
    }
    assert description["classes"] == list(CLASSES)
    assert description["epoch"] == metrics["best"]["epoch"]
    assert description["figures"]["accuracy"] == metrics["best"]["accuracy"]
    assert metrics["last"]["epoch"] == 2
    assert sum(map(sum, metrics["best"]["confusion_matrix"])) == metrics["best"]["images"] == 5
    for which in ("best", "last"):
        with open(run / f"predictions_{which}.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["image"] for row in rows] == [f"PALM-Validation400/V000{number}.jpg" for number in range(1, 6)]
        right = [row["label"] == row["predicted"] for row in rows]
        assert sum(right) / 5 == metrics[which]["accuracy"]
    model = ResNet(class_dim=2, version="D")
    missing, _ = model.set_state_dict(paddle.load(str(run / f"{RUN}.pdparams")))
    assert not missing
    assert set(arrays) == set(model.state_dict())


def test_what_the_shufflenet_document_keeps_of_a_run(place):
    run = place / "output" / RUN
    assert json.loads((run / "class_indices.json").read_text()) == dict(zip("01", CLASSES))
    metrics, log = (json.loads((run / f"{name}.json").read_text()) for name in ("metrics", "training_log"))
    assert log["dataset"] == {"trainset number": 12, "valset number": 5, "number classes": 2}
    assert log["epoch:2"]["valid info"]["accuracy"] == metrics["last"]["accuracy"]
    assert 0 <= log["epoch:2"]["train info"][CLASSES[0]]["Recall"] <= 1
    last = read_weights(run / "last.pdparams").description
    assert (last["epoch"], last["figures"]["accuracy"]) == (2, metrics["last"]["accuracy"])
    assert last["figures"]["images"] == 5


def test_pretrained_weights_keep_all_but_the_last_layer(copy):
    weights = f"output/{RUN}/last.pdparams"
    arguments = ("--version", "D", "--epochs", "0", *SMALL, "--output", "new")
    assert "--preset" not in run_tool("train", *arguments, "--pretrained", weights, cwd=copy).stdout
    start, new = (read_weights(copy / path).arrays for path in (weights, f"new/{RUN}/last.pdparams"))
    assert {key for key in start if not np.array_equal(start[key], new[key])} == {"out.weight", "out.bias"}
    error = run_tool("train", *arguments, "--pretrained", weights, "--weights", weights, cwd=copy, code=2).stderr
    assert "only one can be" in error


def test_weights_that_know_pictures_prepared_otherwise_are_told(copy):
    prepared = ("--epochs", "0", *SMALL, "--output", "prepared", "--preset")
    weights = ("--version", "D", "--pretrained", f"output/{RUN}/last.pdparams")
    out = run_tool("train", *weights, *prepared, "imagenet", cwd=copy).stdout
    assert "note: the weights to begin with know pictures as --preset document prepares them, not imagenet" in out
    paddle.save(shufflenet_v2_x0_25().state_dict(), str(copy / "theirs.pdparams"))
    weights = ("--model", "shufflenet_v2_x0_25", "--pretrained", "theirs.pdparams")
    out = run_tool("train", *weights, *prepared, "document", cwd=copy).stdout
    assert "the weights to begin with probably know pictures as --preset imagenet prepares them, not document" in out
    assert "the weights to begin with" not in run_tool("train", *weights, *prepared, "imagenet", cwd=copy).stdout


def test_weights_of_other_classes_are_told(copy):
    arguments = ("--version", "D", "--epochs", "0", *SMALL, "--output", "new", "--weights")
    assert "tell apart" not in run_tool("train", *arguments, f"output/{RUN}/last.pdparams", cwd=copy).stdout
    opened = open_weights(copy / f"output/{RUN}/last.pdparams")
    write_weights(copy / "told.pdparams", opened.model, {**opened.description, "classes": ["ill", "healthy"]})
    told = "told.pdparams"
    out = run_tool("train", *arguments, told, cwd=copy).stdout
    assert f"tell apart ill, healthy, the data has {', '.join(CLASSES)}; --pretrained {told} would begin" in out


def test_eval_finds_the_run_and_prints_the_documents_line(place):
    metrics = json.loads((place / "output" / RUN / "metrics.json").read_text())["best"]
    out = run_tool("eval", cwd=place).stdout
    line = f"[validation]:===model:ResNet50-D===accuracy:{metrics['accuracy']:.5f}/loss:{metrics['loss']:.5f}"
    assert out.splitlines()[-1] == line
    assert "PALM" in out


def test_a_second_run_gets_a_folder_of_its_own(copy):
    first = (copy / "output" / RUN / "metrics.json").read_bytes()
    run_tool("train", "--version", "D", "--epochs", "0", *SMALL, cwd=copy)
    assert (copy / "output" / f"{RUN}-2" / f"{RUN}.pdparams").is_file()
    assert (copy / "output" / RUN / "metrics.json").read_bytes() == first
    said = run_tool("eval", cwd=copy).stdout.splitlines()
    assert len(said) == 3 + 2 + 2 * 2  # a table, what is positive, a note, and of each run its weights and its line
    assert sum("Its weights are those before the first epoch" in line for line in said) == 1


def test_overwrite_replaces_the_run(copy):
    run_tool("train", "--version", "D", "--epochs", "0", "--overwrite", *SMALL, cwd=copy)
    assert [path.name for path in (copy / "output").iterdir()] == [RUN]
    assert len((copy / "output" / RUN / "history.csv").read_text().splitlines()) == 2


def test_a_killed_run_resumes_to_the_same_bits(copy):
    """Killed in its second epoch, continued from its first, and equal to the run that was never stopped."""
    recipe = ("--version", "D", "--epochs", "2", *SMALL, "--output")
    run_process("train", *recipe, copy / "straight", cwd=copy)
    straight = state(copy / "straight" / RUN)
    output = copy / "stopped"
    arguments = (*recipe, output)
    process = subprocess.Popen(command("train", *arguments), cwd=copy, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("epoch   1"):
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len((output / RUN / "history.csv").read_text().splitlines()) == 1 + 2
    assert not (output / RUN / "report.html").exists()
    done = run_process("train", "--version", "D", "--resume", "--output", output, cwd=copy)
    assert "epoch   1" not in done.stdout
    resumed = state(output / RUN)
    assert set(resumed) == set(straight)
    assert any(key.startswith("optimizer/") for key in resumed)
    for key, value in straight.items():
        np.testing.assert_array_equal(value, resumed[key], err_msg=key)
    commands = (output / RUN / "commands.txt").read_text().splitlines()
    assert [("--resume" in line) for line in commands] == [False, True]


def test_ctrl_c_says_how_to_go_on(copy):
    arguments = ("--version", "D", "--epochs", "50", *SMALL, "--output", copy / "stopped")
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # tests in the background inherit a deaf ear
    process = subprocess.Popen(command("train", *arguments), cwd=copy, preexec_fn=heed, **options)
    for line in process.stdout:
        if line.startswith("epoch   1"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err.strip() == "stopped; it goes on after its last finished epoch with --resume"


def test_resume_refuses_other_settings_and_changes_nothing(copy):
    before = {path: path.read_bytes() for path in (copy / "output" / RUN).iterdir()}
    done = run_tool("train", "--version", "D", "--lr", "0.1", "--seed", "3", "--resume", cwd=copy, code=2)
    assert "train.lr (0.001 then, 0.1 now), train.seed (0 then, 3 now);" in done.stderr
    (copy / "other.yaml").write_text("model: {version: D}\ntrain: {batch_size: 4, momentum: 0.5}\n")
    done = run_tool("train", "--config", "other.yaml", "--resume", cwd=copy, code=2)
    assert "other values of data.image_size (64 then, 224 now), train.momentum (0.9 then, 0.5 now);" in done.stderr
    assert before == {path: path.read_bytes() for path in (copy / "output" / RUN).iterdir()}


def test_holdout_chooses_on_training_photographs(copy):
    out = run_tool("train", "--epochs", "1", "--holdout", "0.34", *SMALL, cwd=copy).stdout
    assert "report" in out
    metrics = json.loads((copy / "output/resnet50_vO_PALM/metrics.json").read_text())
    assert metrics["data"]["training_images"] == 8
    assert metrics["data"]["images_chosen_on"] == 4
    assert metrics["best"]["images"] == 5
    assert "looked at only after training" in (copy / "output/resnet50_vO_PALM/report.html").read_text(encoding="utf-8")


def test_weights_are_continued(copy):
    """As the document's load_model: the first evaluation is that of the given weights."""
    weights = copy / "output" / RUN / f"{RUN}.pdparams"
    figures = read_weights(weights).description["figures"]
    out = copy / "continued"
    run_tool("train", "--version", "D", "--epochs", "0", *SMALL, "--weights", weights, "--output", out, cwd=copy)
    assert read_weights(out / RUN / f"{RUN}.pdparams").description["figures"]["loss"] == pytest.approx(figures["loss"])


def test_weights_of_another_version_are_refused_although_their_names_and_shapes_fit(copy):
    """O and B differ in strides and activations alone."""
    weights = copy / "output/b.pdparams"
    model = ResNet(class_dim=2, version="B")
    write_weights(weights, model, {"architecture": model.architecture})
    error = run_tool("train", "--version", "O", "--weights", weights, cwd=copy, code=2).stderr
    assert "b.pdparams: these weights are of" in error
    assert "version B" in error
    assert "version O" in error


def test_resume_takes_the_run_last_worked_on_and_any_way_to_name_its_data(copy):
    run_tool("train", "--version", "D", "--epochs", "0", *SMALL, cwd=copy)
    run_tool("train", "--version", "D", "--epochs", "0", "--overwrite", "--seed", "5", *SMALL, cwd=copy)
    data = f"{copy / 'dataset/palm'}/"
    out = run_tool("train", "--version", "D", "--seed", "5", "--resume", "--data", data, cwd=copy).stdout
    assert f"run output/{RUN}, data dataset/palm" in out


def test_resume_does_not_go_on_with_the_demonstration_once_photographs_are_there(copy):
    (copy / "dataset/palm").rename(copy / "dataset/elsewhere")
    run_tool("train", "--epochs", "0", "--resume", *SMALL, cwd=copy)
    (copy / "dataset/elsewhere").rename(copy / "dataset/palm")
    out = run_tool("train", "--epochs", "0", "--resume", *SMALL, cwd=copy).stdout
    assert "run output/resnet50_vO_PALM, data dataset/palm" in out
    assert (copy / "output/resnet50_vO_DEMO").is_dir()


def test_resume_takes_the_config_that_the_run_was_started_with(copy):
    text = "model: {version: B}\ndata: {image_size: 64}\ntrain: {batch_size: 4, epochs: 0}\n"
    (copy / "own.yaml").write_text(text)
    outs = [run_tool("train", "--config", "own.yaml", "--resume", cwd=copy).stdout for _ in range(2)]
    assert [("a new one is started" in out) for out in outs] == [True, False]
    assert not (copy / "output/resnet50_vB_PALM-2").exists()


def test_resume_needs_the_best_weights(copy):
    (copy / "output" / RUN / f"{RUN}.pdparams").unlink()
    error = run_tool("train", "--version", "D", "--resume", cwd=copy, code=2).stderr
    assert f"{RUN}.pdparams is missing" in error


def test_resume_without_a_run_says_so(copy):
    out = run_tool("train", "--epochs", "0", "--resume", *SMALL, cwd=copy).stdout
    assert "output holds no run of this network to continue, a new one is started" in out


def test_broken_pictures_of_all_parts_are_named_together(copy):
    broken = [copy / "dataset/palm" / part for part in (TRAINING_FOLDER / "P0001.jpg", VALIDATION_FOLDER / "V0002.jpg")]
    for path in broken:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    error = run_tool("train", *SMALL, cwd=copy, code=2).stderr
    assert all(f"{path.relative_to(copy)}: the picture is cut off" in error for path in broken)


def test_eval_of_a_file_without_description(copy):
    """The document's own files carry no description: their name or the flags say what they are."""
    arrays, _ = read_weights(copy / "output" / RUN / f"{RUN}.pdparams")
    tensors = {key: paddle.to_tensor(value) for key, value in arrays.items()}
    paddle.save(tensors, str(copy / "resnet50_vD_PALM.pdparams"))
    paddle.save(tensors, str(copy / "unnamed.pdparams"))
    by_name = run_tool("eval", "resnet50_vD_PALM.pdparams", cwd=copy).stdout
    by_flag = run_tool("eval", "unnamed.pdparams", "--layers", "50", "--version", "D", cwd=copy).stdout
    assert by_name.splitlines()[-1] == by_flag.splitlines()[-1]
    assert "give tools/eval.py --layers and --version" in run_tool("eval", "unnamed.pdparams", cwd=copy, code=2).stderr


def test_eval_reports_a_bad_file_and_evaluates_the_rest(copy):
    bad = copy / "output/bad"
    bad.mkdir()
    (bad / "resnet50_vD_PALM.pdparams").write_bytes(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.")
    done = run_tool("eval", cwd=copy, code=2)
    assert "[validation]:===model:ResNet50-D" in done.stdout
    assert "os.system" in done.stderr


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("train", ["--data", "nowhere"], "--data nowhere: no such folder"),
        ("train", ["--data", "empty"], "python tools/prepare_data.py"),
        ("train", ["--version", "E"], "model.version: expected one of O, B, C, D, got 'E'"),
        ("train", ["--set", "train.speed=1"], "unknown key train.speed"),
        ("train", ["--config", "none.yaml"], "none.yaml"),
        ("train", ["--device", "gpu:99"], "--device gpu:99"),
        ("train", ["--weights", "none.pdparams"], "none.pdparams"),
        ("train", ["--holdout", "0.01"], "--holdout 0.01"),
        (
            "train",
            ["--class-weights", "balanced", "--sampler", "balanced"],
            "both are balanced, and rare classes would",
        ),
        ("train", ["--epochs", "many"], "invalid int value"),
        ("train", ["--seed", "99999999999999999999"], "train.seed: expected a value at least 0 and below"),
        ("train", ["--set", "data.image_size=1000000"], "data.image_size: expected a value"),
        ("eval", ["empty"], "no weight file in empty"),
        ("eval", ["nothing"], "nothing: no such file or folder; give weight files or folders of runs"),
        ("eval", ["--data", "nowhere"], "--data nowhere"),
        ("prepare_data", ["--archives", "empty", "--data", "new"], "missing: training.zip"),
        (
            "train",
            ["--attention", "nam"],
            "the network 'resnet' has no such setting; it is one of resnet18",
        ),
        ("train", ["--model", "resnet18", "--version", "D"], "model.version=D: the network 'resnet18' has no"),
        ("train", ["--model", "resnet18", "--layers", "50"], "model.layers=50: the network 'resnet18' has no"),
        ("train", ["--folds", "5"], "data.folds=5: the network 'resnet' is for classification, which has no"),
        ("train", ["--lr", "0.1", "--set", "train.lr=0.2"], "--set train.lr: it is also given with a flag of its own"),
        ("train", ["--lrf", "0.1"], "train.lrf=0.1: the learning rate is constant"),
        ("train", ["--optim", "Adam", "--set", "train.momentum=0.9"], "train.momentum=0.9: Adam has none"),
        ("train", ["--version", "D", "--resume", "--epochs", "1"], "--epochs 1: output/resnet50_vD_PALM has 2 epochs"),
        ("train", ["--model", "resnet18", "--set", "data.image_size=100"], "a multiple of 32"),
        ("train", ["--model", "vgg"], "model.name: expected one of resnet, resnet18, "),
        ("train", ["--model", "resnet18", "--freeze", "stage9"], "--freeze stage9: the network has no part 'stage9'"),
        ("train", ["--data", "six"], "python tools/split.py --data six"),
        ("split", ["--data", "nowhere"], "nowhere: no such folder"),
        ("split", ["--data", "six", "--ratio", "1.5"], "--ratio 1.5: expected the training part's share"),
        ("split", ["--data", "six", "--folds", "1"], "--folds 1: expected 2 or more"),
        ("split", ["--data", "six", "--folds", "9"], "--folds 9: the smallest class has 5 photographs only"),
        ("split", ["--data", "six", "--ratio", "0.99"], "photographs of class 'a' aside"),
        ("split", ["--data", "six", "--group", "("], "--group (: this is no regular expression"),
        ("split", ["--data", "six", "--leave-out", "none.txt"], "--leave-out none.txt: no list of files"),
        ("audit", ["--data", "nowhere"], "nowhere: no such folder"),
        ("compare", ["output/resnet50_vD_PALM"], "at least two runs"),
        ("compare", ["empty", "nowhere"], "empty: this is no run's folder"),
        ("train", ["--pretrained", "none.pdparams"], "--pretrained none.pdparams: no such file"),
        ("train", ["--pretrained", "official"], "--pretrained official: Paddle has no weights for"),
        ("predict", ["nothing.jpg"], "nothing.jpg: no such file or folder"),
        ("predict", ["empty"], "empty: no picture files in this folder"),
        ("predict", ["--cam"], "--cam: give --draw DIR too"),
        ("predict", ["--csv", "table.jpg"], "--csv table.jpg: expected the name of a file that ends in .csv"),
        ("predict", ["--xlsx", "folder.xlsx"], "--xlsx folder.xlsx: expected the name of a file"),
        ("predict", ["--draw", "output/resnet50_vD_PALM/config.yaml"], "config.yaml: expected a folder"),
        ("predict", ["--weights", ""], "the path is empty"),
        ("predict", ["--batch-size", "0"], "--batch-size 0: expected at least 1"),
        ("predict", ["--weights", "empty"], "empty: expected a run with one file of best weights, found 0"),
        ("export", ["empty"], "empty: expected a run with one file of best weights, found 0"),
        ("convert_weights", ["none.pth", "out.pdparams"], "none.pth"),
        ("convert_weights", ["output/resnet50_vD_PALM", "out.pdparams", "--model", "unet"], "not of unet"),
        ("train", ["--model", "unet"], "the network 'unet' needs --data DIR"),
        (
            "train",
            ["--model", "unet", "--data", "dataset/palm"],
            "no pairs of pictures and masks; expected the folders image and label",
        ),
        ("train", ["--data", "masks"], "these are pictures and masks; train a network that draws masks, such as"),
        ("audit", ["--data", "masks"], "these are pictures and masks"),
        ("split", ["--data", "masks"], "these are pictures and masks"),
        ("train", ["--model", "unet", "--data", "masks", "--folds", "7"], "--folds 7: expected 2 or more"),
        ("train", ["--model", "unet", "--data", "masks", "--folds", "0"], "data.folds: expected a value at least 2"),
        ("train", ["--model", "unet", "--data", "masks", "--fold", "6"], "--fold 6: expected 1 to 5"),
        ("train", ["--model", "unet", "--data", "masks", "--holdout", "0.01"], "--holdout 0.01: keeps 0 of 5"),
        ("train", ["--model", "unet", "--data", "masks"], "squares of 256 pixels cannot be cut out"),
        ("train", ["--model", "unet", "--data", "masks", "--set", "data.foreground=background"], "needs another name"),
        (
            "train",
            ["--model", "unet", "--data", "masks", "--set", "data.image_size=40"],
            "data.image_size=40: expected a multiple of 16",
        ),
        ("train", ["--model", "unet", "--data", "masks", "--sampler", "balanced"], "for segmentation, which has no"),
        ("train", ["--set", "train.loss=dice"], "'resnet' is for classification, which has no such setting"),
        ("predict", [".", "--mask-out", "masks", "--weights", "output/resnet50_vD_PALM"], "ResNet50-D draws no masks"),
        ("serve", ["output", "gone"], "gone: no such file or folder; give runs, weight files or exported networks"),
        ("predict", ["--mask-out", "output/resnet50_vD_PALM/config.yaml"], "config.yaml: expected a folder"),
    ],
)
def test_wrong_input_is_explained_and_leaves_nothing(place, write_picture, make_membrane, tool, arguments, message):
    make_membrane(place / "masks")
    for name in ("empty", "folder.xlsx"):
        (place / name).mkdir(exist_ok=True)
    for label, name in enumerate("ab"):
        for number in range(5):
            write_picture(place / "six" / name / f"{number}.png", label)
    before = sorted(place.rglob("*"))
    assert message in run_tool(tool, *arguments, cwd=place, code=2).stderr
    assert sorted(place.rglob("*")) == before


def test_training_with_a_log_says_what_to_install(monkeypatch, tmp_path):
    for name in ("visualdl", "visualdl.proto.record_pb2"):  # whatever was imported before
        monkeypatch.setitem(sys.modules, name, None)
    assert 'pip install -e ".[visualdl]"' in run_tool("train", "--visualdl", cwd=tmp_path, code=1).stderr
    assert {path.name for path in tmp_path.iterdir()} <= {".config"}  # of libraries that are imported


def test_the_page_says_what_to_install(monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "streamlit" else find(name))
    assert 'pip install -e ".[web]"' in run_tool("serve", cwd=tmp_path, code=1).stderr


def test_help_is_quick_because_paddle_is_not_imported(tmp_path):
    for tool in (ROOT / "tools").glob("*.py"):
        asked = [sys.executable, "-X", "importtime", tool, "--help"]
        done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True)
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert "usage" in done.stdout and "paddle_eye" in imported and "paddle" not in imported


def test_predict_answers_for_a_run_and_for_what_was_exported_of_it(copy):
    run = copy / "output" / RUN
    (copy / "dataset/palm" / VALIDATION_FOLDER / "bad.jpg").write_bytes(b"no picture")
    photographs = f"dataset/palm/{VALIDATION_FOLDER}"
    run_tool("export", run, cwd=copy)
    tables = []
    for weights in (run, run / "exported-paddle"):
        arguments = (photographs, "--weights", weights, "--csv", "predictions.csv")
        done = run_tool("predict", *arguments, cwd=copy, code=1)
        assert "bad.jpg: this is no picture" in done.stderr
        tables.append(pd.read_csv(copy / "predictions.csv"))
    trained, exported = tables
    pd.testing.assert_frame_equal(trained, exported, atol=1e-4)
    expected = pd.read_csv(run / "predictions_best.csv")
    np.testing.assert_allclose(trained["p_" + CLASSES[1]], expected["p_" + CLASSES[1]], atol=1e-5)
    assert list(trained["class"]) == [CLASSES[label] for label in expected["predicted"]]


def test_predict_answers_at_once_without_weights_and_pictures(tmp_path):
    out = run_tool("predict", "--draw", "drawn", "--cam", "--xlsx", "table.xlsx", cwd=tmp_path).stdout
    assert "example.jpg: pathologic myopia" in out
    assert {path.name for path in tmp_path.glob("[!.]*")} == {"drawn", "table.xlsx"}


@pytest.fixture(scope="module")
def six(tmp_path_factory, write_picture):
    """Class folders, split, and a finished run of each of the document's two networks."""
    folder = tmp_path_factory.mktemp("six")
    for label, name in enumerate(("a", "b", "c")):
        for number in range(35):
            write_picture(folder / "dataset/fundus6" / name / f"{100 * label + number}_left.png", label % 2)
    out = run_tool("split", "--data", "dataset/fundus6", "--ratio", "0.8", cwd=folder).stdout
    (folder / "split.txt").write_text(out)
    small = ("--epochs", "1", "--set", "data.image_size=32")
    for name in ("resnet18", "resnet18_nam"):
        run_tool("train", "--config", ROOT / f"configs/fundus6_{name}.yaml", *small, cwd=folder)
    return folder


def test_a_split_prints_its_classes_and_writes_its_tables(six):
    assert (six / "split.txt").read_text().splitlines()[2].split() == ["a", "28", "7", "28", "7"]
    rows = (six / "dataset/fundus6/test.csv").read_text().splitlines()
    assert len(rows) == 1 + 21
    assert rows[0] == "path,label,class"


def test_both_networks_are_trained_from_their_files(six):
    metrics = [
        json.loads((six / f"output/{name}_fundus6/metrics.json").read_text()) for name in ("resnet18", "resnet18_nam")
    ]
    assert [each["model"] for each in metrics] == ["ResNet18", "ResNet18-NAM"]
    assert [each["settings"]["train.optim"] for each in metrics] == ["Adam", "Adam"]
    assert metrics[1]["trainable_parameters"] - metrics[0]["trainable_parameters"] == 3840
    assert metrics[0]["classes"] == ["a", "b", "c"]
    plain, nam = ((six / f"output/{each['run']}/history.csv").read_text().splitlines() for each in metrics)
    assert "train_penalty" not in plain[0]
    assert float(dict(zip(nam[0].split(","), nam[2].split(",")))["train_penalty"]) == pytest.approx(0.192, rel=0.05)


def test_eval_of_more_than_two_classes_prints_the_documents_lines(six):
    metrics = json.loads((six / "output/resnet18_nam_fundus6/metrics.json").read_text())["best"]
    lines = run_tool("eval", "output/resnet18_nam_fundus6", cwd=six).stdout.splitlines()
    assert lines[2].startswith("of more than two classes:")
    assert lines[3].startswith("[validation]:===model:ResNet18-NAM===accuracy:")
    assert lines[4] == "classes: a, b, c; after them the mean"
    assert lines[5] == f"acc-> {metrics['accuracy']:.4f}"
    assert lines[6].startswith("precision--> ([")
    assert lines[7].startswith("recall--> ([")


def test_runs_are_compared(six):
    out = run_tool("compare", "output/resnet18_fundus6", "output/resnet18_nam_fundus6", cwd=six).stdout
    assert out.splitlines()[0] == "last epochs"
    assert "11,178,051" in out.splitlines()[2]  # three classes: 3 · 513 fewer than with six
    assert "resnet18_fundus6 and resnet18_nam_fundus6: " in out
    assert (six / "output/comparison.png").stat().st_size > 5000


def test_a_network_of_other_classes_is_refused(six, place):
    error = run_tool("eval", six / "output/resnet18_fundus6", "--data", "dataset/palm", cwd=place, code=2).stderr
    assert "the network knows 3 classes, ['a', 'b', 'c']" in error


@pytest.fixture
def split_again(six, tmp_path):
    """A copy of `six` whose photographs are divided in another way."""
    copy = shutil.copytree(six, tmp_path / "copy")
    run_tool("split", "--data", "dataset/fundus6", "--seed", "5", cwd=copy)
    return copy


def test_eval_says_how_many_images_the_network_was_trained_on(six, split_again):
    assert "WARNING" not in run_tool("eval", "output/resnet18_fundus6", cwd=six).stdout
    trained, tested = (
        {line.split(",")[0] for line in (folder / f"dataset/fundus6/{name}.csv").read_text().splitlines()[1:]}
        for folder, name in ((six, "train"), (split_again, "test"))
    )
    out = run_tool("eval", "output/resnet18_fundus6", cwd=split_again).stdout
    assert f"was trained on {len(trained & tested)} of these 21 images" in out
    # what begins with its weights does not forget it
    arguments = ("--config", ROOT / "configs/fundus6_resnet18.yaml", "--epochs", "0", "--set", "data.image_size=32")
    weights = "output/resnet18_fundus6/last.pdparams"
    out = run_tool("train", *arguments, "--pretrained", weights, "--output", "new", cwd=split_again).stdout
    assert f"begin with were trained on {len(trained & tested)} of the 21 validation images" in out
    out = run_tool("eval", "new/resnet18_fundus6", cwd=split_again).stdout
    assert f"was trained on {len(trained & tested)} of these 21 images" in out


def test_a_run_does_not_go_on_with_another_split(split_again):
    report = split_again / "output/resnet18_fundus6/report.html"
    before = report.read_bytes()
    small = ("--epochs", "2", "--set", "data.image_size=32")
    config = ROOT / "configs/fundus6_resnet18.yaml"
    error = run_tool("train", "--config", config, *small, "--resume", cwd=split_again, code=2).stderr
    assert "their split are others than when the run was started" in error
    assert report.read_bytes() == before


def test_any_network_is_trained_on_any_data(six, place):
    small = ("--epochs", "0", "--set", "data.image_size=32")
    run_tool("train", "--model", "resnet18", "--attention", "nam+spatial", *small, cwd=place)
    assert (place / "output/resnet18_nam_spatial_PALM/report.html").is_file()
    shutil.rmtree(place / "output/resnet18_nam_spatial_PALM")
    run_tool("train", "--version", "D", "--data", "dataset/fundus6", *small, cwd=six)
    assert (six / "output/resnet50_vD_fundus6/report.html").is_file()


def test_a_frozen_shufflenet_is_trained_and_resumed(six):
    recipe = ("--model", "shufflenet_v2_x0_5", "--freeze", "backbone", "--preset", "imagenet", "--lrf", "0.1")
    recipe += ("--data", "dataset/fundus6", "--output", "transfer", "--set", "data.image_size=32")
    recipe += ("--set", "train.schedule=cosine", "--set", "train.warmup=0", "--set", "train.label_smoothing=0.1")
    run_tool("train", *recipe, "--epochs", "2", cwd=six)
    metrics = json.loads((six / "transfer/shufflenet_v2_x0_5_fundus6/metrics.json").read_text())
    assert (metrics["parameters"], metrics["trainable_parameters"]) == (343_842 + 1025, 2_050 + 1025)
    out = run_tool("eval", "transfer", cwd=six).stdout
    assert f"acc-> {metrics['best']['accuracy']:.4f}" in out
    assert "2 epochs done" in run_tool("train", *recipe, "--resume", cwd=six).stdout


def test_weights_and_sampling_against_imbalance(six):
    data = six / "dataset/uneven"
    shutil.copytree(six / "dataset/fundus6", data)
    header, *rows = (data / "train.csv").read_text().splitlines()
    rare = [row for row in rows if ",0," in row]
    (data / "train.csv").write_text("\n".join([header, *rare[:4], *(row for row in rows if row not in rare)]))
    small = ("--data", data, "--epochs", "1", "--set", "data.image_size=32")
    losses = []
    for name, flags in (("plain", ()), ("weighed", ("--class-weights",)), ("sampled", ("--sampler",))):
        balanced = [part for flag in flags for part in (flag, "balanced")]
        run_tool(
            "train", "--config", ROOT / "configs/fundus6_resnet18.yaml", *balanced, *small, "--output", name, cwd=six
        )
        history = (six / name / "resnet18_uneven/history.csv").read_text().splitlines()
        losses.append(history[2].split(",")[history[0].split(",").index("train_loss")])
    assert len(set(losses)) == 3


def test_faults_of_a_split_are_found_listed_and_mended(six, tmp_path):
    """A picture on both sides: told by the audit with exit code 1, at the training, and in its report."""
    copy = shutil.copytree(six, tmp_path / "copy")
    data = copy / "dataset/fundus6"
    training, test = ((data / name).read_text().splitlines() for name in ("train.csv", "test.csv"))
    seen = training[1].split(",")
    (data / "a/900_right.png").write_bytes((data / seen[0]).read_bytes())
    (data / "test.csv").write_text("\n".join([*test, f"a/900_right.png,{seen[1]},{seen[2]}"]))
    done = run_tool("audit", "--data", "dataset/fundus6", cwd=copy, code=1)
    assert "identical pictures on both sides of the split" in done.stdout
    run_tool("audit", "--data", "dataset/fundus6", "--fix-list", "faults.txt", cwd=copy)
    assert (copy / "faults.txt").read_text().splitlines()[1:] == ["dataset/fundus6/a/900_right.png"]
    small = ("--epochs", "0", "--set", "data.image_size=32", "--overwrite")
    out = run_tool("train", "--config", ROOT / "configs/fundus6_resnet18.yaml", *small, cwd=copy).stdout
    assert "FAULT of the data: identical pictures on both sides" in out
    assert "900_right.png" in (copy / "output/resnet18_fundus6/report.html").read_text(encoding="utf-8")
    run_tool("split", "--data", "dataset/fundus6", "--leave-out", "faults.txt", "--folds", "2", cwd=copy)
    out = run_tool("audit", "--data", "dataset/fundus6-fold1", cwd=copy).stdout
    assert "FAULT" not in out


MASK_RUN = "output/unet_membrane-fold3"


def test_a_run_on_masks_leaves_everything_behind(membrane):
    run = membrane / MASK_RUN
    assert {path.name for path in run.iterdir()} == {
        *("unet_membrane-fold3.pdparams", "last.pdparams", "checkpoint.safetensors", "class_indices.json"),
        *("training_log.json", "commands.txt", "config.yaml", "history.csv", "metrics.json", "curves.png", "masks.png"),
        *("predictions_best.csv", "predictions_last.csv", "report.html"),
    }
    page = (run / "report.html").read_text(encoding="utf-8")
    for picture in ("curves", "masks"):
        assert base64.b64encode((run / f"{picture}.png").read_bytes()).decode() in page
    assert list(pd.read_csv(run / "history.csv")["epoch"]) == [0, 1, 2]
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["validation_images"] == ["image/4.png", "image/5.png"]
    assert metrics["pictures"] == {"training": 4, "validation": 2}
    settings = yaml.safe_load((run / "config.yaml").read_text())
    assert settings["model"] == {"name": "unet", "in_channels": 1} and "preset" not in settings["data"]
    for which in ("best", "last"):
        table = pd.read_csv(run / f"predictions_{which}.csv")
        assert list(table["image"]) == metrics["validation_images"]
        assert table["dice"].mean() == pytest.approx(metrics[which]["mean"]["dice"])
    described = read_weights(run / "unet_membrane-fold3.pdparams").description
    assert described["figures"]["dice"] == metrics["best"]["mean"]["dice"]
    assert described["classes"] == ["membrane", "cell interior"]
    assert f"Dice of cell interior {metrics['last']['mean']['dice']:.4f}" in (membrane / "log.txt").read_text()


def test_masks_are_evaluated_and_predicted_by_the_weights_alone(membrane):
    """The figures of training, of eval.py and of the masks that predict.py writes are the same."""
    metrics = json.loads((membrane / MASK_RUN / "metrics.json").read_text())["best"]
    out = run_tool("eval", MASK_RUN, cwd=membrane).stdout
    told = f"Dice of cell interior {metrics['mean']['dice']:.4f}"
    assert out.splitlines()[-1].startswith(f"[validation]:===model:U-Net==={told}")
    assert "all foreground" in out
    names = ["dataset/membrane/image/4.png", "dataset/membrane/image/5.png"]
    run_tool("predict", *names, "--weights", MASK_RUN, "--mask-out", "masks", "--csv", "shares.csv", cwd=membrane)
    dices = []
    for name in ("4.png", "5.png"):
        mask = cv2.imread(str(membrane / f"masks/{name}-mask.png"), cv2.IMREAD_UNCHANGED).reshape(-1) > 0
        dices.append(f1_score(cv2.imread(str(membrane / "dataset/membrane/label" / name), 0).reshape(-1) > 0, mask))
    assert np.mean(dices) == pytest.approx(metrics["mean"]["dice"])
    assert list(pd.read_csv(membrane / "shares.csv").columns) == ["image", "share of cell interior"]
    assert "name the pictures" in run_tool("predict", "--weights", MASK_RUN, cwd=membrane, code=2).stderr


def test_the_example_of_masks_runs(membrane):
    text = (ROOT / "docs/notebooks.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(from paddle_eye import open_predictor, segment.*?)```", text, re.DOTALL)[1]
    example = example.replace("output/damu_unet_membrane", MASK_RUN).replace("29.png", "5.png")
    done = subprocess.run([sys.executable, "-c", example], cwd=membrane, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.startswith("dataset/membrane/image/5.png (48, 40) 0.")


def test_other_data_is_evaluated_whole(membrane, make_membrane, tmp_path):
    make_membrane(tmp_path / "other", count=3, size=(40, 48))
    out = run_tool("eval", MASK_RUN, "--data", tmp_path / "other", cwd=membrane).stdout
    assert re.search(r"U-Net +other +3 +0 ", out)


def test_a_run_on_masks_is_continued(membrane, tmp_path):
    folder = shutil.copytree(membrane, tmp_path / "copy")
    out = run_tool("train", *UNET, "--epochs", "2", "--folds", "3", "--fold", "3", "--resume", cwd=folder).stdout
    assert "2 epochs done" in out
    (folder / "dataset/membrane/label/0.png").write_bytes((folder / "dataset/membrane/label/1.png").read_bytes())
    arguments = (*UNET, "--epochs", "2", "--folds", "3", "--fold", "3", "--resume")
    assert "their labels or their split are others" in run_tool("train", *arguments, cwd=folder, code=2).stderr


def test_every_fold_is_trained_and_summed_up(membrane, tmp_path):
    """Each picture is measured on once; the sum is the mean over all of them."""
    recipe = ("--model", "damu_unet", "--data", "dataset/membrane", "--epochs", "0", *MASKS, "--folds", "2")
    out = run_tool("train", *recipe, "--output", tmp_path, cwd=membrane).stdout
    tables = [pd.read_csv(tmp_path / f"damu_unet_membrane-fold{fold}/predictions_last.csv") for fold in (1, 2)]
    assert [name for table in tables for name in table["image"]] == [f"image/{number}.png" for number in range(6)]
    mean = pd.concat(tables)["dice"].mean()
    *_, told, summary = out.splitlines()
    assert told.startswith(f"2 folds, 6 images, last epochs: Dice of foreground {mean:.4f} [")
    assert summary == f"summary {tmp_path / 'damu_unet_membrane-folds.json'}"
    assert json.loads(Path(summary[8:]).read_text())["last"]["mean"]["dice"] == pytest.approx(mean)


def test_masks_are_compared(membrane, tmp_path):
    run_tool("train", *UNET, "--epochs", "0", "--folds", "3", "--fold", "3", "--output", tmp_path, cwd=membrane)
    other = tmp_path / "unet_membrane-fold3"
    picture = tmp_path / "comparison.png"
    out = run_tool("compare", MASK_RUN, other, "--out", picture, cwd=membrane).stdout
    assert "too few images to tell a difference from noise (of 2 images, the Dice of" in out
    assert picture.is_file()


def test_a_holdout_of_slices_chooses_the_best_epoch(membrane, tmp_path):
    run_tool("train", *UNET, "--epochs", "0", "--holdout", "0.25", "--output", tmp_path, cwd=membrane)
    data = json.loads((tmp_path / "unet_membrane/metrics.json").read_text())["data"]
    assert (data["training_images"], data["images_chosen_on"], data["fold"]) == (4, 1, 5)


def test_the_first_command_of_the_readme_learns_the_demonstration_set_and_says_what_it_is(tmp_path):
    out = run_process("train", "--version", "D", cwd=tmp_path).stdout
    assert "DEMONSTRATION SET" in out
    assert "prepare_data.py --archives" in out
    run = tmp_path / "output/resnet50_vD_DEMO"
    assert "drawn by a program" in (run / "report.html").read_text(encoding="utf-8")
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["data"]["demonstration"] is True
    assert metrics["last"]["accuracy"] >= 0.9
    assert "DEMONSTRATION SET" in run_tool("eval", cwd=tmp_path).stdout


def test_the_readme_s_example_runs_as_it_stands(place):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    asked, example = (
        re.search(rf"```python\n({start}.*?)```", text, re.DOTALL)[1]
        for start in ("from paddle_eye import open_predictor", "from paddle_eye import open_weights")
    )
    out = subprocess.run([sys.executable, "-c", asked], cwd=place, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert out.startswith("dataset/palm/PALM-Validation400/V0001.jpg {'not pathologic': ")
    done = subprocess.run([sys.executable, "-c", example], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    classes, probabilities = done.stdout.split("] [[")
    assert classes == str(list(CLASSES)).rstrip("]")
    assert sum(map(float, probabilities.strip().rstrip("]").split())) == pytest.approx(1)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("train", ["--data", ""]),
        ("train", ["--config", ""]),
        ("train", ["--output", ""]),
        ("train", ["--weights", ""]),
        ("train", ["--pretrained", ""]),
        ("eval", [""]),
        ("eval", ["--data", ""]),
        ("audit", ["--data", ""]),
        ("split", ["--data", ""]),
        ("split", ["--data", "x", "--out", ""]),
        ("compare", ["x", ""]),
        ("prepare_data", ["--archives", ""]),
        ("predict", [""]),
        ("export", [""]),
        ("convert_weights", ["", "x.pdparams"]),
        ("reproduce", [""]),
        ("serve", ["--output", ""]),
    ],
)
def test_an_empty_path_of_a_variable_that_is_not_set_is_refused(tmp_path, tool, arguments):
    assert "the path is empty" in run_tool(tool, *arguments, cwd=tmp_path, code=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_folds_are_the_same_asked_for_in_either_way(membrane, tmp_path):
    recipe = ("--model", "damu_unet", "--data", "dataset/membrane", "--epochs", "0", *MASKS)
    out = run_tool("train", *recipe, "--set", "data.folds=2", "--output", tmp_path, cwd=membrane).stdout
    assert "2 folds, 6 images" in out
    assert (tmp_path / "damu_unet_membrane-folds.json").is_file()


def test_photographs_kept_aside_are_not_among_those_trained_on(copy):
    run_tool("train", "--version", "D", "--epochs", "0", *SMALL, "--holdout", "0.25", "--output", "held", cwd=copy)
    description = read_weights(copy / f"held/{RUN}/{RUN}.pdparams").description
    assert len(description["training_pictures"]) == description["data"]["training_images"] == 8
    assert re.search(r" 5 +0 +0 ", run_tool("eval", "held", cwd=copy).stdout)


def test_a_recipe_of_masks_is_taken_for_networks_that_draw_masks(membrane, tmp_path):
    arguments = ("--model", "unet", "--data", "dataset/membrane", "--epochs", "0", "--set", "data.image_size=32")
    run_tool("train", *arguments, "--output", tmp_path, cwd=membrane)
    settings = json.loads((tmp_path / "unet_membrane/metrics.json").read_text())["settings"]
    assert (settings["train.optim"], settings["train.lr"], settings["train.batch_size"]) == ("Adam", 0.001, 2)
    assert "train.label_smoothing" not in settings and "data.preset" not in settings


def test_what_cannot_be_continued_is_refused_before_archives_are_unpacked(tmp_path):
    (tmp_path / "data/data19469").mkdir(parents=True)  # in this home; empty ones would be a fault
    err = run_tool("train", "--model", "unet", "--resume", cwd=tmp_path, code=2).stderr
    assert "the network 'unet' needs --data DIR" in err
    assert not (tmp_path / "dataset").exists()


def test_a_recipe_that_fails_leaves_the_run_that_it_was_to_replace(copy):
    before = (copy / f"output/{RUN}/last.pdparams").read_bytes()
    arguments = ("--version", "D", "--epochs", "1", *SMALL, "--overwrite", "--lr", "1e30")
    assert "lower learning rate" in run_tool("train", *arguments, cwd=copy, code=1).stderr
    run_tool("train", "--version", "D", "--epochs", "9", *SMALL, "--overwrite", "--device", "gpu:7", cwd=copy, code=2)
    assert [path.name for path in (copy / "output").iterdir()] == [RUN]
    assert (copy / f"output/{RUN}/last.pdparams").read_bytes() == before


def test_resume_without_data_does_not_train_the_demonstration_beside_other_runs(six, tmp_path):
    shutil.copytree(six / "output", tmp_path / "output")
    err = run_tool("train", "--model", "resnet18", "--resume", cwd=tmp_path, code=2).stderr
    assert re.search(r"--resume: output has resnet18_\w+.*, but no run on PALM or DEMO; say with --data", err)
    assert not (tmp_path / "dataset").exists()


def test_a_run_whose_data_was_moved_goes_on(copy):
    (copy / "dataset/palm").rename(copy / "moved")
    arguments = ("--version", "D", "--epochs", "3", *SMALL, "--data", "moved", "--resume")
    assert "2 epochs done" in run_tool("train", *arguments, cwd=copy).stdout


def test_a_frozen_backbone_of_random_weights_is_warned_of(copy):
    arguments = ("--model", "shufflenet_v2_x0_25", "--freeze", "backbone", "--epochs", "0", *SMALL)
    assert "WARNING: --freeze backbone keeps random weights" in run_tool("train", *arguments, cwd=copy).stdout


def test_the_block_held_out_is_known_although_the_weights_to_begin_with_know_other_blocks(membrane, tmp_path):
    begun = ("--epochs", "0", "--folds", "3", "--fold", "2", "--weights", MASK_RUN, "--output", tmp_path)
    out = run_tool("train", *UNET, *begun, cwd=membrane).stdout
    assert "the weights to begin with were trained on" in out
    evaluated = run_tool("eval", tmp_path / "unet_membrane-fold2", cwd=membrane).stdout
    images = json.loads((tmp_path / "unet_membrane-fold2/metrics.json").read_text())["best"]["images"]
    assert re.search(rf"U-Net +membrane +{images} ", evaluated), evaluated


def test_the_block_held_out_is_known_by_its_pictures_wherever_they_lie(membrane, tmp_path):
    shutil.copytree(membrane / "dataset/membrane", tmp_path / "elsewhere")
    out = run_tool("eval", MASK_RUN, "--data", tmp_path / "elsewhere", cwd=membrane).stdout
    assert re.search(r"U-Net +elsewhere +2 +0 ", out)


def test_a_block_without_foreground_is_refused_before_another_is_trained(membrane, tmp_path):
    copy = shutil.copytree(membrane, tmp_path / "copy")
    last = sorted((copy / "dataset/membrane/label").iterdir())[-2:]
    for path in last:
        cv2.imwrite(str(path), np.zeros_like(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)))
    recipe = ("--model", "unet", "--data", "dataset/membrane", "--epochs", "0", *MASKS, "--output", tmp_path / "runs")
    done = run_tool("train", *recipe, "--folds", "3", cwd=copy, code=2)
    assert "block 3 of 3: no mask has foreground, so there is no Dice" in done.stderr
    assert not (tmp_path / "runs").exists()
    run_tool("train", *recipe, "--folds", "3", "--fold", "1", cwd=copy)


def test_a_runs_figures_have_the_digests_of_its_predictions(place):
    run = place / "output" / RUN
    for which, digest in json.loads((run / "metrics.json").read_text())["predictions"].items():
        assert digest == hashlib.sha256((run / f"predictions_{which}.csv").read_bytes()).hexdigest()
