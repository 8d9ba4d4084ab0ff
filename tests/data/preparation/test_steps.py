import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_eye.data.preparation.steps import (
    audit,
    find_folders,
    find_sheet,
    read_list,
    require_own_list,
    write_list,
    write_split,
)
from paddle_eye.data.sources import layouts
from paddle_eye.data.sources.folders import read_folders
from paddle_eye.data.sources.palm import TRAINING_FOLDER, VALIDATION_FOLDER
from paddle_eye.data.sources.tables import read_table
from paddle_eye.errors import InputError


def split_folders(root, out, group=None, classes=None, **settings):
    return write_split(find_folders(root, group, classes), out, **settings)


@pytest.fixture
def make_folders(tmp_path, write_picture):
    """A function that writes class folders of unrelated pictures, 10 of amd and 5 of normal, and returns their root."""

    def make(name="{}.png", counts=(10, 5)):
        for label, (folder, count) in enumerate(zip(("amd", "normal"), counts)):
            for number in range(count):
                write_picture(tmp_path / "set" / folder / name.format(number), label)
        return tmp_path / "set"

    return make


def names(record_set):
    return [f"{record.image.parent.name}/{record.image.name}" for record in record_set.records]


def draw(path, quality=None):
    """A round field with lines, as PNG or as JPEG of this quality."""
    picture = np.full((96, 96, 3), (10, 20, 40), np.uint8)
    cv2.circle(picture, (48, 48), 46, (40, 90, 200), -1)
    for x1, y1, x2, y2 in np.random.default_rng(0).integers(20, 76, (12, 4)).tolist():
        cv2.line(picture, (x1, y1), (x2, y2), (20, 30, 90), 2)
    picture = cv2.GaussianBlur(picture, (0, 0), 1)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else []
    path.write_bytes(cv2.imencode(path.suffix, picture, options)[1].tobytes())


def test_each_class_gives_its_share_to_the_test_table(make_folders):
    root = make_folders()
    (split,) = split_folders(root, root, ratio=0.8)
    assert split.folder == root
    assert split.training.counts() == {"amd": 8, "normal": 4}
    assert split.test.counts() == {"amd": 2, "normal": 1}


def test_the_tables_have_what_is_returned(make_folders):
    root = make_folders("{}_left.png")
    (split,) = split_folders(root, root, ratio=0.6)
    assert layouts.read(root) == (split.training, split.test)


def test_the_rows_are_in_random_order(make_folders):
    root = make_folders()
    (split,) = split_folders(root, root, ratio=0.5)
    for record_set in (split.training, split.test):
        assert names(record_set) != sorted(names(record_set))


def test_tables_in_another_folder_point_to_the_pictures(make_folders, tmp_path):
    root = make_folders()
    (split,) = split_folders(root, tmp_path / "tables/one", ratio=0.8)
    assert not (root / "train.csv").exists()
    for name, written in (("train.csv", split.training), ("test.csv", split.test)):
        found = read_table(tmp_path / "tables/one" / name, written.classes)
        assert found == written


def test_the_seed_decides(make_folders, tmp_path):
    root = make_folders()
    tables = []
    for number, seed in enumerate((3, 3, 4)):
        split_folders(root, tmp_path / str(number), ratio=0.5, seed=seed)
        tables.append([(tmp_path / str(number) / name).read_bytes() for name in ("train.csv", "test.csv")])
    assert tables[0] == tables[1]
    assert tables[0][0] != tables[2][0]
    assert tables[0][1] != tables[2][1]


@pytest.mark.parametrize("seed", range(5))
def test_two_eyes_stay_together(seed, write_picture, tmp_path):
    """A patient's left eye is ill, the right one is not."""
    for number in range(8):
        write_picture(tmp_path / "amd" / f"{number}_left.png")
        write_picture(tmp_path / "normal" / f"{number}_right.png")
    (split,) = split_folders(tmp_path, tmp_path, ratio=0.75, seed=seed)
    assert split.test.counts() == {"amd": 2, "normal": 2}
    assert len({record.group for record in split.test.records}) == 2


