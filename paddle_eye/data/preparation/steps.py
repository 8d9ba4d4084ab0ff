"""What is done to a data set before training: looking for faults, splitting, listing what to leave out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from paddle_eye.data.patients import compile_pattern, look_like_pairs
from paddle_eye.data.preparation.audit import Finding, examine
from paddle_eye.data.preparation.split import folds, join_same_pictures, set_aside, shuffled
from paddle_eye.data.records import RecordSet
from paddle_eye.data.sources import layouts
from paddle_eye.data.sources.folders import has_class_folders, read_folders
from paddle_eye.data.sources.tables import TEST_TABLE, write_tables
from paddle_eye.errors import InputError, raise_faults
from paddle_eye.files import read_ordinary, write_text


class Split(NamedTuple):
    """One training and one test table.

    Args:
        folder: where ``train.csv`` and ``test.csv`` are.
        left_out: how many photographs are in neither because a list said so.
        leaking: how many patients, or photographs with copies, are in both.
        notes: what else a person should know.
    """

    folder: Path
    training: RecordSet
    test: RecordSet
    left_out: int
    leaking: int
    notes: list[str]


def split_folders(
    root: Path,
    out: Path,
    *,
    ratio: float | None = None,
    fold_count: int | None = None,
    seed: int = 0,
    group: str | None = None,
    leave_out: Path | None = None,
    by_photograph: bool = False,
    overwrite: bool = False,
    classes: Sequence[str] | None = None,
) -> list[Split]:
    """Write class folders as tables, by class and with the photographs of a patient on one side.

    Files that show the same photograph count as one patient's. The rows are in random order.

    Args:
        root: the folder of the class folders.
        out: folder of ``train.csv`` and ``test.csv``; for folds, ``-fold1``, ``-fold2`` … is added to its name.
        ratio: share of the training part, above 0 and below 1.
        fold_count: write so many folds of a cross-validation instead.
        seed: of the split and the order.
        group: regular expression whose one group, found in a file name, is the patient; None: see `patient_of`.
        leave_out: a list of files, as `write_list` writes it, that stay out of both parts.
        by_photograph: patients and copies may be on both sides, as in a split that does not look at them; what is
            measured on it flatters.
        overwrite: also replace tables that were not made here, see `write_tables`.
        classes: the names of the folders that are classes; None takes all, unless their names say something else.

    Raises:
        InputError: a wrong setting, folder, list or picture, or a class that would be missing on one side.
    """
    if fold_count is not None and fold_count < 2:
        raise InputError(f"--folds {fold_count}: expected 2 or more")
    if fold_count is None and (ratio is None or not 0 < ratio < 1):
        raise InputError(f"--ratio {ratio}: expected the training part's share, above 0 and below 1")
    if not 0 <= seed < 2**31:
        raise InputError(f"--seed {seed}: expected a whole number from 0 to {2**31 - 1}")
    layouts.refuse_masks(root)
    everything = records = read_folders(root, compile_pattern(group) if group is not None else None, classes)
    if group is not None and all(record.group is None for record in records.records):
        raise InputError(f"--group {group}: found in none of the {len(records)} file names of {root}")
    if leave_out is not None:
        records = records.without(read_list(leave_out, records))
    empty = [name for name, count in records.counts().items() if not count]
    if empty:
        raise InputError(f"--leave-out {leave_out}: leaves no photograph of {', '.join(empty)}")
    records = join_same_pictures(records)
    divided = records.by_photograph() if by_photograph else records
    if fold_count is not None:
        parts = folds(divided, fold_count, seed, f"--folds {fold_count}")
        named = out if out.name not in ("", "..") else out.resolve()
        targets = [named.with_name(f"{named.name}-fold{number}") for number in range(1, fold_count + 1)]
        others = sorted(set(named.parent.glob(f"{named.name}-fold*/{TEST_TABLE}")) - {t / TEST_TABLE for t in targets})
        if others:
            raise InputError(f"{others[0].parent}: a fold of another division; remove {named}-fold* first")
    else:
        parts, targets = [set_aside(divided, 1 - ratio, seed, f"--ratio {ratio}")], [out]
    notes = []
    if pair := look_like_pairs(record.image for record in everything.records if record.group is None):
        notes.append(f"{pair[0]} and {pair[1]}, for example, may be of one patient; say with --group which names are")
    splits = []
    for target, (training, test) in zip(targets, parts):
        asides = {record.image for record in test.records}
        sides = [records.without(asides), records.without({record.image for record in training.records})]
        patients = [{record.group for record in side.records} - {None} for side in sides]
        left_out, leaking = len(everything) - len(records), len(patients[0] & patients[1])
        splits.append(Split(target, *(shuffled(side, seed) for side in sides), left_out, leaking, notes))
    for split in splits:
        write_tables(split.folder, split.training, split.test, overwrite)
    return splits


class Audit(NamedTuple):
    """What an audit looked at, in words, and what it found."""

    looked_at: str
    findings: list[Finding]


def audit(root: Path, before_split: bool = False, classes: Sequence[str] | None = None) -> Audit:
    """`examine` a data set in any layout that `layouts.layout` knows.

    Args:
        root: the data set's folder.
        before_split: look at the folders of classes, where there are any, although they have been split already.
        classes: see `split_folders`.
    """
    layouts.refuse_masks(root)
    layout = layouts.layout(root)
    if layout == "folders" or (before_split and layout == "tables" and has_class_folders(root)):
        return Audit(f"the folders of classes in {root}", examine({"all": read_folders(root, classes=classes)}))
    return Audit(f"{layouts.LAYOUTS[layout].described} in {root}", examine(layouts.read(root)._asdict()))


def write_list(path: Path, files: Iterable[Path]) -> None:
    """Write files as seen from the list's own folder, one in a line."""
    lines = [Path(os.path.relpath(file, path.parent)).as_posix() for file in set(files)]
    write_text(path, "".join(f"{'./' if line.startswith('#') else ''}{line}\n" for line in sorted(lines)))


def read_list(path: Path, records: RecordSet) -> set[Path]:
    """Read what `write_list` wrote; blank lines and those that begin with # are passed over.

    Returns:
        The picture files of ``records`` that are listed.

    Raises:
        InputError: the list cannot be read, or names files that are not among the records.
    """
    try:
        lines = read_ordinary(path, 64, "a list of files").decode("utf-8-sig").split("\n")
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"--leave-out {path}: no list of files can be read ({error})") from error
    known = {os.path.abspath(record.image): record.image for record in records.records}
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    files = {name: known.get(os.path.abspath(path.parent / name)) for name in names}
    unknown = [f"{name} is no photograph of the data set" for name, file in files.items() if file is None]
    raise_faults(path, unknown, "every line names a photograph, as seen from the folder of the list")
    return {file for file in files.values() if file is not None}
