"""Several processes on the CPU, by gloo, as people start them."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.sources.tables import write_tables
from paddle_eye.inference.predictor import BUNDLED_WEIGHTS
from paddle_eye.runs import launch as launching
from paddle_eye.weights.format import read_weights

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ["--model", "shufflenet_v2_x0_25", "--set", "data.image_size=32", "--lr", "0.05", "--epochs", "3"]
NAME = "shufflenet_v2_x0_25_two"


@pytest.fixture(scope="module")
def data(tmp_path_factory, write_picture):
    """13 photographs to learn from, 5 to measure on; neither can be divided by two."""
    root = tmp_path_factory.mktemp("data") / "two"
    records = [Record(write_picture(root / f"{n}.png", n % 2, (32, 32)), n % 2) for n in range(18)]
    parts = [RecordSet(("amd", "normal"), tuple(part)) for part in (records[:13], records[13:])]
    write_tables({root: parts})
    return root


def start(tool, data, output, *arguments, processes=0, launch=()):
    """A tool, or what tools/launch.py runs in so many processes."""
    recipe = [*RECIPE, "--data", str(data), "--output", str(output), *map(str, arguments)]
    launching = (
        ["--nproc_per_node", str(processes), "--log_dir", str(output / "log"), *launch, "--"] if processes else []
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tools" / tool), *launching, *recipe],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=output.parent,
        start_new_session=True,
    )


def finish(job, code=0):
    try:
        printed, _ = job.communicate(timeout=300)
    finally:
        with contextlib.suppress(ProcessLookupError):  # what it started, if it has not come to an end
            os.killpg(job.pid, signal.SIGKILL)
    assert job.returncode == code, printed
    return printed


def last(output, name=NAME):
    run = output / name
    return read_weights(run / "last.pdparams").arrays, pd.read_csv(run / "history.csv")


def differ(first, second):
    return max(float(np.abs(first[key] - second[key]).max()) for key in first)


def test_two_processes_and_added_batches_are_one_process_with_the_joint_batch(data, tmp_path):
    """With a frozen backbone, as each process normalises by its own images; one that tells photographs apart."""
    frozen = ("--model", "shufflenet_v2_x0_5", "--pretrained", BUNDLED_WEIGHTS, "--freeze", "backbone", "--batch-size")
    finish(start("train.py", data, tmp_path / "one", *frozen, "4"))
    two = start("launch.py", data, tmp_path / "two", *frozen, "2", processes=2)
    added = start("train.py", data, tmp_path / "added", *frozen, "1", "--accumulate", "4")
    printed, added_printed = finish(two), finish(added)
    assert "a step has 4 images, 2 processes x 1 batches x 2; the learning rate stays 0.05" in printed
    assert "a step has 4 images, 1 processes x 4 batches x 1; the learning rate stays 0.05" in added_printed
    name = "shufflenet_v2_x0_5_two"
    (expected, history), *others = (last(tmp_path / way, name) for way in ("one", "two", "added"))
    said = pd.read_csv(tmp_path / "one" / name / "predictions_last.csv").filter(like="p_").to_numpy()
    assert said.std(axis=0).min() > 1e-3 and history["train_loss"].nunique() > 1  # gradients differ, and move something
    for arrays, other_history in others:
        assert differ(expected, arrays) < 1e-5
        for figure in ("train_loss", "train_accuracy", "loss", "accuracy", "auc"):
            np.testing.assert_allclose(other_history[figure], history[figure], atol=1e-5)
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["log", name]


def rank_one(output):
    """The process of rank 1 of a run, once there is one."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if b"PADDLE_TRAINER_ID=1\0" in environment and str(output).encode() in command and b"train.py" in command:
            return int(process.name)
    return None


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the processes are found in /proc")
def test_a_run_that_loses_a_process_goes_on_and_ends_as_the_undisturbed_one(data, tmp_path):
    finish(start("launch.py", data, tmp_path / "whole", "--epochs", "20", processes=2))
    killed = start("launch.py", data, tmp_path / "killed", "--epochs", "20", processes=2, launch=("--restarts", "1"))
    history = tmp_path / "killed" / NAME / "history.csv"
    deadline = time.monotonic() + 120
    while not (history.exists() and len(history.read_text().splitlines()) > 3) and time.monotonic() < deadline:
        time.sleep(0.01)
    lost = rank_one(tmp_path / "killed")
    if lost is not None:
        os.kill(lost, signal.SIGKILL)
    assert "a process failed; restart 1 of 1" in finish(killed)
    (expected, history), (arrays, other) = (last(tmp_path / name) for name in ("whole", "killed"))
    assert differ(expected, arrays) == 0
    pd.testing.assert_frame_equal(history.drop(columns="seconds"), other.drop(columns="seconds"))
    printed = finish(start("train.py", data, tmp_path / "killed", "--epochs", "21", "--resume"))
    assert "note: the epoch before was trained by 2 processes, a step had 20 images" in printed


def test_wrong_input_is_not_tried_again(data, tmp_path):
    job = start("launch.py", data, tmp_path / "wrong", "--lr", "-1", processes=2, launch=("--restarts", "5"))
    printed = finish(job, code=2)
    assert "train.lr: expected a value above 0, got -1.0" in printed
    assert re.search(r"error: a process found wrong input; see above, or .*log", printed)
    assert "; restart" not in printed


@pytest.mark.parametrize("saved", [None, "other", "own"])
def test_a_restart_goes_on_with_what_it_has_saved_and_never_with_another_run(saved, tmp_path, monkeypatch):
    """Here, what is started is replaced: it fails once, before or behind its or another run's first checkpoint."""
    commands, recipe = [], ["--version", "D", "--overwrite", "--output", str(tmp_path / "out")]
    (tmp_path / "out/old").mkdir(parents=True)
    (tmp_path / "out/old/checkpoint.safetensors").touch()
    os.utime(tmp_path / "out/old/checkpoint.safetensors", (1, 1))

    def run(command):
        commands.append(command)
        if saved:
            (tmp_path / "out/new").mkdir(exist_ok=True)
            (tmp_path / "out/new/checkpoint.safetensors").touch()
            arguments = recipe if saved == "own" else ["--version", "C", *recipe[2:]]
            (tmp_path / "out/new/commands.txt").write_text(f"an earlier one\npython train.py {shlex.join(arguments)}\n")
        return {1} if len(commands) == 1 else {0}

    monkeypatch.setattr(launching, "_run", run)
    launching.launch(Path("train.py"), recipe, {}, tmp_path / "log", restarts=1)
    given = [[flag for flag in ("--overwrite", "--resume") if flag in command] for command in commands]
    assert given == [["--overwrite"], ["--resume"] if saved == "own" else ["--overwrite"]]
