import io
import zipfile

import pytest

from paddle_eye.data.preparation import archives
from paddle_eye.data.preparation.archives import described, missing_archives, sets_in, unpack, unpack_drive
from paddle_eye.data.sources.palm import LABEL_FILE, TRAINING_FOLDER, VALIDATION_FOLDER, read_palm
from paddle_eye.errors import InputError

INNER = "PALM-Training400/PALM-Training400.zip"


def zipped(members):
    """The bytes of a zip archive with these contents under these names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


class Packed:
    """A PALM folder packed as AI Studio's data set 19469 has it; tests change the members and write it."""

    def __init__(self, palm, folder):
        self.folder = folder
        self.training = self._members(palm / TRAINING_FOLDER)
        self.outer = {}
        self.validation = self._members(palm / VALIDATION_FOLDER)
        self.labels = self._members((palm / LABEL_FILE).parent)

    @staticmethod
    def _members(folder):
        return {f"{folder.name}/{path.name}": path.read_bytes() for path in sorted(folder.iterdir())}

    def write(self):
        self.folder.mkdir()
        outer = self.outer or {INNER: zipped(self.training)}
        for name, members in (("training", outer), ("validation", self.validation), ("valid_gt", self.labels)):
            (self.folder / f"{name}.zip").write_bytes(zipped(members))
        return self.folder


@pytest.fixture
def palm(tmp_path, make_palm):
    return make_palm(tmp_path / "original", {"H": 1, "N": 1, "P": 2}, [0, 1])


@pytest.fixture
def packed(palm, tmp_path):
    return Packed(palm, tmp_path / "packed")


def test_both_sets_are_found_in_one_folder(packed):
    folder = packed.write()
    assert sets_in(folder) == [False]
    (folder / "DRIVE.zip").touch()
    assert sets_in(folder) == [False, True]
    (folder / "training.zip").unlink()
    assert sets_in(folder) == [True]
    (folder / "DRIVE.zip").unlink()
    with pytest.raises(InputError, match=r"missing: training.zip"):
        sets_in(folder)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "dataset" / "palm"


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def contents_outside(folder, root):
    return {path: data for path, data in contents(root).items() if folder not in (root / path).parents}


def refused(folder, target):
    """The message with which unpacking is refused; nothing may be left behind."""
    with pytest.raises(InputError) as raised:
        unpack(folder, target)
    assert not target.parent.exists() or list(target.parent.iterdir()) == []
    return str(raised.value)


def test_the_archives_give_the_folder_that_was_packed(packed, palm, target):
    unpack(packed.write(), target)
    assert contents(target) == contents(palm)
    assert list(target.parent.iterdir()) == [target]
    assert len(read_palm(target).training) == 4


def test_other_people_can_read_the_folder(packed, target):
    unpack(packed.write(), target)
    assert target.stat().st_mode & 0o777 == 0o755


def test_the_folder_may_stand_anywhere_in_the_archive(packed, palm, target):
    packed.validation = {f"a/b/{name}": content for name, content in packed.validation.items()}
    unpack(packed.write(), target)
    assert contents(target) == contents(palm)


@pytest.mark.parametrize(
    "name",
    [
        "__MACOSX/PALM-Validation400/V0001.jpg",
        "__MACOSX/PALM-Validation400/._V0001.jpg",
        "PALM-Validation400/._V0001.jpg",
        "PALM-Validation400/Thumbs.db",
        "PALM-Validation400/more/V0009.jpg",
        "V0009.jpg",
        "../../evil.jpg",
        "PALM-Validation400/../../evil.jpg",
        "{tmp_path}/evil.jpg",
    ],
)
def test_what_is_no_photograph_of_the_folder_is_left_out(name, packed, palm, target, tmp_path):
    packed.validation[name.format(tmp_path=tmp_path)] = b"\xff\xd8\xff something else"
    packed.write()
    before = contents(tmp_path)
    unpack(packed.folder, target)
    assert contents(target) == contents(palm)
    assert contents_outside(target, tmp_path) == before


@pytest.mark.parametrize("prefix", ["../../../", "PALM-Validation400/../../../", "{tmp_path}/", "C:/"])
def test_a_hostile_path_is_cut_down_to_the_file_name(prefix, packed, target, tmp_path):
    evil = packed.validation["PALM-Validation400/V0001.jpg"]
    packed.validation[f"{prefix.format(tmp_path=tmp_path)}PALM-Validation400/evil.jpg"] = evil
    packed.write()
    before = contents(tmp_path)
    unpack(packed.folder, target)
    assert (target / VALIDATION_FOLDER / "evil.jpg").read_bytes() == evil
    assert contents_outside(target, tmp_path) == before


