"""Measuring alternatives in turns, so that whatever else the machine does falls on all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Callable

from paddle_eye.benchmark.contract import Alternative, Benchmark, Conditions, Work
from paddle_eye.errors import InputError, JobError
from paddle_eye.processor import peak_memory

CANNOT = (InputError, JobError, ImportError)  # be measured here
QUICK_ROUNDS = 1
_PACKAGE_PARENT = Path(__file__).resolve().parents[2]

Turn = dict[str, float]


def measure(subject: str, benchmark: Benchmark, conditions: Conditions) -> dict[str, dict[str, list[float]] | str]:
    """By alternative, the figures of all its turns by name; or, in words, why it could not be measured.

    Each alternative has a process of its own, with its own threads and memory; in a quick trial, all are in this one.
    """
    turns: dict[str, list[Turn]] = {}
    failures: dict[str, str] = {}
    with ExitStack() as stack:
        ready = {}
        for name, alternative in benchmark.alternatives.items():
            place = here(alternative, conditions) if conditions.quick else child(subject, name, alternative, conditions)
            try:
                ready[name] = stack.enter_context(place)
                if benchmark.warm_up:
                    ready[name]()
            except CANNOT as error:
                failures[name] = str(error)
        for _ in range(QUICK_ROUNDS if conditions.quick else benchmark.rounds):
            for name in [name for name in ready if name not in failures]:
                try:
                    turns.setdefault(name, []).append(ready[name]())
                except CANNOT as error:
                    failures[name] = str(error)
    figures = {name: {key: [turn[key] for turn in own] for key in own[0]} for name, own in turns.items()}
    return {name: failures[name] if name in failures else figures[name] for name in benchmark.alternatives}


def take_turn(work: Work) -> Turn:
    """One repetition: seconds of a unit, units per second, and the most memory so far in MB where the system tells."""
    started = time.perf_counter()
    figures = work.run() or {}
    turn = {"seconds": (time.perf_counter() - started) / work.units}
    peak = peak_memory()
    turn.update({} if peak is None else {"peak": peak / 2**20})
    turn.update(figures)
    return {**turn, "per_second": 1 / turn["seconds"]}


@contextmanager
def here(alternative: Alternative, conditions: Conditions) -> Iterator[Callable[[], Turn]]:
    """Turns of an alternative in this process."""
    yield partial(take_turn, alternative.prepare(conditions))


@contextmanager
def child(subject: str, name: str, alternative: Alternative, conditions: Conditions) -> Iterator[Callable[[], Turn]]:
    """Turns of an alternative in a process of its own, see `paddle_eye.benchmark.child`.

    Raises:
        JobError: it cannot be measured here; also by a turn.
    """
    asked = json.dumps({**conditions._asdict(), "folder": str(conditions.folder)})
    path = os.pathsep.join([str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [sys.executable, "-m", "paddle_eye.benchmark.child", subject, name, asked],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, **alternative.environment, "PYTHONPATH": path},
            bufsize=0,
        ) as process,
    ):

        def turn() -> Turn:
            with suppress(BrokenPipeError):  # it has ended; what it said last tells why
                process.stdin.write(b"\n")
            return _answer(process, said)

        _answer(process, said)  # it is ready
        yield turn


def _answer(process: subprocess.Popen, said: IO[bytes]) -> Turn:
    line = process.stdout.readline()
    if not line:
        said.seek(0)
        lines = said.read().decode("utf-8", errors="replace").strip().splitlines()
        raise JobError(f"its process ended with {process.wait()}: {lines[-1] if lines else 'it said nothing'}")
    answer = json.loads(line)
    if "cannot" in answer:
        raise JobError(answer["cannot"])
    return answer
