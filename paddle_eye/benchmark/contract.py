"""What a benchmark is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Callable, NamedTuple

from threadpoolctl import threadpool_limits

from paddle_eye.engine.device import select_device
from paddle_eye.processor import is_amd_with_avx2

# How long the threads of Intel's OpenMP (in ms) and of GCC's (in turns) wait awake for work, by default.
SPINNING = {"KMP_BLOCKTIME": "200", "GOMP_SPINCOUNT": "300000"}
# Of an alternative that computes as its library starts by itself; on AMD, 0 is MKL's own choice of instructions.
AS_IT_STARTS = {**({"MKL_DEBUG_CPU_TYPE": "0"} if is_amd_with_avx2() else {}), **SPINNING}


class Conditions(NamedTuple):
    """What all alternatives are measured under.

    Args:
        device: ``'cpu'`` or ``'gpu'``.
        quick: whether everything is small, for a trial of the program.
        folder: for drawn photographs and exported networks, shared by all and removed at the end.
    """

    device: str
    quick: bool
    folder: Path

    def take_device(self, cores: int | None = None) -> str:
        """Make the device this process's, and of a processor so many cores, None all; its name for Paddle."""
        name = select_device(self.device)
        if cores is not None:
            threadpool_limits(cores, user_api="openmp")
        return name


class Work(NamedTuple):
    """One repetition of the same work.

    Args:
        run: does it; may return figures, which stand for those that are measured around it.
        units: how many things (steps, pictures) it is done for; seconds are those of one.
    """

    run: Callable[[], Mapping[str, float] | None]
    units: int = 1


class Alternative(NamedTuple):
    """One way to do a benchmark's work.

    Args:
        prepare: makes everything ready, in a process that does nothing else.
        environment: variables of that process.

    ``prepare`` raises a JobError, an InputError or an ImportError if this cannot be measured here.
    """

    prepare: Callable[[Conditions], Work]
    environment: Mapping[str, str] = {}


class Ratio(NamedTuple):
    """What is asked of the figures; one of the bars is given.

    Args:
        name: in words.
        figure: ``'seconds'`` of a unit, ``'per_second'``, ``'peak'`` memory in MB, or another that the work returns.
        of: the alternative whose figure it is.
        to: the alternative by whose figure it is divided; None: by none, it is a figure with a unit.
        at_least: the bar from below.
        at_most: the bar from above.
    """

    name: str
    figure: str
    of: str
    to: str | None = None
    at_least: float | None = None
    at_most: float | None = None


# How the tools' way, on all cores and on one, stands to the document's.
BESIDE_THE_DOCUMENT = [
    Ratio("times as fast as the document's way", "per_second", "all cores", "document", at_least=1.5),
    Ratio("the same on one core", "per_second", "one core", "document", at_least=1.0),
    Ratio("memory of the document's way", "peak", "all cores", "document", at_most=1.1),
]


class Benchmark(NamedTuple):
    """One subject.

    Args:
        title: what a unit is.
        alternatives: in the order of their turns, by name.
        ratios: what is asked.
        rounds: how often each has its turn.
        warm_up: whether each has a turn before, which is not counted.
    """

    title: str
    alternatives: dict[str, Alternative]
    ratios: list[Ratio]
    rounds: int = 5
    warm_up: bool = True
