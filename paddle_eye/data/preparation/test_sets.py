"""Labelled photographs that a finished network is measured on: its own data set's, or a stranger's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from paddle_eye.data.preparation.steps import find_sheet
from paddle_eye.data.records import RecordSet
from paddle_eye.data.sources import layouts
from paddle_eye.data.sources.folders import require_no_eyes
from paddle_eye.data.sources.layouts import TestPart
from paddle_eye.data.sources.part_names import key
from paddle_eye.errors import InputError


@dataclass(frozen=True)
class Place:
    """Where labelled photographs, or pictures and masks, are that a network is measured on.

    Args:
        path: the data set's folder.
        sheet: how to read its label sheet, settings of `find_sheet`; empty without one.
        names: what the network calls a class, by what the data set calls it.
    """

    path: Path
    sheet: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


def read_test_part(place: Place, known: Sequence[str] | None) -> TestPart:
    """The photographs of a place, their classes matched with those of a network by name.

    Args:
        place: where they are.
        known: the network's classes; None takes those of the data set.

    Raises:
        InputError: the data has faults, or classes that the network does not know.
    """
    if place.sheet:
        found = find_sheet(place.path, **place.sheet)
        asked = place.sheet.get("split_column") or place.sheet.get("test_sheet")
        if found.parts is not None and asked:
            part = TestPart(found.parts.validation, found.notes, False)
        else:
            notes = ["the sheet is divided, and all of it is measured; --split-column measures the test part alone"]
            part = TestPart(found.records, [*found.notes, *notes[: found.parts is not None]], True)
    else:
        part = layouts.read_test(place.path)
    if known is not None:
        return _matched(part, tuple(known), place)
    if place.names:
        named = " ".join(f"--map {name}={own}" for name, own in place.names.items())
        raise InputError(f"{named}: the network's file does not name its classes; name them, with convert_weights.py")
    require_no_eyes(place.path, part.records.classes)
    return part


def _matched(part: TestPart, known: tuple[str, ...], place: Place) -> TestPart:
    """The photographs with the network's labels."""
    records, counts = part.records, part.records.counts()
    foreign = [f"{name}={own}" for name, own in place.names.items() if name not in counts or own not in known]
    if foreign:
        there = f"{place.path} has {', '.join(counts)}, the network knows {', '.join(known)}"
        what = "a class of the data before the =, and one of the network behind it; once for each class"
        raise InputError(f"--map {foreign[0]}: expected {what}; {there}")
    alike = {key(name): name for name in known}
    own_name = {name: place.names.get(name) or alike.get(key(name)) for name in counts}
    unknown = [name for name, own in own_name.items() if own is None and counts[name]]
    if unknown and not records.several_labels:
        raise InputError(
            f"{place.path}: the network knows {len(known)} classes, {list(known)}, and not {unknown}; say which they "
            "are with --map NAME=KNOWN, in Python with names={NAME: KNOWN}"
        )
    having = {own for name, own in own_name.items() if own is not None and (counts[name] or records.several_labels)}
    missing = [name for name in known if name not in having]
    if missing and records.several_labels:
        raise InputError(
            f"{place.path}: it does not say who has {', '.join(missing)}, which the network knows; say what they are "
            "called there with --map NAME=KNOWN, in Python with names={NAME: KNOWN}"
        )
    notes = list(part.notes)
    if missing:
        there = f"no photographs of {', '.join(missing)} in {place.path}"
        notes.append(f"{there}; mean recall and AUC are of the others, other means count what is taken for one")
    if unknown:
        notes.append(f"the network does not know {', '.join(unknown)} of {place.path}; they are passed over")
    number = {own: label for label, own in enumerate(known)}
    labels = [number.get(own_name[name]) for name in records.classes]

    def relabelled(label: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if not isinstance(label, tuple):
            return labels[label]
        shown = {own for own, given in zip(labels, label) if given}
        return tuple(int(own in shown) for own in range(len(known)))

    mapped = tuple(replace(record, label=relabelled(record.label)) for record in records.records)
    return TestPart(RecordSet(known, mapped), notes, part.whole)
