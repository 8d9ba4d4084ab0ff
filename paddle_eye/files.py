"""Reading a stranger's file within bounds, and writing a file or a folder whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paddle_eye.errors import InputError, visible

try:
    import fcntl
except ImportError:  # Windows; what killed commands leave is not swept there
    fcntl = None

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # of what spreadsheets take for one
_YOUNG = 10  # seconds, in which a new file is not locked yet


def file_digest(path: Path) -> str:
    """SHA-256 of a file of ours, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def no_formula(name: str) -> str:
    """The name of a file as a table has it: ``./`` before one that a spreadsheet takes for a formula, or strips."""
    return f"./{name}" if name.startswith((" ", *FORMULA_STARTS)) else name


def require_ordinary(path: str | os.PathLike, most_megabytes: int, expected: str) -> None:
    """Refuse what would never end, or fill the memory, when it is read.

    Args:
        path: the file.
        most_megabytes: how large it may be.
        expected: what it should be, for the message: ``'a YAML file'``.

    Raises:
        InputError: it is missing, no ordinary file (such as a device or a pipe), or too large.
    """
    try:
        found = os.stat(path)
    except ValueError as error:  # a NUL in the path
        raise InputError(f"{str(path)!r}: this is no name of a file; give {expected}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give {expected}") from error
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: this is no ordinary file; give {expected}")
    if found.st_size > most_megabytes * 2**20:
        raise InputError(f"{path}: it has {found.st_size / 2**20:.1f} MB; give {expected} of at most {most_megabytes}")


def read_ordinary(path: str | os.PathLike, most_megabytes: int, expected: str) -> bytes:
    """The bytes of a file, see `require_ordinary`; also an InputError if they cannot be read."""
    require_ordinary(path, most_megabytes, expected)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give {expected}") from error


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is none, or too deeply nested.
    """
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("too deeply nested") from error


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def read_json(path: str | os.PathLike, expected: str) -> Any:
    """The value in a JSON file of at most 64 MB.

    Args:
        path: the file.
        expected: what it should be, for the message: ``'a report'``.

    Raises:
        InputError: it cannot be read, or is no JSON.
    """
    try:
        return parse_json(read_ordinary(path, 64, expected))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: this is no JSON ({error}); give {expected}") from error


def put_in_place(work: Path, target: Path) -> None:
    """Give what was built its name, unless another process has just built the same there."""
    try:
        work.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write ``data`` so that ``path`` holds either its former content or all of the new one.

    The bytes go to a temporary name in the same folder, are flushed to the disk, and take the final name in
    one step; a fault on the way removes the temporary file and leaves the former one alone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    temporary = path.with_name(_temporary_name())
    try:
        with open(temporary, "xb") as file:
            _lock(file.fileno())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):  # of a name that means nothing to anyone, or, on a full disk, of none
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    _flush_folder(path.parent)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write ``text`` as UTF-8 with `write_bytes`.

    Raises:
        InputError: there is a name in it that has no place in UTF-8.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        name = visible(text[max(0, error.start - 40) : error.end + 40])
        raise InputError(f"{path}: not written, a name is not in UTF-8, in {name!r}; rename that file") from error
    write_bytes(path, data)


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write ``value`` as indented JSON with `write_bytes`; NaN is refused, JSON has no such number."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextlib.contextmanager
def building(target: Path) -> Iterator[Path]:
    """A hidden folder beside ``target`` to build something in; what is still in it at the end is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    folder = target.with_name(_temporary_name())
    folder.mkdir()
    try:
        with _locked(folder):
            yield folder
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def claimed(folder: Path, purpose: str) -> Iterator[None]:
    """A folder that no other process of the project may claim, until this one lets it go or has ended.

    Args:
        folder: which is there.
        purpose: what is done with it, for the message: ``'training this run'``.

    Raises:
        InputError: another process has claimed it.
    """
    with _locked(folder) as is_first:
        if not is_first:
            raise InputError(f"{folder}: another process is {purpose}; wait for it, or give another folder")
        yield


def _temporary_name() -> str:
    """Short, as the name that it stands for may be as long as a name can be."""
    return f".{secrets.token_hex(8)}.paddle_eye"


_TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.paddle_eye")
_swept: set[Path] = set()


def _lock(descriptor: int) -> bool:
    """Mark something as in use, until it is closed or its process has ended, however it has.

    Returns:
        False if another process has marked it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (OSError, AttributeError):  # a file system, or a system, without locks
        pass
    return True


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """`_lock` for a folder."""
    if fcntl is None:  # Windows, where a folder cannot be opened
        yield True
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove what commands that were killed left in a folder, once a process."""
    if folder in _swept or fcntl is None:
        return
    _swept.add(folder)
    for left in [path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name)]:
        with contextlib.suppress(OSError):  # it is in use, or its own process has just removed it
            descriptor = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - left.stat().st_mtime > _YOUNG:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
            finally:
                os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the file system can flush folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
