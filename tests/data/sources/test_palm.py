import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from paddle_eye.data.sources import layouts
from paddle_eye.data.sources.palm import (
    CLASSES,
    LABEL_FILE,
    TRAINING_FOLDER,
    VALIDATION_FOLDER,
    read_palm,
    read_training,
    read_validation,
    without_label,
)
from paddle_eye.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
DOCUMENT_NAMES = ("ID", "imgName", "Label", "Fovea_X", "Fovea_Y")


@pytest.fixture
def folder(tmp_path, write_picture):
    """V0001.jpg to V0004.jpg."""
    for number in range(1, 5):
        write_picture(tmp_path / "photographs" / f"V{number:04d}.jpg")
    return tmp_path / "photographs"


@pytest.fixture
def read(folder, tmp_path, write_sheet):
    """A function that reads a sheet of these rows and gives (name, label) pairs."""

    def read_rows(rows, header=DOCUMENT_NAMES):
        records = read_validation(folder, write_sheet(tmp_path / "labels.xlsx", rows, header)).records
        assert all(record.image.parent == folder for record in records)
        return [(record.image.name, record.label) for record in records]

    return read_rows


def rewrite(xlsx, change):
    """Change members of an xlsx file: ``change(name, content)`` gives the new content, None to leave it out."""
    with zipfile.ZipFile(xlsx) as archive:
        members = {name: change(name, archive.read(name)) for name in archive.namelist()}
    with zipfile.ZipFile(xlsx, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
    return xlsx


def test_the_first_letter_is_the_class(tmp_path, write_picture):
    for name in ("P0001.jpg", "H0002.jpg", "N0003.jpg", "V0004.jpg", "P0005.png"):
        write_picture(tmp_path / name)
    records = read_training(tmp_path)
    assert [(record.image, record.label) for record in records.records] == [
        (tmp_path / "H0002.jpg", 0),
        (tmp_path / "N0003.jpg", 0),
        (tmp_path / "P0001.jpg", 1),
        (tmp_path / "P0005.png", 1),
    ]
    assert records.classes == CLASSES
    assert records.counts() == {CLASSES[0]: 2, CLASSES[1]: 2}


def test_files_that_begin_with_a_dot_are_passed_over(tmp_path, write_picture):
    write_picture(tmp_path / "H0001.jpg")
    (tmp_path / ".DS_Store").touch()
    (tmp_path / ".ipynb_checkpoints").mkdir()
    assert len(read_training(tmp_path)) == 1


def test_faults_of_file_names_come_in_one_message(tmp_path, write_picture):
    write_picture(tmp_path / "H0001.jpg")
    write_picture(tmp_path / "X0001.jpg")
    write_picture(tmp_path / "p0001.jpg")
    (tmp_path / "N0002.jpg").write_text("no picture", encoding="utf-8")
    (tmp_path / "P0003.jpg").mkdir()
    with pytest.raises(InputError) as raised:
        read_training(tmp_path)
    assert str(raised.value).splitlines() == [
        f"{tmp_path}: 4 faults found; mend or remove them and start again",
        f"  - {tmp_path / 'N0002.jpg'}: this is no picture; only photographs may stand here",
        f"  - {tmp_path / 'P0003.jpg'}: this is no picture; only photographs may stand here",
        f"  - {tmp_path / 'X0001.jpg'}: the class is the first letter, expected H, N or P, found 'X'",
        f"  - {tmp_path / 'p0001.jpg'}: the class is the first letter, expected H, N or P, found 'p'",
    ]


def test_of_many_faults_twenty_are_shown_and_the_rest_counted(tmp_path, write_picture):
    for number in range(23):
        write_picture(tmp_path / f"X{number:04d}.jpg", size=(2, 2))
    with pytest.raises(InputError, match="23 faults found") as raised:
        read_training(tmp_path)
    _, *shown, last = str(raised.value).splitlines()
    assert len(shown) == 20
    assert last.strip() == "… and 3 more"


@pytest.mark.parametrize("names", [[], ["V0001.jpg"]])
def test_a_folder_without_a_label_is_an_error(names, tmp_path, write_picture):
    for name in names:
        write_picture(tmp_path / name)
    with pytest.raises(InputError, match=r"no photograph with a label \(H…, N…, P…\) in this folder"):
        read_training(tmp_path)


def test_a_missing_training_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none: no such folder; give the folder with the photographs H0001.jpg"):
        read_training(tmp_path / "none")


def test_a_sheet_gives_the_labels_in_its_order(read):
    rows = [(1, "V0003.jpg", 1, 5.0, 6.0), (2, "V0001.jpg", 0, 7.0, 8.0)]
    assert read(rows) == [("V0003.jpg", 1), ("V0001.jpg", 0)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (("Label", "Fovea_X", "imgName"), (1, 0, "V0001.jpg")),
        (("Fovea_X", " IMGNAME ", None, "label"), (0, "V0001.jpg", 0, 1)),
        (("Nummer", "Bild", "Klasse"), (0, "V0001.jpg", 1)),
        (("ID", "imgName", "Klasse", "class"), (0, "V0001.jpg", 1, 0)),
    ],
    ids=["other order", "other case", "no such headers", "one such header"],
)
def test_columns_are_found_by_header_else_as_in_the_document(read, header, row):
    assert read([row], header) == [("V0001.jpg", 1)]


