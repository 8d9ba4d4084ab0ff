"""Runs `readers.py` in a process that can fill no more than a few gigabytes, and does not hang."""

import os
import resource
import subprocess
import sys
from pathlib import Path

READERS = Path(__file__).with_name("readers.py")
BYTES, SECONDS = 6 * 2**30, 600


def test_any_bytes_give_a_result_or_the_project_s_own_error(tmp_path):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--basetemp={tmp_path / 'base'}",
        READERS,
    ]
    done = subprocess.run(
        command,
        cwd=READERS.parents[2],
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES)),
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "[100%]" in done.stdout
