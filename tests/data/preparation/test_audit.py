import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_eye.data.patients import patient_of
from paddle_eye.data.preparation.audit import Finding, examine, falsifying
from paddle_eye.data.records import Record, RecordSet

CLASSES = ("amd", "normal")


@pytest.fixture
def write(tmp_path, write_picture):
    """A function that writes unrelated pictures of these names below ``tmp_path``."""

    def write_all(*names):
        return [write_picture(tmp_path / name) for name in names]

    return write_all


@pytest.fixture
def copy(tmp_path):
    """A function that copies a file below ``tmp_path``."""

    def copy_to(path, name):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(path, tmp_path / name))

    return copy_to


@pytest.fixture
def draw_twice(tmp_path):
    """A function that draws a round field with lines and writes it as PNG and as JPEG."""

    def draw(png, jpeg):
        picture = np.full((96, 96, 3), (10, 20, 40), np.uint8)
        cv2.circle(picture, (48, 48), 46, (40, 90, 200), -1)
        for x1, y1, x2, y2 in np.random.default_rng(0).integers(20, 76, (12, 4)).tolist():
            cv2.line(picture, (x1, y1), (x2, y2), (20, 30, 90), 2)
        picture = cv2.GaussianBlur(picture, (0, 0), 1)
        for name in (png, jpeg):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            quality = [cv2.IMWRITE_JPEG_QUALITY, 85] if name == jpeg else []
            (tmp_path / name).write_bytes(cv2.imencode(Path(name).suffix, picture, quality)[1].tobytes())
        return tmp_path / png, tmp_path / jpeg

    return draw


def part(*pictures, classes=CLASSES):
    """Records of (path, label)."""
    return RecordSet(classes, tuple(Record(path, label, patient_of(path)) for path, label in pictures))


def found(parts, kind):
    return [finding for finding in examine(parts) if finding.kind == kind]


def test_a_clean_data_set_has_no_findings(write):
    parts = {}
    for number, name in enumerate(("training", "validation")):
        pictures = [(path, label) for label in (0, 1) for path in write(*names_from(100 * number + 50 * label))]
        parts[name] = part(*pictures)
        assert parts[name].counts() == {"amd": 30, "normal": 30}
    assert examine(parts) == []


def names_from(first):
    return [f"{number}.jpg" for number in range(first, first + 30)]


def test_both_eyes_of_many_patients_in_one_part_are_no_finding(write):
    """Every left eye is ill and every right eye is not; the names have one style."""
    left, right = (write(*(f"{number}_{eye}.jpg" for number in range(30))) for eye in ("left", "right"))
    assert examine({"all": part(*((path, 0) for path in left), *((path, 1) for path in right))}) == []


def test_a_file_that_is_no_picture_falsifies_and_is_to_be_left_out(write):
    paths = write("1.jpg", "2.jpg", "3.jpg")
    paths[1].write_bytes(b"no picture")
    paths[2].write_bytes(paths[2].read_bytes()[:-40])
    findings = found({"all": part(*zip(paths, (0, 0, 1)))}, "unreadable")
    assert [(finding.falsifies, finding.leave_out) for finding in findings] == [
        (True, (paths[1],)),
        (True, (paths[2],)),
    ]
    assert findings[0].found.startswith(f"{paths[1]}: this is no picture")
    assert findings[1].found.startswith(f"{paths[2]}: the picture is cut off")


def test_a_jpeg_damaged_in_the_middle_is_a_note(write):
    paths = write("1.jpg", "2.jpg", "3.jpg")
    data = bytearray(paths[1].read_bytes())
    middle = (data.rfind(b"\xff\xda") + len(data)) // 2
    data[middle : middle + 2] = b"\xff\xd0"
    paths[1].write_bytes(data)
    (finding,) = found({"all": part(*zip(paths, (0, 0, 1)))}, "damaged")
    assert not finding.falsifies
    assert finding.leave_out == (paths[1],)
    assert finding.found.startswith(f"{paths[1]}: ")
    assert "Corrupt JPEG data" in finding.found


