import contextlib
import json
import os
import shutil
from pathlib import Path

import pytest

from paddle_eye.data.records import Record, RecordSet
from paddle_eye.data.sources import tables
from paddle_eye.data.sources.tables import TEST_TABLE, TRAINING_TABLE, read_table, settle, write_tables
from paddle_eye.errors import InputError

HEADER = "path,label,class"
CLASSES = ("amd", "normal")


def write_table(path, records):
    """Both tables alike; the one at ``path`` is looked at."""
    write_tables({path.parent: (records, records)})


@pytest.fixture
def table(tmp_path):
    """Where a table is, beside the files a.jpg to e.jpg."""
    for letter in "abcde":
        (tmp_path / f"{letter}.jpg").touch()
    return tmp_path / "train.csv"


@pytest.fixture
def read(table):
    """A function that reads a table of these lines."""

    def read_lines(*lines, header=HEADER, classes=None, end="\n", encoding="utf-8"):
        table.write_bytes("".join(line + end for line in (header, *lines)).encode(encoding))
        return read_table(table, classes)

    return read_lines


@pytest.fixture
def make_records(tmp_path):
    """A function that makes records of empty files below ``tmp_path`` from (name, label, group)."""

    def make(*rows):
        records = tuple(Record(tmp_path / name, label, group) for name, label, group in rows)
        for record in records:
            record.image.parent.mkdir(parents=True, exist_ok=True)
            record.image.touch()
        return RecordSet(CLASSES, records)

    return make


def faults(raised):
    first, *lines = str(raised.value).splitlines()
    assert first.endswith(f"train.csv: {len(lines)} fault{'s' * (len(lines) > 1)} found; mend the rows and start again")
    return [line.removeprefix("  - ") for line in lines]


def rows(record_set):
    return [(record.image.name, record.label, record.group) for record in record_set.records]


def test_rows_are_records_in_their_order(read, table):
    assert read("b.jpg,1,normal", "a.jpg,0,amd", "c.jpg,1,normal") == RecordSet(
        CLASSES,
        (
            Record(table.parent / "b.jpg", 1),
            Record(table.parent / "a.jpg", 0),
            Record(table.parent / "c.jpg", 1),
        ),
    )


def test_columns_are_found_by_their_names(read):
    records = read("amd,x,0,a.jpg", "normal,,1,b.jpg", header="class,note,label,path")
    assert records.classes == CLASSES
    assert rows(records) == [("a.jpg", 0, None), ("b.jpg", 1, None)]


def test_names_tell_the_patients(read, table):
    for name in ("7_left.jpg", "7_right.jpg"):
        (table.parent / name).touch()
    assert rows(read("7_left.jpg,0,amd", "7_right.jpg,1,normal", "a.jpg,1,normal")) == [
        ("7_left.jpg", 0, "7"),
        ("7_right.jpg", 1, "7"),
        ("a.jpg", 1, None),
    ]


