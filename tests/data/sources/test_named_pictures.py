"""Pictures by what a sheet calls them."""

import pytest

from paddle_eye.data.sources.named_pictures import NamedPictures
from paddle_eye.data.sources.sheets import read_labels
from paddle_eye.errors import InputError


def test_names_are_found_with_and_without_ending_in_any_case_and_in_folders(said, touch, sheet, tmp_path):
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


def test_a_path_that_leads_out_of_the_folder_is_not_followed(touch, sheet, tmp_path):
    touch("secret.jpg", "set/a.jpg")
    with pytest.raises(InputError, match="is no picture in"):
        read_labels(sheet(("image", "label"), ("../secret.jpg", 1)), [tmp_path / "set"])


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


def test_masks_and_hidden_files_are_no_photographs_of_a_sheet(said, touch, sheet, tmp_path):
    touch("Images/1.dcm", "Masks/1.png", ".Trash-1000/files/2.png", "Images/2.png", "Ground truth/2.png")
    path = sheet(("image", "label"), (1, 0), (2, 1))
    with pytest.raises(
        InputError, match=r"line 2: '1' is no picture in .*Ground truth is named as one of masks; if it is not"
    ) as raised:
        read_labels(path, [tmp_path])
    assert "line 3" not in str(raised.value)
    touch("Images/1.jpg")
    assert said(read_labels(path, [tmp_path]), tmp_path)[0][1][0] == "Images/2.png"


def test_photographs_behind_a_link_are_found_once(said, touch, sheet, tmp_path):
    touch("away/1.png", "away/2.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/linked").symlink_to(tmp_path / "away")
    (tmp_path / "away/loop").symlink_to(tmp_path / "data")
    found = read_labels(sheet(("image", "label"), (1, 0), (2, 1)), [tmp_path / "data"])
    assert said(found, tmp_path) == [[("data/linked/1.png", "0", None), ("data/linked/2.png", "1", None)]]


def test_names_are_found_with_another_ending_as_numbers_and_with_accents_apart(said, touch, sheet, tmp_path):
    touch("a.png", "007.png", "Mu\u0308ller.png", "b.tiff")
    path = sheet(("image", "label"), ("a.jpeg", 0), ("7.0", 1), ("M\u00fcller", 0), ("B.PNG", 1))
    found = [name for name, _, _ in said(read_labels(path, [tmp_path]), tmp_path)[0]]
    assert found == ["a.png", "007.png", "Mu\u0308ller.png", "b.tiff"]


def test_whole_paths_of_another_machine_say_nothing_of_parts(touch, sheet, tmp_path):
    touch("train/0.png", "train/1.png")
    path = sheet(("image", "label"), ("C:\\Users\\test\\0.png", 0), ("/home/dev/images/1.png", 1))
    notes = read_labels(path, [tmp_path]).notes
    assert any(note.startswith("2 photographs are in another folder than") for note in notes)


def test_of_several_the_part_of_the_row_tells_which(touch, sheet, said, tmp_path):
    touch("train/0.png", "test/0.png")
    found = read_labels(sheet(("image", "label", "split"), ("0.png", 0, "train"), ("0.png", 1, "test")), [tmp_path])
    assert said(found, tmp_path) == [[("train/0.png", "0", None)], [("test/0.png", "1", None)]]


@pytest.mark.parametrize("other", ["C:\\data\\test\\0.png", "/data/test/0.png"])
def test_the_folder_of_a_file_on_another_machine_may_be_of_another_part(touch, sheet, tmp_path, other):
    touch("train/0.png", "train/1.png")
    path = sheet(("image", "label"), (other, 0), ("train/1.png", 1))
    with pytest.raises(InputError, match=r"train/0.png is of another part; give the other folder"):
        read_labels(path, [tmp_path])


def test_a_folder_that_is_called_like_one_of_masks_is_looked_into_if_the_sheet_says_it(said, touch, sheet, tmp_path):
    touch("labels/0.png", "labels/1.png")
    path = sheet(("image", "label"), ("labels/0.png", 0), ("labels/1.png", 1))
    assert len(said(read_labels(path, [tmp_path]), tmp_path)[0]) == 2


