"""Which folder holds pictures and which masks, and which of their files belong together, as public sets name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from paddle_eye.data.images import SUFFIXES, is_clutter
from paddle_eye.data.sources.folders import named_folder, require_one_of_each_part
from paddle_eye.data.sources.part_names import TEST, TRAINING, VALIDATION, key, part_named, plain
from paddle_eye.errors import InputError

# Names of folders, as `plain` compares them.
_IMAGES = ("image", "images", "img", "imgs", "original", "originals", "originalimages", "jpegimages")
_WORDS_FOR_MASKS = (
    *("label", "labels", "1stmanual", "manual1", "gt", "gts", "groundtruth", "groundtruths"),
    *("annotation", "annotations", "segmentationclass", "segmentationclasspng", "vessels"),
)
_MASKS = (
    *_WORDS_FOR_MASKS,
    *("vessel", "vesselsegmentation", "vesselsegmentations", "manual", "manuals", "manualsegmentations"),
)
_FIELDS = ("fov", "mask", "masks")  # of view, where the masks have another folder; else these are the masks

# What may stand behind the name that a picture and its mask have in common.
_OF_IMAGE = ("_training", "_test", "_image", "_img")
_OF_MASK = (
    *("_mask", "_masks", "_label", "_labels", "_gt", "_manual1", "_manual", "_segmentation", "_vessels"),
    *("_1stho", "_ma", "_he", "_ex", "_se"),
)
_OPTIC_DISC = "_od"  # where no name has the left eye's _os, beside which it is the right eye
_SECOND_OBSERVER = ("_2ndho", "_manual2", "_2nd_manual")


class PairFolders(NamedTuple):
    """The folders of one part of a data set.

    Args:
        images: the pictures.
        masks: their masks; None if they stand among the pictures, told by the ends of their names.
        fields: masks of the fields of view; None if there are none.
        part: ``'training'``, ``'validation'``, ``'test'``, or None in a set that is not divided.
    """

    images: Path
    masks: Path | None
    fields: Path | None
    part: str | None


class FoundFolders(NamedTuple):
    """Where a data set has pictures and masks.

    Args:
        parts: each of its parts, or the one that it is.
        left_out: parts without masks.
    """

    parts: list[PairFolders]
    left_out: list[Path]


class Together(NamedTuple):
    """Files by the names that pictures, masks and fields of view have in common; several of one name are a fault."""

    images: dict[str, list[Path]]
    masks: dict[str, list[Path]]
    fields: dict[str, list[Path]]


def pair_folders(root: Path) -> FoundFolders:
    """Where a folder has pictures and masks.

    The parts of a data set may be folders that hold those of pictures and masks, or the other way round. A part without
    masks is left out; if only one has some, it is all there is to divide.

    Raises:
        InputError: the one is divided into parts and the other is not, or two folders are called as one part.
    """
    places = _parts(root)
    if places:
        return _of_parts(places, _with_masks({part: _of_part(folder, part) for part, folder in places.items()}))
    folders = _of_part(root, None)
    if folders is None:
        return FoundFolders([], [])
    places, masks = _parts_in(folders.images), _parts_in(folders.masks)
    if folders.masks is not None and bool(places) != bool(masks):
        divided, whole = (folders.images, folders.masks)[:: 1 if places else -1]
        raise InputError(f"{divided} is divided into parts, and {whole} is not; divide both, or neither")
    if not places:
        return FoundFolders([folders], [])
    fields = _parts_in(folders.fields)
    found = {
        part: PairFolders(place, masks[part], fields.get(part, folders.fields), part) if part in masks else None
        for part, place in places.items()
    }
    return _of_parts(places, found)


def _of_parts(places: Mapping[str, Path], found: Mapping[str, PairFolders | None]) -> FoundFolders:
    """The parts that have pictures and masks, with names that are a division of the data set."""
    kept = [folders for folders in found.values() if folders is not None]
    names = {folders.part for folders in kept}
    if len(kept) == 1 or "training" not in names:
        kept = [folders._replace(part=None) for folders in kept]
    elif "test" not in names:
        kept = [folders._replace(part="test") if folders.part == "validation" else folders for folders in kept]
    return FoundFolders(kept, [places[part] for part, folders in found.items() if folders is None and kept])


def _with_masks(found: Mapping[str, PairFolders | None]) -> dict[str, PairFolders | None]:
    """The parts with masks: where some have both masks and fields of view, what has fields alone has no masks."""
    named = {part: plain(each.masks.name) if each and each.masks else "" for part, each in found.items()}
    alone = {part for part, name in named.items() if name in _FIELDS and not set(named.values()).isdisjoint(_MASKS)}
    return {part: None if part in alone else each for part, each in found.items()}


def is_folder_of_masks(name: str) -> bool:
    """Whether a folder is called as those of masks are, or has such a word in its name."""
    return not {plain(name), *re.split(r"[\s_.-]+", name.casefold())}.isdisjoint((*_WORDS_FOR_MASKS, *_FIELDS))


def _parts(root: Path) -> dict[str, Path]:
    """The folders of the parts of a data set; none if there are not at least two."""
    require_one_of_each_part(root)
    named = {"training": TRAINING, "validation": VALIDATION, "test": TEST}
    found = {part: folder for part, names in named.items() if (folder := named_folder(root, names)) is not None}
    return found if len(found) > 1 else {}


def _parts_in(kind: Path | None) -> dict[str, Path]:
    """The same within a folder of pictures or of masks, where they may be called so among other words."""
    if kind is None or (found := _parts(kind)):
        return found if kind is not None else {}
    named: dict[str | None, list[Path]] = {}
    for folder in (path for path in sorted(kind.iterdir()) if path.is_dir()):
        named.setdefault(part_named(folder.name), []).append(folder)
    found = {part: folders[0] for part, folders in named.items() if part is not None and len(folders) == 1}
    return found if len(found) > 1 else {}


def _of_part(root: Path, part: str | None) -> PairFolders | None:
    images, masks, fields = (_with_pictures(root, names) for names in (_IMAGES, _MASKS, _FIELDS))
    if masks is None:
        masks, fields = fields or (_called_so_among_others(root) if images is not None else None), None
    if images is not None and masks is not None:
        return PairFolders(images, masks, fields, part)
    in_one = images is None and masks is None and root.is_dir()
    if in_one and apart(path for path in root.iterdir() if path.suffix.lower() in SUFFIXES and not is_clutter(path))[1]:
        return PairFolders(root, None, None, part)
    return None


def _with_pictures(root: Path, names: Sequence[str]) -> Path | None:
    """The folder below another that has the first of some names and holds pictures, or nothing; None without any."""
    called = [folder for name in names if (folder := named_folder(root, [name])) is not None]
    if (found := next(filter(_holds_pictures, called), None)) is not None:
        return found
    return next((folder for folder in called if not any(path.is_file() for path in folder.rglob("*"))), None)


def _holds_pictures(folder: Path) -> bool:
    return any(path.suffix.lower() in SUFFIXES and not is_clutter(path) for path in folder.rglob("*"))


def _called_so_among_others(root: Path) -> Path | None:
    """The only folder below another whose name ends in a word for masks, such as ``segmentation label``."""
    words = {path: re.split(r"[\s_.-]+", path.name.casefold()) for path in sorted(root.iterdir()) if path.is_dir()}
    called = [path for path, (*others, last) in words.items() if others and last in (*_MASKS, *_FIELDS)]
    return called[0] if len(called) == 1 and _holds_pictures(called[0]) else None


def is_called_as_field(mask: Path) -> bool:
    """Whether the folder of a mask is called as those of fields of view may be, and of masks of something else."""
    return any(plain(folder.name) in _FIELDS for folder in (mask.parent, mask.parent.parent))


def together(
    images: Iterable[Path], masks: Iterable[Path], fields: Iterable[Path], roots: Sequence[Path | None]
) -> Together:
    """Pictures, masks and fields of view by their names.

    Those of the same name belong together; of others, what the names of pictures and of masks end in is left out, such
    as ``_manual1.gif`` and ``_training_mask.gif`` behind ``01``. Where pictures in several folders have one name, as
    with a folder for each patient, that of the folder is a part of it.

    Args:
        images: the pictures.
        masks: the masks.
        fields: those of fields of view.
        roots: the folder of each of these three; None if there is none.
    """
    images, masks, fields = list(images), list(masks), list(fields)
    nested = len({_stem(path) for path in images}) < len({(path.parent, _stem(path)) for path in images})
    ends = _ends_of_masks([*images, *masks])
    same = {_stem(path) for path in images} & {_stem(path) for path in masks}

    def by_name(paths: Sequence[Path], mask: bool, root: Path | None) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in paths:
            stem = _stem(path)
            if stem not in same and mask:
                stem = _without(stem, ends)
            stem = stem if stem in same else _without(stem, _OF_IMAGE)
            folder = key(path.parent.relative_to(root).as_posix()) + "/" if nested else ""
            found.setdefault(folder + stem, []).append(path)
        return found

    named = zip((images, masks, fields), (False, True, True), roots)
    return Together(*(by_name(paths, mask, root) for paths, mask, root in named))


def apart(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Pictures and masks that stand in one folder: a mask ends as masks do, and a picture has the rest of its name."""
    paths = list(paths)
    stems, ends = {_stem(path) for path in paths}, _ends_of_masks(paths)
    masks = [path for path in paths if (rest := _without(_stem(path), ends)) != _stem(path) and rest in stems]
    known = set(masks)
    return [path for path in paths if path not in known], masks


def is_second_observer(path: Path) -> bool:
    """Whether a mask is of a second observer of the same pictures, as in CHASE_DB1."""
    return _stem(path).endswith(_SECOND_OBSERVER)


def _ends_of_masks(paths: Sequence[Path]) -> tuple[str, ...]:
    eyes = any(_stem(path).endswith("_os") for path in paths)
    return _OF_MASK if eyes else (*_OF_MASK, _OPTIC_DISC)


def _stem(path: Path) -> str:
    return key(path.stem)


def _without(stem: str, ends: tuple[str, ...]) -> str:
    found = re.fullmatch(rf"(.+?)(?:{'|'.join(map(re.escape, ends))})", stem)
    return found[1] if found else stem
