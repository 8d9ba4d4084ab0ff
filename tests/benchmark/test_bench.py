"""The whole tool, with small sizes."""

import json
import os
import runpy
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, str(ROOT / "tools/bench.py"), "--quick", "--json", "figures.json"]
    environment = {**os.environ, "TMPDIR": str(folder)}
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert list(folder.glob("paddle_eye-bench-*")) == []  # what was drawn is gone
    return json.loads((folder / "figures.json").read_text()), finished.stdout


def test_everything_that_can_be_is_measured(done):
    figures, _ = done
    assert figures["quick"] is True
    assert {"processor", "cores", "versions", "load", "idle"} <= figures["machine"].keys()
    names = "train-step evaluation predict reading feeding start masks spinning"
    assert list(figures["benchmarks"]) == names.split()
    for one in figures["benchmarks"].values():
        for name, alternative in one["alternatives"].items():
            may_lack = any(word in name for word in ("PyTorch", "ONNX", "0000 photographs")) or one["title"].endswith(
                "U-Net"
            )
            assert may_lack or alternative["seconds"]["median"] > 0, (name, alternative)


def test_ratios_are_those_of_the_turns(done):
    figures, printed = done
    checked = 0
    for one in figures["benchmarks"].values():
        for ratio in one["ratios"]:
            assert ratio["name"] in printed
            if ratio["result"].startswith("not measured"):
                continue
            of = one["alternatives"][ratio["of"]][ratio["figure"]]["turns"]
            to = one["alternatives"][ratio["to"]][ratio["figure"]]["turns"] if "to" in ratio else [1] * len(of)
            value = statistics.median(a / b for a, b in zip(of, to))
            assert ratio["median"] == pytest.approx(value)
            passes = value >= ratio["at_least"] if "at_least" in ratio else value <= ratio["at_most"]
            assert ratio["result"] == ("passes" if passes else "misses")
            checked += 1
    assert checked > 15


def test_answers_do_not_depend_on_how_they_are_computed(done):
    figures, _ = done
    assert figures["benchmarks"]["predict"]["alternatives"]["exported"]["difference"]["median"] < 1e-4


def test_an_unknown_name_is_told(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(ROOT / "tools/bench.py"), "nothing"])
    with pytest.raises(SystemExit, match="2"):
        runpy.run_path(sys.argv[0], run_name="__main__")
    assert "unknown benchmarks nothing; known are train-step" in capsys.readouterr().err