@pytest.mark.parametrize("lacking", [["valid_gt.zip"], ["training.zip", "validation.zip"], archives.ARCHIVES])
def test_missing_archives_are_named_together(lacking, packed, target):
    packed.write()
    for name in lacking:
        (packed.folder / name).unlink()
    assert missing_archives(packed.folder) == list(lacking)
    first, *rest = refused(packed.folder, target).splitlines()
    assert first.endswith(
        "the folder must hold training.zip, validation.zip, valid_gt.zip as AI Studio's data set 19469 has them"
    )
    assert rest == [f"  - missing: {name}" for name in lacking]


def test_a_target_that_exists_is_left_alone(packed, target):
    target.mkdir(parents=True)
    (target / "mine.txt").touch()
    with pytest.raises(InputError, match=r"palm exists already; move it away or give another folder with --data"):
        unpack(packed.write(), target)
    assert [path.name for path in target.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", archives.ARCHIVES)
def test_a_cut_off_archive_is_named(name, packed, target):
    path = packed.write() / name
    path.write_bytes(path.read_bytes()[:-30])
    message = refused(packed.folder, target)
    assert message.startswith(f"{path}: this is no whole zip archive (")
    assert message.endswith("; download it again")


def test_a_cut_off_inner_archive_is_named(packed, target):
    packed.outer = {INNER: zipped(packed.training)[:-30]}
    assert f"{packed.folder / 'training.zip'}: this is no whole zip archive" in refused(packed.write(), target)


def test_a_training_archive_without_the_inner_one_is_named(packed, target):
    packed.outer = packed.training
    message = refused(packed.write(), target)
    assert message == f"{packed.folder / 'training.zip'}: expected one PALM-Training400.zip in it, found 0"


def damage(path, stored):
    """Invert bytes of the first member's content; in a deflated one the stream itself is broken by it."""
    with zipfile.ZipFile(path) as archive:
        info = archive.infolist()[0]
        content = {name: archive.read(name) for name in archive.namelist()}
    if stored:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
    data = bytearray(path.read_bytes())
    start = 30 + len(info.filename)
    data[start + 2 : start + 40] = bytes(255 - byte for byte in data[start + 2 : start + 40])
    path.write_bytes(data)
    return info.filename


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "deflated"])
def test_a_damaged_member_is_named(stored, packed, target):
    path = packed.write() / "validation.zip"
    member = damage(path, stored)
    message = refused(packed.folder, target)
    assert message.startswith(f"{path}: {member} cannot be unpacked (")
    assert message.endswith("; download it again")


def test_an_oversize_member_is_refused(packed, target, monkeypatch):
    sizes = [len(content) for content in packed.validation.values()]
    packed.validation["PALM-Validation400/V0099.jpg"] = bytes(10 * max(sizes))
    monkeypatch.setattr(archives, "_LARGEST_MEMBER", 5 * max(sizes))
    message = refused(packed.write(), target)
    assert f"{packed.folder / 'validation.zip'}: PALM-Validation400/V0099.jpg unpacks to more than" in message


def test_an_oversize_inner_archive_is_refused(packed, target, monkeypatch):
    monkeypatch.setattr(archives, "_LARGEST_INNER_ARCHIVE", 100)
    assert f"{INNER} unpacks to more than 100 bytes" in refused(packed.write(), target)


def test_a_member_of_just_the_limit_is_taken(packed, palm, target, monkeypatch):
    members = [*packed.training.values(), *packed.validation.values(), *packed.labels.values()]
    monkeypatch.setattr(archives, "_LARGEST_MEMBER", max(map(len, members)))
    unpack(packed.write(), target)
    assert contents(target) == contents(palm)


def test_archives_of_something_else_are_refused(packed, target):
    packed.validation = {"PALM-Validation400/V0001.jpg": b"no picture"}
    message = refused(packed.write(), target)
    assert "V0001.jpg is no picture" in message
    assert "V0002.jpg is not in" in message


def test_faults_of_what_was_unpacked_name_the_archives(packed, target):
    packed.validation = {"PALM-Validation400/V0001.jpg": b"no picture"}
    message = refused(packed.write(), target)
    assert str(packed.folder) in message
    assert ".palm." not in message


def test_a_sheet_that_cannot_be_read_is_named(packed, target):
    packed.labels = dict.fromkeys(packed.labels, b"no workbook")
    message = refused(packed.write(), target)
    assert f"{packed.folder}: these archives hold no complete PALM; download them again\n" in message
    assert message.splitlines()[1].startswith(f"{LABEL_FILE}: ")


