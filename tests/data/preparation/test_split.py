import re
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_eye.data.preparation.split import folds, join_same_pictures, set_aside, shuffled
from paddle_eye.data.records import Record, RecordSet
from paddle_eye.errors import InputError

CLASSES = ("healthy", "ill", "worse")


def make_record_set(*counts):
    """As many records of class 0, 1 … as these numbers, the classes mixed."""
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    labels = labels[::2] + labels[1::2]
    records = tuple(Record(Path(f"{number}.jpg"), label) for number, label in enumerate(labels))
    return RecordSet(CLASSES[: len(counts)], records)


def make_grouped(seed, pure=False):
    """90 records of three classes; 80 are of 40 patients, the others have no group; pure: a patient has one class."""
    generator = np.random.default_rng(seed)
    patients = generator.integers(0, 40, 80)
    labels = patients % 3 if pure else generator.integers(0, 3, 80)
    records = [Record(Path(f"{n}.jpg"), int(label), f"p{p}") for n, (label, p) in enumerate(zip(labels, patients))]
    records += [Record(Path(f"{n}.jpg"), n % 3) for n in range(80, 90)]
    return RecordSet(CLASSES, tuple(records[index] for index in generator.permutation(90)))


def groups_of(record_set):
    return {record.group for record in record_set.records} - {None}


@pytest.fixture
def draw(tmp_path):
    """A function that draws the picture of this number, a round field with lines, in the format of the name."""

    def draw_picture(name, number):
        picture = np.full((96, 96, 3), (10, 20, 40), np.uint8)
        cv2.circle(picture, (48, 48), 46, (40, 90, 200), -1)
        for x1, y1, x2, y2 in np.random.default_rng(number).integers(20, 76, (12, 4)).tolist():
            cv2.line(picture, (x1, y1), (x2, y2), (20, 30, 90), 2)
        picture = cv2.GaussianBlur(picture, (0, 0), 1)
        path = tmp_path / name
        quality = [cv2.IMWRITE_JPEG_QUALITY, 85] if path.suffix == ".jpg" else []
        path.write_bytes(cv2.imencode(path.suffix, picture, quality)[1].tobytes())
        return path

    return draw_picture


def joined_groups(*pictures):
    """The groups of records of (path, group) after `join_same_pictures`."""
    record_set = RecordSet(CLASSES, tuple(Record(path, 0, group) for path, group in pictures))
    joined = join_same_pictures(record_set)
    assert [record.image for record in joined.records] == [path for path, _ in pictures]
    return [record.group for record in joined.records]


def joined_groups_of_patients(draw, *shared):
    """The groups that the pictures of p1, p2 and p3 get: one of their own each, and one that each pair shares."""
    pictures = [(draw(f"{patient}.png", number), patient) for number, patient in enumerate(("p1", "p2", "p3"))]
    for number, (one, other) in enumerate(shared, start=10):
        pictures += [(draw(f"{one}-{number}.png", number), one), (draw(f"{other}-{number}.jpg", number), other)]
    groups = joined_groups(*pictures)
    return [{new for (_, old), new in zip(pictures, groups) if old == patient} for patient in ("p1", "p2", "p3")]


@pytest.mark.parametrize(("share", "expected"), [(0.25, [5, 3]), (0.5, [10, 6]), (0.1, [2, 1])])
def test_each_class_gives_its_share(share, expected):
    left, aside = set_aside(make_record_set(20, 12), share, seed=0, asked="")
    assert list(aside.counts().values()) == expected
    assert list(left.counts().values()) == [20 - expected[0], 12 - expected[1]]


@pytest.mark.parametrize("record_set", [make_record_set(9, 7, 8), make_grouped(0)], ids=["no groups", "groups"])
def test_every_record_is_on_one_side_and_the_order_stays(record_set):
    left, aside = set_aside(record_set, 0.3, seed=0, asked="")
    for part in (left, aside):
        assert list(part.records) == [record for record in record_set.records if record in set(part.records)]
        assert part.classes == record_set.classes
    assert set(left.records) | set(aside.records) == set(record_set.records)
    assert not set(left.records) & set(aside.records)


