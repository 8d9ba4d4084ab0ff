"""What a finished network is measured on, and its classes by name."""

import pytest

from paddle_eye.data.preparation.test_sets import Place, read_test_part
from paddle_eye.errors import InputError


@pytest.fixture
def put(tmp_path, write_picture):
    """A function that writes pictures into folders, and tables, and returns the folder."""

    def write(*folders, **tables):
        for number, folder in enumerate(folders):
            for each in range(2):
                write_picture(tmp_path / folder / f"{number}{each}.png", number % 2)
        for name, rows in tables.items():
            (tmp_path / f"{name}.csv").write_text("\n".join(rows))
        return tmp_path

    return write


def read(place, known=("amd", "normal"), **settings):
    return read_test_part(Place(place, **settings), known)


def counts(part):
    return part.records.counts()


def test_everything_in_folders_of_classes(put):
    part = read(put("amd", "normal"))
    assert (counts(part), part.whole, part.notes) == ({"amd": 2, "normal": 2}, True, [])


def test_a_lone_test_table(put):
    root = put("eyes", test=["path,label,class", "eyes/00.png,0,normal", "eyes/01.png,1,amd"])
    part = read(root)
    assert (counts(part), part.whole) == ({"amd": 1, "normal": 1}, True)
    assert [part.records.classes[record.label] for record in part.records.records] == ["normal", "amd"]


def test_of_two_tables_the_test_part(put):
    rows = ["path,label,class", "eyes/00.png,0,amd", "eyes/01.png,1,normal"]
    part = read(put("eyes", train=rows, test=rows[:2]))
    assert (counts(part), part.whole) == ({"amd": 1, "normal": 0}, False)


def test_test_beside_train_and_val(put):
    folders = [f"{part}/{name}" for part in ("train", "val", "Test") for name in ("amd", "normal")]
    part = read(put(*folders))
    assert part.whole
    assert {record.image.parent.parent.name for record in part.records.records} == {"Test"}


def test_without_a_third_folder_the_one_to_validate_on(put):
    part = read(put("train/amd", "train/normal", "test/amd", "test/normal"))
    assert not part.whole
    assert {record.image.parent.parent.name for record in part.records.records} == {"test"}


def test_a_sheet(put):
    root = put("eyes", labels=["image,diagnosis", "00,normal", "01,AMD"])
    part = read(root, sheet={"sheet": root / "labels.csv"})
    assert (counts(part), part.whole) == ({"amd": 1, "normal": 1}, True)
    assert "image is image, label is diagnosis" in part.notes[0]


def test_classes_are_matched_by_name_in_any_order_and_case_and_by_what_was_said(put):
    root = put("Normal", "黄斑变性")
    part = read(root, names={"黄斑变性": "amd"})
    assert [part.records.classes[record.label] for record in part.records.records] == ["normal"] * 2 + ["amd"] * 2


def test_a_class_that_the_network_does_not_know_is_refused(put):
    with pytest.raises(InputError, match=r"the network knows 2 classes, .* and not \['glaucoma'\]; .*--map NAME=KNOWN"):
        read(put("amd", "glaucoma"))


@pytest.mark.parametrize("names", [{"glaucoma": "amd"}, {"amd": "cataract"}])
def test_names_that_are_none_are_refused(put, names):
    with pytest.raises(InputError, match="expected a class of the data before the =, and one of the network behind it"):
        read(put("amd", "normal"), names=names)


def test_sides_of_eyes_are_no_classes_of_a_network_that_does_not_name_its_own(put):
    with pytest.raises(InputError, match="left, right look like the sides of eyes, not like classes"):
        read(put("left", "right"), known=None)
    assert counts(read(put("left", "right"), known=("left", "right"))) == {"left": 2, "right": 2}


def test_names_mean_nothing_to_a_network_without(put):
    with pytest.raises(InputError, match="--map a=b: the network's file does not name its classes; name them"):
        read(put("amd", "normal"), known=None, names={"a": "b"})


def test_a_class_without_photographs_is_said(put):
    part = read(put("amd", "normal"), known=("amd", "cataract", "normal"))
    assert counts(part) == {"amd": 2, "cataract": 0, "normal": 2}
    means = "mean recall and AUC are of the others, other means count what is taken for one"
    assert part.notes == [f"no photographs of cataract in {put()}; {means}"]


def several(put, **settings):
    root = put("eyes", labels=["image,N,A,X", "00,0,1,1", "01,1,0,0"])
    sheet = {"sheet": root / "labels.csv", "label_column": "N,A,X"}
    return read(root, sheet=sheet, **settings)


def test_several_labels_take_the_network_s_order(put):
    part = several(put, known=("amd", "n"), names={"A": "amd"})
    assert [record.label for record in part.records.records] == [(1, 0), (0, 1)]
    assert part.notes[-1].startswith("the network does not know X of")


def test_several_labels_must_say_everything_that_the_network_knows(put):
    with pytest.raises(InputError, match="it does not say who has amd, which the network knows"):
        several(put, known=("amd", "n"))


def test_a_test_part_without_classes_is_passed_over_and_that_is_said(put, write_picture):
    root = put("train/amd", "train/normal", "val/amd", "val/normal")
    write_picture(root / "test" / "1.png", 0)
    part = read(root)
    assert (counts(part), part.whole) == ({"amd": 2, "normal": 2}, False)
    assert part.notes == [f"{root / 'test'} has no folders of classes and is passed over"]


def test_classes_with_accents_apart_are_those_of_the_network(put):
    part = read(put("e\u0301", "normal"), known=("\u00e9", "normal"))
    assert counts(part) == {"\u00e9": 2, "normal": 2}