@pytest.mark.parametrize("seed", range(5))
def test_a_pattern_names_the_patients(seed, write_picture, tmp_path):
    for number in range(8):
        write_picture(tmp_path / "amd" / f"p{number}-a.png")
        write_picture(tmp_path / "normal" / f"p{number}-b.png")
    split_folders(tmp_path, tmp_path, ratio=0.75, seed=seed, group=r"^p(\d)-")
    training, test = layouts.read(tmp_path)
    assert test.counts() == {"amd": 2, "normal": 2}
    assert {record.group for record in training.records + test.records} == set("01234567")
    assert not {record.group for record in training.records} & {record.group for record in test.records}


@pytest.mark.parametrize("again", ["amd/zz.jpg", "normal/zz.png"])
def test_a_picture_and_its_copy_stay_together(again, make_folders, tmp_path):
    root = make_folders()
    draw(root / "amd/a.png")
    draw(root / again, quality=85 if again.endswith("jpg") else None)
    for seed in range(10):
        split_folders(root, root, ratio=0.5, seed=seed)
        training, test = (names(part) for part in layouts.read(root))
        assert ("amd/a.png" in training) == (again in training)
        assert ("amd/a.png" in test) == (again in test)


def test_the_groups_of_copies_are_in_the_tables(make_folders):
    root = make_folders()
    shutil.copy(root / "amd/3.png", root / "normal/copy.png")
    split_folders(root, root, ratio=0.5)
    training, test = layouts.read(root)
    groups = {name: record.group for part in (training, test) for name, record in zip(names(part), part.records)}
    assert groups.pop("amd/3.png") == groups.pop("normal/copy.png") is not None
    assert set(groups.values()) == {None}


def test_listed_files_are_left_out(make_folders, tmp_path):
    root = make_folders()
    (root / "amd/notes.txt").write_text("no picture", encoding="utf-8")
    (tmp_path / "set/list.txt").write_text("amd/notes.txt\nnormal/2.png\n", encoding="utf-8")
    (split,) = split_folders(root, root, ratio=0.5, leave_out=tmp_path / "set/list.txt")
    assert sorted(names(split.training) + names(split.test)) == sorted(
        [f"amd/{number}.png" for number in range(10)] + [f"normal/{number}.png" for number in (0, 1, 3, 4)]
    )


@pytest.mark.parametrize("count", [2, 5])
def test_every_picture_is_in_the_test_table_of_one_fold(count, make_folders, tmp_path):
    root = make_folders()
    splits = split_folders(root, root, fold_count=count)
    assert [split.folder for split in splits] == [tmp_path / f"set-fold{number}" for number in range(1, count + 1)]
    assert Counter(name for split in splits for name in names(split.test)) == Counter(
        [f"amd/{number}.png" for number in range(10)] + [f"normal/{number}.png" for number in range(5)]
    )
    for split in splits:
        training, test = layouts.read(split.folder)
        assert (names(training), names(test)) == (names(split.training), names(split.test))
        assert all(record.image.is_file() for record in training.records + test.records)


def test_each_fold_tests_its_share_of_each_class(make_folders):
    root = make_folders()
    for split in split_folders(root, root, fold_count=5):
        assert split.training.counts() == {"amd": 8, "normal": 4}
        assert split.test.counts() == {"amd": 2, "normal": 1}


@pytest.mark.parametrize("ratio", [0, 1, -0.5, 1.5, float("nan")])
def test_a_ratio_is_between_0_and_1(ratio, make_folders):
    root = make_folders(counts=(2, 2))
    with pytest.raises(InputError) as raised:
        split_folders(root, root, ratio=ratio)
    assert str(raised.value) == f"--ratio {ratio}: expected the training part's share, above 0 and below 1"


