"""The pictures in folders, by what a label sheet may call them."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from paddle_eye.data.images import SUFFIXES, find_pictures
from paddle_eye.data.patients import without_zeros
from paddle_eye.data.sources.pair_names import is_folder_of_masks
from paddle_eye.data.sources.part_names import key, part_named
from paddle_eye.errors import brief, listed

_HOMES = ("users", "home")  # where the folders of users are
_DIGITS = re.compile(r"\d+")


class NamedPictures:
    """The pictures in folders and in folders inside, those of masks apart.

    Args:
        folders: where they are.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = folders
        self.elsewhere: list[tuple[str, Path]] = []
        """What a sheet called a picture that was found in another folder than it says, and the picture."""
        below = {path: folder for folder in folders for path in find_pictures(folder).pictures}
        self._all = below.keys()
        self._masks = sorted(path for path, folder in below.items() if _is_mask(path.relative_to(folder)))
        self.pictures = sorted(below.keys() - set(self._masks))
        self._root = below
        self._by_name: Mapping[str, list[Path]] = defaultdict(list)
        self._by_short: Mapping[str, list[Path]] = defaultdict(list)
        self._folders = {name for path in self.pictures for name in self._inside(path)}
        self._numbered = Counter(_DIGITS.sub("0", name) for name in self._folders)
        for path in self.pictures:
            for name in {key(path.name), key(path.stem)}:
                self._by_name[name].append(path)
            self._by_short[_short(path.stem)].append(path)

    def find(self, cell: str, part: str = "") -> Path:
        """The picture that a cell names; a ValueError says why there is none.

        A cell has its path from a folder, its name, its name without the ending or with that of another kind of
        picture, or one of these without the zeros before a number, which a spreadsheet has taken. Of several, the part
        that its row is of tells which, if folders are called as parts.
        """
        written = PurePosixPath(cell.replace("\\", "/"))
        absolute = written.is_absolute() or PureWindowsPath(cell).drive
        exact = [] if absolute else [folder / written for folder in self.folders if folder / written in self._all]
        if len(set(map(os.path.realpath, exact))) == 1:
            return exact[0]
        found, parents = exact or self._called(written.name), list(written.parts[:-1])
        while len(found) > 1 and parents:  # the folders in the cell tell which of several
            wanted = [key(name) for name in parents]
            closer = [path for path in found if self._inside(path)[-len(wanted) :] == wanted]
            found, parents = closer or found, parents[1:]
        if len(found) > 1 and part:
            found = [path for path in found if part in map(part_named, self._inside(path))] or found
        if len(found) > 1:
            cure = "say which with --image-folder, or with its folder in the cell"
            raise ValueError(f"{brief(repr(cell))} is {listed(found)}; {cure}")
        if not found:
            masks = [
                f"; {path.parent} is named as one of masks; if it is not, --image-folder" for path in self._masks[:1]
            ]
            raise ValueError(f"{brief(repr(cell))} is no picture in {listed(self.folders)}{''.join(masks)}")
        self._require_same_part(cell, _telling(written) if absolute else written.parts[:-1], found[0])
        self._require_no_other(cell, written, found[0])
        if len(written.parts) > 1 and key(written.parts[-2]) != key(found[0].parent.name):
            self.elsewhere.append((cell, found[0]))
        return found[0]

    def _inside(self, path: Path) -> list[str]:
        """The folders on the way to a picture, as names are compared."""
        return [key(name) for name in path.relative_to(self._root[path]).parts[:-1]]

    def _called(self, name: str) -> list[Path]:
        if found := self._by_name.get(key(name)):
            return found
        stem, _, suffix = name.rpartition(".")
        if f".{suffix.lower()}" in SUFFIXES and (found := self._by_name.get(key(stem))):
            return found
        return self._by_short.get(_short(stem if f".{suffix.lower()}" in SUFFIXES else name), [])

    def _require_no_other(self, cell: str, written: PurePosixPath, path: Path) -> None:
        """Raise a ValueError if a cell names a folder that the picture is not in, but that is there, or differs by its
        number from several that are, such as those of patients.
        """
        own = self._inside(path)
        for name in map(key, reversed(written.parts[:-1])):
            if name in own:
                del own[len(own) - 1 - own[::-1].index(name) :]
            elif name in self._folders or (_DIGITS.search(name) and self._numbered[_DIGITS.sub("0", name)] > 1):
                raise ValueError(f"{brief(repr(cell))} is not there; {path} is in another folder and may be another")
            else:
                return  # of the machine on which the sheet was made

    def _require_same_part(self, cell: str, folders: Sequence[str], path: Path) -> None:
        """Raise a ValueError if a cell says that a picture is of another part of the data set than its folder does."""
        inner = path.relative_to(self._root[path]).parts[:-1]
        said, there = ([part for name in names if (part := part_named(name))] for names in (folders, inner))
        if said and there and said[-1] != there[-1]:
            raise ValueError(f"{brief(repr(cell))} is not there, and {path} is of another part; give the other folder")


def _telling(path: PurePosixPath) -> list[str]:
    """The folder of a file on another machine, which may be called as a part; that of a user says nothing."""
    return [] if key(path.parent.parent.name) in _HOMES else [path.parent.name]


def _short(name: str) -> str:
    """A name without the zeros before its numbers, and without those that pandas writes behind the point of one."""
    return without_zeros(re.sub(r"^(\d+)\.0+$", r"\1", key(name)))


def _is_mask(path: Path) -> bool:
    return any(map(is_folder_of_masks, path.parts[:-1]))
