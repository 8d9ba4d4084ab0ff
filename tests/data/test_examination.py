import errno
import hashlib
import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_eye.data import examination, images, store
from paddle_eye.data.examination import examine_pictures, picture_digests, spread_over
from paddle_eye.data.images import read_picture
from paddle_eye.data.preparation.synthetic import draw_fundus
from paddle_eye.data.store import Store
from paddle_eye.data.transforms import Preparation
from paddle_eye.errors import InputError, JobError

MIRRORED = Preparation("mirrored", lambda picture: picture[:, ::-1])
SMALL = Preparation("small", lambda picture: picture[:7, :5])


@pytest.fixture(autouse=True)
def on_disk(tmp_path_factory, monkeypatch):
    """The folder of a store of the test's own."""
    folder = tmp_path_factory.mktemp("store")
    monkeypatch.setattr(store, "_chosen", Store(folder))
    return folder


@pytest.fixture
def opened(monkeypatch):
    """The files that are read, from here on."""
    examine_pictures([])  # reads the code, once
    files = []
    monkeypatch.setattr(Path, "read_bytes", lambda path, read=Path.read_bytes: files.append(path) or read(path))
    return files


@pytest.fixture
def paths(tmp_path, write_picture):
    """Three pictures, old enough for their time to tell that they did not change."""
    paths = [write_picture(tmp_path / f"{number}.png") for number in range(3)]
    time.sleep(0.06)
    return paths


def damage(jpeg):
    """Put a marker where picture data should be."""
    data = bytearray(jpeg.read_bytes())
    middle = (data.rfind(b"\xff\xda") + len(data)) // 2
    data[middle : middle + 2] = b"\xff\xd0"
    jpeg.write_bytes(data)
    return jpeg


def test_every_picture_is_read_and_prepared_once(paths, opened):
    examined = examine_pictures(paths, [MIRRORED] * 2 + [SMALL])
    assert sorted(opened) == paths
    assert len(examined.prepared) == 3
    for number, (path, prepared) in enumerate(zip(paths, examined.prepared)):
        expected = read_picture(path)[:, ::-1] if number < 2 else read_picture(path)[:7, :5]
        np.testing.assert_array_equal(prepared, expected)


def test_every_whole_picture_gets_its_fingerprint(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{number}.png") for number in range(8)]
    examined = examine_pictures(paths)
    assert set(examined.fingerprints) == set(paths)
    for path in paths:
        assert examined.fingerprints[path].digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert examined.faults == examined.warnings == {}


def test_faults_are_told_in_the_order_of_the_files(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{name}.jpg") for name in "dbca"]
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:-40])
    paths[3].write_bytes(b"no picture")
    examined = examine_pictures(paths)
    assert set(examined.fingerprints) == {paths[2]}
    assert list(examined.faults) == [paths[0], paths[1], paths[3]]
    for path, fault in examined.faults.items():
        with pytest.raises(InputError) as raised:
            read_picture(path)
        assert fault == str(raised.value)


def test_of_no_files_nothing_is_found():
    examined = examine_pictures([])
    assert [len(each) for each in examined] == [0] * 6


def test_a_jpeg_damaged_in_the_middle_is_warned_of(tmp_path, write_picture):
    paths = [write_picture(tmp_path / f"{number}.jpg") for number in range(5)]
    damage(paths[3])
    examined = examine_pictures(paths)
    assert set(examined.fingerprints) == set(paths)
    assert examined.faults == {}
    assert set(examined.warnings) == {paths[3]}
    assert "Corrupt JPEG data" in examined.warnings[paths[3]]


def test_what_the_decoder_says_is_not_printed_and_what_is_printed_later_is(tmp_path, write_picture, capfd):
    examine_pictures([damage(write_picture(tmp_path / "picture.jpg"))])
    os.write(2, b"printed later\n")
    assert capfd.readouterr().err == "printed later\n"


def test_listening_to_the_decoder_leaves_no_file_open(tmp_path, write_picture):
    paths = [damage(write_picture(tmp_path / f"{number}.jpg")) for number in range(3)]
    examine_pictures(paths)
    before = os.dup(2)
    os.close(before)
    examine_pictures(paths)
    after = os.dup(2)
    os.close(after)
    assert before == after