def test_a_copy_of_the_same_class_and_part_is_a_note(write, copy):
    first, other = write("amd/1.jpg", "normal/1a.jpg")
    second = copy(first, "amd/2.jpg")
    (finding,) = found({"all": part((first, 0), (second, 0), (other, 1))}, "identical pictures")
    assert not finding.falsifies
    assert finding.found == f"{first} (all) and {second} (all)"
    assert finding.leave_out == (second,)


def test_of_three_copies_one_is_kept(write, copy):
    (first,) = write("1.jpg")
    copies = [copy(first, name) for name in ("2.jpg", "3.jpg")]
    findings = found({"all": part((first, 0), *((path, 0) for path in copies))}, "identical pictures")
    assert len(findings) == 3
    assert {path for finding in findings for path in finding.leave_out} == set(copies)


def many_copies(copy, first):
    return [first, *(copy(first, f"copy{number}.jpg") for number in range(11))]


def test_of_very_many_copies_one_finding_tells_and_one_is_kept(write, copy):
    generated, other = write("_1_2.jpg", "other.jpg")
    paths = many_copies(copy, generated)
    (finding,) = found({"all": part((other, 1), *((path, 0) for path in paths))}, "identical pictures")
    assert not finding.falsifies
    assert finding.found == f"{paths[0]} (all) and {paths[1]} (all), and 10 more; so many are told together"
    assert finding.leave_out == (paths[0], *paths[2:])


def test_very_many_copies_on_both_sides_falsify_and_one_is_kept(write, copy):
    paths = many_copies(copy, *write("1.jpg"))
    parts = {"training": part(*((path, 0) for path in paths[:7])), "validation": part(*((p, 0) for p in paths[7:]))}
    (finding,) = found(parts, "identical pictures on both sides of the split")
    assert finding.falsifies
    assert finding.found.startswith(f"{paths[0]} (training) and {paths[7]} (validation), and 10 more; ")
    assert finding.leave_out == tuple(paths[1:])


def test_of_very_many_copies_with_two_labels_none_is_kept(write, copy):
    paths = many_copies(copy, *write("1.jpg"))
    (finding,) = found(
        {"all": part(*((path, int(path == paths[8])) for path in paths))}, "identical pictures under two labels"
    )
    assert finding.falsifies
    assert finding.found.startswith(f"{paths[0]} (all) and {paths[8]} (all), and 10 more; ")
    assert finding.leave_out == tuple(paths)


def test_a_copy_in_the_other_part_falsifies_and_is_to_be_left_out(write, copy):
    first, other = write("1.jpg", "2.jpg")
    second = copy(first, "3.jpg")
    parts = {"training": part((first, 0), (other, 1)), "validation": part((second, 0))}
    (finding,) = found(parts, "identical pictures on both sides of the split")
    assert finding.falsifies
    assert finding.found == f"{first} (training) and {second} (validation)"
    assert finding.leave_out == (second,)


def test_one_file_in_both_parts_falsifies(write):
    first, other = write("1.jpg", "2.jpg")
    parts = {"training": part((first, 0), (other, 1)), "validation": part((first, 0))}
    (finding,) = found(parts, "identical pictures on both sides of the split")
    assert finding.falsifies
    assert finding.found == f"{first} (training) and {first} (validation)"


@pytest.mark.parametrize("sides", [("all", "all"), ("training", "validation")])
def test_of_a_picture_with_two_labels_no_copy_is_kept(sides, write, copy):
    first, other = write("1.jpg", "2.jpg")
    second = copy(first, "3.jpg")
    pictures = {side: [] for side in sides}
    pictures[sides[0]] += [(first, 0), (other, 0)]
    pictures[sides[1]] += [(second, 1)]
    parts = {side: part(*of_side) for side, of_side in pictures.items()}
    (finding,) = found(parts, "identical pictures under two labels")
    assert finding.falsifies
    assert finding.found == f"{first} ({sides[0]}) and {second} ({sides[1]})"
    assert finding.leave_out == (first, second)
    assert found(parts, "identical pictures on both sides of the split") == []


