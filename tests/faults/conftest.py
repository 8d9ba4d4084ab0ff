"""Tools in processes of their own, with bounded memory and time."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Zygote:
    """A process of `zygote.py`; each call is a fork of it."""

    def __init__(self):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}
        command = [sys.executable, str(Path(__file__).with_name("zygote.py"))]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def __call__(self, tool, *arguments, cwd, die_at=0, megabytes=6144, seconds=120):
        """Run a tool in a folder: ``code`` is its exit code, ``'signal 9'``, ``'hangs'`` or a traceback's last line,
        ``changes`` how often it changed something in the folder.

        Args:
            tool: its name.
            arguments: its own.
            cwd: the folder.
            die_at: the number of the change before which it is killed; 0 lets it live.
            megabytes: of address space.
            seconds: that it may take.
        """
        job = {"argv": [str(ROOT / "tools" / f"{tool}.py"), *map(str, arguments)], "cwd": str(cwd)}
        job.update({"die_at": die_at, "megabytes": megabytes, "seconds": seconds})
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return SimpleNamespace(**json.loads(self.process.stdout.readline()))

    @staticmethod
    def moments(changes, most):
        """So many of the changes that a tool makes, evenly spread, the first and the last among them."""
        assert changes > 2  # or they were not counted
        count = min(changes, most)
        return sorted({1 + round(number * (changes - 1) / max(1, count - 1)) for number in range(count)})


@pytest.fixture(scope="session")
def tool():
    zygote = Zygote()
    yield zygote
    zygote.process.stdin.close()
    zygote.process.wait(30)
