import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def import_with(tmp_path):
    """A function that imports paddle_eye.opencv where cv2 fails with the given message; returns standard error."""

    def run(message):
        (tmp_path / "cv2.py").write_text(f"raise ImportError({message!r})\n", encoding="utf-8")
        program = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; import paddle_eye.opencv"
        done = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, encoding="utf-8")
        assert done.returncode == 1
        return done.stderr

    return run


def test_a_missing_system_library_is_explained(import_with):
    message = "libGL.so.1: cannot open shared object file: No such file or directory"
    last_line = import_with(message).splitlines()[-1]
    assert last_line == (
        f"ImportError: OpenCV is installed but a system library it needs is missing ({message}); "
        "on Debian or Ubuntu run: apt-get install libgl1 libglib2.0-0"
    )


def test_another_import_error_is_passed_on(import_with):
    errors = import_with("numpy.core.multiarray failed to import")
    assert errors.splitlines()[-1] == "ImportError: numpy.core.multiarray failed to import"
    assert "apt-get" not in errors