def test_a_group_column_tells_the_patients_instead(read, table):
    (table.parent / "7_left.jpg").touch()
    records = read("7_left.jpg,0,amd,9", "a.jpg,1,normal,9", "b.jpg,1,normal,", header=f"{HEADER},group")
    assert rows(records) == [("7_left.jpg", 0, "9"), ("a.jpg", 1, "9"), ("b.jpg", 1, None)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"], ids=["lf", "crlf", "blank lines"])
def test_line_ends_and_excels_mark_do_not_matter(end, encoding, read):
    records = read("a.jpg,0,amd", "b.jpg,1,normal", end=end, encoding=encoding)
    assert records.classes == CLASSES
    assert rows(records) == [("a.jpg", 0, None), ("b.jpg", 1, None)]


def test_paths_are_taken_from_the_folder_of_the_table(read, table, tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/x.jpg").touch()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    record = read("pictures/x.jpg,0,amd").records[0]
    assert record.image == tmp_path / "pictures/x.jpg"


def test_a_label_may_have_leading_zeros(read):
    assert rows(read("a.jpg,00,amd", "b.jpg,01,normal")) == [("a.jpg", 0, None), ("b.jpg", 1, None)]


def test_faults_come_in_one_message_with_their_lines(read, table):
    with pytest.raises(InputError) as raised:
        read(
            "a.jpg,0,amd",
            "none.jpg,0,amd",
            "",
            "a.jpg,0,amd",
            "b.jpg,x,amd",
            "c.jpg,0,normal",
            "d.jpg,0",
            "d.jpg,0,amd,more",
            "e.jpg,3,dme",
        )
    assert faults(raised) == [
        f"line 3: 'none.jpg' is no file below {table.parent}",
        f"line 5: {table.parent / 'a.jpg'} has a row already, line 2",
        "line 6: the label must be a whole number from 0, found 'x'",
        "line 7: label 0 is 'amd', found 'normal'",
        "line 8: expected a value for each column of the first line, no fewer and no more",
        "line 9: expected a value for each column of the first line, no fewer and no more",
        "no row of label 1, 2; labels count the classes from 0 on",
    ]


@pytest.mark.parametrize("again", ["./a.jpg", "pictures/../a.jpg", ".//a.jpg"])
def test_a_picture_named_in_two_ways_has_two_rows(again, read, table):
    with pytest.raises(InputError) as raised:
        read("a.jpg,0,amd", f"{again},0,amd")
    assert faults(raised) == [f"line 3: {table.parent / 'a.jpg'} has a row already, line 2"]


def test_one_row_can_have_several_faults(read, table):
    with pytest.raises(InputError) as raised:
        read("a.jpg,0,amd", "none.jpg,-1,amd")
    assert faults(raised) == [
        f"line 3: 'none.jpg' is no file below {table.parent}",
        "line 3: the label must be a whole number from 0, found '-1'",
    ]


@pytest.mark.parametrize("label", ["", "-1", "+1", "1.5", "1e0", "x", "٣", "²", "1_0", "1234567"])
def test_a_label_is_a_whole_number(label, read):
    with pytest.raises(InputError) as raised:
        read("a.jpg,0,amd", f"b.jpg,{label},normal")
    assert faults(raised) == [f"line 3: the label must be a whole number from 0, found {label!r}"]


def test_a_folder_is_no_file(read, table):
    (table.parent / "amd").mkdir()
    with pytest.raises(InputError) as raised:
        read("amd,0,amd")
    assert faults(raised) == [f"line 2: 'amd' is no file below {table.parent}"]


def test_of_many_missing_labels_ten_are_named(read):
    with pytest.raises(InputError) as raised:
        read("a.jpg,0,amd", "b.jpg,999999,normal")
    assert faults(raised) == ["no row of label 1, 2, 3, 4, 5, 6, 7, 8, 9, 10; labels count the classes from 0 on"]


def test_a_test_table_need_not_have_every_class(read):
    classes = ("amd", "dme", "normal")
    records = read("a.jpg,2,normal", "b.jpg,0,amd", classes=classes)
    assert records.classes == classes
    assert records.counts() == {"amd": 1, "dme": 0, "normal": 1}


def test_a_test_table_has_the_classes_of_the_training_table(read):
    with pytest.raises(InputError) as raised:
        read("a.jpg,0,amd", "b.jpg,2,dme", "c.jpg,1,dme", classes=CLASSES)
    assert faults(raised) == [
        "line 3: label 2 is not in the training table, which has 0 to 1",
        "line 4: label 1 is 'normal', found 'dme'",
    ]


@pytest.mark.parametrize("classes", [None, CLASSES])
def test_a_table_without_rows_is_an_error(classes, read):
    with pytest.raises(InputError) as raised:
        read(classes=classes)
    assert faults(raised) == ["no row with a photograph"]


@pytest.mark.parametrize(
    "header", ["path,label", "Path,Label,Class", "path|label|class", "a.jpg,0,amd", "path,label,class,path"]
)
def test_a_table_has_the_three_columns(header, read, table):
    with pytest.raises(InputError) as raised:
        read("b.jpg,0,amd", header=header)
    found = header.split(",")
    assert str(raised.value) == (
        f"{table}, line 1: expected each of the columns path, label, class once, separated by commas, found {found}; "
        "if it is a label sheet of another kind, give it with --sheet"
    )


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb2312", "gbk"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_are_read_as_spreadsheets_write_them(separator, encoding, end, read):
    lines = [line.replace(",", separator) for line in ("a.jpg,0,黄斑变性", "b.jpg,1,正常", ",,")]
    record_set = read(*lines, header=HEADER.replace(",", separator), encoding=encoding, end=end)
    assert record_set.classes == ("黄斑变性", "正常")
    assert rows(record_set) == [("a.jpg", 0, None), ("b.jpg", 1, None)]


def test_empty_cells_may_end_a_line(read, table):
    assert len(read("a.jpg,0,amd,,", "b.jpg,1,normal", header="path,label,class,,").records) == 2
    with pytest.raises(InputError) as raised:
        read("a.jpg,0,amd,,", "b.jpg,1,normal,,", "c.jpg,1,normal,,x", header="path,label,class,,")
    assert faults(raised) == ["line 4: expected a value for each column of the first line, no fewer and no more"]


def test_labels_may_be_written_with_a_decimal_point(read):
    assert rows(read("a.jpg,0.0,amd", "b.jpg,1.0,normal")) == [("a.jpg", 0, None), ("b.jpg", 1, None)]
    with pytest.raises(InputError, match=r"line 2: the label must be a whole number from 0, found '0.5'"):
        read("a.jpg,0.5,amd", "b.jpg,1,normal")


def test_paths_may_be_those_of_windows(read, tmp_path):
    for name in ("amd/1.jpg", "amd/2.jpg", "amd\\2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [record.image for record in read("amd\\1.jpg,0,amd", "amd\\2.jpg,1,normal").records]
    assert found == [tmp_path / "amd/1.jpg", tmp_path / "amd\\2.jpg"]


def test_what_is_no_ordinary_file_is_no_table(table):
    os.mkfifo(table)
    with pytest.raises(InputError, match=r"train.csv: this is no ordinary file"):
        read_table(table)


def test_a_table_beyond_the_bound_is_not_read(table):
    with table.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(InputError, match=r"train.csv: it has 64.0 MB; give a CSV file of at most 64"):
        read_table(table)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(InputError) as raised:
        read_table(tmp_path / "train.csv")
    told = "cannot be read (No such file or directory); give a CSV file"
    assert str(raised.value) == f"{tmp_path / 'train.csv'}: {told}"


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04\xff\xfe",
        "path,label,class\ndégénérescence.jpg,0,amd\n".encode("cp1252"),
        b'path,label,class\n"a.jpg,0,amd\n',
    ],
    ids=["a workbook", "another encoding", "a quote that is not closed"],
)
def test_what_is_no_csv_file_in_utf8_is_named(content, table):
    table.write_bytes(content)
    with pytest.raises(InputError, match=r"train.csv: this is no CSV file in UTF-8 \(.+\)"):
        read_table(table)


def test_what_is_written_is_read(make_records, tmp_path):
    records = make_records(("amd/2.jpg", 0, None), ("normal/7_left.jpg", 1, "7"), ("amd/7_right.jpg", 0, "7"))
    write_table(tmp_path / "train.csv", records)
    assert read_table(tmp_path / "train.csv") == records


def test_a_table_has_no_groups_that_the_names_tell(make_records, tmp_path):
    write_table(tmp_path / "train.csv", make_records(("normal/7_left.jpg", 1, "7"), ("amd/2.jpg", 0, None)))
    assert (tmp_path / "train.csv").read_bytes() == (b"path,label,class\nnormal/7_left.jpg,1,normal\namd/2.jpg,0,amd\n")


def test_a_table_has_the_groups_that_the_names_do_not_tell(make_records, tmp_path):
    records = make_records(("amd/1.jpg", 0, "p1"), ("normal/7_left.jpg", 1, "p1"), ("normal/2.jpg", 1, None))
    write_table(tmp_path / "train.csv", records)
    assert (tmp_path / "train.csv").read_text(encoding="utf-8").splitlines() == [
        "path,label,class,group",
        "amd/1.jpg,0,amd,p1",
        "normal/7_left.jpg,1,normal,p1",
        "normal/2.jpg,1,normal,",
    ]
    assert read_table(tmp_path / "train.csv") == records


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("黄斑/照片.jpg", "黄斑/照片.jpg"),
        ("Übung/Größe 5.jpg", "Übung/Größe 5.jpg"),
        ("eyes, left/1, old.jpg", '"eyes, left/1, old.jpg"'),
        ('the "good" eye.jpg', '"the ""good"" eye.jpg"'),
    ],
)
def test_a_path_may_have_any_characters(name, cell, make_records, tmp_path):
    records = make_records((name, 0, None), ("2.jpg", 1, None))
    write_table(tmp_path / "train.csv", records)
    assert (tmp_path / "train.csv").read_text(encoding="utf-8").splitlines()[1] == f"{cell},0,amd"
    assert read_table(tmp_path / "train.csv") == records


