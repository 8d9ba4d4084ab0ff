"""100 000 photographs through the tool that trains, in a process whose memory is watched."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from paddle_eye.data.loading import EpochSampler

ROOT = Path(__file__).resolve().parents[1]
COUNT, MEASURED_ON, STEPS = 100_000, 200, 10
MOST_MEMORY = 1.5e9

# The tool as it is, but for an epoch that ends after a few steps.
SHORTENED = f"""
import json, runpy, sys
from itertools import islice
from paddle_eye.engine.display import ConsoleDisplay
from paddle_eye.processor import peak_memory

ConsoleDisplay.training = lambda display, epoch, epochs, batches, accumulate: islice(batches, {STEPS})
ConsoleDisplay.step = lambda *_: None
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("{ROOT}/tools/train.py", run_name="__main__")
print(json.dumps(peak_memory()))
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of photographs of 64x64 pixels, each of its own brightness and with lines of its own, in two tables."""
    root = tmp_path_factory.mktemp("many")
    generator = np.random.default_rng(0)
    rows = []
    for number in range(COUNT):
        if number % 1000 == 0:
            (root / f"{number // 1000}").mkdir()
            coarse = generator.integers(0, 256, (1000, 10, 10, 3), dtype=np.uint8)
            shares = generator.uniform(0.2, 1, 1000)
        picture = cv2.resize(coarse[number % 1000], (64, 64), interpolation=cv2.INTER_LINEAR)
        path = root / f"{number // 1000}/{number}.jpg"
        path.write_bytes(cv2.imencode(".jpg", cv2.convertScaleAbs(picture, alpha=shares[number % 1000]))[1].tobytes())
        rows.append((f"{number // 1000}/{number}.jpg", number % 2, ("amd", "normal")[number % 2]))
    table = pd.DataFrame(rows, columns=["path", "label", "class"])
    table[:-MEASURED_ON].to_csv(root / "train.csv", index=False)
    table[-MEASURED_ON:].to_csv(root / "test.csv", index=False)
    return root


def test_they_are_trained_on_in_bounded_memory(many, tmp_path):
    recipe = ["--model", "shufflenet_v2_x0_25", "--set", "data.image_size=32", "--batch-size", "100", "--epochs", "1"]
    places = ["--data", many, "--output", tmp_path / "output", "--cache", tmp_path / "cache"]
    done = subprocess.run(
        [sys.executable, "-c", SHORTENED, *recipe, *map(str, places)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) < MOST_MEMORY
    (run,) = (tmp_path / "output").iterdir()
    results = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert (results["data"]["training_images"], results["best"]["images"]) == (COUNT - MEASURED_ON, MEASURED_ON)
    assert results["class_counts"]["training"] == dict.fromkeys(("amd", "normal"), (COUNT - MEASURED_ON) // 2)
    assert pd.read_csv(run / "history.csv")["epoch"].tolist() == [0, 1]


def test_an_epoch_has_each_of_them_once():
    seen = np.zeros(COUNT, dtype=np.int64)
    for batch in EpochSampler(COUNT, 100, seed=0):
        seen[batch] += 1
    assert (seen == 1).all()
