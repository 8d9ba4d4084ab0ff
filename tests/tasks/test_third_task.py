"""A third task costs one file, `toy.py`, and one row of the table; every tool then does it."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from paddle_eye.tasks.registry import TASKS

ROOT = Path(__file__).resolve().parents[2]


def load(path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def tool(monkeypatch, tmp_path, capsys, make_palm):
    """A function that runs a tool in a folder with data, where the task is known, and returns what it prints."""
    monkeypatch.setitem(TASKS, "toy", load(Path(__file__).with_name("toy.py")).ToyTask)
    monkeypatch.chdir(tmp_path)
    make_palm(tmp_path / "dataset/palm")

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [f"tools/{name}.py", *map(str, arguments)])
        load(ROOT / f"tools/{name}.py").main()
        return capsys.readouterr().out

    return run


def test_every_tool_does_a_third_task(tool):
    recipe = (
        "--model",
        "shufflenet_v2_x0_25",
        "--set",
        "train.task=toy",
        "--set",
        "data.image_size=32",
        "--lr",
        "0.01",
    )
    said = tool("train", *recipe, "--epochs", 3)
    run = Path("output/shufflenet_v2_x0_25_PALM")
    results = json.loads((run / "metrics.json").read_text())
    assert (results["task"], results["last"]["epoch"], results["last"]["images"]) == ("toy", 3, 5)
    history = (run / "history.csv").read_text().splitlines()
    briers = [float(row.split(",")[history[0].split(",").index("brier")]) for row in history[1:]]
    assert results["best"]["epoch"] == briers.index(min(briers))
    assert f"last epoch 3 on the validation images: Brier score {results['last']['brier']:.5f}" in said
    page = (run / "report.html").read_text()
    assert "Brier score" in page and "train.label_smoothing" not in page and "train.loss" not in page
    assert json.loads((run / "training_log.json").read_text())["epoch:3"] == {"train info": None, "valid info": None}
    assert "3 epochs done" in tool("train", *recipe, "--epochs", 4, "--resume")
    tool("train", *recipe, "--epochs", 1, "--output", "other")
    best = json.loads((run / "metrics.json").read_text())["best"]  # of four epochs now
    assert f"===brier:{best['brier']:.5f}" in tool("eval", run)
    assert "Brier score" in tool("compare", run, "other/shufflenet_v2_x0_25_PALM")
    assert "image" in tool("predict", "dataset/palm/PALM-Validation400", "--weights", run)
    assert "differ from the training network" in tool("export", run)


def test_a_task_that_a_network_cannot_learn_is_refused(tool):
    with pytest.raises(ValueError, match=r"train.task=toy: the network 'unet' cannot learn it; take resnet, resnet18"):
        tool("train", "--model", "unet", "--data", "dataset/palm", "--set", "train.task=toy")
    with pytest.raises(ValueError, match="'nothing'; known are classification, multilabel, segmentation, toy"):
        tool("train", "--set", "train.task=nothing")
    with pytest.raises(ValueError, match=r"train.label_smoothing=0.1: .* is for toy, which has no such setting"):
        tool("train", "--set", "train.task=toy", "--set", "train.label_smoothing=0.1")