def test_a_class_may_have_any_characters(make_records, tmp_path):
    records = RecordSet(("年龄相关", "dme, mild"), make_records(("1.jpg", 0, None), ("2.jpg", 1, None)).records)
    write_table(tmp_path / "train.csv", records)
    assert read_table(tmp_path / "train.csv") == records


def test_a_table_may_be_in_another_folder_than_its_pictures(make_records, tmp_path):
    records = make_records(("set/amd/1.jpg", 0, None), ("set/normal/2.jpg", 1, None))
    path = tmp_path / "set-fold1/new/train.csv"
    write_table(path, records)
    assert path.read_text(encoding="utf-8").splitlines()[1:] == [
        "../../set/amd/1.jpg,0,amd",
        "../../set/normal/2.jpg,1,normal",
    ]
    assert read_table(path) == records


def test_pictures_may_be_given_from_the_working_folder(make_records, tmp_path, monkeypatch):
    make_records(("set/amd/1.jpg", 0, None))
    monkeypatch.chdir(tmp_path)
    picture = tmp_path.relative_to(tmp_path) / "set/amd/1.jpg"
    write_table(tmp_path / "tables/train.csv", RecordSet(CLASSES, (Record(picture, 0),)))
    assert (tmp_path / "tables/train.csv").read_text(encoding="utf-8").splitlines()[1] == "../set/amd/1.jpg,0,amd"


