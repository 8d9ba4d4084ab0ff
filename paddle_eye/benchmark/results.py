"""What was measured: medians, ratios and whether they pass, as plain data, as lines and as a table in Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Union

import numpy as np
import paddle

from paddle_eye import __version__
from paddle_eye.benchmark.contract import Benchmark, Ratio
from paddle_eye.opencv import cv2
from paddle_eye.processor import processor_name, usable_cores

MISSES = "misses"
_IDLE = 0.3  # of the load that the system tells
_UNITS = {"seconds": "s", "peak": "MB"}  # of the figures that are printed

Measured = Mapping[str, Union[Mapping[str, list], str]]  # see `turns.measure`
Summary = dict[str, Any]


def machine(device: str) -> dict[str, Any]:
    """What it is measured on, and whether nothing else computes there."""
    versions = {"paddle_eye": __version__, "python": platform.python_version(), "paddle": paddle.__version__}
    versions.update({"numpy": np.__version__, "opencv": cv2.__version__})
    with suppress(ImportError):
        import onnxruntime

        versions["onnxruntime"] = onnxruntime.__version__
    with suppress(ImportError):
        import torch

        versions["torch"] = torch.__version__
    load = os.getloadavg()[0]
    return {
        "measured": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": processor_name(),
        "cores": usable_cores(),
        "device": device,
        "system": platform.platform(),
        "versions": versions,
        "load": load,
        "idle": load <= _IDLE,
    }


def summary(benchmark: Benchmark, measured: Measured) -> Summary:
    """A benchmark's figures.

    ``alternatives`` has each one's figures, of each all ``turns``, ``median`` and quartiles (``low``, ``high``), or why
    it is ``not_measured``. ``ratios`` has each one's quotients, turn by turn, likewise, its bar, and as ``result``
    ``'passes'``, ``'misses'`` or ``'not measured (why)'``.
    """
    alternatives = {
        name: {"not_measured": figures}
        if isinstance(figures, str)
        else {figure: _spread(turns) for figure, turns in figures.items()}
        for name, figures in measured.items()
    }
    ratios = [_judged(ratio, measured) for ratio in benchmark.ratios]
    return {"title": benchmark.title, "alternatives": alternatives, "ratios": ratios}


def _spread(turns: list[float]) -> dict[str, Any]:
    low, median, high = np.percentile(turns, [25, 50, 75]).tolist()
    return {"turns": turns, "median": median, "low": low, "high": high}


def _judged(ratio: Ratio, measured: Measured) -> dict[str, Any]:
    asked = {key: value for key, value in ratio._asdict().items() if value is not None}
    figures = []
    for name in (ratio.of, *([] if ratio.to is None else [ratio.to])):
        found = measured[name]
        if isinstance(found, str) or ratio.figure not in found:
            why = found if isinstance(found, str) else f"this system does not tell {ratio.figure}"
            return {**asked, "result": f"not measured ({why})"}
        figures.append(found[ratio.figure])
    spread = _spread(figures[0] if ratio.to is None else [of / to for of, to in zip(*figures)])
    value = spread["median"]
    passes = value >= ratio.at_least if ratio.at_most is None else value <= ratio.at_most
    return {**asked, **spread, "result": "passes" if passes else MISSES}


def machine_lines(found: Mapping[str, Any]) -> str:
    """What `machine` found, for the terminal."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    lines = [
        f"{found['processor']}, {found['cores']} cores, {found['system']}",
        f"{versions}; on the {found['device']}; load {found['load']:.2f}, {found['measured']}",
    ]
    if not found["idle"]:
        lines.append("WARNING: the machine is not idle; these figures are a trial")
    return "\n".join(lines)


def lines(subject: str, one: Summary) -> str:
    """A benchmark's `summary` for the terminal."""
    told = [f"\n{subject}: {one['title']}"]
    for name, figures in one["alternatives"].items():
        if "not_measured" in figures:
            told.append(f"  {name}: not measured ({figures['not_measured']})")
        else:
            shown = [f"{_with_spread(figures[key])} {unit}" for key, unit in _UNITS.items() if key in figures]
            told.append(f"  {name}: {', '.join(shown)}")
    for ratio in one["ratios"]:
        told.append(f"  {' | '.join(_cells(ratio))}")
    return "\n".join(told)


def markdown(summaries: Mapping[str, Summary]) -> str:
    """The ratios of all benchmarks as a table, a row each."""
    rows = [("benchmark", "ratio", "bar", "value [quartiles]", ""), ("---",) * 5]
    rows += [(f"`{subject}`", *_cells(ratio)) for subject, one in summaries.items() for ratio in one["ratios"]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def conclusion(summaries: Mapping[str, Summary]) -> str:
    """How many bars are passed, and which are not."""
    ratios = [(subject, ratio) for subject, one in summaries.items() for ratio in one["ratios"]]
    missed = [f"{subject}: {ratio['name']}" for subject, ratio in ratios if ratio["result"] == MISSES]
    passed = sum(ratio["result"] == "passes" for _, ratio in ratios)
    rest = len(ratios) - passed - len(missed)
    counts = f"{passed} of {len(ratios)} bars passed, {len(missed)} missed, {rest} not measured"
    return "\n".join([counts, *(f"missed: {each}" for each in missed)])


def _cells(ratio: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Name, bar, value and result."""
    of = ratio["of"] if "to" not in ratio else f"{ratio['of']} / {ratio['to']}"
    bar = f"at least {ratio['at_least']:g}" if "at_least" in ratio else f"at most {ratio['at_most']:g}"
    value = _with_spread(ratio) if "median" in ratio else "–"
    return f"{ratio['name']} ({of})", bar, value, ratio["result"]


def _with_spread(figure: Mapping[str, Any]) -> str:
    return "{} [{}, {}]".format(*(_short(figure[key]) for key in ("median", "low", "high")))


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
