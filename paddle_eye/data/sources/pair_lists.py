"""Lists of files beside pictures and masks that divide them, as PaddleSeg has them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from paddle_eye.data.images import is_clutter
from paddle_eye.data.sources.part_names import part_named
from paddle_eye.data.sources.sheet_tables import lines_of
from paddle_eye.errors import InputError


def listed_parts(root: Path, images: Sequence[Path]) -> tuple[list[str | None], list[str]]:
    """The part of each picture that ``train.txt``, ``val.txt`` … in a data set's folder name, and what is wrong there.

    A line is the path of a picture as seen from the folder, and perhaps that of its mask behind a blank or a comma.
    Where there are fewer than two such lists, or none of a training part, or they name no picture, none has a part.

    Raises:
        InputError: a list cannot be read, or there are two of one part.
    """
    lists = [
        (part, path) for path in sorted(root.glob("*.txt")) if (part := part_named(path.stem)) and not is_clutter(path)
    ]
    several = [part for part, count in Counter(part for part, _ in lists).items() if count > 1]
    if len(lists) < 2 or "training" not in dict(lists):
        return [None] * len(images), []
    if several:
        names = " and ".join(path.name for part, path in lists if part == several[0])
        raise InputError(f"{root}: {names} are both lists of the {several[0]} part; leave one")
    found: dict[Path, str] = {}
    known = {path.resolve() for path in images}
    faults = []
    for part, path in lists:
        for line in lines_of(path):
            image = next((each for each in _paths(root, line) if each in known), None)
            if image is None:
                faults.append(f"{path}: {line}: no picture with a mask; mend the line, or take it out")
            elif image in found:
                faults.append(f"{path}: {line}: this picture has a line already; leave one")
            else:
                found[image] = part if "test" in dict(lists) or part == "training" else "test"
    if not found:
        return [None] * len(images), []
    parts = [found.get(path.resolve()) for path in images]
    names = ", ".join(path.name for _, path in lists)
    unlisted = [path for path, part in zip(images, parts) if part is None]
    faults += [f"{path}: in none of {names}; add it, or remove these lists" for path in unlisted]
    return parts, faults


def _paths(root: Path, line: str) -> list[Path]:
    """What a line may name: all of it, or what stands before a blank, a tab or a comma."""
    ways = (line, re.split(r"[\s,]+", line)[0])
    return [(root / name).resolve() for way in ways for name in (way, way.replace("\\", "/"))]
