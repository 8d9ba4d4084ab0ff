"""The process of one alternative: prepares it, and has a turn for each line that comes in."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from paddle_eye.benchmark.contract import Conditions
from paddle_eye.benchmark.registry import BENCHMARKS
from paddle_eye.benchmark.turns import CANNOT, take_turn


def main() -> None:
    subject, name, asked = sys.argv[1:]
    given = json.loads(asked)
    conditions = Conditions(**{**given, "folder": Path(given["folder"])})
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer

    def answer(value: dict[str, Any]) -> None:
        print(json.dumps(value), file=answers, flush=True)

    try:
        work = BENCHMARKS[subject].alternatives[name].prepare(conditions)
        answer({})
        for _ in sys.stdin:
            answer(take_turn(work))
    except CANNOT as error:
        answer({"cannot": str(error)})


if __name__ == "__main__":
    main()
