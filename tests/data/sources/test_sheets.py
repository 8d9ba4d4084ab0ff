"""Label sheets: columns that are said or guessed, names that are found, and what is refused."""

import csv
from pathlib import Path

import openpyxl
import pytest

from paddle_eye.data.preparation.steps import find_sheet, write_split
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
        for part in labelled.parts.values()
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
    assert read_labels(sheet(("image", "label"), *rows), [tmp_path]).parts[""].classes == ("2", "10")
    rows = (("a", "normal"), ("b", "amd"), ("c", "['amd']"), ("d", " normal "))
    assert read_labels(sheet(("image", "label"), *rows), [tmp_path]).parts[""].classes == ("amd", "normal")


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
    (part,) = found.parts.values()
    assert (part.classes, [record.label for record in part.records]) == (("DR", "MH"), [(1, 1), (0, 0)])
    assert part.counts() == {"DR": 1, "MH": 1}
    with pytest.raises(InputError, match="line 2: DR must be 0 or 1, found '2'"):
        read_labels(sheet(("ID", "DR", "MH"), ("a", 2, 1)), [tmp_path], Columns(label=("DR", "MH")))


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
    assert len(read_labels(path, [tmp_path], Columns(sheet="second")).parts[""]) == 2
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
    assert read_labels(Path(tmp_path, "train_list.txt"), [tmp_path]).parts[""].classes == ("正常", "青光眼")
    (tmp_path / "labels.txt").write_text("1 glaucoma\n0 a normal eye\n", encoding="utf-8")
    found = read_labels(Path(tmp_path, "train_list.txt"), [tmp_path])
    assert found.parts[""].classes == ("a normal eye", "glaucoma")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (
            [("image", "age", "label"), ("a", "60", "3", "0"), ("b", "61", "1")],
            "line 2: '0' stands behind the last column",
        ),
        ([("image", "label", ""), ("a", 0, ""), ("b", 1, "x")], "line 3: 'x' stands behind the last column"),
        ([("image", "label"), ("a", 0), ("b", "NA")], "line 3: no label in the column label, found 'NA'"),
        ([("image", "label"), ("a", 0), ("b", "#N/A")], "line 3: no label in the column label, found '#N/A'"),
        ([("image", "label"), ("a", 0), ("b", "-1")], "line 3: the column label has '-1'; labels are whole numbers"),
        ([("image", "label"), ("a", 0), ("b", "1.5")], "line 3: the column label has '1.5'"),
        ([("image", "label"), ("a", 0), ("b", "2024-01-02 00:00:00")], "line 3: a date in the column label"),
        ([("image", "label"), ("a", "['N', 'D']"), ("b", "['N']")], "line 2: several labels in the column label"),
        ([("image", "label"), ("a", "0,1"), ("b", "1,0")], "line 2: several labels .* column of 0 and 1"),
        ([("image", "label", "patient"), ("a", 0, "p"), ("b", 1, "")], "line 3: no patient in the column patient"),
    ],
)
def test_what_a_row_does_not_say_is_a_fault_of_it(touch, sheet, tmp_path, rows, fault):
    touch("a.jpg", "b.jpg")
    with pytest.raises(InputError, match=fault):
        read_labels(sheet(*rows), [tmp_path])


@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        (("0", "1", "mild", "1"), "labels are numbers or names, found mild among 0, 1"),
        (("DR", "AMD", "DR;AMD", "DR"), "DR;AMD looks like several labels"),
        (("DR", "dr", "N", "N"), "'dr' and 'DR' look like one class|'DR' and 'dr' look like one class"),
        (("DR", "DR\u200b", "N", "N"), r"look like one class"),
        (("DR", "\uff24\uff32", "N", "N"), r"look like one class"),
    ],
)
def test_labels_that_are_no_classes_together(touch, sheet, tmp_path, labels, fault):
    touch(*(f"{name}.jpg" for name in "abcdefgh"))
    with pytest.raises(InputError, match=fault):
        read_labels(sheet(("image", "label"), *zip("abcdefgh", 2 * labels)), [tmp_path])


