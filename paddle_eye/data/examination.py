"""Reading photographs once, for everything that is to be known and kept of them; what a store has is not read again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Callable, NamedTuple

import numpy as np
import PIL
from tqdm import tqdm

from paddle_eye.data import field, gate, images, transforms
from paddle_eye.data import fingerprints as looks_like
from paddle_eye.data.fingerprints import Fingerprint, fingerprint
from paddle_eye.data.images import READING_THREADS, decode_picture, read_file, read_picture
from paddle_eye.data.store import Blocks, Store, chosen_store
from paddle_eye.data.transforms import Preparation
from paddle_eye.errors import InputError, JobError
from paddle_eye.opencv import cv2

_FEW = 16  # photographs of a data set
_AT_ONCE = 128  # photographs, between two looks at what the decoder complained of
# A file that was changed this short a time ago could change again without a new time, in nanoseconds.
_RECENTLY, _RECENTLY_IN_SECONDS = 50 * 10**6, 2 * 10**9


class Examined(NamedTuple):
    """What `examine_pictures` found, by file.

    Args:
        prepared: what the preparation of each picture gave, in the order of the files; none of one with a fault.
        digests: SHA-256 of the bytes of every file that is a whole picture, hexadecimal.
        fingerprints: of the same files.
        faults: why the others are none.
        warnings: what the decoder complained of in a picture that it decoded all the same.
        passing: of the files that were to be judged, whether the gate takes each for a photograph of a fundus.
    """

    prepared: Pictures
    digests: dict[Path, str]
    fingerprints: Mapping[Path, Fingerprint]
    faults: dict[Path, str]
    warnings: dict[Path, str]
    passing: dict[Path, bool]

    def fingerprints_of(self, paths: Sequence[Path]) -> Sequence[Fingerprint]:
        """Those of files without a fault, in their order, each read whenever it is asked for."""
        return _Listed(self.fingerprints, paths)


class _Kept(NamedTuple):
    """Where a prepared picture is."""

    path: Path
    digest: bytes
    preparation: Preparation
    blocks: Blocks


class Pictures(Sequence):
    """Prepared pictures, uint8 [h, w, 3], read from the store whenever they are asked for; a slice is another such.

    One that is damaged there is made again.

    Raises:
        JobError: that photograph is no longer what it was.
    """

    def __init__(self, kept: Sequence[_Kept]) -> None:
        self._kept = kept

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Pictures(self._kept[index])
        path, digest, preparation, blocks = self._kept[index]
        block = _block(blocks, path, digest, lambda picture: _picture_block(preparation.make(picture)))
        return block[8:].reshape(*block[:8].view(np.uint32), 3)


class _Fingerprints(Mapping):
    """Fingerprints by file, read from the store whenever they are asked for."""

    def __init__(self, digests: Mapping[Path, str], blocks: Blocks) -> None:
        self._digests, self._blocks = digests, blocks

    def __len__(self) -> int:
        return len(self._digests)

    def __iter__(self) -> Iterator[Path]:
        return iter(self._digests)

    def __getitem__(self, path: Path) -> Fingerprint:
        digest = bytes.fromhex(self._digests[path])
        block = _block(self._blocks, path, digest, lambda picture: fingerprint(digest.hex(), picture).to_bytes())
        return Fingerprint.from_bytes(self._digests[path], block)


class _Listed(Sequence):
    """What a mapping has for some keys, in their order."""

    def __init__(self, mapping: Mapping[Path, Fingerprint], keys: Sequence[Path]) -> None:
        self._mapping, self._keys = mapping, keys

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: Any) -> Any:
        return self._mapping[self._keys[index]]


def _unchanged(path: Path, digest: bytes) -> bytes:
    data = read_file(path)
    if hashlib.sha256(data).digest() != digest:
        raise JobError(f"{path}: the photograph was changed since this began; start again")
    return data


def _block(blocks: Blocks, path: Path, digest: bytes, make: Callable[[np.ndarray], bytes]) -> np.ndarray:
    """A photograph's block, uint8 [N]; where it is damaged, made again.

    Args:
        blocks: of its kind.
        path: the photograph.
        digest: of its bytes, by which the block is found.
        make: what it decodes to, to the block.
    """
    block = blocks.get(digest)
    if block is None:
        made = make(decode_picture(_unchanged(path, digest), path))
        with contextlib.suppress(OSError):  # where it cannot be written, it will be made once more
            blocks.put(digest, made)
        return np.frombuffer(made, np.uint8)
    return block


def _verdict(picture: np.ndarray) -> bytes:
    return bytes([not gate.judge(picture).no_fundus])


def _picture_block(picture: np.ndarray) -> bytes:
    return np.array(picture.shape[:2], np.uint32).tobytes() + picture.tobytes()


def examine_pictures(
    paths: Sequence[Path], prepare: Sequence[Preparation] | None = None, judged: Sequence[Path] = ()
) -> Examined:
    """Everything about picture files; each is read and decoded once, unless `chosen_store` has all of it.

    Args:
        paths: the files.
        prepare: for each file, what is made of the decoded picture; None makes nothing.
        judged: which of the files the gate looks at.

    Raises:
        JobError: the store cannot be written to.
    """
    reader = _Reader(chosen_store(), [] if prepare is None else prepare, judged)
    progress = tqdm(
        total=len(paths), desc="photographs", unit="", leave=False, delay=2, disable=not sys.stderr.isatty()
    )
    with reader.writing(), progress, ThreadPoolExecutor(max_workers=READING_THREADS) as pool:
        for start in range(0, len(paths), _AT_ONCE):
            some = range(start, min(start + _AT_ONCE, len(paths)))
            with _decoder_complaints() as complaints:
                list(pool.map(lambda number: reader.read(number, paths[number]), some))
            reader.keep_looks(bool(complaints))
            progress.update(len(some))
    return reader.examined(paths)


def spread_over(files: Sequence[Path]) -> list[Path]:
    """Sixteen of the files, from the first to the last, to judge all by."""
    return [files[number] for number in np.unique(np.linspace(0, len(files) - 1, _FEW).astype(int))]


def picture_digests(paths: Iterable[Path]) -> list[str]:
    """SHA-256 of each file's bytes, hexadecimal, in order.

    Raises:
        InputError: a file cannot be read.
    """
    reader = _Reader(chosen_store(), [])
    with reader.writing():
        return [reader.digest(path)[0].hex() for path in paths]


class _Reader:
    """What `examine_pictures` keeps of each file while it goes over them."""

    def __init__(self, store: Store, prepare: Sequence[Preparation], judged: Sequence[Path] = ()) -> None:
        made_by = _made_by(images, transforms, looks_like)
        self.files, self.looks, self.warned = (
            store.blocks(f"{kind}-{made_by}") for kind in ("files", "looks", "warned")
        )
        self.passing = store.blocks(f"gate-{_made_by(images, field, gate)}")
        self.store, self.prepare, self.judged = store, prepare, set(judged)
        self.pictures = {each.name: store.blocks(f"{each.name}-{made_by}") for each in set(prepare)}
        self.digests: dict[Path, bytes] = {}
        self.faults: dict[Path, str] = {}
        self._new_looks: dict[Path, tuple[bytes, bytes]] = {}

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        try:
            with contextlib.ExitStack() as stack:
                for blocks in (self.files, self.looks, self.warned, self.passing, *self.pictures.values()):
                    stack.enter_context(blocks.writing())
                yield
        except OSError as error:
            raise JobError(
                f"{self.store.folder}: prepared photographs cannot be kept there ({error.strerror}); "
                "give another folder with --cache DIR, or --cache off"
            ) from error

    def digest(self, path: Path) -> tuple[bytes, bytes | None]:
        """The digest of a file, and its bytes if it had to be read for that."""
        before, now = _status(path), time.time_ns()
        known = None if before is None else self.files.get(before.key)
        if known is not None and len(known) == 32:
            return known.tobytes(), None
        data = read_file(path)
        digest = hashlib.sha256(data).digest()
        if before is not None and before.changed < now - before.recently and before == _status(path):
            self.files.put(before.key, digest)
        return digest, data

    def read(self, number: int, path: Path) -> None:
        """Find what is known of a file, and make the rest."""
        preparation = self.prepare[number] if self.prepare else None
        pictures = self.pictures[preparation.name] if preparation else None
        try:
            digest, data = self.digest(path)
            looked, prepared = digest in self.looks, pictures is None or digest in pictures
            judged = path not in self.judged or digest in self.passing
            if not looked or not prepared or not judged:
                data = _unchanged(path, digest) if data is None else data
                picture = decode_picture(data, path)
                if not looked:
                    self._new_looks[path] = digest, fingerprint(digest.hex(), picture).to_bytes()
                if not judged:
                    self.passing.put(digest, _verdict(picture))
                if not prepared:
                    pictures.put(digest, _picture_block(preparation.make(picture)))
        except InputError as error:
            self.faults[path] = str(error)
        else:
            self.digests[path] = digest

    def keep_looks(self, complaints: bool) -> None:
        """Keep the fingerprints that were made since the last call, and what the decoder complained of, if it did."""
        for path, (digest, look) in self._new_looks.items():
            if complaints:  # rare; which file it was shows only one by one
                with _decoder_complaints() as lines:
                    read_picture(path)
                if lines:
                    self.warned.put(digest, lines[0].encode())
            self.looks.put(digest, look)
        self._new_looks.clear()

    def examined(self, paths: Sequence[Path]) -> Examined:
        digests = {path: self.digests[path].hex() for path in paths if path in self.digests}
        kept = [
            _Kept(path, self.digests.get(path, b""), preparation, self.pictures[preparation.name])
            for path, preparation in zip(paths, self.prepare)
        ]
        faults = {path: self.faults[path] for path in paths if path in self.faults}
        warnings = {
            path: self.warned.get(self.digests[path]).tobytes().decode(errors="replace")
            for path in digests
            if self.digests[path] in self.warned
        }
        passing = {
            path: bool(_block(self.passing, path, self.digests[path], _verdict)[0])
            for path in digests
            if path in self.judged
        }
        return Examined(Pictures(kept), digests, _Fingerprints(digests, self.looks), faults, warnings, passing)


class _Status(NamedTuple):
    """What the file system says of a file.

    Args:
        key: changes when the file does.
        changed: when it last did, in nanoseconds.
        recently: how exact that is.
    """

    key: bytes
    changed: int
    recently: int


def _status(path: Path) -> _Status | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # whoever reads it says why
        return None
    facts = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    key = hashlib.sha256(os.fsencode(os.path.abspath(path)) + repr(facts).encode()).digest()
    exact = found.st_ctime_ns % 10**9 != 0
    return _Status(key, max(found.st_mtime_ns, found.st_ctime_ns), _RECENTLY if exact else _RECENTLY_IN_SECONDS)


@cache
def _made_by(*modules: ModuleType) -> str:
    """A name for the code that makes what is kept; what other code made is not believed."""
    code = b"".join(Path(module.__file__).read_bytes() for module in modules)
    return f"{hashlib.sha256(code).hexdigest()[:8]}-opencv{cv2.__version__}-pillow{PIL.__version__}"


@contextlib.contextmanager
def _decoder_complaints() -> Iterator[list[str]]:
    """What libjpeg, within OpenCV, says of lost data on the process's standard error; nothing else tells of it."""
    lines: list[str] = []
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield lines
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            complaints = file.read().decode(errors="replace").splitlines()
            lines += [line for line in complaints if "Corrupt JPEG data" in line and "extraneous" not in line]