def test_the_seed_decides():
    record_set = make_record_set(20, 20)
    assert set_aside(record_set, 0.5, 3, "") == set_aside(record_set, 0.5, 3, "")
    assert set_aside(record_set, 0.5, 3, "") != set_aside(record_set, 0.5, 4, "")


@pytest.mark.parametrize("pure", [False, True], ids=["mixed", "one class each"])
@pytest.mark.parametrize("seed", range(25))
def test_no_patient_is_on_both_sides(seed, pure):
    left, aside = set_aside(make_grouped(seed, pure), 0.3, seed + 1, "")
    assert len(left) + len(aside) == 90
    assert not groups_of(left) & groups_of(aside)


@pytest.mark.parametrize("share", [0.2, 0.35, 0.5])
@pytest.mark.parametrize("seed", range(25))
def test_a_class_misses_its_share_by_no_more_than_a_patients_photographs(seed, share):
    record_set = make_grouped(seed, pure=True)
    _, aside = set_aside(record_set, share, seed, "")
    photographs = Counter((record.label, record.group) for record in record_set.records if record.group)
    for label, name in enumerate(CLASSES):
        most = max(count for (of, _), count in photographs.items() if of == label)
        assert abs(aside.counts()[name] - share * record_set.counts()[name]) <= most


@pytest.mark.parametrize("seed", range(10))
def test_two_eyes_with_different_labels_stay_together(seed):
    """20 patients with one healthy and one ill eye, whole patients meet both shares."""
    eyes = [(f"{number}_{eye}.jpg", label) for number in range(20) for label, eye in enumerate(("left", "right"))]
    records = tuple(Record(Path(name), label, name.split("_")[0]) for name, label in eyes)
    left, aside = set_aside(RecordSet(CLASSES[:2], records), 0.25, seed, "")
    assert aside.counts() == {"healthy": 5, "ill": 5}
    assert left.counts() == {"healthy": 15, "ill": 15}
    assert not groups_of(left) & groups_of(aside)


@pytest.mark.parametrize(
    ("sizes", "share", "expected"),
    [([12, *[1] * 8], 0.25, 5), ([2, 2, 2, 2, 1], 1 / 9, 1)],
    ids=["a patient with most of the class", "patients with more than the share"],
)
def test_a_patient_is_taken_only_if_the_class_comes_nearer_to_its_share(sizes, share, expected):
    """Patients with one photograph meet the share, and any other one would exceed it by as much or more."""
    records = [
        Record(Path(f"{patient}-{number}.jpg"), 0, f"p{patient}")
        for patient, size in enumerate(sizes)
        for number in range(size)
    ]
    for seed in range(10):
        _, aside = set_aside(RecordSet(("healthy",), tuple(records)), share, seed, "")
        assert len(aside) == expected
        assert all(sizes[int(group[1:])] == 1 for group in groups_of(aside))


def test_a_class_without_photographs_is_named():
    with pytest.raises(InputError, match=r"--holdout 0\.5: no photograph is of class 'ill'; take the class out"):
        set_aside(make_record_set(20, 0), 0.5, 0, "--holdout 0.5")


@pytest.mark.parametrize(
    ("counts", "share", "found"),
    [((20, 3), 0.1, "0 of 3"), ((20, 3), 0.9, "3 of 3")],
)
def test_a_class_needs_a_record_on_both_sides(counts, share, found):
    with pytest.raises(InputError) as raised:
        set_aside(make_record_set(*counts), share, 0, f"--holdout {share}")
    assert str(raised.value) == (
        f"--holdout {share}: sets {found} photographs of class 'ill' aside; "
        "photographs of every class are needed on both sides, and those of one patient stay together (--group)"
    )


