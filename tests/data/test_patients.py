import re
from pathlib import Path

import pytest

from paddle_eye.data.patients import (
    compile_pattern,
    look_like_pairs,
    named_by_files,
    of_both_eyes,
    patient_of,
    told_by_names,
)
from paddle_eye.errors import InputError


@pytest.mark.parametrize("name", ["12_left.jpg", "12_right.jpg", "12_left.png"])
@pytest.mark.parametrize("folder", ["amd", "normal"])
def test_two_eyes_are_of_one_patient_in_whatever_folder(folder, name):
    assert patient_of(Path(folder, name)) == "12"


@pytest.mark.parametrize(
    ("left", "right", "patient"),
    [
        ("12_LEFT", "12_Right", "12"),
        ("12_OD", "12_os", "12"),
        ("12-L", "12-R", "12"),
        ("12.l", "12.r", "12"),
        ("12L", "12R", "12"),
        ("12left", "12right", "12"),
        ("12_左", "12_右", "12"),
        ("12左眼", "12右眼", "12"),
        ("12_left_2", "12_right_1", "12"),
        ("12(OD)", "12 (OS)", "12"),
        ("12（左）", "12（右）", "12"),
        ("12_left.2019", "12_right.2020", "12"),
        ("left_12", "right_12", "12"),
        ("OD12", "OS12", "12"),
        ("L-12", "R-12", "12"),
        ("a12_left", "A12_right", "a12"),
        ("p7 visit OD", "p7 visit OS", "p7 visit"),
        ("12_RE", "12_LE", "12"),
        ("12_righteye", "12_lefteye", "12"),
        ("12–OD", "12–OS", "12"),
        ("12[OD]", "12,OS", "12"),
        ("12_l1", "12_r2", "12"),
        ("12_OD2", "12_OS", "12"),
        ("12_left9", "12_left10", "12"),
        ("7_RE_2", "7_LE_macula", "7"),
        ("左眼P12", "右P12", "p12"),
        ("ODP12", "leftP12", "p12"),
        ("fundus_left_12", "fundus_right_12", "fundus_12"),
        ("IMG_OD_12", "IMG_OS_12", "img_12"),
    ],
)
def test_the_sides_of_eyes_are_known_as_people_write_them(left, right, patient):
    assert patient_of(Path(f"{left}.jpg")) == patient_of(Path(f"x/{right}.png")) == patient


@pytest.mark.parametrize("name", ["left", "OS", "r", "左眼", "right_eye", "OD_macula"])
def test_where_the_side_is_all_there_is_the_folder_with_a_number_is_the_patient(name):
    assert patient_of(Path(f"dr/P012/{name}.jpg")) == "p12"


def test_what_names_are_taken_for_is_told_with_an_example():
    paths = [Path(f"2023010{day}_OD_{number}.png") for day in (1, 2) for number in range(3)]

    def told(*images):
        return told_by_names(named_by_files((path, patient_of(path)) for path in images))

    assert told(Path("1_left.png"), *paths) == (
        "by the names 20230101_OD_0.png is of patient 20230101, of 3 in all; if that is wrong, say with --group of "
        "tools/split.py which part of a name is the patient"
    )
    assert told(Path("amd/_12_3.jpg"), Path("12.jpg")) is None
    assert named_by_files([(path, "of a column") for path in paths]) == {}


def test_both_eyes_in_a_list_of_patients_are_of_one():
    of = of_both_eyes(["p0 od", "p0 os", "p1 od", "7l", "7r", "12", "8_left_1", "8_left_2"])
    assert of == {"p0 od": "p0", "p0 os": "p0", "7l": "7", "7r": "7"}


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["p1_a", "p1_b", "p2_a", "p2_b"], ("p1_a.jpg", "p1_b.jpg")),
        (["x-1", "y-1", "x-2", "y-2"], ("x-1.jpg", "x-2.jpg")),
        (["1", "2", "3"], None),
        (["eye_1", "eye_2", "eye_3"], None),
        ([], None),
    ],
)
def test_names_that_look_like_pairs(names, pair):
    assert look_like_pairs(Path(f"{name}.jpg") for name in names) == pair


