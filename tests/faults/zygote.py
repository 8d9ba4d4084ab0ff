"""Runs tools in forks of one process that has imported Paddle, within bounds, and kills them where it is asked to.

A line of JSON on the standard input is a job, a line on the standard output what came of it; see `conftest.Zygote`.
"""

import contextlib
import io
import json
import os
import resource
import runpy
import signal
import sys
import tempfile
import time
from pathlib import Path

import paddle_eye.documents.palm
import paddle_eye.inference.export
import paddle_eye.report.finished
import paddle_eye.runs.compare
import paddle_eye.runs.interface
import paddle_eye.runs.predict  # noqa: F401 - so that forks need not import them
from paddle_eye import files

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def count_changes(place: Path, die_at: int) -> list[int]:
    """Count what is changed on the disk below a folder; kill this process before the change of a number."""
    changes = [0]

    def hear(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & WRITING:
                return
        elif event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir"):
            path = arguments[0]
        else:
            return
        if isinstance(path, (str, bytes, os.PathLike)) and os.path.abspath(os.fsdecode(path)).startswith(f"{place}/"):
            changes[0] += 1
            if changes[0] == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hear)
    return changes


def work(job: dict, out: str) -> None:
    """In a fork: run the tool, and leave what it said in a file."""
    os.chdir(job["cwd"])
    os.environ["HOME"] = job["cwd"]
    files._YOUNG = -1  # what is left behind is swept however young it is
    limit = job["megabytes"] * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    changes = count_changes(Path(job["cwd"]), job["die_at"])
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        sys.argv = job["argv"]
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as left:
            code = left.code or 0
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"
    said = {"code": code, "stdout": stdout.getvalue(), "stderr": stderr.getvalue(), "changes": changes[0]}
    Path(out).write_text(json.dumps(said))
    os._exit(0)


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        with tempfile.TemporaryDirectory() as place:
            out = f"{place}/said.json"
            child = os.fork()
            if child == 0:
                os.dup2(2, 1)  # C++ writes there, too
                work(job, out)
            end = time.monotonic() + job["seconds"]
            done, status = 0, 0
            while not done and time.monotonic() < end:
                done, status = os.waitpid(child, os.WNOHANG)
                time.sleep(0.01)
            if not done:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                said = {"code": "hangs"}
            elif os.path.exists(out):
                said = json.loads(Path(out).read_text())
            else:
                said = {"code": f"signal {os.WTERMSIG(status)}"}
        print(json.dumps({"stdout": "", "stderr": "", "changes": None, **said}), flush=True)


if __name__ == "__main__":
    main()
