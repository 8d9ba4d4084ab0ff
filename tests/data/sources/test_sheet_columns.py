"""Columns of label sheets that are said or guessed."""

import pytest

from paddle_eye.data.preparation.steps import find_sheet
from paddle_eye.data.sources.sheet_columns import Columns
from paddle_eye.data.sources.sheets import read_labels
from paddle_eye.errors import InputError


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
def test_the_usual_columns_are_guessed_and_the_guess_is_said(said, touch, sheet, tmp_path, image, label):
    touch("a.jpg", "b.jpg")
    found = read_labels(sheet(("n", image, label), (3, "a", 0), (4, "b", 1)), [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]
    assert found.notes[0] == f"{tmp_path / 'sheet.csv'}: image is {image}, label is {label}"


@pytest.mark.parametrize("name", ["照片编码", "file_of_eye"])
def test_a_column_of_numbers_is_not_guessed_where_another_has_names_of_pictures(touch, sheet, tmp_path, name):
    touch(*(f"{number}.png" for number in range(1, 9)))
    rows = [(9 - number, f"{number}.png", number % 2) for number in range(1, 9)]
    with pytest.raises(InputError, match=f"the column ID is called as .*, and {name} has names of pictures; say which"):
        read_labels(sheet(("ID", name, "label"), *rows), [tmp_path])


@pytest.mark.parametrize("labels", [("dr_od", "dr_os"), ("Left DR", "Right DR"), ("右眼", "左眼"), ("left_grade",)])
def test_a_label_for_each_eye_needs_a_row_for_each(touch, sheet, tmp_path, labels):
    touch("r.png", "l.png")
    path = sheet(("image_od", "image_os", *labels), ("r.png", "l.png", *(1, 0)[: len(labels)]))
    with pytest.raises(
        InputError, match="labels of one eye, and rows have photographs of both; make a row for each eye"
    ):
        read_labels(path, [tmp_path], Columns(image=("image_od", "image_os"), label=labels))


def test_arms_of_a_study_are_no_patients(touch, sheet, tmp_path):
    names = [f"{number}.jpg" for number in range(40)]
    touch(*names)
    rows = [(name, number % 2, "ABC"[number % 3]) for number, name in enumerate(names)]
    assert "group is" not in read_labels(sheet(("image", "label", "Group"), *rows), [tmp_path]).notes[0]
    rows = [(name, number % 2, f"patient {number // 2}") for number, name in enumerate(names)]
    assert "group is Group" in read_labels(sheet(("image", "label", "Group"), *rows), [tmp_path]).notes[0]


def test_patients_by_the_names_of_files_are_asked_for_in_place_of_a_guessed_column(touch, sheet, tmp_path):
    touch("7-a.jpg", "8-b.jpg")
    path = sheet(("image", "label", "patient"), ("7-a", 0, "x"), ("8-b", 1, ""))
    found = find_sheet(tmp_path, path, group=r"^(\d+)-")
    assert [record.group for record in found.records.records] == ["7", "8"]


@pytest.mark.parametrize("header", [("image", "Grade", "grade"), ("image", "label", "Image")])
def test_two_columns_that_are_called_alike_are_not_guessed(touch, sheet, tmp_path, header):
    touch("a.jpg", "b.jpg")
    with pytest.raises(
        InputError, match=r"(Grade and grade|image and Image) are called as the .* usually is; say which"
    ):
        read_labels(sheet(header, ("a.jpg", 0, 1), ("b.jpg", 1, 0)), [tmp_path])
