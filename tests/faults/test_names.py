"""Names that are not UTF-8, steer a terminal, or are as long as a name can be."""

import json
import os
import shutil
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

BUNDLED = Path(__file__).resolve().parents[2] / "paddle_eye/bundled"
NOT_UTF8 = os.fsdecode(b"\xc0\xb3\xb9\xe2.jpg")  # 老光 in GBK
STEERING = "eye\x1b[31m\x07.jpg"
LONG = "x" * 251 + ".jpg"
RECIPE = ("--model", "shufflenet_v2_x0_25", "--epochs", "1", "--batch-size", "4", "--set", "data.image_size=32")


def require_plain(done, code):
    """It has ended as it should, with text that can be shown and does nothing to a terminal."""
    assert done.code == code, done
    for text in (done.stdout, done.stderr):
        text.encode("utf-8", errors="strict")
        assert not [letter for letter in text if ord(letter) < 32 and letter not in "\n\r\t"], text
        assert "Traceback" not in text


@pytest.mark.parametrize("name", [NOT_UTF8, STEERING, LONG, "=1+1.jpg", "正常 $x$.jpg"])
def test_predicting(tool, tmp_path, name):
    (tmp_path / "eyes").mkdir()
    shutil.copy(BUNDLED / "example.jpg", tmp_path / "eyes" / name)
    shutil.copy(BUNDLED / "example.jpg", tmp_path / "eyes/other.jpg")
    done = tool("predict", "eyes", "--csv", "t.csv", "--xlsx", "t.xlsx", "--draw", "drawn", "--cam", cwd=tmp_path)
    require_plain(done, 0)
    assert len(pd.read_csv(tmp_path / "t.csv")) == 2
    assert openpyxl.load_workbook(tmp_path / "t.xlsx").active.max_row == 3
    assert len(list((tmp_path / "drawn").iterdir())) == 2


def classes(place, write_picture, name):
    for number in range(6):
        for label, folder in enumerate(("a", "b")):
            write_picture(place / f"{folder}/{number}.jpg", label)
    shutil.copy(BUNDLED / "example.jpg", place / "a" / name)
    return place


@pytest.mark.parametrize(("name", "code"), [(NOT_UTF8, 2), (STEERING, 2), (LONG, 0), ("正常 $x$.jpg", 0)])
def test_a_data_set(tool, tmp_path, write_picture, name, code):
    """What no table can name, and what steers terminals, is refused by a name that can be shown."""
    place = classes(tmp_path / "set", write_picture, name)
    for tried in ("split", "audit"):
        done = tool(tried, "--data", place, cwd=tmp_path)
        require_plain(done, code)
        if code:
            assert "rename it" in done.stderr
    if not code:
        require_plain(tool("train", *RECIPE, "--data", place, cwd=tmp_path), 0)


@pytest.mark.parametrize("name", [NOT_UTF8, STEERING])
def test_parts(tool, tmp_path, write_picture, name):
    for part in ("train", "val"):
        classes(tmp_path / "set" / part, write_picture, name)
    done = tool("train", *RECIPE, "--data", tmp_path / "set", cwd=tmp_path)
    require_plain(done, 2)
    assert "rename it" in done.stderr


@pytest.mark.parametrize("name", [NOT_UTF8, STEERING])
def test_palm(tool, tmp_path, make_palm, write_picture, name):
    palm = make_palm(tmp_path / "palm")
    shutil.copy(BUNDLED / "example.jpg", palm / "train_data/PALM-Training400" / f"P{name}")
    done = tool("train", *RECIPE, "--data", palm, cwd=tmp_path)
    require_plain(done, 2)
    assert "rename it" in done.stderr


@pytest.mark.parametrize("name", [NOT_UTF8.replace(".jpg", ".png"), STEERING.replace(".jpg", ".png")])
def test_masks(tool, tmp_path, make_membrane, name):
    place = make_membrane(tmp_path / "set")
    for folder in ("image", "label"):
        (place / folder / "0.png").rename(place / folder / name)
    recipe = ("--model", "unet", "--epochs", "1", "--batch-size", "2", "--set", "data.image_size=32")
    done = tool("train", *recipe, "--data", place, cwd=tmp_path)
    require_plain(done, 2)
    assert "rename it" in done.stderr


@pytest.mark.parametrize("name", ["a\x1b[31m", os.fsdecode(b"\xff"), "y" * 255])
def test_folders(tool, tmp_path, make_palm, name):
    """The data set's own folder, or the runs', has such a name."""
    palm = make_palm(tmp_path / name)
    trained = tool("train", *RECIPE, "--data", palm, "--output", tmp_path / "o", cwd=tmp_path)
    require_plain(trained, trained.code)
    assert trained.code in (0, 1, 2)
    output = tool(
        "train", *RECIPE, "--data", make_palm(tmp_path / "palm"), "--output", tmp_path / f"{name[:-1]}z", cwd=tmp_path
    )
    require_plain(output, output.code)
    assert output.code in (0, 1, 2)


@pytest.mark.parametrize("given", ["x" * 5000, "\udcff", "\x1b[31m", "", "/dev/zero", "none"])
@pytest.mark.parametrize(
    "command",
    [
        ("train", "--data"),
        ("train", "--config"),
        ("train", "--output"),
        ("eval", "--data"),
        ("predict",),
        ("predict", "--weights"),
        ("predict", "--csv"),
        ("predict", "--draw"),
        ("split", "--data"),
        ("split", "--leave-out"),
        ("audit", "--data"),
        ("export",),
        ("compare",),
        ("prepare_data", "--archives"),
        ("reproduce",),
    ],
    ids=" ".join,
)
def test_paths_that_are_none(tool, tmp_path, write_picture, command, given):
    needed = {"split --leave-out": ("--data", classes(tmp_path / "set", write_picture, "z.jpg"))}
    recipe = RECIPE if command[0] == "train" else ()
    done = tool(*command, given, *recipe, *needed.get(" ".join(command), ()), cwd=tmp_path)
    if command[-1] in ("--output", "--draw", "--csv") and done.code == 0:  # a name that can be a folder's or a file's
        return
    require_plain(done, done.code)
    assert done.code in (1, 2), done


@pytest.mark.parametrize("name", ["x" * 100_000, "$\\frac{1}{0}$", "\x1b[31mred", "a\nb", '"', "=1+1", "正常"])
def test_names_of_classes(tool, tmp_path, write_picture, name):
    """Of a table, which can hold any."""
    rows = []
    for number in range(6):
        write_picture(tmp_path / f"set/{number}.png", number % 2)
        rows.append({"path": f"{number}.png", "label": number % 2, "class": name if number % 2 else "normal"})
    for table in ("train", "test"):
        part = pd.DataFrame(rows[:4] if table == "train" else rows[4:])
        part.to_csv(tmp_path / f"set/{table}.csv", index=False)
    done = tool("train", *RECIPE, "--data", tmp_path / "set", cwd=tmp_path)
    require_plain(done, done.code)
    assert done.code in (0, 2)
    if done.code:
        assert "train.csv" in done.stderr
        assert len(done.stderr) < 2000
        return
    (weights,) = tmp_path.glob("output/*/shufflenet*.pdparams")
    predicted = tool(
        "predict", "set/0.png", "--weights", weights, "--csv", "t.csv", "--draw", "d", "--cam", cwd=tmp_path
    )
    require_plain(predicted, 0)
    assert list(json.loads((weights.parent / "class_indices.json").read_text()).values()) == ["normal", name]
