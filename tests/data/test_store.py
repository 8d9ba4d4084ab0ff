import os
import subprocess
import sys
import time

import numpy as np
import pytest

from paddle_eye.data import store
from paddle_eye.data.store import DiskBlocks, Store, choose_store, chosen_store
from paddle_eye.errors import InputError

KEYS = [bytes([number]) * 32 for number in range(4)]


def opened(folder):
    return Store(folder).blocks("kind")


def files(folder):
    return sorted(folder.rglob("*.blocks"))


@pytest.fixture
def filled(tmp_path):
    """A store of three blocks in one file."""
    blocks = opened(tmp_path)
    with blocks.writing():
        for number in range(3):
            blocks.put(KEYS[number], bytes(range(10 * number)))
    return tmp_path


def content(blocks):
    found = [blocks.get(key) for key in KEYS]
    return [None if block is None else block.tobytes() for block in found]


WHOLE = [b"", bytes(range(10)), bytes(range(20)), None]


def test_what_is_put_is_found_by_the_same_and_by_others(filled):
    assert len(files(filled)) == 1
    blocks = opened(filled)
    assert content(blocks) == WHOLE
    assert [key in blocks for key in KEYS] == [True, True, True, False]
    assert blocks.get(KEYS[1]).dtype == np.uint8


def test_a_block_alone_has_a_file_of_its_own_and_replaces_the_former(filled):
    blocks = opened(filled)
    blocks.put(KEYS[1], b"new")
    assert content(blocks) == content(opened(filled)) == [b"", b"new", bytes(range(20)), None]
    assert len(files(filled)) == 2


def test_what_was_put_before_an_error_is_kept(tmp_path):
    blocks = opened(tmp_path)
    with pytest.raises(KeyboardInterrupt), blocks.writing():
        blocks.put(KEYS[2], b"kept")
        raise KeyboardInterrupt
    assert content(blocks) == content(opened(tmp_path)) == [None, None, b"kept", None]
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".blocks"}


def test_large_files_are_divided(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_FILE_BYTES", 25)
    blocks = opened(tmp_path)
    with blocks.writing():
        for key in KEYS:
            blocks.put(key, key[:10])
            assert key in blocks
    assert len(files(tmp_path)) == 2
    assert content(opened(tmp_path)) == [key[:10] for key in KEYS]


def test_many_small_files_become_one(tmp_path):
    keys = [number.to_bytes(2, "big") * 16 for number in range(1, 301)]  # more than a process may have open on macOS
    reading = opened(tmp_path)
    for key in keys:
        blocks = opened(tmp_path)
        blocks.put(key, key[:5])
        if key == keys[10]:
            blocks.put(keys[0], b"again")
            reading = opened(tmp_path)
        assert len(files(tmp_path)) <= 64
    expected = [b"again", *(key[:5] for key in keys[1:])]
    assert [blocks.get(key).tobytes() for key in keys] == expected
    assert [opened(tmp_path).get(key).tobytes() for key in keys] == expected
    assert [reading.get(key).tobytes() for key in keys[:11]] == expected[:11]  # it has the files that were removed open


@pytest.mark.parametrize("place", range(0, 300, 7))
def test_no_flipped_bit_is_believed(place, filled):
    (file,) = files(filled)
    data = bytearray(file.read_bytes())
    data[place % len(data)] ^= 16
    file.write_bytes(data)
    for found, whole in zip(content(opened(filled)), WHOLE):
        assert found in (None, whole)


@pytest.mark.parametrize("length", [0, 1, 20, 21, 30, 60, 120, 180])
def test_a_file_that_is_cut_off_is_removed(length, filled):
    (file,) = files(filled)
    file.write_bytes(file.read_bytes()[:length])
    assert content(opened(filled)) == [None] * 4
    assert not file.exists()


def test_a_file_that_is_cut_off_while_it_is_open_gives_nothing(filled):
    blocks = opened(filled)
    (file,) = files(filled)
    os.truncate(file, 15)
    assert content(blocks) == [b"", bytes(range(10)), None, None]


def test_two_that_write_at_once_do_not_disturb_each_other(tmp_path):
    one, other = opened(tmp_path), opened(tmp_path)
    with one.writing(), other.writing():
        for key in KEYS:
            one.put(key, b"one" + key)
            other.put(key, b"two" + key)
    assert content(one) == [b"one" + key for key in KEYS]
    assert content(other) == [b"two" + key for key in KEYS]
    assert content(opened(tmp_path)) in (content(one), content(other))


KILLED = """
import os, sys
from pathlib import Path
from paddle_eye.data.store import Store
blocks = Store(Path(sys.argv[1])).blocks("kind")
with blocks.writing():
    blocks.put(bytes(32), bytes(10))
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_was_writing_is_not_there(filled):
    assert subprocess.run([sys.executable, "-c", KILLED, str(filled)], check=False).returncode == -9
    assert content(opened(filled)) == WHOLE


def test_what_was_not_used_for_the_longest_time_gives_way(tmp_path, monkeypatch):
    for number, key in enumerate(KEYS):
        opened(tmp_path).put(key, bytes(1000))
        path = max(files(tmp_path))
        os.utime(path, (time.time() - 1000 + number,) * 2)
    monkeypatch.setattr(store, "MOST_BYTES", 3500)
    blocks = opened(tmp_path)
    assert blocks.get(KEYS[0]) is not None  # and so it is the one used last
    blocks.put(bytes(32), bytes(10))
    assert [key in opened(tmp_path) for key in KEYS[1:]] == [False, True, True]
    assert blocks.get(KEYS[0]) is not None


def test_room_is_what_is_free_and_what_may_give_way(filled, monkeypatch):
    monkeypatch.setattr(store.shutil, "disk_usage", lambda folder: store.shutil._ntuple_diskusage(0, 0, 2**31))
    (file,) = files(filled)
    assert Store(filled).room() == 2**31 - 2**30 + file.stat().st_size
    monkeypatch.setattr(store, "MOST_BYTES", 5000)
    assert Store(filled).room() == 5000
    assert Store(filled, named=True).room() == 2**31 - 2**30 + file.stat().st_size


def test_files_grow_with_a_store_so_that_they_are_few(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_FILE_BYTES", 100)
    monkeypatch.setattr(store, "_MOST_LARGE_FILES", 4)
    blocks = opened(tmp_path)
    with blocks.writing():
        for number in range(200):
            blocks.put(number.to_bytes(32, "big"), bytes(50))
    assert 4 < len(files(tmp_path)) < 25
    assert all(number.to_bytes(32, "big") in opened(tmp_path) for number in range(200))


def test_the_store_of_a_process(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_chosen", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert chosen_store().folder == tmp_path / "caches/paddle_eye"
    assert (tmp_path / "caches/paddle_eye").stat().st_mode & 0o777 == 0o700
    choose_store("off")
    assert (chosen_store().folder, chosen_store().note) == (None, None)
    (tmp_path / "own").mkdir(mode=0o755)
    choose_store(str(tmp_path / "own"))
    assert chosen_store().folder == tmp_path / "own"
    assert isinstance(chosen_store().blocks("kind"), DiskBlocks)
    assert (tmp_path / "own/kind").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_chosen", None)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/inside: cannot be written to .*; give another folder, or off"):
        choose_store(str(tmp_path / "file/inside"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    choose_store()
    assert chosen_store().folder is None
    assert "prepared photographs are not kept" in chosen_store().note