@pytest.mark.parametrize("name", ["", "a" * 300, "a\x01.jpg", ".."])
def test_what_cannot_be_the_name_of_a_file_is_named_with_its_line(name, read, table):
    with pytest.raises(InputError) as raised:
        read("a.jpg,0,amd", f"{name},1,normal")
    assert faults(raised) == [f"line 3: {name!r} is no file below {table.parent}"]


def test_two_labels_may_not_have_one_name(read):
    with pytest.raises(InputError) as raised:
        read("a.jpg,0,amd", "b.jpg,1,amd")
    assert faults(raised) == ["'amd' is the class of several labels"]


def test_a_class_needs_a_name(read):
    with pytest.raises(InputError) as raised:
        read("a.jpg,0,amd", "b.jpg,1,")
    assert faults(raised) == ["line 3: the class has no name"]


def test_a_photograph_without_a_patient_stays_one_although_its_name_would_tell_one(make_records, tmp_path):
    record_set = make_records(("1_left.jpg", 0, None), ("x.jpg", 1, "7"))
    write_table(tmp_path / "train.csv", record_set)
    assert read_table(tmp_path / "train.csv") == record_set


def test_blanks_around_cells_and_rows_of_nothing_are_passed_over(read):
    records = read(" a.jpg , 0, amd ", ",,", "b.jpg,1,normal").records
    assert [(record.image.name, record.label) for record in records] == [("a.jpg", 0), ("b.jpg", 1)]


def test_tables_of_other_origin_are_not_replaced_unless_that_is_asked_for(tmp_path, make_records):
    records = make_records(("normal/1.jpg", 1, None), ("amd/2.jpg", 0, None))
    (tmp_path / TRAINING_TABLE).write_text("id_code,diagnosis\n1,2\n")
    with pytest.raises(InputError, match=r"train.csv: not made by tools/split.py, .* or --overwrite"):
        write_tables({tmp_path: (records, records)})
    assert (tmp_path / TRAINING_TABLE).read_text() == "id_code,diagnosis\n1,2\n"
    assert not (tmp_path / TEST_TABLE).exists()
    write_tables({tmp_path: (records, records)}, overwrite=True)
    write_tables({tmp_path: (records, records)})  # its own ones are replaced
    text = (tmp_path / TEST_TABLE).read_text()
    (tmp_path / TEST_TABLE).write_text(text + "\n")
    with pytest.raises(InputError, match=r"test.csv: not made by tools/split.py, or changed since"):
        write_tables({tmp_path: (records, records)})


def stop_at(monkeypatch, number):
    """Have the process die at the n-th step that changes a name."""
    steps = iter(range(100))

    def replace(*arguments, real=os.replace):
        if next(steps) == number:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("number", range(6))
def test_stopped_at_any_step_the_old_pair_or_the_new_one_is_there(tmp_path, make_records, monkeypatch, number):
    old = make_records(("normal/1.jpg", 1, None), ("amd/2.jpg", 0, None))
    new = make_records(("amd/2.jpg", 0, None), ("normal/3.jpg", 1, None))
    write_tables({tmp_path: (old, old)})
    with monkeypatch.context() as patch:
        stop_at(patch, number)
        with contextlib.suppress(KeyboardInterrupt):
            write_tables({tmp_path: (new, new)})
    settle(tmp_path)
    tables = {(tmp_path / name).read_text() for name in (TRAINING_TABLE, TEST_TABLE)}
    assert len(tables) == 1
    assert len(read_table(tmp_path / TRAINING_TABLE)) == 2
    assert {path.name for path in tmp_path.glob(".*")} == {".split.json"}
    write_tables({tmp_path: (new, new)})
    assert "normal/3.jpg" in (tmp_path / TEST_TABLE).read_text()