def test_a_folder_that_is_not_there_or_cannot_be_looked_into_is_named(sheet, tmp_path):
    with pytest.raises(InputError, match=r"nowhere: this folder cannot be read \(No such file or directory\)"):
        read_labels(sheet(("image", "label"), ("a", 0)), [tmp_path / "nowhere"])


@pytest.mark.parametrize("folder", ["Disc_Cup_Masks", "Training400-Annotation", "gt v2"])
def test_a_folder_with_a_word_for_masks_in_its_name_has_no_photographs(touch, tmp_path, folder):
    touch(f"{folder}/g1.bmp")
    with pytest.raises(ValueError, match=r"'g1.jpg' is no picture in .* is named as one of masks"):
        NamedPictures([tmp_path]).find("g1.jpg")
    assert NamedPictures([tmp_path / folder]).find("g1.jpg").name == "g1.bmp"


def test_a_name_with_its_ending_in_two_given_folders_is_ambiguous(said, touch, sheet, tmp_path):
    touch("one/a.jpg", "two/a.jpg", "two/b.jpg")
    folders = [tmp_path / "one", tmp_path / "two"]
    with pytest.raises(InputError, match=r"line 2: 'a.jpg' is .*one/a.jpg, .*two/a.jpg; say which with --image-folder"):
        read_labels(sheet(("image", "label"), ("a.jpg", 0), ("b.jpg", 1)), folders)
    found = read_labels(sheet(("image", "label"), ("a.jpg", 0), ("b.jpg", 1)), [folders[1], folders[1]])
    assert said(found, tmp_path) == [[("two/a.jpg", "0", None), ("two/b.jpg", "1", None)]]


@pytest.mark.parametrize(
    ("cell", "there"),
    [
        ("p1/left.png", ["p2/left.png", "p3/right.png"]),
        ("P2/left/a.png", ["P1/left/a.png", "P2/left/b.png"]),
        ("2021/images/1.png", ["2019/images/1.png", "2020/images/2.png"]),
        ("amd/1.png", ["normal/1.png"]),
    ],
)
def test_a_picture_of_the_same_name_in_another_s_folder_is_not_taken(touch, sheet, tmp_path, cell, there):
    touch(*there, "amd/0.png")
    with pytest.raises(InputError, match=f"'{cell}' is not there; .*{there[0]} is in another folder and may be anoth"):
        read_labels(sheet(("image", "label"), (cell, 1), ("amd/0.png", 0)), [tmp_path])


@pytest.mark.parametrize(
    ("cell", "there"),
    [
        ("images_512/a.png", "images_256/a.png"),
        ("/home/bob/data1/images_512/a.png", "images_256/a.png"),
        ("images/a.png", "images/deeper/a.png"),
        ("P1/a.png", "p1/a.png"),
        ("/somewhere/else/p1/a.png", "p1/a.png"),
    ],
)
def test_folders_of_another_machine_and_size_may_be_called_otherwise(said, touch, sheet, tmp_path, cell, there):
    touch(there, "images/logo.png", "p2/a.png" if "p1" in there else "b.png")
    found = read_labels(sheet(("image", "label"), (cell, 1), ("logo", 0)), [tmp_path])
    assert said(found, tmp_path)[0][0][0] == there


def test_long_numbers_are_found_without_the_zeros_that_a_spreadsheet_took(said, touch, sheet, tmp_path):
    touch("000123456789.png", "0.png")
    found = read_labels(sheet(("image", "label"), ("123456789", 1), ("000", 0)), [tmp_path])
    assert [name for name, *_ in said(found, tmp_path)[0]] == ["000123456789.png", "0.png"]


def test_numbers_in_names_are_found_without_the_zeros_before_them(said, touch, sheet, tmp_path):
    touch("眼底0001.jpg", "IMG_007_a.png", "IMG_8.png")
    found = read_labels(sheet(("image", "label"), ("眼底1", 0), ("img_7_a.jpg", 1), ("IMG_08", 1)), [tmp_path])
    assert [name for name, *_ in said(found, tmp_path)[0]] == ["眼底0001.jpg", "IMG_007_a.png", "IMG_8.png"]
