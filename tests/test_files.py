import builtins
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from paddle_eye import files
from paddle_eye.files import write_bytes, write_json, write_text

ROOT = Path(__file__).resolve().parents[1]


OLD, NEW = b"former content", b"new content"


class FaultyFile:
    """A file of which one method fails as on a full disk, ``write`` after half of the data."""

    def __init__(self, path, mode, method):
        self.file, self.method = builtins.open(path, mode), method  # noqa: SIM115

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def __getattr__(self, name):
        return full_disk if name == self.method else getattr(self.file, name)

    def write(self, data):
        self.file.write(data[: len(data) // 2])
        if self.method == "write":
            full_disk()
        self.file.write(data[len(data) // 2 :])


def full_disk(*_arguments):
    raise OSError(28, "No space left on device")


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(OLD)
    return path


@pytest.fixture(params=["write", "flush", "fsync", "replace"])
def fault(request, monkeypatch):
    """A step of `write_bytes` that fails."""
    if request.param in ("write", "flush"):
        monkeypatch.setattr(files, "open", partial(FaultyFile, method=request.param), raising=False)
    else:
        monkeypatch.setattr(files.os, request.param, full_disk)


def test_write_bytes_replaces_the_content_and_leaves_nothing_else(target):
    write_bytes(target, NEW)
    assert {path.name: path.read_bytes() for path in target.parent.iterdir()} == {"file.bin": NEW}


def test_write_bytes_makes_the_folder(tmp_path):
    write_bytes(tmp_path / "a/b/file.bin", NEW)
    assert (tmp_path / "a/b/file.bin").read_bytes() == NEW


def test_a_fault_leaves_the_former_file_and_nothing_else(fault, target):
    with pytest.raises(OSError, match="No space left"):
        write_bytes(target, NEW)
    assert {path.name: path.read_bytes() for path in target.parent.iterdir()} == {"file.bin": OLD}


def test_a_fault_leaves_no_file_where_none_was(fault, tmp_path):
    with pytest.raises(OSError, match="No space left"):
        write_bytes(tmp_path / "file.bin", NEW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["open", "os.fsync", "os.replace"])
def test_a_killed_process_leaves_the_former_file(step, target):
    """``open`` gives a file that is killed half-way through writing."""
    program = f"""
import os, signal, sys
from paddle_eye import files

def kill(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

class Half:
    def __init__(self, *arguments):
        self.file = open(*arguments)
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.file.close()
    def write(self, data):
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        kill()

files.{step} = {"Half" if step == "open" else "kill"}
files.write_bytes(sys.argv[1], {NEW!r})
"""
    done = subprocess.run([sys.executable, "-c", program, str(target)], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert target.read_bytes() == OLD


def test_the_bytes_are_on_the_disk_before_the_name_changes(monkeypatch, target):
    steps = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(files.os, name, lambda *args, n=name, real=real: (steps.append(n), real(*args)))
    write_bytes(target, NEW)
    assert steps[:2] == ["fsync", "replace"]


def test_write_text_is_utf8(tmp_path):
    write_text(tmp_path / "text.txt", "90 % – “ähnlich”\n")
    assert (tmp_path / "text.txt").read_bytes() == "90 % – “ähnlich”\n".encode()


def test_write_json_reads_back(tmp_path):
    value = {"accuracy": 0.1 + 0.2, "classes": ["ä", None], "n": 3}
    write_json(tmp_path / "value.json", value)
    assert json.loads((tmp_path / "value.json").read_text(encoding="utf-8")) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_write_json_refuses_what_json_has_no_number_for(number, target):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(target, {"loss": number})
    assert target.read_bytes() == OLD
