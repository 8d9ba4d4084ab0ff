"""Unpacking the original archives of PALM and DRIVE, taking nothing from them but pictures and the label sheet."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from paddle_eye.data.sources.pairs import find_pairs
from paddle_eye.data.sources.palm import LABEL_FILE, TRAINING_FOLDER, VALIDATION_FOLDER, read_palm
from paddle_eye.errors import InputError, raise_faults
from paddle_eye.files import building, put_in_place

ARCHIVES = ("training.zip", "validation.zip", "valid_gt.zip")
DRIVE_ARCHIVE = "DRIVE.zip"
_DRIVE_FILES = {
    "images": "{number:02d}_{part}.tif",
    "1st_manual": "{number:02d}_manual1.gif",
    "mask": "{number:02d}_{part}_mask.gif",
}
INNER_TRAINING_ARCHIVE = "PALM-Training400.zip"
_LARGEST_MEMBER = 256 * 2**20  # bytes; an original photograph has about 1 MB, the inner archive of 400 may have more
_LARGEST_INNER_ARCHIVE = _LARGEST_TOTAL = 4 * 2**30
_CHUNK = 2**20


def missing_archives(folder: Path) -> list[str]:
    """Which of the three archives are not in ``folder``."""
    return [name for name in ARCHIVES if not (folder / name).is_file()]


def require(folder: Path) -> None:
    """Raise an `InputError` that names the archives which are not in ``folder``."""
    raise_faults(
        folder,
        [f"missing: {name}" for name in missing_archives(folder)],
        f"the folder must hold {', '.join(ARCHIVES)} as AI Studio's data set 19469 has them",
    )


def is_free(target: Path) -> bool:
    """Whether there is nothing at ``target``, or an empty folder."""
    return not target.exists() or (target.is_dir() and not any(target.iterdir()))


def unpack(folder: Path, target: Path) -> None:
    """Unpack the archives in ``folder`` to a PALM folder ``target``, whole or not at all.

    Only the file names inside the archives are used, never their paths, so that nothing can be written elsewhere.

    Raises:
        InputError: an archive is missing or damaged, a member is beyond any sensible size, ``target`` exists and is
            not empty, or what was unpacked is no complete PALM data set.
    """
    require(folder)
    if not is_free(target):
        raise InputError(f"{target} exists already; move it away or give another folder with --data")
    with building(target) as work:
        with _open(folder / "training.zip") as outer:
            inner = [name for name in outer.namelist() if PurePosixPath(name).name == INNER_TRAINING_ARCHIVE]
            if len(inner) != 1:
                raise InputError(f"{outer.filename}: expected one {INNER_TRAINING_ARCHIVE} in it, found {len(inner)}")
            copied = work / INNER_TRAINING_ARCHIVE  # on the disk: it may be larger than the memory
            _copy(outer, inner[0], copied, _LARGEST_INNER_ARCHIVE)
            with _open(outer.filename, copied) as photographs:
                _extract(photographs, TRAINING_FOLDER.name, ".jpg", work / TRAINING_FOLDER)
            copied.unlink()
        with _open(folder / "validation.zip") as photographs:
            _extract(photographs, VALIDATION_FOLDER.name, ".jpg", work / VALIDATION_FOLDER)
        with _open(folder / "valid_gt.zip") as sheets:
            _extract(sheets, LABEL_FILE.parent.name, ".xlsx", work / LABEL_FILE.parent)
        _check(work, folder)
        put_in_place(work, target)


def sets_in(folder: Path) -> list[bool]:
    """Of which sets all archives are in ``folder``: False for PALM, True for DRIVE.

    Raises:
        InputError: there is no whole set.
    """
    drive = (folder / DRIVE_ARCHIVE).is_file()
    if not drive:
        require(folder)
    return [False] * (not missing_archives(folder)) + [True] * drive


def unpack_drive(folder: Path, target: Path) -> None:
    """Unpack ``DRIVE.zip`` in ``folder`` to ``target/training`` and ``target/test``, whole or not at all.

    The test photographs may all be without vessels, as the challenge has given them out since it judges by them.

    Raises:
        InputError: the archive is damaged or holds no DRIVE, or ``target`` exists and is not empty.
    """
    if not is_free(target):
        raise InputError(f"{target} exists already; move it away or give another folder with --data")
    with building(target) as work, _open(folder / DRIVE_ARCHIVE) as archive:
        names = defaultdict(list)
        for name in archive.namelist():
            names[PurePosixPath(name).parts[-3:]].append(name)
        total, vessels = 0, "1st_manual"
        withheld = not any(inner[:2] == ("test", vessels) for inner in names)
        for part in ("training", "test"):
            for number in range(21, 41) if part == "training" else range(1, 21):
                for kind, name in _DRIVE_FILES.items():
                    if withheld and (part, kind) == ("test", vessels):
                        continue
                    inner = (part, kind, name.format(number=number, part=part))
                    if len(names[inner]) != 1:
                        fault = "is in it twice" if names[inner] else "is missing"
                        raise InputError(f"{archive.filename}: {'/'.join(inner)} {fault}; download it again")
                    goal = work / "set" / Path(*inner)
                    goal.parent.mkdir(parents=True, exist_ok=True)
                    total += _copy(archive, *names[inner], goal, _LARGEST_MEMBER)
                    if total > _LARGEST_TOTAL:
                        raise InputError(f"{archive.filename}: it unpacks to more than {_LARGEST_TOTAL} bytes")
        put_in_place(work / "set", target)


def described(target: Path, drive: bool) -> list[str]:
    """What was unpacked to a folder, a line for each part.

    Raises:
        InputError: it is not complete.
    """
    if drive:
        pairs = find_pairs(target)
        raise_faults(target, pairs.faults, "unpack DRIVE.zip anew, to another folder, or move this one away")
        parts = Counter(pair.part for pair in pairs.records)
        if None in parts:
            return [
                f"{target}: {parts[None]} training photographs with vessels; those of the test photographs are not in "
                "the archive, so that training and measuring divide the training photographs"
            ]
        return [f"{target}: {parts[name]} {name} photographs with vessels" for name in ("training", "test")]
    lines = []
    for name, part in zip(("training", "validation"), read_palm(target)):
        counts = ", ".join(f"{count} {label}" for label, count in part.counts().items())
        lines.append(f"{target}: {len(part)} {name} photographs ({counts})")
    return lines


def _check(unpacked: Path, folder: Path) -> None:
    """Read what was unpacked; its faults are those of the archives."""
    try:
        read_palm(unpacked)
    except InputError as error:
        lines = str(error).replace(f"{unpacked}/", "").splitlines()
        faults = "\n".join(lines[1:] or lines)
        raise InputError(f"{folder}: these archives hold no complete PALM; download them again\n{faults}") from error


def _open(path: str | Path, content: Path | None = None) -> zipfile.ZipFile:
    """An archive, or one inside of it that was copied out; ``path`` is for messages."""
    try:
        archive = zipfile.ZipFile(content or path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise InputError(f"{path}: this is no whole zip archive ({error}); download it again") from error
    archive.filename = str(path)
    return archive


def _extract(archive: zipfile.ZipFile, folder_name: str, suffix: str, target: Path) -> None:
    """Write the files that stand directly in ``folder_name`` and end in ``suffix``."""
    target.mkdir(parents=True)
    total = 0
    for member in _members(archive, folder_name, suffix):
        goal = target / PurePosixPath(member).name
        if goal.exists():
            raise InputError(f"{archive.filename}: {folder_name}/{goal.name} is in it twice; download it again")
        total += _copy(archive, member, goal, _LARGEST_MEMBER)
        if total > _LARGEST_TOTAL:
            raise InputError(f"{archive.filename}: it unpacks to more than {_LARGEST_TOTAL} bytes, which no PALM does")


def _members(archive: zipfile.ZipFile, folder_name: str, suffix: str) -> Iterator[str]:
    for name in archive.namelist():
        path = PurePosixPath(name)
        hidden = path.name.startswith(".") or "__MACOSX" in path.parts
        is_file = not name.endswith("/")
        if is_file and path.parent.name == folder_name and path.suffix.lower() == suffix and not hidden:
            yield name


def _copy(archive: zipfile.ZipFile, member: str, target: Path, largest: int) -> int:
    """Write a member to a file; the size is counted while unpacking, what the archive says of itself is not believed.

    Returns:
        The number of its bytes.
    """
    count = 0
    try:
        with archive.open(member) as source, open(target, "wb") as file:
            while chunk := source.read(_CHUNK):
                count += len(chunk)
                if count > largest:
                    break
                file.write(chunk)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError, EOFError, ValueError, OSError) as error:
        if getattr(error, "errno", None) is not None:  # of the disk; bzip2 calls damage an OSError, too
            raise
        raise InputError(f"{archive.filename}: {member} cannot be unpacked ({error}); download it again") from error
    if count > largest:
        raise InputError(f"{archive.filename}: {member} unpacks to more than {largest} bytes, which no PALM file does")
    return count