@pytest.mark.parametrize("count", [-1, 0, 1])
def test_there_are_at_least_two_folds(count, make_folders):
    root = make_folders(counts=(2, 2))
    with pytest.raises(InputError) as raised:
        split_folders(root, root, fold_count=count)
    assert str(raised.value) == f"--folds {count}: expected 2 or more"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ratio": 0.9}, "--ratio 0.9: sets 0 of 5 photographs of class 'normal' aside"),
        ({"fold_count": 6}, "--folds 6: the smallest class has 5 photographs only"),
        ({"ratio": 0.5, "group": "x"}, "--group x: the patient is what stands in the one pair of brackets"),
        ({"ratio": 0.5, "leave_out": Path("none.txt")}, "--leave-out none.txt: no list of files can be read"),
    ],
)
def test_what_was_asked_for_is_named_and_nothing_is_written(settings, message, make_folders, tmp_path):
    root = make_folders()
    with pytest.raises(InputError) as raised:
        split_folders(root, tmp_path / "tables", **settings)
    assert str(raised.value).startswith(message)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_pictures_that_cannot_be_decoded_are_named_and_nothing_is_written(make_folders):
    root = make_folders()
    for name in ("amd/4.png", "normal/0.png"):
        (root / name).write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"(?s)pictures: 2 faults found;.*amd/4.png: .*normal/0.png: "):
        split_folders(root, root, ratio=0.5)
    assert {path.name for path in root.iterdir()} == {"amd", "normal"}


def test_class_folders_are_audited_as_one_part(make_folders):
    root = make_folders(counts=(3, 3))
    shutil.copy(root / "amd/1.png", root / "amd/copy.png")
    (finding,) = (each for each in audit(root).findings if each.kind == "identical pictures")
    assert finding.found == f"{root / 'amd/1.png'} (all) and {root / 'amd/copy.png'} (all)"


def test_tables_are_audited_as_two_parts(make_folders):
    root = make_folders(counts=(3, 3))
    rows = ["path,label,class", "amd/0.png,0,amd", "normal/0.png,1,normal"]
    (root / "train.csv").write_text("\n".join(rows), encoding="utf-8")
    (root / "test.csv").write_text("path,label,class\namd/copy.png,0,amd", encoding="utf-8")
    shutil.copy(root / "amd/0.png", root / "amd/copy.png")
    (finding,) = (each for each in audit(root).findings if each.falsifies)
    assert finding.kind == "identical pictures on both sides of the split"
    assert finding.found == f"{root / 'amd/0.png'} (training) and {root / 'amd/copy.png'} (validation)"


def test_a_palm_folder_is_audited_as_two_parts(tmp_path, make_palm):
    root = make_palm(tmp_path)
    photographs = root / TRAINING_FOLDER / "P0001.jpg", root / VALIDATION_FOLDER / "V0002.jpg"
    shutil.copy(*photographs)
    (finding,) = (each for each in audit(root).findings if each.falsifies)
    assert finding.kind == "identical pictures on both sides of the split"
    assert finding.found == f"{photographs[0]} (training) and {photographs[1]} (validation)"


def test_what_an_audit_lists_can_be_left_out(make_folders, tmp_path, write_picture):
    root = make_folders()
    (root / "normal/7.png").write_bytes(b"no picture")
    shutil.copy(root / "amd/2.png", root / "normal/8.png")
    shutil.copy(root / "amd/3.png", root / "amd/copy.png")
    write_picture(root / "amd/_5_678.png")
    write_list(tmp_path / "set/list.txt", (file for finding in audit(root).findings for file in finding.leave_out))
    assert (tmp_path / "set/list.txt").read_text(encoding="utf-8").splitlines() == [
        "# files to leave out, by tools/audit.py",
        "amd/2.png",
        "amd/_5_678.png",
        "amd/copy.png",
        "normal/7.png",
        "normal/8.png",
    ]
    split_folders(root, root, ratio=0.5, leave_out=tmp_path / "set/list.txt")
    assert sorted(name for part in layouts.read(root) for name in names(part)) == [
        *(f"amd/{number}.png" for number in (0, 1, 3, 4, 5, 6, 7, 8, 9)),
        *(f"normal/{number}.png" for number in range(5)),
    ]
    assert not any(finding.falsifies for finding in audit(root).findings)


