"""The benchmarks by name."""

from __future__ import annotations

from paddle_eye.benchmark.asking import EVALUATION, MASKS, PREDICT
from paddle_eye.benchmark.contract import Benchmark
from paddle_eye.benchmark.reading import FEEDING, READING
from paddle_eye.benchmark.start import START
from paddle_eye.benchmark.training import BESIDE_ANOTHER, TRAIN_STEP

BENCHMARKS: dict[str, Benchmark] = {
    "train-step": TRAIN_STEP,
    "evaluation": EVALUATION,
    "predict": PREDICT,
    "reading": READING,
    "feeding": FEEDING,
    "start": START,
    "masks": MASKS,
    "spinning": BESIDE_ANOTHER,
}