def test_a_class_of_one_patient_cannot_be_split():
    records = make_record_set(20).records + tuple(Record(Path(f"ill{n}.jpg"), 1, "p") for n in range(6))
    with pytest.raises(InputError, match=r"--ratio 0\.5: sets [06] of 6 photographs of class 'ill' aside"):
        set_aside(RecordSet(CLASSES[:2], records), 0.5, 0, "--ratio 0.5")


@pytest.mark.parametrize("pure", [False, True], ids=["mixed", "one class each"])
@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("seed", range(5))
def test_every_record_is_tested_once_and_no_patient_is_on_both_sides(seed, count, pure):
    record_set = make_grouped(seed, pure)
    parts = folds(record_set, count, seed, "")
    assert len(parts) == count
    assert Counter(record for _, test in parts for record in test.records) == Counter(record_set.records)
    for training, test in parts:
        assert set(training.records) == set(record_set.records) - set(test.records)
        assert len(training) + len(test) == 90
        assert not groups_of(training) & groups_of(test)


@pytest.mark.parametrize("seed", range(5))
def test_each_fold_tests_its_share_of_each_class(seed):
    parts = folds(make_record_set(20, 10), 5, seed, "")
    assert [test.counts() for _, test in parts] == [{"healthy": 4, "ill": 2}] * 5


def test_the_seed_decides_the_folds():
    record_set = make_record_set(20, 20)
    assert folds(record_set, 4, 3, "") == folds(record_set, 4, 3, "")
    assert folds(record_set, 4, 3, "") != folds(record_set, 4, 4, "")


@pytest.mark.parametrize("seed", range(5))
def test_there_may_be_as_many_folds_as_patients(seed):
    """Every patient has one photograph of each class."""
    records = tuple(Record(Path(f"{number}.jpg"), number % 2, f"p{number // 2}") for number in range(6))
    parts = folds(RecordSet(CLASSES[:2], records), 3, seed, "")
    assert sorted(sorted(groups_of(test)) for _, test in parts) == [["p0"], ["p1"], ["p2"]]


def test_every_fold_needs_a_patient():
    records = tuple(Record(Path(f"{number}.jpg"), number % 2, f"p{number // 3}") for number in range(12))
    with pytest.raises(InputError) as raised:
        folds(RecordSet(CLASSES[:2], records), 5, 0, "--folds 5")
    assert str(raised.value) == "--folds 5: there are 4 patients only"


def test_every_fold_needs_a_photograph_of_every_class():
    with pytest.raises(InputError) as raised:
        folds(make_record_set(20, 3), 5, 0, "--folds 5")
    assert str(raised.value) == "--folds 5: the smallest class has 3 photographs only"


def test_a_class_of_one_patient_cannot_be_in_every_fold():
    records = make_record_set(20).records + tuple(Record(Path(f"ill{n}.jpg"), 1, "p") for n in range(6))
    with pytest.raises(InputError, match=r"--folds 2: sets [06] of 6 photographs of class 'ill' aside; phot"):
        folds(RecordSet(CLASSES[:2], records), 2, 0, "--folds 2")


def test_shuffling_keeps_every_record():
    record_set = make_record_set(20, 12)
    mixed = shuffled(record_set, 0)
    assert mixed.classes == record_set.classes
    assert mixed.records != record_set.records
    assert Counter(mixed.records) == Counter(record_set.records)


def test_the_seed_decides_the_order():
    record_set = make_record_set(20)
    assert shuffled(record_set, 1) == shuffled(record_set, 1)
    assert shuffled(record_set, 1) != shuffled(record_set, 2)


def test_an_exact_copy_under_another_name_joins_the_group(tmp_path, write_picture):
    first, other = write_picture(tmp_path / "first.jpg"), write_picture(tmp_path / "other.jpg")
    copy = Path(shutil.copy(first, tmp_path / "copy.jpg"))
    of_first, of_other, of_copy = joined_groups((first, None), (other, None), (copy, None))
    assert of_first == of_copy is not None
    assert of_other is None