def test_reading_beside_writing_disturbs_nothing(tmp_path, make_records, monkeypatch):
    """Whatever reads in between, the tables are both the former ones or both the new ones."""
    first = make_records(("normal/1.jpg", 1, None), ("amd/2.jpg", 0, None))
    second = make_records(("amd/2.jpg", 0, None), ("normal/3.jpg", 1, None))
    write_tables({tmp_path: (first, first)})
    former, written = (tmp_path / "train.csv").read_text(), tables.write_text

    def write(path, text):
        written(path, text)
        tables.settle(tmp_path)
        assert (tmp_path / "train.csv").read_text() == (tmp_path / "test.csv").read_text() == former

    monkeypatch.setattr(tables, "write_text", write)
    write_tables({tmp_path: (second, second)})
    assert (tmp_path / "train.csv").read_text() == (tmp_path / "test.csv").read_text() != former
    assert {path.name for path in tmp_path.glob(".*.coming")} == set()


def test_reading_writes_nothing(tmp_path, make_records, monkeypatch):
    """The folder may be on a disk that cannot be written to."""
    part = make_records(("normal/1.jpg", 1, None), ("amd/2.jpg", 0, None))
    write_tables({tmp_path: (part, part)})
    monkeypatch.setattr(Path, "unlink", None)
    monkeypatch.setattr(tables, "write_json", None)
    tables.settle(tmp_path)


def test_a_patient_is_one_however_a_spreadsheet_writes_the_number(read):
    rows = ("a.jpg,0,amd,7.0", "b.jpg,1,normal,007", "c.jpg,1,normal,P 1", "d.jpg,1,normal,p  1", "e.jpg,1,normal,nan")
    records = read(*rows, header=f"{HEADER},group").records
    assert [record.group for record in records] == ["7", "7", "p 1", "p 1", None]


def test_columns_of_labels_may_have_blanks_behind_the_colon_and_no_name_twice(read):
    assert read("a.jpg,1,0", "b.jpg,0,1", header="path,label: N,label:D").classes == ("N", "D")
    for header in ("path,label:N,label: N", "path,label:dr,label:DR"):
        with pytest.raises(InputError, match=r"each of the columns|look like one class"):
            read("a.jpg,1,0", header=header)


@pytest.mark.parametrize("number", range(14))
def test_folds_are_all_the_former_ones_or_all_the_new_ones(tmp_path, make_records, monkeypatch, number):
    old = make_records(("normal/1.jpg", 1, None), ("amd/2.jpg", 0, None))
    new = make_records(("amd/2.jpg", 0, None), ("normal/3.jpg", 1, None))
    places = [tmp_path / "fold1", tmp_path / "fold2"]
    write_tables(dict.fromkeys(places, (old, old)))
    with monkeypatch.context() as patch:
        stop_at(patch, number)
        with contextlib.suppress(KeyboardInterrupt):
            write_tables(dict.fromkeys(places, (new, new)))
    for place in places:
        settle(place)
    assert len({path.read_text() for path in tmp_path.glob("*/*.csv")}) == 1
    write_tables(dict.fromkeys(places, (new, new)))
    (places[1] / TEST_TABLE).write_text("mine")
    before = (places[0] / TEST_TABLE).read_text()
    with pytest.raises(InputError, match=r"fold2/test.csv: not made by tools/split.py, or changed since"):
        write_tables(dict.fromkeys(places, (old, old)))
    assert (places[0] / TEST_TABLE).read_text() == before


@pytest.fixture
def old(make_records):
    return make_records(("normal/1.jpg", 1, None), ("amd/2.jpg", 0, None))


@pytest.fixture
def new(make_records):
    return make_records(("amd/2.jpg", 0, None), ("normal/3.jpg", 1, None))


@pytest.fixture
def places(tmp_path, old):
    """Two folds with the old records."""
    folders = [tmp_path / "fold1", tmp_path / "fold2"]
    write_tables(dict.fromkeys(folders, (old, old)))
    return folders


