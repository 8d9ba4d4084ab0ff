"""A tool that trains, stopped after its first step: when that was, and the most memory until then, go to a file.

``python -m paddle_eye.benchmark.first_step FILE tools/train.py ARGUMENTS``
"""

from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path

from paddle_eye.files import write_json
from paddle_eye.processor import peak_memory


def main() -> None:
    from paddle_eye.engine.display import ConsoleDisplay

    answer = Path(sys.argv[1])

    def stop(display: ConsoleDisplay, epoch: int, index: int, loss: float, waited: float) -> None:
        write_json(answer, {"at": time.time(), "peak": peak_memory()})
        raise KeyboardInterrupt

    ConsoleDisplay.step = stop
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