def test_a_copy_in_another_format_joins_the_group(draw):
    pictures = [draw("1.png", 1), draw("2.png", 2), draw("copy.jpg", 1)]
    first, second, copy = joined_groups(*((path, None) for path in pictures))
    assert first == copy is not None
    assert second is None


@pytest.mark.parametrize("groups", [("p1", None), (None, "p1")])
def test_a_copy_without_a_group_joins_that_of_the_patient(groups, draw):
    pictures = (draw("1.png", 1), draw("copy.jpg", 1))
    assert joined_groups(*zip(pictures, groups), (draw("2.png", 2), "p1")) == ["p1", "p1", "p1"]


def test_groups_with_a_picture_in_common_are_joined_whole(draw):
    first, second, third = joined_groups_of_patients(draw, ("p1", "p2"))
    assert first == second
    assert len(first) == 1
    assert third == {"p3"}


@pytest.mark.parametrize("shared", [[("p1", "p2"), ("p2", "p3")], [("p1", "p3"), ("p2", "p3")]])
def test_groups_are_joined_over_several_pictures(shared, draw):
    first, second, third = joined_groups_of_patients(draw, *shared)
    assert first == second == third
    assert len(first) == 1


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 1, 0)])
def test_copies_of_several_records_without_a_group_are_one_group(order, draw):
    pictures = [draw("1.png", 1), draw("2.jpg", 1), draw("3.bmp", 1), draw("4.png", 9)]
    groups = joined_groups(*((pictures[index], None) for index in order))
    copies = {group for index, group in zip(order, groups) if index != 3}
    assert len(copies) == 1
    assert copies != {None}
    assert groups[order.index(3)] is None


def test_without_copies_nothing_changes(tmp_path, write_picture):
    groups = ("p1", None, "p2", "p1")
    records = (Record(write_picture(tmp_path / f"{n}.jpg"), n % 2, group) for n, group in enumerate(groups))
    record_set = RecordSet(CLASSES, tuple(records))
    assert join_same_pictures(record_set) == record_set


def test_pictures_that_cannot_be_decoded_come_in_one_message(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{number}.jpg") for number in range(4)]
    paths[1].unlink()
    paths[3].write_bytes(b"no picture")
    with pytest.raises(InputError) as raised:
        join_same_pictures(RecordSet(CLASSES, tuple(Record(path, 0) for path in paths)))
    first, *faults = str(raised.value).splitlines()
    assert first == "pictures: 2 faults found; replace them or take them out of the data set"
    assert [re.match(r"  - (.+\.jpg): ", fault)[1] for fault in faults] == [str(paths[1]), str(paths[3])]


def test_pairs_of_one_name_in_two_classes_are_two_groups(tmp_path, write_picture):
    paths = [tmp_path / name for name in ("amd/1.png", "amd/2.png", "cnv/1.png", "cnv/2.png")]
    for path, label in zip(paths, (0, 0, 1, 1)):
        write_picture(path.with_name("1.png"), label)
        path.write_bytes(path.with_name("1.png").read_bytes())
    joined = join_same_pictures(RecordSet(("amd", "cnv"), tuple(Record(path, i // 2) for i, path in enumerate(paths))))
    first, second, third, fourth = (record.group for record in joined.records)
    assert first == second != third == fourth


def test_a_class_of_two_large_patients_gives_one_of_them():
    groups = [None] * 20 + ["a"] * 3 + ["b"] * 4
    records = tuple(Record(Path(f"{number}.jpg"), int(number >= 20), group) for number, group in enumerate(groups))
    left, aside = set_aside(RecordSet(("many", "few"), records), 0.2, 0, "--ratio 0.8")
    assert aside.counts() == {"many": 4, "few": 3}
    assert left.counts() == {"many": 16, "few": 4}