def test_a_column_of_numbers_that_pandas_wrote_before_the_others_is_passed_over(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    found = read_labels(sheet(("", "image", "", "label"), (0, "a", "", 0), (1, "b", "x", 1)), [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]


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


def test_a_picture_of_another_part_is_not_taken_and_one_from_elsewhere_is_said(touch, sheet, tmp_path):
    touch("Training_Set/1.png", "Training_Set/2.png", "moved/3.png", "moved/4.png")
    path = sheet(("image", "label"), ("Test_Set/1.png", 0), ("Test_Set/2.png", 1))
    with pytest.raises(
        InputError, match=r"line 2: 'Test_Set/1.png' is not there, and .*Training_Set/1.png is of another"
    ):
        read_labels(path, [tmp_path])
    path = sheet(("image", "label"), ("C:\\old\\3.png", 0), ("C:\\old\\4.png", 1))
    notes = read_labels(path, [tmp_path]).notes
    assert any(note.startswith("2 photographs are in another folder than") for note in notes)


def test_masks_and_hidden_files_are_no_photographs_of_a_sheet(touch, sheet, tmp_path):
    touch("Images/1.dcm", "Masks/1.png", ".Trash-1000/files/2.png", "Images/2.png", "Ground truth/2.png")
    path = sheet(("image", "label"), (1, 0), (2, 1))
    with pytest.raises(InputError, match=r"line 2: '1' is no picture in .*; folders of masks such as") as raised:
        read_labels(path, [tmp_path])
    assert "line 3" not in str(raised.value)
    touch("Images/1.jpg")
    assert said(read_labels(path, [tmp_path]), tmp_path)[0][1][0] == "Images/2.png"


def test_photographs_behind_a_link_are_found_once(touch, sheet, tmp_path):
    touch("away/1.png", "away/2.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/linked").symlink_to(tmp_path / "away")
    (tmp_path / "away/loop").symlink_to(tmp_path / "data")
    found = read_labels(sheet(("image", "label"), (1, 0), (2, 1)), [tmp_path / "data"])
    assert said(found, tmp_path) == [[("data/linked/1.png", "0", None), ("data/linked/2.png", "1", None)]]


def test_names_are_found_with_another_ending_as_numbers_and_with_accents_apart(touch, sheet, tmp_path):
    touch("a.png", "007.png", "Mu\u0308ller.png", "b.tiff")
    path = sheet(("image", "label"), ("a.jpeg", 0), ("7.0", 1), ("M\u00fcller", 0), ("B.PNG", 1))
    found = [name for name, _, _ in said(read_labels(path, [tmp_path]), tmp_path)[0]]
    assert found == ["a.png", "007.png", "Mu\u0308ller.png", "b.tiff"]


def test_one_class_is_nothing_to_learn(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    found = find_sheet(tmp_path, sheet(("image", "label"), ("a", 1), ("b", 1)))
    with pytest.raises(InputError, match=r"sheet\.csv: all photographs are of one class"):
        write_split(found, tmp_path, ratio=0.5)


def test_what_is_read_as_chinese_is_said(touch, tmp_path):
    touch("a.jpg", "b.jpg")
    (tmp_path / "sheet.csv").write_bytes("image,label\na,\uc815\uc0c1\nb,\ub179\ub0b4\uc7a5\n".encode("euc-kr"))
    assert any("was read as Chinese" in note for note in read_labels(tmp_path / "sheet.csv", [tmp_path]).notes)
    (tmp_path / "sheet.csv").write_bytes("image,label\na,0\nb,1\n".encode("utf-16-le"))
    with pytest.raises(InputError, match="one in UTF-16 without its mark"):
        read_labels(tmp_path / "sheet.csv", [tmp_path])


@pytest.mark.parametrize("text", ["image,label\na,0\nb,1\n", "a,0\nb,1\n", "a;0\nb;1\n", "Image\tGrade\na\t0\nb\t1\n"])
def test_a_list_may_have_a_header_and_other_separators(touch, tmp_path, text):
    touch("a.jpg", "b.jpg")
    (tmp_path / "list.txt").write_text(text)
    found = read_labels(tmp_path / "list.txt", [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]


def test_excel_s_line_about_the_separator_is_understood(touch, tmp_path):
    touch("a.jpg", "b.jpg")
    (tmp_path / "sheet.csv").write_text("sep=;\nimage;label\na;0\nb;?\n")
    with pytest.raises(InputError, match=r"line 4: no label in the column label, found '\?'"):
        read_labels(tmp_path / "sheet.csv", [tmp_path])


def test_rows_far_below_the_others_are_read(touch, tmp_path):
    touch("a.jpg", "b.jpg")
    workbook = openpyxl.Workbook()
    workbook.active.append(["image", "label"])
    workbook.active.append(["a", 0])
    workbook.active.cell(5000, 1, "b"), workbook.active.cell(5000, 2, 1)
    workbook.save(tmp_path / "sheet.xlsx")
    found = read_labels(tmp_path / "sheet.xlsx", [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]
    with pytest.raises(InputError, match=r"--sheet-name foo: .*list.csv is no workbook"):
        read_labels(tmp_path / "list.csv", [tmp_path], Columns(sheet="foo"))


def test_parts_that_divide_nothing_are_said_and_train_and_val_are_kept(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg", "c.jpg")

    def parts(*values, **more):
        rows = (("image", "label", "split"), *zip("abc", (0, 1, 1), values))
        return find_sheet(tmp_path, sheet(*rows, name=f"{values[0]}.csv"), **more)

    assert [len(part) for part in parts("train", "val", "val").parts] == [1, 2]
    alone = parts("test", "test", "test")
    assert alone.parts is None
    assert any("are of the test part, which divides nothing" in note for note in alone.notes)
    with pytest.raises(InputError, match=r"test\.csv: its rows say that they are of the test part; give the other"):
        parts("test", "test", "test", test_sheet=tmp_path / "train.csv")


def test_a_sheet_of_the_same_name_here_and_in_the_data_set_is_refused(touch, sheet, tmp_path, monkeypatch):
    touch("data/a.jpg", "data/b.jpg")
    sheet(("image", "label"), ("a", 0), ("b", 1), name="l.csv")
    sheet(("image", "label"), ("a", 1), ("b", 0), name="data/l.csv")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"l\.csv: it is here, and there is also data/l\.csv; give the whole path"):
        find_sheet(Path("data"), Path("l.csv"))


@pytest.mark.parametrize("names", [("a", "a"), ("a", "A")])
def test_names_of_classes_differ(touch, sheet, tmp_path, names):
    touch("a.jpg", "b.jpg")
    with pytest.raises(InputError, match=r"have one name|look like one class"):
        read_labels(sheet(("image", "label"), ("a", 0), ("b", 1)), [tmp_path], names=names)
