"""What is done to a data set before training: looking for faults, splitting, listing what to leave out."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from paddle_eye.data.patients import (
    compile_pattern,
    look_like_pairs,
    named_by_files,
    of_both_eyes,
    patient_of,
    told_by_names,
)
from paddle_eye.data.preparation.audit import Finding, examine
from paddle_eye.data.preparation.split import folds, join_same_pictures, set_aside, shuffled
from paddle_eye.data.records import RecordSet
from paddle_eye.data.sources import layouts
from paddle_eye.data.sources.folders import has_class_folders, read_folders
from paddle_eye.data.sources.sheet_columns import Columns
from paddle_eye.data.sources.sheets import read_labels
from paddle_eye.data.sources.tables import TEST_TABLE, write_tables
from paddle_eye.errors import InputError, listed, no_folder, raise_faults
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


_RATIO = 0.8
_OF_LISTS = "# files to leave out, by tools/audit.py"


class Found(NamedTuple):
    """Labelled photographs that were looked for.

    Args:
        place: where, for messages.
        records: all of them.
        parts: the training and the test part, if they come divided; None if they do not.
        notes: what a person should know of how they were read.
        sheets: the files that say it.
        by_names: whether patients are those that `patient_of` knows by the names of files.
    """

    place: Path
    records: RecordSet
    parts: layouts.Parts | None
    notes: list[str]
    sheets: Sequence[Path] = ()
    by_names: bool = False


def find_folders(root: Path, group: str | None = None, classes: Sequence[str] | None = None) -> Found:
    """The photographs in folders of classes.

    Args:
        root: the folder of the class folders.
        group: regular expression whose one group, found in a file name, is the patient; None: see `patient_of`.
        classes: the folders that are classes, in the order of the labels; None takes all, unless their names say
            something else.

    Raises:
        InputError: see `read_folders`; also if no name has a patient.
    """
    layouts.refuse_masks(root)
    records = read_folders(root, compile_pattern(group) if group is not None else None, classes)
    notes = [*layouts.in_no_class(root), *_without_patients(group, root, records)]
    return Found(root, records, None, notes, by_names=group is None)


def find_sheet(
    root: Path,
    sheet: Path,
    *,
    test_sheet: Path | None = None,
    image_folders: Sequence[Path] = (),
    test_image_folders: Sequence[Path] = (),
    sheet_name: str | None = None,
    image_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    split_column: str | None = None,
    group: str | None = None,
    classes: Sequence[str] | None = None,
) -> Found:
    """The photographs that label sheets name, in the parts into which these divide them.

    Args:
        root: the folder of the data set; sheets and folders are looked for in it, too.
        sheet: the sheet, see `read_labels`.
        test_sheet: that of the test part, if it has one of its own.
        image_folders: where the photographs are; none: anywhere in ``root``.
        test_image_folders: where those of the test part are; none: where the others are.
        sheet_name: of the sheet of a workbook that has several.
        image_column: of the photographs' names, several separated by commas; None guesses, here and below.
        label_column: of the class; several columns of 0 and 1, if a photograph may show several things or none.
        group_column: of the patient.
        split_column: of the part that a row belongs to.
        group: see `find_folders`; for sheets without a column of patients.
        classes: the names of the labels 0, 1, … in their order, or the labels in order; None takes the values as names.

    Raises:
        InputError: see `read_labels`; also if no name has a patient, or the sheets say other parts than they are for.
    """
    if not root.is_dir():
        raise InputError(f"--data {root}: {no_folder(root)}; give the one with the photographs of the sheet")
    if group is not None and group_column is not None:
        raise InputError(f"--group {group}: the column {group_column} tells patients (--group-column); leave one out")
    if test_image_folders and test_sheet is None:
        raise InputError(f"--test-image-folder {test_image_folders[0]}: without --test-sheet it means nothing")
    pattern = compile_pattern(group) if group is not None else None
    several = [None if names is None else tuple(names.split(",")) for names in (image_column, label_column)]
    columns = Columns(*several, group_column, split_column, sheet_name)
    folders = [_inside(root, folder) for folder in image_folders] or [root]
    sheet = _inside(root, sheet)
    found = read_labels(sheet, folders, columns, classes, pattern=pattern)
    notes = list(found.notes)
    if test_sheet is None:
        parts, divided_notes = _by_parts(sheet, found.parts)
        notes += divided_notes
    else:
        folders = [_inside(root, folder) for folder in test_image_folders] or folders
        known = next(iter(found.parts.values())).classes
        second = read_labels(_inside(root, test_sheet), folders, columns, classes, known=known, pattern=pattern)
        for place, said, foreign in ((sheet, found.parts, "test"), (test_sheet, second.parts, "training")):
            if foreign in said:
                cure = "give the other sheet, or this one alone, without --test-sheet"
                raise InputError(f"{place}: it has rows of the {foreign} part; {cure}")
        parts, notes = [_joined(found.parts.values()), _joined(second.parts.values())], [*notes, *second.notes]
        both = {record.image for record in parts[0].records} & {record.image for record in parts[1].records}
        if both:
            where = "both sheets have a row of it; say with --image-folder and --test-image-folder where theirs are"
            raise InputError(f"{min(both)}: {where}")
    if eyes := of_both_eyes(record.group for part in parts for record in part.records if record.group is not None):
        first, second, *_ = eyes
        parts = [_renamed(part, eyes) for part in parts]
        notes.append(f"{sheet}: patients are named with their eyes; {first} and {second} count as one")
    records = _joined(parts)
    notes += _without_patients(group, sheet, records)
    sheets = [_inside(root, path) for path in (sheet, test_sheet) if path is not None]
    by_names = group is None and not found.names_patients
    return Found(sheet, records, layouts.Parts(*parts) if len(parts) == 2 else None, notes, sheets, by_names)


def _by_parts(sheet: Path, parts: Mapping[str, RecordSet]) -> tuple[list[RecordSet], list[str]]:
    """What a sheet divides its photographs into, one or two parts, and what is to be said of that."""
    if len(parts) == 1:
        ((part, records),) = parts.items()
        return [records], [f"all rows of {sheet} are of the {part} part, which divides nothing"] * bool(part)
    if "test" not in parts:
        return [parts["training"], parts["validation"]], []
    count = len(parts.get("validation", ()))
    if "training" in parts:
        note = f"{count} rows of the validation part are joined with the training part; --holdout sets some aside again"
    else:
        note = "no rows are of the training part; those of the validation part are learned from"
    return [_joined([parts[part] for part in parts if part != "test"]), parts["test"]], [note] * bool(count)


def _joined(parts: Iterable[RecordSet]) -> RecordSet:
    """Several parts, with the same classes, as one."""
    first, *others = parts
    return RecordSet(first.classes, tuple(record for part in (first, *others) for record in part.records))


def _renamed(part: RecordSet, patients: Mapping[str, str]) -> RecordSet:
    """The same photographs, with other names of some patients."""
    records = (replace(record, group=patients.get(record.group, record.group)) for record in part.records)
    return RecordSet(part.classes, tuple(records))


def _inside(root: Path, path: Path) -> Path:
    """A path as it was given, or below the data set's folder if it is there.

    Raises:
        InputError: there is one of the name in both places.
    """
    inner = root / path
    if path.exists() and inner.exists() and not path.samefile(inner):
        raise InputError(f"{path}: it is here, and there is also {inner}; give the whole path of the one you mean")
    return path if path.exists() or not inner.exists() else inner


def _without_patients(group: str | None, place: Path, records: RecordSet) -> list[str]:
    """What is to be said of names in which ``--group`` finds no patient.

    Raises:
        InputError: it finds none in any.
    """
    if group is None:
        return []
    pattern = compile_pattern(group)
    without = [record.image for record in records.records if patient_of(record.image, pattern) is None]
    if len(without) == len(records):
        raise InputError(f"--group {group}: found in none of the {len(records)} file names of {place}")
    return [f"--group {group} finds no patient in {len(without)} names, such as {path.name}" for path in without[:1]]


def write_split(
    found: Found,
    out: Path,
    *,
    ratio: float | None = None,
    fold_count: int | None = None,
    seed: int = 0,
    leave_out: Path | None = None,
    by_photograph: bool = False,
    overwrite: bool = False,
) -> list[Split]:
    """Write photographs as tables, by class and with the photographs of a patient on one side.

    Files that show the same photograph count as one patient's. The rows are in random order. What comes divided stays
    so, in its order.

    Args:
        found: of `find_folders` or `find_sheet`.
        out: folder of ``train.csv`` and ``test.csv``; for folds, ``-fold1``, ``-fold2`` … is added to its name.
        ratio: share of the training part, above 0 and below 1; None: 0.8.
        fold_count: write so many folds of a cross-validation instead.
        seed: of the split and the order.
        leave_out: a list of files, as `write_list` writes it, that stay out of both parts.
        by_photograph: patients and copies may be on both sides, as in a split that does not look at them; what is
            measured on it flatters.
        overwrite: also replace tables that were not made here, see `write_tables`.

    Raises:
        InputError: a wrong setting, list or picture, or a class that would be missing on one side.
    """
    given = {"--folds": fold_count, "--ratio": ratio, "--by": "photograph" if by_photograph else None}
    given = {flag: value for flag, value in given.items() if value is not None}
    if found.parts is not None and given:
        flag, value = next(iter(given.items()))
        raise InputError(f"{flag} {value}: {found.place} brings a division of its own, which is kept; leave it out")
    if fold_count is not None and fold_count < 2:
        raise InputError(f"--folds {fold_count}: expected 2 or more")
    ratio = _RATIO if ratio is None else ratio
    if not 0 < ratio < 1:
        raise InputError(f"--ratio {ratio}: expected the training part's share, above 0 and below 1")
    if not 0 <= seed < 2**31:
        raise InputError(f"--seed {seed}: expected a whole number from 0 to {2**31 - 1}")
    records = found.records
    if leave_out is not None:
        records = records.without(read_list(leave_out, records))
    empty = [name for name, count in records.counts().items() if not count and found.records.counts()[name]]
    if empty:
        raise InputError(f"--leave-out {leave_out}: leaves no photograph of {', '.join(empty)}")
    if sum(count > 0 for count in records.counts().values()) < 2 and not records.several_labels:
        raise InputError(f"{found.place}: all photographs are of one class; there must be two or more to learn")
    named, records = records, join_same_pictures(records)
    parts, targets = _divided(found, records, out, ratio, fold_count, seed, by_photograph)
    notes = [*found.notes, *_joined_patients(named, records)]
    if found.parts is not None:
        notes += layouts.patients_in_one(found.parts)
    unknown = [record.image for record in found.records.records if record.group is None]
    patients = ((record.image, record.group) for record in found.records.records)
    told = told_by_names(named_by_files(patients)) if found.by_names else None
    notes += [told] * (told is not None)
    if pair := look_like_pairs(unknown):
        notes.append(f"{pair[0]} and {pair[1]}, for example, may be of one patient; say with --group which names are")
    elif len(unknown) == len(found.records):
        notes.append("patients are not known, each photograph counts as one; --group or --group-column tells them")
    elif unknown and told:
        notes.append(f"{len(unknown)} names, such as {unknown[0].name}, tell no patient; each counts as one")
    splits = []
    for target, (training, test) in zip(targets, parts):
        asides = {record.image for record in test.records}
        sides = [records.without(asides), records.without({record.image for record in training.records})]
        patients = [{record.group for record in side.records} - {None} for side in sides]
        left_out, leaking = len(found.records) - len(records), len(patients[0] & patients[1])
        ordered = sides if found.parts is not None else [shuffled(side, seed) for side in sides]
        splits.append(Split(target, *ordered, left_out, leaking, notes))
    write_tables({each.folder: (each.training, each.test) for each in splits}, overwrite, found.sheets)
    return splits


def _joined_patients(before: RecordSet, after: RecordSet) -> list[str]:
    """That patients with names of their own count as one, as pictures of theirs are the same, if so."""
    names: dict[str, set[str]] = defaultdict(set)
    for record, joined in zip(before.records, after.records):
        if record.group is not None:
            names[joined.group].add(record.group)
    several = [listed(sorted(each)) for each in names.values() if len(each) > 1]
    why = "as pictures of theirs are the same or look alike, which tools/audit.py lists"
    return [f"patients {patients} count as one, {why}; such sets: {len(several)}" for patients in several[:1]]


def _divided(
    found: Found,
    records: RecordSet,
    out: Path,
    ratio: float,
    fold_count: int | None,
    seed: int,
    by_photograph: bool,
) -> tuple[list[tuple[RecordSet, RecordSet]], list[Path]]:
    """The training and the test part of each table, and the folders of the tables."""
    if found.parts is not None:
        asides = [{record.image for record in part.records} for part in found.parts]
        parts = records.without(asides[1]), records.without(asides[0])
        unlearned = [name for name, count in parts[0].counts().items() if not count and records.counts()[name]]
        if unlearned and not records.several_labels:
            raise InputError(f"{found.place}: the training part has no photograph of {', '.join(unlearned)}")
        return [parts], [out]
    divided = records.by_photograph() if by_photograph else records
    if fold_count is None:
        return [set_aside(divided, 1 - ratio, seed, f"--ratio {ratio}")], [out]
    parts = folds(divided, fold_count, seed, f"--folds {fold_count}")
    named = out if out.name not in ("", "..") else out.resolve()
    targets = [named.with_name(f"{named.name}-fold{number}") for number in range(1, fold_count + 1)]
    others = sorted(set(named.parent.glob(f"{named.name}-fold*/{TEST_TABLE}")) - {t / TEST_TABLE for t in targets})
    if others:
        raise InputError(f"{others[0].parent}: a fold of another division; remove {named}-fold* first")
    return parts, targets


class Audit(NamedTuple):
    """What an audit looked at, in words, and what it found."""

    looked_at: str
    findings: list[Finding]


def audit(
    root: Path, before_split: bool = False, classes: Sequence[str] | None = None, sheet: Found | None = None
) -> Audit:
    """`examine` a data set in any layout that `layouts.layout` knows.

    Args:
        root: the data set's folder.
        before_split: look at the folders of classes, where there are any, although they have been split already.
        classes: see `find_folders`.
        sheet: look at what a label sheet says instead; of `find_sheet`.
    """
    if sheet is not None:
        parts = {"all": sheet.records} if sheet.parts is None else sheet.parts._asdict()
        return Audit(f"the photographs of {sheet.place}", examine(parts))
    layouts.refuse_masks(root)
    layout = layouts.layout(root)
    if layout == "folders" or (before_split and layout == "tables" and has_class_folders(root)):
        findings = examine({"all": read_folders(root, classes=classes)})
        findings += [Finding("picture in no class", False, note) for note in layouts.in_no_class(root)]
        return Audit(f"the folders of classes in {root}", findings)
    if classes is not None:
        raise InputError(f"--classes {','.join(classes)}: {root} is no folder of class folders; leave it out")
    parts = layouts.read(root)
    findings = examine(parts._asdict())
    findings += [Finding("passed over", False, note) for note in layouts.LAYOUTS[layout].passed_over(root)]
    findings += [Finding("patients", False, note) for note in layouts.patients_in_one(parts)]
    return Audit(f"{layouts.LAYOUTS[layout].described} in {root}", findings)


def require_own_list(path: Path) -> None:
    """Raise an InputError if there is a file at ``path`` that `write_list` did not write, and would be replaced."""
    if path.exists() and not read_ordinary(path, 64, "a list of files").startswith(_OF_LISTS.encode()):
        why = "this was not made by tools/audit.py, or by an earlier version"
        raise InputError(f"--fix-list {path}: {why}, and is not replaced; remove it, or give another file")


def write_list(path: Path, files: Iterable[Path]) -> None:
    """Write files as seen from the list's own folder, one in a line, below a line that says what it is."""
    lines = [Path(os.path.relpath(file, path.parent)).as_posix() for file in set(files)]
    names = (f"{'./' if line.startswith('#') else ''}{line}\n" for line in sorted(lines))
    write_text(path, "".join((f"{_OF_LISTS}\n", *names)))


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