@pytest.mark.parametrize("label", [1, 1.0, "1", " 1 "])
def test_a_label_may_be_written_in_any_way(read, label):
    assert read([(1, "V0001.jpg", label)]) == [("V0001.jpg", 1)]


def test_blank_rows_are_passed_over(read):
    assert read([(None, None, None), (1, "V0001.jpg", 0), (None, None, None)]) == [("V0001.jpg", 0)]


@pytest.mark.parametrize("label", [2, -1, "x", None, 0.5, "nan"])
def test_a_label_is_0_or_1(read, tmp_path, label):
    with pytest.raises(InputError) as raised:
        read([(1, "V0001.jpg", 0), (2, "V0002.jpg", label)])
    place = f"{tmp_path / 'labels.xlsx'}, sheet 'Sheet', row 3"
    assert f"{place}: the label of V0002.jpg must be 0 or 1, found {label!r}" in str(raised.value)


@pytest.mark.parametrize("name", ["../x.jpg", "/etc/x.jpg", "sub/V0001.jpg", None, 7])
def test_a_name_is_that_of_a_photograph(read, tmp_path, name):
    (tmp_path / "x.jpg").touch()
    with pytest.raises(InputError) as raised:
        read([(1, name, 0)])
    place = f"{tmp_path / 'labels.xlsx'}, sheet 'Sheet', row 2"
    assert f"{place}: expected the name of a photograph, found {name!r}" in str(raised.value)


def test_faults_of_the_sheet_come_in_one_message(read, folder, tmp_path):
    (folder / "V0003.jpg").write_text("no picture", encoding="utf-8")
    rows = [(1, "V0001.jpg", 0), (2, "V0009.jpg", 1), (3, "V0001.jpg", 1), (4, "V0003.jpg", 1), (5, "V0004.jpg", 2)]
    sheet = tmp_path / "labels.xlsx"
    with pytest.raises(InputError) as raised:
        read(rows)
    assert str(raised.value).splitlines() == [
        f"{sheet}: 4 faults found; mend or remove them and start again",
        f"  - {sheet}, sheet 'Sheet', row 3: V0009.jpg is not in {folder}",
        f"  - {sheet}, sheet 'Sheet', row 4: V0001.jpg has a row already, row 2",
        f"  - {sheet}, sheet 'Sheet', row 5: {folder / 'V0003.jpg'} is no picture",
        f"  - {sheet}, sheet 'Sheet', row 6: the label of V0004.jpg must be 0 or 1, found 2",
    ]


@pytest.mark.parametrize("header", [DOCUMENT_NAMES, ()])
def test_a_sheet_without_rows_is_an_error(read, header):
    with pytest.raises(InputError, match=r"labels.xlsx.*: the sheet has no row with a photograph"):
        read([], header)


