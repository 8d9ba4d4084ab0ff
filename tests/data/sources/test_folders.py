import os
import re

import pytest

from paddle_eye.data.records import Record
from paddle_eye.data.sources import layouts
from paddle_eye.data.sources.folders import beside_classes, read_folders, read_train_val, train_val_folders
from paddle_eye.errors import InputError


@pytest.fixture
def put(tmp_path):
    """A function that makes empty files below ``tmp_path / "root"`` and returns that folder."""

    def make(*names):
        for name in names:
            path = tmp_path / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "root"

    return make


def names(record_set, root):
    return [(record.image.relative_to(root).as_posix(), record.label) for record in record_set.records]


def test_every_folder_is_a_class_in_the_order_of_names(put):
    root = put("normal/b.jpg", "amd/2.png", "dme/x.jpg", "amd/10.jpg", "normal/a.jpg")
    records = read_folders(root)
    assert records.classes == ("amd", "dme", "normal")
    assert names(records, root) == [
        ("amd/10.jpg", 0),
        ("amd/2.png", 0),
        ("dme/x.jpg", 1),
        ("normal/a.jpg", 2),
        ("normal/b.jpg", 2),
    ]


def test_names_tell_the_patients(put):
    root = put("amd/7_left.jpg", "normal/7_right.jpg", "normal/8.jpg")
    assert read_folders(root).records == (
        Record(root / "amd/7_left.jpg", 0, "7"),
        Record(root / "normal/7_right.jpg", 1, "7"),
        Record(root / "normal/8.jpg", 1, None),
    )


def test_a_pattern_tells_the_patients_instead(put):
    root = put("amd/7_left.jpg", "normal/p3-a.jpg")
    assert [record.group for record in read_folders(root, re.compile(r"^p(\d)")).records] == [None, "3"]


def test_files_beside_the_classes_and_hidden_ones_are_passed_over(put):
    left = (
        "amd/.DS_Store",
        "amd/THUMBS.DB",
        "amd/@eaDir/1.jpg",
        ".cache/3.jpg",
        "__MACOSX/4.jpg",
        "$RECYCLE.BIN/5.jpg",
    )
    root = put("amd/1.jpg", "normal/2.jpg", "loose.jpg", "readme.md", *left)
    (root / "train.csv").write_text("path,label,class\namd/1.jpg,0,amd\n")
    assert names(read_folders(root), root) == [("amd/1.jpg", 0), ("normal/2.jpg", 1)]
    assert beside_classes(root) == [root / "loose.jpg"]
    (root / "train.csv").write_text("id_code,diagnosis\n1,0\n")
    with pytest.raises(InputError, match=r"train\.csv beside the folders may hold the labels"):
        read_folders(root)


def test_the_one_folder_of_an_archive_is_entered(put):
    root = put("fundus/amd/1.jpg", "fundus/normal/2.jpg", "__MACOSX/fundus/3.jpg", "readme.txt")
    records = read_folders(root)
    assert records.classes == ("amd", "normal")
    assert names(records, root) == [("fundus/amd/1.jpg", 0), ("fundus/normal/2.jpg", 1)]


def test_what_is_in_the_files_is_not_looked_at(put):
    root = put("amd/1.jpg", "normal/notes.txt")
    (root / "normal/notes.txt").write_text("no picture", encoding="utf-8")
    assert names(read_folders(root), root) == [("amd/1.jpg", 0), ("normal/notes.txt", 1)]


@pytest.mark.parametrize(
    ("files", "found"),
    [(["1.jpg"], 0), (["amd/1.jpg"], 1), (["fundus/amd/1.jpg"], 1)],
    ids=["no folder", "one folder", "one folder in a folder"],
)
def test_there_are_at_least_two_classes(files, found, put):
    root = put(*files)
    with pytest.raises(InputError) as raised:
        read_folders(root)
    assert str(raised.value) == f"{root}: expected one subfolder per class, at least two, found {found}"


@pytest.mark.parametrize(("name", "why"), [("none", "no such folder"), ("1.jpg", "this is a file, no folder")])
def test_what_is_no_folder_is_named(name, why, put):
    path = put("1.jpg") / name
    with pytest.raises(InputError) as raised:
        read_folders(path)
    assert str(raised.value).startswith(f"{path}: {why}")


