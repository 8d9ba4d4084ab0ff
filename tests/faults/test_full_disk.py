"""A disk that is full is said by name, and what was there stays."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from paddle_eye.data.sources.tables import read_table

RECIPE = ("--model", "shufflenet_v2_x0_25", "--epochs", "1", "--batch-size", "4", "--set", "data.image_size=32")
BUNDLED = Path(__file__).resolve().parents[2] / "paddle_eye/bundled/palm_shufflenet_v2_x0_5.safetensors"


@pytest.fixture
def disk(tmp_path, skip):
    """A function that mounts a disk of so many kilobytes and returns its folder; Linux, as root."""
    mounted = []

    def mount(kilobytes):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            skip(f"no disk can be mounted here ({done.stderr.strip()}); start the tests as root")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture(scope="module")
def palm(tmp_path_factory, make_palm):
    return make_palm(tmp_path_factory.mktemp("full") / "palm")


def require_said(done, name):
    assert done.code == 1, done
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert "No space left on device" in last
    assert name in last


def fill(folder):
    """Leave no byte."""
    descriptor = os.open(folder / "filling", os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError, match="No space left"):
        while True:
            os.write(descriptor, bytes(4096))
    os.close(descriptor)


@pytest.mark.parametrize("kilobytes", [8, 200, 700, 1000])
def test_training(tool, disk, palm, kilobytes):
    """Whichever file does not fit any more."""
    place = disk(kilobytes)
    require_said(tool("train", *RECIPE, "--data", palm, cwd=place), "output/shufflenet_v2_x0_25_PALM")


def test_unpacking(tool, disk, palm, tmp_path):
    archives = tmp_path / "archives"
    for name, root, folder in (
        ("archives/validation", palm, "PALM-Validation400"),
        ("archives/valid_gt", palm, "PALM-Validation-GT"),
        ("inner/PALM-Training400", palm / "train_data", "PALM-Training400"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.make_archive(str(tmp_path / name), "zip", root, folder)
    shutil.make_archive(str(archives / "training"), "zip", tmp_path / "inner")
    place = disk(40)
    require_said(tool("prepare_data", "--archives", archives, cwd=place), "dataset/palm")
    assert list((place / "dataset").iterdir()) == []


def test_splitting(tool, disk, tmp_path, write_picture):
    for number in range(8):
        for label, name in enumerate(("a", "b")):
            write_picture(tmp_path / f"classes/{name}/{number}.png", label)
    place = disk(64)
    arguments = ("--data", tmp_path / "classes", "--out", place)
    assert tool("split", *arguments, cwd=tmp_path).code == 0
    former = [read_table(place / name).records for name in ("train.csv", "test.csv")]
    fill(place)
    require_said(tool("split", *arguments, "--seed", "1", cwd=tmp_path), str(place))
    assert [read_table(place / name).records for name in ("train.csv", "test.csv")] == former


def test_a_list_of_faults(tool, disk, tmp_path, write_picture):
    for name in ("a/1.png", "b/2.png"):
        shutil.copy(write_picture(tmp_path / "one.png"), write_picture(tmp_path / "classes" / name))
    place = disk(8)
    fill(place)
    done = tool("audit", "--data", tmp_path / "classes", "--fix-list", place / "faults.txt", cwd=tmp_path)
    require_said(done, "faults.txt")


@pytest.mark.parametrize(("flag", "name"), [("--csv", "t.csv"), ("--xlsx", "t.xlsx"), ("--draw", "drawn")])
def test_predicting(tool, disk, flag, name):
    place = disk(8)
    fill(place)
    require_said(tool("predict", flag, name, cwd=place), name)


@pytest.mark.parametrize("kind", ["paddle", "onnx"])
def test_exporting(tool, disk, kind):
    place = disk(1000)
    require_said(tool("export", BUNDLED, "--output", "exported", "--format", kind, cwd=place), "exported")
    assert {path.name for path in place.iterdir()} <= {".cache"}