def killed(places, parts, module, name, function):
    """Divide anew in a process of its own, in which a function of a module is another, which ends it."""
    if not (child := os.fork()):
        try:
            setattr(module, name, function)
            write_tables(dict.fromkeys(places, parts))
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def second_mark():
    marks = iter((tables.write_json, lambda *_: os._exit(0)))
    return lambda *arguments: next(marks)(*arguments)


def test_folds_of_which_a_killed_process_marked_some_are_the_former_ones(tmp_path, places, new):
    killed(places, (new, new), tables, "write_json", second_mark())
    for place in places:
        settle(place)
    assert all("normal/1.jpg" in path.read_text() for path in tmp_path.glob("*/*.csv"))
    write_tables(dict.fromkeys(places, (new, new)))
    assert all("normal/3.jpg" in path.read_text() for path in tmp_path.glob("*/*.csv"))


def test_a_table_that_stays_the_same_is_not_taken_for_one_in_its_place(tmp_path, places, old, new):
    killed(places, (old, new), tables, "write_json", second_mark())
    for place in places:
        settle(place)
    assert all("normal/1.jpg" in path.read_text() for path in tmp_path.glob("*/*.csv"))


@pytest.mark.parametrize("way", ["renamed", "the other is gone", "an earlier version's mark", "the other written anew"])
def test_a_split_that_was_stopped_is_finished_wherever_it_is(tmp_path, places, old, new, way):
    def replace(source, target):  # ends when one table is in its place
        return os._exit(0) if str(target).endswith("test.csv") else os.rename(source, target)

    killed(places, (new, new), os, "replace", replace)
    if way == "the other written anew":
        write_tables({places.pop(): (old, old)})
    elif way == "renamed":
        (tmp_path / "folds").mkdir()
        places = [place.rename(tmp_path / "folds" / f"new{number}") for number, place in enumerate(places)]
    elif way == "the other is gone":
        shutil.rmtree(places.pop())
    else:
        mark = json.loads((places[0] / ".split.json").read_text())
        (places[0] / ".split.json").write_text(json.dumps({"made_here": mark["made_here"], "coming": mark["coming"]}))
        places.pop()
    for place in places:
        settle(place)
        assert all("normal/3.jpg" in (place / name).read_text() for name in (TRAINING_TABLE, TEST_TABLE))


def test_the_sheet_that_was_given_is_never_replaced(tmp_path, make_records):
    records = make_records(("normal/1.jpg", 1, None), ("amd/2.jpg", 0, None))
    (tmp_path / TRAINING_TABLE).write_text("id_code,diagnosis\n1,2\n")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"train.csv: this is the sheet that was given, .*; give another --out"):
            write_tables({tmp_path: (records, records)}, overwrite, [tmp_path / TRAINING_TABLE])


@pytest.mark.parametrize("name", [" dr/1.jpg", "=1+2.jpg", "-a/1.jpg"])
def test_names_that_a_spreadsheet_would_change_are_read_back(make_records, tmp_path, name):
    records = make_records((name, 0, None), ("normal/2.jpg", 1, None))
    write_table(tmp_path / "train.csv", records)
    assert (tmp_path / "train.csv").read_text().splitlines()[1].startswith("./")
    assert read_table(tmp_path / "train.csv") == records


def test_a_separator_in_the_name_of_a_class_is_none(table):
    part = RecordSet(("Drusen; soft; large; 5", "DR"), (Record(table.with_name("a.jpg"), (1, 0), None),))
    write_table(table, part)
    assert read_table(table) == part


def test_both_tables_name_the_patients_if_one_must(make_records, tmp_path):
    training, test = make_records(("1.jpg", 0, "p1"), ("2.jpg", 1, "p2")), make_records(("7_left.jpg", 1, "7"))
    write_tables({tmp_path: (training, test)})
    assert (tmp_path / TEST_TABLE).read_text(encoding="utf-8") == "path,label,class,group\n7_left.jpg,1,normal,7\n"


@pytest.mark.parametrize("name", ["Group", "patient", "Patient ID", "姓名"])
def test_a_column_that_may_be_of_patients_is_not_passed_over(read, name):
    with pytest.raises(InputError, match=f"line 1: {name} is called as a column of patients usually is; call it group"):
        read("a.jpg,0,amd,1", "b.jpg,1,normal,1", header=f"{HEADER},{name}")
    assert read("a.jpg,0,amd,1,x", "b.jpg,1,normal,1,x", header=f"{HEADER},group,{name}").records[0].group == "1"


def test_columns_of_diseases_are_known_in_any_case(read):
    assert read("a.jpg,1,0", header="path,Label:x,label:y").classes == ("x", "y")