def test_a_list_made_of_a_fold_serves_the_folders_it_was_made_of(make_folders, tmp_path, write_picture):
    """Also where the folder is written in another way."""
    root = make_folders()
    write_picture(root / "amd/_5_678.png")
    fold = split_folders(root, root, fold_count=2)[0].folder
    write_list(tmp_path / "set/list.txt", (file for finding in audit(fold).findings for file in finding.leave_out))
    assert (tmp_path / "set/list.txt").read_text(encoding="utf-8").endswith("audit.py\namd/_5_678.png\n")
    split_folders(fold / ".." / root.name, root, ratio=0.5, leave_out=tmp_path / "set/list.txt")
    assert not [name for part in layouts.read(root) for name in names(part) if "_5_678" in name]


def test_a_list_has_each_file_once_in_order(tmp_path):
    files = [tmp_path / name for name in ("b/1.jpg", "a/Größe, 眼.jpg", "b/1.jpg")]
    write_list(tmp_path / "new/list.txt", files)
    first, *names = (tmp_path / "new/list.txt").read_text(encoding="utf-8").splitlines()
    assert names == ["../a/Größe, 眼.jpg", "../b/1.jpg"] and first.startswith("#")


def test_a_list_replaces_lists_alone(tmp_path):
    write_list(tmp_path / "list.txt", [])
    require_own_list(tmp_path / "list.txt")
    require_own_list(tmp_path / "new.txt")
    (tmp_path / "labels.csv").write_text("a.jpg,0\n")
    with pytest.raises(
        InputError, match=r"labels.csv: this was not made by tools/audit.py, or by an earlier version, and is not"
    ):
        require_own_list(tmp_path / "labels.csv")


@pytest.fixture
def listed(make_folders, tmp_path):
    """A function that reads a list of these bytes, as seen from the folder of the classes."""
    root = make_folders()

    def read(content):
        (tmp_path / "set/list.txt").write_bytes(content)
        return {f"{file.parent.name}/{file.name}" for file in read_list(tmp_path / "set/list.txt", read_folders(root))}

    return read


def test_a_list_of_nothing_is_empty(listed, tmp_path):
    write_list(tmp_path / "set/list.txt", [])
    assert listed((tmp_path / "set/list.txt").read_bytes()) == set()


def test_what_is_listed_is_read(listed, tmp_path):
    files = [tmp_path / "set/amd/3.png", tmp_path / "set/normal/0.png"]
    write_list(tmp_path / "set/list.txt", files)
    assert listed((tmp_path / "set/list.txt").read_bytes()) == {"amd/3.png", "normal/0.png"}


def test_a_class_may_begin_with_the_mark_of_a_remark(tmp_path, write_picture):
    for label, name in enumerate(("#1", "#2")):
        write_picture(tmp_path / "set" / name / "#a.png", label)
    records = read_folders(tmp_path / "set")
    write_list(tmp_path / "set/list.txt", [records.records[0].image])
    assert read_list(tmp_path / "set/list.txt", records) == {records.records[0].image}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_remarks_blank_lines_and_the_mark_of_windows_are_passed_over(end, mark, listed):
    lines = ["amd/3.png", "# blurred", "", "  ", " normal/0.png "]
    assert listed(mark + end.join(lines).encode()) == {"amd/3.png", "normal/0.png"}


def test_a_line_may_be_an_absolute_path(listed, tmp_path):
    assert listed(str(tmp_path / "set/amd/3.png").encode()) == {"amd/3.png"}


@pytest.mark.parametrize("line", ["normal/../amd/3.png", "./amd/3.png", "amd//3.png"])
def test_a_list_may_name_a_file_in_a_roundabout_way(line, make_folders, tmp_path):
    root = make_folders()
    (tmp_path / "set/list.txt").write_text(f"{line}\n", encoding="utf-8")
    (split,) = split_folders(root, root, ratio=0.5, leave_out=tmp_path / "set/list.txt")
    assert "amd/3.png" not in names(split.training) + names(split.test)