def test_harmless_remarks_of_a_decoder_are_no_warnings(tmp_path):
    """Two zero bytes between the parts of a JPEG; the picture is whole."""
    data = cv2.imencode(".jpg", np.full((40, 40, 3), 90, np.uint8))[1].tobytes()
    (tmp_path / "padded.jpg").write_bytes(data[:20] + b"\0\0" + data[20:])
    examined = examine_pictures([tmp_path / "padded.jpg"])
    assert (examined.faults, examined.warnings) == ({}, {})
    assert len(examined.fingerprints) == 1


def test_of_a_second_time_no_picture_is_read(paths, opened):
    first = examine_pictures(paths, [MIRRORED] * 3)
    expected = [picture.copy() for picture in first.prepared]
    opened.clear()
    second = examine_pictures(paths, [MIRRORED] * 3)
    assert second.digests == first.digests == dict(zip(paths, picture_digests(paths)))
    np.testing.assert_array_equal(np.stack(list(second.prepared)), np.stack(expected))
    for path in paths:
        for name in ("structure", "colours"):
            one, two = (getattr(examined.fingerprints[path], name) for examined in (first, second))
            np.testing.assert_array_equal(one, two)
    assert opened == []


def test_a_picture_is_judged_when_it_is_read_and_never_again(tmp_path, opened):
    pictures = [draw_fundus("N", np.random.default_rng(0)).picture, np.zeros((120, 120, 3), np.uint8)]
    paths = [tmp_path / f"{number:02}.png" for number in range(40)]
    for number, path in enumerate(paths):
        path.write_bytes(cv2.imencode(".png", pictures[number % 2])[1].tobytes())
    time.sleep(0.06)
    few = spread_over(paths)
    assert (len(few), few[0], few[-1]) == (16, paths[0], paths[-1])
    examined = examine_pictures(paths, [SMALL] * 40, few)
    assert examined.passing == {path: int(path.stem) % 2 == 0 for path in few}
    assert sorted(opened) == paths
    opened.clear()
    assert examine_pictures(paths, judged=few).passing == examined.passing
    assert opened == [] and examine_pictures(paths[:1]).passing == {}
    assert spread_over(paths[:3]) == paths[:3]


def test_a_store_in_memory_holds_what_was_examined_and_no_more(paths, opened, monkeypatch):
    monkeypatch.setattr(store, "_chosen", Store(None))
    for _ in range(2):
        opened.clear()
        examined = examine_pictures(paths, [MIRRORED] * 3)
        assert sorted(opened) == paths
    np.testing.assert_array_equal(examined.prepared[2], read_picture(paths[2])[:, ::-1])
    assert examined.fingerprints[paths[2]].digest == picture_digests(paths)[2]


def test_a_warning_is_remembered(paths, write_picture, tmp_path):
    damaged = damage(write_picture(tmp_path / "damaged.jpg"))
    first = examine_pictures([*paths, damaged])
    assert set(first.warnings) == {damaged}
    assert examine_pictures([*paths, damaged]).warnings == first.warnings


def test_another_preparation_is_made_anew(paths, opened):
    examine_pictures(paths, [MIRRORED] * 3)
    opened.clear()
    examined = examine_pictures(paths, [SMALL] * 3)
    assert sorted(opened) == paths
    assert examined.prepared[1].shape == (7, 5, 3)


def test_a_file_that_changed_is_read_again_even_if_size_and_time_are_the_old_ones(paths):
    examine_pictures(paths, [MIRRORED] * 3)
    before = os.stat(paths[1])
    picture = read_picture(paths[1])
    picture[0, 0] = 255 - picture[0, 0]
    data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
    paths[1].write_bytes(data)
    os.utime(paths[1], ns=(before.st_atime_ns, before.st_mtime_ns))
    examined = examine_pictures(paths, [MIRRORED] * 3)
    np.testing.assert_array_equal(examined.prepared[1], picture[:, ::-1])
    assert examined.digests[paths[1]] == hashlib.sha256(data).hexdigest()


