"""Sheets of every kind as text."""

import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from paddle_eye.data.sources import delimited, sheet_tables
from paddle_eye.data.sources import workbook as workbooks
from paddle_eye.data.sources.sheet_columns import Columns
from paddle_eye.data.sources.sheet_tables import read_sheet_table
from paddle_eye.data.sources.sheets import read_labels
from paddle_eye.errors import InputError


def workbook(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    book.save(path)


def test_the_sheet_of_a_workbook_that_has_the_columns_is_taken_and_of_several_one_must_be_said(said, touch, tmp_path):
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


def test_lists_of_paddlex(said, touch, tmp_path):
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


def test_a_column_of_numbers_that_pandas_wrote_before_the_others_is_passed_over(said, touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    found = read_labels(sheet(("", "image", "", "label"), (0, "a", "", 0), (1, "b", "x", 1)), [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]


def test_what_is_read_as_chinese_is_said(touch, tmp_path):
    touch("a.jpg", "b.jpg")
    (tmp_path / "sheet.csv").write_bytes("image,label\na,\uc815\uc0c1\nb,\ub179\ub0b4\uc7a5\n".encode("euc-kr"))
    assert any("was read as Chinese" in note for note in read_labels(tmp_path / "sheet.csv", [tmp_path]).notes)
    (tmp_path / "sheet.csv").write_bytes("image,label\na,0\nb,1\n".encode("utf-16-le"))
    with pytest.raises(InputError, match="one in UTF-16 without its mark"):
        read_labels(tmp_path / "sheet.csv", [tmp_path])


@pytest.mark.parametrize("text", ["image,label\na,0\nb,1\n", "a,0\nb,1\n", "a;0\nb;1\n", "Image\tGrade\na\t0\nb\t1\n"])
def test_a_list_may_have_a_header_and_other_separators(said, touch, tmp_path, text):
    touch("a.jpg", "b.jpg")
    (tmp_path / "list.txt").write_text(text)
    found = read_labels(tmp_path / "list.txt", [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]


def test_excel_s_line_about_the_separator_is_understood(touch, tmp_path):
    touch("a.jpg", "b.jpg")
    (tmp_path / "sheet.csv").write_text("sep=;\nimage;label\na;0\nb;?\n")
    with pytest.raises(InputError, match=r"line 4: no label in the column label, found '\?'"):
        read_labels(tmp_path / "sheet.csv", [tmp_path])


def test_rows_far_below_the_others_are_read(said, touch, tmp_path):
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


def test_a_legend_beside_the_columns_of_a_workbook_is_said(said, touch, tmp_path):
    touch("a.jpg", "b.jpg")
    rows = [("image", "label"), ("a", 0, None, "0 is healthy"), ("b", 1, None, "1 is ill")]
    workbook(tmp_path / "sheet.xlsx", labels=rows)
    found = read_labels(tmp_path / "sheet.xlsx", [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]
    assert any("2 cells beside the columns that have names are passed over" in note for note in found.notes)


def test_a_list_has_its_label_behind_the_last_separator(said, touch, tmp_path):
    touch("my a.jpg", "b.jpg")
    (tmp_path / "list.txt").write_text("my a.jpg, 0\nb.jpg ; 1\n")
    assert said(read_labels(tmp_path / "list.txt", [tmp_path]), tmp_path) == [
        [("my a.jpg", "0", None), ("b.jpg", "1", None)]
    ]


def test_a_workbook_of_many_sheets_or_much_text_is_not_read(tmp_path, monkeypatch):
    book = openpyxl.Workbook()
    for _ in range(100):
        book.create_sheet().append(["image", "label"])
    book.save(tmp_path / "many.xlsx")
    with pytest.raises(InputError, match="101 sheets are too many"):
        read_sheet_table(tmp_path / "many.xlsx", frozenset())
    monkeypatch.setattr(workbooks, "MOST_SHEETS", 101)
    monkeypatch.setattr(workbooks, "MOST_ROWS", 50)
    with pytest.raises(InputError, match="rows are too many"):
        read_sheet_table(tmp_path / "many.xlsx", frozenset())
    monkeypatch.setattr(workbooks, "MOST_MEGABYTES_OF_TEXTS", 0)
    with zipfile.ZipFile(tmp_path / "many.xlsx", "a") as archive:
        archive.writestr("xl/sharedStrings.xml", "<sst/>")
    with pytest.raises(InputError, match="MB of text, too many"):
        read_sheet_table(tmp_path / "many.xlsx", frozenset())


def test_a_line_of_a_list_that_is_no_path_is_refused_at_once(tmp_path):
    (tmp_path / "list.txt").write_text(f"a.jpg 0\na{' ' * 1_000_000}b;\n")
    with pytest.raises(InputError, match=r"list.txt, line 2: 1000003 letters are no path and label"):
        read_sheet_table(tmp_path / "list.txt", frozenset())


def test_names_of_classes_that_do_not_count_from_0_belong_to_their_numbers(said, touch, tmp_path):
    touch("a.jpg", "b.jpg")
    (tmp_path / "list.txt").write_text("a.jpg 1\nb.jpg 2\n")
    (tmp_path / "labels.txt").write_text("3 severe\n1 healthy\n2 mild\n")
    found = read_labels(tmp_path / "list.txt", [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "healthy", None), ("b.jpg", "mild", None)]]
    assert found.parts[""].classes == ("healthy", "mild", "severe")
    (tmp_path / "list.txt").write_text("a.jpg 0\nb.jpg 2\n")
    with pytest.raises(InputError, match="3 names for labels from 1 to 3, found 0"):
        read_labels(tmp_path / "list.txt", [tmp_path])


def test_a_list_is_not_the_names_of_its_own_classes(said, touch, tmp_path):
    touch("0.jpg", "1.jpg")
    (tmp_path / "labels.txt").write_text("0.jpg 0\n1.jpg 1\n")
    found = read_labels(tmp_path / "labels.txt", [tmp_path])
    assert said(found, tmp_path) == [[("0.jpg", "0", None), ("1.jpg", "1", None)]]


@pytest.mark.parametrize(
    ("line", "path", "label"),
    [
        ("a b.jpg 1", "a b.jpg", "1"),
        ("a.jpg\t 1", "a.jpg", "1"),
        ("a.jpg , 1", "a.jpg", "1"),
        ("a.jpg,1", "a.jpg", "1"),
        ("a.jpg;1", "a.jpg", "1"),
        ("a;b.jpg 1", "a;b.jpg", "1"),
        ("a.jpg\t0,1,1", "a.jpg", "0,1,1"),
        ("a.jpg", "a.jpg", ""),
    ],
)
def test_the_label_is_what_stands_last_in_a_line(tmp_path, line, path, label):
    (tmp_path / "list.txt").write_text(f"{line}\n")
    assert read_sheet_table(tmp_path / "list.txt", frozenset()).rows == [("line 1", {"path": path, "label": label})]


def test_a_line_of_blanks_is_read_at_once(tmp_path):
    (tmp_path / "list.txt").write_text(f"a{' ' * 8000};\n" * 20)
    started = time.process_time()
    assert len(read_sheet_table(tmp_path / "list.txt", frozenset()).rows) == 20
    assert time.process_time() - started < 2


@pytest.mark.parametrize(("name", "line"), [("many.csv", "a,1"), ("many.txt", "a 1")])
def test_too_many_rows_are_refused(tmp_path, monkeypatch, name, line):
    for module in (delimited, sheet_tables):
        monkeypatch.setattr(module, "MOST_ROWS", 100)
    (tmp_path / name).write_text("image,label\n" + f"{line}\n" * 99)
    assert len(read_sheet_table(tmp_path / name, frozenset()).rows) >= 99
    (tmp_path / name).write_text("image,label\n" + f"{line}\n" * 101)
    with pytest.raises(InputError, match=r"more than 100 (rows|lines) are too many"):
        read_sheet_table(tmp_path / name, frozenset())


def test_a_list_of_three_columns_is_refused(touch, tmp_path):
    touch("a.jpg", "b.jpg")
    (tmp_path / "list.txt").write_text("a.jpg,0,more\nb.jpg,1,more\n")
    with pytest.raises(InputError, match=r"line 1: expected a path and a label, found 'a\.jpg,0,more'"):
        read_labels(tmp_path / "list.txt", [tmp_path])


def test_separators_in_quotes_do_not_separate(tmp_path):
    (tmp_path / "sheet.csv").write_text('path,label,"a; b; c; d"\nx.jpg,0,y\n')
    assert read_sheet_table(tmp_path / "sheet.csv", frozenset()).header == ["path", "label", "a; b; c; d"]


def test_columns_that_are_not_read_are_refused(tmp_path):
    workbook(tmp_path / "wide.xlsx", labels=[["image", *(f"d{number}" for number in range(200))], ["a"]])
    with pytest.raises(InputError, match=r"sheet 'labels': 201 columns are more than the 200 that are read"):
        read_sheet_table(tmp_path / "wide.xlsx", frozenset())


def test_many_cells_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workbooks, "MOST_CELLS", 9)
    workbook(tmp_path / "wide.xlsx", labels=[["image", "label"]] * 5)
    with pytest.raises(InputError, match="more than 9 cells are too many"):
        read_sheet_table(tmp_path / "wide.xlsx", frozenset())


def test_formulas_that_were_not_saved_are_said(tmp_path):
    workbook(tmp_path / "sheet.xlsx", labels=[["image", "label"], ["a", 0], ["=A2", "=1+0"]])
    table = read_sheet_table(tmp_path / "sheet.xlsx", frozenset())
    assert table.notes == ["2 formulas have no value and are blank; open and save the file in Excel"]
    empty = b'<c r="B2" t="str"><f>IF(1,"")</f><v></v></c>'
    change(tmp_path / "sheet.xlsx", "xl/worksheets/sheet1.xml", lambda xml: re.sub(b'<c r="[AB]3".*?</c>', empty, xml))
    assert read_sheet_table(tmp_path / "sheet.xlsx", frozenset()).notes == []


def test_pictures_comments_and_links_beside_labels_are_passed_over(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["image", "label"])
    for number in range(12_000):
        book.active.append([f"{number}.jpg", number % 2])
        book.active.cell(number + 2, 1).hyperlink = f"https://example.org/{number}"
    book.save(tmp_path / "sheet.xlsx")
    with zipfile.ZipFile(tmp_path / "sheet.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.jpeg", np.random.default_rng(0).bytes(6 * 2**20))
        comments = "".join(
            f'<v:shape id="s{n}" style="a:b" o:x="1"><x:Row>{n}</x:Row></v:shape>' for n in range(60_000)
        )
        archive.writestr("xl/drawings/commentsDrawing1.vml", f"<xml>{comments}</xml>")
    assert len(read_sheet_table(tmp_path / "sheet.xlsx", frozenset()).rows) == 12_000


INLINE = b'<c t="inlineStr"><is><t>' + b"a" * 1_900_000 + "😀".encode() + b"</t></is></c>"


def change(path, name, new):
    with zipfile.ZipFile(path) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, content in parts.items():
            archive.writestr(entry, new(content) if entry == name else content)


def test_a_strict_workbook_is_refused_with_the_cure(tmp_path):
    workbook(tmp_path / "sheet.xlsx", labels=[["image", "label"]])
    usual, strict = b"http://schemas.openxmlformats.org/spreadsheetml/2006", b"http://purl.oclc.org/ooxml/spreadsheetml"
    change(tmp_path / "sheet.xlsx", "xl/workbook.xml", lambda content: content.replace(usual, strict))
    with pytest.raises(InputError, match="Strict Open XML; save it as an ordinary"):
        read_sheet_table(tmp_path / "sheet.xlsx", frozenset())


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (lambda xml: re.sub(b'(<row r="2".*?</row>)(<row r="3".*?</row>)', rb"\2\1", xml), "row 2 behind row 3"),
        (lambda xml: xml.replace(b'r="3"', b'r="2"'), "row 2 behind row 2"),
        (lambda xml: xml.replace(b'r="3"', b"r='2000000'"), "row 2000000 behind row 2"),
        (lambda xml: b" " * (2**20 - xml.index(b'r="3"')) + xml.replace(b'r="3"', b'r="1"'), "row 1 behind row 2"),
    ],
    ids=["changed places", "one number", "beyond the last", "between two pieces"],
)
def test_rows_that_would_be_left_out_are_refused(new, said, tmp_path):
    workbook(tmp_path / "sheet.xlsx", labels=[["image", "label"], ["a", 0], ["b", 1]])
    change(tmp_path / "sheet.xlsx", "xl/worksheets/sheet1.xml", new)
    with pytest.raises(InputError, match=f"sheet1.xml has {said}; expected rows in order and up to 1048576"):
        read_sheet_table(tmp_path / "sheet.xlsx", frozenset())


@pytest.mark.parametrize(
    ("part", "before", "filling"),
    [
        ("xl/worksheets/sheet1.xml", b"</row>", b"<c/>" * 2_000_000),
        ("xl/worksheets/sheet1.xml", b"</row>", b"<c>" + b' a="1"' * 2_000_000 + b"</c>"),
        ("xl/worksheets/sheet1.xml", b"</sheetData>", b"<row><c/></row>" * 8_000_000),
        ("xl/worksheets/sheet1.xml", b"</sheetData>", b'<row><c r="ZZZ9"/></row>' * 300_000),
        ("xl/worksheets/sheet1.xml", b"</row>", INLINE * 40),
        ("xl/styles.xml", b"</cellXfs>", b"<xf/>" * 2_000_000),
        ("xl/workbook.xml", b"<sheets>", b"<sheet\n/>" * 400),
    ],
    ids=["a row", "attributes", "many rows", "wide rows", "texts", "styles", "sheets"],
)
def test_a_small_workbook_costs_little_memory_and_time(tmp_path, part, before, filling):
    """In a process of its own with little memory, should it fail."""
    path = tmp_path / "sheet.xlsx"
    workbook(path, labels=[["image", "label"], ["a", 0]])
    change(path, part, lambda content: content.replace(before, filling + before, 1))
    program = f"""
import resource
from pathlib import Path
from paddle_eye.data.sources.sheet_tables import read_sheet_table
resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
read_sheet_table(Path({str(path)!r}), frozenset())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    said = done.stderr.splitlines()[-1]
    assert f"its part {part} is too much for a sheet" in said or "too many" in said, done.stderr[-500:]


def test_blank_lines_before_the_first_are_passed_over(touch, tmp_path):
    touch("a.jpg", "b.jpg")
    (tmp_path / "sheet.csv").write_text("\n \nimage,label\na.jpg,0\nb.jpg,?\n")
    with pytest.raises(InputError, match="line 5: no label"):
        read_labels(tmp_path / "sheet.csv", [tmp_path])


def test_rows_of_a_workbook_that_are_blank_below_the_names_are_passed_over(said, touch, tmp_path):
    touch("a.jpg", "b.jpg")
    rows = [("image", "label"), ("a.jpg", 0), (" ", None), (None, None, None, "mine"), ("b.jpg", 1)]
    workbook(tmp_path / "labels.xlsx", labels=rows)
    found = read_labels(tmp_path / "labels.xlsx", [tmp_path])
    assert said(found, tmp_path) == [[("a.jpg", "0", None), ("b.jpg", "1", None)]]
    assert any("1 cells beside the columns that have names are passed over" in note for note in found.notes)