@pytest.mark.parametrize(
    ("label", "sides", "kind", "falsifies"),
    [
        (0, ("all", "all"), "near-identical pictures", False),
        (0, ("training", "validation"), "near-identical pictures on both sides of the split", True),
        (1, ("all", "all"), "near-identical pictures under two labels", True),
    ],
)
def test_a_picture_saved_again_counts_as_a_copy(label, sides, kind, falsifies, write, draw_twice):
    png, jpeg = draw_twice("1.png", "2.jpg")
    (other,) = write("3.png")
    pictures = {side: [] for side in sides}
    pictures[sides[0]] += [(png, 0), (other, 0)]
    pictures[sides[1]] += [(jpeg, label)]
    (finding,) = found({side: part(*of_side) for side, of_side in pictures.items()}, kind)
    assert finding.falsifies is falsifies
    assert finding.leave_out == ((png, jpeg) if label else (jpeg,))


@pytest.mark.parametrize("names", [("7.jpg", "_12_345.jpg"), ("_12_345.jpg", "7.jpg")])
@pytest.mark.parametrize(
    ("sides", "kind"),
    [
        (("all", "all"), "identical pictures"),
        (("training", "validation"), "identical pictures on both sides of the split"),
    ],
)
def test_a_generated_copy_is_left_out_and_not_the_original(sides, kind, names, write, copy):
    (first,) = write(names[0])
    paths = [first, copy(first, names[1])]
    pictures = {side: [] for side in sides}
    for side, path in zip(sides, paths):
        pictures[side].append((path, 0))
    (finding,) = found({side: part(*of_side) for side, of_side in pictures.items()}, kind)
    assert [path.name for path in finding.leave_out] == ["_12_345.jpg"]


def test_generated_copies_falsify_and_are_to_be_left_out(write):
    paths = write("1.jpg", "_0_12.jpg", "2_left.jpg", "_3_4567.png", "_5.jpg")
    (finding,) = found({"all": part(*zip(paths, (0, 0, 0, 1, 1)))}, "generated copies")
    assert finding.falsifies
    assert finding.found == (
        "2 files named _<number>_<number> as an augmentation program does, such as "
        f"{paths[1]}; their originals may stand on the other side of a split"
    )
    assert finding.leave_out == (paths[1], paths[3])


def test_a_patient_on_both_sides_falsifies(write):
    left, right, other, more = write("7_left.jpg", "7_right.jpg", "8_left.jpg", "8_right.jpg")
    parts = {"training": part((left, 0), (other, 1), (more, 1)), "validation": part((right, 1))}
    (finding,) = found(parts, "patient on both sides of the split")
    assert finding.falsifies
    assert finding.found == f"7: {left} (training), {right} (validation)"
    assert finding.leave_out == ()


def test_of_a_patient_with_many_photographs_some_are_named(write):
    paths = write(*(f"7_left_{number}.jpg" for number in range(13)))
    parts = {"training": part(*((path, 0) for path in paths[:12])), "validation": part((paths[12], 0))}
    (finding,) = found(parts, "patient on both sides of the split")
    first, last = (", ".join(f"{path} (training)" for path in some) for some in (paths[:5], paths[8:12]))
    assert finding.found == f"7: {first}, 3 more, {last}, {paths[12]} (validation)"


def test_records_without_a_patient_are_not_on_both_sides(write):
    first, second = write("1.jpg", "2.jpg")
    parts = {"training": part((first, 0)), "validation": part((second, 0))}
    assert found(parts, "patient on both sides of the split") == []


@pytest.mark.parametrize(("count", "small"), [(30, []), (29, ["amd (training): 29 photographs"])])
def test_fewer_than_30_photographs_of_a_class_are_a_note(count, small, write):
    paths = write(*(f"{number}.jpg" for number in range(30 + count)))
    findings = found({"training": part(*((path, int(path in paths[:30])) for path in paths))}, "small class")
    assert [finding.found for finding in findings] == small
    assert not any(finding.falsifies or finding.leave_out for finding in findings)


def test_classes_are_counted_in_each_part(write):
    first, second = write("1.jpg", "2.jpg")
    parts = {"training": part((first, 0), (second, 1)), "validation": part()}
    assert [finding.found for finding in found(parts, "small class")] == [
        "amd (training): 1 photograph",
        "normal (training): 1 photograph",
    ]
    empty = [finding.found for finding in found(parts, "class without photographs")]
    assert empty == ["amd (validation)", "normal (validation)"]


