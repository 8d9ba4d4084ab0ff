"""Label sheets: columns that are said or guessed, names that are found, and what is refused."""

import csv
from pathlib import Path

import openpyxl
import pytest

from paddle_eye.data.preparation.steps import find_sheet
from paddle_eye.data.sources.sheets import Columns, read_labels
from paddle_eye.errors import InputError


@pytest.fixture
def touch(tmp_path):
    """A function that makes empty picture files."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()

    return make


@pytest.fixture
def sheet(tmp_path):
    """A function that writes a CSV file and returns its path."""

    def write(*rows, name="sheet.csv"):
        with open(tmp_path / name, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        return tmp_path / name

    return write


def said(labelled, base):
    """File, class and patient of each record of every part."""
    return [
        [
            (record.image.relative_to(base).as_posix(), part.classes[record.label], record.group)
            for record in part.records
        ]
        for part in labelled.parts
    ]


def test_names_are_found_with_and_without_ending_in_any_case_and_in_folders(touch, sheet, tmp_path):
    touch("in/A.JPG", "in/b.png", "c.jpg", "7.png", "deep/er/e.tif")
    path = sheet(("image", "label"), ("a", 0), ("B.PNG", 1), ("./c.jpg", 0), (7, 1), ("x/y/er\\e.tif", 0))
    found = read_labels(path, [tmp_path])
    assert said(found, tmp_path) == [
        [
            ("in/A.JPG", "0", None),
            ("in/b.png", "1", None),
            ("c.jpg", "0", None),
            ("7.png", "1", None),
            ("deep/er/e.tif", "0", None),
        ]
    ]


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("imgName", "Label"),
        ("id_code", "diagnosis"),
        ("image", "level"),
        ("Image name", "Retinopathy grade"),
        ("image_id", "adjudicated_dr_grade"),
        ("imageID", "binaryLabels"),
        ("Filename", "Glaucoma"),
        ("图片", "标签"),
    ],
)
def test_the_usual_columns_are_guessed_and_the_guess_is_said(touch, sheet, tmp_path, image, label):
    touch("a.jpg", "b.jpg")
    found = read_labels(sheet(("n", image, label), (3, "a", 0), (4, "b", 1)), [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]
    assert found.notes[0] == f"{tmp_path / 'sheet.csv'}: image is {image}, label is {label}"


def test_numbers_are_classes_in_their_order_and_words_in_theirs(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    rows = (("a", "10.0"), ("b", "2"), ("c", "2.00"), ("d", 10))
    assert read_labels(sheet(("image", "label"), *rows), [tmp_path]).parts[0].classes == ("2", "10")
    rows = (("a", "normal"), ("b", "amd"), ("c", "['amd']"), ("d", " normal "))
    assert read_labels(sheet(("image", "label"), *rows), [tmp_path]).parts[0].classes == ("amd", "normal")


def test_names_for_the_numbers(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    path = sheet(("image", "label"), ("a", 1), ("b", 0))
    found = read_labels(path, [tmp_path], names=["fine", "ill", "very ill"])
    assert said(found, tmp_path) == [[("a.jpg", "ill", None), ("b.jpg", "fine", None)]]
    with pytest.raises(InputError, match="1 names for labels from 0 to 0, found 1"):
        read_labels(path, [tmp_path], names=["fine"])


def test_several_columns_are_several_labels(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    path = sheet(("ID", "DR", "MH"), ("a", 1, 1), ("b", 0, "0.0"))
    found = read_labels(path, [tmp_path], Columns(label=("dr", "MH")))
    (part,) = found.parts
    assert (part.classes, [record.label for record in part.records]) == (("DR", "MH"), [(1, 1), (0, 0)])
    assert part.counts() == {"DR": 1, "MH": 1}
    with pytest.raises(InputError, match="line 2: DR must be 0 or 1, found '2'"):
        read_labels(sheet(("ID", "DR", "MH"), ("a", 2, 1)), [tmp_path], Columns(label=("DR", "MH")))


def test_two_photographs_of_a_row_are_one_patient_s(touch, sheet, tmp_path):
    touch("l1.jpg", "r1.jpg", "l2.jpg", "r2.jpg")
    path = sheet(("No", "L", "R", "label"), (5, "l1.jpg", "r1.jpg", 0), (6, "l2.jpg", "r2.jpg", 1))
    images = Columns(image=("L", "R"))
    groups = [record.group for record in read_labels(path, [tmp_path], images).parts[0].records]
    assert groups[0] == groups[1] != groups[2] == groups[3]
    named = Columns(image=("L", "R"), group="No")
    assert [record.group for record in read_labels(path, [tmp_path], named).parts[0].records] == ["5", "5", "6", "6"]


def test_a_division_in_a_column_is_kept(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg", "c.jpg")
    path = sheet(("image", "label", "split"), ("a", 0, "Train"), ("b", 1, "val"), ("c", 1, "TEST"))
    found = read_labels(path, [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)], [("c.jpg", "1", None)]]
    assert any("1 rows of the validation part are joined" in note for note in found.notes)
    with pytest.raises(InputError, match="line 2: the part must be train, val or test, found 'x'"):
        read_labels(sheet(("image", "label", "split"), ("a", 0, "x")), [tmp_path])


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
    with pytest.raises(InputError, match="4 is no class of the first sheet, 0, 1"):
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


def test_a_column_of_names_is_no_column_of_classes(touch, sheet, tmp_path):
    names = [f"{number}.jpg" for number in range(9)]
    touch(*names)
    rows = [(name, f"patient {name}") for name in names]
    with pytest.raises(InputError, match=r"9 labels in 9 rows, such as .*are these classes"):
        read_labels(sheet(("image", "label"), *rows), [tmp_path])


def test_a_path_that_leads_out_of_the_folder_is_not_followed(touch, sheet, tmp_path):
    touch("secret.jpg", "set/a.jpg")
    with pytest.raises(InputError, match="is no picture in"):
        read_labels(sheet(("image", "label"), ("../secret.jpg", 1)), [tmp_path / "set"])


def test_photographs_without_a_row_are_counted(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg", "c.jpg")
    found = read_labels(sheet(("image", "label"), ("a", 1)), [tmp_path])
    assert found.notes[1].startswith("2 photographs have no row in")


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    book.save(path)


def test_the_sheet_of_a_workbook_that_has_the_columns_is_taken_and_of_several_one_must_be_said(touch, tmp_path):
    touch("a.jpg", "b.jpg")
    rows = [("img", "grade"), ("a", 0), ("b", 1.0)]
    path = tmp_path / "labels.xlsx"
    workbook(path, notes=[("made", "by")], labels=rows)
    columns = Columns(image=("img",), label=("grade",))
    assert said(read_labels(path, [tmp_path], columns), tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]
    workbook(path, first=rows, second=rows)
    with pytest.raises(InputError, match=r"several sheets have the columns img, grade; .*--sheet-name"):
        read_labels(path, [tmp_path], columns)
    assert len(read_labels(path, [tmp_path], Columns(sheet="second")).parts[0]) == 2
    with pytest.raises(InputError, match="no sheet 'third'; there are 'first', 'second'"):
        read_labels(path, [tmp_path], Columns(sheet="third"))


def test_an_old_workbook_is_refused_with_the_cure(tmp_path):
    (tmp_path / "Annotation_Base11.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(InputError, match=r"save it as \.xlsx"):
        read_labels(tmp_path / "Annotation_Base11.xls", [tmp_path])


def test_lists_of_paddlex(touch, tmp_path):
    touch("images/my eye/1.jpg", "images/2.jpg")
    (tmp_path / "train_list.txt").write_text("images/my eye/1.jpg 1\nimages/2.jpg\t0\n\n")
    assert said(read_labels(tmp_path / "train_list.txt", [tmp_path]), tmp_path) == [
        [("images/my eye/1.jpg", "1", None), ("images/2.jpg", "0", None)]
    ]
    (tmp_path / "labels.txt").write_text("正常\n青光眼\n", encoding="utf-8")
    assert read_labels(Path(tmp_path, "train_list.txt"), [tmp_path]).parts[0].classes == ("正常", "青光眼")