@pytest.mark.parametrize(
    "name",
    [
        "12.jpg",
        "left.jpg",
        "12_middle.jpg",
        "normal_left.jpg",
        "R0001.jpg",
        "site1_R01.jpg",
        "site1_R1.jpg",
        "2023_re_12.jpg",
        "img_osman_1.jpg",
        "Oslo_1.jpg",
        "ODIR_12.jpg",
        "study2_le03.jpg",
        "batch1/od_meier.jpg",
        "L12.jpg",
        "12floor.jpg",
        "_12.jpg",
        "_12_x.jpg",
    ],
)
def test_other_names_do_not_tell_the_patient(name):
    assert patient_of(Path("amd", name)) is None


def test_generated_copies_of_one_original_are_of_one_patient():
    assert patient_of(Path("root/amd/_12_345.jpg")) == patient_of(Path("root/amd/_12_6.png"))


@pytest.mark.parametrize("other", ["root/amd/_13_345.jpg", "root/normal/_12_345.jpg", "root/amd/12_left.jpg"])
def test_originals_are_counted_within_a_folder(other):
    assert patient_of(Path("root/amd/_12_345.jpg")) != patient_of(Path(other))


@pytest.mark.parametrize(
    ("text", "path", "patient"),
    [
        (r"^(\d+)-", "12-a.jpg", "12"),
        (r"-p(\d+)", "eye-p7-left.jpg", "7"),
        (r"\.(\w+)$", "12.jpg", "jpg"),
        (r"(\d+)", "77/eye5.jpg", "5"),
        (r"(?:od|os)_([a-z]+)", "os_meier.jpg", "meier"),
        (r"^(P\d+)/", "dr/P77/5.jpg", "p77"),
        (r"^([^/_]+)_", "amd_2/12_x.jpg", "12"),
    ],
    ids=["beginning", "middle", "suffix", "not the folder", "nothing in brackets", "the folder, with a /", "the name"],
)
def test_a_pattern_finds_the_patient_in_the_file_name(text, path, patient):
    assert patient_of(Path(path), compile_pattern(text)) == patient


@pytest.mark.parametrize("name", ["12_left.jpg", "_12_345.jpg"])
def test_with_a_pattern_nothing_else_tells_the_patient(name):
    assert patient_of(Path("amd", name), compile_pattern(r"^p(\d+)")) is None


@pytest.mark.parametrize("text", ["(", "[a-", "(a){99999999999999999999}", r"(?P<1>a)"])
def test_what_is_no_regular_expression_is_refused(text):
    with pytest.raises(InputError, match=re.escape(f"--group {text}: this is no regular expression (")):
        compile_pattern(text)


@pytest.mark.parametrize(("text", "pairs"), [("", 0), (r"\d+", 0), (r"(?:a)\d+", 0), (r"(\d+)_(\d+)", 2)])
def test_a_pattern_has_one_pair_of_brackets(text, pairs):
    with pytest.raises(InputError) as raised:
        compile_pattern(text)
    assert str(raised.value) == (
        f"--group {text}: the patient is what stands in the one pair of brackets, "
        rf"for example '^(\d+)_'; found {pairs} pairs"
    )


@pytest.mark.parametrize(
    ("one", "other", "pattern"),
    [
        ("P0A_1.jpg", "p0A_2.jpg", "^(p0a|P0A|p0A)_"),
        ("0012_1.jpg", "12_2.jpg", r"^(\d+)_"),
        ("１２_1.jpg", "12_2.jpg", r"^(\d+)_"),
        ("0012_left.jpg", "12_right.jpg", None),
        ("AMD/_012_5.jpg", "amd/_12_6.jpg", None),
    ],
)
def test_a_patient_who_is_written_in_two_ways_is_one(one, other, pattern):
    pattern = pattern and compile_pattern(pattern)
    assert patient_of(Path(one), pattern) == patient_of(Path(other), pattern) is not None