def test_faults_come_in_one_message(put):
    root = put(
        "amd/1.jpg", "amd/more/2.jpg", "dme/.DS_Store", "normal/3.jpg", "normal/left/4.jpg", "normal/right/5.jpg"
    )
    with pytest.raises(InputError) as raised:
        read_folders(root)
    assert str(raised.value).splitlines() == [
        f"{root}: 4 faults found; give the folder whose subfolders are the classes, only photographs in them",
        f"  - {root / 'amd/more'}: a folder inside the folder of a class",
        f"  - {root / 'dme'}: no photograph of this class",
        f"  - {root / 'normal/left'}: a folder inside the folder of a class",
        f"  - {root / 'normal/right'}: a folder inside the folder of a class",
    ]


def test_names_that_are_not_utf8_are_named(tmp_path, write_picture):
    """As an archive packed on a Chinese Windows leaves them."""
    for name in ("amd", "normal"):
        write_picture(tmp_path / name / "1.png")
    os.rename(os.fsencode(tmp_path / "amd/1.png"), os.fsencode(tmp_path / "amd") + "/眼.png".encode("gbk"))
    with pytest.raises(InputError, match=r"udcd1.*udcdb.png': the name is not in UTF-8, .*; rename it"):
        read_folders(tmp_path)


@pytest.fixture
def make_sides(tmp_path, write_picture):
    """A function that writes ``train`` and ``val`` with a picture in each of these classes."""

    def make(train, val):
        for side, classes in (("train", train), ("val", val)):
            for label, name in enumerate(classes):
                write_picture(tmp_path / side / name / "1_left.png", label % 2)
        return tmp_path

    return make


def test_train_and_val_are_two_parts_of_the_same_classes(make_sides):
    root = make_sides("abc", "abc")
    training, validation = read_train_val(root)
    assert training.classes == validation.classes == ("a", "b", "c")
    assert [record.image for record in validation.records] == [root / "val" / name / "1_left.png" for name in "abc"]
    assert [record.label for record in training.records] == [0, 1, 2]


def test_faults_of_both_sides_come_in_one_message(make_sides):
    root = make_sides("abd", "abc")
    (root / "train/a/notes.txt").write_text("no picture")
    (root / "val/empty").mkdir()
    with pytest.raises(InputError) as raised:
        read_train_val(root)
    assert str(raised.value).splitlines() == [
        f"{root}: 5 faults found; train and val need the same classes of photographs",
        f"  - {root / 'val'}: no class 'd', which {root / 'train'} has",
        f"  - {root / 'train'}: no class 'c', which {root / 'val'} has",
        f"  - {root / 'train'}: no class 'empty', which {root / 'val'} has",
        f"  - {root / 'train/a/notes.txt'}: this is no picture",
        f"  - {root / 'val/empty'}: no photograph of this class",
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "test_images"),
        ("ODIR-5K_Training_Images", "ODIR-5K_Testing_Images"),
        ("images", "masks"),
        ("Images", "Groundtruths"),
        ("train", "test"),
        ("fold1", "fold2"),
    ],
)
def test_folders_that_are_parts_of_a_data_set_are_no_classes(tmp_path, write_picture, names):
    for name in names:
        write_picture(tmp_path / name / "1.png")
    with pytest.raises(InputError, match=r"look like parts of a data set, not like classes; .* insist with"):
        read_folders(tmp_path)
    assert read_folders(tmp_path, classes=names).classes == tuple(names)


@pytest.mark.parametrize("sheet", ["labels.xlsx", "train_labels.csv", "annotations.xls"])
def test_folders_beside_a_sheet_may_be_no_classes(tmp_path, write_picture, sheet):
    for name in ("left", "right"):
        write_picture(tmp_path / name / "1.png")
    (tmp_path / sheet).write_bytes(b"x")
    with pytest.raises(InputError, match=f"{sheet} beside the folders may hold the labels"):
        read_folders(tmp_path)
    assert len(read_folders(tmp_path, classes=["left", "right"])) == 2
    with pytest.raises(InputError, match="--classes left,middle: expected two or more folders"):
        read_folders(tmp_path, classes=["left", "middle"])


@pytest.mark.parametrize("names", [("OD", "OS"), ("left eye", "right eye"), ("左眼", "右眼")])
def test_sides_of_eyes_are_no_classes_unless_someone_insists(tmp_path, write_picture, names):
    for name in names:
        write_picture(tmp_path / name / "1.png")
    with pytest.raises(InputError, match=r"look like the sides of eyes, not like classes; .* insist with --classes"):
        read_folders(tmp_path)
    assert read_folders(tmp_path, classes=names).classes == names


