import shutil

import pytest

from paddle_eye.data.records import Record
from paddle_eye.data.sources.layouts import layout, notes, read, read_test
from paddle_eye.data.sources.palm import CLASSES, LABEL_FILE, TRAINING_FOLDER, VALIDATION_FOLDER, read_palm
from paddle_eye.errors import InputError


@pytest.fixture
def put(tmp_path):
    """A function that writes files below ``tmp_path``."""

    def write(**contents):
        for name, lines in contents.items():
            (tmp_path / f"{name}.csv").write_text("\n".join(["path,label,class", *lines]) + "\n", encoding="utf-8")
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            (tmp_path / name).touch()
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["train.csv", "test.csv"], "tables"),
        (["train.csv"], "tables"),
        (["test.csv"], "tables"),
        ([TRAINING_FOLDER], "palm"),
        ([VALIDATION_FOLDER], "palm"),
        ([LABEL_FILE], "palm"),
        (["train.csv", VALIDATION_FOLDER], "tables"),
        (["train", "val"], "train and val"),
        (["train", "test"], "train and val"),
        (["amd", "normal"], "folders"),
        ([], "folders"),
    ],
)
def test_the_layout_is_told_from_what_is_there(parts, expected, tmp_path):
    for part in parts:
        (tmp_path / part).mkdir(parents=True)
    assert layout(tmp_path) == expected


def test_tables_are_read(put):
    root = put(train=["a.jpg,0,amd", "b.jpg,1,normal"], test=["c.jpg,1,normal"])
    parts = read(root)
    assert parts.training.records == (Record(root / "a.jpg", 0), Record(root / "b.jpg", 1))
    assert parts.validation.records == (Record(root / "c.jpg", 1),)
    assert parts.training.classes == parts.validation.classes == ("amd", "normal")


def test_the_test_table_is_checked_against_the_training_table(put):
    root = put(train=["a.jpg,0,amd", "b.jpg,1,normal"], test=["c.jpg,1,dme"])
    with pytest.raises(InputError, match=r"(?s)test.csv: 1 fault.*line 2: label 1 is 'normal', found 'dme'"):
        read(root)


@pytest.mark.parametrize(("there", "missing"), [("train", "test"), ("test", "train")])
def test_a_missing_table_is_named(there, missing, put):
    root = put(**{there: ["a.jpg,0,amd", "b.jpg,1,normal"]})
    with pytest.raises(InputError, match=rf"{missing}.csv: cannot be read"):
        read(root)


def test_a_palm_folder_is_read(tmp_path, make_palm):
    root = make_palm(tmp_path, {"H": 1, "N": 2, "P": 2}, [0, 1, 1])
    training, validation = read_palm(root)
    parts = read(root)
    assert (parts.training, parts.validation) == (training, validation)
    assert parts.training.classes == CLASSES
    assert [record.label for record in parts.validation.records] == [0, 1, 1]


def test_missing_parts_of_a_palm_folder_are_named(tmp_path, make_palm):
    make_palm(tmp_path)
    shutil.rmtree(tmp_path / TRAINING_FOLDER)
    with pytest.raises(InputError, match=rf"missing: {TRAINING_FOLDER}"):
        read(tmp_path)


def test_folders_that_are_not_split_are_an_error(tmp_path):
    for name in ("amd", "normal"):
        (tmp_path / name).mkdir()
    with pytest.raises(InputError) as raised:
        read(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}: found neither train.csv and test.csv (python tools/split.py --data {tmp_path} makes them from "
        "folders of classes, or with --sheet FILE from a sheet of labels), nor train and val with folders of classes, "
        "nor a PALM folder (python tools/prepare_data.py --archives DIR makes one)"
    )


def test_one_class_is_not_enough_to_learn_from(put):
    root = put(train=["a.jpg,0,amd", "b.jpg,0,amd"], test=["c.jpg,0,amd"])
    with pytest.raises(InputError, match=r"train.csv: expected rows of at least two classes, found one"):
        read(root)


def test_train_and_val_are_read(tmp_path, write_picture):
    for name in ("train/a", "train/b", "val/a", "val/b"):
        write_picture(tmp_path / name / "1.png")
    parts = read(tmp_path)
    assert [len(part) for part in parts] == [2, 2]
    assert parts.training.classes == ("a", "b")


def test_classes_with_accents_together_and_apart_are_the_same(tmp_path, write_picture):
    for part, names in (("train", ("amd", "\u00e9", "z")), ("val", ("amd", "e\u0301", "z"))):
        for label, name in enumerate(names):
            write_picture(tmp_path / part / name / f"{label}.png", label)
    training, validation = read(tmp_path)
    labels = [{record.image.stem: record.label for record in part.records} for part in (training, validation)]
    assert labels[0] == labels[1]


def test_patients_in_one_of_two_tables_are_said(put):
    root = put(train=["a.jpg,0,amd", "b.jpg,1,normal"], test=["c.jpg,1,normal"])
    assert notes(root, read(root)) == []
    (root / "train.csv").write_text("path,label,class,group\na.jpg,0,amd,1\nb.jpg,1,normal,2\n")
    said = "the training part names patients, the test part does not: one in both may not be seen as one"
    assert notes(root, read(root)) == [said]
    (root / "test.csv").write_text("path,label,class,group\nc.jpg,1,normal,\n")
    assert notes(root, read(root)) == [said]
    assert read_test(root).notes == [said]
    (root / "train.csv").unlink()
    (root / "test.csv").write_text("path,label,class,group\nb.jpg,0,normal,\n")
    assert read_test(root).notes == []


def test_patients_in_one_of_two_folders_are_said(tmp_path, write_picture):
    for name in ("train/a/7_left.png", "train/b/8_right.png", "val/a/1.png", "val/b/2.png"):
        write_picture(tmp_path / name)
    assert notes(tmp_path, read(tmp_path)) == [
        "the training part names patients, the test part does not: one in both may not be seen as one"
    ]