@pytest.mark.parametrize(
    ("pngs", "told"),
    [
        ((2, 0), ["2 of 10 photographs of amd have the file type .png, no other class has it"]),
        ((0, 3), ["3 of 10 photographs of normal have the file type .png, no other class has it"]),
        ((1, 0), []),
        ((2, 1), []),
        (
            (10, 0),
            [
                "10 of 10 photographs of normal have the file type .jpg, no other class has it",
                "10 of 10 photographs of amd have the file type .png, no other class has it",
            ],
        ),
    ],
    ids=["a fifth", "the other class", "less than a fifth", "both classes", "all"],
)
def test_a_file_type_that_only_one_class_has_is_a_note(pngs, told, write):
    pictures = []
    for label, count in enumerate(pngs):
        names = (f"{10 * label + number}.{'png' if number < count else 'JPG'}" for number in range(10))
        pictures += [(path, label) for path in write(*names)]
    findings = found({"all": part(*pictures)}, "file type tells the class")
    assert sorted(finding.found for finding in findings) == sorted(told)
    assert not any(finding.falsifies or finding.leave_out for finding in findings)


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("{}.jpg", None),
        ("{}_left.jpg", "#_<eye>"),
        ("img{}.jpg", "img#"),
        ("p{}-visit2.jpg", "p#-visit#"),
        ("{}_left_2.jpg", "#_left_#"),
    ],
)
def test_a_style_of_names_that_only_one_class_has_is_a_note(name, style, write):
    ill = write(*(name.format(number) for number in range(4)), *(f"{number}.jpg" for number in range(10, 26)))
    healthy = write("30.jpg", "31.jpg")
    pictures = part(*((path, 0) for path in ill), *((path, 1) for path in healthy))
    findings = found({"all": pictures}, "style of names tells the class")
    told = f"4 of 20 photographs of amd have the style of names {style}, no other class has it"
    assert [finding.found for finding in findings] == ([told] if style else [])
    assert not any(finding.falsifies or finding.leave_out for finding in findings)


def test_shares_of_a_class_are_those_of_all_parts(write):
    """2 of 10 in training are 2 of 11 in all, less than a fifth."""
    names = [f"{number}.{'png' if number < 2 else 'jpg'}" for number in range(10)]
    training = part(*((path, 0) for path in write(*names)), *((path, 1) for path in write("20.jpg")))
    (more,) = write("30.jpg")
    assert len(found({"training": training}, "file type tells the class")) == 1
    assert found({"training": training, "validation": part((more, 0))}, "file type tells the class") == []


def test_findings_that_falsify_come_first(write, copy):
    first, broken, generated, left, right = write("1.jpg", "2.jpg", "_3_4.jpg", "7_left.jpg", "7_right.jpg")
    second = copy(first, "5.jpg")
    broken.write_bytes(b"no picture")
    training = part((first, 0), (second, 0), (left, 0), (generated, 1), (broken, 1))
    findings = examine({"training": training, "validation": part((right, 0))})
    kinds = [finding.kind for finding in findings if finding.falsifies]
    assert sorted(kinds) == ["generated copies", "patient on both sides of the split", "unreadable"]
    assert [finding.kind for finding in findings[:3]] == kinds
    assert "identical pictures" in [finding.kind for finding in findings[3:]]


def test_of_many_faults_of_a_kind_the_first_are_told():
    findings = [Finding("unreadable", True, f"file {number}") for number in range(23)]
    lines = falsifying([*findings, Finding("small class", False, "ill"), Finding("generated copies", True, "2 files")])
    assert lines[:20] == [f"unreadable: file {number}" for number in range(20)]
    assert lines[20:] == ["unreadable: … and 3 more", "generated copies: 2 files"]


def test_a_file_in_both_tables_is_not_to_be_left_out(tmp_path, write_picture):
    """It is the only copy; what is wrong is the split."""
    record = Record(write_picture(tmp_path / "a.png"), 0)
    parts = {name: RecordSet(("amd", "normal"), (record,)) for name in ("training", "validation")}
    (finding,) = (each for each in examine(parts) if each.falsifies)
    assert finding.kind == "identical pictures on both sides of the split"
    assert finding.leave_out == ()
