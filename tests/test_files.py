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
from paddle_eye.errors import InputError
from paddle_eye.files import (
    building,
    claimed,
    parse_json,
    put_in_place,
    read_json,
    read_ordinary,
    write_bytes,
    write_json,
    write_text,
)

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
    def fileno(self):
        return self.file.fileno()
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


def test_an_ordinary_file_is_read(target):
    assert read_ordinary(target, 1, "a file") == OLD


@pytest.mark.parametrize("path", ["none", "none/none", ".", "/dev/zero", "pipe", "nul\0", "x" * 300])
def test_what_would_never_end_or_is_no_file_is_refused_at_once(tmp_path, path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"; give a sheet$"):
        read_ordinary(tmp_path / path, 1, "a sheet")


def test_a_file_beyond_the_bound_is_refused(target):
    os.truncate(target, 2**20)
    read_ordinary(target, 1, "a file")
    os.truncate(target, 2**20 + 1)
    with pytest.raises(InputError, match=r"it has 1\.0 MB; give a file of at most 1"):
        read_ordinary(target, 1, "a file")


@pytest.mark.parametrize("text", ["[" * 100_000, "Infinity", "[NaN]", "{", "", b"\xff", '{"a": 1}}'])
def test_what_is_no_json_is_a_value_error(target, text):
    with pytest.raises(ValueError):
        parse_json(text)
    target.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"this is no JSON .*; give a report"):
        read_json(target, "a report")


def test_a_folder_is_built_beside_its_place(tmp_path):
    with building(tmp_path / "new/set") as folder:
        assert folder.parent == tmp_path / "new"
        (folder / "kept").mkdir()
        (folder / "left").touch()
        (folder / "kept").rename(tmp_path / "new/set")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["set"]


def test_a_full_disk_is_said_of_what_was_built(tmp_path):
    with pytest.raises(OSError, match=r"No space left on device: '.*/set'"), building(tmp_path / "set") as folder:
        full_disk()
    assert not folder.exists()


KILLED_WHILE_BUILDING = """
import os, signal, sys, time
from pathlib import Path
from paddle_eye.files import building
with building(Path(sys.argv[1])) as folder:
    (folder / "part").touch()
    print(folder, flush=True)
    time.sleep(60)
"""


def test_what_killed_commands_left_is_swept_and_what_others_build_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_YOUNG", -1)
    (tmp_path / ".hidden.paddle_eye").touch()  # not of this project's making
    program = [sys.executable, "-c", KILLED_WHILE_BUILDING, str(tmp_path / "set")]
    builders = [subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders = [Path(builder.stdout.readline().strip()) for builder in builders]
    try:
        builders[0].kill()
        builders[0].wait()
        write_bytes(tmp_path / "file.bin", NEW)
        assert [folder.is_dir() for folder in folders] == [False, True]
    finally:
        builders[1].kill()
        builders[1].wait()
    assert {path.name for path in tmp_path.iterdir()} == {".hidden.paddle_eye", "file.bin", folders[1].name}


def test_a_folder_is_claimed_by_one_at_a_time(tmp_path):
    claim, other = claimed(tmp_path, "training this run"), claimed(tmp_path, "training this run")
    with claim, pytest.raises(InputError, match="another process is training this run; wait for it"):
        other.__enter__()
    with claimed(tmp_path, "training this run"):
        pass


def test_of_two_that_build_the_same_at_once_both_go_on(tmp_path):
    with building(tmp_path / "set") as one, building(tmp_path / "set") as other:
        for work in (one, other):
            (work / "picture").touch()
            put_in_place(work, tmp_path / "set")
    assert [path.name for path in tmp_path.rglob("*")] == ["set", "picture"]
    with building(tmp_path / "other") as work, pytest.raises(NotADirectoryError):
        (tmp_path / "file").touch()
        put_in_place(work, tmp_path / "file" / "inside")
