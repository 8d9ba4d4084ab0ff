import csv
import io
import re

import cv2
import numpy as np
import openpyxl
import pandas as pd
import pytest

from paddle_eye.report.predictions import as_csv, as_xlsx, drawn, frame, lines, overlay

CLASSES = ["healthy", "眼底"]
TABLE = frame(["a.png", "=b.png"], np.array([[0.75, 0.25], [0.125, 0.875]]), CLASSES)


def test_a_row_has_name_class_and_probabilities():
    assert TABLE.columns.tolist() == ["image", "class", "probability", "p_healthy", "p_眼底"]
    assert TABLE.values.tolist() == [["a.png", "healthy", 0.75, 0.75, 0.25], ["./=b.png", "眼底", 0.875, 0.125, 0.875]]


def test_both_files_hold_the_table():
    pd.testing.assert_frame_equal(pd.read_csv(io.BytesIO(as_csv(TABLE))), TABLE)
    pd.testing.assert_frame_equal(pd.read_excel(io.BytesIO(as_xlsx(TABLE))), TABLE)


@pytest.mark.parametrize("start", "=+-@")
def test_a_name_is_never_a_formula(start):
    file = io.BytesIO(as_xlsx(frame([f"{start}1+1.png"], np.array([[1.0, 0.0]]), CLASSES)))
    cell = openpyxl.load_workbook(file).active["A2"]
    assert (cell.data_type, cell.value) == ("s", f"./{start}1+1.png")


def test_one_picture_is_told_with_every_class_as_in_the_document():
    told = lines(TABLE.iloc[:1])
    assert "a.png: healthy" in told
    assert "class: healthy   prob: 0.750" in told
    assert "prob: 0.250" in told


def test_several_are_told_in_columns():
    assert lines(TABLE).splitlines()[1].split() == ["a.png", "healthy", "0.7500"]


def test_heat_is_laid_over_where_it_is():
    picture = np.full((2, 2, 3), 100, np.uint8)
    heat = np.array([[0.0, 1.0], [0.0, 0.5]], np.float32)
    laid = overlay(picture, heat)
    np.testing.assert_array_equal(laid[:, 0], 100)
    red = laid[0, 1].astype(int)
    assert red[2] > 100 > red[0]


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.mark.parametrize("shape", [(60, 80), (301, 257)])
def test_the_text_is_on_the_picture_and_the_rest_is_left_alone(shape):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    result = decoded(drawn(picture, "healthy 0.75 $x_1$"))
    assert result.shape == picture.shape
    np.testing.assert_array_equal(result[shape[0] // 2 :], picture[shape[0] // 2 :])
    assert (result != picture).any()


def test_a_picture_beside_it_has_its_height():
    result = decoded(drawn(np.zeros((60, 90, 3), np.uint8), "x", np.full((30, 30, 3), 200, np.uint8)))
    assert result.shape == (60, 150, 3)
    assert (result[40:, 100:] == 200).all()


HOSTILE = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"]


def test_no_text_of_a_table_is_a_formula():
    """Neither names of pictures nor of classes, in headers and in cells."""
    classes = ["=HYPERLINK(1)", "\tx"]
    table = frame(HOSTILE, np.array([[0.9, 0.1], [0.1, 0.9]] * 3), classes)
    sheet = openpyxl.load_workbook(io.BytesIO(as_xlsx(table))).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    texts = [cell.value for cell in cells if isinstance(cell.value, str)]
    texts += [cell for row in csv.reader(io.StringIO(as_csv(table).decode("utf-8-sig"))) for cell in row]
    assert not [text for text in texts if text[:1] in "=+-@\t\r" and not re.fullmatch(r"-?[0-9.e-]+", text)]


def test_control_characters_reach_no_table():
    table = frame(["a\x1b[31m.png"], np.array([[1.0]]), ["b\x07"])
    assert b"\x1b" not in as_csv(table) and b"\x07" not in as_csv(table)
    assert "a\\x1b[31m.png" in [
        row[0].value for row in openpyxl.load_workbook(io.BytesIO(as_xlsx(table))).active.iter_rows()
    ]