def test_folders_of_patients_are_no_classes(tmp_path, write_picture):
    for number in range(21):
        write_picture(tmp_path / f"P{number:03d}" / "1.png", number)
    with pytest.raises(InputError, match="21 folders whose names differ by a number, such as P000, look like patients"):
        read_folders(tmp_path)
    assert len(read_folders(tmp_path, least=1)) == 21
    (tmp_path / "P020").rename(tmp_path / "other")
    assert len(read_folders(tmp_path)) == 21


@pytest.mark.parametrize("names", [("normal", "glaucoma"), ("0", "1"), ("No_DR", "Mild"), ("dated", "valvular")])
def test_ordinary_names_are_classes(tmp_path, write_picture, names):
    for name in names:
        write_picture(tmp_path / name / "1.png")
    assert len(read_folders(tmp_path)) == 2


@pytest.mark.parametrize(
    ("training", "validation"), [("train", "valid"), ("Train", "Test"), ("training", "validation")]
)
def test_both_parts_go_by_the_names_that_people_give_them(tmp_path, write_picture, training, validation):
    for part in (training, validation):
        for label, name in enumerate(("normal", "ill")):
            write_picture(tmp_path / part / name / f"{part}.png", label)
    assert layouts.layout(tmp_path) == "train and val"
    parts = layouts.read(tmp_path)
    assert [part.records[0].image.name for part in parts] == [f"{training}.png", f"{validation}.png"]


@pytest.mark.parametrize("names", [("Original", "Ground truth"), ("images", "masks")])
def test_kinds_of_files_are_no_classes_below_train_and_val_either(put, names):
    root = put(*(f"{part}/{name}/1.jpg" for part in ("train", "test") for name in names))
    with pytest.raises(InputError, match="look like parts of a data set, not like classes"):
        read_train_val(root)


def test_parts_are_known_by_more_names(put):
    root = put(*(f"{part}/{name}/1.jpg" for part in ("training_set", "Test Set") for name in ("amd", "normal")))
    assert [path.name for path in train_val_folders(root)] == ["training_set", "Test Set"]


def test_classes_whose_names_look_like_one_are_a_fault(put):
    with pytest.raises(InputError, match="'AMD' and 'amd' look like one class"):
        read_folders(put("AMD/1.jpg", "amd/2.jpg", "normal/3.jpg"))


def test_parts_one_folder_deeper_are_named(put):
    with pytest.raises(InputError, match=r"did you mean .*root/dataset\?"):
        read_folders(put("dataset/train/amd/1.jpg", "dataset/val/amd/2.jpg"))


@pytest.mark.parametrize("classes", [("amd", "amd"), ("amd",), ("amd", "normal", "amd")])
def test_classes_that_are_said_are_several_and_each_once(put, classes):
    with pytest.raises(InputError, match=r"expected two or more folders of .*, each once"):
        read_folders(put("amd/1.jpg", "normal/2.jpg"), classes=classes)


def test_hidden_folders_are_no_parts_and_kinds_in_names_of_classes_are_none(put):
    root = put("train/a/1.jpg", "train/b/2.jpg", ".val/a/3.jpg", ".val/b/4.jpg")
    assert layouts.layout(root) == "folders"
    with pytest.raises(InputError) as raised:  # nothing but that the files are empty
        read_train_val(put(*(f"{part}/{name}_images/1.jpg" for part in ("train", "val") for name in ("a", "b"))))
    assert "look like parts" not in str(raised.value)


def test_two_folders_of_one_part_are_refused(put):
    root = put(*(f"{part}/{name}/1.png" for part in ("Train", "training", "val") for name in "ab"))
    with pytest.raises(InputError, match="are both called as the training part"):
        train_val_folders(root)


def test_parts_may_have_chinese_names(put):
    root = put(*(f"{part}/{name}/1.png" for part in ("训练集", "测试集") for name in "ab"))
    assert [folder.name for folder in train_val_folders(root)] == ["训练集", "测试集"]


def test_only_what_is_known_as_clutter_is_passed_over(put):
    root = put("a/__1.png", "a/$2.png", "a/3.png", "b/1.png", "b/__MACOSX/1.png", "$RECYCLE.BIN/x.png")
    assert read_folders(root).counts() == {"a": 3, "b": 1}