def test_two_members_of_one_name_are_refused(packed, target):
    packed.validation["other/PALM-Validation400/V0001.jpg"] = b"another photograph"
    assert "validation.zip: PALM-Validation400/V0001.jpg is in it twice" in refused(packed.write(), target)


def test_a_missing_sheet_is_not_answered_with_the_same_command(packed, target):
    packed.labels = {"PALM-Validation-GT/readme.txt": b"moved"}
    assert "python tools/prepare_data.py" not in refused(packed.write(), target)


@pytest.fixture
def drive(tmp_path):
    """DRIVE's archive with tiny pictures."""
    with zipfile.ZipFile(tmp_path / "DRIVE.zip", "w") as archive:
        for part, numbers in (("training", range(21, 41)), ("test", range(1, 21))):
            for number in numbers:
                for name in (f"images/{number:02d}_{part}.tif", f"1st_manual/{number:02d}_manual1.gif"):
                    archive.writestr(f"DRIVE/{part}/{name}", b"picture")
                archive.writestr(f"DRIVE/{part}/mask/{number:02d}_{part}_mask.gif", b"field")
        archive.writestr("../../outside.txt", b"")
    return tmp_path


def test_drive_is_unpacked_in_its_two_parts(drive, tmp_path):
    unpack_drive(drive, tmp_path / "drive")
    files = sorted(path.relative_to(tmp_path / "drive").as_posix() for path in (tmp_path / "drive").rglob("*.*"))
    assert len(files) == 120
    assert files[0] == "test/1st_manual/01_manual1.gif"
    assert described(tmp_path / "drive", drive=True) == [
        f"{tmp_path / 'drive'}: 20 training photographs with vessels",
        f"{tmp_path / 'drive'}: 20 test photographs with vessels",
    ]


def test_a_drive_whose_test_part_has_no_vessels_is_unpacked_and_that_is_said(drive, tmp_path):
    with zipfile.ZipFile(drive / "DRIVE.zip") as whole:
        kept = [name for name in whole.namelist() if "test/1st_manual" not in name]
        (drive / "now").mkdir()
        with zipfile.ZipFile(drive / "now" / "DRIVE.zip", "w") as archive:
            for name in kept:
                archive.writestr(name, whole.read(name))
    unpack_drive(drive / "now", tmp_path / "drive")
    assert len(list((tmp_path / "drive").rglob("*.*"))) == 100
    (line,) = described(tmp_path / "drive", drive=True)
    assert line.startswith(f"{tmp_path / 'drive'}: 20 training photographs with vessels; those of the test")


def test_a_drive_with_a_file_twice_is_refused(drive, tmp_path):
    with zipfile.ZipFile(drive / "DRIVE.zip", "a") as archive:
        archive.writestr("copy/DRIVE/test/images/01_test.tif", b"another picture")
    with pytest.raises(InputError, match=r"DRIVE\.zip: test/images/01_test\.tif is in it twice"):
        unpack_drive(drive, tmp_path / "drive")
    assert [path.name for path in tmp_path.iterdir()] == ["DRIVE.zip"]


def test_a_drive_with_a_file_missing_is_refused_and_nothing_is_left(tmp_path):
    with zipfile.ZipFile(tmp_path / "DRIVE.zip", "w") as archive:
        archive.writestr("DRIVE/training/images/21_training.tif", b"picture")
    with pytest.raises(InputError, match=r"DRIVE\.zip: training/1st_manual/21_manual1\.gif is missing"):
        unpack_drive(tmp_path, tmp_path / "drive")
    assert [path.name for path in tmp_path.iterdir()] == ["DRIVE.zip"]


@pytest.mark.parametrize(("place", "value"), [(6, 200), (8, 255)])
def test_an_archive_with_a_damaged_directory_is_refused(drive, tmp_path, place, value):
    content = bytearray((drive / "DRIVE.zip").read_bytes())
    first = content.index(b"PK\x01\x02")
    if place == 8:  # a name that is said to be in UTF-8, and is not
        content[first + 9] |= 8
        content[first + 46] = value
    else:  # the version that is needed to read it
        content[first + place] = value
    (drive / "DRIVE.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"DRIVE.zip: this is no whole zip archive .*; download it again"):
        unpack_drive(drive, tmp_path / "drive")


def test_damage_of_a_member_in_bzip2_is_named(packed, target):
    path = packed.write() / "validation.zip"
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    member = damage(path, stored=False)
    assert refused(packed.folder, target).startswith(f"{path}: {member} cannot be unpacked (")
