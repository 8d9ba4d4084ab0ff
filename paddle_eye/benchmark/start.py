"""Seconds from ``python tools/train.py`` to its first step, and the memory until then."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

from paddle_eye.benchmark.contract import Alternative, Benchmark, Conditions, Ratio, Work
from paddle_eye.errors import JobError
from paddle_eye.opencv import cv2

_TRAIN = Path(__file__).resolve().parents[2] / "tools/train.py"
_SIDE = 64  # of a drawn photograph in pixels
_VALIDATION, _QUICK_COUNT = 32, 40
_SETTINGS = ["--model", "shufflenet_v2_x0_25", "--batch-size", "16", "--set", "data.image_size=32"]


def _draw(folder: Path, count: int) -> None:
    """So many photographs in two classes, other ones each time, and none like another; not in the system's memory."""
    generator = np.random.default_rng()
    for part, files in (("train", count), ("val", _VALIDATION)):
        for number in range(files):
            path = folder / part / "ab"[number % 2] / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            coarse = generator.integers(0, 256, (9, 9, 3), dtype=np.uint8)
            cv2.imwrite(str(path), cv2.resize(coarse, (_SIDE, _SIDE)))
    os.sync()
    for path in folder.rglob("*.jpg"):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _first_step(photographs: int, warm: bool, conditions: Conditions) -> Work:
    """The real tool in a process of its own, stopped after its first step; ``warm``: once more on the same files."""
    if not _TRAIN.is_file():
        raise JobError(f"{_TRAIN} is not there; measure in a checkout")
    if conditions.quick and photographs > 800:
        raise JobError("not in a quick trial")
    count = _QUICK_COUNT if conditions.quick else photographs
    folder = conditions.folder / f"start-{photographs}"

    def run() -> dict[str, float]:
        if not warm:
            shutil.rmtree(folder, ignore_errors=True)
            _draw(folder / "data", count)
        answer = folder / "first_step.json"
        home = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")}  # what the tool keeps goes, too
        command = [sys.executable, "-m", "paddle_eye.benchmark.first_step", str(answer), str(_TRAIN), *_SETTINGS]
        command += ["--data", str(folder / "data"), "--output", str(folder / "output"), "--device", conditions.device]
        started = time.time()
        done = subprocess.run(
            command, env={**os.environ, **home, "PYTHONPATH": str(_TRAIN.parents[1])}, capture_output=True, text=True
        )
        if not answer.exists():
            raise JobError(f"train.py ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        said = json.loads(answer.read_text())
        answer.unlink()
        return {"seconds": said["at"] - started, "peak": said["peak"] / 2**20}

    return Work(run)


def _starts(*counts: int) -> dict[str, Alternative]:
    """A cold start with new photographs of each count, and a warm one that follows it at once."""
    return {
        f"{count} photographs, {kind}": Alternative(partial(_first_step, count, kind == "warm"))
        for count in counts
        for kind in ("cold", "warm")
    }


START = Benchmark(
    "from python tools/train.py to its first step; cold: new photographs, warm: the second start on them",
    _starts(800, 20_000, 100_000),
    [
        Ratio("20 000 photographs, the second start, s", "seconds", "20000 photographs, warm", at_most=10),
        Ratio("its memory in MB", "peak", "20000 photographs, warm", at_most=1500),
        Ratio("memory of the first start in MB", "peak", "20000 photographs, cold", at_most=1500),
    ],
    rounds=3,
    warm_up=False,
)