@pytest.mark.parametrize(
    ("content", "cure"),
    [
        (b"", "download it again"),
        (b"ID,imgName,Label\n1,V0001.jpg,1\n", "if it is a table of text, call it .csv"),
        (b"PK\x03\x04 cut off", "download it again"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 Excel 97", "save it as .xlsx"),
    ],
)
def test_what_is_no_xlsx_is_named(folder, tmp_path, content, cure):
    (tmp_path / "labels.xlsx").write_bytes(content)
    with pytest.raises(InputError, match=rf"labels.xlsx: this is no readable xlsx file \(.*\); {cure}"):
        read_validation(folder, tmp_path / "labels.xlsx")


def test_a_missing_sheet_is_named(folder, tmp_path):
    with pytest.raises(InputError, match=r"none.xlsx: cannot be read \(No such file"):
        read_validation(folder, tmp_path / "none.xlsx")


def test_a_zip_that_is_no_workbook_is_named(folder, tmp_path, write_sheet):
    sheet = write_sheet(tmp_path / "labels.xlsx", [(1, "V0001.jpg", 1)])
    rewrite(sheet, lambda name, content: None if name == "xl/workbook.xml" else content)
    with pytest.raises(InputError, match=r"labels.xlsx: this is no readable xlsx file"):
        read_validation(folder, sheet)


def test_a_workbook_with_damaged_xml_is_named(folder, tmp_path, write_sheet):
    sheet = write_sheet(tmp_path / "labels.xlsx", [(1, "V0001.jpg", 1)])
    rewrite(sheet, lambda name, content: content[:-20] if name == "xl/worksheets/sheet1.xml" else content)
    with pytest.raises(InputError, match=r"labels.xlsx: this is no readable xlsx file"):
        read_validation(folder, sheet)


def test_both_parts_of_a_whole_folder_are_read(tmp_path, make_palm):
    training, validation = read_palm(make_palm(tmp_path, {"H": 1, "N": 2, "P": 2}, [0, 1, 1]))
    assert [record.image.relative_to(tmp_path / TRAINING_FOLDER).name for record in training.records] == [
        *("H0001.jpg", "N0001.jpg", "N0002.jpg", "P0001.jpg", "P0002.jpg")
    ]
    assert [record.label for record in training.records] == [0, 0, 0, 1, 1]
    assert [record.label for record in validation.records] == [0, 1, 1]
    assert training.classes == validation.classes == CLASSES


def test_faults_of_both_parts_come_in_one_message(tmp_path, make_palm, write_picture):
    make_palm(tmp_path)
    write_picture(tmp_path / TRAINING_FOLDER / "X0001.jpg")
    (tmp_path / VALIDATION_FOLDER / "V0002.jpg").unlink()
    with pytest.raises(InputError, match="2 faults found") as raised:
        read_palm(tmp_path)
    assert "X0001.jpg" in str(raised.value)
    assert "V0002.jpg" in str(raised.value)


def test_missing_parts_are_named_together(tmp_path, make_palm):
    make_palm(tmp_path)
    shutil.rmtree(tmp_path / VALIDATION_FOLDER)
    (tmp_path / LABEL_FILE).unlink()
    with pytest.raises(InputError) as raised:
        read_palm(tmp_path)
    assert str(raised.value).splitlines() == [
        f"{tmp_path}: 2 faults found; a PALM folder is made by: python tools/prepare_data.py --archives DIR",
        f"  - missing: {VALIDATION_FOLDER}",
        f"  - missing: {LABEL_FILE}",
    ]


def test_a_sheet_without_a_header_keeps_its_first_row(tmp_path, write_picture, write_sheet):
    """The document skips the first row whatever stands there."""
    for name in ("V0001.jpg", "V0002.jpg"):
        write_picture(tmp_path / name)
    sheet = write_sheet(tmp_path / "labels.xlsx", [(2, "V0002.jpg", 0)], header=(1, "V0001.jpg", 1))
    records = read_validation(tmp_path, sheet).records
    assert [(record.image.name, record.label) for record in records] == [("V0001.jpg", 1), ("V0002.jpg", 0)]


def test_training_photographs_of_one_class_are_a_fault(tmp_path, make_palm):
    root = make_palm(tmp_path / "palm", training={"P": 3})
    with pytest.raises(InputError, match=r"no photograph of class 0, 'not pathologic'"):
        read_palm(root)


def test_the_sheet_with_the_columns_is_read_whichever_was_shown_last(folder, tmp_path):
    workbook = openpyxl.Workbook()
    workbook.active.append(["notes"])
    labels = workbook.create_sheet("labels")
    for row in (("imgName", "Label"), ("V0001.jpg", 1)):
        labels.append(row)
    workbook.active = 0
    workbook.save(tmp_path / "labels.xlsx")
    assert [record.label for record in read_validation(folder, tmp_path / "labels.xlsx").records] == [1]
    second = workbook.copy_worksheet(labels)
    second.title = "old labels"
    workbook.save(tmp_path / "labels.xlsx")
    with pytest.raises(InputError, match=r"sheet 'labels', .*sheet 'old labels': several sheets have"):
        read_validation(folder, tmp_path / "labels.xlsx")


@pytest.mark.parametrize(
    ("name", "cure"),
    [("V0001", "V0001 is not in .*; V0001.jpg is there"), ("v0001.JPG", "V0001.jpg is there")],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(read, name, cure):
    with pytest.raises(InputError, match=cure):
        read([(1, name, 1)])


def test_blanks_in_a_name_are_shown(read):
    with pytest.raises(InputError, match=r"'V0001.jpg ' is not in .*; V0001.jpg is there, write its name like that"):
        read([(1, "V0001.jpg ", 1)])


def test_the_first_row_of_a_sheet_without_headers_is_no_header(read):
    """It has the name of a photograph; only its label is wrong."""
    with pytest.raises(InputError, match=r"row 1: the label of V0001.jpg must be 0 or 1, found 'x'"):
        read([(2, "V0002.jpg", 1)], header=(1, "V0001.jpg", "x"))


def test_photographs_without_a_row_are_found(tmp_path, make_palm, write_picture):
    root = make_palm(tmp_path)
    assert without_label(root) == layouts.notes(root, layouts.read(root)) == []
    (root / VALIDATION_FOLDER / "Thumbs.db").write_bytes(b"x")
    path = write_picture(root / VALIDATION_FOLDER / "V0099.jpg")
    assert without_label(root) == [path]
    assert layouts.notes(root, layouts.read(root)) == [f"1 validation photographs have no row in the sheet: {path}"]


def test_a_cell_far_away_and_a_million_blank_rows_cost_little(folder, tmp_path, write_sheet):
    """In a process of its own with little memory, should it fail."""
    path = write_sheet(tmp_path / "labels.xlsx", [(1, "V0001.jpg", 1)])
    workbook = openpyxl.load_workbook(path)
    workbook.active.cell(1048576, 16384, "far away")
    workbook.save(path)
    program = f"""
import resource, sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from paddle_eye.data.sources.palm import read_validation
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
print(len(read_validation(Path({str(folder)!r}), Path({str(path)!r}))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert "row 1048576: no name and no label" in done.stderr.splitlines()[-1], done.stderr[-500:]


def test_a_zip_bomb_and_what_is_no_file_are_refused(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(300 * 2**20))
    with pytest.raises(InputError, match="unpacks to 300 MB, too many for a sheet"):
        read_validation(folder, tmp_path / "bomb.xlsx")
    os.mkfifo(tmp_path / "pipe.xlsx")
    with pytest.raises(InputError, match="no ordinary file"):
        read_validation(folder, tmp_path / "pipe.xlsx")


def test_an_old_excel_file_is_answered_with_the_cure(folder, tmp_path):
    (tmp_path / "labels.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(InputError, match=r"no readable xlsx file .*; save it as .xlsx"):
        read_validation(folder, tmp_path / "labels.xls")
