"""Setting examples aside: by class, and with all photographs of a patient on one side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from paddle_eye.data.duplicates import Groups, same_pictures
from paddle_eye.data.examination import examine_pictures
from paddle_eye.data.patients import written_alike
from paddle_eye.data.records import RecordSet
from paddle_eye.errors import InputError, raise_faults

_ATTEMPTS = 10


def set_aside(record_set: RecordSet, share: float, seed: int, asked: str) -> tuple[RecordSet, RecordSet]:
    """Split off ``share`` of each class, whole patients only, the same records for the same seed.

    Patients are taken in random order, each one if that brings the classes nearer to their shares, so that a class
    misses its share by no more than a patient's photographs. A class that ought to give some, but whose every patient
    has too many, gives the patient with the fewest.

    Args:
        record_set: what to split; a record without a group is a patient of its own.
        share: above 0 and below 1.
        seed: of the order.
        asked: how the person asked for it, for the message.

    Returns:
        What is left and what was set aside, both in the order of the records.

    Raises:
        InputError: a class would be missing on one side.
    """
    generator = np.random.default_rng(seed)
    shows, groups = _shows(record_set), _groups(record_set)
    wanted = np.round(share * shows.sum(axis=0)).astype(int)
    brings = np.zeros((groups.max() + 1, shows.shape[1]), dtype=int)
    np.add.at(brings, groups, shows)
    taken = np.zeros(len(brings), dtype=bool)
    for group in generator.permutation(len(brings)):
        if np.abs(wanted - brings[group]).sum() < np.abs(wanted).sum():
            wanted -= brings[group]
            taken[group] = True
    sizes = np.bincount(groups)
    for label in np.flatnonzero(wanted > 0):
        of_class = np.flatnonzero(brings[:, label])
        if not taken[of_class].any():
            taken[of_class[sizes[of_class].argmin()]] = True
    aside = taken[groups]
    parts = record_set.subset(np.flatnonzero(~aside)), record_set.subset(np.flatnonzero(aside))
    _require_all_classes(*parts, asked)
    return parts


def folds(record_set: RecordSet, count: int, seed: int, asked: str) -> list[tuple[RecordSet, RecordSet]]:
    """Training and test part of each fold of a stratified, grouped cross-validation.

    Raises:
        InputError: a class would be missing on one side of a fold.
    """
    labels, groups = _labels(record_set), _groups(record_set)
    if groups.max() + 1 < count:
        raise InputError(f"{asked}: there are {groups.max() + 1} patients only")
    smallest = min(record_set.counts().values())
    if smallest < count:
        raise InputError(f"{asked}: the smallest class has {smallest} photographs only")
    for attempt in range(_ATTEMPTS):  # now and then a class is missing in a fold, which the next division mends
        splitter = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=seed + attempt)
        parts = [
            (record_set.subset(training), record_set.subset(test))
            for training, test in splitter.split(labels, labels, groups)
        ]
        try:
            for part in parts:
                _require_all_classes(*part, asked)
        except InputError as error:
            failed = error
        else:
            return parts
    raise failed


def shuffled(record_set: RecordSet, seed: int) -> RecordSet:
    """The records in random order."""
    return record_set.subset(np.random.default_rng(seed).permutation(len(record_set)))


def join_same_pictures(record_set: RecordSet) -> RecordSet:
    """The records with groups that also join the files of one picture, however they are named.

    Raises:
        InputError: pictures that cannot be decoded; all of them in one message.
    """
    records = record_set.records
    examined = examine_pictures([record.image for record in records])
    raise_faults("pictures", examined.faults.values(), "replace them or take them out of the data set")
    same = same_pictures(examined.fingerprints_of([record.image for record in records]))
    patients, joined = _groups(record_set), Groups(len(records))
    for first, *others in [*same.pairs, *same.groups]:
        for other in others:
            joined.join(patients[first], patients[other])
    groups = joined.of[patients].tolist()
    names: dict[int, str] = {}
    for record, group in zip(records, groups):
        if record.group is not None:
            names[group] = min(names.get(group, record.group), record.group)
    for record, group in zip(records, groups):
        if joined.sizes[group] > 1:
            names.setdefault(group, written_alike("/".join(record.image.parts[-2:])))
    named = [replace(record, group=names.get(group)) for record, group in zip(records, groups)]
    return replace(record_set, records=tuple(named))


def _shows(record_set: RecordSet) -> np.ndarray:
    """What each record shows, int [N, C] of 0 and 1; one more column for those that show nothing, where that can be."""
    shows = np.zeros((len(record_set), len(record_set.classes) + record_set.several_labels), dtype=np.int64)
    for row, record in zip(shows, record_set.records):
        row[list(record_set.shown(record) or (-1,))] = 1
    return shows


def _labels(record_set: RecordSet) -> np.ndarray:
    """One label for each record, int [N]: its class, or the rarest of those that it shows."""
    shows = _shows(record_set)
    return np.where(shows == 1, shows.sum(axis=0), len(shows) + 1).argmin(axis=1)


def _groups(record_set: RecordSet) -> np.ndarray:
    """A number per record, equal for the records of one group, counted from 0."""
    numbers: dict[object, int] = {}
    keys = [index if record.group is None else record.group for index, record in enumerate(record_set.records)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def _require_all_classes(training: RecordSet, test: RecordSet, asked: str) -> None:
    for name, count in test.counts().items():
        remaining = training.counts()[name]
        if not count and not remaining:
            raise InputError(f"{asked}: no photograph is of class {name!r}; take the class out, or mend the labels")
        if count + remaining == 1:
            label, both = training.classes.index(name), (*training.records, *test.records)
            image = next(record.image for record in both if label in training.shown(record))
            raise InputError(
                f"{asked}: only {image} is of class {name!r}, and each side needs one; if it is misspelt there, mend it"
            )
        if not count or not remaining:
            raise InputError(
                f"{asked}: sets {count} of {count + remaining} photographs of class {name!r} aside; "
                "photographs of every class are needed on both sides, and those of one patient stay together (--group)"
            )
