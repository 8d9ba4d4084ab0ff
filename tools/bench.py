#!/usr/bin/env python
"""Measure speed and memory beside other ways of doing the same, as ratios with bars; a bar that is missed is no error.

Alternatives take turns in one run, each in a process of its own. Nothing else should compute meanwhile; all of it takes
about an hour. The bars and what the figures mean: docs/performance.md.

Examples:
  python tools/bench.py                                   everything
  python tools/bench.py train-step predict --json figures.json
  python tools/bench.py --quick                           all of it small, a trial of the program
"""

import tempfile
from pathlib import Path

from paddle_eye import cli
from paddle_eye.errors import InputError


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of the benchmarks (default: all)")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="where networks compute (default: cpu)")
    parser.add_argument("--json", type=cli.file, metavar="FILE", help="write all figures")
    parser.add_argument("--markdown", action="store_true", help="print the ratios as a table for a page")
    parser.add_argument("--quick", action="store_true", help="everything small; the figures mean nothing")
    arguments = parser.parse_args()

    cli.import_paddle()
    from paddle_eye.benchmark import results
    from paddle_eye.benchmark.contract import Conditions
    from paddle_eye.benchmark.registry import BENCHMARKS
    from paddle_eye.benchmark.turns import measure
    from paddle_eye.engine.device import select_device
    from paddle_eye.files import write_json

    unknown = [name for name in arguments.names if name not in BENCHMARKS]
    if unknown:
        raise InputError(f"unknown benchmarks {', '.join(unknown)}; known are {', '.join(BENCHMARKS)}")
    found = results.machine(select_device(arguments.device))
    print(results.machine_lines(found), flush=True)
    summaries = {}
    with tempfile.TemporaryDirectory(prefix="paddle_eye-bench-") as folder:
        conditions = Conditions(arguments.device, arguments.quick, Path(folder))
        for name in arguments.names or BENCHMARKS:
            summaries[name] = results.summary(BENCHMARKS[name], measure(name, BENCHMARKS[name], conditions))
            print(results.lines(name, summaries[name]), flush=True)
    print(f"\n{results.markdown(summaries) if arguments.markdown else results.conclusion(summaries)}")
    if arguments.json is not None:
        write_json(arguments.json, {"machine": found, "quick": arguments.quick, "benchmarks": summaries})


if __name__ == "__main__":
    cli.run(main)
