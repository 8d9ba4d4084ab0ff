"""Label sheets: patients, parts, and what is refused."""

from pathlib import Path

import pytest

from paddle_eye.data.preparation.steps import find_sheet, write_split
from paddle_eye.data.sources.layouts import notes, read
from paddle_eye.data.sources.sheet_columns import Columns
from paddle_eye.data.sources.sheets import read_labels
from paddle_eye.errors import InputError


def test_two_photographs_of_a_row_are_one_patient_s(touch, sheet, tmp_path):
    touch("l1.jpg", "r1.jpg", "l2.jpg", "r2.jpg")
    path = sheet(("No", "L", "R", "label"), (5, "l1.jpg", "r1.jpg", 0), (6, "l2.jpg", "r2.jpg", 1))
    images = Columns(image=("L", "R"))
    groups = [record.group for record in read_labels(path, [tmp_path], images).parts[""].records]
    assert groups[0] == groups[1] != groups[2] == groups[3]
    named = Columns(image=("L", "R"), group="No")
    assert [record.group for record in read_labels(path, [tmp_path], named).parts[""].records] == ["5", "5", "6", "6"]


def test_a_division_in_a_column_is_kept(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg", "c.jpg")
    path = sheet(("image", "label", "split"), ("a", 0, "Train"), ("b", 1, "val"), ("c", 1, "TEST"))
    found = find_sheet(tmp_path, path)
    assert [[record.image.name for record in part.records] for part in found.parts] == [["a.jpg", "b.jpg"], ["c.jpg"]]
    assert any("1 rows of the validation part are joined" in note for note in found.notes)
    for given, told in (({"ratio": 0.7}, "--ratio 0.7"), ({"by_photograph": True}, "--by photograph")):
        with pytest.raises(InputError, match=f"{told}: .* brings a division of its own, which is kept; leave it out"):
            write_split(found, tmp_path / "out", **given)
    with pytest.raises(InputError, match="line 3: the part must be train, val or test, found 'x'"):
        read_labels(sheet(("image", "label", "split"), ("a", 0, "train"), ("b", 0, "x")), [tmp_path])


def test_a_division_in_a_column_of_any_name_is_kept(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    rows = (("image", "label", "phase", "site"), ("a", 0, "test", "x"), ("b", 1, "train", "y"))
    found = read_labels(sheet(*rows), [tmp_path])
    assert {part: [each.image.name for each in records.records] for part, records in found.parts.items()} == {
        "test": ["a.jpg"],
        "training": ["b.jpg"],
    }
    assert "split is phase" in found.notes[0]
    with pytest.raises(InputError, match="phase, when divide the rows; say which with --split-column"):
        read_labels(sheet(*((*row[:3], row[2].replace("phase", "when")) for row in rows)), [tmp_path])


def test_a_column_called_split_that_names_no_part_divides_nothing_and_that_is_said(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    found = read_labels(sheet(("image", "label", "Subset"), ("a", 0, "A"), ("b", 1, "B")), [tmp_path])
    assert list(found.parts) == [""]
    assert any("no row of the column Subset names a part" in note for note in found.notes)


def test_names_of_classes_that_change_nothing_are_refused(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    path = sheet(("image", "N", "D"), ("a", 0, 1), ("b", 1, 0))
    with pytest.raises(InputError, match="--classes x,y: the columns N and D name the classes; leave it out"):
        read_labels(path, [tmp_path], Columns(label=("N", "D")), names=["x", "y"])


def test_two_ways_to_tell_patients_are_refused(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    path = sheet(("image", "label", "who"), ("a", 0, 1), ("b", 1, 2))
    with pytest.raises(InputError, match=r"--group \(.\): the column who tells patients"):
        find_sheet(tmp_path, path, group="(.)", group_column="who")


def test_two_sheets_are_two_parts_with_the_classes_of_the_first(touch, sheet, tmp_path):
    touch("one/a.jpg", "one/b.jpg", "two/a.jpg")
    one, two = Path("one"), Path("two")
    first = sheet(("image", "label"), ("a", 0), ("b", 1))
    second = sheet(("image", "label"), ("a", 1), name="test.csv")
    found = find_sheet(tmp_path, first, test_sheet=second, image_folders=[one], test_image_folders=[two])
    assert [len(part) for part in found.parts] == [2, 1]
    assert found.parts.validation.classes == ("0", "1")
    with pytest.raises(InputError, match="both sheets have a row of it"):
        find_sheet(tmp_path, first, test_sheet=second, image_folders=[one])
    other = sheet(("image", "label"), ("a", 4), name="other.csv")
    with pytest.raises(InputError, match="4 is none of the classes 0, 1"):
        find_sheet(tmp_path, first, test_sheet=other, image_folders=[one], test_image_folders=[two])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("x", "y"), ("a", 1)], "no column is called as the image usually is; say which with --image-column"),
        ([("image", "y"), ("a", 1)], "no column is called as the label usually is"),
        ([("image", "label"), ("a", "")], "line 2: no label in the column label"),
        ([("image", "label"), ("", 1)], "line 2: no name in the column image"),
        ([("image", "label"), ("none", 1)], "line 2: 'none' is no picture in"),
        ([("image", "label"), ("a", 1), ("a.jpg", 1)], "line 3: .*a.jpg has a row already, line 2"),
        ([("image", "label"), ("same", 1)], "'same' is .*say which with --image-folder"),
        ([("image", "label", "label"), ("a", 1, 1)], "several columns are called label"),
        ([("image", "label")], "no row with a photograph"),
        ([("image", "label"), ("a", "x" * 101)], "the name of a class is a line of at most 100 letters"),
    ],
)
def test_what_cannot_be_told_is_refused_with_its_row(touch, sheet, tmp_path, rows, message):
    touch("a.jpg", "same.jpg", "in/same.jpg")
    with pytest.raises(InputError, match=message):
        read_labels(sheet(*rows), [tmp_path])


def test_photographs_without_a_row_are_counted(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg", "c.jpg")
    found = read_labels(sheet(("image", "label"), ("a", 1)), [tmp_path])
    assert found.notes[1].startswith("2 photographs have no row in")


def test_a_patient_who_is_written_in_several_ways_is_one(touch, sheet, tmp_path):
    touch(*(f"{name}.jpg" for name in "abcdef"))
    rows = zip("abcdef", (0, 1, 0, 1, 0, 1), ("P1", "p1", "7", "7.0", "007", "\uff50\uff11"))
    found = read_labels(sheet(("image", "label", "Patient ID"), *rows), [tmp_path])
    assert [record.group for record in found.parts[""].records] == ["p1", "p1", "7", "7", "7", "p1"]


def test_patients_are_taken_from_the_names_if_the_column_is_empty(touch, sheet, tmp_path):
    touch("1_left.jpg", "1_right.jpg")
    path = sheet(("image", "label", "patient"), ("1_left", 0, ""), ("1_right", 1, ""))
    assert [record.group for record in read_labels(path, [tmp_path]).parts[""].records] == ["1", "1"]
    with pytest.raises(InputError, match="no row names a patient in the column patient; leave it out"):
        read_labels(path, [tmp_path], Columns(group="patient"))


def test_one_class_is_nothing_to_learn(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    found = find_sheet(tmp_path, sheet(("image", "label"), ("a", 1), ("b", 1)))
    with pytest.raises(InputError, match=r"sheet\.csv: all photographs are of one class"):
        write_split(found, tmp_path, ratio=0.5)


def test_parts_that_divide_nothing_are_said_and_train_and_val_are_kept(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg", "c.jpg")

    def parts(*values, **more):
        rows = (("image", "label", "split"), *zip("abc", (0, 1, 1), values))
        return find_sheet(tmp_path, sheet(*rows, name=f"{values[0]}.csv"), **more)

    assert [len(part) for part in parts("train", "val", "val").parts] == [1, 2]
    alone = parts("test", "test", "test")
    assert alone.parts is None
    assert any("are of the test part, which divides nothing" in note for note in alone.notes)
    with pytest.raises(InputError, match=r"test\.csv: it has rows of the test part; give the other"):
        parts("test", "test", "test", test_sheet=tmp_path / "train.csv")


def test_a_sheet_of_the_same_name_here_and_in_the_data_set_is_refused(touch, sheet, tmp_path, monkeypatch):
    touch("data/a.jpg", "data/b.jpg")
    sheet(("image", "label"), ("a", 0), ("b", 1), name="l.csv")
    sheet(("image", "label"), ("a", 1), ("b", 0), name="data/l.csv")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"l\.csv: it is here, and there is also data/l\.csv; give the whole path"):
        find_sheet(Path("data"), Path("l.csv"))


def test_a_sheet_of_training_and_validation_goes_with_one_of_test(touch, sheet, tmp_path):
    touch(*(f"{name}.jpg" for name in "abcd"))
    rows = zip("abc", (0, 1, 1), ("train", "train", "val"))
    first = sheet(("image", "label", "split"), *rows)
    found = find_sheet(tmp_path, first, test_sheet=sheet(("image", "label"), ("d", 0), name="test.csv"))
    assert [len(part) for part in found.parts] == [3, 1]


def test_names_tell_the_patient_of_a_row_with_several_photographs(touch, sheet, tmp_path):
    rows = [(f"p{p}_a{visit}.png", f"p{p}_b{visit}.png", p % 2) for p in range(1, 5) for visit in (1, 2)]
    touch(*(name for row in rows for name in row[:2]))
    path = sheet(("L", "R", "label"), *rows)
    found = find_sheet(tmp_path, path, image_column="L,R", group=r"^(p\d+)_")
    assert {record.group for record in found.records.records} == {"p1", "p2", "p3", "p4"}
    touch("x_a1.png", "x_b1.png")
    path = sheet(("L", "R", "label"), *rows, ("x_a1.png", "x_b1.png", 0))
    found = find_sheet(tmp_path, path, image_column="L,R", group=r"^(p\d+)_")
    assert r"--group ^(p\d+)_ finds no patient in 2 names, such as x_a1.png" in found.notes
    with pytest.raises(InputError, match="found in none of the 18 file names"):
        find_sheet(tmp_path, path, image_column="L,R", group=r"^(q\d+)_")


@pytest.mark.parametrize("name", ["-", "Unknown", "N/A", "不详"])
def test_what_is_no_patient_is_refused_as_one(touch, sheet, tmp_path, name):
    touch("a.jpg", "b.jpg")
    with pytest.raises(InputError, match="line 3: no patient in the column patient"):
        read_labels(sheet(("image", "label", "patient"), ("a", 0, "Li"), ("b", 1, name)), [tmp_path])


def test_blanks_and_zeros_make_no_other_patient(touch, sheet, tmp_path):
    touch(*(f"{name}.jpg" for name in "abcd"))
    rows = zip("abcd", (0, 1, 0, 1), ("Li Wei", "Li  wei ", "P007", "P7"))
    found = read_labels(sheet(("image", "label", "patient"), *rows), [tmp_path])
    assert [record.group for record in found.parts[""].records] == ["li wei", "li wei", "p7", "p7"]


def test_a_division_whose_training_part_lacks_a_class_is_refused(write_picture, sheet, tmp_path):
    for name in "abcdefgh":
        write_picture(tmp_path / f"{name}.jpg")
    rows = zip("abcdefgh", "xyxyxyzz", ["train"] * 6 + ["test"] * 2)
    found = find_sheet(tmp_path, sheet(("image", "label", "split"), *rows))
    with pytest.raises(InputError, match="the training part has no photograph of z"):
        write_split(found, tmp_path / "out")


@pytest.mark.parametrize("name", ["#N/A", "#REF!", "N.A.", "."])
def test_an_error_of_a_spreadsheet_is_no_patient(touch, sheet, tmp_path, name):
    touch("a.jpg", "b.jpg")
    with pytest.raises(InputError, match="line 3: no patient in the column patient"):
        read_labels(sheet(("image", "label", "patient"), ("a", 0, "Li"), ("b", 1, name)), [tmp_path])


def test_a_row_with_photographs_of_two_patients_is_refused(touch, sheet, tmp_path):
    names = [(f"{number}_left.jpg", f"{number}_right.jpg") for number in range(4)]
    touch("12_left.jpg", "13_right.jpg", *(name for pair in names for name in pair))
    path = sheet(("left", "right", "label"), ("12_left", "13_right", 1), *((*pair, 0) for pair in names))
    with pytest.raises(InputError, match="line 2: its photographs are of several patients by their names, 12, 13"):
        read_labels(path, [tmp_path], Columns(image=("left", "right")))


def test_numbers_of_a_camera_are_no_patients_where_rows_say_otherwise(touch, sheet, tmp_path):
    names = [(f"IMG_{2 * n:04}_OD.jpg", f"IMG_{2 * n + 1:04}_OS.jpg") for n in range(4)]
    touch(*(name for pair in names for name in pair))
    path = sheet(("A", "B", "label"), *((*pair, n % 2) for n, pair in enumerate(names)))
    found = read_labels(path, [tmp_path], Columns(image=("A", "B")))
    assert len({record.group for record in found.parts[""].records}) == 4
    assert any("the names tell other patients than the rows do" in note for note in found.notes)


def test_a_guessed_column_does_not_overrule_the_names_without_a_word(touch, sheet, tmp_path):
    names = [f"{n}_{side}.jpg" for n in range(3) for side in ("left", "right")]
    touch(*names)
    path = sheet(("image", "label", "case_id"), *((name, n % 2, 100 + n) for n, name in enumerate(names)))
    with pytest.raises(InputError, match=r"line 3: 0_left.jpg and 0_right.jpg are of one patient by their names"):
        read_labels(path, [tmp_path])
    assert (
        len({record.group for record in read_labels(path, [tmp_path], Columns(group="case_id")).parts[""].records}) == 6
    )


def test_a_column_of_patients_that_names_eyes_is_one_of_patients(touch, sheet, tmp_path):
    touch(*(f"{n}.jpg" for n in range(6)))
    rows = [(f"{n}.jpg", n % 2, f"P{n // 2} {'OD' if n % 2 else 'OS'}") for n in range(6)]
    header = ("image", "label", "patient")
    found = find_sheet(tmp_path, sheet(header, *rows))
    assert [record.group for record in found.records.records] == ["p0", "p0", "p1", "p1", "p2", "p2"]
    assert any("patients are named with their eyes; p0 os and p0 od count as one" in note for note in found.notes)
    second = sheet(header, ("5.jpg", 1, "P0 OD"), name="test.csv")
    found = find_sheet(tmp_path, sheet(header, *rows[:1], *rows[2:5]), test_sheet=second)
    assert [[record.group for record in part.records] for part in found.parts] == [
        ["p0", "p1", "p1", "p2 os"],
        ["p0"],
    ]


def test_a_column_of_patients_is_surer_than_one_of_groups(touch, sheet, tmp_path):
    touch(*(f"{n}.jpg" for n in range(4)))
    rows = [(f"{n}.jpg", n % 2, n, n // 2) for n in range(4)]
    found = read_labels(sheet(("image", "label", "group", "patient"), *rows), [tmp_path])
    assert [record.group for record in found.parts[""].records] == ["0", "0", "1", "1"]


@pytest.mark.parametrize("cell", ["", "trian"])
def test_a_column_that_divides_but_for_a_cell_is_not_passed_over(touch, sheet, tmp_path, cell):
    names = [f"{n}.jpg" for n in range(24)]
    touch(*names)
    rows = [(name, n % 2, "train" if n < 16 else "test") for n, name in enumerate(names[:-1])]
    path = sheet(("image", "label", "set"), *rows, (names[-1], 0, cell))
    with pytest.raises(InputError, match=f"line 25: the part must be train, val or test, found '{cell}'"):
        read_labels(path, [tmp_path])


@pytest.mark.parametrize(("column", "cells"), [("is_test", "01"), ("Usage", ("Trainingsdaten", "Testdaten"))])
def test_a_column_that_may_divide_is_told_of(touch, sheet, tmp_path, column, cells):
    names = [f"{n}.jpg" for n in range(4)]
    touch(*names)
    found = read_labels(
        sheet(("image", "label", column), *((name, n % 2, cells[n // 2]) for n, name in enumerate(names))), [tmp_path]
    )
    assert any(f"the column {column} may say which part a row is of" in note for note in found.notes)


def test_patients_in_one_of_two_sheets_are_said(write_picture, sheet, tmp_path):
    for number in range(6):
        write_picture(tmp_path / f"{number}.jpg", number)
    rows = [(f"{number}.jpg", number % 2, f"P{number % 3}") for number in range(6)]
    first = sheet(("image", "label", "patient"), *rows[:4])
    second = sheet(("image", "label", "patient_code"), *rows[4:], name="test.csv")
    (split,) = write_split(find_sheet(tmp_path, first, test_sheet=second), tmp_path / "out")
    said = "the training part names patients, the test part does not: one in both may not be seen as one"
    assert said in split.notes
    assert notes(tmp_path / "out", read(tmp_path / "out")) == [said]


@pytest.mark.parametrize("names", ["0 healthy\n0 mild\n", "0 healthy\nmild\n"])
def test_names_of_classes_that_contradict_themselves_are_refused(touch, tmp_path, names):
    touch("a.jpg", "b.jpg")
    (tmp_path / "list.txt").write_text("a.jpg 0\nb.jpg 1\n")
    (tmp_path / "labels.txt").write_text(names)
    with pytest.raises(InputError, match=r"labels.txt: expected a name in each line, either with numbers before all"):
        read_labels(tmp_path / "list.txt", [tmp_path])


def test_a_missing_folder_is_named_before_its_sheet(tmp_path):
    with pytest.raises(InputError, match=r"--data .*none: no such folder"):
        find_sheet(tmp_path / "none", Path("labels.xlsx"))


def test_a_class_of_one_photograph_may_be_misspelt(write_picture, sheet, tmp_path):
    for number in range(7):
        write_picture(tmp_path / f"{number}.jpg", number)
    path = sheet(
        ("image", "label"), *((f"{n}.jpg", "正常" if n % 2 else "白内障") for n in range(6)), ("6.jpg", "白内账")
    )
    with pytest.raises(
        InputError, match=r"only .*6.jpg is of class '白内账', and each side needs one; if it is misspelt"
    ):
        write_split(find_sheet(tmp_path, path), tmp_path / "out")
