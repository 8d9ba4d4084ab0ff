"""Whatever moment a tool is killed at, nothing is lost and nothing is half there, and the same command goes on."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from paddle_eye.data.sources.palm import read_palm
from paddle_eye.data.sources.tables import read_table
from paddle_eye.weights.format import read_weights

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ("--model", "shufflenet_v2_x0_25", "--epochs", "2", "--batch-size", "4", "--set", "data.image_size=32")


def temporary(folder):
    return list(Path(folder).rglob("*.paddle_eye"))


@pytest.fixture(scope="module")
def palm(tmp_path_factory, make_palm):
    return make_palm(tmp_path_factory.mktemp("killed") / "palm")


@pytest.fixture(scope="module")
def trained(tool, palm, tmp_path_factory):
    """A folder with a finished run, and how many changes it took."""
    place = tmp_path_factory.mktemp("trained")
    done = tool("train", *RECIPE, "--data", palm, cwd=place)
    assert done.code == 0, done
    return place, done.changes


@pytest.fixture
def place(tmp_path, trained):
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def last_figures(output):
    (path,) = Path(output).glob("*/metrics.json")
    return json.loads(path.read_text())["last"]


def require_whole(output):
    """Every file below a folder can be read by what reads it."""
    for path in Path(output).rglob("*"):
        if path.suffix == ".pdparams":
            read_weights(path)
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".csv":
            assert len(pd.read_csv(path))


def test_training(tool, palm, trained, tmp_path):
    place, changes = trained
    arguments = (*RECIPE, "--data", palm)
    for moment in tool.moments(changes, 14):
        here = tmp_path / str(moment)
        here.mkdir()
        assert tool("train", *arguments, cwd=here, die_at=moment).code == "signal 9"
        require_whole(here)
        resumed = tool("train", *arguments, "--resume", cwd=here)
        if resumed.code == 2:  # killed before there was a run
            assert not list(here.rglob("config.yaml")), resumed.stderr
            resumed = tool("train", *arguments, cwd=here)
        assert resumed.code == 0, (moment, resumed.stderr)
        assert last_figures(here / "output") == last_figures(place / "output"), moment
        assert temporary(here) == [], moment


def test_a_run_that_is_to_be_replaced(tool, palm, place):
    """Killed, an overwriting run has either replaced the former one or left it as it was."""
    arguments = (*RECIPE, "--data", palm, "--overwrite", "--set", "train.seed=1")
    for moment in tool.moments(tool("train", *arguments, cwd=place).changes, 6):
        assert tool("train", *arguments, cwd=place, die_at=moment).code == "signal 9"
        finished = tool("train", *arguments, cwd=place)
        assert finished.code == 0, (moment, finished.stderr)
        require_whole(place / "output")
        assert len(list((place / "output").iterdir())) == 1


def test_unpacking(tool, tmp_path_factory, tmp_path, make_palm, palm):
    archives = tmp_path_factory.mktemp("archives")
    for name, folder in (("validation", "PALM-Validation400"), ("valid_gt", "PALM-Validation-GT")):
        shutil.make_archive(str(archives / name), "zip", palm, folder)
    inner = tmp_path_factory.mktemp("inner")
    shutil.make_archive(str(inner / "PALM-Training400"), "zip", palm / "train_data", "PALM-Training400")
    shutil.make_archive(str(archives / "training"), "zip", inner)
    arguments = ("--archives", archives)
    changes = tool("prepare_data", *arguments, cwd=tmp_path).changes
    for moment in tool.moments(changes, 8):
        here = tmp_path / str(moment)
        here.mkdir()
        assert tool("prepare_data", *arguments, cwd=here, die_at=moment).code == "signal 9"
        if (here / "dataset/palm").exists():
            read_palm(here / "dataset/palm")
        else:
            assert tool("prepare_data", *arguments, cwd=here).code == 0
        assert temporary(here / "dataset") == [], moment
        assert len(read_palm(here / "dataset/palm").training) == 12


def tables(folder):
    return {name: read_table(folder / name).records for name in ("train.csv", "test.csv")}


def test_splitting(tool, tmp_path, write_picture):
    """Both tables are those of one split, the former or the new one."""
    for number in range(8):
        for label, name in enumerate(("a", "b")):
            write_picture(tmp_path / f"{name}/{number}.png", label)
    found = {}
    for seed in (1, 0):
        done = tool("split", "--data", tmp_path, "--seed", seed, cwd=tmp_path)
        assert done.code == 0, done
        found[seed] = tables(tmp_path)
    assert found[0] != found[1]
    assert done.changes > 2
    for moment in range(1, done.changes + 1):
        former = tables(tmp_path)
        seed = 1 if former == found[0] else 0
        assert tool("split", "--data", tmp_path, "--seed", seed, cwd=tmp_path, die_at=moment).code == "signal 9"
        assert tool("audit", "--data", tmp_path, cwd=tmp_path).code == 0  # whoever reads them settles them
        assert tables(tmp_path) in (former, found[seed]), moment


def test_predicting(tool, place, palm):
    weights = next(place.glob("output/*/shufflenet*.pdparams"))
    arguments = [palm / "PALM-Validation400", "--weights", weights, "--csv", "t.csv", "--xlsx", "t.xlsx", "--draw", "d"]
    changes = tool("predict", *arguments, cwd=place).changes
    whole = {path.name: path.read_bytes() for path in place.glob("d/*")}
    for moment in tool.moments(changes, 6):
        for path in (*place.glob("t.*"), *place.glob("d/*")):
            path.unlink()
        assert tool("predict", *arguments, cwd=place, die_at=moment).code == "signal 9"
        for path in place.glob("t.csv"):
            assert len(pd.read_csv(path)) == 5
        drawn = {path.name: path.read_bytes() for path in place.glob("d/*.png")}
        assert drawn == {name: whole[name] for name in drawn}
    assert tool("predict", *arguments, cwd=place).code == 0
    assert temporary(place) == []


def test_exporting(tool, place):
    """A second export, killed, leaves the first one or the second one; both answer."""
    weights = next(place.glob("output/*/shufflenet*.pdparams"))
    picture = Path(__file__).resolve().parents[2] / "paddle_eye/bundled/example.jpg"
    done = tool("export", weights, "--output", "exported", cwd=place)
    assert done.code == 0, done
    for moment in tool.moments(tool("export", weights, "--output", "exported", cwd=place).changes, 8):
        assert tool("export", weights, "--output", "exported", cwd=place, die_at=moment).code == "signal 9"
        again = tool("export", weights, "--output", "exported", cwd=place)
        assert again.code == 0, (moment, again.stderr)
        assert tool("predict", picture, "--weights", "exported", cwd=place).code == 0
        assert {path.name for path in place.iterdir()} - {".cache"} == {"exported", "output"}, moment  # Paddle's own


def test_two_runs_at_once_do_not_meet(tool, palm, tmp_path):
    """They are of one name and start together; each gets a folder of its own, with the same figures."""
    command = [sys.executable, ROOT / "tools/train.py", *RECIPE, "--data", palm]
    runs = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in "ab"]
    said = [run.communicate(timeout=300)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    figures = [json.loads(path.read_text())["last"] for path in sorted(tmp_path.glob("output/*/metrics.json"))]
    assert len(figures) == 2
    assert figures[0] == figures[1] or np.isclose(figures[0]["loss"], figures[1]["loss"], rtol=1e-4)
