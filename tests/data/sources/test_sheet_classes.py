"""What the cells of a sheet say of classes."""

import time

import pytest

from paddle_eye.data.sources.sheet_classes import value_of
from paddle_eye.data.sources.sheet_columns import Columns
from paddle_eye.data.sources.sheets import read_labels
from paddle_eye.errors import InputError


def test_numbers_are_classes_in_their_order_and_words_in_theirs(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    rows = (("a", "10.0"), ("b", "2"), ("c", "2.00"), ("d", 10))
    assert read_labels(sheet(("image", "label"), *rows), [tmp_path]).parts[""].classes == ("2", "10")
    rows = (("a", "normal"), ("b", "amd"), ("c", "['amd']"), ("d", " normal "))
    assert read_labels(sheet(("image", "label"), *rows), [tmp_path]).parts[""].classes == ("amd", "normal")


def test_names_for_the_numbers(said, touch, sheet, tmp_path):
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


def test_a_column_of_names_is_no_column_of_classes(touch, sheet, tmp_path):
    names = [f"{number}.jpg" for number in range(9)]
    touch(*names)
    rows = [(name, f"patient {name}") for name in names]
    with pytest.raises(InputError, match=r"9 labels in 9 rows, such as .*are these classes"):
        read_labels(sheet(("image", "label"), *rows), [tmp_path])


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
        (("0", "1", "mild", "1"), "found mild among 0, 1; write all labels as numbers or all as names"),
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


def test_stages_with_letters_are_classes(touch, sheet, tmp_path):
    touch(*(f"{name}.jpg" for name in "abcdefgh"))
    path = sheet(("image", "label"), *zip("abcdefgh", ("0", "1", "4A", "4B") * 2))
    assert read_labels(path, [tmp_path]).parts[""].classes == ("0", "1", "4A", "4B")


@pytest.mark.parametrize("names", [("a", "a"), ("a", "A")])
def test_names_of_classes_differ(touch, sheet, tmp_path, names):
    touch("a.jpg", "b.jpg")
    with pytest.raises(InputError, match=r"have one name|look like one class"):
        read_labels(sheet(("image", "label"), ("a", 0), ("b", 1)), [tmp_path], names=names)


@pytest.mark.parametrize("between", ["、", "，", "；", "+", "/", " & "])
def test_several_diseases_in_a_cell_are_no_class(touch, sheet, tmp_path, between):
    touch(*(f"{name}.jpg" for name in "abcdef"))
    labels = ("糖网", "白内障", f"糖网{between}白内障") * 2
    with pytest.raises(InputError, match="looks like several labels"):
        read_labels(sheet(("image", "label"), *zip("abcdef", labels)), [tmp_path])


@pytest.mark.parametrize("cells", ["01. Feb|02. Mrz", "01.02.2024|1/3/24", "Feb 24|Dez 24", "01:02:00|1:02"])
def test_what_a_spreadsheet_makes_of_labels_is_no_class(touch, sheet, tmp_path, cells):
    touch(*(f"{name}.jpg" for name in "abcd"))
    with pytest.raises(InputError, match="4 faults") as caught:
        read_labels(sheet(("image", "label"), *zip("abcd", cells.split("|") * 2)), [tmp_path])
    assert str(caught.value).count("a date in the column label") == 4


@pytest.mark.parametrize("cell", ["1-2", "2?", "2-Jan", "Jan-02", "1月2日", "1、2", "about 2"])
def test_doubtful_numbers_and_dates_are_no_classes(touch, sheet, tmp_path, cell):
    touch(*(f"{name}.jpg" for name in "abcdef"))
    with pytest.raises(InputError, match=r"among|a date in the column|several labels in the column"):
        read_labels(sheet(("image", "label"), *zip("abcdef", ("0", "1", cell) * 2)), [tmp_path])


def test_stages_may_have_letters_beside_numbers(touch, sheet, tmp_path):
    touch(*(f"{name}.jpg" for name in "abcdef"))
    found = read_labels(sheet(("image", "label"), *zip("abcdef", ("2", "2a", "3") * 2)), [tmp_path])
    assert found.parts[""].classes == ("2", "2a", "3")


def test_the_names_beside_a_second_list_are_those_of_the_first(touch, tmp_path):
    touch("a/1.jpg", "a/2.jpg", "b/3.jpg")
    for place, lines, names in (("a", "1.jpg 0\n2.jpg 1\n", "no\nyes\n"), ("b", "3.jpg 0\n", "yes\nno\n")):
        (tmp_path / place / "list.txt").write_text(lines)
        (tmp_path / place / "labels.txt").write_text(names)
    first = read_labels(tmp_path / "a/list.txt", [tmp_path / "a"]).parts[""].classes
    assert first == ("no", "yes")
    with pytest.raises(InputError, match="the classes are yes, no, the first sheet has no, yes"):
        read_labels(tmp_path / "b/list.txt", [tmp_path / "b"], known=first)


def test_a_text_is_no_label(touch, sheet, tmp_path):
    touch("a.jpg")
    with pytest.raises(InputError, match="line 2: a text of 100002 letters in the column label"):
        read_labels(sheet(("image", "label"), ("a", f"1{' ' * 100_000}x")), [tmp_path])


def test_a_label_of_many_numbers_is_judged_at_once():
    started = time.process_time()
    assert value_of({"label": f"{'1   ' * 18}x"}, ("label",)).endswith("x")
    assert time.process_time() - started < 1
    with pytest.raises(ValueError, match="several labels in the column label"):
        value_of({"label": "1   1 , 2"}, ("label",))


def test_the_order_of_classes_that_are_named_in_the_sheet_may_be_said(touch, sheet, tmp_path):
    touch("a.jpg", "b.jpg")
    path = sheet(("image", "label"), ("a", "异常"), ("b", "正常"))
    found = read_labels(path, [tmp_path], names=["正常", "异常"])
    assert found.parts[""].classes == ("正常", "异常")
    assert [record.label for record in found.parts[""].records] == [1, 0]