def test_a_copy_elsewhere_is_read_but_not_decoded(paths, tmp_path, monkeypatch):
    examine_pictures(paths, [MIRRORED] * 3)
    copy = tmp_path / "copy.png"
    copy.write_bytes(paths[0].read_bytes())
    monkeypatch.setattr(examination, "decode_picture", None)
    np.testing.assert_array_equal(examine_pictures([copy], [MIRRORED]).prepared[0], read_picture(copy)[:, ::-1])


def test_a_file_of_this_moment_is_not_known_by_its_time(tmp_path, write_picture, opened, monkeypatch):
    path = write_picture(tmp_path / "new.png")
    monkeypatch.setattr(time, "time_ns", lambda: os.stat(path).st_ctime_ns + 10**6)
    examine_pictures([path])
    opened.clear()
    assert picture_digests([path]) == [hashlib.sha256(path.read_bytes()).hexdigest()]
    assert opened.count(path) == 2  # here and there


def flip(folder, kind):
    """Change one bit of every block of a picture, or of the first smaller one, in every file of a kind."""
    files = list(folder.glob(f"{kind}*/*.blocks"))
    for file in files:
        data = bytearray(file.read_bytes())
        for place in range(20, len(data) - 200, 2000):  # behind the blocks, their entries stay whole
            data[place] ^= 1
        file.write_bytes(data)
    assert files


@pytest.mark.parametrize("kind", ["mirrored", "looks"])
def test_what_is_damaged_in_the_store_is_made_again(kind, paths, on_disk):
    first = examine_pictures(paths, [MIRRORED] * 3)
    expected = [first.prepared[n].copy() for n in range(3)], [first.fingerprints[path].colours for path in paths]
    flip(on_disk, kind)
    for _ in range(2):
        examined = examine_pictures(paths, [MIRRORED] * 3)
        for number, path in enumerate(paths):
            np.testing.assert_array_equal(examined.prepared[number], expected[0][number])
            np.testing.assert_array_equal(examined.fingerprints[path].colours, expected[1][number])


def test_a_store_that_cannot_be_written_to_any_more(paths, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    examined = examine_pictures(paths, [MIRRORED] * 3)
    monkeypatch.setattr(store._Growing, "finish", full)
    examined.prepared[0]
    with pytest.raises(JobError, match=r"store\d+: prepared photographs cannot be kept there \(No space left"):
        examine_pictures(paths, [SMALL] * 3)


def test_what_is_made_again_need_not_be_kept(paths, on_disk, monkeypatch):
    examined = examine_pictures(paths, [MIRRORED] * 3)
    flip(on_disk, "mirrored")
    monkeypatch.setattr(store.DiskBlocks, "put", lambda *_: os.stat("/missing/file"))
    np.testing.assert_array_equal(examined.prepared[1], read_picture(paths[1])[:, ::-1])


def test_damaged_digests_are_not_believed(paths, on_disk):
    digests = picture_digests(paths)
    flip(on_disk, "files")
    assert picture_digests(paths) == digests


def test_a_photograph_that_changed_while_it_is_needed_is_told(paths, on_disk):
    examined = examine_pictures(paths, [MIRRORED] * 3)
    flip(on_disk, "mirrored")
    paths[0].write_bytes(b"another")
    with pytest.raises(JobError, match=r"0.png: the photograph was changed since this began; start again"):
        examined.prepared[0]


def test_what_other_code_made_is_not_believed(paths, opened, monkeypatch):
    examine_pictures(paths, [MIRRORED] * 3)
    opened.clear()
    monkeypatch.setattr(examination, "_made_by", lambda *modules: "other")
    examine_pictures(paths, [MIRRORED] * 3)
    assert sorted(opened) == paths


def test_the_name_of_the_code_is_of_all_that_makes_pixels():
    opencv, pillow = cv2.__version__, examination.PIL.__version__
    assert examination._made_by(images).endswith(f"-opencv{opencv}-pillow{pillow}")
