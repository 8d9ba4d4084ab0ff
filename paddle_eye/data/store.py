"""Blocks of bytes on the disk that later runs find again: what was made of photographs, and need not be made anew.

A store is a folder. Each kind of block has a folder in it, with files of blocks that are written once and never
changed. Several processes may use a store at the same time: what one adds, others find when they open it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Callable, NamedTuple, Protocol

import numpy as np

from paddle_eye.errors import InputError
from paddle_eye.files import building

OFF = "off"
MOST_BYTES = 64 * 2**30  # of a store that no person chose; what was not used for the longest time gives way
_LEFT_FREE = 2**30  # bytes of the disk
_FILE_BYTES = 2**28  # a killed run loses what is not yet in a whole file of this size, or larger ones where there are
_MOST_LARGE_FILES = 256  # of a kind: every file is kept open
_MOST_SMALL_FILES = 64  # less than half that size, of a kind: every file is kept open
_MAGIC = b"eyes-1\r\n"
_ENTRY = np.dtype([("key", "V32"), ("start", "<u8"), ("length", "<u8"), ("checksum", "<u4")])
_END = np.dtype([("entries", "<u8"), ("checksum", "<u4"), ("magic", "V8")])
_SUFFIX = ".blocks"


class Blocks(Protocol):
    """Blocks of one kind by their keys of 32 bytes."""

    def __contains__(self, key: bytes) -> bool: ...

    def get(self, key: bytes) -> np.ndarray | None:
        """The block, uint8 [N]; None if it is not there or damaged, and is to be made again."""

    def put(self, key: bytes, block: bytes) -> None:
        """Keep a block; from any thread, within `writing` or alone."""

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """What is put within goes into one file, or a few large ones; also what was put before an error."""


class MemoryBlocks(dict):
    """`Blocks` of this process."""

    def get(self, key: bytes) -> np.ndarray | None:
        """See `Blocks`."""
        return np.frombuffer(self[key], np.uint8) if key in self else None

    put = dict.__setitem__

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """See `Blocks`."""
        return contextlib.nullcontext()


class _Place(NamedTuple):
    file: _File
    start: int
    length: int
    checksum: int


class _File:
    """A file of blocks: the blocks, an entry for each, and the end, which says how many."""

    def __init__(self, path: Path) -> None:
        """Open a file and read its entries.

        Raises:
            ValueError: it is damaged.
        """
        self.path, self._lock, self._used = path, threading.Lock(), False
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - it stays open as long as its blocks are wanted
        weakref.finalize(self, self._file.close)
        self.size = os.fstat(self._file.fileno()).st_size
        (end,) = self._read(max(0, self.size - _END.itemsize), _END, 1)
        entries_start = self.size - _END.itemsize - int(end["entries"]) * _ENTRY.itemsize
        if end["magic"].tobytes() != _MAGIC or entries_start < 0:
            raise ValueError("it does not end as such a file does")
        self.entries = self._read(entries_start, _ENTRY, int(end["entries"]))
        inside = self.entries["start"] + self.entries["length"] <= entries_start
        if zlib.crc32(self.entries.tobytes()) != end["checksum"] or not inside.all():
            raise ValueError("its entries are damaged")

    def _read(self, start: int, kind: np.dtype, count: int) -> np.ndarray:
        # Not mapped: pages of a mapped file would count as memory of the process.
        values = np.empty(count, kind)
        with self._lock:
            self._file.seek(start)
            got = self._file.readinto(values.view(np.uint8))
        if got != values.nbytes:
            raise ValueError("it is cut off")
        return values

    def block(self, place: _Place) -> np.ndarray | None:
        if not self._used:  # what was used last is removed last
            self._used = True
            with contextlib.suppress(OSError):
                os.utime(self.path)
        try:
            block = self._read(place.start, np.dtype(np.uint8), place.length)
        except (OSError, ValueError):
            return None
        return block if zlib.crc32(block) == place.checksum else None


class _Growing:
    """A file of blocks that is being written."""

    def __init__(self, path: Path) -> None:
        self.path, self.file, self.entries, self.size = path, open(path, "xb"), {}, 0  # noqa: SIM115

    def write(self, key: bytes, block: bytes) -> None:
        self.file.write(block)
        self.entries[key] = (key, self.size, len(block), zlib.crc32(block))
        self.size += len(block)

    def finish(self, target: Path) -> None:
        """Add entries and end, and give the file its name."""
        with self.file:
            entries = np.array(list(self.entries.values()), _ENTRY)
            self.file.write(entries.tobytes())
            self.file.write(np.array([(len(entries), zlib.crc32(entries.tobytes()), _MAGIC)], _END).tobytes())
            self.file.flush()
            os.fsync(self.file.fileno())
        os.replace(self.path, target)


class DiskBlocks:
    """`Blocks` in a folder.

    Args:
        folder: of this kind.
        make_room: called before a file of so many bytes is added.
    """

    def __init__(self, folder: Path, make_room: Callable[[int], None]) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)  # photographs of patients, in whatever folder a person named
        self.folder, self._make_room = folder, make_room
        self._files: list[_File] = []
        self._places: dict[bytes, _Place] = {}
        self._lock = threading.RLock()
        self._new: _Growing | None = None
        for path in sorted(folder.glob(f"*{_SUFFIX}")):  # the newest last: it replaces what was found damaged
            try:
                self._add(path)
            except OSError:  # it cannot be opened just now, and is made anew
                continue
            except ValueError:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _add(self, path: Path) -> None:
        file = _File(path)
        self._files.append(file)
        for key, start, length, checksum in file.entries.tolist():
            self._places[key] = _Place(file, start, length, checksum)

    def __contains__(self, key: bytes) -> bool:
        return key in self._places or (self._new is not None and key in self._new.entries)

    def get(self, key: bytes) -> np.ndarray | None:
        """See `Blocks`."""
        place = self._places.get(key)
        block = None if place is None else place.file.block(place)
        if block is None:
            self._places.pop(key, None)
        return block

    def put(self, key: bytes, block: bytes) -> None:
        """See `Blocks`."""
        with self._lock, contextlib.nullcontext() if self._new else self.writing():
            self._new.write(key, block)
            written = self._new.size
            if written >= _FILE_BYTES and written >= sum(file.size for file in self._files) // _MOST_LARGE_FILES:
                following = self._new.path.with_name(secrets.token_hex(4))
                self._finish()
                self._new = _Growing(following)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """See `Blocks`."""
        with building(self.folder / "blocks") as place:
            self._new = _Growing(place / secrets.token_hex(4))
            try:
                yield
            finally:
                with self._lock:
                    self._finish()

    def _finish(self) -> None:
        finished, self._new = self._new, None
        if not finished.entries:
            finished.file.close()
            return
        taken_in = self._take_in_small_files(finished)
        self._make_room(finished.size)
        target = self.folder / f"{time.time_ns():020d}-{secrets.token_hex(4)}{_SUFFIX}"
        finished.finish(target)
        self._add(target)
        for file in taken_in:
            self._files.remove(file)
            with contextlib.suppress(OSError):  # Windows, where another process has it open
                file.path.unlink()

    def _take_in_small_files(self, growing: _Growing) -> list[_File]:
        """Copy the blocks of small files, where there are too many of them, as after many starts with a new image each.

        Returns:
            The files that are not needed any more.
        """
        small = [file for file in self._files if file.size < _FILE_BYTES // 2]
        if len(small) < _MOST_SMALL_FILES:
            return []
        taken_in = []
        for file in sorted(small, key=lambda file: file.size):
            if growing.size + file.size > _FILE_BYTES:
                break
            for key in file.entries["key"].tolist():
                place = self._places.get(key)
                if place is None or place.file is not file or key in growing.entries:
                    continue
                block = file.block(place)
                if block is not None:
                    growing.write(key, block)
            taken_in.append(file)
        return taken_in


class Store:
    """Where blocks are kept.

    Args:
        folder: of the kinds; None keeps blocks in memory, for those who hold them.
        note: what a person should know of it.
        named: whether a person chose the folder.
    """

    def __init__(self, folder: Path | None, note: str | None = None, named: bool = False) -> None:
        self.folder, self.note, self.named, self._opened = folder, note, named, time.time()

    def blocks(self, kind: str) -> Blocks:
        """The blocks of a kind, by the name of its folder."""
        return MemoryBlocks() if self.folder is None else DiskBlocks(self.folder / kind, self._make_room)

    def room(self) -> int:
        """Bytes that blocks may take, those that are there and may give way among them."""
        return self._room(sum(size for _, size, _ in self._files()))

    def _room(self, taken: int) -> int:
        room = taken + shutil.disk_usage(self.folder).free - _LEFT_FREE
        return room if self.named else min(MOST_BYTES, room)

    def _make_room(self, needed: int) -> None:
        """Remove what was not used for the longest time, and is not used by this process, as far as it has to be."""
        files = sorted(self._files())
        taken = sum(size for _, size, _ in files)
        over = taken + needed - self._room(taken)
        for used, size, path in files:
            if over <= 0 or used >= self._opened:
                break
            with contextlib.suppress(OSError):  # another process was faster, or Windows, where it is in use
                path.unlink()
            over -= size

    def _files(self) -> list[tuple[float, int, Path]]:
        """When each file was used last, its size, and its path."""
        found = []
        for path in self.folder.glob(f"*/*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found


def choose_store(name: str | None = None) -> None:
    """Make a folder the store of this process.

    Args:
        name: the folder; ``'off'``: nothing is kept on the disk; None: ``paddle_eye`` in the user's folder for caches
            (``$XDG_CACHE_HOME`` or ``~/.cache``), or nothing, if it cannot be written to.

    Raises:
        InputError: the folder cannot be written to.
    """
    global _chosen
    if name == OFF:
        _chosen = Store(None)
        return
    try:
        folder = Path(name or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = folder if name else folder / "paddle_eye"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with building(folder / "tried"):
            _chosen = Store(folder, named=name is not None)
    except (OSError, RuntimeError) as error:
        reason = "it is a file" if name and Path(name).is_file() else getattr(error, "strerror", None) or str(error)
        if name is not None:
            raise InputError(f"--cache {name}: cannot be written to ({reason}); give another folder, or off") from error
        _chosen = Store(None, f"prepared photographs are not kept for the next start ({reason}); see --cache")


_chosen: Store | None = None


def chosen_store() -> Store:
    """The store of this process; that of `choose_store` without a name, if it was not called."""
    if _chosen is None:
        choose_store()
    return _chosen
