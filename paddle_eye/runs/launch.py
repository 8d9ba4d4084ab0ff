"""Training by several processes, that go on when one of them has died; Paddle is not imported here but for GPUs."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from paddle_eye.cli import EXIT_WRONG_INPUT, import_paddle
from paddle_eye.errors import InputError, JobError
from paddle_eye.run_folder import found_below

_COARSE = 2  # seconds; file systems do not tell time more exactly than that


def launch(tool: Path, recipe: Sequence[str], given: Mapping[str, str], log_dir: Path, restarts: int = 0) -> None:
    """Start the processes of a training, and again as often as one fails and is allowed to; with ``--resume``, where
    the training has come to a checkpoint.

    Args:
        tool: what each process runs.
        recipe: its arguments.
        given: flags of ``paddle.distributed.launch``.
        log_dir: where each process's output is kept.
        restarts: how many times to go on after a failure.

    Raises:
        InputError: a process found wrong input, or there are no GPUs although some are given.
        JobError: a process failed once too often.
    """
    if restarts and given.get("--nnodes", "1") != "1":
        raise InputError("--restarts: other machines would not notice that a process has died; leave it out")
    if "--devices" in given:
        _require_gpus()
    log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # Paddle writes the environment there
    command = [sys.executable, "-m", "paddle.distributed.launch", "--log_dir", str(log_dir)]
    command += [text for pair in given.items() for text in pair]
    started = time.time() - _COARSE
    for restart in range(restarts + 1):
        codes = _run([*command, str(tool), *recipe])
        if not any(codes):
            return
        if EXIT_WRONG_INPUT in codes:
            raise InputError(f"a process found wrong input; see above, or {log_dir}")
        if restart < restarts:
            print(f"a process failed; restart {restart + 1} of {restarts}", file=sys.stderr, flush=True)
            if _has_saved(shlex.join(["python", str(tool), *recipe]), recipe, started):
                recipe = [*(each for each in recipe if each not in ("--overwrite", "--resume")), "--resume"]
    raise JobError(f"a process failed; see above, or {log_dir}")


def _has_saved(command: str, recipe: Sequence[str], started: float) -> bool:
    """Whether a run of this command below its ``--output`` was saved since it was started; others may lie there."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--output", type=Path, default=Path("output"))
    output = parser.parse_known_args(recipe)[0].output
    saved = [path for path in found_below(output, "checkpoint.safetensors") if path.stat().st_mtime >= started]
    commands = [path for path in (each.with_name("commands.txt") for each in saved) if path.is_file()]
    return any(path.read_text("utf-8").splitlines()[-1:] == [command] for path in commands)


def _require_gpus() -> None:
    import_paddle()
    from paddle_eye.engine.device import gpu_count

    if not gpu_count():
        raise InputError("--devices: there are no GPUs that Paddle can use here; --nproc_per_node N starts N processes")


def _run(command: Sequence[str]) -> set[int]:
    """Run the launcher, show what it prints, and return its exit code and those of the processes that failed."""
    codes: set[int] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as job:
        try:
            for line in job.stdout:
                text = line.decode(errors="replace")
                print(text, end="", flush=True)
                codes.update(map(int, re.findall(r"status failed cmd .* code (-?\d+) log", text)))
            return codes | {job.wait()}
        finally:
            job.terminate()
            job.wait()
