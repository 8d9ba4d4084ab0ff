"""Where photographs are looked for, and what is said when there are none."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from paddle_eye.data.preparation import archives, synthetic
from paddle_eye.data.sources import layouts
from paddle_eye.errors import InputError, no_folder

PALM_FOLDER, DRIVE_FOLDER = Path("dataset/palm"), Path("dataset/drive")
DEMONSTRATION_FOLDER = Path("dataset/demo")
# Where AI Studio's notebooks and script tasks mount PALM, under its several numbers, and where people unpack it.
AI_STUDIO_MOUNTS = tuple(
    Path(f"{place}/data{number}")
    for place in ("~/data", "~/paddlejob/workspace/train_data/datasets")
    for number in (19469, 19065, 23828, 127091)
)
AI_STUDIO_UNPACKED = (Path("~/work/palm"), Path("~/data/palm"))

BANNER = """\
==============================================================================
 DEMONSTRATION SET - these pictures are drawn by a program. They are not
 medical data, and nothing measured on them says anything about eyes.
 To use the real photographs of iChallenge-PM (PALM):
   python tools/prepare_data.py --archives DIR
 where DIR holds training.zip, validation.zip and valid_gt.zip.
=============================================================================="""


NAMES = ("PALM", "DEMO")


class Location(NamedTuple):
    """A data set's folder and what it is.

    Args:
        path: the folder.
        name: for file names and tables: ``PALM``, ``DEMO``, or that of the folder.
        demonstration: whether its pictures are drawn by `paddle_eye.data.preparation.synthetic`.
    """

    path: Path
    name: str
    demonstration: bool


def find(given: str | None = None) -> Location:
    """The data to use: what `find_photographs` finds, or else the demonstration set, drawn on first use.

    Raises:
        InputError: see `find_photographs`.
    """
    found = find_photographs(given)
    if found is not None:
        return found
    if not DEMONSTRATION_FOLDER.is_dir():
        synthetic.draw(DEMONSTRATION_FOLDER)
    return _located(DEMONSTRATION_FOLDER)


def find_photographs(given: str | None = None) -> Location | None:
    """What was given; ``dataset/palm``; what AI Studio has, archives being unpacked there on first use; or None.

    Raises:
        InputError: ``given`` is no folder (it is never replaced by something else), or AI Studio's archives are
            incomplete or damaged.
    """
    if given is not None:
        path = Path(given)
        if not given or not path.is_dir():
            raise InputError(f"--data {given}: {no_folder(path)}; dataset/README.md says which data goes where")
        if not archives.missing_archives(path):
            raise InputError(
                f"--data {given}: these are the archives; run: python tools/prepare_data.py --archives {given}"
            )
        return _located(path)
    if PALM_FOLDER.is_dir():
        return _located(PALM_FOLDER)
    unpacked, mounts = ([path.expanduser() for path in paths] for paths in (AI_STUDIO_UNPACKED, AI_STUDIO_MOUNTS))
    there = [path for path in (*unpacked, *mounts) if path.is_dir()]
    for path in there:
        if layouts.layout(path) == "palm":
            return _located(path)
    packed = [path for path in there if path in mounts]
    if packed:
        whole = [path for path in packed if not archives.missing_archives(path)]
        archives.unpack((whole or packed)[0], PALM_FOLDER)
        return _located(PALM_FOLDER)
    return None


def _located(path: Path) -> Location:
    if synthetic.is_demonstration(path):
        return Location(path, "DEMO", demonstration=True)
    name = "PALM" if layouts.layout(path) == "palm" else path.resolve().name
    return Location(path, name, demonstration=False)
