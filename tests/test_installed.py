"""An installed package has no repository around it."""

import filecmp
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_recipes_are_found(tmp_path):
    pytest.importorskip("setuptools")
    build = [sys.executable, "setup.py", "--quiet", "build_py", "--build-lib", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    told = "from paddle_eye.runs.choose import CONFIGS; print(CONFIGS)"
    done = subprocess.run(
        [sys.executable, "-c", told],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    compared = filecmp.dircmp(ROOT / "configs", done.stdout.strip())
    assert Path(done.stdout.strip()) == tmp_path / "paddle_eye/configs"
    assert (compared.left_only, compared.diff_files, compared.funny_files) == ([], [], [])