def test_the_root_may_be_given_in_a_roundabout_way(make_folders, tmp_path):
    root = make_folders() / ".." / "set"
    write_list(tmp_path / "set/list.txt", [root / "amd/3.png"])
    (split,) = split_folders(root, root, ratio=0.5, leave_out=tmp_path / "set/list.txt")
    assert "amd/3.png" not in names(split.training) + names(split.test)


def test_the_list_of_a_folds_audit_can_be_left_out_of_the_whole(make_folders, tmp_path, write_picture):
    root = make_folders()
    write_picture(root / "amd/_5_678.png")
    fold = split_folders(root, root, fold_count=2)[0].folder
    write_list(tmp_path / "set/list.txt", (file for finding in audit(fold).findings for file in finding.leave_out))
    (split,) = split_folders(root, root, ratio=0.5, leave_out=tmp_path / "set/list.txt")
    assert sorted(names(split.training) + names(split.test)) == sorted(
        [f"amd/{number}.png" for number in range(10)] + [f"normal/{number}.png" for number in range(5)]
    )


def test_listed_files_that_are_no_photographs_of_the_set_come_in_one_message(listed, tmp_path):
    (tmp_path / "outside.png").touch()
    with pytest.raises(InputError) as raised:
        listed(b"normal\namd/3.png\n../outside.png\n3.png\n")
    advice = "every line names a photograph, as seen from the folder of the list"
    assert str(raised.value).splitlines() == [
        f"{tmp_path / 'set/list.txt'}: 3 faults found; {advice}",
        "  - normal is no photograph of the data set",
        "  - ../outside.png is no photograph of the data set",
        "  - 3.png is no photograph of the data set",
    ]


@pytest.mark.parametrize("content", [None, b"amd/\xff.png\n"])
def test_a_list_that_cannot_be_read_is_named(content, make_folders, tmp_path):
    root = make_folders()
    if content:
        (root / "list.txt").write_bytes(content)
    with pytest.raises(InputError) as raised:
        split_folders(root, tmp_path, ratio=0.5, leave_out=tmp_path / "set/list.txt")
    assert str(raised.value).startswith(f"--leave-out {tmp_path / 'set/list.txt'}: no list of files can be read (")


def test_a_list_may_not_take_everything(make_folders, tmp_path):
    root = make_folders()
    write_list(tmp_path / "set/list.txt", (root / "normal").iterdir())
    with pytest.raises(InputError, match=r"--leave-out .*list.txt: leaves no photograph of normal"):
        split_folders(root, root, ratio=0.5, leave_out=tmp_path / "set/list.txt")


@pytest.mark.parametrize("seed", [-1, 2**31])
@pytest.mark.parametrize("how", [{"ratio": 0.5}, {"fold_count": 2}])
def test_a_seed_has_a_range(seed, how, make_folders, tmp_path):
    with pytest.raises(InputError, match=f"--seed {seed}: expected a whole number from 0 to 2147483647"):
        split_folders(make_folders(), tmp_path / "out", seed=seed, **how)


def test_folds_of_the_working_folder_stand_beside_it(make_folders, monkeypatch):
    root = make_folders()
    monkeypatch.chdir(root)
    splits = split_folders(Path("."), Path("."), fold_count=2)
    assert [split.folder.resolve() for split in splits] == [root.parent / "set-fold1", root.parent / "set-fold2"]
    assert len(read_table(splits[0].folder / "train.csv")) == len(splits[0].training)


def test_folds_of_a_link_have_its_name_and_can_be_read(make_folders, tmp_path):
    store = tmp_path / "far/away"
    store.mkdir(parents=True)
    shutil.move(make_folders(), store / "data19469")
    link = tmp_path / "fundus6"
    link.symlink_to(store / "data19469")
    for split in (*split_folders(link, link, fold_count=2), *split_folders(link, link, ratio=0.5)):
        assert split.folder.name.startswith("fundus6")
        assert len(read_table(split.folder / "train.csv")) == len(split.training)
    assert len(read_table(store / "data19469/test.csv")) == len(split.test)


def test_the_folders_are_audited_again_for_a_list_although_they_are_split(make_folders, write_picture):
    """Or else a second round would put back what the first one left out."""
    root = make_folders()
    copy = write_picture(root / "amd/_5_678.png")
    write_list(root / "list.txt", [copy])
    split_folders(root, root, ratio=0.5, leave_out=root / "list.txt")
    looked_at, findings = audit(root)
    assert looked_at == f"train.csv and test.csv in {root}"
    assert not any(finding.falsifies for finding in findings)
    looked_at, findings = audit(root, before_split=True)
    assert looked_at == f"the folders of classes in {root}"
    assert [finding.leave_out for finding in findings if finding.falsifies] == [(copy,)]


def test_what_is_left_out_is_counted(make_folders):
    root = make_folders()
    write_list(root / "list.txt", [root / "amd/3.png", root / "amd/4.png"])
    assert split_folders(root, root, ratio=0.5, leave_out=root / "list.txt")[0].left_out == 2


def test_a_pattern_that_names_no_patient_is_refused(make_folders, tmp_path):
    with pytest.raises(InputError, match=r"--group \(x\): found in none of the 15 file names"):
        split_folders(make_folders(), tmp_path, ratio=0.5, group="(x)")


def test_folds_of_another_division_are_not_left_beside_new_ones(make_folders):
    root = make_folders()
    split_folders(root, root, fold_count=3)
    split_folders(root, root, fold_count=3)
    with pytest.raises(InputError, match=r"set-fold3: a fold of another division; remove .*set-fold\* first"):
        split_folders(root, root, fold_count=2)


def test_a_split_by_photograph_leaks_and_says_so(tmp_path, write_picture):
    """Both eyes of six patients in each of two classes: hardly any patient stays on one side."""
    for label, name in enumerate(("healthy", "ill")):
        for number in range(6):
            for side in ("left", "right"):
                write_picture(tmp_path / f"set/{name}/{10 * label + number}_{side}.png", label)
    (split,) = split_folders(tmp_path / "set", tmp_path / "leaking", ratio=0.5, by_photograph=True)
    patients = [{record.image.name.split("_")[0] for record in part.records} for part in (split.training, split.test)]
    assert split.leaking == len(patients[0] & patients[1]) > 0
    assert (len(split.training), len(split.test)) == (12, 12)
    found = audit(tmp_path / "leaking").findings
    assert sum(finding.kind == "patient on both sides of the split" for finding in found) == split.leaking
    (apart,) = split_folders(tmp_path / "set", tmp_path / "apart", ratio=0.5)
    assert apart.leaking == 0


def test_patients_who_are_taken_for_one_are_said(make_folders, tmp_path):
    root = make_folders("{}_left.png")
    shutil.copy(root / "amd/3_left.png", root / "normal/77_right.png")
    (split,) = split_folders(root, root, ratio=0.5)
    said = [note for note in split.notes if "count as one" in note]
    assert said == [
        "patients 3, 77 count as one, as pictures of theirs are the same or look alike, which tools/audit.py lists; "
        "such sets: 1"
    ]


def test_settings_that_mean_nothing_are_refused(make_folders, tmp_path):
    root = make_folders()
    (tmp_path / "sheet.csv").write_text("image,label\namd/0.png,0\n")
    with pytest.raises(InputError, match="--test-image-folder x: without --test-sheet it means nothing"):
        find_sheet(root, tmp_path / "sheet.csv", test_image_folders=[Path("x")])
    (fold, _) = split_folders(root, root, fold_count=2)
    with pytest.raises(InputError, match=r"--classes amd,normal: .* is no folder of class folders; leave it out"):
        audit(fold.folder, classes=["amd", "normal"])
